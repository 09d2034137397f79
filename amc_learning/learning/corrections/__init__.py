"""Corrections of systematic failures: concrete, bounded, ending by themselves, and measured afterwards.

`decide_corrections` is the whole of it for a range of nights; the other functions are what those in force amount to.
"""

from amc_learning.learning.corrections.consumers import (
    component_factors,
    confidence_factor,
    confidence_factors,
    position_size_factors,
    threshold_raises,
)
from amc_learning.learning.corrections.decision import cases_needed_from, decide_corrections
from amc_learning.learning.corrections.rules import CorrectionRules

__all__ = [
    "CorrectionRules",
    "cases_needed_from",
    "component_factors",
    "confidence_factor",
    "confidence_factors",
    "decide_corrections",
    "position_size_factors",
    "threshold_raises",
]
