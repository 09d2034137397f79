"""JSON Schemas of the documents as files of the package, as they are published beside the documents.

Belongs here: making the files and reading them. Not here: what a document says (its model), publishing (warehouse).

Making the schemas of a night's documents takes longer than writing the documents, and they change with the models only.
After a change to a model, `python -m amc_learning.contracts.documents.schema_files` writes them again.
"""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from amc_learning.contracts import documents

FOLDER = Path(__file__).with_name("schemas")


def published_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema of a document's model, from its file.

    Args:
        model: one of `document_models`.

    >>> published_schema(documents.WeightsDocument)["title"]
    'WeightsDocument'
    """
    schema: dict[str, Any] = json.loads(_file(model).read_bytes())
    return schema


def document_models() -> tuple[type[BaseModel], ...]:
    """The models of all published documents."""
    return tuple(getattr(documents, name) for name in documents.__all__)


def write_schemas() -> None:
    """Write the file of every model."""
    for model in document_models():
        text = json.dumps(model.model_json_schema(), indent=2, sort_keys=True, ensure_ascii=False)
        _file(model).write_text(text + "\n")


def _file(model: type[BaseModel]) -> Path:
    return FOLDER / f"{model.__name__}.json"


if __name__ == "__main__":
    write_schemas()
