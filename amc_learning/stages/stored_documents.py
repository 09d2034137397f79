"""Published documents as what they were published to be, or a refusal with the field and the remedy.

Belongs here: understanding a document whose hash is right but whose fields may be those of another version. Not here:
finding and verifying it (publications), the answer over HTTP that it cannot be used (service.stored).
"""

from collections.abc import Mapping
from datetime import date
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from amc_learning.warehouse.errors import CorruptDocument
from amc_learning.warehouse.publications import HASH_FIELD

Model = TypeVar("Model", bound=BaseModel)


def understood(
    model: type[Model],
    document: Mapping[str, Any],
    *,
    name: str,
    day: date | str,
    part: str = "",
    remedy: str = "amc-learning run daily --date",
) -> Model:
    """The document, or a part of it, as this model.

    Args:
        model: what it was published as.
        document: as stored, its hash included.
        name: it was published under.
        day: it was published for.
        part: the field that holds what is wanted; empty for all of it.
        remedy: the command that publishes it anew, but for the day.

    Raises:
        CorruptDocument: its fields are not those of this version; says which, and the command that publishes it anew.
    """
    fields = document.get(part) if part else {key: value for key, value in document.items() if key != HASH_FIELD}
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, (*([part] if part else []), *first["loc"])))
        raise CorruptDocument(
            f"the stored {name} of {day} was written by another version: {where}: {first['msg']}; it is not used. "
            f"Publish it again: {remedy} {day}"
        ) from error
