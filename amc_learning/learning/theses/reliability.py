"""Does a confidence of 0.7 come true seven times in ten? Recalibration, Brier decomposition, calibration error.

Belongs here: statistics of (confidence, came true) pairs, of one set or of many side by side.
Not here: which theses are compared (accuracy.py, curves.py), correcting a confidence (calibration).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

MAX_BINS = 10
"""Of the expected calibration error, as is customary."""

MIN_PER_BIN = 10
"""Fewer theses to a bin would make the bin's accuracy mostly noise, and the error look larger than it is."""

MAX_PASSES = 48
"""Pooling all violations at once takes some 10 passes; orders built to need thousands finish one by one instead."""


@dataclass(frozen=True)
class Blocks:
    """Neighbouring confidences that isotonic recalibration gives one value, in ascending order.

    Attributes:
        confidence_low: lowest confidence in each block, shape (n blocks,).
        confidence_high: highest confidence in each block.
        mean_confidence: mean confidence of the block's theses.
        n: theses in each block.
        n_right: of these, how many came true.
    """

    confidence_low: FloatArray
    confidence_high: FloatArray
    mean_confidence: FloatArray
    n: IntArray
    n_right: IntArray

    @property
    def calibrated_confidence(self) -> FloatArray:
        """Share that came true in each block; strictly increasing from block to block."""
        return self.n_right / self.n


@dataclass(frozen=True)
class Reliability:
    """How far confidences of one set can be trusted; every number but the counts is NaN for an empty set.

    In `reliabilities` each attribute is an array with one entry per set.

    Attributes:
        n: pairs.
        n_right: of these, how many came true.
        mean_confidence: mean of the confidences.
        brier_score: mean squared distance of confidence and truth; miscalibration - discrimination + uncertainty.
        miscalibration: what recalibration by any increasing map would win (MCB), at least 0.
        discrimination: what knowing the recalibrated confidence wins over knowing only the accuracy (DSC), at least 0.
        uncertainty: Brier score of always saying the accuracy (UNC).
        expected_calibration_error: mean distance of accuracy and mean confidence over bins of equal count, each bin
            weighted by its count.
    """

    n: IntArray
    n_right: IntArray
    mean_confidence: FloatArray
    brier_score: FloatArray
    miscalibration: FloatArray
    discrimination: FloatArray
    uncertainty: FloatArray
    expected_calibration_error: FloatArray


@dataclass(frozen=True)
class _Ties:
    """Pairs of equal set and confidence pooled, sorted by set, then confidence."""

    member_of: IntArray
    confidence: FloatArray
    n: IntArray
    n_right: IntArray


def pool_adjacent_violators(confidences: npt.ArrayLike, outcomes: npt.ArrayLike) -> Blocks:
    """The increasing step function of the confidence that is closest to what came true, as blocks.

    Equal confidences are pooled first, so they get one value whatever the order of the rows. All comparisons are
    between whole numbers: the result is exact, and no two blocks are equal.

    Args:
        confidences: shape (n,), finite.
        outcomes: shape (n,), whether each came true (booleans, or 0 and 1).

    Returns:
        The blocks in ascending order; none for no pairs.

    Raises:
        ValueError: shapes differ, a confidence is not finite, or an outcome is neither 0 nor 1.

    Source: Ayer, Brunk, Ewing, Reid and Silverman 1955; Dimitriadis, Gneiting and Jordan 2021 (CORP).

    >>> blocks = pool_adjacent_violators([0.2, 0.6, 0.6, 0.9, 0.8], [0, 1, 0, 1, 0])
    >>> blocks.calibrated_confidence.round(3).tolist(), blocks.confidence_low.tolist(), blocks.n.tolist()
    ([0.0, 0.333, 1.0], [0.2, 0.6, 0.9], [1, 3, 1])
    """
    confidences, outcomes = _pairs(confidences, outcomes)
    return _blocks(_ties(confidences, outcomes, np.zeros(len(confidences), dtype=np.int64)))[0]


def grouped_blocks(confidences: npt.ArrayLike, outcomes: npt.ArrayLike, member_of: IntArray) -> tuple[Blocks, IntArray]:
    """`pool_adjacent_violators` of many sets at once.

    Args:
        confidences: as there; a pair that belongs to several sets is given once for each.
        outcomes: as there.
        member_of: number of the set each pair belongs to, 0 and up.

    Returns:
        All blocks, sorted by set, then confidence, and the set of each.
    """
    return _blocks(_ties(*_pairs(confidences, outcomes), member_of))


