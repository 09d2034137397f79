"""The daily cycle over a range of days, in order: what `backfill` runs and what the Dagster job is made of.

Belongs here: the order of the stages and the size of a bite. Not here: what a stage does (its own module).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

from amc_learning.settings import Settings
from amc_learning.stages import collect, decide, evidence, publish
from amc_learning.warehouse import Warehouse

StageFunction = Callable[[Warehouse, Settings, Sequence[date]], Any]

DAYS_PER_BITE = 260
"""A year of weekdays at a time keeps the memory of a long backfill flat; the result does not depend on it."""


@dataclass(frozen=True)
class Stage:
    """One stage: the Dagster asset of the same name does the same work."""

    name: str
    run: StageFunction


def daily_stages(last: date) -> tuple[Stage, ...]:
    """The stages in order, for a cycle whose last knowledge day is `last`, however many bites it takes."""
    return (
        Stage("discovery_candidates", collect.normalise_discovery_events),
        Stage("candidate_outcomes", evidence.mature_outcomes),
        Stage("feature_outcomes", evidence.join_feature_outcomes),
        Stage("daily_statistics", evidence.measure_days),
        Stage("correlation_table", evidence.correlate),
        Stage("selection_effects", evidence.compare_selection),
        Stage("threshold_table", evidence.find_thresholds),
        Stage("weight_decisions", partial(decide.decide_days, decided_again_to=last)),
        Stage("published_weights", partial(publish.publish_days, published_again_to=last)),
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
