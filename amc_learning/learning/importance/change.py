"""What changed in importance since the week before, and whether days entering and leaving the window explain it.

Belongs here: that comparison. Not here: importance itself (estimates.py).
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from amc_learning.learning.importance.fitted_means import standard_errors
from amc_learning.learning.importance.panel import Floats, Panel
from amc_learning.learning.importance.rules import ImportanceRules
from amc_learning.learning.inference import MeanInferences, degrees_of_freedom

EPOCH = date(1970, 1, 1)

REPLACED_DAYS_FACTOR = 4.0
"""Variance of a change per share of days replaced, in units of the variance behind the interval. The argument of
`change_since` gives 2; in simulations a useless component beside useful ones, fitted together, was seen to have 3.3."""

MIN_SHARE_SCORED = 0.5
"""A component scored more rarely hangs on few days, and how many days were replaced does not say how far it moves."""


@dataclass(frozen=True)
class Change:
    """Importance against an earlier week; entries in the order of components, NaN where there is nothing to compare."""

    week: date
    previous: Floats
    change: Floats
    p_value: Floats


def change_since(
    previous: pl.DataFrame | None,
    horizon: str,
    falls: MeanInferences,
    panel: Panel,
    *,
    overlap_sessions: int,
    rules: ImportanceRules,
) -> Change | None:
    """The change of importance of one horizon since the rows of an earlier week; None when they cannot be compared.

    Two weeks share nearly all of their days. Were nothing to change in truth, a difference would come from days that
    entered and left, and from days that moved to another fold as its borders moved along. In the terms of
    fitted_means.py, a score that carries nothing then changes by 2 * sum(c_k * change of a_k). Of m days entered and m
    left the first part has 8 m / n of the variance the days show, that of the borders as much again: together
    2 (entered + left) / n of the variance behind the interval, for which `REPLACED_DAYS_FACTOR` leaves room. It is at
    most twice that variance, as it is with no day shared.

    Args:
        previous: rows of table feature_importance of one earlier week.
        horizon: the horizon compared.
        falls: inference of this week's daily falls.
        panel: the days of this week's window.
        overlap_sessions: sessions a label of the horizon spans.
        rules: window and folds; a week with another window is not compared with.
    """
    from scipy.special import stdtr  # noqa: PLC0415

    rows = None if previous is None else _comparable(previous, horizon, rules)
    if rows is None or rows.is_empty():
        return None
    of_component = dict(rows.select("component", "importance").iter_rows())
    before = np.array([of_component.get(name, np.nan) for name in rules.components], dtype=float)
    n_days, n_components = len(panel.entry_days), len(rules.components)
    n_entered = int((panel.entry_days > (rows["tested_to"][0] - EPOCH).days).sum())
    n_left = max(rows["n_days"][0] + n_entered - n_days, 0)
    share_replaced = (n_entered + n_left) / n_days
    standard_error = np.sqrt(min(REPLACED_DAYS_FACTOR * share_replaced, 2.0)) * standard_errors(
        falls, overlap_sessions=overlap_sessions
    )
    standard_error = standard_error[:n_components]
    n_scored = panel.is_scored[:-1].sum(axis=(1, 2))
    is_tested = (standard_error > 0) & (n_scored >= MIN_SHARE_SCORED * panel.n_pairs.sum())
    change = falls.estimate[:n_components] - before
    freedom = max(degrees_of_freedom(n_days, overlap_sessions=overlap_sessions), 1)
    p_value = 2 * stdtr(freedom, -np.abs(change) / np.where(is_tested, standard_error, np.nan))
    return Change(rows["known_on"][0], before, change, p_value)


def _comparable(previous: pl.DataFrame, horizon: str, rules: ImportanceRules) -> pl.DataFrame:
    """The measured rows of a horizon, unless their window was another one."""
    return previous.filter(
        pl.col("horizon") == horizon,
        pl.col("window_days") == rules.window_days,
        pl.col("evidence") == "sufficient",
    )
