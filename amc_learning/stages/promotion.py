"""A person's order about a document: that it acts from today on (promote), or that it is only looked at (demote).

Belongs here: what was learned in shadow, when an order is refused, carrying it out. Not here: how the mode of a day
follows from orders (learning.modes), what a document is in shadow (decide, publish, night).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import polars as pl
from pydantic import BaseModel

from amc_learning.contracts.documents import ConfidenceDocument, CorrectionsDocument, WeightsDocument
from amc_learning.contracts.documents.names import (
    CONFIDENCE_DOCUMENT,
    CORRECTIONS_DOCUMENT,
    SWITCHED_DOCUMENTS,
    WEIGHTS_DOCUMENT,
)
from amc_learning.contracts.knowledge_days import knowledge_day
from amc_learning.learning.effectiveness.changes import IN_FORCE
from amc_learning.learning.effectiveness.judgement import HARMED
from amc_learning.learning.modes import ACTIVE, SHADOW
from amc_learning.learning.weights.projection import project_bounded
from amc_learning.settings import Settings
from amc_learning.stages.decide import decide_days, standing_weights
from amc_learning.stages.modes import modes_of
from amc_learning.stages.orders import OrderError, is_last_decision_held
from amc_learning.stages.publish import publish_days, published_on
from amc_learning.stages.publish_documents import (
    publish_confidence,
    publish_corrections,
    publish_recommendations,
    publish_regimes,
)
from amc_learning.stages.stored_documents import understood
from amc_learning.warehouse import Warehouse

CHANGE_FIELDS = (
    "began_on",
    "last_step_on",
    "state",
    "most_changed_component",
    "most_changed_by",
    "promised",
    "realised",
    "realised_ci_low",
    "realised_ci_high",
    "n_days",
    "verdict",
)
MAP_FIELDS = (
    "source",
    "recommendation",
    "status",
    "method",
    "multiplier",
    "brier_sent",
    "brier_calibrated",
    "n_theses",
)
SHOWN_AS: Mapping[str, type[BaseModel]] = {
    WEIGHTS_DOCUMENT: WeightsDocument,
    CONFIDENCE_DOCUMENT: ConfidenceDocument,
    CORRECTIONS_DOCUMENT: CorrectionsDocument,
}
CORRECTION_FIELDS = ("name", "kind", "target", "factor", "raise_points", "severity", "expires_on", "verdict")


@dataclass(frozen=True)
class Walk:
    """The way from the weights in force to those that would be.

    Attributes:
        in_force: what discovery was last told.
        would_be: what would be in force.
        largest_distance: of one weight.
        n_nights: knowledge days until the way is done, if nothing more is learned on it.
    """

    in_force: Mapping[str, float]
    would_be: Mapping[str, float]
    largest_distance: float
    n_nights: int


@dataclass(frozen=True)
class ShadowAccount:
    """What a document in shadow has learned, for the person who lets it act.

    Attributes:
        document: its name.
        since: day on which it was ordered into shadow; None when it began in it.
        first_night, last_night, n_nights: its documents in shadow since then.
        findings: the changes of the weights with their verdicts, the calibration maps, or the corrections.
        walk: of the weights only.
        harm: why it should not act now, in a sentence; None when nothing speaks against it.
    """

    document: str
    since: date | None
    first_night: date
    last_night: date
    n_nights: int
    findings: Sequence[Mapping[str, Any]]
    walk: Walk | None
    harm: str | None


@dataclass(frozen=True)
class PublicationOrder:
    """The document and its mode from today on; by whom, with the person's reason."""

    document: str
    mode: str
    ordered_by: str
    reason: str


def shadow_account(warehouse: Warehouse, settings: Settings, document: str, today: date) -> ShadowAccount:
    """What was learned in shadow.

    Raises:
        OrderError: the document has no mode, is not in shadow, or nothing of it was published in shadow.
        CorruptDocument: what was published in shadow was written by another version.
    """
    _refuse_unknown(document)
    modes = modes_of(warehouse, settings, today)[document]
    since = modes.since(today)
    if modes.on(today) != SHADOW:
        said = f" since {since}" if since else ""
        raise OrderError(f"the {document} are active{said}: there is nothing to promote; see: amc-learning status")
    nights = [day for day in warehouse.publications.shadow.history(document) if since is None or day >= since]
    published = published_on(warehouse, document, nights[-1]) if nights else None
    if published is None:
        raise OrderError(
            f"no {document} are published in shadow yet: there is nothing to judge; run a night first: "
            "amc-learning run daily"
        )
    understood(SHOWN_AS[document], published, name=document, day=nights[-1])
    findings, walk, harm = _learned(warehouse, settings, document, published, first=nights[0])
    return ShadowAccount(document, since, nights[0], nights[-1], len(nights), findings, walk, harm)


