"""Every table of the warehouse, declared once: column, type, unit, meaning, key.

The same declaration enforces writes, drives the blocking checks, and becomes the column schema that Dagster and
`amc-learning sql` show. Belongs here: declarations. Not here: how a table is stored (warehouse) or filled (stages).

A table is partitioned by knowledge day, `known_on`: the US/Eastern weekday on which its rows became known.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import polars as pl

N_SCORE_BINS = 101
"""Scores run from 0 to 100; bin b holds the scores that round down to b, so 100 has a bin of its own."""

N_QUANTILES = 10
"""Candidates of a day are cut into deciles by score, as in the literature on factor returns."""

TOTAL_SCORE = "total_score"
"""The feature name of the score discovery ranked by; the other features are the components of the feature set."""

TIMESTAMP = pl.Datetime("us", "UTC")


@dataclass(frozen=True)
class Column:
    """One column: `unit` is empty where the value has none (names, flags, identifiers)."""

    name: str
    dtype: pl.DataType | type[pl.DataType]
    description: str
    unit: str = ""
    is_nullable: bool = False


@dataclass(frozen=True)
class Table:
    """One table: rows are unique in `key`, and every stored partition is sorted by it."""

    name: str
    stage: str
    description: str
    key: tuple[str, ...]
    columns: tuple[Column, ...] = field(repr=False)

    @property
    def schema(self) -> pl.Schema:
        return pl.Schema({column.name: column.dtype for column in self.columns})

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def empty(self) -> pl.DataFrame:
        """A frame of this table without rows."""
        return pl.DataFrame(schema=self.schema)


KNOWN_ON = Column("known_on", pl.Date, "Knowledge day: the weekday (US/Eastern) on which this row became known.", "date")
EVENT_ID = Column("event_id", pl.String, "Identifier of the event as received; points to the verbatim payload.")
DECIDED_AT = Column("decided_at", TIMESTAMP, "When the decision was made.", "UTC")
DECISION_ID = Column("decision_id", pl.String, "Identifier of one scored symbol in one discovery run.")
SYMBOL = Column("symbol", pl.String, "Ticker symbol as normalised.")
HORIZON = Column("horizon", pl.String, "Name of the outcome horizon, for example 7d.")
ENTRY_DATE = Column("entry_date", pl.Date, "Exchange session of the entry; all decisions of one entry date form one cross-section.", "date")
FEATURE = Column("feature", pl.String, "Component of the feature set, or total_score.")
POPULATION = Column(
    "population",
    pl.String,
    "Which decisions are looked at: selected, controls, or universe (both, reweighted to the scored universe).",
)


def _raw_events(name: str, description: str) -> Table:
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
            Column("occurred_at_source", pl.String, "payload (the sender said so) or receipt (nothing usable was said)."),
            Column("source", pl.String, "Where it came from: file name and line, or http."),
            Column("payload", pl.String, "The payload as received, verbatim."),
        ),
    )


def _score_columns(components: Sequence[str]) -> tuple[Column, ...]:
    return tuple(
        Column(name, pl.Float64, f"Component score {name}; null when it was not scored.", "points 0-100", is_nullable=True)
        for name in components
    )


def _discovery_runs() -> Table:
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
            Column("parameters_version", pl.String, "Version of the published parameters the run says it used.", is_nullable=True),
            Column("universe_size", pl.Int64, "Symbols the run started from.", "symbols", is_nullable=True),
            Column("n_enriched", pl.Int64, "Symbols left after enrichment.", "symbols", is_nullable=True),
            Column("n_filtered", pl.Int64, "Symbols left after filtering.", "symbols", is_nullable=True),
            Column("n_scored", pl.Int64, "Symbols that were scored: the population the candidates were chosen from.", "symbols", is_nullable=True),
            Column("n_candidates", pl.Int64, "Selected candidates understood.", "rows"),
            Column("n_controls", pl.Int64, "Unselected controls understood.", "rows"),
            Column("n_rejected", pl.Int64, "Candidates or controls that could not be understood.", "rows"),
            Column("n_trade_ready", pl.Int64, "Candidates tagged trade_ready.", "rows"),
            Column("n_watchlist", pl.Int64, "Candidates tagged watchlist.", "rows"),
            Column("n_monitor", pl.Int64, "Candidates tagged monitor.", "rows"),
            Column("score_scale", pl.String, "Scale found for scores: 0-100, 0-1, points, unbounded, or none.", is_nullable=True),
            Column("score_min", pl.Float64, "Lowest total score.", "points 0-100", is_nullable=True),
            Column("score_median", pl.Float64, "Median total score.", "points 0-100", is_nullable=True),
            Column("score_mean", pl.Float64, "Mean total score.", "points 0-100", is_nullable=True),
            Column("score_max", pl.Float64, "Highest total score.", "points 0-100", is_nullable=True),
            Column("score_std", pl.Float64, "Standard deviation (n-1) of the total score.", "points", is_nullable=True),
            Column("constant_components", pl.List(pl.String), "Components with one and the same value for every candidate: no information."),
            Column("market_regime", pl.String, "Market regime as the sender saw it.", is_nullable=True),
            Column("market_conditions", pl.String, "Market conditions as sent, JSON.", is_nullable=True),
            Column("filtering_statistics", pl.String, "Pipeline statistics as sent, JSON.", is_nullable=True),
            Column("execution_time_seconds", pl.Float64, "Duration of the run as sent.", "seconds", is_nullable=True),
            Column("error_message", pl.String, "What the sender reported as its error.", is_nullable=True),
            Column("warnings", pl.List(pl.String), "What normalisation had to settle or could not settle."),
        ),
    )


def _discovery_candidates(components: Sequence[str]) -> Table:
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
            SYMBOL,
            Column("is_selected", pl.Boolean, "True for a candidate, false for a control."),
            Column("rank", pl.Int64, "Rank in the run, 1 is best; as sent, else the order of arrival.", is_nullable=True),
            Column("action_tag", pl.String, "Canonical tag: trade_ready, watchlist, monitor, or other.", is_nullable=True),
            Column("action_tag_sent", pl.String, "Tag as sent.", is_nullable=True),
            Column(TOTAL_SCORE, pl.Float64, "Total score discovery ranked by.", "points 0-100", is_nullable=True),
            *_score_columns(components),
            Column("price_usd", pl.Float64, "Price at the decision, as sent.", "USD", is_nullable=True),
            Column("relative_volume", pl.Float64, "Relative volume at the decision, as sent.", "ratio", is_nullable=True),
            Column("confidence", pl.Float64, "Confidence as sent.", "fraction 0-1", is_nullable=True),
            Column("n_universe", pl.Int64, "Size of the scored population this row was drawn from.", "symbols", is_nullable=True),
        ),
    )


def _discovery_rejections() -> Table:
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


def _price_bars() -> Table:
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


def _index_closes() -> Table:
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


def _candidate_outcomes() -> Table:
    return Table(
        "candidate_outcomes",
        "outcomes",
        "What became of each decision: one row per decision and horizon, in the partition of the session on which it matured.",
        ("horizon", "decision_id"),
        (
            KNOWN_ON,
            HORIZON,
            DECISION_ID,
            SYMBOL,
            DECIDED_AT,
            Column("decision_known_on", pl.Date, "Partition of discovery_candidates that holds the decision.", "date"),
            ENTRY_DATE,
            Column("horizon_sessions", pl.Int64, "Sessions from entry to maturity, the entry session counted.", "sessions"),
            Column("entry_price_usd", pl.Float64, "Price of the entry; null when the entry bar is missing.", "USD", is_nullable=True),
            Column("exit_price_usd", pl.Float64, "Close of the maturity session; null when that bar is missing.", "USD", is_nullable=True),
            Column("forward_return", pl.Float64, "Exit over entry, minus 1; null when either is missing.", "fraction", is_nullable=True),
            Column("max_favorable_excursion", pl.Float64, "Best high up to maturity over entry, minus 1.", "fraction", is_nullable=True),
            Column("max_adverse_excursion", pl.Float64, "Worst low up to maturity over entry, minus 1.", "fraction", is_nullable=True),
            Column("last_known_return", pl.Float64, "Last close present up to maturity over entry, minus 1: what is known of a delisting or halt.", "fraction", is_nullable=True),
            Column("n_missing_bars", pl.Int64, "Sessions from entry to maturity without a bar of this symbol.", "sessions"),
            Column("outcome_status", pl.String, "complete, missing_bars (inside), missing_exit_bar, missing_entry_bar, or session_missing (no bar of any symbol)."),
            Column("is_winner", pl.Boolean, "Forward return at or above the winner bound.", is_nullable=True),
            Column("is_loser", pl.Boolean, "Forward return at or below the loser bound.", is_nullable=True),
        ),
    )


def _feature_outcomes(components: Sequence[str]) -> Table:
    return Table(
        "feature_outcomes",
        "join",
        "Scores as known at the decision beside the outcome: what every statistic is computed from.",
        ("horizon", "decision_id"),
        (
            KNOWN_ON,
            HORIZON,
            DECISION_ID,
            SYMBOL,
            DECIDED_AT,
            ENTRY_DATE,
            Column("is_selected", pl.Boolean, "True for a candidate, false for a control."),
            Column("is_in_cross_section", pl.Boolean, "True for the last decision on this symbol before its entry; earlier ones repeat the same outcome."),
            Column("action_tag", pl.String, "Canonical tag of the decision.", is_nullable=True),
            Column("n_universe", pl.Int64, "Size of the scored population this row was drawn from.", "symbols", is_nullable=True),
            Column(TOTAL_SCORE, pl.Float64, "Total score discovery ranked by.", "points 0-100", is_nullable=True),
            *_score_columns(components),
            Column("forward_return", pl.Float64, "Exit over entry, minus 1; null when unknown.", "fraction", is_nullable=True),
            Column("is_winner", pl.Boolean, "Forward return at or above the winner bound.", is_nullable=True),
            Column("is_loser", pl.Boolean, "Forward return at or below the loser bound.", is_nullable=True),
        ),
    )


def _daily_statistics(components: Sequence[str]) -> Table:
    def per_bin(dtype: type[pl.DataType]) -> pl.Array:
        return pl.Array(dtype, N_SCORE_BINS)

    def per_quantile(dtype: type[pl.DataType]) -> pl.Array:
        return pl.Array(dtype, N_QUANTILES)

    return Table(
        "daily_statistics",
        "measure",
        "Mergeable statistics of one cross-section: a window is the sum or mean of its days, so a night never re-reads history.",
        ("horizon", "entry_date", "population", "feature", "scope"),
        (
            KNOWN_ON,
            HORIZON,
            ENTRY_DATE,
            POPULATION,
            FEATURE,
            Column("scope", pl.String, "all, or an action tag (total_score of the selected only)."),
            Column("n_decisions", pl.Int64, "Decisions in the cross-section.", "rows"),
            Column("n_pairs", pl.Int64, "Decisions with both a score and a forward return.", "rows"),
            Column("n_missing_scores", pl.Int64, "Decisions without this score.", "rows"),
            Column("n_missing_outcomes", pl.Int64, "Decisions without a forward return.", "rows"),
            Column("is_constant", pl.Boolean, "All scores equal: the day says nothing about this feature."),
            Column("information_coefficient", pl.Float64, "Spearman rank correlation of score and forward return; null under 5 pairs or when either side is constant.", "-1 to 1", is_nullable=True),
            Column("area_under_curve", pl.Float64, "Probability that a winner outscores a non-winner; null without both.", "fraction 0-1", is_nullable=True),
            Column("n_winners", pl.Int64, "Pairs at or above the winner bound.", "rows"),
            Column("n_losers", pl.Int64, "Pairs at or below the loser bound.", "rows"),
            Column("sum_return_micro", pl.Int64, "Sum of forward returns of the pairs, in millionths, so that sums are exact.", "1e-6"),
            Column("quantile_n", per_quantile(pl.Int64), "Pairs per score decile, lowest first.", "rows"),
            Column("quantile_sum_return_micro", per_quantile(pl.Int64), "Sum of forward returns per score decile.", "1e-6"),
            Column("bin_n", per_bin(pl.Int64), "Pairs per score bin.", "rows"),
            Column("bin_n_winners", per_bin(pl.Int64), "Winners per score bin.", "rows"),
            Column("bin_sum_return_micro", per_bin(pl.Int64), "Sum of forward returns per score bin.", "1e-6"),
            Column("bin_sum_excess_return_micro", per_bin(pl.Int64), "Sum of forward returns in excess of the day's mean per score bin.", "1e-6"),
            Column("return_rank_covariance", pl.Float64, "Weighted mean over pairs of centred score times centred, unit-variance return rank; missing scores count as the mean.", "points", is_nullable=True),
            Column("score_covariances", pl.Array(pl.Float64, len(components)), "Weighted covariance of this score with each component, in the order of the feature set.", "points squared", is_nullable=True),
        ),
    )


def _correlation_table() -> Table:
    return Table(
        "correlation_table",
        "analyse",
        "Does a score order returns? Mean daily information coefficient with an interval valid under overlapping labels.",
        ("population", "horizon", "feature"),
        (
            KNOWN_ON,
            POPULATION,
            HORIZON,
            FEATURE,
            Column("window_days", pl.Int64, "Length of the window.", "calendar days"),
            Column("n_days", pl.Int64, "Cross-sections with an information coefficient.", "days"),
            Column("n_days_excluded", pl.Int64, "Cross-sections without one: constant scores or under 5 pairs.", "days"),
            Column("n_pairs", pl.Int64, "Pairs in the counted cross-sections.", "rows"),
            Column("n_effective_days", pl.Float64, "Independent days that would give the same standard error.", "days", is_nullable=True),
            Column("mean_information_coefficient", pl.Float64, "Mean of the daily coefficients.", "-1 to 1", is_nullable=True),
            Column("ci_low", pl.Float64, "Lower end of the 95 % interval.", "-1 to 1", is_nullable=True),
            Column("ci_high", pl.Float64, "Upper end of the 95 % interval.", "-1 to 1", is_nullable=True),
            Column("p_value", pl.Float64, "Two-sided p-value of a zero mean.", "probability", is_nullable=True),
            Column("q_value", pl.Float64, "False-discovery-adjusted p-value over the whole table of this day and population.", "probability", is_nullable=True),
            Column("information_ratio", pl.Float64, "Mean over standard deviation of the daily coefficients.", "ratio", is_nullable=True),
            Column("share_positive_days", pl.Float64, "Share of counted days with a positive coefficient.", "fraction 0-1", is_nullable=True),
            Column("mean_area_under_curve", pl.Float64, "Mean daily AUC against winners; n in n_auc_days.", "fraction 0-1", is_nullable=True),
            Column("n_auc_days", pl.Int64, "Days with an AUC.", "days"),
            Column("quantile_mean_return", pl.Array(pl.Float64, N_QUANTILES), "Mean forward return per score decile, lowest first; NaN-free, null when empty.", "fraction", is_nullable=True),
            Column("top_bottom_spread", pl.Float64, "Mean return of the top decile minus the bottom decile.", "fraction", is_nullable=True),
            Column("evidence", pl.String, "sufficient, or insufficient_evidence."),
        ),
    )


def _selection_effects() -> Table:
    return Table(
        "selection_effects",
        "analyse",
        "Does selection pay? Mean return of the selected minus the controls of the same days.",
        ("horizon",),
        (
            KNOWN_ON,
            HORIZON,
            Column("window_days", pl.Int64, "Length of the window.", "calendar days"),
            Column("n_days", pl.Int64, "Days with both selected and controls.", "days"),
            Column("n_selected", pl.Int64, "Selected decisions with a return.", "rows"),
            Column("n_controls", pl.Int64, "Controls with a return.", "rows"),
            Column("mean_return_selected", pl.Float64, "Mean over days of the selected's mean return.", "fraction", is_nullable=True),
            Column("mean_return_controls", pl.Float64, "Mean over days of the controls' mean return.", "fraction", is_nullable=True),
            Column("mean_lift", pl.Float64, "Mean daily difference, selected minus controls.", "fraction", is_nullable=True),
            Column("ci_low", pl.Float64, "Lower end of the 95 % interval of the difference.", "fraction", is_nullable=True),
            Column("ci_high", pl.Float64, "Upper end of the 95 % interval of the difference.", "fraction", is_nullable=True),
            Column("p_value", pl.Float64, "Two-sided p-value of no difference.", "probability", is_nullable=True),
            Column("evidence", pl.String, "sufficient, or insufficient_evidence."),
        ),
    )


def _threshold_table() -> Table:
    return Table(
        "threshold_table",
        "analyse",
        "From which score does it pay? Chosen by a lower confidence bound, judged on days not used to choose.",
        ("horizon", "feature", "scope"),
        (
            KNOWN_ON,
            HORIZON,
            FEATURE,
            Column("scope", pl.String, "all, or the action tag within which total_score was searched."),
            Column("window_days", pl.Int64, "Length of the window.", "calendar days"),
            Column("n_days", pl.Int64, "Cross-sections in the window.", "days"),
            Column("n_pairs", pl.Int64, "Pairs in the window.", "rows"),
            Column("decision", pl.String, "found, none, or insufficient_evidence."),
            Column("threshold", pl.Float64, "The score from which it pays; null unless found.", "points 0-100", is_nullable=True),
            Column("threshold_ci_low", pl.Float64, "Lower end of its 90 % interval over resampled days.", "points 0-100", is_nullable=True),
            Column("threshold_ci_high", pl.Float64, "Upper end of its 90 % interval over resampled days.", "points 0-100", is_nullable=True),
            Column("coverage", pl.Float64, "Share of pairs at or above the threshold.", "fraction 0-1", is_nullable=True),
            Column("n_above", pl.Int64, "Pairs at or above the threshold.", "rows", is_nullable=True),
            Column("success_rate_above", pl.Float64, "Share of winners at or above the threshold.", "fraction 0-1", is_nullable=True),
            Column("lift", pl.Float64, "Mean excess return at or above the threshold, on days not used to choose it.", "fraction", is_nullable=True),
            Column("lift_ci_low", pl.Float64, "Lower end of the 95 % interval of the lift.", "fraction", is_nullable=True),
            Column("lift_ci_high", pl.Float64, "Upper end of the 95 % interval of the lift.", "fraction", is_nullable=True),
            Column("reason", pl.String, "One sentence a person can read."),
        ),
    )


def _weight_decisions() -> Table:
    return Table(
        "weight_decisions",
        "decide",
        "What the night decided about the weights, per component, and why. weight is in force from this knowledge day on.",
        ("component",),
        (
            KNOWN_ON,
            Column("component", pl.String, "Component of the feature set."),
            Column("previous_weight", pl.Float64, "Weight in force on the previous knowledge day.", "fraction 0-1"),
            Column("suggested_weight", pl.Float64, "Weight the evidence suggests, before bounds.", "fraction 0-1", is_nullable=True),
            Column("regime_multiplier", pl.Float64, "Factor of the market regime applied before the bounds.", "ratio"),
            Column("weight", pl.Float64, "Weight in force from now on.", "fraction 0-1"),
            Column("change", pl.Float64, "weight minus previous_weight.", "fraction"),
            Column("is_at_daily_limit", pl.Boolean, "True when the daily limit cut the step."),
            Column("status", pl.String, "Of the night: active, held, insufficient_evidence, or rolled_back."),
            Column("reason", pl.String, "Of the night: one sentence a person can read."),
            Column("evidence_horizon", pl.String, "Horizon whose returns the suggestion is judged on."),
            Column("evidence_population", pl.String, "Population the suggestion is judged on.", is_nullable=True),
            Column("evidence_window_days", pl.Int64, "Length of the evidence window that decided.", "calendar days", is_nullable=True),
            Column("n_days", pl.Int64, "Cross-sections in that window.", "days"),
            Column("confidence", pl.Float64, "One minus the p-value of no improvement, out of sample; null without evidence.", "probability", is_nullable=True),
            Column("expected_improvement", pl.Float64, "Out-of-sample difference in mean daily information coefficient of the total score, new minus previous.", "-1 to 1", is_nullable=True),
            Column("expected_improvement_ci_low", pl.Float64, "Lower end of its 95 % interval.", "-1 to 1", is_nullable=True),
            Column("expected_improvement_ci_high", pl.Float64, "Upper end of its 95 % interval.", "-1 to 1", is_nullable=True),
            Column("expected_success_rate_change", pl.Float64, "Out-of-sample change in success rate of the top k.", "fraction", is_nullable=True),
            Column("expected_top_return_change", pl.Float64, "Out-of-sample change in mean return of the top k.", "fraction", is_nullable=True),
        ),
    )


def _operator_actions() -> Table:
    return Table(
        "operator_actions",
        "decide",
        "What a person ordered: rollback (hold the weights of an earlier day) and release (learn again).",
        ("requested_at",),
        (
            KNOWN_ON,
            Column("requested_at", TIMESTAMP, "When it was ordered.", "UTC"),
            Column("action", pl.String, "rollback or release."),
            Column("target_known_on", pl.Date, "The knowledge day whose weights are to hold.", "date", is_nullable=True),
            Column("reason", pl.String, "Why, in the person's words."),
        ),
    )


@dataclass(frozen=True)
class Catalogue:
    """All tables for one feature set, in the order of the flow."""

    tables: tuple[Table, ...]

    def __getitem__(self, name: str) -> Table:
        for table in self.tables:
            if table.name == name:
                return table
        known = ", ".join(table.name for table in self.tables)
        raise KeyError(f"no table named {name!r}; the tables are: {known}")

    def __iter__(self) -> Iterator[Table]:
        return iter(self.tables)


def catalogue(components: Sequence[str]) -> Catalogue:
    """Every table of the warehouse for a feature set of these components, in the order of the flow."""
    return Catalogue(
        (
            _raw_events("discovery_events", "Discovery results as received, verbatim."),
            _discovery_runs(),
            _discovery_candidates(components),
            _discovery_rejections(),
            _price_bars(),
            _index_closes(),
            _candidate_outcomes(),
            _feature_outcomes(components),
            _daily_statistics(components),
            _correlation_table(),
            _selection_effects(),
            _threshold_table(),
            _weight_decisions(),
            _operator_actions(),
        )
    )
