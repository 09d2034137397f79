"""Replay: what learning would have done over a range of days, and what it would have been worth.

Belongs here: which tables a replay reads, and the document it becomes. Not here: the replay itself (learning.replay),
the picture of it (assets.charts). Nothing is written into tables, and no past decision changes.
"""

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amc_learning.contracts.documents.base import Interval
from amc_learning.contracts.documents.replay import (
    ReplayCurvePoint,
    ReplayDocument,
    ReplayJudgement,
    ReplayNight,
)
from amc_learning.learning.inference import MeanInference
from amc_learning.learning.replay import Judgement, Replay, replay_weights
from amc_learning.learning.weights import FeatureWeights, Overlay, WeightRules
from amc_learning.settings import Settings
from amc_learning.stages.decide import CANDIDATE_COLUMNS, EVIDENCE_COLUMNS, overlays, weight_rules
from amc_learning.warehouse import Warehouse


class ReplayError(Exception):
    """A range cannot be replayed; nothing was changed."""


def replay_days(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> Replay:
    """Decide these knowledge days again from the default weights, and judge it on the days after each decision.

    Factors of market regime and corrections are those that were in force; orders of people are left out, because a
    replay asks what the evidence alone would have done.

    Args:
        warehouse: a data directory whose days are measured (`daily_statistics`).
        settings: bounds and levels.
        days: knowledge days in order, at least one.

    Raises:
        ReplayError: the range holds no statistics.
    """
    rules = weight_rules(settings)
    statistics, joined, factors = _read(warehouse, settings, days, rules)
    if statistics.filter(pl.col("known_on").is_between(days[0], days[-1])).is_empty():
        raise ReplayError(
            f"no daily statistics from {days[0]} to {days[-1]}, so there is nothing to replay; "
            f"make them first: amc-learning backfill --from {days[0]} --to {days[-1]}"
        )
    features = FeatureWeights(settings.features.components, settings.features.default_weights)
    return replay_weights(statistics, joined, as_of=days, features=features, rules=rules, overlays=factors)


def _read(
    warehouse: Warehouse, settings: Settings, days: Sequence[date], rules: WeightRules
) -> tuple[pl.DataFrame, pl.DataFrame, dict[date, Overlay]]:
    """All that is read, in one turn: no stage replaces a table between two of them, and none waits for the rest."""
    with warehouse.turn():
        evidence_from = days[0] - timedelta(days=max(rules.evidence_windows_days) - 1)
        candidates_from = days[0] - timedelta(days=rules.promise_window_days - 1)
        columns = (*CANDIDATE_COLUMNS, "decided_at", *settings.features.components)
        return (
            warehouse.table("daily_statistics").read(evidence_from, days[-1], columns=EVIDENCE_COLUMNS),
            warehouse.table("feature_outcomes").read(candidates_from, days[-1], columns=columns),
            overlays(warehouse, settings, days),
        )


def replay_document_of(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> ReplayDocument:
    """Replay these days and say what came of it; see `replay_days`."""
    return replay_document(replay_days(warehouse, settings, days), days, top_k=settings.weights.top_k)


def replay_document(replay: Replay, days: Sequence[date], *, top_k: int) -> ReplayDocument:
    """The replay as a document: every number of its table, and what its picture is drawn from."""
    return ReplayDocument(
        first_night=days[0],
        last_night=days[-1],
        top_k=top_k,
        n_nights=replay.movement.n_nights,
        n_nights_moved=replay.movement.n_nights_moved,
        turnover_per_year=_rounded(replay.movement.turnover_per_year),
        default_weights=_named(replay.components, replay.default),
        best_fixed_weights={name: _named(replay.components, best) for name, best in replay.best_fixed.items()},
        judgements=[_judgement(one) for one in replay.judgements],
        curves={
            horizon: [
                ReplayCurvePoint(
                    decided_on=point.decided_on,
                    cumulative_over_static=_rounded(point.cumulative_over_static),
                    ci_low=_maybe(point.ci_low),
                    ci_high=_maybe(point.ci_high),
                )
                for point in curve
            ]
            for horizon, curve in replay.curves.items()
        },
        nights=_nights(replay, days),
    )


def _nights(replay: Replay, days: Sequence[date]) -> list[ReplayNight]:
    before = np.vstack([replay.default, replay.vectors[:-1]])
    shown = (replay.vectors != before).any(axis=1)
    shown[[0, -1]] = True
    return [
        ReplayNight(known_on=days[at], weights=_named(replay.components, replay.vectors[at]))
        for at in np.flatnonzero(shown).tolist()
    ]


def _judgement(one: Judgement) -> ReplayJudgement:
    return ReplayJudgement(
        horizon=one.horizon,
        contender=one.contender,
        n_days=one.n_days,
        coefficient=_interval(one.coefficient),
        coefficient_over_static=_interval(one.coefficient_over_static),
        regret=_maybe(one.regret),
        top_return=_interval(one.top_return),
        top_return_over_static=_interval(one.top_return_over_static),
        top_return_over_controls=_interval(one.top_return_over_controls),
        success_rate=_interval(one.success_rate),
        success_rate_over_static=_interval(one.success_rate_over_static),
    )


def _interval(found: MeanInference) -> Interval:
    return Interval(
        estimate=_maybe(found.estimate), ci_low=_maybe(found.ci_low), ci_high=_maybe(found.ci_high), n=found.n
    )


def _named(components: tuple[str, ...], weights: NDArray[np.float64]) -> dict[str, float]:
    return {name: round(weight, 6) + 0.0 for name, weight in zip(components, weights.tolist(), strict=True)}


def _maybe(value: float | None) -> float | None:
    return None if value is None else _rounded(value)


def _rounded(value: float) -> float:
    # Processors differ in the last bit of a sum; a figure that is written down does not.
    return round(value, 9) + 0.0
