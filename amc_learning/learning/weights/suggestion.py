"""Which weights the evidence suggests, and how they would have done on days they were not fitted to.

Belongs here: fitting weights to a window, choosing the strength of shrinkage out of sample.
Not here: bounds of a night (projection), whether the improvement is reliable (improvement), what to do (decision).
"""

from dataclasses import dataclass
from itertools import combinations
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from amc_learning.learning.weights.evidence import Evidence, correlation
from amc_learning.learning.weights.projection import project_capped_simplex

Vector = NDArray[np.float64]

SHRINKAGE_GRID = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, np.inf)
"""Candidate strengths of the pull toward the weights in force, in units of one component's variance; infinity is
'no change', which is always allowed."""

PRIOR_COEFFICIENT = 0.03
"""Information coefficient the weights in force are presumed to have: sets the length of the vector shrunk to."""

N_FOLDS = 5
"""Blocks of neighbouring days, each judged by weights fitted to the others."""

_PAIRS = tuple(combinations(range(N_FOLDS), 2))
_PAIR_MASK = {pair: N_FOLDS + 1 + at for at, one in enumerate(_PAIRS) for pair in (one, one[::-1])}
"""Position of the fit without both blocks: after the fits without one block each and the fit to all days."""

_FITS_OF = [[at, *(_PAIR_MASK[at, other] for other in range(N_FOLDS) if other != at)] for at in range(N_FOLDS)]
"""The fits that did not see a block: the one without it alone, then those without it and another."""

_PLACE_OF = [
    {other: 1 + place for place, other in enumerate(o for o in range(N_FOLDS) if o != at)} for at in range(N_FOLDS)
]
"""Per block, the other block to the place of their common fit in `_FITS_OF`."""


@dataclass(frozen=True)
class Suggestion:
    """Suggested weights with the daily coefficients of the same rule out of sample.

    Attributes:
        weights: on the capped simplex, fitted to the whole window.
        shrinkage: strength chosen; infinity is 'no change'.
        coefficients: coefficient per day of weights fitted to other days, purged and embargoed, with a strength chosen
            on other days by weights that were not fitted to this one either (nested cross-validation).
        coefficients_in_force: coefficient per day of the weights shrunk to.
        fold_weights: weights per held-out block, fitted and chosen without it.
        folds: block of each day.
    """

    weights: Vector
    shrinkage: float
    coefficients: Vector
    coefficients_in_force: Vector
    fold_weights: Vector
    folds: NDArray[np.int64]

    @property
    def improvement(self) -> Vector:
        """Out-of-sample difference per day, suggested rule minus weights in force."""
        return self.coefficients - self.coefficients_in_force


class SuggestionRule(Protocol):
    """What turns a window of evidence into suggested weights and their out-of-sample record; pure."""

    def __call__(
        self,
        window: Evidence,
        in_force: Vector,
        *,
        overlap_sessions: int,
        cap: float,
        fixed: NDArray[np.bool_] | None = None,
    ) -> Suggestion:
        """Suggested weights; see `suggest_weights` for the arguments."""


