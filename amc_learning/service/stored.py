"""Stored documents as what they were published to be, or a refusal with the remedy.

Belongs here: understanding a document whose hash is right but whose fields may be those of another version. Not here:
finding and verifying it (shelf, publications).
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from amc_learning.service.answers import Refusal
from amc_learning.warehouse.publications import HASH_FIELD

Model = TypeVar("Model", bound=BaseModel)

RETRY_AFTER_SECONDS = 60


def understood(model: type[Model], document: Mapping[str, Any], *, remedy: str) -> Model:
    """The document as this model.

    Args:
        model: what it was published as.
        document: as stored, its hash included.
        remedy: the command that publishes it anew.

    Raises:
        Refusal: its fields are not those of this version; 503, because publishing it anew mends it.
    """
    try:
        return model.model_validate({name: value for name, value in document.items() if name != HASH_FIELD})
    except ValidationError as error:
        first = error.errors()[0]
        raise Refusal.for_now(
            f"the stored document was written by another version: {'.'.join(map(str, first['loc']))}: {first['msg']}; "
            f"publish it again: {remedy}",
            retry_after_seconds=RETRY_AFTER_SECONDS,
        ) from error
