"""Patterns: rules over scores, tag, regime, source, price and liquidity that pay or cost, and their history."""

from amc_learning.learning.patterns.cases import (
    BAR_INPUTS,
    BARS_LOOK_BACK,
    CANDIDATE_INPUTS,
    OUTCOME_INPUTS,
    REGIME_INPUTS,
    THESIS_INPUTS,
    THESIS_MEMORY,
    pattern_cases,
)
from amc_learning.learning.patterns.rules import PatternRules
from amc_learning.learning.patterns.weeks import PatternWeeks, discover_patterns, needed_from

__all__ = [
    "BARS_LOOK_BACK",
    "BAR_INPUTS",
    "CANDIDATE_INPUTS",
    "OUTCOME_INPUTS",
    "REGIME_INPUTS",
    "THESIS_INPUTS",
    "THESIS_MEMORY",
    "PatternRules",
    "PatternWeeks",
    "discover_patterns",
    "needed_from",
    "pattern_cases",
]
