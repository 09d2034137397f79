"""Numbers, dates and intervals as people read them.

Belongs here: formatting. Not here: deciding what is good, bad or proven.

A number that is not known is a dash, never a zero. Minus is the typographical one; units follow a no-break space.
"""

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime

from amc_learning.contracts.documents.base import Interval

UNKNOWN = "–"
_MINUS, _SPACE = "\N{MINUS SIGN}", "\N{NO-BREAK SPACE}"


def _signed(text: str, *, with_plus: bool) -> str:
    """`text` of a number with the typographical minus, no minus on zero, and a plus when asked for."""
    digits = text.lstrip("+-")
    if not digits.strip("0.,"):
        return digits
    if text.startswith("-"):
        return _MINUS + digits
    return "+" + digits if with_plus else digits


def number(value: float | None, *, digits: int = 3, with_plus: bool = False) -> str:
    """A plain number.

    >>> number(-0.0312), number(-0.0001), number(0.25, digits=2, with_plus=True), number(None)
    ('−0.031', '0.000', '+0.25', '–')
    """
    return UNKNOWN if value is None else _signed(f"{value:,.{digits}f}", with_plus=with_plus)


def percent(value: float | None, *, with_plus: bool = False) -> str:
    """A fraction as percent with one decimal.

    >>> percent(0.1234), percent(-0.05, with_plus=True)
    ('12.3\\xa0%', '−5.0\\xa0%')
    """
    if value is None:
        return UNKNOWN
    return _signed(f"{value * 100:,.1f}", with_plus=with_plus) + _SPACE + "%"


def points(value: float | None) -> str:
    """A difference of two fractions in percentage points, with its sign.

    >>> points(-0.0431), points(None)
    ('−4.3', '–')
    """
    return UNKNOWN if value is None else _signed(f"{value * 100:,.1f}", with_plus=True)


def sample_size(n: int) -> str:
    """How many observations, for use in brackets.

    >>> sample_size(1412)
    'n\\xa0=\\xa01,412'
    """
    return f"n{_SPACE}={_SPACE}{n:,}"


def dollars(value: float | None) -> str:
    """Money with its sign, to the cent.

    >>> dollars(-1234.5), dollars(20000), dollars(0)
    ('−$1,234.50', '+$20,000.00', '$0.00')
    """
    if value is None:
        return UNKNOWN
    text = _signed(f"{value:,.2f}", with_plus=True)
    return f"{text[0]}${text[1:]}" if text[0] in f"+{_MINUS}" else f"${text}"


def count(n: int, one: str, many: str | None = None) -> str:
    """A count with its noun.

    >>> count(1, "trade"), count(1200, "thesis", "theses")
    ('1 trade', '1,200 theses')
    """
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def short(value: float) -> str:
    """A round number of an axis, as short as it goes.

    >>> short(-0.05), short(0.1), short(0.0), short(250.0)
    ('−0.05', '0.1', '0', '250')
    """
    return _signed(f"{value:.3g}", with_plus=False)


def short_percent(value: float) -> str:
    """A round fraction of an axis.

    >>> short_percent(0.05)
    '5\\xa0%'
    """
    return short(value * 100) + _SPACE + "%"


def short_dollars(value: float) -> str:
    """Round money of an axis, in thousands or millions when there are any.

    >>> short_dollars(-15000), short_dollars(2_500_000), short_dollars(0)
    ('−15k', '2.5M', '0')
    """
    for unit, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= unit:
            return short(value / unit) + letter
    return short(value)


def probability(value: float | None) -> str:
    """A p-value or q-value: what is tiny is said to be below a bound.

    >>> probability(0.04213), probability(0.00004)
    ('0.042', '<\\xa00.001')
    """
    if value is None:
        return UNKNOWN
    return f"<{_SPACE}0.001" if value < 0.001 else f"{value:.3f}"


def interval(value: Interval, *, as_percent: bool) -> str:
    """The 95 % interval alone, or a dash.

    >>> interval(Interval(estimate=0.5, ci_low=0.41, ci_high=0.59, n=120), as_percent=True)
    '41.0 to 59.0\\xa0%'
    """
    low, high = value.ci_low, value.ci_high
    if low is None or high is None:
        return UNKNOWN
    if as_percent:
        return f"{percent(low).removesuffix(f'{_SPACE}%')} to {percent(high)}"
    return f"{number(low)} to {number(high)}"


def interval_in_points(value: Interval) -> str:
    """The 95 % interval of a difference of fractions, in percentage points.

    >>> interval_in_points(Interval(estimate=-0.04, ci_low=-0.104, ci_high=0.018, n=96))
    '−10.4 to 1.8'
    """
    return interval(value, as_percent=True).removesuffix(f"{_SPACE}%")


def excludes(value: Interval, level: float = 0.0) -> bool:
    """Whether the interval is known and lies wholly on one side of `level`.

    >>> excludes(Interval(estimate=0.02, ci_low=0.01, ci_high=0.03, n=40))
    True
    """
    return value.ci_low is not None and value.ci_high is not None and not value.ci_low <= level <= value.ci_high


def day(value: date | None) -> str:
    """A date, short.

    >>> day(date(2024, 3, 8))
    '8\\xa0Mar\\xa02024'
    """
    return UNKNOWN if value is None else f"{value.day}{_SPACE}{value:%b}{_SPACE}{value.year}"


def long_day(value: date) -> str:
    """A date with its weekday.

    >>> long_day(date(2024, 3, 8))
    'Friday, 8 March 2024'
    """
    return f"{value:%A}, {value.day} {value:%B} {value.year}"


def instant(value: datetime) -> str:
    """A moment to the minute, with its offset.

    >>> from datetime import UTC
    >>> instant(datetime(2024, 3, 9, 5, 0, tzinfo=UTC))
    '2024-03-09 05:00 UTC'
    """
    return value.isoformat(sep=" ", timespec="minutes").replace("+00:00", " UTC")


def words(identifier: str) -> str:
    """A name of ours as words.

    >>> words("exit_reason")
    'exit reason'
    """
    return identifier.replace("_", " ")


def by_length(horizon: str) -> tuple[int, str]:
    """Key that sorts horizons by their length and not by their letters.

    >>> sorted(["10d", "1d", "5d"], key=by_length)
    ['1d', '5d', '10d']
    """
    digits = re.match(r"[0-9]{1,9}", horizon)
    return (int(digits[0]) if digits else 0), horizon


def listed_first(names: Sequence[str]) -> Callable[[str], tuple[int, str]]:
    """Key that sorts these names first, in this order, and all others after them by their letters.

    >>> sorted(["a", "low", "high"], key=listed_first(["high", "low"]))
    ['high', 'low', 'a']
    """
    return lambda name: (names.index(name) if name in names else len(names), name)


def shortened(text: str, length: int) -> str:
    """Text cut to `length` characters, the last one an ellipsis when something was cut.

    >>> shortened("relative_volume", 9)
    'relative…'
    """
    return text if len(text) <= length else text[: length - 1] + "…"
