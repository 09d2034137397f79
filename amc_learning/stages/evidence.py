"""From candidates and bars to evidence: outcomes, join, daily statistics, windowed tables.

Belongs here: which window each table needs, and in which chunks a long range is done (day_chunks). Not here: the
decision about the weights (decide) and its publication.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta

import polars as pl

from amc_learning.contracts.tables import TOTAL_SCORE
from amc_learning.learning.correlation import correlation_tables
from amc_learning.learning.daily_statistics import daily_statistics, joined_columns
from amc_learning.learning.join import candidate_columns, feature_outcomes
from amc_learning.learning.outcomes import OutcomeRules, candidate_outcomes, required_window
from amc_learning.learning.selection import selection_effects
from amc_learning.learning.threshold_search import ThresholdRules
from amc_learning.learning.thresholds import threshold_tables
from amc_learning.settings import Settings
from amc_learning.stages.day_chunks import (
    DAYS_AT_ONCE,
    ROWS_AT_ONCE,
    WrittenDays,
    chunks_by_days,
    chunks_by_rows,
    read_days,
)
from amc_learning.stages.sessions import sessions_between
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
    return sessions_between(settings, days[0] - before, days[-1] + timedelta(days=10))


_DECISION_COLUMNS = ("known_on", "decision_id", "symbol", "decided_at")


@taking_turns
def mature_outcomes(
    warehouse: Warehouse, settings: Settings, days: Sequence[date], *, rows_at_once: int = ROWS_AT_ONCE
) -> WrittenDays:
    """Write the outcomes that matured on these days, of whatever earlier day their decisions are."""
    rules = outcome_rules(settings)
    candidates = warehouse.table("discovery_candidates")
    n_rows, outcomes = 0, warehouse.catalogue["candidate_outcomes"].empty()
    # Every decision matures at each horizon: a day has about as many outcomes as that.
    for chunk in chunks_by_rows(candidates, days, rows_at_once // len(rules.horizons)):
        sessions = sessions_around(settings, chunk)
        decisions_from, bars_from = required_window(sessions, rules, chunk[0])
        outcomes = candidate_outcomes(
            candidates.read(decisions_from, chunk[-1], columns=_DECISION_COLUMNS),
            warehouse.table("price_bars").read(bars_from, chunk[-1]),
            sessions,
            rules,
            known_from=chunk[0],
            known_to=chunk[-1],
        )
        warehouse.table("candidate_outcomes").write(outcomes, chunk)
        reopened.close(warehouse, "candidate_outcomes", chunk)
        n_rows += outcomes.height
    return WrittenDays(n_rows, outcomes)


@taking_turns
def join_feature_outcomes(
    warehouse: Warehouse, settings: Settings, days: Sequence[date], *, rows_at_once: int = ROWS_AT_ONCE
) -> WrittenDays:
    """Write the outcomes of these days beside the scores as known at their decisions."""
    components = settings.features.components
    stored, candidates = warehouse.table("candidate_outcomes"), warehouse.table("discovery_candidates")
    n_rows, joined = 0, warehouse.catalogue["feature_outcomes"].empty()
    for chunk in chunks_by_rows(stored, days, rows_at_once):
        outcomes = stored.read(chunk[0], chunk[-1])
        joined = feature_outcomes(
            outcomes,
            read_days(candidates, outcomes["decision_known_on"].unique(), candidate_columns(components)),
            components=components,
        )
        warehouse.table("feature_outcomes").write(joined, chunk)
        n_rows += joined.height
    return WrittenDays(n_rows, joined)


@taking_turns
def measure_days(
    warehouse: Warehouse, settings: Settings, days: Sequence[date], *, rows_at_once: int = ROWS_AT_ONCE
) -> WrittenDays:
    """Write the mergeable statistics of the cross-sections that matured on these days."""
    components = settings.features.components
    stored = warehouse.table("feature_outcomes")
    n_rows, statistics = 0, warehouse.catalogue["daily_statistics"].empty()
    for chunk in chunks_by_rows(stored, days, rows_at_once):
        joined = stored.read(chunk[0], chunk[-1], columns=joined_columns(components))
        statistics = daily_statistics(joined, components=components)
        warehouse.table("daily_statistics").write(statistics, chunk)
        n_rows += statistics.height
    return WrittenDays(n_rows, statistics)


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


def correlations_over(warehouse: Warehouse, settings: Settings, days: Sequence[date], window_days: int) -> pl.DataFrame:
    """The correlation table of each of these days over a window of so many calendar days; writes nothing."""
    return correlation_tables(
        _window(warehouse, days, window_days, _CORRELATION_COLUMNS),
        as_of=days,
        window_days=window_days,
        horizons=settings.outcomes.horizons,
        features=(*settings.features.components, TOTAL_SCORE),
    )


@taking_turns
def correlate(
    warehouse: Warehouse, settings: Settings, days: Sequence[date], *, days_at_once: int = DAYS_AT_ONCE
) -> pl.DataFrame:
    """Write the correlation table of each of these days."""
    return _written(warehouse, settings, "correlation_table", correlations_over, chunks_by_days(days, days_at_once))


def _selection_over(warehouse: Warehouse, settings: Settings, days: Sequence[date], window_days: int) -> pl.DataFrame:
    return selection_effects(
        _window(warehouse, days, window_days, _SELECTION_COLUMNS),
        as_of=days,
        window_days=window_days,
        horizons=settings.outcomes.horizons,
    )


@taking_turns
def compare_selection(
    warehouse: Warehouse, settings: Settings, days: Sequence[date], *, days_at_once: int = DAYS_AT_ONCE
) -> pl.DataFrame:
    """Write the effect of selection over controls of each of these days."""
    return _written(warehouse, settings, "selection_effects", _selection_over, chunks_by_days(days, days_at_once))


def thresholds_over(warehouse: Warehouse, settings: Settings, days: Sequence[date], window_days: int) -> pl.DataFrame:
    """The threshold table of each of these days over a window of so many calendar days; writes nothing."""
    return threshold_tables(
        _window(warehouse, days, window_days, _THRESHOLD_COLUMNS),
        as_of=days,
        window_days=window_days,
        horizons=settings.outcomes.horizons,
        features=(*settings.features.components, TOTAL_SCORE),
        rules=ThresholdRules(min_coverage=settings.analysis.threshold_min_coverage),
    )


@taking_turns
def find_thresholds(
    warehouse: Warehouse, settings: Settings, days: Sequence[date], *, days_at_once: int = DAYS_AT_ONCE
) -> pl.DataFrame:
    """Write the threshold table of each of these days."""
    return _written(warehouse, settings, "threshold_table", thresholds_over, chunks_by_days(days, days_at_once))


def _written(
    warehouse: Warehouse,
    settings: Settings,
    name: str,
    table_over: Callable[[Warehouse, Settings, Sequence[date], int], pl.DataFrame],
    chunks: Iterable[Sequence[date]],
) -> pl.DataFrame:
    """The table of every chunk of days over the window of the settings, each written before the next is computed."""
    tables = []
    for chunk in chunks:
        table = table_over(warehouse, settings, chunk, settings.analysis.window_days)
        warehouse.table(name).write(table, chunk)
        tables.append(table)
    return pl.concat(tables)
