"""What the dashboard says that the report does not: moments and durations, and what to do when there is nothing.

Belongs here: formatting, and sentences several sections share. Not here: numbers and intervals (reports.wording).
"""

from datetime import UTC, date, datetime

from amc_learning.reports.markup import Content, Html, element, joined
from amc_learning.reports.tables import nothing
from amc_learning.reports.wording import UNKNOWN, instant

_SPACE = "\N{NO-BREAK SPACE}"
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def moment(value: datetime) -> Html:
    """A moment to the minute in UTC, in an element programs can read.

    >>> moment(datetime(2024, 3, 9, 5, 0, 12, tzinfo=UTC)).text
    '<time datetime="2024-03-09T05:00:12+00:00">2024-03-09 05:00 UTC</time>'
    """
    in_utc = value.astimezone(UTC)
    return element("time", instant(in_utc), datetime=in_utc.isoformat(timespec="seconds"))


def ago(value: datetime | None, now: datetime) -> Html | str:
    """How long ago something was, in its largest unit; the moment itself is in the element.

    >>> ago(datetime(2024, 3, 9, 5, 0, tzinfo=UTC), datetime(2024, 3, 9, 7, 40, tzinfo=UTC)).text
    '<time datetime="2024-03-09T05:00:00+00:00">2 h ago</time>'
    """
    if value is None:
        return "never"
    seconds = max(0, int((now - value).total_seconds()))
    for unit, letter in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= unit:
            text = f"{seconds // unit:,} {letter} ago"
            break
    else:
        text = f"{seconds} s ago"
    return element("time", text, datetime=value.astimezone(UTC).isoformat(timespec="seconds"))


def milliseconds(value: float | None) -> str:
    """A short time; its digits fall as it grows.

    >>> milliseconds(4.217), milliseconds(1250.4), milliseconds(None)
    ('4.2\\xa0ms', '1,250\\xa0ms', '–')
    """
    if value is None:
        return UNKNOWN
    return f"{value:,.1f}{_SPACE}ms" if abs(value) < 100 else f"{value:,.0f}{_SPACE}ms"


def run_night(known_on: date | None = None) -> str:
    """The command that runs a night.

    >>> run_night(date(2024, 3, 8))
    'amc-learning run daily --date 2024-03-08'
    """
    return "amc-learning run daily" + (f" --date {known_on.isoformat()}" if known_on else "")


def command(line: str) -> Html:
    """A command to copy."""
    return element("code", line)


def told(*parts: Content) -> Html:
    """A sentence in the place of what is not there, with commands in it."""
    return element("p", *parts, class_="nothing")


def unavailable(name: str, *, is_unreadable: bool, without: str | None = None) -> Html:
    """What stands where a document would be: that it is not published yet, or that it cannot be read; and what to do.

    Args:
        name: of the document.
        is_unreadable: whether there is one.
        without: what holds as long as nothing is published.
    """
    if is_unreadable:
        return joined(
            [
                nothing(f"The document {name} cannot be read: it is damaged or of another version."),
                told("Publish its day again: ", command("amc-learning run daily --date DAY"), "."),
            ]
        )
    return told("Nothing is published yet", f"; {without}" if without else None, ". First: ", command(run_night()), ".")
