"""Tables of market regimes: the fitted models, each session's regime, and how the scores did in each."""

import polars as pl

from amc_learning.contracts.declared.columns import FEATURE, HORIZON, KNOWN_ON, Column, Table

BASIS = Column(
    "basis",
    pl.String,
    "What the regime is read from: index (returns of the index) or discovery (the day's candidates).",
)


def regime_models() -> Table:
    """Declaration of regime_models."""
    return Table(
        "regime_models",
        "outcomes",
        "Markov-switching model of the index's returns: one row per state, in the partition of the day it was fitted on.",
        ("state",),
        (
            KNOWN_ON,
            Column("state", pl.String, "calm or turbulent: the state with the smaller or larger volatility."),
            Column("mean_log_return", pl.Float64, "Mean log return of a session in this state.", "fraction"),
            Column(
                "log_return_variance",
                pl.Float64,
                "Variance of a session's log return in this state.",
                "fraction squared",
            ),
            Column("annualised_volatility", pl.Float64, "Its square root times the root of 252.", "fraction"),
            Column(
                "stay_probability", pl.Float64, "Chance that the state still holds in the next session.", "probability"
            ),
            Column("expected_duration_sessions", pl.Float64, "Sessions the state lasts on average.", "sessions"),
            Column(
                "filtered_probability",
                pl.Float64,
                "Probability of the state after the last close of the fit, given that close and those before.",
                "probability",
            ),
            Column("n_observations", pl.Int64, "Returns the model was fitted on.", "sessions"),
            Column("fitted_from", pl.Date, "Day of the first close used.", "date"),
            Column("fitted_to", pl.Date, "Day of the last close used; before known_on.", "date"),
            Column("log_likelihood", pl.Float64, "Of the returns in percent, at the fit."),
            Column("is_usable", pl.Boolean, "False when the fit found no two states that can be told apart."),
            Column("problem", pl.String, "Why it is not usable.", is_nullable=True),
        ),
    )


def market_regimes() -> Table:
    """Declaration of market_regimes."""

    def number(name: str, description: str, unit: str = "") -> Column:
        return Column(name, pl.Float64, description, unit, is_nullable=True)

    return Table(
        "market_regimes",
        "outcomes",
        "The market's regime after each session, from what was known that evening, with the numbers it was read from.",
        ("basis",),
        (
            KNOWN_ON,
            BASIS,
            Column(
                "regime",
                pl.String,
                "index: calm or turbulent. discovery: explosive_bull, squeeze_setup, low_opportunity, high_volatility or normal_market. Null without evidence.",
                is_nullable=True,
            ),
            number("probability", "Filtered probability of this regime; null for discovery.", "probability"),
            Column(
                "previous_regime",
                pl.String,
                "Regime before the present one; null when none is known.",
                is_nullable=True,
            ),
            Column("is_change", pl.Boolean, "True on the session on which the present regime began."),
            Column("since", pl.Date, "Session on which the present regime began.", "date", is_nullable=True),
            number(
                "turbulent_probability",
                "Filtered probability of the turbulent state; null for discovery.",
                "probability",
            ),
            Column(
                "model_known_on", pl.Date, "Partition of regime_models that was used (index).", "date", is_nullable=True
            ),
            number("annualised_volatility", "Volatility of the last 21 sessions of the index, annualised.", "fraction"),
            number("index_return", "Return of the index over the last 21 sessions.", "fraction"),
            Column("n_candidates", pl.Int64, "Selected symbols of the day (discovery).", "symbols", is_nullable=True),
            number("mean_total_score", "Mean total score of the selected (discovery).", "points 0-100"),
            number("top_score", "Mean total score of the ten best (discovery).", "points 0-100"),
            number("mean_squeeze_score", "Mean squeeze score of the selected (discovery).", "points 0-100"),
            Column(
                "breadth",
                pl.Int64,
                "Selected symbols at or above the median top_score of the trailing history (discovery).",
                "symbols",
                is_nullable=True,
            ),
            number("top_score_rank", "Where the week's top_score lies in its trailing history.", "fraction 0-1"),
            number("squeeze_rank", "Where the week's mean_squeeze_score lies in its trailing history.", "fraction 0-1"),
            number("breadth_rank", "Where the week's breadth lies in its trailing history.", "fraction 0-1"),
            number("volatility_rank", "Where annualised_volatility lies in its trailing history.", "fraction 0-1"),
            Column("evidence", pl.String, "sufficient, or insufficient_evidence."),
        ),
    )


def regime_performance() -> Table:
    """Declaration of regime_performance."""

    def estimate(name: str, description: str, unit: str = "-1 to 1") -> Column:
        return Column(name, pl.Float64, description, unit, is_nullable=True)

    return Table(
        "regime_performance",
        "analyse",
        "Does a score order returns in each regime, and differently from the others? Reviewed at the start of each month.",
        ("basis", "regime", "feature", "horizon"),
        (
            KNOWN_ON,
            BASIS,
            Column("regime", pl.String, "Regime known before the entry of the cross-section."),
            FEATURE,
            HORIZON,
            Column("reviewed_on", pl.Date, "First knowledge day of the month: what is known later waits.", "date"),
            Column("window_days", pl.Int64, "Length of the window up to reviewed_on.", "calendar days"),
            Column("n_days", pl.Int64, "Cross-sections of this regime with an information coefficient.", "days"),
            Column("n_other_days", pl.Int64, "Those of the other regimes.", "days"),
            estimate("mean_information_coefficient", "Mean of the daily coefficients in this regime."),
            estimate("ci_low", "Lower end of the 95 % interval."),
            estimate("ci_high", "Upper end of the 95 % interval."),
            estimate("mean_difference", "Mean coefficient of this regime minus that of all others."),
            estimate("difference_p_value", "Two-sided p-value of no difference to the others.", "probability"),
            estimate("mean_return", "Mean over days of the mean return of the selected with this score.", "fraction"),
            estimate("success_rate", "Share of winners among the selected with this score.", "fraction 0-1"),
            Column(
                "multiplier",
                pl.Float64,
                "Factor on the suggested weight of this component while the regime holds; 1 without reliable evidence.",
                "ratio 0.5-2",
            ),
            Column("is_current", pl.Boolean, "True when this is the regime in force on known_on."),
            Column("evidence", pl.String, "sufficient, or insufficient_evidence (of the mean in this regime)."),
        ),
    )
