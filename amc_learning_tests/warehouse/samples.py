"""A small table with every type the warehouse stores, and rows for it."""

from datetime import UTC, date, datetime, timedelta

import polars as pl

from amc_learning.contracts.tables import KNOWN_ON, TIMESTAMP, Column, Table
from amc_learning.warehouse.events import InboxEvent

MEASUREMENTS = Table(
    "measurements",
    "measure",
    "One row per symbol and day, with every type there is.",
    ("symbol",),
    (
        KNOWN_ON,
        Column("symbol", pl.String, "Symbol."),
        Column("at", TIMESTAMP, "When.", "UTC"),
        Column("n_pairs", pl.Int64, "Pairs.", "rows"),
        Column("is_selected", pl.Boolean, "Selected.", is_nullable=True),
        Column("score", pl.Float64, "Score.", "points", is_nullable=True),
        Column("bin_n", pl.Array(pl.Int64, 101), "Pairs per bin.", "rows"),
        Column("covariances", pl.Array(pl.Float64, 3), "Covariances.", is_nullable=True),
        Column("warnings", pl.List(pl.String), "Warnings."),
    ),
)

MONDAY = date(2024, 1, 1)


def day(number: int) -> date:
    return MONDAY + timedelta(days=number)


def rows(*keys: tuple[int, str], score: float = 1.5) -> pl.DataFrame:
    """One row per (day number, symbol); values depend on the key, so that a mixed-up row is noticed."""
    return pl.DataFrame(
        {
            "known_on": [day(number) for number, _ in keys],
            "symbol": [symbol for _, symbol in keys],
            "at": [datetime(2024, 1, 1, 14, 30, 0, 7, tzinfo=UTC) + timedelta(days=number) for number, _ in keys],
            "n_pairs": [number * 1000 + len(symbol) for number, symbol in keys],
            "is_selected": [None if number % 3 == 0 else symbol < "M" for number, symbol in keys],
            "score": [None if symbol.startswith("N") else score + number for number, symbol in keys],
            "bin_n": [[number * bin_ for bin_ in range(101)] for number, _ in keys],
            "covariances": [None if number % 2 else [0.1, -0.0, None] for number, _ in keys],
            "warnings": [[f"w{number}", symbol][: number % 3] for number, symbol in keys],
        },
        schema=MEASUREMENTS.schema,
    )


def event(
    number: int, *, payload: str | None = None, known_on: date | None = None, kind: str = "discovery"
) -> InboxEvent:
    instant = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=number, microseconds=number)
    return InboxEvent(
        kind=kind,
        event_id=f"event-{number}",
        known_on=known_on or day(number % 5),
        received_at=instant,
        occurred_at=instant - timedelta(minutes=1),
        occurred_at_source="payload",
        source=f"feed.ndjson line {number}",
        payload=payload if payload is not None else f'{{"number": {number}, "text": "žluťoučký"}}',
    )
