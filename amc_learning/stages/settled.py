"""Which days of the trade ledger still hold: settled, and from what lies in the warehouse now.

Belongs here: what a day was settled from, and whether that has changed since. Not here: settling (trades).
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import islice

import polars as pl

from amc_learning.warehouse import Warehouse, reopened
from amc_learning.warehouse.errors import CorruptPartition
from amc_learning.warehouse.manifest import ManifestEntry

LONGEST_LOOK = timedelta(days=120)
"""A night looks this far back for changed days, as far as late events are brought up to date by themselves.

Days that were never settled are seen however old they are; the doctor looks at all days.
"""

MESSAGES, POSITIONS = "trade_messages", "trade_positions"


def first_unsettled(
    warehouse: Warehouse, before: date, *, looking_back: timedelta | None = LONGEST_LOOK
) -> date | None:
    """The first day before `before` that must be settled (again) for later days to follow from it; None: all hold.

    That is a day with messages that was never settled, whose messages are others than those it was settled from, or
    whose positions started from others than those now stored for the day before.
    """
    yesterday, settled = before - timedelta(days=1), warehouse.table("settled_days")
    messages, since = warehouse.table(MESSAGES), None if looking_back is None else before - looking_back
    never = (day for day in sorted({*messages.days()}.difference(settled.days())) if day <= yesterday)
    filled = (day for day in never if (entry := messages.entry(day)) and entry.n_rows)
    told = {entry.known_on: entry for entry in messages.entries(since, yesterday)}
    changed = _changed(told, _starts(warehouse, since, yesterday), settled.read(since, yesterday))
    return min([*islice(filled, 1), *changed], default=None)


def _changed(
    messages: dict[date, ManifestEntry], starts: dict[date, ManifestEntry | None], records: pl.DataFrame
) -> Iterator[date]:
    """Days whose record names other bytes than those stored now."""
    for day, source, sha256 in records.select("known_on", "source", "sha256").iter_rows():
        entry = messages.get(day) if source == MESSAGES else starts.get(day)
        if day not in starts or sha256 != (entry.sha256 if entry else None):
            yield day


def _starts(warehouse: Warehouse, first: date | None, last: date) -> dict[date, ManifestEntry | None]:
    """The entry of the positions that each settled day from `first` to `last` started from."""
    positions = warehouse.table(POSITIONS)
    entries = positions.entries(first, last)
    earlier = None if first is None else positions.latest_on_or_before(first - timedelta(days=1))
    before = None if earlier is None else positions.entry(earlier)
    return {entry.known_on: start for entry, start in zip(entries, [before, *entries], strict=False)}


def remember_settled(warehouse: Warehouse, days: Sequence[date]) -> None:
    """Write what these days were settled from. Call it after their positions, inside the same `turn`."""
    messages = {entry.known_on: entry for entry in warehouse.table(MESSAGES).entries(days[0], days[-1])}
    starts = _starts(warehouse, days[0], days[-1])
    rows = [
        (day, source, entry.known_on if entry else None, entry.n_rows if entry else 0, entry.sha256 if entry else None)
        for day in days
        for source, entry in ((MESSAGES, messages.get(day)), (POSITIONS, starts[day]))
    ]
    table = warehouse.table("settled_days")
    table.write(pl.DataFrame(rows, schema=table.table.schema, orient="row"), days)


def reopen_later_days(warehouse: Warehouse, positions: pl.DataFrame, last: date) -> None:
    """Remember later days of the ledger as open when these positions of `last` are not those they were built on.

    Call it before the positions are written, inside the same `turn`.
    """
    table = warehouse.table(POSITIONS)
    later = [entry.known_on for entry in table.entries(last + timedelta(days=1), None)]
    if later and not _is_stored(warehouse, positions.filter(pl.col("known_on") == last), last):
        reopened.add(
            warehouse, "closed_trades", dict.fromkeys(later, f"the trades of {last} or before were settled again")
        )


def _is_stored(warehouse: Warehouse, positions: pl.DataFrame, day: date) -> bool:
    try:
        return warehouse.table(POSITIONS).read(day, day).equals(positions)
    except CorruptPartition:
        return False
