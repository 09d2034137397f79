"""Any object of a trading system as plain JSON values, copied, within bounds of size, depth and work.

Belongs here: what becomes of each type. Not here: which fields an event needs (events), sending.
"""

import json
import math
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from itertools import islice
from pathlib import PurePath
from typing import Any
from uuid import UUID

MAX_VALUES = 250_000
"""Values in one event. A result of 50 candidates has about a thousand; this bounds the time a send may take."""

MAX_DEPTH = 60
"""Levels of nesting; the server reads 64, and an event wraps the payload in up to two more."""

MAX_INTEGER_BITS = 1024
"""Beyond this an integer is no quantity, and beyond 4,300 digits Python refuses to write it."""


class TooLargeError(Exception):
    """The payload has more values or more text than one event may hold."""


def plain(sent: object, *, max_characters: int) -> Any:
    """A copy of `sent` that consists of dict, list, str, int, float, bool and None only.

    What is not finite becomes null. Decimals become text, so that no digit is lost; times become ISO 8601 as they are,
    with or without zone. What has no JSON form becomes `<name of its type>`, so that the rest still arrives.
    Nothing of `sent` is changed: generators are not consumed.

    Raises:
        TooLargeError: more than `max_characters` of text or more than `MAX_VALUES` values.

    >>> plain({"price": Decimal("1.10"), 7: float("nan"), "tags": {"a"}, "why": object()}, max_characters=100)
    {'price': '1.10', '7': None, 'tags': ['a'], 'why': '<object>'}
    """
    return _Copy(max_characters).value(sent, 0)


def json_bytes(value: Any) -> bytes:
    """Compact UTF-8 JSON of plain values; lone surrogates, which UTF-8 cannot hold, become question marks.

    >>> json_bytes({"why": "up" + chr(0xD800)})
    b'{"why":"up?"}'
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


class _Copy:
    """One copy under way: what it may still take, and the containers it is inside of."""

    def __init__(self, max_characters: int) -> None:
        self._n_values_left = MAX_VALUES
        self._n_characters_left = max_characters
        self._inside: set[int] = set()

    def value(self, sent: object, depth: int) -> Any:  # noqa: PLR0911 - one line per kind of value
        self._n_values_left -= 1
        if self._n_values_left < 0:
            raise TooLargeError(f"more than {MAX_VALUES:,} values")
        kind = type(sent)
        if kind is str:
            return self._text(sent)  # type: ignore[arg-type]
        if kind is float:
            return sent if math.isfinite(sent) else None  # type: ignore[arg-type]
        if sent is None or kind is bool:
            return sent
        if kind is int:
            return sent if sent.bit_length() <= MAX_INTEGER_BITS else "<int>"  # type: ignore[attr-defined]
        if kind is dict:
            return self._nested(sent, depth, self._pairs)
        if kind is list or kind is tuple:
            return self._nested(sent, depth, self._items)
        try:
            return self._other(sent, depth)
        except TooLargeError:
            raise
        except Exception:  # objects of strangers may raise anything when they are looked at
            return _marker(kind)

    def _text(self, sent: str) -> str:
        self._n_characters_left -= len(sent)
        if self._n_characters_left < 0:
            raise TooLargeError("more text than one event may hold")
        return sent

    def _nested(self, sent: Any, depth: int, copied: Any) -> Any:
        if depth >= MAX_DEPTH or id(sent) in self._inside:
            return _marker(type(sent))
        self._inside.add(id(sent))
        try:
            return copied(sent, depth + 1)
        finally:
            self._inside.discard(id(sent))

    def _pairs(self, sent: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        self._fits(sent)
        value, text = self.value, self._text
        # A list, because another thread may add to the dict meanwhile.
        return {
            (text(key) if type(key) is str else self._key(key)): value(item, depth)
            for key, item in list(islice(sent.items(), MAX_VALUES + 1))
        }

    def _key(self, sent: object) -> str:
        key = self.value(sent, MAX_DEPTH)
        return key if isinstance(key, str) else json.dumps(key)

    def _items(self, sent: Iterable[Any], depth: int) -> list[Any]:
        self._fits(sent)
        return [self.value(item, depth) for item in list(islice(sent, MAX_VALUES + 1))]

    def _fits(self, sent: Any) -> None:
        if len(sent) > self._n_values_left:
            raise TooLargeError(f"more than {MAX_VALUES:,} values")

    def _other(self, sent: Any, depth: int) -> Any:  # noqa: PLR0911 - one line per kind of value
        if isinstance(sent, Enum):
            return self._nested(sent, depth, lambda member, inside: self.value(member.value, inside))
        if isinstance(sent, str):
            return self._text(str.__str__(sent))
        if isinstance(sent, int):
            return self.value(int.__int__(sent), depth)
        if isinstance(sent, float):
            return self.value(float.__float__(sent), depth)
        if isinstance(sent, Decimal):
            return Decimal.__str__(sent) if Decimal.is_finite(sent) else None
        if isinstance(sent, Fraction):
            return self.value(float(sent), depth)
        if isinstance(sent, datetime | date | time):
            return _instant(sent)
        if isinstance(sent, timedelta):
            return timedelta.total_seconds(sent)
        if isinstance(sent, UUID | PurePath):
            return self._text(str(sent))
        if isinstance(sent, bytes | bytearray | memoryview):
            return self._bytes(sent)
        return self._composed(sent, depth)

    def _composed(self, sent: Any, depth: int) -> Any:  # noqa: PLR0911 - one line per kind of value
        kind = type(sent)
        if isinstance(sent, Mapping):
            return self._nested(sent, depth, self._pairs)
        if isinstance(sent, tuple) and hasattr(kind, "_fields"):
            named = dict(zip(kind._fields, sent, strict=True))
            return self._nested(sent, depth, lambda _, inside: self._pairs(named, inside))
        if isinstance(sent, list | tuple | set | frozenset | deque):
            return self._nested(sent, depth, self._items)
        if is_dataclass(kind):
            return self._nested(sent, depth, lambda _, inside: self._pairs(_attributes(sent), inside))
        if kind.__module__.partition(".")[0] == "numpy":
            return self._nested(sent, depth, self._numpy)
        if callable(getattr(kind, "model_dump", None)):
            return self._nested(sent, depth, lambda model, inside: self.value(model.model_dump(), inside))
        return _marker(kind)

    def _bytes(self, sent: bytes | bytearray | memoryview) -> str:
        if memoryview(sent).nbytes > self._n_characters_left:
            raise TooLargeError("more text than one event may hold")
        return self._text(bytes(sent).decode("utf-8", "replace"))

    def _numpy(self, sent: Any, depth: int) -> Any:
        if sent.size > self._n_values_left:
            raise TooLargeError(f"more than {MAX_VALUES:,} values")
        # Times of numpy know nanoseconds, Python's do not; their text is ISO 8601.
        is_time = sent.dtype.kind in "mM"
        return self.value((sent.astype(str) if is_time else sent).tolist(), depth)


def _marker(kind: type) -> str:
    return f"<{kind.__name__}>"


def _instant(sent: Any) -> str | None:
    # pandas' NaT is a datetime that is not equal to itself.
    if sent != sent:  # noqa: PLR0124
        return None
    kind = next(kind for kind in (datetime, date, time) if isinstance(sent, kind))
    return str(kind.isoformat(sent))


def _attributes(sent: Any) -> dict[str, Any]:
    return {field.name: getattr(sent, field.name) for field in fields(sent)}
