"""The vector that would be in force tonight in each market regime, from what the night decided.

Belongs here: laying another regime's factors over what the night learned. Not here: where factors come from (regimes),
what is in force (decision, overlay).
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from amc_learning.learning.weights.overlay import Overlay, factor_vector, laid_over
from amc_learning.learning.weights.record import NightRecord
from amc_learning.learning.weights.rules import WeightRules

Vector = NDArray[np.float64]


def regime_vectors(
    decided: NightRecord,
    multipliers: Mapping[str, Mapping[str, float]],
    rules: WeightRules,
    *,
    names: tuple[str, ...],
) -> dict[str, Vector]:
    """The vector of each regime: what was learned, times its factors and the corrections in force, within every bound.

    A regime with the factors of the night has the vector of the night. So has every regime while a person's order
    holds, because what was ordered is not laid over.

    Args:
        decided: the night as the table holds it (`decided_night`): in force before and after, learned before and after.
        multipliers: regime to component to factor; a component that is not named has factor 1.
        rules: bounds.
        names: components in order.

    Returns:
        Regime to weights, in the order of `multipliers`; each differs from `decided.previous` by the daily limit at
        most.
    """
    return {
        regime: _vector(decided, Overlay(regime, factors, _by_name(decided.correction_factors, names)), rules, names)
        for regime, factors in multipliers.items()
    }


def _vector(decided: NightRecord, overlay: Overlay, rules: WeightRules, names: tuple[str, ...]) -> Vector:
    factors = factor_vector(overlay.regime_factors, names, f"factors of {overlay.regime}")
    night_factors = factor_vector(_by_name(decided.regime_factors, names), names, "regime factors")
    if decided.is_ordered or np.array_equal(factors, night_factors):
        return decided.weights
    learned = NightRecord(
        decided.status,
        decided.reason,
        decided.previous if decided.learned_before is None else decided.learned_before,
        decided.weights if decided.learned is None else decided.learned,
    )
    return laid_over(learned, decided.previous, overlay, rules, names=names).weights


def _by_name(factors: Vector | None, names: tuple[str, ...]) -> dict[str, float]:
    return {} if factors is None else dict(zip(names, factors.tolist(), strict=True))