def suggest_weights(
    window: Evidence,
    in_force: Vector,
    *,
    overlap_sessions: int,
    cap: float,
    fixed: NDArray[np.bool_] | None = None,
) -> Suggestion:
    """Ridge regression of return ranks on scores over the cone w >= 0, shrunk toward the weights in force.

    Per strength s it minimises u'Ru - 2 u'r + s |u - q|^2 over u >= 0, where R and r are the mean covariances with
    scores in units of their own standard deviation, and q points along the weights in force with the length they would
    have at a coefficient of `PRIOR_COEFFICIENT`: little evidence stays near q, whatever its sign. The strength with the
    best mean coefficient on held-out blocks of days wins, or the strongest pull that cannot be told from it.

    Args:
        window: cross-sections of one horizon and population, oldest first.
        in_force: weights on the simplex.
        overlap_sessions: sessions a label spans; that many days around a held-out block are not fitted to.
        cap: largest weight.
        fixed: components whose weight must stay (they vary on too few days to be judged).
    """
    size, n_days = len(in_force), len(window)
    fixed = np.zeros(size, dtype=bool) if fixed is None else fixed
    blocks = np.array_split(np.arange(n_days), N_FOLDS)
    folds = np.repeat(np.arange(N_FOLDS), [len(block) for block in blocks])
    training = np.array([_training_days(n_days, block, overlap_sessions) for block in blocks])
    masks = np.vstack(
        [training, np.ones((1, n_days), dtype=bool), *[training[first] & training[second] for first, second in _PAIRS]]
    ).astype(np.float64)
    counts = np.maximum(masks.sum(axis=1), 1.0)
    scores_flat = window.score_covariances.reshape(n_days, -1)
    mean_returns = np.einsum("fd,dk->fk", masks, window.return_covariances) / counts[:, None]
    mean_scores = (np.einsum("fd,dj->fj", masks, scores_flat) / counts[:, None]).reshape(-1, size, size)
    spread = _typical_deviation(window)
    fitted = _fit(mean_scores, mean_returns, in_force, spread=spread, cap=cap, fixed=fixed)  # masks, strengths, k

    tried = [_held_out(window, block, fitted[_FITS_OF[at]]) for at, block in enumerate(blocks)]
    held_out = np.concatenate([coefficients[:, 0] for coefficients in tried])
    chosen = np.empty(N_FOLDS, dtype=np.int64)
    for fold in range(N_FOLDS):
        # The strength that judges a block is chosen on the other blocks, each held out by weights that saw neither it
        # nor the judged block: weights fitted to the judged block would let it have a say.
        without = [coefficients[:, _PLACE_OF[at].get(fold, 0)] for at, coefficients in enumerate(tried)]
        chosen[fold] = _best(np.concatenate(without)[training[fold]], overlap_sessions)
    best = _best(held_out, overlap_sessions)
    return Suggestion(
        weights=fitted[N_FOLDS, best],
        shrinkage=SHRINKAGE_GRID[best],
        coefficients=held_out[np.arange(n_days), chosen[folds]],
        coefficients_in_force=held_out[:, -1],
        fold_weights=fitted[np.arange(N_FOLDS), chosen],
        folds=folds,
    )


def _held_out(window: Evidence, block: NDArray[np.intp], weights: Vector) -> Vector:
    """Coefficient per day of a block for each of these fits and strengths (fits, strengths, components)."""
    candidates = weights.reshape(-1, weights.shape[-1])
    covariance = window.return_covariances[block] @ candidates.T
    outer = (candidates[:, :, None] * candidates[:, None, :]).reshape(len(candidates), -1)
    variance = (window.score_covariances[block].reshape(len(block), -1) @ outer.T).clip(min=0.0)
    return correlation(covariance, variance).reshape(len(block), *weights.shape[:2])


def _best(held_out: Vector, overlap_sessions: int) -> int:
    """Index of the strongest pull whose mean coefficient is within one standard error of the best.

    The standard error is that of the daily difference, with labels that share sessions counted as one. Weights that
    are right are lost by chasing differences that the window cannot tell from nothing.

    Source: Breiman, Friedman, Olshen and Stone 1984 (one-standard-error rule), on paired differences.
    """
    best = int(np.argmax(held_out.sum(axis=0)))
    behind = held_out[:, best, None] - held_out
    mean = behind.mean(axis=0)
    error = np.sqrt(((behind * behind).mean(axis=0) - mean * mean).clip(min=0.0)) * np.sqrt(
        overlap_sessions / len(behind)
    )
    return int(np.flatnonzero(mean <= error).max())


def _training_days(n_days: int, block: NDArray[np.intp], overlap_sessions: int) -> NDArray[np.bool_]:
    """Days whose labels share no session with those of the block, with as many again left out after it (embargo)."""
    kept = np.ones(n_days, dtype=bool)
    if len(block):
        kept[max(block[0] - (overlap_sessions - 1), 0) : block[-1] + 1 + 2 * (overlap_sessions - 1)] = False
    return kept


