"""Cutting ranked scores into quantiles: what each part of a cross-section returned, and how much of it changes hands.

Belongs here: quantiles of one day, their mean returns, and turnover from day to day. Not here: ranks
(information_coefficient.py), the mergeable sums of a night (daily_statistics.py), inference over days (inference.py).
"""

import math

import numpy as np
import numpy.typing as npt

from amc_learning.learning.information_coefficient import RankedPairs

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def score_quantiles(pairs: RankedPairs, n_quantiles: int) -> Integers:
    """The quantile of each pair's score, 1 for the lowest; 0 outside the pairs.

    With average rank k among n pairs it is max(1, ceil(n_quantiles (k - 1) / (n - 1))): equal scores share one, so a
    constant score fills a middle quantile only. One pair alone lies in the lowest. Without ties these are the
    quantiles of `pandas.qcut`.

    Args:
        pairs: ranked pairs; leading axes are cross-sections.
        n_quantiles: how many, at least 1.

    >>> from amc_learning.learning.information_coefficient import ranked_pairs
    >>> pairs = ranked_pairs(np.array([[3.0, 9, 5, np.nan, 1]]), np.zeros(5), np.ones(5))
    >>> score_quantiles(pairs, 2)
    array([[1, 2, 2, 0, 1]])
    """
    # The doubled rank is 2 k - 1. A quotient that is no whole number is further from one than rounding reaches.
    steps = 2 * np.maximum(pairs.n_pairs - 1, 1)[..., np.newaxis]
    doubled = np.where(pairs.is_pair, pairs.score_ranks.by_count, 0.0)
    cut = np.clip(np.ceil(n_quantiles * (doubled - 1) / steps), 1, n_quantiles)
    quantiles: Integers = np.where(pairs.is_pair, cut, 0).astype(np.int64)
    return quantiles


def quantile_mean_returns(quantiles: Integers, returns: Floats, n_quantiles: int) -> Floats:
    """Mean return of the decisions of each quantile, all weighing alike.

    Args:
        quantiles: features x decisions as from `score_quantiles`, after any leading axes.
        returns: one per decision; read only inside the pairs.
        n_quantiles: how many there are.

    Returns:
        Features x quantiles, after the leading axes; NaN for a quantile without decisions.

    >>> quantile_mean_returns(np.array([[1, 2, 2, 0]]), np.array([-0.01, 0.02, 0.04, 0.9]), 3)
    array([[-0.01, 0.03, nan]])
    """
    leading = quantiles.shape[:-1]
    n_rows = math.prod(leading)
    # Quantile 0 collects what is no pair, and is dropped.
    cells = (quantiles.reshape(n_rows, -1) + np.arange(n_rows)[:, np.newaxis] * (n_quantiles + 1)).ravel()
    known = np.where(np.isnan(returns), 0.0, returns)[..., np.newaxis, :]
    weights = np.broadcast_to(known, quantiles.shape).ravel()
    shape = (*leading, n_quantiles + 1)
    counts = np.bincount(cells, minlength=math.prod(shape)).reshape(shape)[..., 1:]
    sums = np.bincount(cells, weights=weights, minlength=math.prod(shape)).reshape(shape)[..., 1:]
    means: Floats = sums / np.where(counts > 0, counts, np.nan)
    return means


def quantile_turnover(quantiles: npt.NDArray[np.integer], quantile: int, *, lag: int) -> Floats:
    """Share of a quantile's symbols that were not in it `lag` days before: what trading it would have to replace.

    Args:
        quantiles: days x symbols, in order of time; 0 where a symbol is in none.
        quantile: the one looked at.
        lag: days back, at least 1; days on which the quantile is empty are not counted.

    Returns:
        One share per day; NaN while there is no day to compare with, and on days on which the quantile is empty.

    Source: Grinold and Kahn, Active Portfolio Management, 2nd ed., ch. 16 (turnover).

    >>> quantile_turnover(np.array([[1, 1, 2, 2], [1, 2, 1, 2], [0, 0, 0, 0], [2, 1, 2, 1]]), 1, lag=1)
    array([nan, 0.5, nan, 1. ])
    """
    is_member = quantiles == quantile
    n_members = is_member.sum(axis=1)
    days = np.flatnonzero(n_members)
    turnover = np.full(len(quantiles), np.nan)
    n_stayed = (is_member[days[lag:]] & is_member[days[:-lag]]).sum(axis=1)
    turnover[days[lag:]] = 1 - n_stayed / n_members[days[lag:]]
    return turnover
