"""Temporary factors on the learned weights: market regimes and corrections, laid over them before the bounds.

What the evidence taught is kept apart from what is in force, so that a factor that ends gives back exactly what it
took. Belongs here: laying factors over a vector. Not here: where the factors come from (regimes, corrections), what the
evidence teaches (decision).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from amc_learning.learning.weights.projection import GRID, project_bounded
from amc_learning.learning.weights.record import ACTIVE, NightRecord, component_vector
from amc_learning.learning.weights.rules import WeightRules

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Overlay:
    """Factors of one night, per component; a component that is not named has factor 1.

    Attributes:
        regime: name of the market regime the factors are of; None when there is none.
        regime_factors: component to factor of the regime.
        correction_factors: component to factor of the corrections in force.
    """

    regime: str | None = None
    regime_factors: Mapping[str, float] = field(default_factory=dict)
    correction_factors: Mapping[str, float] = field(default_factory=dict)


NO_OVERLAY = Overlay()


def laid_over(
    record: NightRecord, in_force: Vector, overlay: Overlay, rules: WeightRules, *, names: tuple[str, ...]
) -> NightRecord:
    """The night's record with the vector in force: the learned one times the factors, within every bound.

    A night that follows a person's order is not laid over: what was ordered holds.

    Args:
        record: what the night learned: `previous` and `weights` are the learned vectors before and after.
        in_force: weights in force on the previous knowledge day; the daily limit counts from these.
        overlay: factors of the night.
        rules: bounds.
        names: components in order.

    Returns:
        `previous` and `weights` are what is in force before and after; `learned_before` and `learned` what was learned.
    """
    regime = factor_vector(overlay.regime_factors, names, "regime factors")
    corrections = factor_vector(overlay.correction_factors, names, "correction factors")
    factors = regime * corrections
    learned = replace(
        record,
        learned_before=record.previous,
        learned=record.weights,
        is_learning=record.status == ACTIVE,
        regime_factors=regime,
        correction_factors=corrections,
    )
    is_plain = bool((factors == 1).all())
    if is_plain and np.array_equal(in_force, record.previous):
        return learned
    target = _scaled(record.weights, factors)
    weights = project_bounded(target, in_force, daily_limit=rules.daily_limit, cap=rules.cap)
    at_limit = np.abs(weights - in_force) >= rules.daily_limit - 1.5 / GRID
    is_moving = not np.array_equal(weights, in_force)
    return replace(
        learned,
        previous=in_force,
        weights=weights,
        status=ACTIVE if is_moving and record.taken_back is None else record.status,
        reason=_reason(record, overlay, names, _walked(in_force, weights, target, names) if is_moving else ""),
        is_at_daily_limit=at_limit & (np.abs(target - in_force) > rules.daily_limit),
    )


def factor_vector(factors: Mapping[str, float], names: tuple[str, ...], what: str) -> Vector:
    """Factors in the order of the feature set, 1 where none is given.

    Raises:
        ValueError: a factor names no component of the feature set, or is not positive.

    >>> factor_vector({"b": 0.5}, ("a", "b"), "factors").tolist()
    [1.0, 0.5]
    """
    vector = component_vector({**dict.fromkeys(names, 1.0), **factors}, names, what)
    if not (np.isfinite(vector).all() and (vector > 0).all()):
        raise ValueError(f"{what} must be positive numbers, got {dict(factors)}")
    return vector


def _scaled(learned: Vector, factors: Vector) -> Vector:
    scaled = learned * factors
    total = scaled.sum()
    return scaled / total if total > 0 else learned


def in_shadow(record: NightRecord, in_force: Vector, *, told_on: date | None) -> NightRecord:
    """The night's record when discovery is told nothing of it: what is in force stays, what would be stands beside it.

    Args:
        record: the night as it would be.
        in_force: what discovery was last told.
        told_on: knowledge day of that; None when it has only its defaults.
    """
    return replace(
        record,
        previous=in_force,
        weights=in_force,
        shadow=record.weights,
        told_on=told_on,
        reason=f"{record.reason}; in shadow: discovery keeps what it was last told",
    )


def _walked(before: Vector, after: Vector, target: Vector, names: tuple[str, ...]) -> str:
    largest = int(np.argmax(np.abs(after - before)))
    distance = float(np.abs(after - target).max())
    progress = f", up to {distance:.3f} per weight to go" if distance > 2 / GRID else ""
    return f"{names[largest]} {before[largest]:.3f} -> {after[largest]:.3f}{progress}"


def _reason(record: NightRecord, overlay: Overlay, names: tuple[str, ...], walked: str) -> str:
    """The reason of the night with what the factors did; they come first where they alone move the weights.

    Without a factor the weights in force go to the learned ones: after a factor that has ended, a rollback that was
    released, or a promotion.
    """
    parts = []
    for what, factors in (
        (f"regime {overlay.regime}", factor_vector(overlay.regime_factors, names, "regime factors")),
        ("corrections", factor_vector(overlay.correction_factors, names, "correction factors")),
    ):
        if (factors != 1).any():
            parts.append(f"{what}: {_listed(factors, names)}")
    if parts:
        laid = f"factors over the learned weights: {', '.join(parts)}"
    else:
        laid = f"the weights in force go to the learned ones: {walked}" if walked else ""
    if not laid:
        return record.reason
    if walked and record.status != ACTIVE and record.taken_back is None:
        return f"active: {laid}; what was learned stays: {record.reason}"
    return f"{record.reason}; {laid}"


def _listed(factors: Vector, names: tuple[str, ...]) -> str:
    return ", ".join(f"{names[at]} x{factors[at]:.2f}" for at in np.flatnonzero(factors != 1))
