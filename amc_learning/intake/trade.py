"""Trade messages, understood: stored events in, rows of messages and rejections out.

Belongs here: the passage over events. Not here: one message (trade_row.py), the vocabulary and what kind of change a
message is (trade_shape.py), positions (the ledger). A message is understood from its own payload alone.
"""

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from amc_learning.contracts.declared.collect import trade_messages, trade_rejections
from amc_learning.intake.event_rows import (
    LARGEST_STORED_PAYLOAD,
    MAX_ROWS,
    Rejections,
    as_table,
    event_heads,
    transposed,
)
from amc_learning.intake.instants import TimeRules
from amc_learning.intake.payload import Parsed, parse_payload
from amc_learning.intake.trade_row import MessageReader
from amc_learning.intake.trade_shape import NO_TRADE, find_trades

__all__ = ["NormalisedTrades", "normalise_trades"]

_HEAD_COLUMNS = frozenset({"known_on", "event_id", "occurred_at_source", "received_at"})


@dataclass(frozen=True)
class NormalisedTrades:
    """Rows of the tables trade_messages and trade_rejections, sorted by day and key."""

    messages: pl.DataFrame
    rejections: pl.DataFrame


def normalise_trades(
    events: pl.DataFrame, *, max_messages: int = MAX_ROWS, rules: TimeRules | None = None
) -> NormalisedTrades:
    """Rows of messages and rejections from stored trade events.

    Every event gives at least one message or one rejection. A message without a valid symbol, of no recognisable kind,
    or of a short position is rejected as a whole; any other value that cannot be used is null and has a rejection of
    its own that names the field. Prices and quantities are positive or null: an exit price that was not known stays
    null. Returns and excursions are fractions, in whatever unit they came (trade_returns.py).

    Args:
        events: rows of the table trade_events, in any order.
        max_messages: messages read per payload; those beyond are rejected together.
        rules: how the timestamps inside messages are read.

    Returns:
        Two frames with exactly the schemas of the tables, sorted by known_on and key. They do not depend on which
        other events are in the batch. Never raises for what a payload holds.
    """
    rules = rules or TimeRules()
    table, rejections = trade_messages(), Rejections()
    rows: list[dict[str, object]] = []
    columns = events.select("event_id", "occurred_at", "payload").iter_rows()
    for event, (event_id, occurred_at, payload) in enumerate(columns):
        messages = _read(event, occurred_at, payload, max_messages, MessageReader(event, rejections, rules))
        for number, row in messages:
            row["event"] = event
            row["message_id"] = event_id if number == 1 else f"{event_id}#{number}"
            rows.append(row)
    heads = event_heads(events, rules.market_timezone).drop("is_late")
    names = [name for name in table.column_names if name not in _HEAD_COLUMNS]
    return NormalisedTrades(
        as_table(transposed(rows, names), heads, table),
        as_table(rejections.columns, heads, trade_rejections()),
    )


def _read(
    event: int, occurred_at: datetime, payload: str, max_messages: int, reader: MessageReader
) -> list[tuple[int, dict[str, object]]]:
    """The messages of one event, each with its number in the payload."""
    parsed = parse_payload(payload, max_bytes=LARGEST_STORED_PAYLOAD)
    if not isinstance(parsed, Parsed):
        reader.rejections.add(event, "", None, parsed.reason)
        return []
    found = find_trades(parsed.value)
    if not found:
        reader.rejections.add(event, "", parsed.value, NO_TRADE)
    if len(found) > max_messages:
        reason = f"only the first {max_messages:,} messages are read; {len(found) - max_messages:,} more"
        reader.rejections.add(event, found[max_messages].path, None, reason)
    read = ((number, reader.row(one, occurred_at)) for number, one in enumerate(found[:max_messages], start=1))
    return [(number, row) for number, row in read if row is not None]
