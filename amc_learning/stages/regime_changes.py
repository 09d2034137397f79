"""What each change of regime changed, as of the end of a week.

Belongs here: which window the table needs. Not here: what a change is and how it is judged (learning.regimes).
"""

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from amc_learning.learning.regimes import EXTRA_READ_DAYS, regime_changes
from amc_learning.learning.regimes.regime_changes import LISTED_DAYS
from amc_learning.settings import Settings
from amc_learning.stages.turns import taking_turns
from amc_learning.warehouse import Warehouse

_STATISTICS_COLUMNS = (
    "known_on",
    "horizon",
    "entry_date",
    "population",
    "feature",
    "scope",
    "information_coefficient",
)


@taking_turns
def judge_regime_changes(warehouse: Warehouse, settings: Settings, weeks: Sequence[date]) -> pl.DataFrame:
    """Write the changes of regime known at the end of each of these weeks.

    At the horizon that decides the weights: that is where a regime would have to make a difference, and the shortest
    labels let a spell say most.
    """
    window, horizon = settings.weekly.window_days, settings.weights.evidence_horizon
    first = weeks[0] - timedelta(days=window)
    # changes are listed for longer than a short window: what a week lists must not hang on the weeks beside it
    regimes_from = weeks[0] - timedelta(days=max(window, LISTED_DAYS) + EXTRA_READ_DAYS)
    changes = regime_changes(
        warehouse.table("daily_statistics").read(first, weeks[-1], columns=_STATISTICS_COLUMNS),
        warehouse.table("market_regimes").read(regimes_from, weeks[-1]),
        as_of=weeks,
        horizon=horizon,
        sessions=settings.outcomes.horizons[horizon],
        components=settings.features.components,
        window_days=window,
    )
    warehouse.table("regime_changes").write(changes, weeks)
    return changes
