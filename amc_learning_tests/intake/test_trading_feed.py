"""The whole real feed of theses and trades through the door and out of it, against the flat tables of the same data."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from amc_learning.contracts.declared.collect import raw_events
from amc_learning.intake.envelope import Envelope, receive
from amc_learning.intake.files import read_records
from amc_learning.intake.thesis import normalise_theses
from amc_learning.intake.trade import normalise_trades

MARKET = (Path(__file__).resolve().parents[2] / "../shared/data/market").resolve()
pytestmark = [
    pytest.mark.real_feed,
    pytest.mark.skipif(not MARKET.is_dir(), reason=f"the shared market data is not at {MARKET}"),
]

EVENTS = raw_events("events", "Events of the feed.")
RECEIVED_AT = datetime(2026, 1, 1, tzinfo=UTC)


def events_of(file: str, kind: str) -> pl.DataFrame:
    envelopes = [
        receive(record.text, kind=kind, source=record.source, received_at=RECEIVED_AT)
        for record in read_records(MARKET / "feed" / file)
    ]
    assert all(isinstance(envelope, Envelope) and not envelope.warnings for envelope in envelopes)
    return pl.DataFrame(
        {name: [getattr(envelope, name) for envelope in envelopes] for name in EVENTS.column_names},
        schema=EVENTS.schema,
    )


@pytest.fixture(scope="module")
def theses():
    return normalise_theses(events_of("thesis.ndjson.gz", "thesis"))


@pytest.fixture(scope="module")
def trades():
    return normalise_trades(events_of("trades.ndjson.gz", "trade"))


def test_every_thesis_is_understood_and_says_what_the_flat_table_says(theses):
    assert theses.rejections.is_empty()
    flat = pl.read_parquet(MARKET / "events_thesis.parquet").select(
        "symbol",
        "recommendation",
        "confidence",
        "source",
        "market_regime",
        "reasoning",
        known_on="date",
        thesis_id=pl.format("thesis:{}", "thesis_id"),
    )
    assert flat.height == 17_510
    ours = theses.decisions
    assert ours["warnings"].list.len().sum() == 0
    at_1615 = pl.col("known_on").cast(pl.Datetime("us")).dt.offset_by("16h15m").dt.replace_time_zone("America/New_York")
    at_1615 = at_1615.dt.convert_time_zone("UTC")
    assert ours.filter(pl.col("decided_at") != at_1615).is_empty()
    assert ours.select(flat.columns).sort("thesis_id").equals(flat.sort("thesis_id"))


def test_every_trade_message_is_understood_and_says_what_the_flat_table_says(trades):
    assert trades.rejections.is_empty()
    messages = trades.messages
    assert messages.height == 17_392
    assert messages["warnings"].list.len().sum() == 0
    assert messages.select("message_id").is_duplicated().sum() == 0
    flat = pl.read_parquet(MARKET / "events_trades.parquet")
    opened = messages.filter(pl.col("change_type") == "OPEN").join(flat, on="trade_id", how="left", suffix="_flat")
    closed = messages.filter(pl.col("change_type") == "CLOSE").join(flat, on="trade_id", how="left", suffix="_flat")
    # The flat table holds every trade; those still open at the end of the data have no CLOSE.
    assert (opened.height, closed.height) == (flat.height, 8_644)
    reason = pl.col("exit_reason_flat").replace({"time": "time_exit"})
    differing = {
        "symbol": opened.filter(pl.col("symbol") != pl.col("symbol_flat")),
        "entry day": opened.filter(pl.col("known_on") != pl.col("entry_date")),
        "signal": opened.filter(pl.col("signal_date").ne_missing(pl.col("signal_date_flat"))),
        "entry": opened.filter(pl.col("price_usd").ne_missing(pl.col("entry_price"))),
        "shares": opened.filter(pl.col("quantity_shares").ne_missing(pl.col("shares"))),
        "size": opened.filter(pl.col("position_size_usd").ne_missing(pl.col("position_size"))),
        "exit day": closed.filter(pl.col("known_on") != pl.col("exit_date")),
        "exit": closed.filter(pl.col("price_usd").ne_missing(pl.col("exit_price"))),
        "sold": closed.filter(pl.col("quantity_shares").ne_missing(pl.col("shares"))),
        "holding": closed.filter(pl.col("holding_period_sent").ne_missing(pl.col("holding_sessions").cast(pl.Float64))),
        "reason": closed.filter(pl.col("exit_reason") != reason),
    }
    assert {what: rows.height for what, rows in differing.items() if rows.height} == {}
