"""Published documents as the models they were written from.

Belongs here: the difference between nothing published, a document, and one that cannot be read. Not here: what is
shown of it (sections), what follows from it (judgement).

A document lies on a disk and may be of another version of the program. It is validated as a whole, once; what does not
validate is said to be unreadable, and the rest of the page stands.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from amc_learning.contracts.documents import CorrectionsDocument, DailyReport, WeightsDocument
from amc_learning.contracts.documents.names import CORRECTIONS_DOCUMENT, REPORT_DOCUMENT, WEIGHTS_DOCUMENT

_HASH_FIELD = "sha256"
"""Field of every stored document that covers the others; no model has it."""

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class Reading(Generic[Model]):
    """One document: `document` is None when nothing is published, or, with `is_published`, when it cannot be read."""

    name: str
    document: Model | None
    is_published: bool

    @property
    def is_unreadable(self) -> bool:
        """There is something, and it is not what it should be."""
        return self.is_published and self.document is None


@dataclass(frozen=True)
class Readings:
    """The documents that the page shows the contents of."""

    weights: Reading[WeightsDocument]
    corrections: Reading[CorrectionsDocument]
    report: Reading[DailyReport]
    last_change: WeightsDocument | None
    shadow_weights: WeightsDocument | None = None
    in_shadow: Mapping[str, str] = field(default_factory=dict)
    """Document in shadow to the day since when, or `the beginning`."""

    @property
    def is_anything_published(self) -> bool:
        """Whether any of them exists, readable or not."""
        return any(one.is_published for one in (self.weights, self.corrections, self.report))

    @property
    def unreadable(self) -> list[str]:
        """Names of the documents that cannot be read."""
        return [one.name for one in (self.weights, self.corrections, self.report) if one.is_unreadable]


def read(
    documents: Mapping[str, Mapping[str, Any] | None],
    *,
    last_weight_change: Mapping[str, Any] | None = None,
    in_shadow: Mapping[str, Mapping[str, Any]] | None = None,
) -> Readings:
    """The documents that the page shows the contents of, each validated.

    Args:
        documents: name to document as it was stored, or None.
        last_weight_change: the weights document of the last change.
        in_shadow: name to document of those in shadow.

    Returns:
        One reading per document. The last change is the current document when that moved weights.
    """
    weights, shadow = _reading(documents, WEIGHTS_DOCUMENT, WeightsDocument), in_shadow or {}
    return Readings(
        weights=weights,
        corrections=_reading(documents, CORRECTIONS_DOCUMENT, CorrectionsDocument),
        report=_reading(documents, REPORT_DOCUMENT, DailyReport),
        last_change=_last_change(weights.document, last_weight_change),
        shadow_weights=_reading(shadow, WEIGHTS_DOCUMENT, WeightsDocument).document,
        in_shadow={name: str(document.get("mode_since") or "the beginning") for name, document in shadow.items()},
    )


def _last_change(current: WeightsDocument | None, earlier: Mapping[str, Any] | None) -> WeightsDocument | None:
    if current is not None and current.improvement.information_coefficient is not None:
        return current
    return None if earlier is None else _validated(earlier, WeightsDocument)


def _reading(documents: Mapping[str, Mapping[str, Any] | None], name: str, model: type[Model]) -> Reading[Model]:
    stored = documents.get(name)
    if stored is None:
        return Reading(name, None, is_published=False)
    return Reading(name, _validated(stored, model), is_published=True)


def _validated(stored: Mapping[str, Any], model: type[Model]) -> Model | None:
    try:
        return model.model_validate({field: value for field, value in stored.items() if field != _HASH_FIELD})
    except ValidationError:
        return None
