"""Knowledge days: the US/Eastern weekdays on which things become known, and how to count them and their weeks.

Belongs here: the mapping from an instant to its knowledge day, and steps over knowledge days and weeks.
Not here: exchange sessions and holidays (a holiday is a knowledge day; events may arrive on it).
"""

from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

MARKET_TIMEZONE = "America/New_York"
"""The clock on the wall of the exchange: it decides on which day something became known."""

FIRST_KNOWLEDGE_DAY = date(2005, 1, 3)
"""The first partition of the warehouse, older than any history we have; events and bars before it are refused."""

SATURDAY = 5
"""`date.weekday()` of the first day of the weekend."""


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def is_knowledge_day(day: date) -> bool:
    """True from Monday to Friday.

    >>> is_knowledge_day(date(2014, 3, 7)), is_knowledge_day(date(2014, 3, 8))
    (True, False)
    """
    return day.weekday() < SATURDAY


def rolled_forward(day: date) -> date:
    """The day itself, or the Monday after it when it falls on a weekend.

    >>> rolled_forward(date(2014, 3, 8))
    datetime.date(2014, 3, 10)
    """
    return day + timedelta(days=max(0, 7 - day.weekday()) if day.weekday() >= SATURDAY else 0)


def knowledge_day(instant: datetime, *, market_timezone: str = MARKET_TIMEZONE) -> date:
    """The weekday of the market's clock on which something that happened at this instant became known.

    Args:
        instant: a moment with a time zone; what happens on a weekend becomes known on Monday.
        market_timezone: IANA name of the market's time zone.

    Raises:
        ValueError: when the instant has no time zone, because the day would depend on a guess.

    >>> from datetime import UTC
    >>> knowledge_day(datetime(2014, 3, 8, 2, 0, tzinfo=UTC))  # Friday evening in New York
    datetime.date(2014, 3, 7)
    """
    if instant.tzinfo is None:
        raise ValueError(f"{instant.isoformat()} has no time zone: say which one it is meant in")
    return rolled_forward(instant.astimezone(_zone(market_timezone)).date())


def previous_knowledge_day(day: date) -> date:
    """The last weekday before this day.

    >>> previous_knowledge_day(date(2014, 3, 10))
    datetime.date(2014, 3, 7)
    """
    earlier = day - timedelta(days=1)
    return earlier - timedelta(days=max(0, earlier.weekday() - SATURDAY + 1))


def next_knowledge_day(day: date) -> date:
    """The first weekday after this day.

    >>> next_knowledge_day(date(2014, 3, 7))
    datetime.date(2014, 3, 10)
    """
    return rolled_forward(day + timedelta(days=1))


def knowledge_days(start: date, end: date) -> list[date]:
    """The weekdays from `start` to `end`, both included; empty when `end` lies before `start`.

    >>> [day.day for day in knowledge_days(date(2014, 3, 6), date(2014, 3, 11))]
    [6, 7, 10, 11]
    """
    days = (start + timedelta(days=step) for step in range((end - start).days + 1))
    return [day for day in days if is_knowledge_day(day)]


def week_end(day: date) -> date:
    """The last knowledge day of the week this day lies in: its Friday, also for the weekend that follows.

    >>> week_end(date(2014, 12, 24)), week_end(date(2014, 12, 27))
    (datetime.date(2014, 12, 26), datetime.date(2014, 12, 26))
    """
    return day + timedelta(days=SATURDAY - 1 - day.weekday())


def week_ends(start: date, end: date) -> list[date]:
    """The last knowledge days of the weeks from that of `start` to that of `end`, in order.

    >>> [day.day for day in week_ends(date(2014, 12, 17), date(2014, 12, 26))]
    [19, 26]
    """
    first, last = week_end(start), week_end(end)
    return [first + timedelta(weeks=step) for step in range((last - first).days // 7 + 1)]
