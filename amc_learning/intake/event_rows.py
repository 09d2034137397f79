"""Rows made of raw events: what every kind of normalisation shares.

Belongs here: collecting rows and rejections by event, and completing them with what the stored event says.
Not here: what any payload means.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import polars as pl

from amc_learning.contracts.declared.columns import Table
from amc_learning.intake.text import as_text

SATURDAY = 6
"""`dt.weekday()` of polars: Monday is 1."""

LARGEST_STORED_PAYLOAD = 1 << 30
"""What is stored has passed the door; it is read whatever its size."""

MAX_ROWS = 5_000
"""Rows read of one payload; those beyond are rejected together."""

WHOLE = "payload"
"""Stands for the path when no single place is to blame."""


@dataclass
class Rejections:
    """What could not be understood, by the number of its event; of one place the first reason counts."""

    columns: dict[str, list[object]] = field(
        default_factory=lambda: {"event": [], "path": [], "value": [], "reason": []}
    )
    taken: set[tuple[int, str]] = field(default_factory=set)

    def add(self, event: int, path: str, value: object, reason: str) -> None:
        """Keep one rejection, the value shortened for people."""
        path = as_text(path or WHOLE, limit=500)
        if (event, path) in self.taken:
            return
        self.taken.add((event, path))
        row = (event, path, None if value is None else as_text(value), reason)
        for column, cell in zip(self.columns.values(), row, strict=True):
            column.append(cell)


def event_heads(events: pl.DataFrame, market_timezone: str) -> pl.DataFrame:
    """What the stored events say, numbered from 0 in `event`, with `is_late`: received after the knowledge day."""
    return events.select(
        "known_on",
        "event_id",
        "occurred_at",
        "occurred_at_source",
        "received_at",
        is_late=knowledge_day_of(pl.col("received_at"), market_timezone) > pl.col("known_on"),
    ).with_row_index("event")


def knowledge_day_of(instant: pl.Expr, market_timezone: str) -> pl.Expr:
    """`contracts.knowledge_days.knowledge_day` of a whole column."""
    day = instant.dt.convert_time_zone(market_timezone).dt.date()
    weekday = day.dt.weekday().cast(pl.Int64)
    return day + pl.duration(days=pl.when(weekday >= SATURDAY).then(SATURDAY + 2 - weekday).otherwise(0))


def as_table(columns: dict[str, list[object]], heads: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Columns by event number, completed by the heads, cast to the table and sorted by its key."""
    known = table.schema
    rows = pl.DataFrame(columns, schema={name: known.get(name, pl.UInt32) for name in columns})
    missing = [name for name in heads.columns if name == "event" or name not in columns]
    joined = rows.join(heads.select(missing), on="event", how="left", maintain_order="left")
    return joined.select(table.column_names).cast(table.schema).sort("known_on", *table.key)


def transposed(rows: Sequence[dict[str, object]], names: Iterable[str]) -> dict[str, list[object]]:
    """Rows as columns; a row that says nothing about a column is null there."""
    return {name: [row.get(name) for row in rows] for name in ("event", *names)}
