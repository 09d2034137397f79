"""The shared feed of trades as rows of trade_messages, for the tests on real data."""

import gzip
import json
from pathlib import Path

import polars as pl

from amc_learning.learning.ledger.messages import MESSAGE_SCHEMA

MARKET = (Path(__file__).resolve().parents[3] / "../shared/data/market").resolve()


def trade_messages():
    """Every line of the feed, in the columns of trade_messages; times carry their zone, reasons are the feed's own."""
    reasons = {"time": "time_exit"}
    rows = []
    with gzip.open(MARKET / "feed/trades.ndjson.gz", "rt") as lines:
        for number, line in enumerate(lines):
            event = json.loads(line)
            sent = event["change_data"]
            is_open = event["change_type"] == "OPEN"
            reason = sent.get("exit_reason")
            rows.append(
                {
                    "message_id": f"m{number:05d}",
                    "occurred_at": event["timestamp"],
                    "symbol": event["symbol"],
                    "change_type": event["change_type"],
                    "trade_id": sent["trade_id"],
                    "price_usd": sent["entry_price"] if is_open else sent["exit_price"],
                    "quantity_shares": sent["shares"],
                    "entry_price_usd": sent["entry_price"],
                    "exit_price_usd": sent.get("exit_price"),
                    "position_size_usd": sent["position_size"],
                    "exit_reason": reasons.get(reason, reason),
                    "exit_reason_sent": reason,
                    "signal_date": sent.get("signal_date"),
                }
            )
    texts = {"occurred_at": pl.String, "signal_date": pl.String}
    schema = {name: texts.get(name, dtype) for name, dtype in MESSAGE_SCHEMA.items() if name in rows[0]}
    occurred_at = pl.col("occurred_at").str.to_datetime("%Y-%m-%dT%H:%M:%S%z", time_unit="us")
    frame = pl.DataFrame(rows, schema=schema).with_columns(
        occurred_at.alias("occurred_at"), pl.col("signal_date").str.to_date()
    )
    frame = frame.with_columns(
        event_id="message_id",
        received_at="occurred_at",
        occurred_at_source=pl.lit("payload"),
        known_on=pl.col("occurred_at").dt.convert_time_zone("America/New_York").dt.date(),
    )
    absent = [pl.lit(None, dtype).alias(name) for name, dtype in MESSAGE_SCHEMA.items() if name not in frame.columns]
    return frame.with_columns(absent).select(MESSAGE_SCHEMA.names())
