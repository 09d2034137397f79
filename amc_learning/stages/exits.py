"""Exits: what other stops, targets and holding limits would have earned, and the size of positions by their risk.

Belongs here: which window each table needs. Not here: simulating, comparing, deciding (learning.exits).
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import polars as pl

from amc_learning.learning.exits import (
    REACH_SESSIONS,
    ExitSample,
    advice_row,
    candidate_sample,
    compare_exits,
    size_rows,
    strategy_rows,
    trade_sample,
    trades_as_of,
)
from amc_learning.settings import Settings
from amc_learning.stages.sessions import sessions_between
from amc_learning.stages.turns import taking_turns
from amc_learning.warehouse import Warehouse

REACH_DAYS = 2 * REACH_SESSIONS + 10
"""Calendar days that hold the sessions before the first entry, holidays included."""

CLOSED_COLUMNS = (
    "known_on",
    "position_id",
    "revision",
    "symbol",
    "status",
    "opened_at",
    "n_entries",
    "average_entry_price_usd",
    "average_exit_price_usd",
    "exit_date",
    "exit_reason",
    "realised_return",
)
OPENING_COLUMNS = ("known_on", "position_id", "revision", "symbol", "opened_at", "entry_price_usd")
BAR_COLUMNS = ("known_on", "symbol", "open_usd", "high_usd", "low_usd", "close_usd")
CANDIDATE_COLUMNS = ("known_on", "decision_id", "symbol", "horizon", "entry_date", "is_selected", "is_in_cross_section")


@taking_turns
def optimise_exits(
    warehouse: Warehouse, settings: Settings, weeks: Sequence[date]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Write exit_strategies and exit_advice of each of these weeks; both frames.

    A week without anything that could have been bought and sold has no rows.
    """
    strategies, advice = (warehouse.catalogue[name].empty() for name in ("exit_strategies", "exit_advice"))
    for week, sample in _samples(warehouse, settings, weeks):
        compared = compare_exits(sample, seed=[week.toordinal()])
        if compared is not None:
            strategies = strategies.vstack(strategy_rows(compared, week))
            advice = advice.vstack(advice_row(compared, week))
    warehouse.table("exit_strategies").write(strategies, weeks)
    warehouse.table("exit_advice").write(advice, weeks)
    return strategies, advice


@taking_turns
def advise_sizes(warehouse: Warehouse, settings: Settings, weeks: Sequence[date]) -> pl.DataFrame:
    """Write the sizes of positions by volatility of each of these weeks."""
    sizes = warehouse.catalogue["position_size_advice"].empty()
    for week, sample in _samples(warehouse, settings, weeks):
        sizes = sizes.vstack(size_rows(sample, week, seed=[week.toordinal()]))
    warehouse.table("position_size_advice").write(sizes, weeks)
    return sizes


def _samples(warehouse: Warehouse, settings: Settings, weeks: Sequence[date]) -> Iterator[tuple[date, ExitSample]]:
    """What could have been bought and sold in the window of each week; weeks without any are passed over."""
    window = timedelta(days=settings.weekly.window_days - 1)
    first = weeks[0] - window
    closed = warehouse.table("closed_trades").read(first, weeks[-1], columns=CLOSED_COLUMNS)
    openings = warehouse.table("trade_openings").read(first, weeks[-1], columns=OPENING_COLUMNS)
    bars = warehouse.table("price_bars").read(first - timedelta(days=REACH_DAYS), weeks[-1], columns=BAR_COLUMNS)
    for week in weeks:
        since = week - window
        sessions = sessions_between(settings, since - timedelta(days=REACH_DAYS), week + timedelta(days=10))
        trades = trades_as_of(closed, openings, week, since)
        if trades.height:
            sample = trade_sample(trades, bars, sessions, week)
        else:
            outcomes = warehouse.table("feature_outcomes").read(since, week, columns=CANDIDATE_COLUMNS)
            # Several decisions on a symbol before one open would be one purchase.
            selected = outcomes.filter(
                pl.col("is_selected") & pl.col("is_in_cross_section") & (pl.col("horizon") == settings.weekly.horizon)
            )
            sample = candidate_sample(selected, bars, sessions, week)
        if sample is not None:
            yield week, sample
