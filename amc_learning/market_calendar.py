"""When the exchange is open: the sessions that entries, maturities and horizons are counted in.

Belongs here: asking exchange_calendars, which nothing else of the project needs to know, and keeping what it said.
Not here: what is counted in sessions (learning/outcomes.py), which knowledge days there are (weekdays, holidays too).
"""

import warnings
from datetime import date
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

import polars as pl

from amc_learning.contracts.knowledge_days import FIRST_KNOWLEDGE_DAY
from amc_learning.contracts.tables import TIMESTAMP
from amc_learning.warehouse.kept import keep, kept

SESSIONS_SCHEMA = pl.Schema([("session_date", pl.Date), ("opens_at", TIMESTAMP), ("closes_at", TIMESTAMP)])


class ExchangeError(ValueError):
    """The exchange of the settings is none that is known."""


def exchange_sessions(exchange: str, start: date, end: date, *, kept_in: Path | None = None) -> pl.DataFrame:
    """The sessions of an exchange from `start` to `end`, both included, early closes as they were.

    The calendar is built for whole years from the first knowledge day on and cut, so a session's row never depends on
    the range asked for, and never on today's date, and all that a night asks for is built once.

    Args:
        exchange: name in exchange_calendars, for example XNYS.
        start: first date wanted.
        end: last date wanted; an `end` before `start` gives no rows.
        kept_in: folder where whole years are kept for the next process, which then needs neither the library nor
            pandas, a second of work. What is damaged there, or made by another version of the library, is not used;
            where nothing can be written nothing is kept.

    Returns:
        `session_date` (Date), `opens_at`, `closes_at` (UTC), one row per session, ascending; without rows when the
        range holds no session.

    Raises:
        ExchangeError: the exchange is unknown.
        ValueError: the library has no calendar for these years.

    Source: exchange_calendars (holidays, special closings and early closes of the exchanges).

    >>> exchange_sessions("XNYS", date(2013, 11, 28), date(2013, 12, 1)).rows()
    [(datetime.date(2013, 11, 29),
      datetime.datetime(2013, 11, 29, 14, 30, tzinfo=zoneinfo.ZoneInfo(key='UTC')),
      datetime.datetime(2013, 11, 29, 18, 0, tzinfo=zoneinfo.ZoneInfo(key='UTC')))]
    """
    if end < start:
        return pl.DataFrame(schema=SESSIONS_SCHEMA)
    sessions = _sessions_of_years(exchange, min(start.year, FIRST_KNOWLEDGE_DAY.year), end.year, kept_in)
    return sessions.filter(pl.col("session_date").is_between(start, end))


@lru_cache(maxsize=16)
def _sessions_of_years(exchange: str, first_year: int, last_year: int, kept_in: Path | None) -> pl.DataFrame:
    if kept_in is None:
        return _asked(exchange, first_year, last_year)
    name = f"{quote(exchange, safe='')}-{first_year}-{last_year}-{version('exchange_calendars')}"
    sessions = kept(kept_in, name)
    if sessions is None:
        sessions = _asked(exchange, first_year, last_year)
        keep(kept_in, name, sessions)
    return sessions


def _asked(exchange: str, first_year: int, last_year: int) -> pl.DataFrame:
    # Imported here: it brings pandas, half a second that a reader of the package should not pay.
    import exchange_calendars  # noqa: PLC0415
    import exchange_calendars.errors  # noqa: PLC0415

    try:
        with warnings.catch_warnings():
            # exchange_calendars 4.13 reads timestamps in a way that pandas 3.1 will change; the values are right.
            warnings.simplefilter("ignore", DeprecationWarning)
            calendar = exchange_calendars.get_calendar(exchange, start=f"{first_year}-01-01", end=f"{last_year}-12-31")
    except exchange_calendars.errors.InvalidCalendarName as error:
        raise ExchangeError(
            f"market.exchange: no exchange named {exchange!r}; XNYS is the New York Stock Exchange"
        ) from error
    schedule = calendar.schedule
    return pl.DataFrame(
        {
            "session_date": schedule.index.to_numpy().astype("datetime64[D]"),
            "opens_at": schedule["open"].dt.tz_convert(None).to_numpy().astype("datetime64[us]"),
            "closes_at": schedule["close"].dt.tz_convert(None).to_numpy().astype("datetime64[us]"),
        }
    ).with_columns(pl.col("opens_at", "closes_at").dt.replace_time_zone("UTC"))
