"""Tables of the trade ledger: positions day by day, openings, closed trades, their outcomes, what did not fit, and
what each day was settled from."""

from collections.abc import Sequence

import polars as pl

from amc_learning.contracts.declared.columns import (
    DECISION_ID,
    ENTRY_DATE,
    HORIZON,
    KNOWN_ON,
    SYMBOL,
    TIMESTAMP,
    TOTAL_SCORE,
    Column,
    Table,
    score_columns,
)

POSITION_ID = Column("position_id", pl.String, "Identifier of the position: the message it was first known by.")
TRADE_ID = Column("trade_id", pl.String, "The sender's own name of the trade.", is_nullable=True)


def trade_positions() -> Table:
    """Declaration of trade_positions."""
    return Table(
        "trade_positions",
        "outcomes",
        "The ledger at the end of the day: open positions, and for a while the closed ones and the closes without an opening, "
        "so that late openings, duplicates and corrections are recognised.",
        ("position_id",),
        (
            KNOWN_ON,
            POSITION_ID,
            SYMBOL,
            TRADE_ID,
            Column(
                "status",
                pl.String,
                "open, closed, or awaiting_open (messages without an opening that say too little by themselves).",
            ),
            Column("opened_at", TIMESTAMP, "When it was opened.", "UTC", is_nullable=True),
            Column("closed_at", TIMESTAMP, "When the last share was sold.", "UTC", is_nullable=True),
            Column(
                "shares_held", pl.Float64, "Shares left; null when no quantity was sent.", "shares", is_nullable=True
            ),
            Column(
                "average_entry_price_usd",
                pl.Float64,
                "Average price paid for the shares held, weighted by shares.",
                "USD",
                is_nullable=True,
            ),
            Column(
                "realised_pnl_usd",
                pl.Float64,
                "Proceeds of what was sold so far over its average cost.",
                "USD",
                is_nullable=True,
            ),
            Column("revision", pl.Int64, "Rows of closed_trades stated for it so far."),
            Column("opening_revision", pl.Int64, "Rows of trade_openings stated for it so far."),
            Column("touched_on", pl.Date, "Knowledge day of the last message that joined it.", "date"),
            Column("messages", pl.String, "The messages it is made of, JSON; everything else here follows from them."),
        ),
    )


def trade_openings() -> Table:
    """Declaration of trade_openings."""
    return Table(
        "trade_openings",
        "outcomes",
        "Each opening of a position, on the day it became known, and again when it was corrected.",
        ("position_id",),
        (
            KNOWN_ON,
            POSITION_ID,
            Column("revision", pl.Int64, "1 when first known; the newest known counts."),
            SYMBOL,
            TRADE_ID,
            Column("opened_at", TIMESTAMP, "When the first shares were bought.", "UTC"),
            Column("entry_price_usd", pl.Float64, "Price paid for the first shares.", "USD", is_nullable=True),
            Column("shares", pl.Float64, "Shares bought first.", "shares", is_nullable=True),
            Column("signal_date", pl.Date, "Day of the decision the sender names.", "date", is_nullable=True),
        ),
    )


def closed_trades(components: Sequence[str]) -> Table:
    """Declaration of closed_trades."""
    return Table(
        "closed_trades",
        "outcomes",
        "What each trade realised, with the candidate, thesis and regimes known before it was opened. Of several rows of a "
        "position the one with the newest known_on counts.",
        ("position_id",),
        (
            KNOWN_ON,
            POSITION_ID,
            Column("revision", pl.Int64, "1, 2, ... when restated by a late or corrected message."),
            SYMBOL,
            TRADE_ID,
            Column(
                "status",
                pl.String,
                "closed, self_contained (no opening known; the closing message says the entry itself), or reopened (a "
                "correction undid the close: no numbers).",
            ),
            Column("opened_at", TIMESTAMP, "When the first shares were bought.", "UTC", is_nullable=True),
            Column("closed_at", TIMESTAMP, "When the last share was sold.", "UTC"),
            Column("entry_date", pl.Date, "First session held.", "date", is_nullable=True),
            Column("exit_date", pl.Date, "Session of the last sale.", "date", is_nullable=True),
            Column("n_entries", pl.Int64, "Purchases.", "messages"),
            Column("n_exits", pl.Int64, "Sales.", "messages"),
            Column("shares", pl.Float64, "Shares bought in all.", "shares", is_nullable=True),
            Column(
                "average_entry_price_usd",
                pl.Float64,
                "Average price paid, weighted by shares.",
                "USD",
                is_nullable=True,
            ),
            Column(
                "average_exit_price_usd",
                pl.Float64,
                "Average price received, weighted by shares.",
                "USD",
                is_nullable=True,
            ),
            Column("cost_usd", pl.Float64, "Paid in all.", "USD", is_nullable=True),
            Column("realised_pnl_usd", pl.Float64, "Proceeds less cost.", "USD", is_nullable=True),
            Column("realised_return", pl.Float64, "Proceeds over cost, minus 1.", "fraction", is_nullable=True),
            Column(
                "holding_sessions",
                pl.Int64,
                "Exchange sessions from entry to exit, both counted.",
                "sessions",
                is_nullable=True,
            ),
            Column(
                "max_favorable_excursion",
                pl.Float64,
                "Best price seen while held over the average entry, minus 1; never below 0.",
                "fraction",
                is_nullable=True,
            ),
            Column(
                "max_adverse_excursion",
                pl.Float64,
                "Worst price seen while held over the average entry, minus 1; never above 0.",
                "fraction",
                is_nullable=True,
            ),
            Column(
                "n_missing_bars",
                pl.Int64,
                "Sessions held without a bar of this symbol.",
                "sessions",
                is_nullable=True,
            ),
            Column(
                "exit_reason",
                pl.String,
                "stop_loss, profit_target, trailing_stop, time_exit, manual or other.",
                is_nullable=True,
            ),
            Column("exit_reason_sent", pl.String, "Reason as sent.", is_nullable=True),
            Column(DECISION_ID.name, pl.String, "The candidate that led to the trade.", is_nullable=True),
            Column("action_tag", pl.String, "Its canonical tag.", is_nullable=True),
            Column(TOTAL_SCORE, pl.Float64, "Its total score.", "points 0-100", is_nullable=True),
            *score_columns(components),
            Column("dominant_component", pl.String, "The component that carried most of its score.", is_nullable=True),
            Column("thesis_id", pl.String, "The last thesis on the symbol before the opening.", is_nullable=True),
            Column("recommendation", pl.String, "Its canonical recommendation.", is_nullable=True),
            Column("confidence", pl.Float64, "Its confidence as sent.", "fraction 0-1", is_nullable=True),
            Column("source", pl.String, "Its source: ai, rule_based or unknown.", is_nullable=True),
            Column("market_regime", pl.String, "Market regime known before the day of the opening.", is_nullable=True),
            Column(
                "discovery_regime", pl.String, "Discovery regime known before the day of the opening.", is_nullable=True
            ),
        ),
    )


