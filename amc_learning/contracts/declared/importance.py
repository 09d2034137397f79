"""Table of feature importance: what the order of returns would lose without each component."""

import polars as pl

from amc_learning.contracts.declared.columns import HORIZON, KNOWN_ON, Column, Table

STAGE = "weekly"

DROP = "-1 to 1"
"""Unit of a coefficient, and of what is lost of one."""


def _interval(name: str, what: str) -> tuple[Column, ...]:
    """An estimate and its 95 % interval; all null without evidence enough."""
    return (
        Column(name, pl.Float64, what, DROP, is_nullable=True),
        Column(f"{name}_ci_low", pl.Float64, f"Lower end of the 95 % interval of {name}.", DROP, is_nullable=True),
        Column(f"{name}_ci_high", pl.Float64, f"Upper end of the 95 % interval of {name}.", DROP, is_nullable=True),
    )


def feature_importance() -> Table:
    """Declaration of feature_importance."""
    return Table(
        "feature_importance",
        STAGE,
        "How much of the order of returns hangs on each component: the fall of a model's daily coefficient, on days it "
        "was not fitted on, when the component is shuffled among the day's selected candidates.",
        ("horizon", "component"),
        (
            KNOWN_ON,
            HORIZON,
            Column("component", pl.String, "Component of the feature set."),
            Column("rank", pl.Int64, "Place by importance within the horizon, 1 the largest.", is_nullable=True),
            *_interval("importance", "Mean over days of the fall when the component alone is shuffled."),
            *_interval("noise_importance", "The same of a random score that persists like a real one: the baseline."),
            Column(
                "p_value",
                pl.Float64,
                "One-sided: chance of as much more than noise_importance from a component that carries nothing. Standard "
                "errors are smaller then, so it may be small where the interval of importance holds 0.",
                "probability",
                is_nullable=True,
            ),
            Column(
                "q_value",
                pl.Float64,
                "False-discovery-adjusted p-value over components and horizons of the week.",
                "probability",
                is_nullable=True,
            ),
            Column(
                "is_beyond_noise", pl.Boolean, "True when q_value is under 5 %; null without one.", is_nullable=True
            ),
            *_interval(
                "mean_information_coefficient", "The component by itself: mean daily coefficient on the same days."
            ),
            Column("n_scored_days", pl.Int64, "Days with a coefficient of the component by itself.", "sessions"),
            *_interval(
                "refit_loss", "Fall when the model is fitted without the component, so that others may stand in for it."
            ),
            Column(
                "correlated_with",
                pl.String,
                "Components whose mean daily rank correlation with it is beyond 0.7 in size, comma-separated; null: none.",
                is_nullable=True,
            ),
            *_interval("group_importance", "Fall when it and those of correlated_with are shuffled together."),
            Column("share_scored", pl.Float64, "Share of the pairs in which it was scored.", "fraction"),
            *_interval(
                "model_information_coefficient", "Mean daily coefficient of the model's predictions, nothing shuffled."
            ),
            Column(
                "previous_week",
                pl.Date,
                "Week compared with: the latest before; null before the first, and after one with another window.",
                "date",
                is_nullable=True,
            ),
            Column("previous_importance", pl.Float64, "importance of that week.", DROP, is_nullable=True),
            Column("change", pl.Float64, "importance minus previous_importance.", DROP, is_nullable=True),
            Column(
                "change_p_value",
                pl.Float64,
                "Two-sided: chance of a change this large when only days entered and left the window; null for a component "
                "scored in under half of the pairs.",
                "probability",
                is_nullable=True,
            ),
            Column(
                "is_change_beyond_noise",
                pl.Boolean,
                "True when change_p_value is under 5 % after Bonferroni over the week's rows; null without one.",
                is_nullable=True,
            ),
            Column("evidence", pl.String, "sufficient, insufficient_days, or no_contrast (scores that never differ)."),
            Column("window_days", pl.Int64, "Length of the window of knowledge.", "calendar days"),
            Column("tested_from", pl.Date, "First entry session tested.", "date", is_nullable=True),
            Column("tested_to", pl.Date, "Last entry session tested.", "date", is_nullable=True),
            Column("n_days", pl.Int64, "Tested entry sessions with a coefficient of the model.", "sessions"),
            Column("n_effective_days", pl.Float64, "Independent days with the same standard error.", is_nullable=True),
            Column("n_pairs", pl.Int64, "Candidates with a known return on those days.", "candidates"),
        ),
    )
