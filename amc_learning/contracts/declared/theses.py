"""Tables of what became of theses: outcomes, accuracy, reliability, and AI against rules."""

import polars as pl

from amc_learning.contracts.declared.columns import (
    DECIDED_AT,
    ENTRY_DATE,
    HORIZON,
    KNOWN_ON,
    SYMBOL,
    Column,
    Table,
)

THESIS_ID = Column("thesis_id", pl.String, "Identifier of the thesis.")
WINDOW_DAYS = Column("window_days", pl.Int64, "Length of the window.", "calendar days")
GROUP_KIND = Column(
    "group_kind",
    pl.String,
    "What the theses are grouped by: overall, recommendation, source, regime, or source_recommendation.",
)
GROUP = Column(
    "group",
    pl.String,
    "The group: all (of overall), the recommendation, the source, the regime (unknown = none was known), or source/recommendation.",
)
EVIDENCE = Column("evidence", pl.String, "sufficient, or insufficient_evidence.")


def thesis_outcomes() -> Table:
    """Declaration of thesis_outcomes."""
    return Table(
        "thesis_outcomes",
        "outcomes",
        "Was the thesis right? One row per thesis with a symbol and horizon, in the partition of the session on which it matured.",
        ("horizon", "thesis_id"),
        (
            KNOWN_ON,
            HORIZON,
            THESIS_ID,
            SYMBOL,
            DECIDED_AT,
            Column("decision_known_on", pl.Date, "Partition of thesis_decisions that holds the thesis.", "date"),
            ENTRY_DATE,
            Column(
                "recommendation",
                pl.String,
                "BUY_MORE, HOLD, TRIM, LIQUIDATE, or RESEARCH, which predicts nothing; null when it was not understood.",
                is_nullable=True,
            ),
            Column("confidence", pl.Float64, "Confidence as sent.", "fraction 0-1", is_nullable=True),
            Column("source", pl.String, "ai, rule_based, or unknown."),
            Column(
                "forward_return",
                pl.Float64,
                "Exit over entry, minus 1; null when either price is missing.",
                "fraction",
                is_nullable=True,
            ),
            Column(
                "outcome_status",
                pl.String,
                "complete, missing_bars (inside), missing_exit_bar, missing_entry_bar, or session_missing (no bar of any symbol).",
            ),
            Column(
                "is_right",
                pl.Boolean,
                "Whether the return is what was recommended for; null without a return or a prediction.",
                is_nullable=True,
            ),
            Column(
                "is_counted",
                pl.Boolean,
                "True for the last prediction of a source on a symbol before one entry; earlier ones repeat the same outcome.",
            ),
            Column(
                "market_regime",
                pl.String,
                "Our regime of the index, as known before the day the thesis was known; null before the first.",
                is_nullable=True,
            ),
        ),
    )


def thesis_accuracy() -> Table:
    """Declaration of thesis_accuracy."""
    return Table(
        "thesis_accuracy",
        "analyse",
        "How often theses are right and whether their confidence means it, per group over a window.",
        ("horizon", "group_kind", "group"),
        (
            KNOWN_ON,
            HORIZON,
            GROUP_KIND,
            GROUP,
            WINDOW_DAYS,
            Column("n_days", pl.Int64, "Cross-sections with a judged thesis of the group.", "days"),
            Column("n_theses", pl.Int64, "Judged theses: counted, with a prediction and a return.", "rows"),
            Column("n_right", pl.Int64, "Of these, right.", "rows"),
            Column("accuracy", pl.Float64, "Right over judged; null without any.", "fraction 0-1", is_nullable=True),
            Column(
                "ci_low",
                pl.Float64,
                "Lower end of the 95 % Wilson interval, theses taken as independent.",
                "fraction 0-1",
                is_nullable=True,
            ),
            Column("ci_high", pl.Float64, "Upper end of that interval.", "fraction 0-1", is_nullable=True),
            Column(
                "n_effective",
                pl.Float64,
                "Independent theses that would give the same standard error; null under 20 days, under 6 overlaps, or when nothing varies from day to day.",
                "rows",
                is_nullable=True,
            ),
            Column(
                "clustered_ci_low",
                pl.Float64,
                "Lower end of the 95 % Wilson interval at n_effective: allows for theses of a day sharing its market, and for overlapping horizons.",
                "fraction 0-1",
                is_nullable=True,
            ),
            Column("clustered_ci_high", pl.Float64, "Upper end of that interval.", "fraction 0-1", is_nullable=True),
            Column("n_with_confidence", pl.Int64, "Judged theses that stated a confidence.", "rows"),
            Column(
                "mean_confidence",
                pl.Float64,
                "Mean of the stated confidences; null without any.",
                "fraction 0-1",
                is_nullable=True,
            ),
            Column(
                "confidence_multiplier",
                pl.Float64,
                "Accuracy over mean confidence, both of the theses with a confidence, clamped to [0.5, 2]; null when insufficient.",
                "ratio",
                is_nullable=True,
            ),
            Column(
                "brier_score",
                pl.Float64,
                "Mean squared distance of confidence and truth: miscalibration - discrimination + uncertainty. Null when insufficient.",
                "fraction squared",
                is_nullable=True,
            ),
            Column(
                "miscalibration",
                pl.Float64,
                "What isotonic recalibration of these very theses would win; null when insufficient.",
                "fraction squared",
                is_nullable=True,
            ),
            Column(
                "discrimination",
                pl.Float64,
                "What recalibrated confidence wins over always saying the accuracy; null when insufficient.",
                "fraction squared",
                is_nullable=True,
            ),
            Column(
                "uncertainty",
                pl.Float64,
                "Brier score of always saying the accuracy; null when insufficient.",
                "fraction squared",
                is_nullable=True,
            ),
            Column(
                "expected_calibration_error",
                pl.Float64,
                "Mean distance of accuracy and mean confidence over bins of equal count, weighted by count; null when insufficient.",
                "fraction 0-1",
                is_nullable=True,
            ),
            EVIDENCE,
        ),
    )


