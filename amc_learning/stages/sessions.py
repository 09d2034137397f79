"""The sessions of the exchange that the settings name.

Belongs here: which exchange is asked, and where its calendar is kept. Not here: asking it (market_calendar).
"""

from datetime import date

import polars as pl

from amc_learning.market_calendar import exchange_sessions
from amc_learning.settings import Settings

CALENDAR_FOLDER = "calendar"
"""Folder under the data directory for calendars already built; what is removed there is built again."""


def sessions_between(settings: Settings, start: date, end: date) -> pl.DataFrame:
    """Sessions from `start` to `end`, both included, as `exchange_sessions` gives them."""
    folder = settings.data_dir.expanduser() / CALENDAR_FOLDER
    return exchange_sessions(settings.market.exchange, start, end, kept_in=folder)
