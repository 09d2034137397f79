"""Rows of tables by knowledge day, as documents are made of them.

Belongs here: reading a range once and handing it out day by day. Not here: what a document says (documents).
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from amc_learning.contracts.knowledge_days import MARKET_TIMEZONE
from amc_learning.warehouse import Warehouse

Row = dict[str, Any]


@dataclass(frozen=True)
class DayRows:
    """Rows of one table by knowledge day, with the hash of each partition that was written."""

    rows: dict[date, list[Row]]
    hashes: dict[date, str | None]

    @cached_property
    def days(self) -> list[date]:
        """Days with rows, in order."""
        return sorted(self.rows)

    @cached_property
    def _written(self) -> list[date]:
        return sorted(self.hashes)

    def on(self, day: date) -> list[Row]:
        """The rows of this very day; none where it has none."""
        return self.rows.get(day, [])

    def as_of(self, day: date) -> list[Row]:
        """The rows of the last night written up to this day, which may have none.

        A day that is published ahead of its night stands on what the night before knew.
        """
        night = self.night(day)
        return self.rows.get(night, []) if night else []

    def night(self, day: date) -> date | None:
        """The last night written up to this day."""
        place = bisect_right(self._written, day)
        return self._written[place - 1] if place else None

    def hash_as_of(self, day: date) -> str | None:
        """sha256 of the partition of that night; None for a night without rows, and before the first."""
        night = self.night(day)
        return self.hashes[night] if night else None

    def up_to(self, day: date) -> list[Row]:
        """The rows of the last day with rows up to this one."""
        found = self.last_day(day)
        return self.rows[found] if found else []

    def last_day(self, day: date) -> date | None:
        """The last day with rows up to this one."""
        place = bisect_right(self.days, day)
        return self.days[place - 1] if place else None

    def first_where(self, day: date, **values: object) -> Row | None:
        """The first row of the last night with these values; None where there is none."""
        return next((row for row in self.as_of(day) if all(row[name] == value for name, value in values.items())), None)


def day_rows(
    warehouse: Warehouse, table: str, first: date, last: date, columns: Sequence[str] | None = None
) -> DayRows:
    """All rows of a table known from `first` to `last`, by day; from the night before when `first` was not written."""
    stored = warehouse.table(table)
    first = first if stored.has(first) else stored.latest_on_or_before(first) or first
    wanted = None if columns is None else ["known_on", *columns]
    frame = stored.read(first, last, columns=wanted)
    rows = {key[0]: part.to_dicts() for key, part in frame.partition_by("known_on", as_dict=True).items()}
    hashes = {entry.known_on: entry.sha256 for entry in stored.entries(first, last)}
    return DayRows(rows, hashes)


def end_of(day: date) -> datetime:
    """The end of a knowledge day on the market's clock, in UTC."""
    return datetime.combine(day + timedelta(days=1), time(), ZoneInfo(MARKET_TIMEZONE)).astimezone(UTC)
