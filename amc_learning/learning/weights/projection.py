"""The nearest vector that obeys every bound: what may be published, given what is wanted and what is in force.

Belongs here: bounds, and the grid published weights lie on. Not here: what is wanted (suggestion) and whether the
evidence is good enough to move at all (decision).
"""

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

GRID = 1_000_000
"""Published weights are whole millionths: clean in JSON, and a second run lands on the same vector."""

_GRID_TOLERANCE = 1e-5
"""A bound this close to a grid point (in grid units) is that grid point; anything larger is not float noise."""


def project_bounded(target: Vector, previous: Vector, *, daily_limit: float, cap: float) -> Vector:
    """Nearest vector to `target` on {sum = 1, 0 <= w <= cap, |w - previous| <= daily_limit}, on a grid of 1e-6.

    A previous weight above the cap (the setting was lowered) comes down by the daily limit, night by night, until it
    is below it; the same holds for a previous vector that is not on the grid.

    Args:
        target: wanted weights, one per component; finite, any scale and sign.
        previous: weights in force on the previous knowledge day; each >= 0, sum 1.
        daily_limit: largest change of one weight (fraction, > 0).
        cap: largest weight (fraction); `cap * len(target)` must be at least 1.

    Returns:
        Weights that are whole millionths and sum to 1, in the order of `target`.

    Raises:
        ValueError: the bounds leave no vector, or an input is not finite; the message says which and what to do.

    Source: Brucker 1984 (projection onto a box with one equality, by its monotone Lagrange multiplier); rounding by
    largest remainders (Hamilton) inside the same box, which keeps every bound exactly.

    >>> project_bounded(np.array([0.9, 0.1, 0.0]), np.array([0.4, 0.3, 0.3]), daily_limit=0.1, cap=0.6).tolist()
    [0.5, 0.3, 0.2]
    """
    target, previous = np.asarray(target, dtype=np.float64), np.asarray(previous, dtype=np.float64)
    _require_projectable(target, previous, daily_limit=daily_limit, cap=cap)
    lowest = np.ceil(np.maximum(previous - daily_limit, 0.0) * GRID - _GRID_TOLERANCE)
    ceiling = np.maximum(cap, previous - daily_limit)
    highest = np.floor(np.minimum(ceiling, previous + daily_limit) * GRID + _GRID_TOLERANCE)
    highest = np.maximum(highest, lowest)
    if lowest.sum() > GRID or highest.sum() < GRID:
        msg = (
            f"no weights sum to 1 from {previous.tolist()} within the daily limit {daily_limit:g} and cap {cap:g}; "
            "raise the daily limit or the cap, or roll back to a vector that sums to 1"
        )
        raise ValueError(msg)
    return _whole_units(_onto_box_with_sum(target * GRID, lowest, highest, GRID), lowest, highest) / GRID + 0.0


def project_capped_simplex(wanted: Vector, *, cap: float) -> Vector:
    """Nearest vectors on {sum = 1, 0 <= w <= cap}, one per row of `wanted`; not rounded.

    >>> project_capped_simplex(np.array([[0.8, 0.2], [1.0, 1.0]]), cap=0.6).tolist()
    [[0.6, 0.4], [0.5, 0.5]]
    """
    return _onto_box_with_sum(wanted, np.zeros(wanted.shape[-1]), np.full(wanted.shape[-1], cap), 1.0)


def _onto_box_with_sum(wanted: Vector, lowest: Vector, highest: Vector, total: float) -> Vector:
    """Clip `wanted - shift` to the box, with the one shift per vector that makes it sum to `total`.

    The sum falls piecewise linearly in the shift, with a kink where a component meets a bound, so the shift is found
    exactly between two neighbouring kinks.
    """
    kinks = np.sort(np.concatenate([wanted - lowest, wanted - highest], axis=-1), axis=-1)
    sums = np.clip(wanted[..., None, :] - kinks[..., :, None], lowest, highest).sum(axis=-1)
    after = np.clip((sums > total).sum(axis=-1), 1, kinks.shape[-1] - 1)[..., None]
    left, right = (np.take_along_axis(kinks, at, axis=-1) for at in (after - 1, after))
    sum_left, sum_right = (np.take_along_axis(sums, at, axis=-1) for at in (after - 1, after))
    drop = np.where(sum_left > sum_right, sum_left - sum_right, 1.0)
    share = np.clip((sum_left - total) / drop, 0.0, 1.0)
    clipped: Vector = np.clip(wanted - (left + share * (right - left)), lowest, highest)
    return clipped


def _whole_units(exact: Vector, lowest: Vector, highest: Vector) -> Vector:
    """Round to whole units that keep sum and bounds: floor, then one unit each to the largest remainders."""
    whole = np.clip(np.floor(exact + _GRID_TOLERANCE), lowest, highest)
    remainder = exact - whole
    left_over = round(GRID - float(whole.sum()))
    step = 1.0 if left_over > 0 else -1.0
    while left_over:
        room = whole < highest if step > 0 else whole > lowest
        order = np.lexsort((-exact, np.where(room, -step * remainder, np.inf)))
        chosen = order[: min(abs(left_over), int(room.sum()))]
        whole[chosen] += step
        remainder = exact - whole
        left_over -= round(step * len(chosen))
    return whole


def _require_projectable(target: Vector, previous: Vector, *, daily_limit: float, cap: float) -> None:
    if target.shape != previous.shape or target.ndim != 1:
        msg = f"target and previous must be vectors of one length, got shapes {target.shape} and {previous.shape}"
        raise ValueError(msg)
    if not (np.isfinite(target).all() and np.isfinite(previous).all()):
        msg = f"weights must be finite numbers, got target {target.tolist()} and previous {previous.tolist()}"
        raise ValueError(msg)
    if not daily_limit > 0 or cap * len(target) < 1:
        msg = f"daily limit {daily_limit:g} and cap {cap:g} leave no room for {len(target)} weights that sum to 1"
        raise ValueError(msg)
