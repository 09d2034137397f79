"""Feature importance: what the order of returns would lose without each component."""

from amc_learning.learning.importance.rules import ImportanceRules
from amc_learning.learning.importance.weeks import INPUTS, feature_importance

__all__ = ["INPUTS", "ImportanceRules", "feature_importance"]
