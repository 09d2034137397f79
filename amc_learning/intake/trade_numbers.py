"""Numbers and reasons of trades as people write them: prices with remarks, durations in words, free text.

Belongs here: reading one value. Not here: which unit a return is in (trade_returns.py), or which field holds a value.
"""

import re

from amc_learning.intake.numbers import read_number

STOP_LOSS, PROFIT_TARGET, TRAILING_STOP, TIME_EXIT, MANUAL, OTHER = (
    "stop_loss", "profit_target", "trailing_stop", "time_exit", "manual", "other",
)  # fmt: skip

_LEADING = re.compile(
    r"(?:approx\.?|about|~|est\.?)?\s*([+-]?\$?[+-]?[\d.,]+%?)(?=\s|\(|$)(.*)", re.IGNORECASE | re.DOTALL
)
_CHANGES_MEANING = re.compile(
    r"\s*(?:[-–—/]|to\b|or\b|k\b|m\b|mm\b|bn?\b|thousand|million|billion|cents?\b)", re.IGNORECASE
)
"""What may follow a number and make it another one: a range, a magnitude."""

_DURATION = re.compile(
    r"(\d+(?:\.\d+)?)\s*(minutes?|mins?|m|hours?|hrs?|h|days?|d|weeks?|wks?|w|sessions?|trading days?)\b", re.ASCII
)
_DAYS_PER_UNIT = {"m": 1 / 1440, "h": 1 / 24, "d": 1.0, "w": 7.0, "s": 1.0, "t": 1.0}
_FILLING = re.compile(r"[\s,;&~]|and|about|approx\.?")

_TOKENS = re.compile(r"[a-z]+")
_STOP_WORDS = frozenset({"stop", "stops", "stopped", "stoploss", "sl"})
_PROFIT_WORDS = frozenset({"profit", "profits", "target", "targets", "takeprofit", "tp"})
_MANUAL_WORDS = frozenset({"manual", "manually", "user", "discretion", "discretionary"})
_TIME_WORDS = frozenset({"time", "timed", "timeout", "expired", "expiry", "expiration", "eod", "horizon"})


def read_stated_number(value: object) -> tuple[float | None, bool, str | None, str | None]:
    """A number that may carry a remark: its value, whether it is a percentage, what is wrong, what was settled.

    Only a remark that leaves the number what it is may follow: no range, no magnitude.

    >>> read_stated_number("$0.47 (est -17.1% from $0.57)")[0], read_stated_number("0.47 - 0.50")[0]
    (0.47, None)
    """
    number, is_percentage, problem = read_number(value)
    if problem is None or not isinstance(value, str):
        return number, is_percentage, problem, None
    match = _LEADING.match(value.strip())
    if match is None or _CHANGES_MEANING.match(match[2]):
        return None, False, problem, None
    number, is_percentage, _ = read_number(match[1].rstrip(".,"))
    if number is None:
        return None, False, problem, None
    return number, is_percentage, None, f"read as {number:g}"


def read_duration(value: object, *, days_per_unit: float = 1.0) -> tuple[float | None, str | None]:
    """A holding period in days, and what is wrong with it; text may name its units.

    >>> read_duration("1 hour")[0] * 24, read_duration("2 weeks 1 day")[0], read_duration(9)[0]
    (1.0, 15.0, 9.0)
    """
    number, is_percentage, problem = read_number(value)
    if problem is not None and isinstance(value, str):
        text = value.strip().lower()
        parts = _DURATION.findall(text)
        if parts and not _FILLING.sub("", _DURATION.sub("", text)):
            return sum(float(amount) * _DAYS_PER_UNIT[unit[0]] for amount, unit in parts), None
        return None, "is no duration: a number of days, or text like 3 days or 1 hour, is"
    if is_percentage:
        return None, "is a percentage; a duration is needed"
    if number is not None and number < 0:
        return None, "is negative"
    return (None if number is None else number * days_per_unit), problem


def canonical_exit_reason(text: str) -> tuple[str, str | None]:
    """The canonical reason for free text, and what could not be settled about it.

    >>> texts = ("Stop-loss -15% triggered", "time", "Trailing stop hit", "sentiment")
    >>> [canonical_exit_reason(text)[0] for text in texts]
    ['stop_loss', 'time_exit', 'trailing_stop', 'other']
    """
    words = set(_TOKENS.findall(text.lower()))
    if any(word.startswith("trail") for word in words):
        return TRAILING_STOP, None
    is_stop, is_profit = bool(words & _STOP_WORDS), bool(words & _PROFIT_WORDS)
    if is_stop and is_profit:
        return OTHER, "names a stop and a target; other"
    if is_stop or is_profit:
        return STOP_LOSS if is_stop else PROFIT_TARGET, None
    if words & _MANUAL_WORDS:
        return MANUAL, None
    return (TIME_EXIT if words & _TIME_WORDS else OTHER), None