def _typical_deviation(window: Evidence) -> Vector:
    """Standard deviation of each score on the days it varies; 0 where it never does."""
    variances = np.einsum("dkk->dk", window.score_covariances)
    n_varying = (variances > 0).sum(axis=0)
    spread: Vector = np.sqrt(variances.sum(axis=0) / np.maximum(n_varying, 1))
    return spread


def _fit(
    scores: Vector, returns: Vector, in_force: Vector, *, spread: Vector, cap: float, fixed: NDArray[np.bool_]
) -> Vector:
    """Weights per (fold, strength): shape (folds, strengths, components)."""
    free = ~fixed & (spread > 0)
    shares = in_force[free].sum()
    n_folds, n_strengths, size = len(scores), len(SHRINKAGE_GRID), len(in_force)
    weights = np.broadcast_to(in_force, (n_folds, n_strengths, size)).copy()
    if free.sum() < 2 or shares <= 0:
        return weights
    unit = spread[free]
    correlations = scores[:, free][:, :, free] / np.outer(unit, unit)
    slopes = returns[:, free] / unit
    direction = in_force[free] * unit
    length = np.sqrt(np.einsum("j,fjk,k->f", direction, correlations, direction).clip(min=1e-12))
    prior = PRIOR_COEFFICIENT * direction / length[:, None]
    strengths = np.array(SHRINKAGE_GRID[:-1])
    quadratic = correlations[:, None] + strengths[None, :, None, None] * np.eye(len(unit))
    linear = slopes[:, None] + strengths[None, :, None] * prior[:, None]
    cone = _minimise_on_cone(quadratic.reshape(-1, len(unit), len(unit)), linear.reshape(-1, len(unit)))
    raw = cone.reshape(n_folds, n_strengths - 1, len(unit)) / unit
    totals = raw.sum(axis=-1, keepdims=True)
    found = totals[..., 0] > 0
    relative = np.where(totals > 0, raw / np.where(totals > 0, totals, 1.0), in_force[free] / shares)
    capped = project_capped_simplex(relative, cap=max(cap / shares, 1.0 / len(unit))) * shares
    weights[:, :-1, free] = np.where(found[..., None], capped, in_force[free])
    return weights


def _minimise_on_cone(quadratic: Vector, linear: Vector) -> Vector:
    """Minimise u'Qu - 2 u'b over u >= 0 for a stack of positive definite Q, by block principal pivoting.

    Source: Judice and Pires 1994 (block pivoting); single exchanges of the last violated index guarantee the end of it.
    """
    size = linear.shape[-1]
    identity = np.eye(size, dtype=bool)
    support = np.ones(linear.shape, dtype=bool)
    tolerance = 1e-12 * np.abs(linear).max(initial=1e-300)
    for sweep in range(_MAX_SWEEPS):
        both = support[:, :, None] & support[:, None, :]
        matrices = np.where(both, quadratic, identity)
        solution = np.linalg.solve(matrices, np.where(support, linear, 0.0)[..., None])[..., 0]
        gradient = np.einsum("pij,pj->pi", quadratic, solution) - linear
        wrong = (support & (solution < -tolerance)) | (~support & (gradient < -tolerance))
        if not wrong.any():
            break
        if sweep >= _BLOCK_SWEEPS:
            last = size - 1 - np.argmax(wrong[:, ::-1], axis=1)
            wrong &= np.arange(size) == last[:, None]
        support ^= wrong
    return np.where(support, solution, 0.0).clip(min=0.0)


_BLOCK_SWEEPS = 8
"""Exchanging all violated indices at once is fast but may cycle; after this many only the last one is exchanged."""

_MAX_SWEEPS = 200
"""More than the 2^6 supports of six components; single exchanges visit none twice."""
