"""Requests nobody should send: real payloads with one or two things wrong, from a seed.

Belongs here: making them. Not here: sending them, and what must hold afterwards (fuzz_study).
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from amc_learning.service import examples
from amc_learning_tests.intake.sent import SHARED
from amc_learning_tests.service.running import PATHS

EXAMPLES = SHARED / "examples/events"

EXAMPLES_MISSING = "needs the real payloads in ../shared/examples/events, which are not there"

DEPTH = 100_000
_HERE = "\x1ahere\x1a"

RAW_VALUES = (
    "NaN", "Infinity", "-Infinity", "1e400", "-1e308", "1e-400", "-0", "0.1e", "01", "9" * 5000, "-" + "9" * 5000,
    "9223372036854775808", "253402300800", "1e18", "-62135596801", "0." + "1" * 400, "true", "null", "[]", "{}", '""',
    "[" * DEPTH + "]" * DEPTH, '{"a":' * 300 + "1" + "}" * 300, '"' + "x" * 100_000 + '"',
    '"\\u0000"', '"a\\u0000b"', '"\\ud800"', '"\\udfff\\ud800"', '"\\u202e"', '"\\ufeff"',
    '"../../../../etc/passwd"', '"..\\\\..\\\\windows"', '"/etc/passwd%00"', '".."', '"CON"', '"${jndi:ldap://x}"',
    "\"'; DROP TABLE events; --\"", '"1 OR 1=1"', '"<script>alert(1)</script>"', '"=cmd|calc"', '"%s%n"',
    '"9999-12-31T23:59:59Z"', '"0001-01-01"', '"2024-02-30T25:61:61"', '"1e5"', '"NaN"', '"Infinity"', '"85%"',
    '{"symbol": {"symbol": "A"}}', '[null, [null, {}]]', '"\\ud83d\\ude00"',
)  # fmt: skip
"""JSON, or nearly, in place of a value."""

QUERIES = (
    "symbol=ABC", "symbol=ABC&symbol=XYZ", "a=%00", "a=%ff%fe", "%", "&&&", "=x", "a[]=1", "x=" + "y" * 4000,
    "&".join(f"p{number}={number}" for number in range(101)), "payload=1", "event_id=../../x", "timestamp=NaN",
    "symbol=%27%3B%20DROP%20TABLE%20events%3B--", "a=%ed%a0%80", "exit_price=8.1&days_held=1e999", "__proto__=1",
)  # fmt: skip

IDEMPOTENCY_KEYS = (
    "", " ", "a b", "x" * 200, "x" * 201, "../../etc/passwd", "'; DROP TABLE events; --", "\xff\xfe", "key\x7f", "%00",
    "1",
)  # fmt: skip

CONTENT_TYPES = (
    "text/plain",
    "",
    "application/x-www-form-urlencoded",
    "application/json; charset=utf-16",
    "application/xml",
)


@dataclass(frozen=True)
class Request:
    """One request, and what is wrong with it."""

    kind: str
    body: bytes
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    wrong: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """Where it is sent, with its query."""
        return PATHS[self.kind] + (f"?{self.query}" if self.query else "")


def real_payloads() -> list[tuple[str, bytes]]:
    """Every payload a trading system was seen to send, by kind; and bars, which none was seen to send."""
    found = [
        (path.name.partition("_")[0], path.read_bytes())
        for path in sorted(EXAMPLES.glob("*.json"))
        if path.name.startswith(("discovery_", "thesis_", "trade_"))
    ]
    return [*found, ("bars", json.dumps(examples.BARS).encode())]


def mutated(kind: str, payload: bytes, random: np.random.Generator) -> Request:
    """The payload with one to three things wrong."""
    request = Request(kind, payload)
    for _ in range(int(random.integers(1, 4))):
        name = str(random.choice(list(MUTATIONS)))
        request = MUTATIONS[name](request, random)
        request = replace(request, wrong=(*request.wrong, name))
    return request


def _picked(random: np.random.Generator, values: tuple[str, ...]) -> str:
    return values[int(random.integers(len(values)))]


def _spots(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a parsed value."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [spot for key in keys for spot in ((value, key), *_spots(value[key]))]


def _edited(request: Request, random: np.random.Generator, edit: Callable[[Any, Any, Any], object]) -> Request:
    """The request with `edit(container, key, parsed)` done at a random spot; unchanged when it is no JSON any more."""
    try:
        parsed = json.loads(request.body)
        spots = _spots(parsed)
    except (ValueError, RecursionError):
        return request
    if not spots:
        return request
    container, key = spots[int(random.integers(len(spots)))]
    edit(container, key, parsed)
    return replace(request, body=json.dumps(parsed).encode())


def _raw_value(request: Request, random: np.random.Generator) -> Request:
    edited = _edited(request, random, lambda container, key, _: container.__setitem__(key, _HERE))
    raw = _picked(random, RAW_VALUES).encode()
    return replace(edited, body=edited.body.replace(json.dumps(_HERE).encode(), raw))


def _deleted(request: Request, random: np.random.Generator) -> Request:
    return _edited(request, random, lambda container, key, _: container.__delitem__(key))


def _swapped(request: Request, random: np.random.Generator) -> Request:
    def swap(container: Any, key: Any, parsed: Any) -> None:
        spots = [spot for spot in _spots(parsed) if not isinstance(spot[0][spot[1]], dict | list)]
        if spots and not isinstance(container[key], dict | list):
            other, at = spots[int(random.integers(len(spots)))]
            container[key], other[at] = other[at], container[key]

    return _edited(request, random, swap)


def _renamed(request: Request, random: np.random.Generator) -> Request:
    names = ("../../x", "symbol", "", "payload", "data", "event_id", "__class__", "a\x00b", "timestamp", "candidates")

    def rename(container: Any, key: Any, _: Any) -> None:
        if isinstance(container, dict):
            container[_picked(random, names)] = container.pop(key)

    return _edited(request, random, rename)


def _key_twice(request: Request, random: np.random.Generator) -> Request:
    name = _picked(random, ("symbol", "timestamp", "event_id", "candidates", "thesis", "change_type", "confidence"))
    raw = _picked(random, RAW_VALUES)
    start = request.body.find(b"{") + 1
    return replace(request, body=request.body[:start] + f'"{name}": {raw},'.encode() + request.body[start:])


def _wrapped(request: Request, random: np.random.Generator) -> Request:
    before, after = [(b"[", b"]"), (b'{"data":', b"}"), (b'{"payload":', b"}"), (b"", b"{}"), (b"[[", b"]]")][
        int(random.integers(5))
    ]
    return replace(request, body=before + request.body + after)


def _truncated(request: Request, random: np.random.Generator) -> Request:
    return replace(request, body=request.body[: int(random.integers(len(request.body) + 1))])


def _bytes_inserted(request: Request, random: np.random.Generator) -> Request:
    odd = (
        b"\xff",
        b"\xc3\x28",
        b"\xed\xa0\x80",
        b"\x00",
        b"\xef\xbb\xbf",
        b"\x1f\x8b\x08",
        b'"',
        b"}",
        b"\xe2\x80\xa8",
    )
    at = 0 if random.random() < 0.2 else int(random.integers(len(request.body) + 1))
    inserted = odd[int(random.integers(len(odd)))]
    return replace(request, body=request.body[:at] + inserted + request.body[at:])


def _bits_flipped(request: Request, random: np.random.Generator) -> Request:
    body = bytearray(request.body)
    for at in random.integers(0, max(1, len(body)), 5):
        if at < len(body):
            body[at] ^= 1 << int(random.integers(8))
    return replace(request, body=bytes(body))


def _other_encoding(request: Request, random: np.random.Generator) -> Request:
    encodings = ("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "utf-7")
    return replace(request, body=request.body.decode("utf-8", "replace").encode(_picked(random, encodings)))


def _other_kind(request: Request, random: np.random.Generator) -> Request:
    return replace(request, kind=_picked(random, tuple(PATHS)))


def _queried(request: Request, random: np.random.Generator) -> Request:
    return replace(request, query=_picked(random, QUERIES))


def _keyed(request: Request, random: np.random.Generator) -> Request:
    return replace(request, headers={**request.headers, "Idempotency-Key": _picked(random, IDEMPOTENCY_KEYS)})


def _typed(request: Request, random: np.random.Generator) -> Request:
    return replace(request, headers={**request.headers, "Content-Type": _picked(random, CONTENT_TYPES)})


MUTATIONS: Mapping[str, Callable[[Request, np.random.Generator], Request]] = {
    "raw value": _raw_value,
    "another raw value": _raw_value,
    "field deleted": _deleted,
    "fields swapped": _swapped,
    "field renamed": _renamed,
    "key twice": _key_twice,
    "wrapped": _wrapped,
    "truncated": _truncated,
    "bytes inserted": _bytes_inserted,
    "bits flipped": _bits_flipped,
    "other encoding": _other_encoding,
    "other kind": _other_kind,
    "query": _queried,
    "Idempotency-Key": _keyed,
    "Content-Type": _typed,
}
