"""Rows of tables by knowledge day, as documents are made of them.

Belongs here: reading a range once and handing it out day by day. Not here: what a document says (documents).
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from amc_learning.contracts.knowledge_days import MARKET_TIMEZONE
from amc_learning.warehouse import Warehouse

Row = dict[str, Any]


@dataclass(frozen=True)
class DayRows:
    """Rows of one table by knowledge day, with the hash of each partition."""

    rows: dict[date, list[Row]]
    hashes: dict[date, str | None]
    days: list[date]

    def on(self, day: date) -> list[Row]:
        """The rows of this day; none where it has none."""
        return self.rows.get(day, [])

    def up_to(self, day: date) -> list[Row]:
        """The rows of the last day with rows up to this one."""
        found = self.last_day(day)
        return self.rows[found] if found else []

    def last_day(self, day: date) -> date | None:
        """The last day with rows up to this one."""
        place = bisect_right(self.days, day)
        return self.days[place - 1] if place else None

    def first_where(self, day: date, **values: object) -> Row | None:
        """The first row of this day with these values; None where there is none."""
        return next((row for row in self.on(day) if all(row[name] == value for name, value in values.items())), None)


def day_rows(
    warehouse: Warehouse, table: str, first: date, last: date, columns: Sequence[str] | None = None
) -> DayRows:
    """All rows of a table known from `first` to `last`, by day."""
    stored = warehouse.table(table)
    wanted = None if columns is None else ["known_on", *columns]
    frame = stored.read(first, last, columns=wanted)
    rows = {key[0]: part.to_dicts() for key, part in frame.partition_by("known_on", as_dict=True).items()}
    hashes = {entry.known_on: entry.sha256 for entry in stored.entries(first, last)}
    return DayRows(rows, hashes, sorted(rows))


def end_of(day: date) -> datetime:
    """The end of a knowledge day on the market's clock, in UTC."""
    return datetime.combine(day + timedelta(days=1), time(), ZoneInfo(MARKET_TIMEZONE)).astimezone(UTC)
