"""How often theses are right, and whether their confidence means it: per group, over a window.

Belongs here: the table `thesis_accuracy`. Not here: the statistics of one set of pairs (reliability.py, wilson.py), the
diagram (curves.py), the comparison of sources (comparison.py), correcting a confidence (calibration).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from amc_learning.contracts.declared.theses import thesis_accuracy as declaration
from amc_learning.learning.inference import degrees_of_freedom, long_run_variance
from amc_learning.learning.theses.judged import LABELS, MIN_THESES, JudgedTheses, judged_theses
from amc_learning.learning.theses.reliability import FloatArray, IntArray, Reliability, reliabilities
from amc_learning.learning.theses.wilson import wilson_interval
from amc_learning.learning.windows import null_where_not_finite

TABLE = declaration()

MULTIPLIER_BOUNDS = (0.5, 2.0)
"""Of the ratio of accuracy to confidence, as in the system description."""

_CALIBRATION = (
    "confidence_multiplier",
    "brier_score",
    "miscalibration",
    "discrimination",
    "uncertainty",
    "expected_calibration_error",
)
_ESTIMATES = (
    "accuracy",
    "ci_low",
    "ci_high",
    "n_effective",
    "clustered_ci_low",
    "clustered_ci_high",
    "mean_confidence",
    *_CALIBRATION,
)


@dataclass(frozen=True)
class _Night:
    """Numbers of every group in one window, each of shape (n groups,)."""

    n_days: IntArray
    n_theses: IntArray
    n_right: IntArray
    n_effective: FloatArray
    freedom: IntArray
    reliability: Reliability


def thesis_accuracy(
    outcomes: pl.DataFrame, *, as_of: Sequence[date], window_days: int, horizons: Mapping[str, int]
) -> pl.DataFrame:
    """Accuracy and calibration of the judged theses of each group in each window.

    Two intervals of the accuracy. `ci_low`, `ci_high` is Wilson's over all theses, as if they were independent. They
    are not: the theses of a day stand or fall with its market, and horizons of neighbouring days overlap. The
    `clustered_` one is Wilson's at `n_effective`, the independent theses that would leave the accuracy as uncertain as
    its long-run variance over days says, with Student's quantile because that variance is itself estimated.

    Calibration is over the theses that stated a confidence; under `MIN_THESES` of them it is null and `evidence` says
    insufficient_evidence. Miscalibration, discrimination and uncertainty are found and judged on the same theses, so
    the first two are too high at small n; whether a correction pays is for unseen theses to tell (calibration).

    Args:
        outcomes: table thesis_outcomes covering every window, in any order.
        as_of: knowledge days to report on; day T looks at T - `window_days` < known_on <= T.
        window_days: calendar days.
        horizons: sessions that each horizon spans, by name.

    Returns:
        Table thesis_accuracy: per day and horizon the groups of `ALWAYS_REPORTED` and all others with a judged thesis.
        A day's rows do not depend on the range nor on the order of the outcomes.

    Source: Wilson 1927; Korn and Graubard 1998, Confidence intervals for proportions with small expected number of
    positive counts estimated from survey data (effective n); Dimitriadis, Gneiting and Jordan 2021 (CORP).
    """
    parts = [
        _one_horizon(
            judged_theses(outcomes, horizon=horizon, kinds=tuple(LABELS)),
            sessions=sessions,
            as_of=as_of,
            window_days=window_days,
        ).with_columns(pl.lit(horizon).alias("horizon"))
        for horizon, sessions in horizons.items()
        if as_of
    ]
    if not parts:
        return TABLE.empty()
    return (
        pl.concat(parts)
        .with_columns(pl.lit(window_days, pl.Int64).alias("window_days"))
        .select(TABLE.column_names)
        .cast(dict(TABLE.schema))  # type: ignore[arg-type]
        .sort("known_on", *TABLE.key)
    )


def _one_horizon(theses: JudgedTheses, *, sessions: int, as_of: Sequence[date], window_days: int) -> pl.DataFrame:
    # scipy costs most of a second to import; only those who infer pay for it.
    from scipy.special import stdtrit  # noqa: PLC0415

    nights = [_one_night(theses, theses.window(night, window_days), sessions=sessions) for night in as_of]
    n_theses = np.concatenate([night.n_theses for night in nights])
    n_right = np.concatenate([night.n_right for night in nights])
    n_effective = np.concatenate([night.n_effective for night in nights])
    freedom = np.concatenate([night.freedom for night in nights])
    of_confident = {
        name: np.concatenate([getattr(night.reliability, name) for night in nights])
        for name in Reliability.__dataclass_fields__
    }
    with np.errstate(invalid="ignore", divide="ignore"):
        # Zero over zero is how "no such theses" looks in here; it leaves as null.
        accuracy = n_right / n_theses
        ratio = of_confident["n_right"] / of_confident["n"] / of_confident["mean_confidence"]
    ci_low, ci_high = wilson_interval(accuracy, n_theses)
    clustered_low, clustered_high = wilson_interval(
        accuracy, n_effective, quantile=stdtrit(np.maximum(freedom, 1), 0.975)
    )
    is_sufficient = of_confident["n"] >= MIN_THESES
    rows = pl.DataFrame(
        {
            "known_on": pl.Series([night for night in as_of for _ in theses.groups], dtype=pl.Date),
            "group_kind": [kind for kind, _ in theses.groups] * len(as_of),
            "group": [group for _, group in theses.groups] * len(as_of),
            "is_reported": np.tile(theses.is_always_reported, len(as_of)) | (n_theses > 0),
            "n_days": np.concatenate([night.n_days for night in nights]),
            "n_theses": n_theses,
            "n_right": n_right,
            "accuracy": accuracy,
            "ci_low": ci_low,
            "ci_high": ci_high,
            "n_effective": n_effective,
            "clustered_ci_low": clustered_low,
            "clustered_ci_high": clustered_high,
            "n_with_confidence": of_confident["n"],
            "mean_confidence": of_confident["mean_confidence"],
            "confidence_multiplier": np.clip(ratio, *MULTIPLIER_BOUNDS),
            **{name: of_confident[name] for name in _CALIBRATION[1:]},
            "is_sufficient": is_sufficient,
        }
    )
    return null_where_not_finite(rows.filter("is_reported"), _ESTIMATES).with_columns(
        *(pl.when("is_sufficient").then(name).alias(name) for name in _CALIBRATION),
        evidence=pl.when("is_sufficient").then(pl.lit("sufficient")).otherwise(pl.lit("insufficient_evidence")),
    )


def _one_night(theses: JudgedTheses, window: slice, *, sessions: int) -> _Night:
    n_groups, n_kinds = len(theses.groups), theses.member_of.shape[1]
    # Every thesis once for each group it is in.
    member_of = theses.member_of[window].ravel()
    is_right = np.repeat(theses.is_right[window], n_kinds)
    confidence = np.repeat(theses.confidence[window], n_kinds)
    day = theses.day[window] - theses.day[window.start] if member_of.size else theses.day[window]
    n_days = int(day[-1]) + 1 if member_of.size else 0
    cell = np.repeat(day, n_kinds) * n_groups + member_of

    def per_day(cells: IntArray) -> IntArray:
        return np.bincount(cells, minlength=n_days * n_groups).reshape(n_days, n_groups)

    daily_n, daily_right = per_day(cell), per_day(cell[is_right == 1])
    clustered = [effective_theses(daily_n[:, g], daily_right[:, g], sessions=sessions) for g in range(n_groups)]
    is_stated = np.isfinite(confidence)
    return _Night(
        n_days=(daily_n > 0).sum(axis=0),
        n_theses=daily_n.sum(axis=0),
        n_right=daily_right.sum(axis=0),
        n_effective=np.array([n for n, _ in clustered]),
        freedom=np.array([freedom for _, freedom in clustered]),
        reliability=reliabilities(confidence[is_stated], is_right[is_stated], member_of[is_stated], n_sets=n_groups),
    )


def effective_theses(daily_n: IntArray, daily_right: IntArray, *, sessions: int) -> tuple[float, int]:
    """How many independent theses the theses of several days are worth for their accuracy.

    The accuracy is a ratio of sums over days; to first order its error is the mean of the daily residuals
    (right - accuracy x theses), whose long-run variance allows for days that share their theses' luck (inference.py).

    Args:
        daily_n: theses per day in order of time; days without any drop out.
        daily_right: of these, right.
        sessions: sessions a horizon spans; neighbouring days share all but one of them.

    Returns:
        The number, at most the theses there are, and the degrees of freedom behind it; NaN and 0 where the days do not
        carry it or nothing varies between them.

    Source: Kish 1965 (design effect); Cochran 1977, ch. 6 (ratio of sums); `long_run_variance`.

    >>> n, freedom = effective_theses(np.full(40, 10), np.tile([10, 0], 20), sessions=1)
    >>> n, freedom
    (400.0, 10)
    """
    has_theses = daily_n > 0
    daily_n, daily_right = daily_n[has_theses], daily_right[has_theses]
    freedom = degrees_of_freedom(len(daily_n), overlap_sessions=sessions)
    n, n_right = int(daily_n.sum()), int(daily_right.sum())
    if not freedom or n_right in (0, n):
        return float("nan"), 0
    accuracy = n_right / n
    residuals = (daily_right - accuracy * daily_n) * (len(daily_n) / n)
    variance = long_run_variance(residuals, overlap_sessions=sessions) / len(daily_n)
    if not np.isfinite(variance):
        return float("nan"), 0
    return min(accuracy * (1 - accuracy) / variance, float(n)), freedom
