"""Is the suggestion better than what is in force, and how sure must one be when looking every night?

Belongs here: significance levels of repeated looks, held-out differences, components that order
returns backwards. Not here: the suggestion itself, the decision.
"""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from amc_learning.learning.inference import MeanInference, mean_inference
from amc_learning.learning.weights.evidence import Evidence, correlation

Vector = NDArray[np.float64]

SESSIONS_PER_YEAR = 252
CALENDAR_DAYS_PER_YEAR = 365

REUSE_WIDENING = 1.2
"""Every pair of blocks of days judges one another: held-out differences of noise scatter more than independent days
would. Measured on noise: a single 5 % look errs in 4.2 to 4.6 % with 1.2, in 6 % with 1; in a year of looks some
weight moved in 4 % with 1.2, in 6 % with 1.15, of a stated 5; see amc_learning_tests/truth."""


@lru_cache(maxsize=64)
def look_level(window_days: int, *, error_rate: float, min_days: int) -> float:
    """One-sided p-value below which one nightly look at this window is reliable, so that a year of looks errs rarely.

    The statistic of a rolling window of n sessions has correlation 1 - |lag|/n (Slepian process), that of a growing
    window, from `min_days` on, 1 - |log ratio|/2. The chance that such a process exceeds b within a year is
    1 - Phi(b) + L b phi(b) with L = max(252/n, log(252/min_days)/2); b solves it for `error_rate`.

    Args:
        window_days: length of the window, calendar days.
        error_rate: allowed chance of any false alarm of this window within a year.
        min_days: cross-sections from which a window is judged at all.

    Source: Slepian 1961; Pickands 1969 and Piterbarg 1996 (high excursions of processes whose correlation falls
    linearly from 1); checked by simulating years of nights in amc_learning_tests/truth.

    >>> round(look_level(365, error_rate=0.05 / 3, min_days=40), 5)
    0.00158
    """
    sessions = window_days * SESSIONS_PER_YEAR / CALENDAR_DAYS_PER_YEAR
    looks = max(SESSIONS_PER_YEAR / sessions, math.log(max(SESSIONS_PER_YEAR / min_days, 1.0)) / 2)
    low, high = 0.0, 40.0
    for _ in range(100):
        middle = (low + high) / 2
        density = math.exp(-middle * middle / 2) / math.sqrt(2 * math.pi)
        # At small b the expansion is not a probability; the level is then only bounded by the error rate itself.
        exceeds = _upper_tail(middle) + looks * middle * density
        low, high = (middle, high) if exceeds > error_rate or middle < 1.0 else (low, middle)
    return min(_upper_tail(high), error_rate)


def _upper_tail(deviate: float) -> float:
    return math.erfc(deviate / math.sqrt(2)) / 2


def held_out_inference(differences: Vector, *, overlap_sessions: int) -> MeanInference:
    """Mean of held-out daily differences with an interval that allows for the reuse of days (`REUSE_WIDENING`)."""
    mean = differences.mean()
    return mean_inference(mean + REUSE_WIDENING * (differences - mean), overlap_sessions=overlap_sessions)


def one_sided(inference: MeanInference) -> float:
    """P-value of 'not above zero'; 1 without evidence.

    >>> one_sided(mean_inference(np.zeros(30), overlap_sessions=1))
    1.0
    """
    if inference.p_value is None or inference.estimate is None:
        return 1.0
    return inference.p_value / 2 if inference.estimate > 0 else 1 - inference.p_value / 2


def backward_components(
    window: Evidence, suspects: Sequence[int], *, overlap_sessions: int, level: float
) -> list[tuple[int, MeanInference]]:
    """Components whose own coefficient is reliably negative: position and inference, in the order of the suspects.

    Args:
        window: cross-sections of the evidence window.
        suspects: positions of the components to look at.
        overlap_sessions: sessions a label spans.
        level: one-sided error over all components of the feature set together (Bonferroni).
    """
    variances = np.einsum("dkk->dk", window.score_covariances)
    coefficients = correlation(window.return_covariances, variances)
    found = []
    for component in suspects:
        varies = variances[:, component] > 0
        inference = mean_inference(coefficients[varies, component], overlap_sessions=overlap_sessions)
        if inference.p_value is not None and 1 - one_sided(inference) < level / coefficients.shape[1]:
            found.append((component, inference))
    return found
