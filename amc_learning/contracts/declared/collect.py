"""Tables of the collect stage: events, runs, candidates, theses, trade messages, bars."""

from collections.abc import Sequence

import polars as pl

from amc_learning.contracts.declared.columns import (
    DECIDED_AT,
    DECISION_ID,
    EVENT_ID,
    KNOWN_ON,
    SYMBOL,
    TIMESTAMP,
    TOTAL_SCORE,
    Column,
    Table,
    score_columns,
)

_IS_LATE = Column(
    "is_late",
    pl.Boolean,
    "True when the event arrived after its knowledge day was over; a decision that arrived in time beats it.",
)


def raw_events(name: str, description: str) -> Table:
    """Declaration of a table of raw events."""
    return Table(
        name,
        "collect",
        description,
        ("event_id",),
        (
            KNOWN_ON,
            EVENT_ID,
            Column("received_at", TIMESTAMP, "When the event was accepted.", "UTC"),
            Column("occurred_at", TIMESTAMP, "When it happened, by the sender's word; else time of receipt.", "UTC"),
            Column(
                "occurred_at_source", pl.String, "payload (the sender said so) or receipt (nothing usable was said)."
            ),
            Column("source", pl.String, "Where it came from: file name and line, or http."),
            Column("payload", pl.String, "The payload as received, verbatim."),
        ),
    )


def collected_events() -> Table:
    """Declaration of collected_events."""
    return Table(
        "collected_events",
        "collect",
        "How many raw events the rows of a day were made from, per kind: an event that came after them shows by it.",
        ("kind",),
        (
            KNOWN_ON,
            Column("kind", pl.String, "discovery, thesis or trade."),
            Column("n_events", pl.Int64, "Raw events of the day when its rows were made.", "rows"),
        ),
    )


def discovery_runs() -> Table:
    """Declaration of discovery_runs."""
    return Table(
        "discovery_runs",
        "collect",
        "One row per discovery run, empty and failed runs included: the base rates of everything that follows.",
        ("event_id",),
        (
            KNOWN_ON,
            EVENT_ID,
            Column("run_id", pl.String, "The sender's own run identifier (job_id), else the event id."),
            DECIDED_AT,
            Column("decided_at_source", pl.String, "payload or receipt: where decided_at comes from."),
            Column("status", pl.String, "success, empty, error, stale_data, or the word the sender used."),
            Column("engine", pl.String, "Engine, method or strategy named by the sender.", is_nullable=True),
            Column(
                "parameters_version",
                pl.String,
                "Version of the published parameters the run says it used.",
                is_nullable=True,
            ),
            Column("universe_size", pl.Int64, "Symbols the run started from.", "symbols", is_nullable=True),
            Column("n_enriched", pl.Int64, "Symbols left after enrichment.", "symbols", is_nullable=True),
            Column("n_filtered", pl.Int64, "Symbols left after filtering.", "symbols", is_nullable=True),
            Column(
                "n_scored",
                pl.Int64,
                "Symbols that were scored: the population the candidates were chosen from.",
                "symbols",
                is_nullable=True,
            ),
            Column("n_candidates", pl.Int64, "Selected candidates understood.", "rows"),
            Column("n_controls", pl.Int64, "Unselected controls understood.", "rows"),
            Column("n_rejected", pl.Int64, "Candidates or controls that could not be understood.", "rows"),
            Column("n_trade_ready", pl.Int64, "Candidates tagged trade_ready.", "rows"),
            Column("n_watchlist", pl.Int64, "Candidates tagged watchlist.", "rows"),
            Column("n_monitor", pl.Int64, "Candidates tagged monitor.", "rows"),
            Column(
                "score_scale",
                pl.String,
                "Scale found for scores: 0-100, 0-1, points, unbounded, or none.",
                is_nullable=True,
            ),
            Column("score_min", pl.Float64, "Lowest total score.", "points 0-100", is_nullable=True),
            Column("score_median", pl.Float64, "Median total score.", "points 0-100", is_nullable=True),
            Column("score_mean", pl.Float64, "Mean total score.", "points 0-100", is_nullable=True),
            Column("score_max", pl.Float64, "Highest total score.", "points 0-100", is_nullable=True),
            Column("score_std", pl.Float64, "Standard deviation (n-1) of the total score.", "points", is_nullable=True),
            Column(
                "constant_components",
                pl.List(pl.String),
                "Components with one and the same value for every candidate: no information.",
            ),
            Column("market_regime", pl.String, "Market regime as the sender saw it.", is_nullable=True),
            Column("market_conditions", pl.String, "Market conditions as sent, JSON.", is_nullable=True),
            Column("filtering_statistics", pl.String, "Pipeline statistics as sent, JSON.", is_nullable=True),
            Column("execution_time_seconds", pl.Float64, "Duration of the run as sent.", "seconds", is_nullable=True),
            Column("error_message", pl.String, "What the sender reported as its error.", is_nullable=True),
            Column("warnings", pl.List(pl.String), "What normalisation had to settle or could not settle."),
        ),
    )


