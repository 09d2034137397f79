"""The table of regime changes: what each change was, whether it lasted, and what it changed for which component."""

import polars as pl

from amc_learning.contracts.declared.columns import HORIZON, KNOWN_ON, Column, Table
from amc_learning.contracts.declared.regimes import BASIS

COEFFICIENT = "-1 to 1"


def _mean(name: str, of_what: str) -> tuple[Column, ...]:
    """A count of cross-sections, the mean of their coefficients, and its interval."""
    return (
        Column(f"n_days_{name}", pl.Int64, f"Cross-sections {of_what} with an information coefficient.", "days"),
        Column(
            f"mean_{name}", pl.Float64, "Mean of their daily information coefficients.", COEFFICIENT, is_nullable=True
        ),
        Column(f"{name}_ci_low", pl.Float64, "Lower end of the 95 % interval.", COEFFICIENT, is_nullable=True),
        Column(f"{name}_ci_high", pl.Float64, "Upper end of the 95 % interval.", COEFFICIENT, is_nullable=True),
    )


def _difference(name: str, meaning: str) -> tuple[Column, ...]:
    """A difference of two means, its interval, its p-value alone and among all tests of the week."""
    return (
        Column(name, pl.Float64, meaning, COEFFICIENT, is_nullable=True),
        Column(f"{name}_ci_low", pl.Float64, "Lower end of the 95 % interval.", COEFFICIENT, is_nullable=True),
        Column(f"{name}_ci_high", pl.Float64, "Upper end of the 95 % interval.", COEFFICIENT, is_nullable=True),
        Column(
            f"{name}_p_value",
            pl.Float64,
            "Two-sided, of no difference; null where it is not tested.",
            "probability",
            is_nullable=True,
        ),
        Column(
            f"{name}_adjusted_p_value",
            pl.Float64,
            "The same allowing for every test of the week (Holm).",
            "probability",
            is_nullable=True,
        ),
    )


def regime_changes() -> Table:
    """Declaration of regime_changes."""
    return Table(
        "regime_changes",
        "weekly",
        "Changes of the market regime in the last year, whether they lasted, and what they changed for each component.",
        ("basis", "changed_on", "component"),
        (
            KNOWN_ON,
            BASIS,
            Column("changed_on", pl.Date, "Session after which the new regime was read.", "date"),
            Column("component", pl.String, "Component of the feature set."),
            HORIZON,
            Column("previous_regime", pl.String, "Regime before the change."),
            Column("regime", pl.String, "Regime after it."),
            Column(
                "probability",
                pl.Float64,
                "Filtered probability of the new regime on that day; null for discovery.",
                "probability",
                is_nullable=True,
            ),
            Column("ended_on", pl.Date, "Session of the next change; null while it is in force.", "date", is_nullable=True),
            Column("n_sessions", pl.Int64, "Sessions the new regime was read on so far, that of the change included.", "sessions"),
            Column("n_sessions_since", pl.Int64, "Sessions from the change to the end of the week, both included.", "sessions"),
            Column("state", pl.String, "held (5 sessions or more), flickered (left again before), or too_early."),
            *_mean("since", "entered under the new regime, from this change until it ended"),
            *_mean("before", "entered in the spell of the previous regime that this change ended"),
            *_mean("history", "of the whole window, whatever the regime"),
            *_difference("difference", "mean_since minus mean_before: this change alone."),
            *_difference(
                "regime_difference",
                "Mean of all cross-sections of the window under the new regime minus that under the previous one.",
            ),
            Column("n_days_regime", pl.Int64, "Cross-sections of the window under the new regime.", "days"),
            Column("n_days_previous_regime", pl.Int64, "Those under the previous one.", "days"),
            Column(
                "is_beyond_noise",
                pl.Boolean,
                "Either adjusted p-value is under 5 %; null when there is none.",
                is_nullable=True,
            ),
            Column("evidence", pl.String, "sufficient, or insufficient_evidence (neither difference is tested)."),
        ),
    )  # fmt: skip
