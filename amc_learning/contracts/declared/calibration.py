"""Tables of confidence calibration."""

import polars as pl

from amc_learning.contracts.declared.columns import KNOWN_ON, Column, Table


def calibration_decisions() -> Table:
    """Declaration of calibration_decisions."""
    return Table(
        "calibration_decisions",
        "calibrate",
        "What a stated confidence is worth from this knowledge day on, per source and recommendation, and why.",
        ("source", "recommendation"),
        (
            KNOWN_ON,
            Column("source", pl.String, "ai, rule_based, unknown (where there are any), or all."),
            Column("recommendation", pl.String, "BUY_MORE, HOLD, TRIM, LIQUIDATE, or all."),
            Column("method", pl.String, "identity (no change), logit_linear, beta, isotonic or venn_abers."),
            Column(
                "confidence_points",
                pl.List(pl.Float64),
                "Confidences as sent, ascending from 0 to 1; join the points by straight lines.",
                "fraction 0-1",
            ),
            Column(
                "calibrated_points",
                pl.List(pl.Float64),
                "Calibrated confidence at each of them, never falling.",
                "fraction 0-1",
            ),
            Column(
                "intercept",
                pl.Float64,
                "Of the logit-linear map, in log odds; null for other methods.",
                "log odds",
                is_nullable=True,
            ),
            Column("slope", pl.Float64, "Of the logit-linear map; null for other methods.", "ratio", is_nullable=True),
            Column(
                "multiplier",
                pl.Float64,
                "Accuracy over mean confidence within the clamp, the system description's number; null with too few theses.",
                "ratio",
                is_nullable=True,
            ),
            Column(
                "accuracy", pl.Float64, "Share right in the window; null without theses.", "fraction", is_nullable=True
            ),
            Column(
                "mean_confidence",
                pl.Float64,
                "Mean confidence as sent in the window; null without theses.",
                "fraction",
                is_nullable=True,
            ),
            Column("n_theses", pl.Int64, "Judged theses with a confidence in the window.", "theses"),
            Column("n_days", pl.Int64, "Knowledge days that have any of them.", "days"),
            Column(
                "n_independent",
                pl.Float64,
                "Independent theses they are taken to be worth: theses of a day share its market, neighbouring days share sessions.",
                "theses",
            ),
            Column(
                "borrowed_share",
                pl.Float64,
                "Share of the map's level that comes from what it is shrunk to: no change for the whole, the whole for a source or recommendation, both for a pair; null for a method that does not borrow.",
                "fraction",
                is_nullable=True,
            ),
            Column(
                "reviewed_on",
                pl.Date,
                "Last day the review that chose the method looked at; the scores below are that review's.",
                "date",
            ),
            Column(
                "brier_sent",
                pl.Float64,
                "Mean squared error of the confidence as sent; null with too few days or theses.",
                "0-1",
                is_nullable=True,
            ),
            Column(
                "brier_calibrated",
                pl.Float64,
                "The same on the same theses by the method in force, fitted to other days; null as above.",
                "0-1",
                is_nullable=True,
            ),
            Column(
                "brier_difference",
                pl.Float64,
                "Calibrated minus sent: negative is better; null as above.",
                "-1 to 1",
                is_nullable=True,
            ),
            Column(
                "ci_low",
                pl.Float64,
                "Lower end of its 95 % interval, by days; null without evidence for one.",
                "-1 to 1",
                is_nullable=True,
            ),
            Column(
                "ci_high", pl.Float64, "Upper end of its 95 % interval; null as above.", "-1 to 1", is_nullable=True
            ),
            Column(
                "status",
                pl.String,
                "active (the map applies), held (no change: maps did reliably worse on unseen days), insufficient_evidence (too few theses: the map is borrowed, or no change).",
            ),
            Column("reason", pl.String, "One sentence a person can read."),
        ),
    )
