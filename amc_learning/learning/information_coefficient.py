"""How well scores order the returns of one cross-section: rank correlation and area under the curve, weighted.

Belongs here: ranks and what is computed from ranks, for several scores of one cross-section at once.
Not here: which decisions form a cross-section (cross_sections.py), inference over days (correlation.py).

Every function takes scores as features x decisions. Weights are whole numbers, so that ranks are whole numbers and sums
of their products are exact as long as the cube of the total weight stays below 2**53 (208,000 rows of weight 1); beyond
that they are rounded, always in the order of the columns. Nothing depends on threads or on neighbouring days.
"""

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
        weights: one whole number >= 0 per decision.

    Source: mid-ranks, Spearman 1904; weighted as in Bailey and Emad, wCorr methodology.

    >>> doubled_ranks(np.array([[3.0, 1.0, 3.0]]), np.array([1.0, 2.0, 1.0])).by_weight
    array([[6., 2., 6.]])
    """
    n_features, n = values.shape
    row_starts = np.arange(n_features)[:, np.newaxis] * n
    flat = np.argsort(values, axis=1) + row_starts
    ordered = values.ravel()[flat]
    is_first = np.ones((n_features, n + 1), dtype=bool)
    is_first[:, 1:-1] = ordered[:, 1:] != ordered[:, :-1]
    positions = np.arange(n)
    first = np.maximum.accumulate(np.where(is_first[:, :-1], positions, 0), axis=1)
    past_last = np.minimum.accumulate(np.where(is_first[:, 1:], positions + 1, n)[:, ::-1], axis=1)[:, ::-1]
    below = np.zeros((n_features, n + 1))
    np.cumsum(weights[flat - row_starts], axis=1, out=below[:, 1:])
    by_count, by_weight = np.empty(n_features * n), np.empty(n_features * n)
    by_count[flat] = first + past_last
    offsets = np.arange(n_features)[:, np.newaxis] * (n + 1)
    below_flat = below.ravel()
    by_weight[flat] = below_flat[first + offsets] + below_flat[past_last + offsets]
    return Ranks(by_count.reshape(values.shape), by_weight.reshape(values.shape))


@dataclass(frozen=True)
class RankedPairs:
    """The pairs (score and return both known) of one cross-section, ranked per feature.

    `scores` and `returns` hold ranks centred at 0, doubled and weighted, and 0 outside the pairs.
    """

    is_pair: Bools
    weights: Floats
    total_weights: Floats
    score_ranks: Ranks
    scores: Floats
    returns: Floats

    @property
    def n_pairs(self) -> npt.NDArray[np.int64]:
        """Pairs per feature."""
        counts: npt.NDArray[np.int64] = self.is_pair.sum(axis=1)
        return counts


def ranked_pairs(scores: Floats, returns: Floats, weights: Floats) -> RankedPairs:
    """Rank scores and returns over the pairs of each feature.

    Args:
        scores: features x decisions, NaN where not scored.
        returns: one per decision, NaN where unknown.
        weights: one whole number >= 1 per decision.
    """
    n_features = len(scores)
    is_pair = ~(np.isnan(scores) | np.isnan(returns))
    both = np.where(np.tile(is_pair, (2, 1)), np.concatenate([scores, np.broadcast_to(returns, scores.shape)]), np.nan)
    ranks = doubled_ranks(both, weights)
    total = (is_pair * weights).sum(axis=1)
    # The weighted mean of doubled weighted ranks is the total weight, whatever the ties.
    centred = np.where(np.isnan(both), 0.0, ranks.by_weight - np.tile(total, 2)[:, np.newaxis])
    score_ranks = Ranks(ranks.by_count[:n_features], ranks.by_weight[:n_features])
    return RankedPairs(is_pair, weights, total, score_ranks, centred[:n_features], centred[n_features:])


def information_coefficients(pairs: RankedPairs) -> Floats:
    """Weighted Spearman correlation of each score with the return; NaN under `MIN_PAIRS` pairs or for a constant side.

    Source: Grinold and Kahn, Active Portfolio Management, 2nd ed., ch. 6 (IC); Spearman 1904 (rank form).

    >>> scores, returns = np.array([[10.0, 20, 30, 40, 50]]), np.array([-0.02, 0.0, 0.01, 0.03, 0.02])
    >>> information_coefficients(ranked_pairs(scores, returns, np.ones(5))).round(3)
    array([0.9])
    """
    weighted = pairs.weights * pairs.scores
    covariance = (weighted * pairs.returns).sum(axis=1)
    spread = (weighted * pairs.scores).sum(axis=1) * (pairs.weights * pairs.returns * pairs.returns).sum(axis=1)
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
    winners = np.where(pairs.is_pair & is_winner, pairs.weights, 0.0)
    weight = winners.sum(axis=1)
    others = pairs.total_weights - weight
    is_estimated = (weight > 0) & (others > 0)
    # Winners' ranks count the winners below them too: weight squared of the doubled sum.
    outscored = (winners * (pairs.scores + pairs.total_weights[:, np.newaxis])).sum(axis=1) - weight * weight
    return np.where(is_estimated, outscored / np.where(is_estimated, 2 * weight * others, 1.0), np.nan)
