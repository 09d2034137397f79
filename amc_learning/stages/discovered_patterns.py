"""Patterns of each week: searched, confirmed, followed.

Belongs here: which window each table needs. Not here: patterns themselves (learning.patterns).
"""

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from amc_learning.contracts.knowledge_days import FIRST_KNOWLEDGE_DAY
from amc_learning.learning.patterns import (
    BAR_INPUTS,
    BARS_LOOK_BACK,
    CANDIDATE_INPUTS,
    OUTCOME_INPUTS,
    REGIME_INPUTS,
    THESIS_INPUTS,
    THESIS_MEMORY,
    PatternRules,
    discover_patterns,
    needed_from,
    pattern_cases,
)
from amc_learning.learning.point_in_time import STALE_DAYS
from amc_learning.settings import Settings
from amc_learning.stages.turns import taking_turns
from amc_learning.warehouse import Warehouse


def pattern_rules(settings: Settings) -> PatternRules:
    """The rules for patterns that these settings describe."""
    return PatternRules(
        components=settings.features.components,
        horizon=settings.weekly.horizon,
        overlap_sessions=settings.outcomes.horizons[settings.weekly.horizon],
        window_days=settings.weekly.window_days,
    )


@taking_turns
def find_patterns(warehouse: Warehouse, settings: Settings, weeks: Sequence[date]) -> pl.DataFrame:
    """Write the patterns of these weeks and what was searched, in order: each starts from the one before."""
    table, rules = warehouse.table("discovered_patterns"), pattern_rules(settings)
    before = _last_searched(warehouse, weeks[0], rules)
    previous = None if before is None else table.read(before, before)
    first = max(needed_from(previous, week=weeks[0], rules=rules), FIRST_KNOWLEDGE_DAY)
    found = discover_patterns(_cases(warehouse, first, weeks[-1], rules), previous, weeks=weeks, rules=rules)
    warehouse.table("pattern_searches").write(found.searches, weeks)
    table.write(found.patterns, weeks)
    return found.patterns


def _last_searched(warehouse: Warehouse, week: date, rules: PatternRules) -> date | None:
    """The last week before this one that was searched at its horizon: weeks at another one break no history."""
    searches = warehouse.table("pattern_searches").read(None, week - timedelta(days=1), columns=["known_on", "horizon"])
    searched = searches.filter(pl.col("horizon") == rules.horizon)["known_on"].to_list()
    return max(searched, default=None)


def _cases(warehouse: Warehouse, first: date, last: date, rules: PatternRules) -> pl.DataFrame:
    """Candidates whose returns became known on these days, and what was known of them."""
    decided_from = max(first - timedelta(days=_label_days(rules)), FIRST_KNOWLEDGE_DAY)

    def stored(name: str, since: date, columns: Sequence[str]) -> pl.DataFrame:
        return warehouse.table(name).read(since, last, columns=list(columns))

    return pattern_cases(
        feature_outcomes=stored("feature_outcomes", first, (*OUTCOME_INPUTS, *rules.components)),
        discovery_candidates=stored("discovery_candidates", decided_from, CANDIDATE_INPUTS),
        thesis_decisions=stored("thesis_decisions", decided_from - THESIS_MEMORY, THESIS_INPUTS),
        market_regimes=stored("market_regimes", decided_from - timedelta(days=STALE_DAYS), REGIME_INPUTS),
        price_bars=stored("price_bars", decided_from - BARS_LOOK_BACK, BAR_INPUTS),
        rules=rules,
    )


def _label_days(rules: PatternRules) -> int:
    """Calendar days within which every label is known, from its decision on."""
    return 14 + 3 * rules.overlap_sessions // 2
