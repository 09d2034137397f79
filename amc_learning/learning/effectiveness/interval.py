"""Interval of a mean that is looked at every night: right on all nights together.

Belongs here: the confidence sequence. Not here: whether a change harmed (monitor), intervals for one look (inference).
"""

import math

import numpy as np
from numpy.typing import NDArray

from amc_learning.learning.inference import long_run_variance

Vector = NDArray[np.float64]

MIN_DAYS = 20
"""With fewer days, times the sessions a label spans, the size of the differences is itself not known."""

TIGHTEST_AT_DAYS = 60
"""Days at which the sequence is narrowest for its level: when a change is old enough to be talked about."""


def confidence_sequence(
    differences: Vector, *, overlap_sessions: int, error_rate: float = 0.05
) -> tuple[float, float] | None:
    """Interval that holds the mean of the days' expected differences on all nights together; None for want of days.

    The expected difference may be another one every day: what is held is their running mean. Asymptotic: the
    variance is estimated, from the differences where labels do not overlap, else from their long-run variance.

    Args:
        differences: shape (n days,), in order of time.
        overlap_sessions: sessions a label spans.
        error_rate: chance that it ever misses.

    Source: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2024, Time-uniform central limit theory and asymptotic
    confidence sequences (theorem 2.2, for means that vary).

    >>> low, high = confidence_sequence(np.tile([0.3, 0.1, 0.2, 0.0], 10), overlap_sessions=1)
    >>> round(low, 3), round(high, 3)
    (0.095, 0.205)
    """
    n = len(differences)
    if n < MIN_DAYS * overlap_sessions:
        return None
    variance = (
        float(differences.var(ddof=1))
        if overlap_sessions == 1
        else long_run_variance(differences, overlap_sessions=overlap_sessions)
    )
    if not variance > 0:
        return None
    surprise = -2 * math.log(error_rate)
    grown = n * (surprise + math.log(surprise) + 1) / TIGHTEST_AT_DAYS + 1
    half_width = math.sqrt(variance * 2 * grown / (n * (grown - 1)) * math.log(math.sqrt(grown) / error_rate))
    mean = float(differences.mean())
    return mean - half_width, mean + half_width
