"""The OpenAPI document, made from the table of routes.

Belongs here: from operations to OpenAPI 3.1. Not here: the routes, the models.
"""

from collections.abc import Sequence
from typing import Any

from pydantic.json_schema import models_json_schema

from amc_learning import __version__
from amc_learning.service import examples
from amc_learning.service.answers import JSON, PROBLEM, TITLES
from amc_learning.service.collector import LONGEST_KEY
from amc_learning.service.routes import Operation

Node = dict[str, Any]

SCHEMAS = "#/components/schemas/"
PROBLEMS_OF_ALL = (401, 403, 421, 429, 500, 503)
PROBLEMS_OF_EVENTS = (400, 408, 409, 413, 415, 422)


def openapi_document(operations: Sequence[Operation]) -> Node:
    """OpenAPI 3.1 of these operations, with an example for each."""
    models = {model for one in operations for model in (one.sends, one.answers) if model is not None}
    ordered = sorted(models, key=lambda model: model.__name__)
    _, definitions = models_json_schema([(model, "validation") for model in ordered], ref_template=SCHEMAS + "{model}")
    for model in {one.answers for one in operations if one.flow == "intelligence" and one.answers is not None}:
        definitions["$defs"][model.__name__]["properties"] |= _ADDED
    paths: dict[str, Node] = {}
    for one in operations:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "amc_learning",
            "version": __version__,
            "description": "Events in, learned parameters out. Nothing here trades.",
        },
        "paths": paths,
        "components": {
            "schemas": {**definitions.get("$defs", {}), "Problem": _PROBLEM, "NothingPublished": _NOTHING_PUBLISHED},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"key": []}, {}],
    }


def _operation(one: Operation) -> Node:
    return {
        "operationId": "_".join([one.method.lower(), *(part.strip("{}") for part in one.path.split("/") if part)]),
        "summary": one.summary,
        "description": one.description,
        "tags": [one.tag],
        **({"parameters": _parameters(one)} if one.parameters or one.method == "POST" else {}),
        **({"requestBody": _body(one)} if one.sends else {}),
        "responses": _responses(one),
    }


def _parameters(one: Operation) -> list[Node]:
    listed: list[Node] = [
        {
            "name": parameter.name,
            "in": parameter.place,
            "required": parameter.place == "path",
            "description": parameter.description,
            "schema": {"type": "string"},
            "example": parameter.example,
        }
        for parameter in one.parameters
    ]
    if one.method == "POST":
        key = "The sender's key of this event: the same key is stored once."
        schema = {"type": "string", "maxLength": LONGEST_KEY}
        listed.append({"name": "Idempotency-Key", "in": "header", "description": key, "schema": schema})
    return listed


def _body(one: Operation) -> Node:
    """The declared shape first; any other object or list is taken too, understood or kept apart."""
    assert one.sends is not None
    shapes = [{"$ref": SCHEMAS + one.sends.__name__}, {"type": "object"}, {"type": "array", "items": {}}]
    content = {JSON: {"schema": {"anyOf": shapes}, "example": one.sent_example}}
    return {"required": not one.takes_parameters_alone, "content": content}


def _responses(one: Operation) -> Node:
    if one.method == "POST":
        found: Node = {"202": _accepted()}
        problems: tuple[int, ...] = PROBLEMS_OF_EVENTS
    else:
        found = {"200": _given(one)}
        if one.has_etag:
            found["304"] = {"description": "Not changed since the version named by If-None-Match."}
        problems = (404,) if any(parameter.place == "path" for parameter in one.parameters) else ()
    for status in sorted({*problems, *PROBLEMS_OF_ALL}):
        found[str(status)] = {
            "description": TITLES[status],
            "content": {PROBLEM: {"schema": {"$ref": SCHEMAS + "Problem"}}},
        }
    if one.path == "/readyz":
        found["503"] = {"description": "Not ready.", "content": {JSON: {"schema": {"type": "object"}}}}
    return found


def _accepted() -> Node:
    return {
        "description": "Durable. status is accepted, or quarantined with the reason.",
        "content": {
            JSON: {
                "schema": _ACCEPTED,
                "examples": {"accepted": {"value": examples.ACCEPTED}, "quarantined": {"value": examples.QUARANTINED}},
            }
        },
    }


def _given(one: Operation) -> Node:
    if one.media != JSON:
        return {"description": one.summary, "content": {one.media: {"schema": {"type": "string"}}}}
    schema: Node = {"type": "object"}
    if one.answers is not None:
        schema = {"$ref": SCHEMAS + one.answers.__name__}
        if one.flow == "intelligence":
            schema = {"anyOf": [schema, {"$ref": SCHEMAS + "NothingPublished"}]}
    return {"description": one.summary, "content": {JSON: {"schema": schema, "example": one.example}}}


_ADDED: Node = {
    "sha256": {"type": "string", "description": "Of the published document; a view by regime has none."},
    "regime_note": {"type": "string", "description": "Of a view by regime: what its weights are."},
}
"""What is published or given carries beside what its model says."""

_PROBLEM: Node = {
    "type": "object",
    "description": "What is wrong, where, and what to do (RFC 9457).",
    "required": ["type", "title", "status", "detail", "success"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "success": {"const": False},
        "field": {"type": "string", "description": "Field or header to blame."},
        "quarantine_id": {"type": "string", "description": "amc-learning quarantine show ID."},
        "event_id": {"type": "string"},
    },
    "example": examples.PROBLEM,
}

_NOTHING_PUBLISHED: Node = {
    "type": "object",
    "description": "Nothing is published yet.",
    "required": ["success", "status", "document", "reason", "data"],
    "properties": {
        "success": {"const": False},
        "status": {"const": "nothing_published"},
        "document": {"type": "string"},
        "reason": {"type": "string"},
        "data": {"type": "null"},
    },
    "example": examples.NOTHING_PUBLISHED,
}

_ACCEPTED: Node = {
    "type": "object",
    "required": ["success", "status", "event_id", "duplicate", "warnings"],
    "properties": {
        "success": {"const": True},
        "status": {"enum": ["accepted", "quarantined"]},
        "event_id": {"type": ["string", "null"]},
        "duplicate": {"type": "boolean"},
        "warnings": {"type": "array", "items": {"type": "string"}},
        "quarantine_id": {"type": "string"},
        "field": {"type": "string"},
        "reason": {"type": "string"},
    },
}