def discovery_candidates(components: Sequence[str]) -> Table:
    """Declaration of discovery_candidates."""
    return Table(
        "discovery_candidates",
        "collect",
        "One row per scored symbol and run, selected candidates and unselected controls.",
        ("decision_id",),
        (
            KNOWN_ON,
            DECISION_ID,
            EVENT_ID,
            DECIDED_AT,
            _IS_LATE,
            SYMBOL,
            Column("is_selected", pl.Boolean, "True for a candidate, false for a control."),
            Column(
                "rank", pl.Int64, "Rank in the run, 1 is best; as sent, else the order of arrival.", is_nullable=True
            ),
            Column(
                "action_tag", pl.String, "Canonical tag: trade_ready, watchlist, monitor, or other.", is_nullable=True
            ),
            Column("action_tag_sent", pl.String, "Tag as sent.", is_nullable=True),
            Column(TOTAL_SCORE, pl.Float64, "Total score discovery ranked by.", "points 0-100", is_nullable=True),
            *score_columns(components),
            Column("price_usd", pl.Float64, "Price at the decision, as sent.", "USD", is_nullable=True),
            Column(
                "relative_volume", pl.Float64, "Relative volume at the decision, as sent.", "ratio", is_nullable=True
            ),
            Column("confidence", pl.Float64, "Confidence as sent.", "fraction 0-1", is_nullable=True),
            Column(
                "n_universe",
                pl.Int64,
                "Size of the scored population this row was drawn from.",
                "symbols",
                is_nullable=True,
            ),
        ),
    )


def discovery_rejections() -> Table:
    """Declaration of discovery_rejections."""
    return _rejections(
        "discovery_rejections",
        "Rows inside understood discovery results that could not be understood, each with its reason.",
        "Where in the payload, for example candidates[3].symbol.",
    )


def thesis_decisions() -> Table:
    """Declaration of thesis_decisions."""
    return Table(
        "thesis_decisions",
        "collect",
        "One row per thesis decision; a payload that holds a rule's and an AI's decision gives two.",
        ("thesis_id",),
        (
            KNOWN_ON,
            Column("thesis_id", pl.String, "The event id; further decisions of the same payload end in #2, #3, ..."),
            EVENT_ID,
            DECIDED_AT,
            Column("decided_at_source", pl.String, "payload or receipt: where decided_at comes from."),
            _IS_LATE,
            Column(
                "symbol",
                pl.String,
                "Ticker symbol as normalised; null when the sender named none: it cannot be judged.",
                is_nullable=True,
            ),
            Column(
                "recommendation",
                pl.String,
                "Canonical recommendation: BUY_MORE, HOLD, TRIM, LIQUIDATE or RESEARCH; null when not understood.",
                is_nullable=True,
            ),
            Column("recommendation_sent", pl.String, "Recommendation as sent.", is_nullable=True),
            Column(
                "confidence",
                pl.Float64,
                "Confidence of the decision, never that of an embedded candidate.",
                "fraction 0-1",
                is_nullable=True,
            ),
            Column("source", pl.String, "Who decided: ai, rule_based, or unknown."),
            Column("thesis_type", pl.String, "Type of thesis as sent, for example EXIT_STRATEGY.", is_nullable=True),
            Column("reasoning", pl.String, "Reasoning as sent, shortened.", is_nullable=True),
            Column("market_regime", pl.String, "Market regime as the sender saw it.", is_nullable=True),
            Column("sector", pl.String, "Sector as sent.", is_nullable=True),
            Column("risk_level", pl.String, "Risk level as sent.", is_nullable=True),
            Column("warnings", pl.List(pl.String), "What normalisation had to settle or could not settle."),
        ),
    )


def thesis_rejections() -> Table:
    """Declaration of thesis_rejections."""
    return _rejections(
        "thesis_rejections",
        "Thesis decisions, and values inside them, that could not be understood, each with its reason.",
        "Where in the payload, for example thesis.recommendation.",
    )


