"""JSON from strangers, parsed without being hurt by it.

Belongs here: size, depth and syntax of a payload. Not here: what its fields mean.
NaN and Infinity are not JSON, but Python senders write them: they are read and counted, and whoever reads the field
turns them into null and says so.
"""

import json
import math
from dataclasses import dataclass, field
from typing import Literal

import orjson

MAX_PAYLOAD_BYTES = 5 * 1024 * 1024
"""A discovery result of 100 candidates has 20 KB; 250 times that is a mistake or an attack."""

MAX_DEPTH = 64
"""The deepest shape seen has 4 levels; parsers give up at about 1,000, writers at 254."""

_NESTING = frozenset({dict, list})

LONGEST_INTEGER = 18
"""Integers of more digits do not fit 64 bits: they are read as floats, as every other JSON reader does."""


Trouble = Literal["not_json", "too_large", "too_deep"]
"""What can be wrong with a payload before anybody reads its fields."""


@dataclass(frozen=True)
class Parsed:
    """A payload that is JSON; `n_not_finite` counts the NaN and Infinity in it."""

    value: object
    n_not_finite: int = 0


@dataclass(frozen=True)
class Unparsable:
    """A payload that is not JSON we are willing to read, and why."""

    reason: str
    trouble: Trouble = field(default="not_json", repr=False)


def parse_payload(text: str, *, max_bytes: int = MAX_PAYLOAD_BYTES, max_depth: int = MAX_DEPTH) -> Parsed | Unparsable:
    """Parse JSON text of bounded size and depth; bad input is an answer, never an exception.

    Of keys that occur twice in one object the last counts. Integers beyond 64 bits become floats.

    >>> parse_payload('{"score": NaN}').n_not_finite
    1
    >>> parse_payload('{"score": ')
    Unparsable(reason='not JSON: unexpected end of data, line 1 column 11')
    """
    size = len(text) if text.isascii() else len(text.encode("utf-8", "backslashreplace"))
    if size > max_bytes:
        return Unparsable(f"too large: {size:,} bytes, at most {max_bytes:,} are read", "too_large")
    try:
        parsed = Parsed(orjson.loads(text))
    except orjson.JSONDecodeError as error:
        parsed_leniently = _parse_leniently(
            text, strict_message=f"{error.msg}, line {error.lineno} column {error.colno}"
        )
        if isinstance(parsed_leniently, Unparsable):
            return parsed_leniently
        parsed = parsed_leniently
    # so few brackets cannot nest deeper, which spares most events the walk
    may_be_deep = text.count("{") + text.count("[") > max_depth
    if may_be_deep and depth_exceeds(parsed.value, max_depth):
        return Unparsable(f"too deep: objects and lists are nested more than {max_depth} levels", "too_deep")
    return parsed


def depth_exceeds(value: object, max_depth: int) -> bool:
    """Whether objects and lists are nested deeper than `max_depth`; walks level by level, without recursion.

    >>> depth_exceeds([[1]], 1), depth_exceeds([[1]], 2)
    (True, False)
    """
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(max_depth):
        if not level:
            return False
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if type(child) in _NESTING  # exact types, because parsers make no others and this is asked of every value
        ]
    return bool(level)


def _parse_leniently(text: str, *, strict_message: str) -> Parsed | Unparsable:
    """Second attempt with Python's own parser, which knows NaN, Infinity and numbers of any length."""
    n_not_finite = 0

    def number(digits: str) -> float:
        nonlocal n_not_finite
        value = float(digits)
        n_not_finite += not math.isfinite(value)
        return value

    def integer(digits: str) -> int | float:
        return int(digits) if len(digits) <= LONGEST_INTEGER else number(digits)

    try:
        value = json.loads(text, parse_constant=number, parse_float=number, parse_int=integer)
        orjson.dumps(value)
    except RecursionError:
        return Unparsable("too deep: objects and lists are nested beyond what can be parsed", "too_deep")
    except ValueError:
        return Unparsable(f"not JSON: {strict_message}")
    except TypeError:
        # orjson refuses to write text with half a surrogate pair, and nesting beyond 254 levels.
        return Unparsable(f"not storable: {strict_message}")
    return Parsed(value, n_not_finite)
