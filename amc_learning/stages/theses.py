"""Theses: from decisions to outcomes, accuracy, reliability, and the calibration of their confidence.

Belongs here: which window each table needs. Not here: the statistics (learning.theses, learning.calibration).
"""

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from amc_learning.learning.calibration.decision import (
    calibration_reviews,
    decide_calibration,
    required_from,
    review_before,
)
from amc_learning.learning.calibration.evidence import EVIDENCE_COLUMNS
from amc_learning.learning.calibration.review import Review
from amc_learning.learning.calibration.rules import CalibrationRules
from amc_learning.learning.outcomes import required_window
from amc_learning.learning.theses.accuracy import thesis_accuracy
from amc_learning.learning.theses.comparison import source_comparisons
from amc_learning.learning.theses.curves import reliability_curves
from amc_learning.learning.theses.outcomes import JudgementRules, thesis_outcomes
from amc_learning.settings import Settings
from amc_learning.stages.evidence import outcome_rules, sessions_around
from amc_learning.stages.reviews import KeptReview
from amc_learning.stages.turns import taking_turns
from amc_learning.warehouse import Warehouse, reopened

LONGEST_BREAK_DAYS = 14
"""Calendar days without a session that an exchange has ever come near; the regime before a decision is not older."""


@taking_turns
def judge_theses(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> pl.DataFrame:
    """Write the outcomes of theses that matured on these days, and whether they were right."""
    sessions, rules = sessions_around(settings, days), outcome_rules(settings)
    decisions_from, bars_from = required_window(sessions, rules, days[0])
    theses = warehouse.table("thesis_decisions").read(decisions_from, days[-1])
    outcomes = thesis_outcomes(
        theses,
        warehouse.table("price_bars").read(bars_from, days[-1]),
        sessions,
        rules,
        judgement=JudgementRules(
            band=settings.theses.band,
            buy_more_above=settings.theses.buy_more_above,
            trim_below=settings.theses.trim_below,
            liquidate_below=settings.theses.liquidate_below,
        ),
        regimes=warehouse.table("market_regimes").read(
            decisions_from - timedelta(days=LONGEST_BREAK_DAYS), days[-1], columns=["known_on", "basis", "regime"]
        ),
        known_from=days[0],
        known_to=days[-1],
    )
    warehouse.table("thesis_outcomes").write(outcomes, days)
    reopened.close(warehouse, "thesis_outcomes", days)
    return outcomes


@taking_turns
def measure_theses(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> pl.DataFrame:
    """Write accuracy, reliability curves and the comparison of sources of each of these days."""
    window, horizons = settings.analysis.window_days, settings.outcomes.horizons
    outcomes = warehouse.table("thesis_outcomes").read(days[0] - timedelta(days=window - 1), days[-1])
    accuracy = thesis_accuracy(outcomes, as_of=days, window_days=window, horizons=horizons)
    curves = reliability_curves(outcomes, as_of=days, window_days=window, horizon=settings.theses.horizon)
    comparisons = source_comparisons(outcomes, as_of=days, window_days=window, horizons=horizons)
    warehouse.table("thesis_accuracy").write(accuracy, days)
    warehouse.table("reliability_curves").write(curves, days)
    warehouse.table("source_comparisons").write(comparisons, days)
    return accuracy


@taking_turns
def calibrate_days(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> pl.DataFrame:
    """Write what each of these nights decided about the confidence of theses."""
    rules = CalibrationRules(
        horizon=settings.theses.horizon,
        overlap_sessions=settings.outcomes.horizons[settings.theses.horizon],
        window_days=settings.theses.calibration_window_days,
    )
    outcomes = warehouse.table("thesis_outcomes").read(
        required_from(days[0], rules), days[-1], columns=EVIDENCE_COLUMNS
    )
    reviews = _reviews(warehouse, outcomes, sorted({review_before(day) for day in days}), rules)
    decisions = decide_calibration(outcomes, as_of=days, rules=rules, reviews=reviews)
    warehouse.table("calibration_decisions").write(decisions, days)
    return decisions


def _reviews(
    warehouse: Warehouse, outcomes: pl.DataFrame, reviewed_on: Sequence[date], rules: CalibrationRules
) -> dict[date, Review]:
    """What these reviews settle. The last one is kept, because the nights to come in its month go by it."""
    last = reviewed_on[-1]
    looked_at = {"thesis_outcomes": (last - timedelta(days=rules.window_days - 1), last)}
    place = KeptReview.of(warehouse, "calibration_decisions", read=looked_at, rules={"calibration": rules})
    found = place.found() if len(reviewed_on) == 1 else None
    if found is not None:
        return {last: Review.from_frame(found)}
    reviews = calibration_reviews(outcomes, reviewed_on=reviewed_on, rules=rules)
    place.keep(reviews[last].frame())
    return reviews
