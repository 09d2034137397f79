"""Numbers as they are sent: floats, integers, decimals as text, percentages, NaN.

Belongs here: reading one number, or a column of them. Not here: which scale a column is on (scales.py).
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

_DECIMAL = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,4})?", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?", re.ASCII)
LARGEST_COUNT = 1_000_000_000
"""No universe of symbols is larger; a larger count is a mistake."""


@dataclass(frozen=True)
class Numbers:
    """A column of numbers as read: `values` has null where nothing was sent or nothing could be read.

    `percentages` are the positions that were sent with a percent sign (their value is the number before the sign);
    `problems` says for each position with an unreadable value what is wrong with it.
    """

    values: list[float | None]
    percentages: frozenset[int]
    problems: dict[int, str]


def read_number(value: object) -> tuple[float | None, bool, str | None]:
    """One number as sent: its value, whether it carried a percent sign, and what is wrong with it.

    Empty text and null are absent, not wrong.

    >>> read_number("85%"), read_number("1,234.5"), read_number(None)
    ((85.0, True, None), (1234.5, False, None), (None, False, None))
    >>> read_number("NaN")
    (None, False, 'is not a finite number')
    """
    if value is None:
        return None, False, None
    if isinstance(value, bool):
        return None, False, "is a truth value; a number is needed"
    if isinstance(value, int | float):
        return _finite(_as_float(value))
    if isinstance(value, str):
        return _read_text(value.strip())
    return None, False, "is not a number"


def read_numbers(values: Iterable[object]) -> Numbers:
    """A column of numbers as sent; see `read_number` for one.

    >>> read_numbers([71, "0.5", "n/a"]).problems
    {2: 'is not a number'}
    """
    read: list[float | None] = []
    percentages: set[int] = set()
    problems: dict[int, str] = {}
    for position, value in enumerate(values):
        if type(value) is float and math.isfinite(value):  # nearly every value there is: worth a short cut
            read.append(value)
            continue
        number, is_percentage, problem = read_number(value)
        read.append(number)
        if is_percentage:
            percentages.add(position)
        if problem is not None:
            problems[position] = problem
    return Numbers(read, frozenset(percentages), problems)


def read_count(value: object) -> int | None:
    """A count as sent: a whole number from 0 on, as number or text; null when it is anything else.

    >>> read_count("3033"), read_count(861.0), read_count(-1), read_count(2.5)
    (3033, 861, None, None)
    """
    number, is_percentage, _ = read_number(value)
    if number is None or is_percentage or not 0 <= number <= LARGEST_COUNT or number != int(number):
        return None
    return int(number)


def _read_text(text: str) -> tuple[float | None, bool, str | None]:
    if not text:
        return None, False, None
    is_percentage = text.endswith("%")
    digits = text.removesuffix("%").strip().removeprefix("$")
    if _THOUSANDS.fullmatch(digits):
        digits = digits.replace(",", "")
    if _DECIMAL.fullmatch(digits):
        number, _, problem = _finite(float(digits))
        return number, is_percentage and number is not None, problem
    if digits.lower().lstrip("+-") in {"nan", "inf", "infinity"}:
        return _finite(math.nan)
    return None, False, "is not a number"


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer of more than 308 digits
        return math.inf


def _finite(number: float) -> tuple[float | None, bool, str | None]:
    return (number, False, None) if math.isfinite(number) else (None, False, "is not a finite number")
