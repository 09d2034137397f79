"""The daily cycle over a range of days, in order: what `backfill` runs and what the Dagster job is made of.

Belongs here: the order of the stages, which of them several workers may share, the size of a bite. Not here: what a
stage does (its own module), who works when (turns), who has which days (shared_range).
"""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import partial
from typing import Any

from amc_learning.settings import Settings
from amc_learning.stages import (
    collect,
    decide,
    effectiveness,
    evidence,
    failures,
    publish,
    publish_documents,
    regimes,
    theses,
    trades,
)
from amc_learning.warehouse import Warehouse

StageFunction = Callable[[Warehouse, Settings, Sequence[date]], Any]

DAYS_PER_BITE = 260
"""A year of weekdays at a time keeps the memory of a long backfill flat; the result does not depend on it."""


class Round(StrEnum):
    """Where a stage stands when several workers share a range: a round begins when the one before is over everywhere.

    In a round that is parallel, the days go to several workers: each stage is a pure function of stored inputs for each
    day, and reads earlier days only of tables that earlier rounds wrote. The others carry a state from day to day
    (the regime in force, open positions, corrections, weights, what is published), so one worker does all their days.
    """

    COLLECT = "collect"
    SETTLE = "settle"
    JUDGE = "judge"
    ANALYSE = "analyse"
    DECIDE = "decide"

    @property
    def is_parallel(self) -> bool:
        """Whether several workers may share its days."""
        return self not in {Round.SETTLE, Round.DECIDE}


@dataclass(frozen=True)
class Stage:
    """One stage: the Dagster asset of the same name does the same work, or several assets do it one after the other.

    A stage without a round is never shared.
    """

    name: str
    run: StageFunction
    round: Round | None = None
    assets: tuple[str, ...] = ()

    @property
    def asset_names(self) -> tuple[str, ...]:
        """The assets that do the same work."""
        return self.assets or (self.name,)


DOCUMENT_ASSETS = (
    "published_confidence",
    "published_regime",
    "published_corrections",
    "published_pattern_analysis",
    "published_recommendations",
    "daily_report",
)


def daily_stages(last: date) -> tuple[Stage, ...]:
    """The stages in order, for a cycle whose last knowledge day is `last`, however many bites it takes."""
    return (
        Stage("discovery_candidates", collect.normalise_discovery_events, Round.COLLECT),
        Stage("thesis_decisions", collect.normalise_thesis_events, Round.COLLECT),
        Stage("trade_messages", collect.normalise_trade_events, Round.COLLECT),
        Stage("market_regimes", regimes.label_regimes, Round.SETTLE),
        Stage("candidate_outcomes", evidence.mature_outcomes, Round.JUDGE),
        Stage("thesis_outcomes", theses.judge_theses, Round.JUDGE),
        Stage("closed_trades", trades.settle_trades, Round.SETTLE),
        Stage("trade_outcomes", trades.mature_trade_outcomes, Round.JUDGE),
        Stage("feature_outcomes", evidence.join_feature_outcomes, Round.JUDGE),
        Stage("daily_statistics", evidence.measure_days, Round.JUDGE),
        Stage("correlation_table", evidence.correlate, Round.ANALYSE),
        Stage("selection_effects", evidence.compare_selection, Round.ANALYSE),
        Stage("threshold_table", evidence.find_thresholds, Round.ANALYSE),
        Stage("regime_performance", regimes.measure_regimes, Round.ANALYSE),
        Stage("thesis_accuracy", theses.measure_theses, Round.ANALYSE),
        Stage("failure_cases", failures.judge_failures, Round.JUDGE),
        Stage("failure_patterns", failures.find_failure_patterns, Round.ANALYSE),
        Stage("performance_attribution", trades.attribute_performance, Round.ANALYSE),
        Stage("calibration_decisions", theses.calibrate_days, Round.ANALYSE),
        Stage("corrections", failures.correct_failures, Round.DECIDE),
        Stage("weight_decisions", partial(decide.decide_days, decided_again_to=last), Round.DECIDE),
        Stage("learning_effectiveness", effectiveness.judge_changes, Round.DECIDE),
        Stage("published_weights", partial(publish.publish_days, published_again_to=last), Round.DECIDE),
        Stage("published_documents", publish_documents.publish_all, Round.DECIDE, DOCUMENT_ASSETS),
    )


def run_days(
    warehouse: Warehouse,
    settings: Settings,
    days: Sequence[date],
    *,
    only: Round | None = None,
    cycle_to: date | None = None,
) -> Iterator[tuple[Stage, Sequence[date]]]:
    """Run every stage over these knowledge days, a bite of days at a time; yields each stage as it finishes.

    Equal to running the days one by one, because no stage reads anything known after the day it writes.

    Args:
        warehouse: what is read and written.
        settings: of every stage.
        days: consecutive knowledge days.
        only: the stages of this round alone, for a worker who has a part of the cycle.
        cycle_to: the last knowledge day of the whole cycle, where `days` are a part of it.
    """
    for start in range(0, len(days), DAYS_PER_BITE):
        bite = days[start : start + DAYS_PER_BITE]
        for stage in daily_stages(cycle_to or days[-1]):
            if only is None or stage.round is only:
                stage.run(warehouse, settings, bite)
                yield stage, bite


@contextmanager
def rarely_collecting() -> Iterator[None]:
    """Let Python look for reference cycles less often: millions of rows come and go in a long range, and hold none.

    With the usual thresholds a tenth of a long backfill goes into looking. It holds for the whole process, so it
    is for whoever has one to themselves.
    """
    usual = gc.get_threshold()
    gc.set_threshold(200_000, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)
