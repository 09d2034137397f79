"""Instants as they are sent: ISO text with or without a zone, plain dates, epochs in four units.

Belongs here: reading one timestamp. Not here: which field holds it (envelope.py), or its knowledge day (contracts).
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from amc_learning.contracts.knowledge_days import MARKET_TIMEZONE

_EPOCH_UNITS = ((1e11, 1.0), (1e14, 1e3), (1e17, 1e6), (1e20, 1e9))
"""Upper bound of an epoch's magnitude and its parts per second: seconds reach 1e11 only in the year 5138."""

_NUMBER = re.compile(r"-?\d{9,20}(?:\.\d+)?")
_FULL_DATE = re.compile(r"\d{4}-\d{2}-\d{2}|\d{8}")


@dataclass(frozen=True)
class TimeRules:
    """How timestamps are read: where naive ones are meant, whose day counts, how wrong a clock may go."""

    naive_timezone: str = MARKET_TIMEZONE
    market_timezone: str = MARKET_TIMEZONE
    max_clock_skew: timedelta = timedelta(hours=1)


def read_instant(value: object, *, rules: TimeRules) -> datetime | date | None:
    """One timestamp as sent, in UTC; a plain date stays a date; null when it cannot be read.

    Args:
        value: ISO 8601 text (naive text is meant in `rules.naive_timezone`), or an epoch in seconds, milli-, micro-
            or nanoseconds, told apart by magnitude, as number or text.
        rules: the time zone of naive text.

    >>> read_instant("2014-03-03T16:10:00-05:00", rules=TimeRules()).isoformat()
    '2014-03-03T21:10:00+00:00'
    >>> read_instant(1759348800000, rules=TimeRules()).isoformat()
    '2025-10-01T20:00:00+00:00'
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _from_epoch(value)
    return _from_text(value.strip(), rules) if isinstance(value, str) else None


def _from_text(text: str, rules: TimeRules) -> datetime | date | None:
    try:
        if _FULL_DATE.fullmatch(text):
            return date.fromisoformat(text)
        if _NUMBER.fullmatch(text):
            return _from_epoch(float(text) if "." in text else int(text))
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is None:
            instant = instant.replace(tzinfo=ZoneInfo(rules.naive_timezone))
        return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def end_of_day(day: date, *, rules: TimeRules, not_after: datetime) -> datetime:
    """The last moment of a plain date on the market's clock, but not after the time of receipt.

    A date alone does not say when on that day; the last moment is the one that cannot look ahead.

    >>> noon = datetime(2014, 3, 3, 17, tzinfo=UTC)
    >>> end_of_day(date(2014, 3, 3), rules=TimeRules(), not_after=noon) == noon
    True
    """
    zone = ZoneInfo(rules.market_timezone)
    day = min(day, date.max - timedelta(days=1))  # the last day of the calendar has no end in UTC
    last = datetime.combine(day, time(23, 59, 59), tzinfo=zone).astimezone(UTC)
    is_today = not_after.astimezone(zone).date() == day
    return min(last, not_after) if is_today else last


def _from_epoch(value: float) -> datetime | None:
    for bound, parts_per_second in _EPOCH_UNITS:
        if abs(value) < bound:
            # Whole microseconds from integers: 19 digits of nanoseconds do not fit a float.
            if isinstance(value, int):
                microseconds = value * 1_000_000 // int(parts_per_second)
            else:
                microseconds = round(value * (1_000_000 / parts_per_second))
            try:
                return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
            except OverflowError:  # before the year 1
                return None
    return None
