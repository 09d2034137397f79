"""From candidates and bars to evidence: outcomes, join, daily statistics, windowed tables.

Belongs here: which window each table needs. Not here: the decision about the weights (decide) and its publication.
"""

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from amc_learning.contracts.tables import TOTAL_SCORE
from amc_learning.learning.correlation import correlation_tables
from amc_learning.learning.daily_statistics import daily_statistics
from amc_learning.learning.join import feature_outcomes
from amc_learning.learning.outcomes import OutcomeRules, candidate_outcomes, required_window
from amc_learning.learning.selection import selection_effects
from amc_learning.learning.threshold_search import ThresholdRules
from amc_learning.learning.thresholds import threshold_tables
from amc_learning.market_calendar import exchange_sessions
from amc_learning.settings import Settings
from amc_learning.stages.turns import taking_turns
from amc_learning.warehouse import Warehouse, reopened


def outcome_rules(settings: Settings) -> OutcomeRules:
    """The rules for outcomes that these settings describe."""
    outcomes = settings.outcomes
    return OutcomeRules(
        horizons=outcomes.horizons,
        entry=outcomes.entry,
        winner_return=outcomes.winner_return,
        loser_return=outcomes.loser_return,
    )


def sessions_around(settings: Settings, days: Sequence[date]) -> pl.DataFrame:
    """Exchange sessions from well before the longest horizon to just after the last day."""
    before = timedelta(days=30 + 2 * max(settings.outcomes.horizons.values()))
    return exchange_sessions(settings.market.exchange, days[0] - before, days[-1] + timedelta(days=10))


@taking_turns
def mature_outcomes(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> pl.DataFrame:
    """Write the outcomes that matured on these days, of whatever earlier day their decisions are."""
    sessions, rules = sessions_around(settings, days), outcome_rules(settings)
    decisions_from, bars_from = required_window(sessions, rules, days[0])
    outcomes = candidate_outcomes(
        warehouse.table("discovery_candidates").read(
            decisions_from, days[-1], columns=["known_on", "decision_id", "symbol", "decided_at"]
        ),
        warehouse.table("price_bars").read(bars_from, days[-1]),
        sessions,
        rules,
        known_from=days[0],
        known_to=days[-1],
    )
    warehouse.table("candidate_outcomes").write(outcomes, days)
    reopened.close(warehouse, "candidate_outcomes", days)
    return outcomes


@taking_turns
def join_feature_outcomes(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> pl.DataFrame:
    """Write the outcomes of these days beside the scores as known at their decisions."""
    outcomes = warehouse.table("candidate_outcomes").read(days[0], days[-1])
    decided_from = outcomes["decision_known_on"].min() if outcomes.height else days[0]
    joined = feature_outcomes(
        outcomes,
        warehouse.table("discovery_candidates").read(decided_from, days[-1]),  # type: ignore[arg-type]
        components=settings.features.components,
    )
    warehouse.table("feature_outcomes").write(joined, days)
    return joined


@taking_turns
def measure_days(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> pl.DataFrame:
    """Write the mergeable statistics of the cross-sections that matured on these days."""
    joined = warehouse.table("feature_outcomes").read(days[0], days[-1])
    statistics = daily_statistics(joined, components=settings.features.components)
    warehouse.table("daily_statistics").write(statistics, days)
    return statistics


def _window(warehouse: Warehouse, days: Sequence[date], window_days: int, columns: Sequence[str]) -> pl.DataFrame:
    """Daily statistics known within the window of any of these days."""
    first = days[0] - timedelta(days=window_days - 1)
    return warehouse.table("daily_statistics").read(first, days[-1], columns=columns)


_KEYS = ("known_on", "horizon", "entry_date", "population", "feature", "scope")
_CORRELATION_COLUMNS = (
    *_KEYS,
    "n_pairs",
    "is_constant",
    "information_coefficient",
    "area_under_curve",
    "quantile_n",
    "quantile_sum_return_micro",
)
_SELECTION_COLUMNS = (*_KEYS, "n_pairs", "sum_return_micro")
_THRESHOLD_COLUMNS = (*_KEYS, "n_pairs", "is_constant", "bin_n", "bin_n_winners", "bin_sum_excess_return_micro")


@taking_turns
def correlate(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> pl.DataFrame:
    """Write the correlation table of each of these days."""
    window = settings.analysis.window_days
    table = correlation_tables(
        _window(warehouse, days, window, _CORRELATION_COLUMNS),
        as_of=days,
        window_days=window,
        horizons=settings.outcomes.horizons,
        features=(*settings.features.components, TOTAL_SCORE),
    )
    warehouse.table("correlation_table").write(table, days)
    return table


@taking_turns
def compare_selection(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> pl.DataFrame:
    """Write the effect of selection over controls of each of these days."""
    window = settings.analysis.window_days
    table = selection_effects(
        _window(warehouse, days, window, _SELECTION_COLUMNS),
        as_of=days,
        window_days=window,
        horizons=settings.outcomes.horizons,
    )
    warehouse.table("selection_effects").write(table, days)
    return table


@taking_turns
def find_thresholds(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> pl.DataFrame:
    """Write the threshold table of each of these days."""
    window = settings.analysis.window_days
    table = threshold_tables(
        _window(warehouse, days, window, _THRESHOLD_COLUMNS),
        as_of=days,
        window_days=window,
        horizons=settings.outcomes.horizons,
        features=(*settings.features.components, TOTAL_SCORE),
        rules=ThresholdRules(min_coverage=settings.analysis.threshold_min_coverage),
    )
    warehouse.table("threshold_table").write(table, days)
    return table