def carry_out_publication(
    warehouse: Warehouse,
    settings: Settings,
    order: PublicationOrder,
    *,
    requested_at: datetime,
    despite_harm: bool = False,
) -> dict[str, Any]:
    """Record the order and carry it out for today's knowledge day; today's document.

    Today's night comes to the same, because the order is known by then.

    Raises:
        OrderError: the document is in that mode already, nothing was published in shadow, a rollback holds the weights
            to be promoted, or what was learned in shadow is judged to do harm, unless `despite_harm`. Nothing of the
            order was kept.
    """
    today = knowledge_day(requested_at)
    if order.mode == ACTIVE:
        account = shadow_account(warehouse, settings, order.document, today)
        if order.document == WEIGHTS_DOCUMENT:
            _refuse_while_held(warehouse)
        if account.harm is not None and not despite_harm:
            raise OrderError(
                f"the {order.document} are not promoted: {account.harm}. Wait until it is taken back, or promote all "
                f"the same: amc-learning promote {order.document} --force"
            )
    else:
        _refuse_unknown(order.document)
        modes = modes_of(warehouse, settings, today)[order.document]
        if modes.on(today) == SHADOW:
            raise OrderError(f"the {order.document} are in shadow already; nothing was changed")
        if not warehouse.table("weight_decisions").days():
            # Decided today, no earlier night could be decided any more without all days up to today.
            raise OrderError(
                f"nothing was decided yet, so nobody was told anything of the {order.document}: to begin in shadow set "
                f"AMC_LEARNING_PUBLICATION__{order.document.upper()}_MODE=shadow before the first night"
            )
    row = {
        "known_on": today,
        "requested_at": requested_at,
        "document": order.document,
        "mode": order.mode,
        "ordered_by": order.ordered_by,
        "reason": order.reason,
    }
    orders = warehouse.catalogue["publication_orders"]
    warehouse.table(orders.name).merge(pl.DataFrame([row], schema=orders.schema))
    _publish_today(warehouse, settings, today)
    return published_on(warehouse, order.document, today) or {}


def _publish_today(warehouse: Warehouse, settings: Settings, today: date) -> None:
    """Everything that may say something else from today on: what has a mode, and what repeats its numbers."""
    decide_days(warehouse, settings, [today])
    publish_days(warehouse, settings, [today])
    publish_regimes(warehouse, settings, [today])
    publish_corrections(warehouse, settings, [today])
    publish_confidence(warehouse, settings, [today])
    publish_recommendations(warehouse, settings, [today])


def _refuse_unknown(document: str) -> None:
    if document not in SWITCHED_DOCUMENTS:
        raise OrderError(f"{document!r} is always active; those with a mode are: {', '.join(SWITCHED_DOCUMENTS)}")


def _learned(
    warehouse: Warehouse, settings: Settings, document: str, published: Mapping[str, Any], *, first: date
) -> tuple[list[dict[str, Any]], Walk | None, str | None]:
    if document == CONFIDENCE_DOCUMENT:
        return [{name: one[name] for name in MAP_FIELDS} for one in published["maps"]], None, None
    if document == CORRECTIONS_DOCUMENT:
        # What they are measured by is what happened without them: no harm of theirs could be in it.
        held = [one for one in published["proposed"] if one["status"] == SHADOW]
        return [{name: one[name] for name in CORRECTION_FIELDS} for one in held], None, None
    judged = _changes_since(warehouse, first)
    findings = judged.select(CHANGE_FIELDS).to_dicts()
    return findings, _walk(warehouse, settings), _harm(warehouse, judged)


def _changes_since(warehouse: Warehouse, first: date) -> pl.DataFrame:
    """Changes of the learned weights in shadow, as the last night judged them, newest first."""
    table = warehouse.table("learning_effectiveness")
    night = table.days()[-1:]
    if not night:
        return table.table.empty()
    return table.read(night[0], night[0]).filter(pl.col("last_step_on") >= first).sort("began_on", descending=True)


def _harm(warehouse: Warehouse, judged: pl.DataFrame) -> str | None:
    """Why the weights should not act now: a change judged harmful is in force, or on its way back."""
    harmful = judged.filter((pl.col("state") == IN_FORCE) & (pl.col("verdict") == HARMED))
    decided = warehouse.table("weight_decisions")
    last = decided.read(decided.days()[-1], None, columns=["taken_back_change"])
    harmful_since = [*harmful["began_on"], *last["taken_back_change"].drop_nulls()]
    if not harmful_since:
        return None
    return f"the change of {harmful_since[0]} is judged to do harm, and is being taken back"


def _refuse_while_held(warehouse: Warehouse) -> None:
    """A rollback holds what discovery was told on its target day: of a day in shadow that is not what was looked at."""
    if is_last_decision_held(warehouse):
        raise OrderError(
            "the weights are not promoted: a rollback holds them, and after a promotion it would hold what discovery "
            "was told on that day, not what the shadow shows. Release it first: amc-learning weights release"
        )


def _walk(warehouse: Warehouse, settings: Settings) -> Walk:
    left = standing_weights(warehouse, date.max)
    names = settings.features.components
    in_force, would_be = dict(left.in_force or {}), dict(left.would_be or {})
    at, target = (np.array([weights[name] for name in names]) for weights in (in_force, would_be))
    largest, n_nights = float(np.abs(target - at).max()), 0
    while not np.array_equal(at, target):
        step = project_bounded(target, at, daily_limit=settings.weights.daily_limit, cap=settings.weights.cap)
        if np.array_equal(step, at):
            break
        at, n_nights = step, n_nights + 1
    return Walk(in_force, would_be, largest, n_nights)