def reliability(confidences: npt.ArrayLike, outcomes: npt.ArrayLike) -> Reliability:
    """Brier score, its decomposition, and the calibration error of one set of pairs.

    The decomposition is CORP: recalibration is isotonic, which needs no bins and no tuning. The calibration error
    does: at most `MAX_BINS` bins of equal count, fewer where a bin would hold under `MIN_PER_BIN` pairs. Bin of a
    confidence = share of lower confidences times bins, rounded down; so equal confidences share a bin.

    Args:
        confidences: shape (n,), 0 to 1.
        outcomes: shape (n,), whether each came true.

    Returns:
        Arrays of shape (1,); see `Reliability`.

    Raises:
        ValueError: as `pool_adjacent_violators`.

    Source: Dimitriadis, Gneiting and Jordan 2021, PNAS 118(8); Naeini, Cooper and Hauskrecht 2015 (calibration error).

    >>> found = reliability([0.9, 0.9, 0.9, 0.9], [1, 1, 0, 0])
    >>> found.brier_score.round(4).item(), found.miscalibration.round(4).item(), found.discrimination.item()
    (0.41, 0.16, 0.0)
    """
    confidences, outcomes = _pairs(confidences, outcomes)
    return reliabilities(confidences, outcomes, np.zeros(len(confidences), dtype=np.int64), n_sets=1)


def reliabilities(
    confidences: npt.ArrayLike, outcomes: npt.ArrayLike, member_of: IntArray, *, n_sets: int
) -> Reliability:
    """`reliability` of many sets at once: one entry per set; a pair in several sets is given once for each.

    A set's numbers do not depend on the other sets, nor on the order of the pairs.
    """
    ties = _ties(*_pairs(confidences, outcomes), member_of)
    blocks, block_of = _blocks(ties)

    def total(of: IntArray, values: FloatArray | IntArray) -> FloatArray:
        return np.asarray(np.bincount(of, weights=values, minlength=n_sets), dtype=np.float64)

    n, n_right = total(ties.member_of, ties.n), total(ties.member_of, ties.n_right)
    squared_errors = ties.n_right * (1 - ties.confidence) ** 2 + (ties.n - ties.n_right) * ties.confidence**2
    recalibrated_errors = blocks.n_right * (1 - blocks.calibrated_confidence)
    with np.errstate(invalid="ignore", divide="ignore"):
        # Zero over zero is how an empty set looks in here; it leaves as NaN.
        brier_score = total(ties.member_of, squared_errors) / n
        recalibrated_score = total(block_of, recalibrated_errors) / n
        uncertainty = n_right * (n - n_right) / (n * n)
        mean_confidence = total(ties.member_of, ties.n * ties.confidence) / n
        calibration_error = _summed_bin_errors(ties, n.astype(np.int64)) / n
    return Reliability(
        n=n.astype(np.int64),
        n_right=n_right.astype(np.int64),
        mean_confidence=mean_confidence,
        brier_score=brier_score,
        # Neither can be negative but for rounding.
        miscalibration=np.maximum(brier_score - recalibrated_score, 0.0),
        discrimination=np.maximum(uncertainty - recalibrated_score, 0.0),
        uncertainty=uncertainty,
        expected_calibration_error=calibration_error,
    )


def _pairs(confidences: npt.ArrayLike, outcomes: npt.ArrayLike) -> tuple[FloatArray, IntArray]:
    confidences, outcomes = np.asarray(confidences, dtype=np.float64), np.asarray(outcomes)
    if confidences.shape != outcomes.shape or confidences.ndim != 1:
        raise ValueError(
            f"confidences {confidences.shape} and outcomes {outcomes.shape} must be two lists of one length"
        )
    if not np.isfinite(confidences).all():
        raise ValueError("confidences must be finite; leave out what has none")
    came_true = outcomes.astype(np.int64)
    if ((came_true != 0) & (came_true != 1)).any() or (came_true != outcomes).any():
        raise ValueError("outcomes must be true or false, or 0 and 1")
    return confidences, came_true


