"""Market regimes: the model of the quarter, the label of the day, and what works in which market.

Belongs here: which window each table needs. Not here: the model, the labels, the multipliers (learning.regimes).
"""

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from amc_learning.contracts.tables import TOTAL_SCORE
from amc_learning.learning.regimes import (
    EARLIER_DAYS,
    EXTRA_READ_DAYS,
    MultiplierRules,
    closes_needed_from,
    fit_history_from,
    fit_regime_models,
    market_regimes,
    regime_performance,
    usable_models,
)
from amc_learning.settings import Settings
from amc_learning.stages.turns import taking_turns
from amc_learning.warehouse import Warehouse, reopened

MODEL_AGE_DAYS = 400
"""Calendar days back to look for the model in use: a quarter, and as many more in which the fit was not usable."""

LONGEST_MONTH_DAYS = 31
"""The table is reviewed on the first day of a month and looks back from there."""


@taking_turns
def label_regimes(warehouse: Warehouse, _: Settings, days: Sequence[date]) -> pl.DataFrame:
    """Refit the index model where a quarter begins, and write the regimes of these days."""
    models_table, yesterday = warehouse.table("regime_models"), days[0] - timedelta(days=1)
    earlier_models = models_table.read(days[0] - timedelta(days=MODEL_AGE_DAYS), yesterday)
    # A label needs closes since the model in use was fitted; five years of them only where a quarter begins.
    read_from = [closes_needed_from(usable_models(earlier_models), days[0]), fit_history_from(days, earlier_models)]
    closes = warehouse.table("index_closes").read(min(day for day in read_from if day), days[-1])
    fitted = fit_regime_models(closes, as_of=days, earlier_models=earlier_models)
    models_table.write(fitted, days)
    models = pl.concat([earlier_models, fitted])
    regimes = market_regimes(
        closes.filter(pl.col("known_on") >= closes_needed_from(usable_models(models), days[0])),
        models,
        warehouse.table("discovery_candidates").read(days[0], days[-1]),
        as_of=days,
        earlier=warehouse.table("market_regimes").read(days[0] - timedelta(days=EARLIER_DAYS), yesterday),
    )
    warehouse.table("market_regimes").write(regimes, days)
    reopened.close(warehouse, "market_regimes", days)
    return regimes


_PERFORMANCE_COLUMNS = (
    "known_on",
    "horizon",
    "entry_date",
    "population",
    "feature",
    "scope",
    "n_pairs",
    "is_constant",
    "information_coefficient",
    "n_winners",
    "sum_return_micro",
)


def multiplier_rules(settings: Settings) -> MultiplierRules:
    """The rules for regime multipliers that these settings describe."""
    return MultiplierRules(evidence_horizon=settings.weights.evidence_horizon)


@taking_turns
def measure_regimes(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> pl.DataFrame:
    """Write what each score was worth in each regime, and the multipliers, as of each of these days."""
    window = settings.regimes.performance_window_days
    first = days[0] - timedelta(days=window + LONGEST_MONTH_DAYS)
    performance = regime_performance(
        warehouse.table("daily_statistics").read(first, days[-1], columns=_PERFORMANCE_COLUMNS),
        warehouse.table("market_regimes").read(
            first - timedelta(days=EXTRA_READ_DAYS), days[-1], columns=["known_on", "basis", "regime"]
        ),
        as_of=days,
        horizons=settings.outcomes.horizons,
        features=(*settings.features.components, TOTAL_SCORE),
        window_days=window,
        rules=multiplier_rules(settings),
    )
    warehouse.table("regime_performance").write(performance, days)
    return performance