def trade_outcomes() -> Table:
    """Declaration of trade_outcomes."""
    return Table(
        "trade_outcomes",
        "outcomes",
        "What became of each opened position over the price paid, held or not: one row per position and horizon, in the "
        "partition of the session on which it matured.",
        ("horizon", "position_id"),
        (
            KNOWN_ON,
            HORIZON,
            POSITION_ID,
            SYMBOL,
            TRADE_ID,
            Column("opened_at", TIMESTAMP, "When the first shares were bought.", "UTC"),
            Column("opening_known_on", pl.Date, "Partition of trade_openings that holds the opening.", "date"),
            ENTRY_DATE,
            Column(
                "horizon_sessions", pl.Int64, "Sessions from entry to maturity, the entry session counted.", "sessions"
            ),
            Column("entry_price_usd", pl.Float64, "Price paid.", "USD", is_nullable=True),
            Column(
                "exit_price_usd",
                pl.Float64,
                "Close of the maturity session; null when that bar is missing.",
                "USD",
                is_nullable=True,
            ),
            Column(
                "forward_return",
                pl.Float64,
                "Exit over entry, minus 1; null when either is missing.",
                "fraction",
                is_nullable=True,
            ),
            Column(
                "max_favorable_excursion",
                pl.Float64,
                "Best price from the purchase to maturity over the price paid, minus 1; never below 0.",
                "fraction",
                is_nullable=True,
            ),
            Column(
                "max_adverse_excursion",
                pl.Float64,
                "Worst price from the purchase to maturity over the price paid, minus 1; never above 0.",
                "fraction",
                is_nullable=True,
            ),
            Column(
                "last_known_return",
                pl.Float64,
                "Last close present up to maturity over the price paid, minus 1.",
                "fraction",
                is_nullable=True,
            ),
            Column(
                "n_missing_bars", pl.Int64, "Sessions from entry to maturity without a bar of this symbol.", "sessions"
            ),
            Column(
                "outcome_status",
                pl.String,
                "complete, missing_bars (inside), missing_exit_bar, missing_entry_price, or session_missing (no bar of any "
                "symbol).",
            ),
            Column("is_winner", pl.Boolean, "Forward return at or above the winner bound.", is_nullable=True),
            Column("is_loser", pl.Boolean, "Forward return at or below the loser bound.", is_nullable=True),
        ),
    )


def ledger_issues() -> Table:
    """Declaration of ledger_issues."""
    return Table(
        "ledger_issues",
        "outcomes",
        "Everything the ledger could not match or had to settle, each with what was done about it.",
        ("message_id", "issue"),
        (
            KNOWN_ON,
            Column("message_id", pl.String, "The message it is about."),
            Column("position_id", pl.String, "The position it was settled in.", is_nullable=True),
            SYMBOL,
            Column("issue", pl.String, "Its kind, for example duplicate, orphan, corrected, missing_price."),
            Column("detail", pl.String, "What was found and what was done, in words."),
        ),
    )


def settled_days() -> Table:
    """Declaration of settled_days."""
    return Table(
        "settled_days",
        "outcomes",
        "What the trade ledger of the day was settled from: its messages and the positions it started from. A day for "
        "which they have changed since is settled again.",
        ("source",),
        (
            KNOWN_ON,
            Column("source", pl.String, "trade_messages or trade_positions."),
            Column(
                "source_known_on", pl.Date, "The partition read; null when there was none.", "date", is_nullable=True
            ),
            Column("n_rows", pl.Int64, "Rows it held.", "rows"),
            Column("sha256", pl.String, "Hash of its bytes; null when it held no row.", is_nullable=True),
        ),
    )
