"""Tables of the outcomes, join and measure stages."""

from collections.abc import Sequence

import polars as pl

from amc_learning.contracts.declared.columns import (
    DECIDED_AT,
    DECISION_ID,
    ENTRY_DATE,
    FEATURE,
    HORIZON,
    KNOWN_ON,
    N_QUANTILES,
    N_SCORE_BINS,
    POPULATION,
    SYMBOL,
    TOTAL_SCORE,
    Column,
    Table,
    score_columns,
)


def candidate_outcomes() -> Table:
    """Declaration of candidate_outcomes."""
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
            Column(
                "horizon_sessions", pl.Int64, "Sessions from entry to maturity, the entry session counted.", "sessions"
            ),
            Column(
                "entry_price_usd",
                pl.Float64,
                "Price of the entry; null when the entry bar is missing.",
                "USD",
                is_nullable=True,
            ),
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
                "Best high up to maturity over entry, minus 1.",
                "fraction",
                is_nullable=True,
            ),
            Column(
                "max_adverse_excursion",
                pl.Float64,
                "Worst low up to maturity over entry, minus 1.",
                "fraction",
                is_nullable=True,
            ),
            Column(
                "last_known_return",
                pl.Float64,
                "Last close present up to maturity over entry, minus 1: what is known of a delisting or halt.",
                "fraction",
                is_nullable=True,
            ),
            Column(
                "n_missing_bars", pl.Int64, "Sessions from entry to maturity without a bar of this symbol.", "sessions"
            ),
            Column(
                "outcome_status",
                pl.String,
                "complete, missing_bars (inside), missing_exit_bar, missing_entry_bar, or session_missing (no bar of any symbol).",
            ),
            Column("is_winner", pl.Boolean, "Forward return at or above the winner bound.", is_nullable=True),
            Column("is_loser", pl.Boolean, "Forward return at or below the loser bound.", is_nullable=True),
        ),
    )


def feature_outcomes(components: Sequence[str]) -> Table:
    """Declaration of feature_outcomes."""
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
            Column(
                "is_in_cross_section",
                pl.Boolean,
                "True for the last decision on this symbol before its entry; earlier ones repeat the same outcome.",
            ),
            Column("action_tag", pl.String, "Canonical tag of the decision.", is_nullable=True),
            Column(
                "n_universe",
                pl.Int64,
                "Size of the scored population this row was drawn from.",
                "symbols",
                is_nullable=True,
            ),
            Column(TOTAL_SCORE, pl.Float64, "Total score discovery ranked by.", "points 0-100", is_nullable=True),
            *score_columns(components),
            Column(
                "forward_return",
                pl.Float64,
                "Exit over entry, minus 1; null when unknown.",
                "fraction",
                is_nullable=True,
            ),
            Column("is_winner", pl.Boolean, "Forward return at or above the winner bound.", is_nullable=True),
            Column("is_loser", pl.Boolean, "Forward return at or below the loser bound.", is_nullable=True),
        ),
    )


def daily_statistics(components: Sequence[str]) -> Table:
    """Declaration of daily_statistics."""

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
            Column(
                "information_coefficient",
                pl.Float64,
                "Spearman rank correlation of score and forward return; null under 5 pairs or when either side is constant.",
                "-1 to 1",
                is_nullable=True,
            ),
            Column(
                "area_under_curve",
                pl.Float64,
                "Probability that a winner outscores a non-winner; null without both.",
                "fraction 0-1",
                is_nullable=True,
            ),
            Column("n_winners", pl.Int64, "Pairs at or above the winner bound.", "rows"),
            Column("n_losers", pl.Int64, "Pairs at or below the loser bound.", "rows"),
            Column(
                "sum_return_micro",
                pl.Int64,
                "Sum of forward returns of the pairs, in millionths, so that sums are exact.",
                "1e-6",
            ),
            Column("quantile_n", per_quantile(pl.Int64), "Pairs per score decile, lowest first.", "rows"),
            Column(
                "quantile_sum_return_micro", per_quantile(pl.Int64), "Sum of forward returns per score decile.", "1e-6"
            ),
            Column("bin_n", per_bin(pl.Int64), "Pairs per score bin.", "rows"),
            Column("bin_n_winners", per_bin(pl.Int64), "Winners per score bin.", "rows"),
            Column("bin_sum_return_micro", per_bin(pl.Int64), "Sum of forward returns per score bin.", "1e-6"),
            Column(
                "bin_sum_excess_return_micro",
                per_bin(pl.Int64),
                "Sum of forward returns in excess of the day's mean per score bin.",
                "1e-6",
            ),
            Column(
                "return_rank_covariance",
                pl.Float64,
                "Weighted mean over pairs of centred score times centred, unit-variance return rank; missing scores count as the mean.",
                "points",
                is_nullable=True,
            ),
            Column(
                "score_covariances",
                pl.Array(pl.Float64, len(components)),
                "Weighted covariance of this score with each component, in the order of the feature set.",
                "points squared",
                is_nullable=True,
            ),
        ),
    )
