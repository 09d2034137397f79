"""Tables of prediction models: the models of each week, every prediction they were judged by, today's predictions."""

import polars as pl

from amc_learning.contracts.declared.columns import (
    DECISION_ID,
    ENTRY_DATE,
    HORIZON,
    KNOWN_ON,
    SYMBOL,
    Column,
    Table,
)

STAGE = "weekly"

TARGETS = {
    "success": "The forward return at the horizon of the week reaches the winner bound.",
    "outperformance": "The forward return exceeds the median of the day's candidates.",
    "return": "Forward return less the mean of the day's candidates, both held within bounds first.",
    "stop_out": "The low falls to the stop below the entry price before the longest horizon is over.",
}
"""What is predicted of a candidate: probabilities, but for `return`."""

TARGET = Column("target", pl.String, "What is predicted: success, outperformance, return or stop_out.")

KINDS = {
    "baseline": "The rate of the training days, or 0: what a model has to beat.",
    "linear": "Logistic regression, of returns ridge regression.",
    "boosted": "Gradient-boosted trees.",
}
"""Recipes a model can be made by; each is refitted every week."""


def _interval(name: str, description: str, unit: str = "") -> tuple[Column, ...]:
    """An estimate with its 95 % interval; all null for want of evidence."""
    return (
        Column(name, pl.Float64, description, unit, is_nullable=True),
        Column(f"{name}_ci_low", pl.Float64, f"Lower end of the 95 % interval of {name}.", unit, is_nullable=True),
        Column(f"{name}_ci_high", pl.Float64, f"Upper end of the 95 % interval of {name}.", unit, is_nullable=True),
    )


def prediction_models() -> Table:
    """Declaration of prediction_models."""
    return Table(
        "prediction_models",
        STAGE,
        "The models of each week and their card: what they are, what they saw, how they did on days after it, and which "
        "kind predicts. They advise; weights are learned without them.",
        ("target", "kind"),
        (
            KNOWN_ON,
            TARGET,
            HORIZON,
            Column("kind", pl.String, "Recipe: baseline, linear or boosted; each is refitted every week."),
            Column("role", pl.String, "champion (its predictions are given), or challenger; after the decision."),
            Column(
                "decision",
                pl.String,
                "Of the champion before this week: first (the baseline begins), kept or replaced. Of a challenger: "
                "promoted, refused (the champion, or another challenger, is better), or insufficient_evidence.",
            ),
            Column("reason", pl.String, "Why, in one sentence with its numbers."),
            Column(
                "champion_since",
                pl.Date,
                "Week in which the champion of now was promoted; null while the baseline was never replaced.",
                "date",
                is_nullable=True,
            ),
            Column("model_id", pl.String, "First 16 digits of the sha256 of parameters."),
            Column("parameters", pl.String, "The whole model as plain numbers, canonical JSON."),
            Column("trained_from", pl.Date, "First entry session it was fitted on.", "date", is_nullable=True),
            Column("trained_to", pl.Date, "Last entry session it was fitted on.", "date", is_nullable=True),
            Column("n_cases", pl.Int64, "Candidates it was fitted on.", "candidates"),
            Column("n_days", pl.Int64, "Entry sessions among them.", "sessions"),
            Column("n_positive", pl.Int64, "Candidates among them that came true; null for return.", is_nullable=True),
            Column("scored_from", pl.Date, "First entry session it was judged on.", "date", is_nullable=True),
            Column("scored_to", pl.Date, "Last entry session it was judged on.", "date", is_nullable=True),
            Column(
                "n_scored", pl.Int64, "Candidates predicted by fits of this kind that had not seen them.", "candidates"
            ),
            Column("n_scored_days", pl.Int64, "Entry sessions among them.", "sessions"),
            Column("n_new_days", pl.Int64, "Entry sessions of them that this week added.", "sessions"),
            *_interval(
                "area_under_curve",
                "Chance that a case that came true was given more than one that did not; null for constants.",
                "0-1",
            ),
            *_interval(
                "mean_information_coefficient",
                "Mean over days of the rank correlation of prediction and truth.",
                "-1-1",
            ),
            *_interval("skill", "1 minus squared error over that of the baseline on the same days.", "fraction"),
            Column("brier_score", pl.Float64, "Mean squared error of the probability.", is_nullable=True),
            Column("miscalibration", pl.Float64, "Part of brier_score recalibration would remove.", is_nullable=True),
            Column("discrimination", pl.Float64, "Part of uncertainty that its order explains.", is_nullable=True),
            Column("uncertainty", pl.Float64, "Brier score of always saying the rate.", is_nullable=True),
            Column(
                "score",
                pl.String,
                "What champion and challenger are compared by: brier_score, or information_coefficient (return).",
            ),
            Column(
                "difference",
                pl.Float64,
                "Mean over days by which this kind beat the champion it met, in units of score; null for the champion.",
                is_nullable=True,
            ),
            Column("ci_low", pl.Float64, "Lower end, right on all weeks together.", is_nullable=True),
            Column("ci_high", pl.Float64, "Upper end, right on all weeks together.", is_nullable=True),
            Column(
                "e_value",
                pl.Float64,
                "Evidence that it beats the champion: 1 is none; its logarithm grows with days.",
                "ratio",
                is_nullable=True,
            ),
            Column("promoted_from", pl.Float64, "e_value from which it is promoted.", "ratio", is_nullable=True),
            Column(
                "calibration_curve",
                pl.String,
                "What predictions came to, JSON list of blocks: predicted, came_true, n.",
                is_nullable=True,
            ),
            Column(
                "importance",
                pl.String,
                "What is lost when a group of features is shuffled on days the fit had not seen, JSON list: group, loss "
                "(of area under the curve, or of the coefficient).",
                is_nullable=True,
            ),
            Column("limits", pl.String, "What these numbers do not say."),
        ),
    )


