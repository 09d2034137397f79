"""Tables of the collect stage: events, runs, candidates, bars."""

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
            Column(
                "is_late",
                pl.Boolean,
                "True when the event arrived after its knowledge day was over; a decision that arrived in time beats it.",
            ),
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
    return Table(
        "discovery_rejections",
        "collect",
        "Rows inside understood discovery results that could not be understood, each with its reason.",
        ("event_id", "path"),
        (
            KNOWN_ON,
            EVENT_ID,
            Column("path", pl.String, "Where in the payload, for example candidates[3].symbol."),
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
