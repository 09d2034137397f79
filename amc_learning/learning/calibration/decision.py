"""What the night says a confidence is worth, per source and recommendation.

Belongs here: the table `calibration_decisions`. Not here: the choice of a method (review.py), the fits (hierarchy.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from amc_learning.contracts.declared.calibration import calibration_decisions as declaration
from amc_learning.learning.calibration.evidence import ALL, GROUPS, NANO, Evidence, evidence
from amc_learning.learning.calibration.hierarchy import group_fits
from amc_learning.learning.calibration.logistic import FloatArray
from amc_learning.learning.calibration.maps import NODES, kept_nodes
from amc_learning.learning.calibration.review import (
    IDENTITY,
    LOGIT_LINEAR,
    GroupReview,
    Review,
    linear_values,
    node_values,
    review,
)
from amc_learning.learning.calibration.rules import CalibrationRules
from amc_learning.learning.windows import IntArray

TABLE = declaration()

ACTIVE = "active"
HELD = "held"
INSUFFICIENT = "insufficient_evidence"


def calibration_reviews(
    outcomes: pl.DataFrame, *, reviewed_on: Sequence[date], rules: CalibrationRules
) -> dict[date, Review]:
    """The reviews made of what was known on these days.

    Args:
        outcomes: table thesis_outcomes, in any order, the last `window_days` before each of them.
        reviewed_on: days of the reviews, see `review_before`.
        rules: horizon, window and limits.

    Raises:
        ValueError: a confidence lies outside [0, 1].
    """
    theses = evidence(outcomes, horizon=rules.horizon)
    return {
        day: review(
            theses,
            as_of=day,
            window_days=rules.window_days,
            overlap_sessions=rules.overlap_sessions,
            min_theses=rules.min_theses,
        )
        for day in reviewed_on
    }


def decide_calibration(
    outcomes: pl.DataFrame,
    *,
    as_of: Sequence[date],
    rules: CalibrationRules,
    reviews: Mapping[date, Review] | None = None,
) -> pl.DataFrame:
    """The calibration in force from each knowledge day on.

    The method of each group, how many theses say as much as an independent one, and the scores are settled once a
    month, by a review of what was known before the month began: choosing anew every night would look for a winner 250
    times a year and let the map jump back and forth. The map itself is fitted every night to the window up to that
    night, in which one day in 750 changes. Both depend on nothing but the day and the theses known by then.

    Args:
        outcomes: table thesis_outcomes, in any order, reaching back to `required_from` of the first day.
        as_of: knowledge days to decide for; day T fits to T - window_days < known_on <= T.
        rules: horizon, window and limits.
        reviews: those of the months of these days, by their day; None: they are made of the outcomes.

    Returns:
        Table calibration_decisions: a row for the whole, each source, each recommendation and each pair; source
        `unknown` only where the window has theses of it. A day's rows do not depend on the range.

    Raises:
        ValueError: a confidence lies outside [0, 1].
    """
    theses = evidence(outcomes, horizon=rules.horizon)
    if reviews is None:
        reviews = calibration_reviews(outcomes, reviewed_on=sorted({*map(review_before, as_of)}), rules=rules)
    rows: list[dict[str, object]] = []
    for night in as_of:
        rows += _night_rows(theses, night, reviews[review_before(night)], rules)
    return pl.DataFrame(rows, schema=TABLE.schema, orient="row").sort("known_on", *TABLE.key)


def review_before(night: date) -> date:
    """The day whose knowledge the review of a night's month rests on: the last one before the month.

    >>> review_before(date(2014, 5, 20))
    datetime.date(2014, 4, 30)
    """
    return night.replace(day=1) - timedelta(days=1)


def required_from(as_of: date, rules: CalibrationRules) -> date:
    """The first knowledge day of outcomes that the decision of `as_of` needs: its month's review looks furthest back.

    >>> required_from(date(2014, 5, 20), CalibrationRules(window_days=10))
    datetime.date(2014, 4, 21)
    """
    return as_of.replace(day=1) - timedelta(days=rules.window_days)


@dataclass(frozen=True)
class _Night:
    """What the window of a night holds, per group of `GROUPS`."""

    n_right: IntArray
    n_theses: IntArray
    n_days: IntArray
    mean_confidence: FloatArray
    values: FloatArray
    parameters: FloatArray
    borrowed: FloatArray


def _night(theses: Evidence, night: date, reviewed: Review, rules: CalibrationRules) -> _Night:
    window = theses.window(night, rules.window_days)
    n_right, n_theses, billionths = theses.sums(window.start, window.stop)
    right, total = theses.counts(window.start, window.stop)
    units = reviewed.per_independent[:, None]
    linear = group_fits((right / units)[None], (total / units)[None])
    values = linear_values(linear.parameters[0])
    is_known = n_theses[0] >= rules.min_theses
    for group, of_group in enumerate(reviewed.groups):
        if of_group.method == IDENTITY or not is_known:
            values[group] = NODES
        elif of_group.method != LOGIT_LINEAR and n_theses[group] > 0:
            values[group] = node_values(of_group.method, right[[group]], total[[group]])[0]
    return _Night(
        n_right=n_right,
        n_theses=n_theses,
        n_days=theses.n_days(window.start, window.stop),
        mean_confidence=billionths / NANO / np.maximum(n_theses, 1),
        values=values,
        parameters=linear.parameters[0],
        borrowed=linear.borrowed[0],
    )


def _night_rows(theses: Evidence, night: date, reviewed: Review, rules: CalibrationRules) -> list[dict[str, object]]:
    found = _night(theses, night, reviewed, rules)
    is_kept = kept_nodes(found.values)
    rows: list[dict[str, object]] = []
    for group, (source, recommendation) in enumerate(GROUPS):
        n_theses = int(found.n_theses[group])
        if source == "unknown" and not n_theses:
            continue
        scores = reviewed.groups[group]
        whole_is_known = found.n_theses[0] >= rules.min_theses
        method = scores.method if whole_is_known else IDENTITY
        is_enough = n_theses >= rules.min_theses
        status = INSUFFICIENT if not is_enough else HELD if method == IDENTITY else ACTIVE
        if is_enough and scores.brier_sent is None and method == IDENTITY:
            status = INSUFFICIENT
        accuracy = float(found.n_right[group]) / n_theses if n_theses else None
        mean_confidence = float(found.mean_confidence[group]) if n_theses else None
        is_linear = method == LOGIT_LINEAR
        row: dict[str, object] = {
            "known_on": night,
            "source": source,
            "recommendation": recommendation,
            "method": method,
            "confidence_points": NODES[is_kept[group]].tolist(),
            "calibrated_points": found.values[group, is_kept[group]].tolist(),
            "intercept": float(found.parameters[group, 0]) if is_linear else None,
            "slope": float(found.parameters[group, 1]) if is_linear else None,
            "multiplier": _multiplier(accuracy, mean_confidence, rules) if is_enough else None,
            "accuracy": accuracy,
            "mean_confidence": mean_confidence,
            "n_theses": n_theses,
            "n_days": int(found.n_days[group]),
            "n_independent": n_theses / float(reviewed.per_independent[group]),
            "borrowed_share": float(found.borrowed[group]) if is_linear else None,
            "reviewed_on": reviewed.reviewed_on,
            "brier_sent": scores.brier_sent,
            "brier_calibrated": scores.brier_calibrated,
            "brier_difference": _difference(scores),
            "ci_low": scores.ci_low,
            "ci_high": scores.ci_high,
            "status": status,
        }
        rows.append(row | {"reason": _reason(row, scores, rules)})
    return rows


def _multiplier(accuracy: float | None, mean_confidence: float | None, rules: CalibrationRules) -> float | None:
    if accuracy is None or not mean_confidence:
        return None
    return min(max(accuracy / mean_confidence, rules.clamp[0]), rules.clamp[1])


def _difference(scores: GroupReview) -> float | None:
    if scores.brier_sent is None or scores.brier_calibrated is None:
        return None
    return scores.brier_calibrated - scores.brier_sent


def _reason(row: dict[str, object], scores: GroupReview, rules: CalibrationRules) -> str:
    """One sentence with the numbers behind the status."""
    who = _named(str(row["source"]), str(row["recommendation"]))
    n_theses, method, status = row["n_theses"], row["method"], row["status"]
    if status == INSUFFICIENT:
        if n_theses < rules.min_theses:  # type: ignore[operator]
            lack = f"{n_theses} judged {who} are fewer than the {rules.min_theses} it takes"
        else:
            lack = f"{n_theses} judged {who}, but too few of them by the review of {row['reviewed_on']}"
        if method == IDENTITY:
            return f"no change: {lack}"
        borrowed = row["borrowed_share"]
        return f"borrowed: {lack}; {borrowed:.0%} of the map is that of the groups above"
    sent = f"{who}: stated {row['mean_confidence']:.0%}, right {row['accuracy']:.0%} of {n_theses}"
    if scores.brier_sent is None or scores.brier_calibrated is None:
        unscored = f"too few by the review of {row['reviewed_on']} to be scored on their own"
        return f"{sent}; {unscored}, the map is shrunk to that of the groups above"
    if status == HELD:
        as_sent = f"the confidence as sent ({scores.brier_sent:.4f})"
        return f"no change: {sent}; a map scored worse than {as_sent} on unseen days"
    gain = f"Brier score {scores.brier_sent:.4f} as sent, {scores.brier_calibrated:.4f} calibrated on unseen days"
    if scores.ci_low is None or scores.ci_high is None:
        return f"{sent}; {gain} ({method}); too few days for an interval"
    return f"{sent}; {gain} ({method}; difference {scores.ci_low:+.4f} to {scores.ci_high:+.4f})"


def _named(source: str, recommendation: str) -> str:
    words = [{"ai": "AI", "rule_based": "rule-based", ALL: ""}.get(source, source)]
    words += ["" if recommendation == ALL else recommendation, "theses"]
    return " ".join(word for word in words if word)
