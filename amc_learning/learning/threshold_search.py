"""The search for one score threshold: choose on some days, judge on others, resample days for its interval.

Belongs here: arrays of counts and excess returns above each score in, thresholds and held-out lifts out.
Not here: windows, tables and sentences (thresholds.py), the inference for one daily series (inference.py).
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from amc_learning.learning.inference import FloatArray, MeanInferences, mean_inferences
from amc_learning.learning.windows import IntArray

MIN_BLOCKS = 4
"""Fewer contiguous blocks of days leave too little to choose from once one is held out and its neighbours purged."""

MAX_BLOCKS = 5
"""Held-out blocks whose thresholds were chosen on nearly the same days err together, unseen by any interval over days:
on noise ten blocks let 7-9 % pass for found, five 4-6 %. Fewer would leave too few days to choose on."""

OVERLAPS_PER_BLOCK = 2
"""A block spans at least two label lengths, so that sums of different blocks are nearly independent."""

THRESHOLD_INTERVAL = (0.05, 0.95)
"""The threshold's interval over resampled days covers 90 %."""

NO_THRESHOLD = -1


@dataclass(frozen=True)
class ThresholdRules:
    """What a threshold must satisfy to be looked for and believed.

    Attributes:
        min_coverage: least share of pairs on either side of a threshold.
        min_days: fewest cross-sections with scores that differ.
        choice_confidence: one-sided confidence of the lower bound that the choice maximises. Measured: with a step at
            60 or 80 points, 0.99 finds it within 5 points as often as 0.95 or more often (docs/methods.md).
        confidence: two-sided confidence of the interval of the lift; found means that it lies above zero.
        n_resamples: draws of blocks of days behind the threshold's own interval.
    """

    min_coverage: float = 0.05
    min_days: int = 20
    choice_confidence: float = 0.99
    confidence: float = 0.95
    n_resamples: int = 200


@dataclass(frozen=True)
class ThresholdSearch:
    """What the search found, one entry per series.

    Attributes:
        n_days: days with scores that differ.
        threshold: score bin chosen on all days, or `NO_THRESHOLD` where none could be judged.
        lift: mean excess return at or above the thresholds chosen on other days, in the unit of the sums.
        is_found: the interval of the lift lies above zero.
        ci_low: lower end of the threshold's interval; `NO_THRESHOLD` unless found.
        ci_high: upper end of the threshold's interval.
    """

    n_days: IntArray
    threshold: IntArray
    lift: MeanInferences
    is_found: npt.NDArray[np.bool_]
    ci_low: IntArray
    ci_high: IntArray


@dataclass(frozen=True)
class _Moments:
    """Sums over blocks of counts n and sums s above each threshold, and of their products; bins last."""

    n: FloatArray
    s: FloatArray
    ss: FloatArray
    sn: FloatArray
    nn: FloatArray


