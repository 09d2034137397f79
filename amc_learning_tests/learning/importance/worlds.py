"""Small worlds as rows of table feature_outcomes: one component orders returns, one does not."""

from datetime import date

import numpy as np
import polars as pl

from amc_learning.contracts.knowledge_days import knowledge_days
from amc_learning.learning.importance import ImportanceRules

COMPONENTS = ("useful", "useless")
RULES = ImportanceRules(components=COMPONENTS, horizons={"1d": 1}, window_days=300, n_shuffles=3)
WEEKS = [date(2014, 11, 28), date(2014, 12, 5), date(2014, 12, 12)]
FIRST = date(2014, 1, 2)


def outcomes(*, seed: int = 5, n_names: int = 12, effect: float = 0.4, horizon: str = "1d") -> pl.DataFrame:
    """Every knowledge day of 2014 up to the last week; entered and matured on the same day."""
    generator = np.random.default_rng(seed)
    days = knowledge_days(FIRST, WEEKS[-1])
    rows = len(days) * n_names
    useful, useless = generator.uniform(0, 100, (2, rows))
    returns = effect * (useful - 50) / 29 + generator.standard_normal(rows)
    dates = [day for day in days for _ in range(n_names)]
    return pl.DataFrame(
        {
            "known_on": dates,
            "horizon": horizon,
            "decision_id": [f"{day}:{name:02d}" for day in days for name in range(n_names)],
            "symbol": [f"S{name:02d}" for _ in days for name in range(n_names)],
            "entry_date": dates,
            "is_selected": True,
            "is_in_cross_section": True,
            "useful": useful,
            "useless": useless,
            "forward_return": 0.02 * returns,
        }
    )
