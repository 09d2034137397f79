"""Messages and sessions that several tests of the ledger speak about."""

from datetime import UTC, date, datetime, time, timedelta

import polars as pl

from amc_learning.contracts.declared.trades import trade_positions
from amc_learning.learning.ledger.fold import fold_messages
from amc_learning.learning.ledger.messages import MESSAGE_SCHEMA
from amc_learning.learning.ledger.records import LedgerRules

DAYS = [date(2024, 1, 1) + timedelta(days) for days in (0, 1, 2, 3, 4, 7, 8, 9, 10, 11, 14, 15)]
"""Twelve weekdays over three weeks, all of them sessions that open at 14:30 and close at 21:00 UTC."""
RULES = LedgerRules()
NO_STATE = trade_positions().empty()


def at(day, hour, minute=0):
    return datetime.combine(day, time(hour, minute), UTC)


SESSIONS = pl.DataFrame(
    {
        "session_date": DAYS,
        "opens_at": [at(day, 14, 30) for day in DAYS],
        "closes_at": [at(day, 21) for day in DAYS],
    },
    schema_overrides={"opens_at": pl.Datetime("us", "UTC"), "closes_at": pl.Datetime("us", "UTC")},
)


def message(message_id, change_type, occurred_at, price=None, quantity=None, **said):
    """One row of trade_messages of ABC; known on the day it happened, received a second later, unless said."""
    row = {
        "message_id": message_id,
        "event_id": message_id,
        "known_on": occurred_at.date(),
        "occurred_at": occurred_at,
        "occurred_at_source": "payload",
        "received_at": occurred_at + timedelta(seconds=1),
        "symbol": "ABC",
        "change_type": change_type,
        "price_usd": price,
        "quantity_shares": quantity,
    }
    return row | said


def frame(*rows):
    return pl.DataFrame([dict.fromkeys(MESSAGE_SCHEMA) | row for row in rows], schema=MESSAGE_SCHEMA)


def folded(*rows, days=DAYS, rules=RULES, state=NO_STATE):
    return fold_messages(frame(*rows), state, as_of=days, rules=rules)


def issues_of(days):
    """Message and issue, in order."""
    return sorted(days.issues.select("message_id", "issue").rows())


def final(closed):
    """The newest statement of each trade, without the ledger's own bookkeeping."""
    return (
        closed.sort("known_on", "revision")
        .unique("position_id", keep="last")
        .drop("known_on", "position_id", "revision")
        .sort(pl.all())
    )
