"""Failures: which cases failed, which patterns fail systematically, and what is done about it.

Belongs here: which window each table needs. Not here: cases, patterns, corrections themselves (learning).
"""

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from amc_learning.learning.corrections import CorrectionRules, cases_needed_from, decide_corrections
from amc_learning.learning.failures import FailureRules, failure_cases, failure_patterns
from amc_learning.settings import Settings
from amc_learning.stages.evidence import sessions_around
from amc_learning.stages.theses import LONGEST_BREAK_DAYS
from amc_learning.stages.turns import taking_turns
from amc_learning.warehouse import Warehouse

CASE_INPUTS = ("closed_trades", "thesis_outcomes", "feature_outcomes")
"""Tables whose rows of a day become the cases of that day."""

OLDEST_THESIS_DAYS = 75
"""Calendar days a thesis behind a trade may lie back to lend it its sector (learning.failures.cases), and a week."""


def failure_rules(settings: Settings) -> FailureRules:
    """The rules for failures that these settings describe."""
    return FailureRules(
        loser_return=settings.outcomes.loser_return,
        high_confidence=settings.failures.high_confidence,
        horizon=settings.theses.horizon,
        window_days=settings.failures.window_days,
        min_failures=settings.failures.min_failures,
    )


def correction_rules(settings: Settings) -> CorrectionRules:
    """The rules for corrections that these settings describe."""
    return CorrectionRules(
        window_days=settings.failures.window_days, renewal_days=settings.corrections.expires_after_days
    )


@taking_turns
def judge_failures(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> pl.DataFrame:
    """Write the cases that became known on these days, failed or not."""
    cases = cases_of(warehouse, settings, days)
    warehouse.table("failure_cases").write(cases, days)
    return cases


def cases_of(
    warehouse: Warehouse, settings: Settings, days: Sequence[date], *, closed: pl.DataFrame | None = None
) -> pl.DataFrame:
    """The cases that became known on these days, of these closed trades or the stored ones; writes nothing."""
    stored = {name: warehouse.table(name).read(days[0], days[-1]) for name in CASE_INPUTS}
    decided_from = min(sessions_around(settings, days)["session_date"][0], days[0] - timedelta(days=OLDEST_THESIS_DAYS))
    decisions = {
        name: warehouse.table(name).read(decided_from, days[-1])
        for name in ("discovery_candidates", "thesis_decisions")
    }
    return failure_cases(
        **(stored if closed is None else {**stored, "closed_trades": closed}),
        **decisions,
        market_regimes=warehouse.table("market_regimes").read(
            decided_from - timedelta(days=LONGEST_BREAK_DAYS), days[-1], columns=["known_on", "basis", "regime"]
        ),
        weights=settings.features.default_weights,
        as_of=days,
        rules=failure_rules(settings),
    )


@taking_turns
def find_failure_patterns(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> pl.DataFrame:
    """Write the patterns of failure of each of these days."""
    rules = failure_rules(settings)
    cases = warehouse.table("failure_cases").read(days[0] - timedelta(days=rules.lookback_days), days[-1])
    patterns = failure_patterns(cases, as_of=days, rules=rules)
    warehouse.table("failure_patterns").write(patterns, days)
    return patterns


@taking_turns
def correct_failures(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> pl.DataFrame:
    """Write the corrections of each of these days, in order: each starts from those of the day before."""
    table, rules = warehouse.table("corrections"), correction_rules(settings)
    yesterday = table.latest_on_or_before(days[0] - timedelta(days=1))
    previous = None if yesterday is None else table.read(yesterday, yesterday)
    cases_from = cases_needed_from(previous, as_of=days, rules=rules)
    corrections = decide_corrections(
        warehouse.table("failure_patterns").read(days[0], days[-1]),
        warehouse.table("failure_cases").read(cases_from, days[-1]),
        warehouse.table("correction_orders").read(None, days[-1]),
        previous,
        as_of=days,
        rules=rules,
    )
    table.write(corrections, days)
    return corrections
