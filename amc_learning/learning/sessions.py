"""Counting in exchange sessions: which session a decision enters in, and which one an outcome matures in.

Belongs here: positions on the session axis. Not here: prices (outcomes.py), where sessions come from (market_calendar).
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

Positions = npt.NDArray[np.int64]


@dataclass(frozen=True)
class SessionAxis:
    """Sessions in order; a session's position is its index here.

    `days` are days since 1970-01-01, `opens_at` is in microseconds UTC since 1970, as polars stores them.
    """

    days: Positions
    opens_at: Positions

    def span(self, first: date, last: date) -> tuple[int, int]:
        """Positions [start, stop) of the sessions from `first` to `last`, both included."""
        bounds = np.array([first, last], dtype="datetime64[D]").astype(np.int64)
        start = int(np.searchsorted(self.days, bounds[0], side="left"))
        return start, max(start, int(np.searchsorted(self.days, bounds[1], side="right")))

    def first_opening_after(self, instants: pl.Series) -> Positions:
        """Position of the first session that opens strictly after each instant; 0 also for instants before the axis."""
        microseconds = instants.dt.cast_time_unit("us").to_physical().to_numpy()
        return np.searchsorted(self.opens_at, microseconds, side="right").astype(np.int64)

    def positions_of(self, dates: pl.Series) -> Positions:
        """Position of the session held on each date, -1 where there is none."""
        days = dates.to_physical().to_numpy().astype(np.int64)
        found = np.searchsorted(self.days, days)
        inside = found < len(self.days)
        is_session = np.zeros(len(days), dtype=bool)
        is_session[inside] = self.days[found[inside]] == days[inside]
        return np.where(is_session, found, -1)

    def dates(self, positions: Positions) -> pl.Series:
        """The dates of these positions."""
        return pl.Series(self.days[positions].astype(np.int32)).cast(pl.Date)

    def date_at(self, position: int) -> date:
        """The date of one position."""
        day: Any = self.days[position].astype("datetime64[D]").item()
        return date(day.year, day.month, day.day)


def session_axis(sessions: pl.DataFrame) -> SessionAxis:
    """The axis of a frame of sessions.

    Args:
        sessions: `session_date` (Date) and `opens_at` (UTC), one row per session, in any order.

    Raises:
        ValueError: a session is given twice, or sessions do not open in the order of their dates.
    """
    ordered = sessions.select("session_date", "opens_at").sort("session_date")
    days = ordered["session_date"].to_physical().to_numpy().astype(np.int64)
    opens_at = ordered["opens_at"].dt.cast_time_unit("us").to_physical().to_numpy().astype(np.int64)
    if (np.diff(days) <= 0).any() or (np.diff(opens_at) <= 0).any():
        raise ValueError("sessions must be distinct and open in the order of their dates")
    return SessionAxis(days, opens_at)
