"""How many failures a pattern would have by chance, days being what they are.

Belongs here: blocks of days, the distribution of a pattern's failures when labels are exchangeable within blocks, and
drawing such labels. Not here: which patterns there are (search.py), what is concluded (patterns.py).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from amc_learning.learning.inference import FloatArray
from amc_learning.learning.windows import IntArray

LEAST_VARIANCE = 0.5
"""Below this a pattern has next to no contrast within blocks: each is nearly all inside it, all outside, or all of one
label. Its count is then a coin that rarely falls, which no smooth statistic describes; it is watched, not tested."""

LEAST_SKEWNESS = 1e-3
"""Below this the skewness correction is lost in rounding and the statistic is the standardised count."""


def block_starts(days: IntArray, *, min_cases: int) -> IntArray:
    """Where each block begins when days are joined with their neighbours until a block has `min_cases`.

    Outcomes of one day move together, so labels may only be exchanged within days; but a day of few cases has little
    to exchange, and neighbouring days share most of what moves them. Joined from the newest day backward; what is left
    over at the old end joins the oldest block.

    Args:
        days: day of each case, ascending.
        min_cases: cases per block at least.

    Returns:
        First index of each block, ascending; empty without cases.

    >>> block_starts(np.array([1, 1, 2, 3, 3, 3]), min_cases=3).tolist()
    [0, 3]
    """
    firsts = np.flatnonzero(np.diff(days, prepend=days[0] - 1)) if len(days) else np.empty(0, np.int64)
    starts: list[int] = []
    end = len(days)
    for first in firsts[::-1].tolist():
        if end - first >= min_cases:
            starts.append(first)
            end = first
    if end and starts:
        starts[-1] = 0
    elif len(days) and not starts:
        starts = [0]
    return np.array(starts[::-1], np.int64)


def day_effect(days: IntArray, failed: NDArray[np.float32], strata: IntArray | None = None) -> float:
    """How far the spread of daily failure rates exceeds that of independent cases, in standard errors.

    Depends on the failures per day and stratum only, so that exchanging labels within these cannot change it. A day
    that is bad for buying is good for selling: of both together nothing would be seen.

    Args:
        days: day of each case, ascending.
        failed: 1 for a failure, else 0.
        strata: stratum of each case; the spread is that within each. None: a single one.

    Returns:
        Pearson's dispersion statistic, standardised by its mean and deviation given the total; 0 where nothing varies.

    >>> day_effect(np.array([1, 1, 1, 2, 2, 2]), np.array([1, 1, 1, 0, 0, 0], np.float32)) > 2
    True
    """
    strata = np.zeros(len(days), np.int64) if strata is None else strata
    excess = variance = 0.0
    for stratum in np.unique(strata):
        is_here = strata == stratum
        beyond, spread = _daily_spread(days[is_here], failed[is_here])
        excess, variance = excess + beyond, variance + spread
    return float(excess / np.sqrt(variance)) if variance > 0 else 0.0


def _daily_spread(days: IntArray, failed: NDArray[np.float32]) -> tuple[float, float]:
    """Pearson's dispersion beyond its mean given the total, and its variance; zeros where nothing varies."""
    starts = np.flatnonzero(np.diff(days, prepend=days[0] - 1)) if len(days) else np.empty(0, np.int64)
    n_cases, n_failed = len(days), float(failed.sum())
    if len(starts) < 2 or n_failed in (0, n_cases):
        return 0.0, 0.0
    sizes = np.diff(starts, append=n_cases).astype(float)
    sums = np.add.reduceat(failed, starts).astype(float)
    rate = n_failed / n_cases
    dispersion = float((((sums - sizes * rate) ** 2) / sizes).sum() / (rate * (1 - rate)))
    expected = n_cases / (n_cases - 1) * (len(starts) - 1)
    # A day of one case always contributes its mean: only pairs within a day carry information.
    return dispersion - expected, 2 * float((1 - 1 / sizes).sum())


@dataclass(frozen=True)
class Moments:
    """Mean, variance and third central moment of a pattern's failures; one entry per pattern."""

    mean: FloatArray
    variance: FloatArray
    third: FloatArray