def trade_messages() -> Table:
    """Declaration of trade_messages."""
    return Table(
        "trade_messages",
        "collect",
        "One row per change of a position as its sender told it; the ledger makes positions of them.",
        ("message_id",),
        (
            KNOWN_ON,
            Column("message_id", pl.String, "The event id; further messages of the same payload end in #2, #3, ..."),
            EVENT_ID,
            Column("occurred_at", TIMESTAMP, "When it happened, by the sender's word; else time of receipt.", "UTC"),
            Column("occurred_at_source", pl.String, "payload or receipt: where occurred_at comes from."),
            Column("received_at", TIMESTAMP, "When the event was accepted.", "UTC"),
            SYMBOL,
            Column(
                "change_type",
                pl.String,
                "OPEN, MODIFY, CLOSE, ROUND_TRIP (entry and exit in one message) or SNAPSHOT (a holding, no change).",
            ),
            Column("trade_id", pl.String, "The sender's id of the position, shared by its messages.", is_nullable=True),
            Column("action", pl.String, "ADD or REDUCE; of a MODIFY only.", is_nullable=True),
            Column(
                "price_usd",
                pl.Float64,
                "Price of this change: entry of an OPEN, exit of a CLOSE, fill of a MODIFY.",
                "USD",
                is_nullable=True,
            ),
            Column("quantity_shares", pl.Float64, "Shares this message is about.", "shares", is_nullable=True),
            Column("entry_price_usd", pl.Float64, "Entry price as stated.", "USD", is_nullable=True),
            Column(
                "exit_price_usd",
                pl.Float64,
                "Exit price as stated; null when the sender did not know it.",
                "USD",
                is_nullable=True,
            ),
            Column(
                "average_entry_price_usd",
                pl.Float64,
                "Average entry price after this change, as stated.",
                "USD",
                is_nullable=True,
            ),
            Column(
                "remaining_shares", pl.Float64, "Shares held after this change, as stated.", "shares", is_nullable=True
            ),
            Column("position_size_usd", pl.Float64, "Money in the position, as stated.", "USD", is_nullable=True),
            Column("return_sent", pl.Float64, "Return as sent, whatever its unit was.", "fraction", is_nullable=True),
            Column(
                "holding_period_sent",
                pl.Float64,
                "Holding period as sent; days, calendar or trading as the sender counts them.",
                "days",
                is_nullable=True,
            ),
            Column(
                "max_favorable_excursion_sent",
                pl.Float64,
                "Largest gain over the entry while held, as sent; null when its unit could not be settled.",
                "fraction",
                is_nullable=True,
            ),
            Column(
                "max_adverse_excursion_sent",
                pl.Float64,
                "Largest loss under the entry while held (at most 0), as sent; null when its unit could not be settled.",
                "fraction",
                is_nullable=True,
            ),
            Column(
                "exit_reason",
                pl.String,
                "stop_loss, profit_target, trailing_stop, time_exit, manual or other.",
                is_nullable=True,
            ),
            Column("exit_reason_sent", pl.String, "Exit reason as sent.", is_nullable=True),
            Column("entered_at", TIMESTAMP, "When the position was entered, as stated.", "UTC", is_nullable=True),
            Column(
                "signal_date", pl.Date, "Day of the signal that led to the trade, as stated.", "date", is_nullable=True
            ),
            Column(
                "corrects",
                pl.String,
                "Identifier of the message that this one corrects, in the form of message_id.",
                is_nullable=True,
            ),
            Column("warnings", pl.List(pl.String), "What normalisation had to settle or could not settle."),
        ),
    )


def trade_rejections() -> Table:
    """Declaration of trade_rejections."""
    return _rejections(
        "trade_rejections",
        "Trade messages, and values inside them, that could not be understood, each with its reason.",
        "Where in the payload, for example change_data.exit_price.",
    )


def _rejections(name: str, description: str, path: str) -> Table:
    """Declaration of a table of what could not be understood."""
    return Table(
        name,
        "collect",
        description,
        ("event_id", "path"),
        (
            KNOWN_ON,
            EVENT_ID,
            Column("path", pl.String, path),
            Column("value", pl.String, "The offending value as text, shortened.", is_nullable=True),
            Column("reason", pl.String, "Why it was rejected and what would be accepted."),
        ),
    )


def price_bars() -> Table:
    """Declaration of price_bars."""
    return Table(
        "price_bars",
        "collect",
        "Daily bars. A bar becomes known on its own session, so known_on is the session.",
        ("symbol",),
        (
            KNOWN_ON,
            SYMBOL,
            Column("open_usd", pl.Float64, "First price of the session.", "USD"),
            Column("high_usd", pl.Float64, "Highest price of the session.", "USD"),
            Column("low_usd", pl.Float64, "Lowest price of the session.", "USD"),
            Column("close_usd", pl.Float64, "Last price of the session.", "USD"),
            Column("volume_shares", pl.Float64, "Shares traded.", "shares", is_nullable=True),
        ),
    )


def index_closes() -> Table:
    """Declaration of index_closes."""
    return Table(
        "index_closes",
        "collect",
        "Daily closes of market indices (sp500, vix, ...): the market's own state.",
        ("series",),
        (
            KNOWN_ON,
            Column("series", pl.String, "Name of the index."),
            Column("close_points", pl.Float64, "Closing level.", "points"),
        ),
    )
