"""What the weights document says of each market regime: the vector that would be in force tonight in it.

Belongs here: which factors each regime has on a day. Not here: the vectors (learning.weights), the factors themselves
(learning.regimes), verifying them (publish).
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import polars as pl

from amc_learning.contracts.declared.regimes import regime_performance
from amc_learning.contracts.documents.weights import RegimeWeights
from amc_learning.learning.regimes import regime_multipliers
from amc_learning.learning.regimes.multipliers import MULTIPLIER_BASIS
from amc_learning.learning.regimes.regime_performance import REGIMES
from amc_learning.learning.weights import decided_night, regime_vectors
from amc_learning.settings import Settings
from amc_learning.stages.day_rows import DayRows, Row
from amc_learning.stages.decide import weight_rules
from amc_learning.stages.regimes import multiplier_rules
from amc_learning.stages.theses import LONGEST_BREAK_DAYS

PERFORMANCE_COLUMNS = ("basis", "regime", "feature", "horizon", "multiplier", "is_current")

_SCHEMA = {
    name: dtype for name, dtype in regime_performance().schema.items() if name in ("known_on", *PERFORMANCE_COLUMNS)
}


def performance_on(performance: DayRows, day: date) -> Sequence[Row]:
    """The rows of regime_performance that the decision of a day stands on: none after too long a break."""
    night = performance.night(day)
    return performance.as_of(day) if night and night >= day - timedelta(days=LONGEST_BREAK_DAYS) else []


def by_regime(
    decisions: Mapping[str, Row], performance: Sequence[Row], present: str | None, settings: Settings
) -> dict[str, RegimeWeights]:
    """Index-based regime to what would be in force on this day if the market were in it.

    Args:
        decisions: component to its row of weight_decisions of the day.
        performance: rows of regime_performance of the day (`performance_on`).
        present: the regime the market is in; its factors are those of the decision, whatever was reviewed since.
        settings: components and bounds.
    """
    components = settings.features.components
    in_force = {name: decisions[name]["regime_multiplier"] for name in components}
    decided = decided_night({name: decisions[name] for name in components}, names=components)
    rows = pl.DataFrame(performance, schema=_SCHEMA)
    multipliers = {
        regime: in_force
        if decided.is_ordered or regime == present
        else regime_multipliers(rows, components=components, rules=multiplier_rules(settings), regime=regime)
        for regime in REGIMES[MULTIPLIER_BASIS]
    }
    vectors = regime_vectors(decided, multipliers, weight_rules(settings), names=components)
    return {
        regime: RegimeWeights(
            weights={f"{name}_weight": weight for name, weight in zip(components, vector.tolist(), strict=True)},
            multipliers={name: factor for name, factor in multipliers[regime].items() if factor != 1.0},
        )
        for regime, vector in vectors.items()
    }