def reliability_curves() -> Table:
    """Declaration of reliability_curves."""
    return Table(
        "reliability_curves",
        "analyse",
        "Reliability diagram by CORP: blocks of confidence that isotonic recalibration gives one value, at one horizon.",
        ("group_kind", "group", "block"),
        (
            KNOWN_ON,
            Column("group_kind", pl.String, "overall, source, or recommendation."),
            GROUP,
            Column("block", pl.Int64, "Number of the block, 0 for the lowest confidences."),
            HORIZON,
            WINDOW_DAYS,
            Column("confidence_low", pl.Float64, "Lowest confidence in the block.", "fraction 0-1"),
            Column("confidence_high", pl.Float64, "Highest confidence in the block.", "fraction 0-1"),
            Column("mean_confidence", pl.Float64, "Mean confidence in the block.", "fraction 0-1"),
            Column("calibrated_confidence", pl.Float64, "Share of the block that was right.", "fraction 0-1"),
            Column("n_theses", pl.Int64, "Judged theses in the block.", "rows"),
            Column("n_right", pl.Int64, "Of these, right.", "rows"),
            Column(
                "ci_low",
                pl.Float64,
                "Lower end of the 95 % Wilson interval of the share, given the blocks and theses taken as independent.",
                "fraction 0-1",
            ),
            Column("ci_high", pl.Float64, "Upper end of that interval.", "fraction 0-1"),
        ),
    )


def _difference_columns(prefix: str, what: str, unit: str) -> tuple[Column, ...]:
    return (
        Column(f"{prefix}_difference", pl.Float64, f"{what}; null without a day.", unit, is_nullable=True),
        Column(
            f"{prefix}_ci_low",
            pl.Float64,
            "Lower end of its 95 % interval, valid under overlapping horizons; null when the days do not carry one.",
            unit,
            is_nullable=True,
        ),
        Column(f"{prefix}_ci_high", pl.Float64, "Upper end of that interval.", unit, is_nullable=True),
        Column(f"{prefix}_p_value", pl.Float64, "Two-sided p-value of no difference.", "probability", is_nullable=True),
    )


def source_comparisons() -> Table:
    """Declaration of source_comparisons."""
    return Table(
        "source_comparisons",
        "analyse",
        "AI against rules on the same days, and on the same symbols where both spoke: differences are AI minus rules.",
        ("horizon",),
        (
            KNOWN_ON,
            HORIZON,
            WINDOW_DAYS,
            Column("n_days", pl.Int64, "Cross-sections with judged theses of both sources.", "days"),
            Column("n_ai", pl.Int64, "Judged AI theses on those days.", "rows"),
            Column("n_rule_based", pl.Int64, "Judged rule-based theses on those days.", "rows"),
            Column("ai_accuracy", pl.Float64, "Mean over days of the AI's accuracy.", "fraction 0-1", is_nullable=True),
            Column(
                "rule_based_accuracy",
                pl.Float64,
                "Mean over days of the rules' accuracy.",
                "fraction 0-1",
                is_nullable=True,
            ),
            *_difference_columns("accuracy", "Mean daily difference in accuracy; above 0 the AI is better", "fraction"),
            Column(
                "n_brier_days",
                pl.Int64,
                "Cross-sections with judged theses of both sources that stated a confidence.",
                "days",
            ),
            *_difference_columns(
                "brier", "Mean daily difference in Brier score; below 0 the AI is better", "fraction squared"
            ),
            Column("n_pairs", pl.Int64, "Symbols and entries that both sources judged.", "rows"),
            Column("n_pair_days", pl.Int64, "Cross-sections with such a pair.", "days"),
            *_difference_columns(
                "pair_accuracy", "Mean daily difference in accuracy within pairs; above 0 the AI is better", "fraction"
            ),
            *_difference_columns(
                "pair_brier",
                "Mean daily difference in Brier score within pairs with both confidences; below 0 the AI is better",
                "fraction squared",
            ),
            Column("evidence", pl.String, "sufficient when the accuracy has an interval, or insufficient_evidence."),
        ),
    )
