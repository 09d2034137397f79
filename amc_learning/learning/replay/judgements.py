"""What each contender achieved on the judged days, with intervals that allow for overlapping labels.

Belongs here: means, differences, regret, how much weights moved. Not here: the contenders' vectors (replay).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amc_learning.learning.inference import MeanInference, mean_inference
from amc_learning.learning.replay.judged_days import JudgedDays

Vector = NDArray[np.float64]

ADAPTIVE = "adaptive"
STATIC = "static"
EQUAL = "equal"
BEST_FIXED = "best_fixed"

MAX_POINTS = 200
"""Points of a curve kept for a picture; a replay of years has thousands of days."""

DAYS_PER_YEAR = 365.25


@dataclass(frozen=True)
class Judgement:
    """One contender at one horizon.

    Attributes:
        horizon: name of the horizon.
        contender: adaptive, static, equal or best_fixed.
        n_days: cross-sections judged.
        coefficient: mean daily information coefficient.
        coefficient_over_static: mean daily difference to the default weights.
        regret: mean daily coefficient of the best fixed vector, minus that of this one; None without days.
        top_return: mean return of the re-ranked top k.
        top_return_over_static: mean daily difference to the default weights.
        top_return_over_controls: mean daily difference to the controls of the same entry.
        success_rate: share of winners among the top k.
        success_rate_over_static: mean daily difference to the default weights.
    """

    horizon: str
    contender: str
    n_days: int
    coefficient: MeanInference
    coefficient_over_static: MeanInference
    regret: float | None
    top_return: MeanInference
    top_return_over_static: MeanInference
    top_return_over_controls: MeanInference
    success_rate: MeanInference
    success_rate_over_static: MeanInference


@dataclass(frozen=True)
class Movement:
    """How much the adaptive weights moved.

    Attributes:
        n_nights: nights replayed.
        n_nights_moved: nights on which a weight in force changed.
        turnover_per_year: sum of absolute changes of all weights, a year.
    """

    n_nights: int
    n_nights_moved: int
    turnover_per_year: float


@dataclass(frozen=True)
class CurvePoint:
    """What had been gained over the default weights by a day, in summed daily coefficients, with its 95 % interval."""

    decided_on: date
    cumulative_over_static: float
    ci_low: float | None
    ci_high: float | None


def daily_results(days: JudgedDays, contenders: Mapping[str, Vector], *, top_k: int) -> pl.DataFrame:
    """One row per day and contender: `horizon`, `decided_on`, `entry_date`, `known_on`, `contender`, `coefficient`,
    `top_return`, `success_rate`, `control_return`; null where there is nothing to compare.

    Args:
        days: the days to be judged on.
        contenders: name to one vector per day (days, components).
        top_k: length of the list.
    """
    parts = []
    for name, vectors in contenders.items():
        returns, success = days.top_lists(vectors, top_k=top_k)
        parts.append(
            pl.DataFrame(
                {
                    "horizon": [days.horizon] * len(days),
                    "decided_on": days.decided_on,
                    "entry_date": days.entered_on,
                    "known_on": days.known_on,
                    "contender": [name] * len(days),
                    "coefficient": days.coefficients(vectors),
                    "top_return": returns,
                    "success_rate": success,
                    "control_return": days.control_returns,
                },
                schema_overrides={"horizon": pl.String, "contender": pl.String},
            )
        )
    return pl.concat(parts).with_columns(
        pl.col("decided_on", "entry_date", "known_on").cast(pl.Int32).cast(pl.Date),
        pl.col("coefficient", "top_return", "success_rate", "control_return").fill_nan(None),
    )


def judge(daily: pl.DataFrame, *, horizon: str, sessions: int) -> tuple[Judgement, ...]:
    """Judgements of every contender at one horizon.

    Args:
        daily: rows of `daily_results`; must hold the contenders static and best_fixed.
        horizon: name of the horizon.
        sessions: sessions its label spans.
    """
    rows = {name: part for (name,), part in _of_horizon(daily, horizon).partition_by("contender", as_dict=True).items()}
    static = rows.get(STATIC, daily.clear())
    best = rows.get(BEST_FIXED, daily.clear())["coefficient"].mean()
    return tuple(
        _judgement(name, part, static, best, horizon=horizon, sessions=sessions) for name, part in rows.items()
    )


def _judgement(
    contender: str, mine: pl.DataFrame, static: pl.DataFrame, best: object, *, horizon: str, sessions: int
) -> Judgement:
    def mean(column: str) -> MeanInference:
        return mean_inference(_values(mine, column), overlap_sessions=sessions)

    def over(column: str, other: pl.DataFrame, others: str | None = None) -> MeanInference:
        difference = _values(mine, column) - _values(other, others or column)
        return mean_inference(difference, overlap_sessions=sessions)

    coefficient = mean("coefficient")
    known = isinstance(best, float) and coefficient.estimate is not None
    return Judgement(
        horizon,
        contender,
        mine.height,
        coefficient,
        over("coefficient", static),
        best - coefficient.estimate if known else None,  # type: ignore[operator]
        mean("top_return"),
        over("top_return", static),
        over("top_return", mine, "control_return"),
        mean("success_rate"),
        over("success_rate", static),
    )


def cumulative_curve(daily: pl.DataFrame, *, horizon: str, sessions: int) -> tuple[CurvePoint, ...]:
    """Summed daily coefficient of the adaptive weights over the default ones, with a pointwise 95 % interval.

    The interval grows with the root of the days since the two first differed, at the variance they had over the whole
    range: before that nothing is uncertain.
    """
    rows = _of_horizon(daily, horizon)
    mine, static = (rows.filter(pl.col("contender") == name) for name in (ADAPTIVE, STATIC))
    differences = _values(mine, "coefficient") - _values(static, "coefficient")
    differing = np.flatnonzero(differences != 0)
    first = int(differing[0]) if len(differing) else len(differences)
    found = mean_inference(differences[first:], overlap_sessions=sessions)
    # The half width of a mean over n days, times n, is that of their sum.
    half = None if found.ci_high is None else (found.ci_high - (found.estimate or 0.0)) * found.n
    sums = np.cumsum(differences)
    ends = np.unique(np.linspace(0, len(differences) - 1, min(len(differences), MAX_POINTS)).astype(np.int64))
    points = []
    for at in ends.tolist():
        share = max(at + 1 - first, 0) / max(found.n, 1)
        width = half * math.sqrt(share) if half is not None else None if share else 0.0
        low, high = (None, None) if width is None else (float(sums[at]) - width, float(sums[at]) + width)
        points.append(CurvePoint(mine["decided_on"][at], float(sums[at]), low, high))
    return tuple(points)


def movement(nights: Sequence[date], vectors: Vector, default: Vector) -> Movement:
    """How much vectors (nights, components) moved from the default weights on."""
    changes = np.abs(np.diff(np.vstack([default, vectors]), axis=0)).sum(axis=1)
    years = ((nights[-1] - nights[0]).days + 1) / DAYS_PER_YEAR
    return Movement(len(nights), int((changes > 0).sum()), float(changes.sum() / years))


def _of_horizon(daily: pl.DataFrame, horizon: str) -> pl.DataFrame:
    return daily.filter(pl.col("horizon") == horizon)


def _values(rows: pl.DataFrame, column: str) -> Vector:
    return rows[column].cast(pl.Float64).fill_null(float("nan")).to_numpy()
