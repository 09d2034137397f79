"""How well scores order the returns of one cross-section: rank correlation and area under the curve, weighted.

Belongs here: ranks and what is computed from ranks, for several scores of one cross-section at once.
Not here: which decisions form a cross-section (cross_sections.py), inference over days (correlation.py).

Every function takes scores as features x decisions; leading axes, where there are any, are cross-sections with equally
many decisions, each computed by itself. Weights are whole numbers, so that ranks are whole numbers and sums of their
products are exact as long as the cube of the total weight stays below 2**53 (208,000 rows of weight 1); beyond that
they are rounded, always in the order of the columns. Nothing depends on threads or on neighbouring days.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

MIN_PAIRS = 5
"""Fewer pairs than this say nothing about a day's ordering; the day is counted, not estimated."""

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Ranks:
    """Doubled ranks over ties, shape of the values; meaningless where the value is NaN.

    `by_count` is twice the average rank minus 1 (so 1, 3, 5, ... without ties). `by_weight` is the weight below a value
    plus the weight up to and including it: the same with every row repeated as often as its weight.
    """

    by_count: Floats
    by_weight: Floats


def doubled_ranks(values: Floats, weights: Floats) -> Ranks:
    """Rank each row of `values` by itself, NaN last.

    Args:
        values: features x decisions, NaN where unknown.
        weights: one whole number >= 0 per decision; broadcast against `values`.

    Source: mid-ranks, Spearman 1904; weighted as in Bailey and Emad, wCorr methodology.

    >>> doubled_ranks(np.array([[3.0, 1.0, 3.0]]), np.array([1.0, 2.0, 1.0])).by_weight
    array([[6., 2., 6.]])
    """
    n = values.shape[-1]
    rows = values.reshape(math.prod(values.shape[:-1]), n)
    row_starts = np.arange(len(rows)) * n
    flat = (np.argsort(rows, axis=1) + row_starts[:, np.newaxis]).ravel()
    ordered = rows.ravel()[flat].reshape(rows.shape)
    is_first = np.ones(rows.shape, dtype=bool)
    np.not_equal(ordered[:, 1:], ordered[:, :-1], out=is_first[:, 1:])
    first = np.flatnonzero(is_first)
    n_tied = np.diff(first, append=rows.size)
    by_count: Floats = np.empty(rows.size)
    # Positions count through all rows; what lies before a row counts twice in first plus past last.
    doubled = np.repeat(2 * first + n_tied, n_tied).reshape(rows.shape) - 2 * row_starts[:, np.newaxis]
    by_count[flat] = doubled.ravel()
    by_count = by_count.reshape(values.shape)
    if (weights == 1).all():
        return Ranks(by_count, by_count)
    below = np.zeros((len(rows), n + 1))
    every_weight = np.broadcast_to(weights, values.shape).ravel()
    np.cumsum(every_weight[flat].reshape(rows.shape), axis=1, out=below[:, 1:])
    # A row of `below` is one longer than a row of values.
    first_below = first + np.repeat(np.arange(len(rows)), is_first.sum(axis=1))
    by_weight = np.empty(rows.size)
    by_weight[flat] = np.repeat(below.ravel()[first_below] + below.ravel()[first_below + n_tied], n_tied)
    return Ranks(by_count, by_weight.reshape(values.shape))


@dataclass(frozen=True)
class RankedPairs:
    """The pairs (score and return both known) of cross-sections, ranked per feature.

    `scores` and `returns` hold ranks centred at 0, doubled and weighted, and 0 outside the pairs. `known_return_ranks`
    are the doubled weighted ranks of all known returns, whatever the scores. They and `weights` have an axis of length
    1 in the place of the features.
    """

    is_pair: Bools
    weights: Floats
    total_weights: Floats
    score_ranks: Ranks
    scores: Floats
    returns: Floats
    known_return_ranks: Floats

    @property
    def n_pairs(self) -> npt.NDArray[np.int64]:
        """Pairs per feature."""
        counts: npt.NDArray[np.int64] = self.is_pair.sum(axis=-1)
        return counts


