"""Text that every store of ours can hold.

Belongs here: cleaning and shortening of text that strangers wrote. Not here: what the text means.
NUL and halves of surrogate pairs pass JSON, SQLite and parquet, but PostgreSQL refuses them, so they end here.
"""

import math

import orjson

LONGEST_VALUE = 80
"""An offending value is shown to a person, not kept for replay: the payload holds it in full."""

LONGEST_TEXT = 500
"""Error messages of senders may hold whole stack traces; the payload keeps them."""


def storable(text: str) -> str:
    r"""The text with whatever a store might refuse written out as an escape.

    >>> storable("a\x00b\ud800")
    'a\\x00b\\ud800'
    """
    if "\x00" in text:
        text = text.replace("\x00", "\\x00")
    if text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def shortened(text: str, *, limit: int = LONGEST_TEXT) -> str:
    """The storable text, cut to `limit` characters with an ellipsis.

    >>> shortened("abcdef", limit=4)
    'abc…'
    """
    text = storable(text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def as_text(value: object, *, limit: int = LONGEST_VALUE) -> str:
    """Any JSON value as text for a person: strings as they are, everything else as JSON, shortened.

    >>> as_text({"b": 1, "a": None}), as_text(float("nan"))
    ('{"a":null,"b":1}', 'NaN')
    """
    if isinstance(value, str):
        return shortened(value, limit=limit)
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return shortened(canonical_json(value), limit=limit)


def canonical_json(value: object) -> str:
    """The value as JSON with sorted keys and without blanks; NaN and infinities become null.

    >>> canonical_json({"vix": 23.17, "regime": "bear"})
    '{"regime":"bear","vix":23.17}'
    """
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
