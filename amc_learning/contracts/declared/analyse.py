"""Tables of the analyse stage."""

import polars as pl

from amc_learning.contracts.declared.columns import (
    FEATURE,
    HORIZON,
    KNOWN_ON,
    N_QUANTILES,
    POPULATION,
    Column,
    Table,
)


def correlation_table() -> Table:
    """Declaration of correlation_table."""
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
            Column(
                "n_days_excluded", pl.Int64, "Cross-sections without one: constant scores or under 5 pairs.", "days"
            ),
            Column("n_pairs", pl.Int64, "Pairs in the counted cross-sections.", "rows"),
            Column(
                "n_effective_days",
                pl.Float64,
                "Independent days that would give the same standard error.",
                "days",
                is_nullable=True,
            ),
            Column(
                "mean_information_coefficient",
                pl.Float64,
                "Mean of the daily coefficients.",
                "-1 to 1",
                is_nullable=True,
            ),
            Column("ci_low", pl.Float64, "Lower end of the 95 % interval.", "-1 to 1", is_nullable=True),
            Column("ci_high", pl.Float64, "Upper end of the 95 % interval.", "-1 to 1", is_nullable=True),
            Column("p_value", pl.Float64, "Two-sided p-value of a zero mean.", "probability", is_nullable=True),
            Column(
                "q_value",
                pl.Float64,
                "False-discovery-adjusted p-value over the whole table of this day and population.",
                "probability",
                is_nullable=True,
            ),
            Column(
                "information_ratio",
                pl.Float64,
                "Mean over standard deviation of the daily coefficients.",
                "ratio",
                is_nullable=True,
            ),
            Column(
                "share_positive_days",
                pl.Float64,
                "Share of counted days with a positive coefficient.",
                "fraction 0-1",
                is_nullable=True,
            ),
            Column(
                "mean_area_under_curve",
                pl.Float64,
                "Mean daily AUC against winners; n in n_auc_days.",
                "fraction 0-1",
                is_nullable=True,
            ),
            Column("n_auc_days", pl.Int64, "Days with an AUC.", "days"),
            Column(
                "quantile_mean_return",
                pl.Array(pl.Float64, N_QUANTILES),
                "Mean forward return per score decile, lowest first; NaN-free, null when empty.",
                "fraction",
                is_nullable=True,
            ),
            Column(
                "top_bottom_spread",
                pl.Float64,
                "Mean return of the top decile minus the bottom decile.",
                "fraction",
                is_nullable=True,
            ),
            Column("evidence", pl.String, "sufficient, or insufficient_evidence."),
        ),
    )


def selection_effects() -> Table:
    """Declaration of selection_effects."""
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
            Column(
                "mean_return_selected",
                pl.Float64,
                "Mean over days of the selected's mean return.",
                "fraction",
                is_nullable=True,
            ),
            Column(
                "mean_return_controls",
                pl.Float64,
                "Mean over days of the controls' mean return.",
                "fraction",
                is_nullable=True,
            ),
            Column(
                "mean_lift", pl.Float64, "Mean daily difference, selected minus controls.", "fraction", is_nullable=True
            ),
            Column(
                "ci_low", pl.Float64, "Lower end of the 95 % interval of the difference.", "fraction", is_nullable=True
            ),
            Column(
                "ci_high", pl.Float64, "Upper end of the 95 % interval of the difference.", "fraction", is_nullable=True
            ),
            Column("p_value", pl.Float64, "Two-sided p-value of no difference.", "probability", is_nullable=True),
            Column("evidence", pl.String, "sufficient, or insufficient_evidence."),
        ),
    )


def threshold_table() -> Table:
    """Declaration of threshold_table."""
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
            Column(
                "threshold",
                pl.Float64,
                "The score from which it pays; null unless found.",
                "points 0-100",
                is_nullable=True,
            ),
            Column(
                "threshold_ci_low",
                pl.Float64,
                "Lower end of its 90 % interval over resampled days.",
                "points 0-100",
                is_nullable=True,
            ),
            Column(
                "threshold_ci_high",
                pl.Float64,
                "Upper end of its 90 % interval over resampled days.",
                "points 0-100",
                is_nullable=True,
            ),
            Column(
                "coverage", pl.Float64, "Share of pairs at or above the threshold.", "fraction 0-1", is_nullable=True
            ),
            Column("n_above", pl.Int64, "Pairs at or above the threshold.", "rows", is_nullable=True),
            Column(
                "success_rate_above",
                pl.Float64,
                "Share of winners at or above the threshold.",
                "fraction 0-1",
                is_nullable=True,
            ),
            Column(
                "lift",
                pl.Float64,
                "Mean return at or above the threshold in excess of the mean of the day and scope, on days not used to choose it; of the best threshold when none was found.",
                "fraction",
                is_nullable=True,
            ),
            Column(
                "lift_ci_low", pl.Float64, "Lower end of the 95 % interval of the lift.", "fraction", is_nullable=True
            ),
            Column(
                "lift_ci_high", pl.Float64, "Upper end of the 95 % interval of the lift.", "fraction", is_nullable=True
            ),
            Column("reason", pl.String, "One sentence a person can read."),
        ),
    )