def count_moments(n_cases: FloatArray, n_block: FloatArray, n_failures: FloatArray) -> Moments:
    """Moments of the failures that fall on each pattern when each block's labels are shuffled.

    Within a block the count is hypergeometric, blocks are independent, so the moments add up exactly.

    Args:
        n_cases: cases of each pattern per block, shape (blocks, patterns).
        n_block: all cases per block.
        n_failures: failures per block.

    Returns:
        Moments per pattern.

    Source: Johnson, Kemp and Kotz, Univariate Discrete Distributions, 3rd ed., 6.3 (moments of the hypergeometric).

    >>> count_moments(np.array([[2.0]]), np.array([4.0]), np.array([2.0])).variance.round(4).tolist()
    [0.3333]
    """
    size, failing = n_block[:, None], n_failures[:, None]
    mean = n_cases * (failing / size)
    variance = mean * ((size - failing) / (size * np.maximum(size - 1, 1))) * (size - n_cases)
    skewing = (size - 2 * failing) / (size * np.maximum(size - 2, 1))
    third = variance * skewing * (size - 2 * n_cases)
    return Moments(mean.sum(axis=0), variance.sum(axis=0), third.sum(axis=0))


@dataclass(frozen=True)
class Scorer:
    """Turns counts of failures into a statistic that is close to standard normal for every pattern alike.

    Standardised with a continuity correction of half a count, then Wilson and Hilferty's cube root for a gamma
    distribution of the same skewness: without it small patterns, whose counts are skewed, would set the bar for all.
    """

    mean: FloatArray
    deviation: FloatArray
    skewness: FloatArray

    @classmethod
    def of(cls, moments: Moments) -> "Scorer":
        """The scorer of patterns with these moments; each must have variance."""
        deviation = np.sqrt(moments.variance)
        skewness = moments.third / moments.variance / deviation
        return cls(moments.mean, deviation, np.where(np.abs(skewness) < LEAST_SKEWNESS, LEAST_SKEWNESS, skewness))

    def __call__(self, counts: NDArray[np.floating]) -> FloatArray:
        """Statistic of counts with patterns along the first axis.

        Source: Wilson and Hilferty, PNAS 17 (1931) 684.
        """
        shape = (-1,) + (1,) * (counts.ndim - 1)
        mean, deviation, skewness = (a.reshape(shape) for a in (self.mean, self.deviation, self.skewness))
        scaled = 1 + (counts - 0.5 - mean) * (skewness / deviation / 2)
        statistic: FloatArray = (np.cbrt(scaled) - 1) * (6 / skewness) + skewness / 6
        return statistic


def shuffled_labels(
    labels: NDArray[np.float32], blocks: IntArray, *, n_draws: int, generator: np.random.Generator
) -> NDArray[np.float32]:
    """Labels shuffled within blocks, shape (cases, draws).

    Args:
        labels: 1 for a failure, else 0.
        blocks: block number of each case, ascending from 0.
        n_draws: how many shuffles.
        generator: source of chance.
    """
    order = np.argsort(generator.random((n_draws, len(labels)), dtype=np.float32) + blocks.astype(np.float32), axis=1)
    return np.ascontiguousarray(labels[order].T)


def exact_tail(n_cases: IntArray, n_block: IntArray, n_failures: IntArray, *, count: int) -> float:
    """Probability that a pattern has `count` failures or more when each block's labels are shuffled.

    The convolution of the blocks' hypergeometric distributions, so exact to rounding at any depth of the tail.

    Args:
        n_cases: cases of the pattern per block.
        n_block: all cases per block.
        n_failures: failures per block.
        count: failures observed.

    >>> round(exact_tail(np.array([2]), np.array([4]), np.array([2]), count=2), 4)
    0.1667
    """
    from scipy.special import gammaln  # noqa: PLC0415  imported where needed: it is slow to import

    total = np.ones(1)
    for inside, size, failing in zip(n_cases.tolist(), n_block.tolist(), n_failures.tolist(), strict=True):
        if not inside:
            continue
        k = np.arange(min(inside, failing) + 1)
        possible = failing - k <= size - inside
        k = k[possible]
        logarithm = (
            _log_choose(gammaln, failing, k)
            + _log_choose(gammaln, size - failing, inside - k)
            - _log_choose(gammaln, size, np.array(inside))
        )
        probabilities = np.zeros(min(inside, failing) + 1)
        probabilities[k] = np.exp(logarithm)
        total = np.convolve(total, probabilities)
    return float(min(total[count:].sum(), 1.0))


def _log_choose(gammaln: np.ufunc, n: int, k: IntArray) -> FloatArray:
    chosen: FloatArray = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return chosen
