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
    STALE_DAYS,
    MultiplierRules,
    closes_needed_from,
    fit_history_from,
    fit_regime_models,
    market_regimes,
    regime_performance,
    regime_reviews,
    review_day,
    usable_models,
)
from amc_learning.settings import Settings
from amc_learning.stages.reviews import KeptReview
from amc_learning.stages.turns import taking_turns
from amc_learning.warehouse import Warehouse, reopened

MODEL_AGE_DAYS = 400
"""Calendar days back to look for the model in use: a quarter, and as many more in which the fit was not usable."""


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

_REGIME_COLUMNS = ("known_on", "basis", "regime")


def multiplier_rules(settings: Settings) -> MultiplierRules:
    """The rules for regime multipliers that these settings describe."""
    return MultiplierRules(evidence_horizon=settings.weights.evidence_horizon)


@taking_turns
def measure_regimes(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> pl.DataFrame:
    """Write what each score was worth in each regime, and the multipliers, as of each of these days."""
    performance = regime_performance(
        _reviews(warehouse, settings, sorted({review_day(day) for day in days})),
        warehouse.table("market_regimes").read(days[0] - timedelta(days=STALE_DAYS), days[-1], columns=_REGIME_COLUMNS),
        as_of=days,
    )
    warehouse.table("regime_performance").write(performance, days)
    return performance


def _reviews(warehouse: Warehouse, settings: Settings, reviewed_on: Sequence[date]) -> pl.DataFrame:
    """What these reviews found. The last one is kept, because the nights to come in its month repeat it."""
    window, last = settings.regimes.performance_window_days, reviewed_on[-1]

    def looked_at(review: date) -> dict[str, tuple[date, date]]:
        first = review - timedelta(days=window - 1)
        return {
            "daily_statistics": (first, last),
            "market_regimes": (first - timedelta(days=EXTRA_READ_DAYS), last),
        }

    horizons, features = settings.outcomes.horizons, (*settings.features.components, TOTAL_SCORE)
    rules = multiplier_rules(settings)
    asked = {"horizons": horizons, "features": features, "window_days": window, "multipliers": rules}
    place = KeptReview.of(warehouse, "regime_performance", read=looked_at(last), rules=asked)
    reviews = place.found() if len(reviewed_on) == 1 else None
    if reviews is None:
        ranges = looked_at(reviewed_on[0])
        reviews = regime_reviews(
            warehouse.table("daily_statistics").read(*ranges["daily_statistics"], columns=_PERFORMANCE_COLUMNS),
            warehouse.table("market_regimes").read(*ranges["market_regimes"], columns=_REGIME_COLUMNS),
            reviewed_on=reviewed_on,
            horizons=horizons,
            features=features,
            window_days=window,
            rules=rules,
        )
        place.keep(reviews.filter(pl.col("reviewed_on") == last))
    return reviews
