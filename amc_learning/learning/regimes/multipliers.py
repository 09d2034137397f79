"""How much more a component's weight should count in one regime than on the whole, and whether that is known at all.

Belongs here: the gate that noise rarely passes in a year of looks, the shrunk factor behind it, the factors of a night.
Not here: the means and p-values it looks at (regime_performance.py), the weights (learning.weights).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from amc_learning.learning.weights.improvement import look_level

FloatArray = npt.NDArray[np.float64]

MULTIPLIER_BASIS = "index"
"""Weights follow the regime of the index only: two regimes are one difference per component. Five regimes made of the
very scores they would weigh would be five times as many looks for the same error."""

LOWEST, HIGHEST = 0.5, 2.0
"""A regime halves or doubles a weight at most; the projection's own bounds come after."""

MIN_REGIME_DAYS = 60
"""Cross-sections needed in the regime, and in the others: a quarter."""

MIN_SPELLS = 2
"""One spell of a regime is one period of time: what was different in it may have been anything."""


@dataclass(frozen=True, kw_only=True)
class MultiplierRules:
    """What a multiplier other than 1 takes.

    Attributes:
        evidence_horizon: horizon whose coefficients decide, as for the weights.
        yearly_false_change_rate: chance that on pure noise any multiplier of any component leaves 1 within a year.
    """

    evidence_horizon: str = "1d"
    yearly_false_change_rate: float = 0.02


def gate_deviate(*, n_components: int, window_days: int, rules: MultiplierRules) -> float:
    """Standard-normal deviate a difference must exceed, either way, before it says anything.

    The yearly error is split over the components (Bonferroni: whatever their dependence) and the two directions; within
    each, `look_level` bounds the chance that a rolling window's statistic ever exceeds the deviate in a year of looks.

    >>> round(gate_deviate(n_components=6, window_days=1095, rules=MultiplierRules()), 2)
    3.61
    """
    from scipy.special import ndtri  # noqa: PLC0415

    rate = rules.yearly_false_change_rate / (2 * n_components)
    return float(-ndtri(look_level(window_days, error_rate=rate, min_days=MIN_REGIME_DAYS)))


def shrunk_multipliers(
    *,
    regime_mean: FloatArray,
    overall_mean: FloatArray,
    overall_error: FloatArray,
    difference_p_value: FloatArray,
    is_judged: npt.NDArray[np.bool_],
    gate: float,
) -> FloatArray:
    """Factor per component: exactly 1 up to the gate, from there on toward the ratio of the means.

    The share s = max(0, 1 - (gate / z)^2) of the ratio's distance from 1 is believed, z the deviate of the difference's
    p-value: nothing at the gate, half at 1.4 gates, all of it in the end, without a jump. The ratio is
    1 + (mean in the regime - mean overall) / max(|mean overall|, its standard error): an overall mean that cannot be
    told from 0 would otherwise make it as large as one likes.

    Args:
        regime_mean: mean daily coefficient in the regime, one per component; NaN = unknown, as in the others.
        overall_mean: over all days of known regime.
        overall_error: standard error of that.
        difference_p_value: two-sided, of no difference between this regime and the others.
        is_judged: days and spells enough on both sides.
        gate: see `gate_deviate`.

    Returns:
        Between `LOWEST` and `HIGHEST`; 1 where anything is unknown.

    Source: Breiman 1995, Better subset regression using the nonnegative garrote (the shape of the shrinkage).
    """
    from scipy.special import ndtri  # noqa: PLC0415

    with np.errstate(divide="ignore", invalid="ignore"):
        deviate = -ndtri(difference_p_value / 2)
        share = 1 - (gate / deviate) ** 2
        ratio = 1 + share * (regime_mean - overall_mean) / np.maximum(np.abs(overall_mean), overall_error)
    is_reliable = is_judged & (deviate > gate) & np.isfinite(ratio)
    return np.where(is_reliable, np.clip(ratio, LOWEST, HIGHEST), 1.0)


def regime_multipliers(
    performance: pl.DataFrame,
    *,
    components: Sequence[str],
    rules: MultiplierRules | None = None,
    regime: str | None = None,
) -> dict[str, float]:
    """Factor per component while a regime holds, from one night's rows of regime_performance.

    Args:
        performance: rows of regime_performance of one knowledge day.
        components: the feature set; a component without a row has factor 1.
        rules: names the horizon.
        regime: of `MULTIPLIER_BASIS`; None: the one in force that night.

    Raises:
        ValueError: rows of several days.
    """
    if performance["known_on"].n_unique() > 1:
        raise ValueError("regime multipliers are those of one night; these rows are of several")
    holds = pl.col("is_current") if regime is None else pl.col("regime") == regime
    rows = performance.filter(
        holds,
        pl.col("basis") == MULTIPLIER_BASIS,
        pl.col("horizon") == (rules or MultiplierRules()).evidence_horizon,
    )
    found = dict(rows.select("feature", "multiplier").iter_rows())
    return {name: float(found.get(name, 1.0)) for name in components}
