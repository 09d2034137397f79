"""Market regimes: fitting and reading them, and how the scores do in each."""

from amc_learning.learning.regimes.index_regimes import closes_needed_from
from amc_learning.learning.regimes.market_regimes import EARLIER_DAYS, market_regimes
from amc_learning.learning.regimes.models import fit_history_from, fit_regime_models, usable_models
from amc_learning.learning.regimes.multipliers import MultiplierRules, regime_multipliers
from amc_learning.learning.regimes.regime_changes import regime_changes
from amc_learning.learning.regimes.regime_performance import (
    EXTRA_READ_DAYS,
    STALE_DAYS,
    regime_performance,
    regime_reviews,
    review_day,
)

__all__ = [
    "EARLIER_DAYS",
    "EXTRA_READ_DAYS",
    "STALE_DAYS",
    "MultiplierRules",
    "closes_needed_from",
    "fit_history_from",
    "fit_regime_models",
    "market_regimes",
    "regime_changes",
    "regime_multipliers",
    "regime_performance",
    "regime_reviews",
    "review_day",
    "usable_models",
]
