"""Published discovery parameters: what the server's answer says, and whether it can be used.

Belongs here: understanding and judging, pure. Not here: asking the server, keeping the last good ones (reading).
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

Source = Literal["published", "cached", "default"]

SUM_TOLERANCE = 0.01
"""Published weights are rounded; they still sum to 1 within this."""

MAX_NAME_CHARACTERS = 200


@dataclass(frozen=True)
class ParametersRead:
    """What one read handed out, and why.

    parameters: as handed out. source: published (the server's word now), cached (its last word) or default (the
    caller's own). version: of the published parameters; None for defaults. reason: one sentence.
    """

    parameters: Mapping[str, Any]
    source: Source
    version: str | None
    reason: str


@dataclass(frozen=True)
class Published:
    """Parameters as published, and when the server last said that they are current."""

    parameters: Mapping[str, float]
    version: str | None
    etag: str | None
    confirmed_at: datetime


class NotPublishedError(Exception):
    """The answer is the server's, and holds no parameters; the message says why."""


class NotUnderstoodError(Exception):
    """The answer is no answer of the learning system."""


def published(body: bytes, *, etag: str | None, confirmed_at: datetime) -> Published:
    """The parameters in an answer.

    Raises:
        NotPublishedError: the server says it has none.
        NotUnderstoodError: anything else than the documented answer.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NotUnderstoodError("the answer is not JSON") from error
    if not isinstance(document, dict) or not isinstance(document.get("success"), bool):
        raise NotUnderstoodError("the answer does not say whether it is a success")
    if not document["success"]:
        raise NotPublishedError(f"nothing is published: {_name(document.get('status')) or 'no status'}")
    data = document.get("data")
    parameters = data.get("optimized_parameters") if isinstance(data, dict) else None
    if not isinstance(parameters, dict):
        raise NotUnderstoodError("the answer holds no optimized_parameters")
    return Published(parameters, _name(document.get("parameters_version")), _name(etag), confirmed_at)


def chosen(parameters: Mapping[str, Any], names: list[str]) -> dict[str, float] | str:
    """The parameters of these names, or what is wrong with them.

    >>> chosen({"a_weight": 0.5, "b_weight": 0.5, "other": 1}, ["a_weight", "b_weight"])
    {'a_weight': 0.5, 'b_weight': 0.5}
    >>> chosen({"a_weight": 0.5}, ["a_weight", "b_weight"])
    'b_weight is missing'
    >>> chosen({"a_weight": 0.5, "b_weight": 0.4}, ["a_weight", "b_weight"])
    'they sum to 0.9, not to 1'
    """
    missing = [name for name in names if name not in parameters]
    if missing or not names:
        return f"{missing[0]} is missing" if missing else "no parameter was asked for"
    values = {name: parameters[name] for name in names}
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            return f"{name} is no number"
        if not 0 <= value <= 1:
            return f"{name} lies outside 0 to 1"
    total = math.fsum(values.values())
    return values if abs(total - 1) <= SUM_TOLERANCE else f"they sum to {total:.6g}, not to 1"


def kept_form(last: Published) -> bytes:
    """As the spool folder keeps it."""
    return json.dumps(
        {
            "parameters": dict(last.parameters),
            "parameters_version": last.version,
            "etag": last.etag,
            "confirmed_at": last.confirmed_at.isoformat(),
        }
    ).encode()


def from_kept_form(content: bytes) -> Published | None:
    """What `kept_form` wrote; None for anything else."""
    try:
        kept = json.loads(content)
        confirmed_at = datetime.fromisoformat(kept["confirmed_at"])
        parameters, etag = kept["parameters"], kept["etag"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(parameters, dict) or confirmed_at.tzinfo is None:
        return None
    return Published(parameters, _name(kept.get("parameters_version")), _name(etag), confirmed_at)


def _name(sent: object) -> str | None:
    """Short printable text; anything else is no name."""
    is_name = isinstance(sent, str) and 0 < len(sent) <= MAX_NAME_CHARACTERS and sent.isprintable() and sent.isascii()
    return str(sent) if is_name else None
