"""The model importance is measured on: a ridge regression on ranks, with curvature and every pair of scores.

Belongs here: its terms, fit and predictions. Not here: folds, shuffling.

Terms of each score: its rank, the square of that, whether it was scored at all; of each two scores the product of
ranks. So it sees curved effects, effects of being scored, and interactions of two. Its fits are sums of small matrices
per day, exact and the same on every run; boosted trees of the same data cost seconds and order unseen days no better.

Source: Hoerl and Kennard 1970, Ridge regression.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from amc_learning.learning.importance.panel import Bools, Floats, Panel

PENALTY = 10_000.0
"""In candidates, against terms of variance 1. Orders are all that counts, and they hardly depend on it: from 100 to
100,000 the coefficient on unseen days of the real feed moves by .003, a quarter of its interval."""


DAYS_AT_ONCE = 100
"""Days whose terms are held in memory together: 5,000 candidates a day then take half a gigabyte."""


@dataclass(frozen=True)
class Terms:
    """Moments of the terms about each day's mean: what a fit needs of a day.

    Attributes:
        products: shape (n days, n terms, n terms): sums of products of terms.
        with_returns: shape (n days, n terms): sums of products with the return's rank.
        scores_of: the one or two scores each term is made of.
    """

    products: Floats
    with_returns: Floats
    scores_of: tuple[frozenset[int], ...]


@dataclass(frozen=True)
class Coefficients:
    """Coefficients per day (a day has those of the fold that tests it).

    Attributes:
        pairs: shape (n days, n scores, n scores), symmetric; off the diagonal halves of the products', on it the
            squares'.
        linear: shape (n days, n scores).
        scored: shape (n days, n scores).
    """

    pairs: Floats
    linear: Floats
    scored: Floats

    def predictions(self, scores: Floats, is_scored: Bools) -> Floats:
        """Shape (n days, n places); the level of a day is arbitrary.

        Args:
            scores: shape (n scores, n days, n places), ranks as in `Panel`.
            is_scored: of the same shape.
        """
        found = np.zeros(scores.shape[1:])
        for score, rank in enumerate(scores):
            slope = self.linear[:, score, np.newaxis] + np.einsum("di,idp->dp", self.pairs[:, score], scores)
            found += rank * slope
            # A square stands for its distance from 1, its mean: being scored is a term of its own.
            found += is_scored[score] * (self.scored[:, score] - self.pairs[:, score, score])[:, np.newaxis]
        return found


def terms_of(panel: Panel) -> Terms:
    """The moments of each day of a panel."""
    n_scores, n_days = len(panel.names), len(panel.n_pairs)
    pairs = list(combinations(range(n_scores), 2))
    n_terms = 3 * n_scores + len(pairs)
    products, with_returns = np.empty((n_days, n_terms, n_terms)), np.empty((n_days, n_terms))
    for start in range(0, n_days, DAYS_AT_ONCE):
        days = slice(start, start + DAYS_AT_ONCE)
        design = _centred_design(panel, days, pairs)
        # Not a matrix product: how a BLAS splits one depends on the threads of the day.
        products[days] = np.einsum("idp,jdp->dij", design, design)
        with_returns[days] = np.einsum("idp,dp->di", design, panel.returns[days])
    singles = [frozenset({score}) for score in range(n_scores)]
    return Terms(products, with_returns, (*singles, *singles, *singles, *(frozenset(pair) for pair in pairs)))


def _centred_design(panel: Panel, days: slice, pairs: Sequence[tuple[int, int]]) -> Floats:
    """Every term of some days about its mean of the day, shape (n terms, n days, n places); 0 in empty places."""
    scores, is_scored, n_pairs = panel.scores[:, days], panel.is_scored[:, days], panel.n_pairs[days, np.newaxis]
    design = np.stack(
        [
            *scores,
            *is_scored.astype(np.float64),
            *((scores**2 - 1) * is_scored),
            *(scores[one] * scores[other] for one, other in pairs),
        ]
    )
    is_place = np.arange(panel.returns.shape[1]) < n_pairs
    centred: Floats = np.where(is_place, design - (design.sum(axis=2) / n_pairs[:, 0])[:, :, np.newaxis], 0.0)
    return centred


def fitted(
    terms: Terms,
    folds: Sequence[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]],
    *,
    n_scores: int,
    without: int | None = None,
) -> Coefficients:
    """Coefficients of every tested day, fitted on the training days of its fold.

    Args:
        terms: moments of all days.
        folds: training days and tested days.
        n_scores: scores of the panel.
        without: a score to leave out, with every term it is part of.
    """
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    n_days = len(terms.products)
    used = np.array([place for place, scores in enumerate(terms.scores_of) if without not in scores])
    found = np.zeros((n_days, len(terms.scores_of)))
    with threadpool_limits(limits=1):
        for train, test in folds:
            products = terms.products[train].sum(axis=0)[np.ix_(used, used)]
            with_returns = terms.with_returns[train].sum(axis=0)[used]
            found[np.ix_(test, used)] = np.linalg.solve(products + PENALTY * np.eye(len(used)), with_returns)
    pairs = np.zeros((n_days, n_scores, n_scores))
    one, other = np.triu_indices(n_scores, k=1)
    pairs[:, one, other] = pairs[:, other, one] = found[:, 3 * n_scores :] / 2
    diagonal = np.arange(n_scores)
    pairs[:, diagonal, diagonal] = found[:, 2 * n_scores : 3 * n_scores]
    return Coefficients(pairs, found[:, :n_scores], found[:, n_scores : 2 * n_scores])
