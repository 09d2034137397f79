"""Trades: from messages to positions, closed trades and what they earned, linked to the decisions that led to them.

Belongs here: which window the ledger needs. Not here: settling, holding, linking (learning.ledger).
"""

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from amc_learning.contracts.knowledge_days import FIRST_KNOWLEDGE_DAY
from amc_learning.learning.attribution import performance_attribution
from amc_learning.learning.ledger.fold import LedgerDays, fold_messages
from amc_learning.learning.ledger.holding import LONGEST_HOLDING_SESSIONS, bars_required_from, closed_trades
from amc_learning.learning.ledger.links import decisions_required_from, link_trades
from amc_learning.learning.ledger.outcomes import openings_required_from, trade_outcomes
from amc_learning.learning.ledger.records import LedgerRules
from amc_learning.settings import Settings
from amc_learning.stages.evidence import outcome_rules, sessions_around
from amc_learning.stages.sessions import sessions_between
from amc_learning.stages.settled import first_unsettled, remember_settled, reopen_later_days
from amc_learning.stages.theses import LONGEST_BREAK_DAYS
from amc_learning.stages.turns import taking_turns
from amc_learning.warehouse import Warehouse, reopened


class LedgerError(Exception):
    """Days of the ledger cannot be settled on their own; what was settled stays."""


@taking_turns
def settle_trades(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> pl.DataFrame:
    """Write positions, openings, issues and closed trades of these days; the closed trades.

    Later days that were settled on other positions than these are open again.

    Raises:
        LedgerError: a day before these, which they build on, is not settled, or not as its messages are now.
    """
    _refuse_gaps(warehouse, days)
    ledger = fold_messages(
        warehouse.table("trade_messages").read(days[0], days[-1]),
        _state_before(warehouse, days[0]),
        as_of=days,
        rules=LedgerRules(),
    )
    closed = _linked(warehouse, settings, _held(warehouse, settings, ledger, days), days)
    reopen_later_days(warehouse, ledger.positions, days[-1])
    warehouse.table("trade_positions").write(ledger.positions, days)
    warehouse.table("trade_openings").write(ledger.openings, days)
    warehouse.table("ledger_issues").write(ledger.issues, days)
    warehouse.table("closed_trades").write(closed, days)
    remember_settled(warehouse, days)
    reopened.close(warehouse, "closed_trades", days)
    return closed


def closed_so_far(
    warehouse: Warehouse, settings: Settings, messages: pl.DataFrame, days: Sequence[date]
) -> pl.DataFrame:
    """The trades that these messages of these days close, as far as known; writes nothing.

    Args:
        warehouse: holds the positions these days start from.
        settings: exchange and default weights.
        messages: every message about trades of these days.
        days: consecutive knowledge days from the first that is not settled yet.

    Raises:
        LedgerError: a day before these is not settled.
    """
    _refuse_gaps(warehouse, days)
    ledger = fold_messages(messages, _state_before(warehouse, days[0]), as_of=days, rules=LedgerRules())
    return _linked(warehouse, settings, _held(warehouse, settings, ledger, days), days)


def _refuse_gaps(warehouse: Warehouse, days: Sequence[date]) -> None:
    """Messages of days that were left out would be missing from every later position, so they are not left out."""
    missing = first_unsettled(warehouse, days[0])
    if missing is not None:
        raise LedgerError(
            f"trades of {missing} are not in the ledger yet, or have changed since, and {days[0]} builds on them; run "
            f"those days first: amc-learning run evidence --from {missing} --to {days[-1]}"
        )


def _state_before(warehouse: Warehouse, day: date) -> pl.DataFrame:
    """The ledger at the end of the last day it was kept for, without rows at the beginning."""
    positions = warehouse.table("trade_positions")
    last = positions.latest_on_or_before(day - timedelta(days=1))
    return positions.table.empty() if last is None else positions.read(last, last)


def _held(warehouse: Warehouse, settings: Settings, ledger: LedgerDays, days: Sequence[date]) -> pl.DataFrame:
    # from a fixed day on: a start that moves with the days would date very old openings differently
    sessions = sessions_between(settings, FIRST_KNOWLEDGE_DAY, days[-1] + timedelta(days=10))
    bars_from = bars_required_from(ledger.closed, sessions, longest_sessions=LONGEST_HOLDING_SESSIONS)
    bars = warehouse.table("price_bars")
    known = bars.table.empty() if bars_from is None else bars.read(bars_from, days[-1])
    return closed_trades(ledger.closed, known, sessions)


def _linked(warehouse: Warehouse, settings: Settings, closed: pl.DataFrame, days: Sequence[date]) -> pl.DataFrame:
    decided_from = decisions_required_from(closed)
    candidates, theses, regimes = (
        warehouse.table(name) for name in ("discovery_candidates", "thesis_decisions", "market_regimes")
    )
    if decided_from is None:
        frames = (candidates.table.empty(), theses.table.empty(), regimes.table.empty())
    else:
        before = decided_from - timedelta(days=LONGEST_BREAK_DAYS)
        frames = (
            candidates.read(decided_from, days[-1]),
            theses.read(decided_from, days[-1]),
            regimes.read(before, days[-1], columns=["known_on", "basis", "regime"]),
        )
    return link_trades(closed, *frames, weights=settings.features.default_weights)


@taking_turns
def mature_trade_outcomes(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> pl.DataFrame:
    """Write the returns of opened positions at the horizons that matured on these days."""
    sessions, rules = sessions_around(settings, days), outcome_rules(settings)
    opened_from = openings_required_from(sessions, rules, days[0])
    outcomes = trade_outcomes(
        warehouse.table("trade_openings").read(opened_from, days[-1]),
        warehouse.table("price_bars").read(opened_from, days[-1]),
        sessions,
        rules,
        known_from=days[0],
        known_to=days[-1],
    )
    warehouse.table("trade_outcomes").write(outcomes, days)
    reopened.close(warehouse, "trade_outcomes", days)
    return outcomes


@taking_turns
def attribute_performance(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> pl.DataFrame:
    """Write what realised profit and loss is made of, for each of these days."""
    window = settings.analysis.window_days
    attribution = performance_attribution(
        warehouse.table("closed_trades").read(days[0] - timedelta(days=window - 1), days[-1]),
        as_of=days,
        window_days=window,
        components=settings.features.components,
        weights=settings.features.default_weights,
    )
    warehouse.table("performance_attribution").write(attribution, days)
    return attribution
