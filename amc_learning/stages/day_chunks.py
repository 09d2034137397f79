"""A range of days in chunks: memory is bounded by the rows that are looked at together, not by the length of history.

Belongs here: which days go together, reading scattered days, what a stage that works in chunks tells of its rows.
Not here: what is computed from the rows (the stages).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from amc_learning.warehouse.tables import PartitionedTable

ROWS_AT_ONCE = 500_000
"""Rows of input a chunk may have, unless one day alone has more: with the copies a join makes about 600 MB."""

DAYS_AT_ONCE = 260
"""Days whose windows are computed together: a year of weekdays, which shares the reading of its window."""


@dataclass(frozen=True)
class WrittenDays:
    """What a stage wrote over a range, without holding it.

    Attributes:
        n_rows: rows written for all days.
        last: the rows of the last chunk; for a night, and for most ranges, all of them.
    """

    n_rows: int
    last: pl.DataFrame


def chunks_by_rows(inputs: PartitionedTable, days: Sequence[date], rows_at_once: int) -> Iterator[Sequence[date]]:
    """The days in their order, as many together as their rows in `inputs` allow; the manifest says how many there are.

    Args:
        inputs: the table that is largest in what the stage reads.
        days: ascending knowledge days, at least one.
        rows_at_once: rows of a chunk; a day with more is a chunk of its own.
    """
    n_rows = {entry.known_on: entry.n_rows for entry in inputs.entries(days[0], days[-1])}
    start, n_together = 0, 0
    for place, day in enumerate(days):
        n_of_day = n_rows.get(day, 0)
        if place > start and n_together + n_of_day > rows_at_once:
            yield days[start:place]
            start, n_together = place, 0
        n_together += n_of_day
    yield days[start:]


def chunks_by_days(days: Sequence[date], days_at_once: int) -> Iterator[Sequence[date]]:
    """The days in their order, a fixed number together.

    >>> [len(chunk) for chunk in chunks_by_days([date(2024, 1, day) for day in range(1, 8)], 3)]
    [3, 3, 1]
    """
    for start in range(0, len(days), days_at_once):
        yield days[start : start + days_at_once]


def read_days(table: PartitionedTable, days: Iterable[date], columns: Sequence[str]) -> pl.DataFrame:
    """Rows of scattered knowledge days, and of no day between them; days that are not stored have none.

    Args:
        table: what is read.
        days: in any order.
        columns: names to read.
    """
    wanted = sorted(set(days))
    if not wanted:
        return table.table.empty().select(columns)
    parts = [table.read(first, last, columns) for first, last in _runs(table, wanted)]
    return pl.concat(parts) if parts else table.table.empty().select(columns)


def _runs(table: PartitionedTable, wanted: Sequence[date]) -> Iterator[tuple[date, date]]:
    """First and last day of stretches in which every stored day is wanted: one reading for each."""
    is_wanted = set(wanted)
    run: list[date] = []
    for entry in table.entries(wanted[0], wanted[-1]):
        if entry.known_on in is_wanted:
            run.append(entry.known_on)
        elif run:
            yield run[0], run[-1]
            run = []
    if run:
        yield run[0], run[-1]
