"""Stored documents for an answer, or a refusal that says that publishing them again mends it.

Belongs here: the refusal. Not here: understanding a document (stages.stored_documents), finding and verifying it
(shelf, publications).
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from amc_learning.service.answers import Refusal
from amc_learning.stages import stored_documents
from amc_learning.warehouse.errors import CorruptDocument

Model = TypeVar("Model", bound=BaseModel)

RETRY_AFTER_SECONDS = 60


def understood(model: type[Model], document: Mapping[str, Any], *, name: str, remedy: str) -> Model:
    """The document as this model.

    Args:
        model: what it was published as.
        document: as stored, its hash included.
        name: it was published under.
        remedy: the command that publishes it anew, but for the day.

    Raises:
        Refusal: its fields are not those of this version; 503, because publishing it anew mends it.
    """
    try:
        return stored_documents.understood(model, document, name=name, day=document["known_on"], remedy=remedy)
    except CorruptDocument as error:
        raise Refusal.for_now(str(error), retry_after_seconds=RETRY_AFTER_SECONDS) from error
