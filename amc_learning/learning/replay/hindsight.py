"""The best that one vector could have done, known only afterwards: what every rule is measured against.

Belongs here: the search for it. Not here: what learning did (replay).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from amc_learning.learning.weights.evidence import Evidence, correlation
from amc_learning.learning.weights.projection import project_capped_simplex

Vector = NDArray[np.float64]


def best_fixed_weights(evidence: Evidence, *, cap: float, starts: Sequence[Vector]) -> Vector:
    """The fixed vector on {sum = 1, 0 <= w <= cap} with the largest mean daily coefficient over these days.

    The mean of daily correlations is not concave in the weights, so the search is local (sequential quadratic
    programming with the exact gradient) from several starts: those given, equal weights, and every component and every
    pair of components as heavy as the cap allows. No start is better than what is returned.

    Args:
        evidence: the days to be judged on.
        cap: largest weight.
        starts: vectors to start from; what is returned is at least as good as each of them that keeps the cap.

    Returns:
        The best vector found; without days the first start.
    """
    # scipy costs most of a second to import; only a replay pays for it.
    from scipy.optimize import Bounds, LinearConstraint, minimize  # noqa: PLC0415

    if not len(evidence):
        return starts[0]
    tried = project_capped_simplex(np.vstack([*starts, *_corners(evidence.return_covariances.shape[1])]), cap=cap)
    found = [
        minimize(
            _loss_and_gradient,
            start,
            args=(evidence,),
            jac=True,
            method="SLSQP",
            bounds=Bounds(0.0, cap),
            constraints=LinearConstraint(np.ones((1, len(start))), 1.0, 1.0),
            options={"ftol": 1e-10, "maxiter": 200},
        ).x
        for start in tried
    ]
    ends = project_capped_simplex(np.vstack(found), cap=cap)
    candidates = np.vstack([tried, ends[np.isfinite(ends).all(axis=1)]])
    best: Vector = candidates[int(np.argmax([evidence.coefficients(weights).mean() for weights in candidates]))]
    return best


def _corners(size: int) -> list[Vector]:
    singles = np.eye(size)
    pairs = [singles[one] + singles[other] for one in range(size) for other in range(one)]
    return [np.full(size, 1 / size), *singles, *(pair / 2 for pair in pairs)]


def _loss_and_gradient(weights: Vector, evidence: Evidence) -> tuple[float, Vector]:
    """Minus the mean coefficient and its gradient."""
    pull = np.einsum("djk,k->dj", evidence.score_covariances, weights)
    variance = (pull @ weights).clip(min=0.0)
    coefficients = correlation(evidence.return_covariances @ weights, variance)
    deviation = np.sqrt(variance)
    inverse = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 0)
    slopes = (evidence.return_covariances - pull * (coefficients * inverse)[:, None]) * inverse[:, None]
    return -float(coefficients.mean()), -slopes.mean(axis=0)
