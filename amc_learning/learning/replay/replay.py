"""The nights of a range decided again from the default weights, and judged on the days after each decision.

Belongs here: who is compared with whom. Not here: the nights themselves (learning.weights), means and intervals
(judgements), reading tables (stages).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amc_learning.learning.replay.hindsight import best_fixed_weights
from amc_learning.learning.replay.judged_days import JudgedDays, judged_days
from amc_learning.learning.replay.judgements import (
    ADAPTIVE,
    BEST_FIXED,
    EQUAL,
    STATIC,
    CurvePoint,
    Judgement,
    Movement,
    cumulative_curve,
    daily_results,
    judge,
    movement,
)
from amc_learning.learning.weights import FeatureWeights, Overlay, WeightRules, decide_weights
from amc_learning.learning.weights.record import component_vector

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Replay:
    """A replayed range.

    Attributes:
        components: the feature set, in the order of every vector.
        default: default weights, where the range starts.
        decisions: table `weight_decisions` of the range.
        vectors: weights in force after each night (nights, components).
        daily: one row per horizon, contender and judged day; see `judgements.daily_results`.
        judgements: one per horizon and contender.
        best_fixed: per horizon, the vector that would have been best over the whole range.
        curves: per horizon, what the adaptive weights gained over the default ones.
        movement: how much the adaptive weights moved.
    """

    components: tuple[str, ...]
    default: Vector
    decisions: pl.DataFrame
    vectors: Vector
    daily: pl.DataFrame
    judgements: tuple[Judgement, ...]
    best_fixed: Mapping[str, Vector]
    curves: Mapping[str, tuple[CurvePoint, ...]]
    movement: Movement

    def judgement(self, horizon: str, contender: str) -> Judgement:
        """The judgement of one contender at one horizon.

        Raises:
            LookupError: there is none, because no day of this horizon could be judged.
        """
        for one in self.judgements:
            if (one.horizon, one.contender) == (horizon, contender):
                return one
        raise LookupError(f"no day was judged at {horizon} for {contender}")


def replay_weights(
    statistics: pl.DataFrame,
    joined: pl.DataFrame,
    *,
    as_of: Sequence[date],
    features: FeatureWeights,
    rules: WeightRules,
    overlays: Mapping[date, Overlay] | None = None,
) -> Replay:
    """Decide these nights from the default weights, and compare what would have come of it.

    Four contenders are judged on the same candidates, those decided after the first night whose outcomes were known by
    the last: the adaptive weights, each day by the vector of the last night before it was decided; the default weights;
    equal weights; and the one fixed vector that was best over the range, known only afterwards.

    Args:
        statistics: table `daily_statistics`, from the longest evidence window before `as_of[0]` on.
        joined: table `feature_outcomes`, selected and controls, from the promise window before `as_of[0]` on.
        as_of: knowledge days, ascending, at least one.
        features: feature set and default weights.
        rules: bounds, levels, and the rule that suggests.
        overlays: per night, the factors of market regime and corrections; none when left out.
    """
    decisions = decide_weights(
        statistics, joined.filter("is_selected"), as_of=as_of, features=features, rules=rules, overlays=overlays
    )
    names = features.names
    default = component_vector(features.default_weights, names, "default_weights")
    vectors = _vectors(decisions, names)
    daily: list[pl.DataFrame] = []
    judgements: list[Judgement] = []
    best_fixed: dict[str, Vector] = {}
    curves: dict[str, tuple[CurvePoint, ...]] = {}
    for horizon, sessions in rules.horizons.items():
        days = judged_days(
            statistics, joined, nights=as_of, components=names, horizon=horizon, population=rules.population
        )
        best_fixed[horizon] = best_fixed_weights(
            days.evidence, cap=rules.cap, starts=(default, vectors.mean(axis=0), vectors[-1])
        )
        results = daily_results(days, _contenders(days, default, vectors, best_fixed[horizon]), top_k=rules.top_k)
        daily.append(results)
        judgements += judge(results, horizon=horizon, sessions=sessions)
        curves[horizon] = cumulative_curve(results, horizon=horizon, sessions=sessions)
    return Replay(
        names,
        default,
        decisions,
        vectors,
        pl.concat(daily),
        tuple(judgements),
        best_fixed,
        curves,
        movement(as_of, vectors, default),
    )


def _contenders(days: JudgedDays, default: Vector, vectors: Vector, best: Vector) -> dict[str, Vector]:
    shape = (len(days), len(default))
    return {
        ADAPTIVE: vectors[days.nights],
        STATIC: np.broadcast_to(default, shape),
        EQUAL: np.full(shape, 1 / len(default)),
        BEST_FIXED: np.broadcast_to(best, shape),
    }


def _vectors(decisions: pl.DataFrame, names: tuple[str, ...]) -> Vector:
    """Weights in force per night, in the order of the feature set."""
    wide = decisions.pivot("component", index="known_on", values="weight").sort("known_on")
    return wide.select(names).to_numpy()