def ranked_pairs(scores: Floats, returns: Floats, weights: Floats) -> RankedPairs:
    """Rank scores and returns over the pairs of each feature.

    Args:
        scores: features x decisions, NaN where not scored.
        returns: one per decision, NaN where unknown. With leading axes that scores and weights lack they are returns of
            the same decisions at several horizons; scores are ranked once if all horizons know the same decisions.
        weights: one whole number >= 1 per decision.
    """
    returns, weights = returns[..., np.newaxis, :], weights[..., np.newaxis, :]
    is_known = ~np.isnan(returns)
    is_pair = is_known & ~np.isnan(scores)
    total = (is_pair * weights).sum(axis=-1)
    if scores.ndim < is_pair.ndim and weights.ndim == 2 and (is_pair == is_pair[:1]).all():
        once = doubled_ranks(np.where(is_pair[0], scores, np.nan), weights)
        score_ranks = Ranks(*(np.broadcast_to(side, is_pair.shape) for side in (once.by_count, once.by_weight)))
    else:
        score_ranks = doubled_ranks(np.where(is_pair, scores, np.nan), weights)
    # Returns are ranked once for all features whose score is known wherever the return is.
    known_return_ranks = return_ranks = doubled_ranks(returns, weights).by_weight
    is_apart = (is_pair != is_known).any(axis=-1)
    if is_apart.any():
        return_ranks = np.broadcast_to(return_ranks, is_pair.shape).copy()
        weights_apart = np.broadcast_to(weights, is_pair.shape)[is_apart]
        returns_apart = np.where(is_pair, returns, np.nan)[is_apart]
        return_ranks[is_apart] = doubled_ranks(returns_apart, weights_apart).by_weight
    # The weighted mean of doubled weighted ranks is the total weight, whatever the ties.
    middle = total[..., np.newaxis]
    return RankedPairs(
        is_pair=is_pair,
        weights=weights,
        total_weights=total,
        score_ranks=score_ranks,
        scores=np.where(is_pair, score_ranks.by_weight - middle, 0.0),
        returns=np.where(is_pair, return_ranks - middle, 0.0),
        known_return_ranks=known_return_ranks,
    )


def information_coefficients(pairs: RankedPairs) -> Floats:
    """Weighted Spearman correlation of each score with the return; NaN under `MIN_PAIRS` pairs or for a constant side.

    Source: Grinold and Kahn, Active Portfolio Management, 2nd ed., ch. 6 (IC); Spearman 1904 (rank form).

    >>> scores, returns = np.array([[10.0, 20, 30, 40, 50]]), np.array([-0.02, 0.0, 0.01, 0.03, 0.02])
    >>> information_coefficients(ranked_pairs(scores, returns, np.ones(5))).round(3)
    array([0.9])
    """
    weighted = pairs.weights * pairs.scores
    covariance = (weighted * pairs.returns).sum(axis=-1)
    spread = (weighted * pairs.scores).sum(axis=-1) * (pairs.weights * pairs.returns * pairs.returns).sum(axis=-1)
    is_estimated = (pairs.n_pairs >= MIN_PAIRS) & (spread > 0)
    estimate = covariance / np.sqrt(np.where(is_estimated, spread, 1.0))
    return np.where(is_estimated, np.clip(estimate, -1.0, 1.0), np.nan)


def areas_under_curve(pairs: RankedPairs, is_winner: Bools) -> Floats:
    """Probability that a winner outscores a non-winner, ties counted half; NaN when there is none of either.

    Args:
        pairs: ranked pairs.
        is_winner: one per decision; read only inside the pairs.

    Source: Mann and Whitney 1947; Hanley and McNeil 1982.

    >>> pairs = ranked_pairs(np.array([[1.0, 2, 2, 3]]), np.zeros(4), np.ones(4))
    >>> areas_under_curve(pairs, np.array([False, False, True, True]))
    array([0.875])
    """
    winners = np.where(pairs.is_pair & is_winner[..., np.newaxis, :], pairs.weights, 0.0)
    weight = winners.sum(axis=-1)
    others = pairs.total_weights - weight
    is_estimated = (weight > 0) & (others > 0)
    # Winners' ranks count the winners below them too: weight squared of the doubled sum.
    outscored = (winners * (pairs.scores + pairs.total_weights[..., np.newaxis])).sum(axis=-1) - weight * weight
    return np.where(is_estimated, outscored / np.where(is_estimated, 2 * weight * others, 1.0), np.nan)