def judged_predictions() -> Table:
    """Declaration of judged_predictions."""
    return Table(
        "judged_predictions",
        STAGE,
        "Every prediction the models are judged by, once: made by fits that knew nothing from its entry on, beside what "
        "came true; in the week that knew the truth.",
        ("target", "horizon", "decision_id"),
        (
            KNOWN_ON,
            TARGET,
            HORIZON,
            DECISION_ID,
            ENTRY_DATE,
            Column("truth", pl.Float64, "0 or 1; of return the return relative to the day.", "probability or fraction"),
            *(
                Column(kind, pl.Float64, f"Prediction of kind {kind}. {text}", "probability or fraction")
                for kind, text in KINDS.items()
            ),
        ),
    )


def candidate_predictions() -> Table:
    """Declaration of candidate_predictions."""

    def predicted(name: str, description: str, unit: str) -> Column:
        return Column(name, pl.Float64, description, unit, is_nullable=True)

    return Table(
        "candidate_predictions",
        STAGE,
        "What the champions say of the candidates of the week's last discovery day. Advice: no weight reads it.",
        ("decision_id",),
        (
            KNOWN_ON,
            DECISION_ID,
            SYMBOL,
            Column("decided_on", pl.Date, "Knowledge day of the decision.", "date"),
            Column("rank", pl.Int64, "Rank in the run.", is_nullable=True),
            predicted("success_probability", TARGETS["success"], "probability"),
            predicted("outperformance_probability", TARGETS["outperformance"], "probability"),
            predicted("expected_relative_return", TARGETS["return"], "fraction"),
            predicted("stop_out_probability", TARGETS["stop_out"], "probability"),
            *(
                Column(
                    f"{target}_model_id",
                    pl.String,
                    f"Model of {target} in prediction_models; null before the first.",
                    is_nullable=True,
                )
                for target in TARGETS
            ),
            *(
                Column(
                    f"{target}_kind",
                    pl.String,
                    "Kind of that model; baseline says the same of every candidate.",
                    is_nullable=True,
                )
                for target in TARGETS
            ),
        ),
    )
