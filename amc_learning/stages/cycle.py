"""The daily cycle over a range of days, in order: what `backfill` runs and what the Dagster job is made of.

Belongs here: the order of the stages and the size of a bite. Not here: what a stage does (its own module).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
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


@dataclass(frozen=True)
class Stage:
    """One stage: the Dagster asset of the same name does the same work, or several assets do it one after the other."""

    name: str
    run: StageFunction
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
        Stage("discovery_candidates", collect.normalise_discovery_events),
        Stage("thesis_decisions", collect.normalise_thesis_events),
        Stage("trade_messages", collect.normalise_trade_events),
        Stage("market_regimes", regimes.label_regimes),
        Stage("candidate_outcomes", evidence.mature_outcomes),
        Stage("thesis_outcomes", theses.judge_theses),
        Stage("closed_trades", trades.settle_trades),
        Stage("trade_outcomes", trades.mature_trade_outcomes),
        Stage("feature_outcomes", evidence.join_feature_outcomes),
        Stage("daily_statistics", evidence.measure_days),
        Stage("correlation_table", evidence.correlate),
        Stage("selection_effects", evidence.compare_selection),
        Stage("threshold_table", evidence.find_thresholds),
        Stage("regime_performance", regimes.measure_regimes),
        Stage("thesis_accuracy", theses.measure_theses),
        Stage("failure_cases", failures.judge_failures),
        Stage("failure_patterns", failures.find_failure_patterns),
        Stage("performance_attribution", trades.attribute_performance),
        Stage("calibration_decisions", theses.calibrate_days),
        Stage("corrections", failures.correct_failures),
        Stage("weight_decisions", partial(decide.decide_days, decided_again_to=last)),
        Stage("learning_effectiveness", effectiveness.judge_changes),
        Stage("published_weights", partial(publish.publish_days, published_again_to=last)),
        Stage("published_documents", publish_documents.publish_all, DOCUMENT_ASSETS),
    )


def run_days(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> Iterator[tuple[Stage, Sequence[date]]]:
    """Run every stage over these knowledge days, a bite of days at a time; yields each stage as it finishes.

    Equal to running the days one by one, because no stage reads anything known after the day it writes.
    """
    for start in range(0, len(days), DAYS_PER_BITE):
        bite = days[start : start + DAYS_PER_BITE]
        for stage in daily_stages(days[-1]):
            stage.run(warehouse, settings, bite)
            yield stage, bite
