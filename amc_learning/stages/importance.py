"""Feature importance of each week.

Belongs here: which window it needs. Not here: importance itself (learning.importance).
"""

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from amc_learning.learning.importance import INPUTS, ImportanceRules, feature_importance
from amc_learning.settings import Settings
from amc_learning.stages.turns import taking_turns
from amc_learning.warehouse import Warehouse


def importance_rules(settings: Settings) -> ImportanceRules:
    """The rules for importance that these settings describe."""
    return ImportanceRules(
        components=settings.features.components,
        horizons=settings.outcomes.horizons,
        window_days=settings.weekly.window_days,
    )


@taking_turns
def measure_importance(warehouse: Warehouse, settings: Settings, weeks: Sequence[date]) -> pl.DataFrame:
    """Write the importance of every component as of each of these weeks, in order: each looks at the one before."""
    table, rules = warehouse.table("feature_importance"), importance_rules(settings)
    before = table.latest_on_or_before(weeks[0] - timedelta(days=1))
    joined = warehouse.table("feature_outcomes").read(
        weeks[0] - timedelta(days=rules.window_days - 1),
        weeks[-1],
        columns=["known_on", "horizon", *INPUTS, *rules.components],
    )
    importance = feature_importance(
        joined, None if before is None else table.read(before, before), weeks=weeks, rules=rules
    )
    table.write(importance, weeks)
    return importance