def _ties(confidences: FloatArray, came_true: IntArray, member_of: IntArray) -> _Ties:
    order = np.lexsort((confidences, member_of))
    confidences, came_true, member_of = confidences[order], came_true[order], member_of[order]
    is_first = np.ones(len(order), dtype=bool)
    is_first[1:] = (confidences[1:] != confidences[:-1]) | (member_of[1:] != member_of[:-1])
    first = np.flatnonzero(is_first)
    return _Ties(
        member_of=member_of[first],
        confidence=confidences[first],
        n=np.diff(np.append(first, len(order))),
        n_right=_summed_from(first, came_true),
    )


def _summed_from(first: npt.NDArray[np.intp], values: IntArray) -> IntArray:
    """Sums of the stretches that start at `first`; none for none, which reduceat refuses."""
    summed: IntArray = np.add.reduceat(values, first) if len(first) else np.zeros(0, dtype=np.int64)
    return summed


def _blocks(ties: _Ties) -> tuple[Blocks, IntArray]:
    first = _block_starts(ties)
    last = np.append(first[1:], len(ties.n)) - 1 if len(first) else first
    n = _summed_from(first, ties.n)
    block_of_tie = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(ties.n))))
    summed = np.bincount(block_of_tie, weights=ties.n * ties.confidence, minlength=len(first))
    low, high = ties.confidence[first], ties.confidence[last]
    blocks = Blocks(
        confidence_low=low,
        confidence_high=high,
        # A mean lies between its ends; rounding must not carry it over them.
        mean_confidence=np.clip(summed / n, low, high),
        n=n,
        n_right=_summed_from(first, ties.n_right),
    )
    return blocks, ties.member_of[first]


def _block_starts(ties: _Ties) -> npt.NDArray[np.intp]:
    """Index of the first tie of each block.

    Two neighbours out of order are in one block of the solution, and so is a whole run of them: all runs are pooled at
    once, and what comes of it is looked at again until nothing is out of order.
    """
    n, n_right, member_of = ties.n, ties.n_right, ties.member_of
    starts = np.arange(len(n))
    for _ in range(MAX_PASSES):
        begins = np.ones(len(n), dtype=bool)
        begins[1:] = (n_right[:-1] * n[1:] < n_right[1:] * n[:-1]) | (member_of[1:] != member_of[:-1])
        if begins.all():
            return starts
        first = np.flatnonzero(begins)
        n, n_right = np.add.reduceat(n, first), np.add.reduceat(n_right, first)
        member_of, starts = member_of[first], starts[first]
    return _one_by_one(starts, n, n_right, member_of)


def _one_by_one(
    starts: npt.NDArray[np.intp], n: IntArray, n_right: IntArray, member_of: IntArray
) -> npt.NDArray[np.intp]:
    """The textbook loop: takes time in proportion to the ties whatever their order."""
    stack: list[tuple[int, int, int, int]] = []
    for start, count, right, member in zip(
        starts.tolist(), n.tolist(), n_right.tolist(), member_of.tolist(), strict=True
    ):
        block = (start, count, right, member)
        while stack and stack[-1][3] == member and stack[-1][2] * block[1] >= block[2] * stack[-1][1]:
            before = stack.pop()
            block = (before[0], before[1] + block[1], before[2] + block[2], member)
        stack.append(block)
    return np.array([block[0] for block in stack], dtype=np.intp)


def _summed_bin_errors(ties: _Ties, n: IntArray) -> FloatArray:
    """Per set, the sum over bins of |came true - summed confidence|."""
    n_bins = np.clip(n // MIN_PER_BIN, 1, MAX_BINS)
    before_set = np.cumsum(n) - n
    n_below = np.cumsum(ties.n) - ties.n - before_set[ties.member_of]
    cell = ties.member_of * MAX_BINS + n_bins[ties.member_of] * n_below // n[ties.member_of]
    shape = (len(n), MAX_BINS)
    right = np.bincount(cell, weights=ties.n_right, minlength=len(n) * MAX_BINS).reshape(shape)
    claimed = np.bincount(cell, weights=ties.n * ties.confidence, minlength=len(n) * MAX_BINS).reshape(shape)
    summed: FloatArray = np.abs(right - claimed).sum(axis=1)
    return summed