def block_edges(n_days: int, *, overlap_sessions: int) -> IntArray:
    """Edges of the contiguous blocks that a window is cut into; empty when the window is too short.

    >>> block_edges(62, overlap_sessions=5).tolist()
    [0, 12, 24, 37, 49, 62]
    >>> block_edges(62, overlap_sessions=21).tolist()
    []
    """
    n_blocks = min(n_days // (OVERLAPS_PER_BLOCK * overlap_sessions), MAX_BLOCKS)
    if n_blocks < MIN_BLOCKS:
        return np.zeros(0, dtype=np.int64)
    return np.arange(n_blocks + 1, dtype=np.int64) * n_days // n_blocks


def days_needed(*, overlap_sessions: int, rules: ThresholdRules) -> int:
    """Days with scores that differ that a search takes at least.

    >>> [days_needed(overlap_sessions=sessions, rules=ThresholdRules()) for sessions in (1, 5, 21)]
    [20, 40, 168]
    """
    return max(rules.min_days, MIN_BLOCKS * OVERLAPS_PER_BLOCK * overlap_sessions)


def search_thresholds(
    above_n: IntArray, above_sum: IntArray, *, overlap_sessions: int, rules: ThresholdRules
) -> ThresholdSearch:
    """One threshold per series, chosen by a lower bound and judged on days that did not choose it.

    Args:
        above_n: shape (n days, n series, n bins), pairs at or above each bin; zero throughout on days without evidence.
        above_sum: same shape, their summed excess over the mean of the day.
        overlap_sessions: sessions a label spans.
        rules: bounds of the search.

    Returns:
        See `ThresholdSearch`. Series with fewer than `days_needed` days, or scores that cannot be cut so that the
        coverage holds on both sides, have no threshold and no lift.
    """
    n_days = (above_n[:, :, 0] > 0).sum(axis=0)
    edges = block_edges(len(above_n), overlap_sessions=overlap_sessions)
    if not edges.size:
        return _nothing(n_days, overlap_sessions=overlap_sessions)
    block_n, block_s = (_training_sums(sums, edges, purge=overlap_sessions - 1) for sums in (above_n, above_sum))
    n_blocks = len(edges) - 1
    chosen = _choose(_moments(block_n, block_s), n_blocks=n_blocks, rules=rules)
    chosen[:, n_days < days_needed(overlap_sessions=overlap_sessions, rules=rules)] = NO_THRESHOLD
    lift = _held_out_lift(above_n, above_sum, chosen[:-1], edges, overlap_sessions=overlap_sessions, rules=rules)
    is_judged = np.isfinite(lift.ci_low) & (chosen[-1] != NO_THRESHOLD)
    is_found = is_judged & (lift.ci_low > 0)
    low, high = (np.full(len(n_days), NO_THRESHOLD, dtype=np.int64) for _ in range(2))
    for series in np.flatnonzero(is_found):
        low[series], high[series] = _resampled_interval(block_n[-1, :, series], block_s[-1, :, series], rules=rules)
    return ThresholdSearch(
        n_days=n_days,
        threshold=np.where(is_judged, chosen[-1], NO_THRESHOLD),
        lift=lift,
        is_found=is_found,
        ci_low=low,
        ci_high=high,
    )


def _nothing(n_days: IntArray, *, overlap_sessions: int) -> ThresholdSearch:
    none = np.full(len(n_days), NO_THRESHOLD, dtype=np.int64)
    return ThresholdSearch(
        n_days=n_days,
        threshold=none,
        lift=mean_inferences(np.zeros((0, len(n_days))), overlap_sessions=overlap_sessions),
        is_found=none > 0,
        ci_low=none,
        ci_high=none,
    )


def _training_sums(daily: IntArray, edges: IntArray, *, purge: int) -> FloatArray:
    """Sums of each block as each fold may see them: shape (n blocks + 1, n blocks, n series, n bins).

    Fold k holds block k out and drops the `purge` days on either side of it; the last fold sees everything.
    """
    n_blocks = len(edges) - 1

    def sums(first: IntArray, end: IntArray) -> IntArray:
        # Every segment has days in it: a block is at least twice as long as a label, the purge shorter than one.
        return np.add.reduceat(daily, np.stack([first, end - 1], axis=1).ravel(), axis=0)[::2] + daily[end - 1]

    whole = sums(edges[:-1], edges[1:])
    seen = np.broadcast_to(whole, (n_blocks + 1, *whole.shape)).astype(np.float64)
    held_out = np.arange(n_blocks)
    seen[held_out, held_out] = 0
    seen[held_out[1:], held_out[:-1]] = sums(edges[:-1], edges[1:] - purge)[:-1]
    seen[held_out[:-1], held_out[1:]] = sums(edges[:-1] + purge, edges[1:])[1:]
    return seen


def _moments(block_n: FloatArray, block_s: FloatArray) -> _Moments:
    """Sums over the blocks, second axis, of counts, sums and their products."""
    return _Moments(
        n=block_n.sum(axis=1),
        s=block_s.sum(axis=1),
        ss=(block_s * block_s).sum(axis=1),
        sn=(block_s * block_n).sum(axis=1),
        nn=(block_n * block_n).sum(axis=1),
    )


def _choose(moments: _Moments, *, n_blocks: int, rules: ThresholdRules) -> IntArray:
    """The bin with the highest lower bound of the lift over the names below it; `NO_THRESHOLD` where none can be cut.

    The lift over those below is the lift over the day's mean divided by the share below. Its variance above any
    threshold is 1/n above - 1/n times one number per series, averaged over the thresholds from sums of blocks: five
    blocks know one variance, not a hundred, and a bound that wobbles with each would choose by the wobble. Of bins that
    cut alike the highest is taken: the lowest score that was seen to pay.
    """
    from scipy.special import stdtrit  # noqa: PLC0415  (slow to import; only those who infer pay for it)

    total = np.maximum(moments.n[..., :1], 1)
    count = np.maximum(moments.n, 1)
    share_below = 1 - moments.n / total
    is_eligible = (share_below >= rules.min_coverage) & (1 - share_below >= rules.min_coverage)
    mean = moments.s / count
    squares = np.maximum(moments.ss - 2 * mean * moments.sn + mean * mean * moments.nn, 0.0) / (count * count)
    shape = np.where(is_eligible, share_below / count, 1.0)
    n_eligible = np.maximum(is_eligible.sum(axis=-1, keepdims=True), 1)
    per_pair = np.where(is_eligible, squares / shape, 0.0).sum(axis=-1, keepdims=True) / n_eligible
    quantile = float(stdtrit(n_blocks - 1, rules.choice_confidence)) * np.sqrt(n_blocks / (n_blocks - 1))
    bound = (mean - quantile * np.sqrt(per_pair * shape)) / np.where(is_eligible, share_below, 1.0)
    bound = np.where(is_eligible, bound, -np.inf)
    last = bound.shape[-1] - 1 - np.argmax(bound[..., ::-1], axis=-1)
    return np.where(is_eligible.any(axis=-1), last, NO_THRESHOLD)


def _held_out_lift(
    above_n: IntArray,
    above_sum: IntArray,
    chosen: IntArray,
    edges: IntArray,
    *,
    overlap_sessions: int,
    rules: ThresholdRules,
) -> MeanInferences:
    """Mean excess above the threshold that the other blocks chose: a ratio of sums, linearised day by day."""
    fold_of_day = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
    threshold = chosen[fold_of_day]
    day, series = np.ogrid[: above_n.shape[0], : above_n.shape[1]]
    count = above_n[day, series, threshold].astype(np.float64)
    excess = above_sum[day, series, threshold].astype(np.float64)
    is_usable = (above_n[:, :, 0] > 0) & (threshold != NO_THRESHOLD)
    count, excess = np.where(is_usable, count, 0.0), np.where(is_usable, excess, 0.0)
    total = count.sum(axis=0)
    lift = excess.sum(axis=0) / np.where(total > 0, total, np.nan)
    pairs_per_day = total / np.maximum(is_usable.sum(axis=0), 1)
    influence = lift + (excess - lift * count) / np.where(total > 0, pairs_per_day, np.nan)
    values = np.where(is_usable, influence, np.nan)
    return mean_inferences(values, overlap_sessions=overlap_sessions, confidence=rules.confidence)


@lru_cache(maxsize=32)
def _block_draws(n_blocks: int, n_resamples: int) -> FloatArray:
    """How often each block is drawn in each resample; the same draws every night, so that a night repeats itself."""
    generator = np.random.default_rng([n_blocks, n_resamples])
    return generator.multinomial(n_blocks, np.full(n_blocks, 1 / n_blocks), size=n_resamples).astype(np.float64)


def _resampled_interval(block_n: FloatArray, block_s: FloatArray, *, rules: ThresholdRules) -> tuple[int, int]:
    """Quantiles of the thresholds chosen on resampled blocks of days; inputs have shape (n blocks, n bins)."""
    draws = _block_draws(len(block_n), rules.n_resamples)
    moments = _Moments(
        n=draws @ block_n,
        s=draws @ block_s,
        ss=draws @ (block_s * block_s),
        sn=draws @ (block_s * block_n),
        nn=draws @ (block_n * block_n),
    )
    chosen = _choose(moments, n_blocks=len(block_n), rules=rules)
    low, high = np.quantile(chosen[chosen != NO_THRESHOLD], THRESHOLD_INTERVAL, method="inverted_cdf")
    return int(low), int(high)
