"""Maps from a confidence as sent to a calibrated one: what they are, not how they are found.

Belongs here: applying a map and writing it as breakpoints. Not here: fitting (fits.py), choosing (review.py).
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from amc_learning.learning.calibration.logistic import FloatArray, probability

N_INTERVALS = 128
"""A power of two: breakpoints are found by halving."""

NODES: FloatArray = np.sin(0.5 * np.pi * np.arange(N_INTERVALS + 1) / N_INTERVALS) ** 2
"""Confidences at which maps are fitted and written: 0 to 1, denser toward both ends, where log odds change fastest."""
NODES.flags.writeable = False

LEAST_CONFIDENCE = 0.001
"""A stated certainty is taken as 99.9 %: log odds of 0 and 1 are infinite, and no sender means that."""

BREAKPOINT_TOLERANCE = 0.0005
"""Largest difference between the breakpoints, joined by straight lines, and the map at any node."""


def log_odds(confidence: npt.ArrayLike) -> FloatArray:
    """Log odds of confidences, those beyond 0.1 % and 99.9 % taken as these.

    >>> log_odds([0.0, 0.5, 1.0]).round(3).tolist()
    [-6.907, 0.0, 6.907]
    """
    clipped = np.clip(np.asarray(confidence, dtype=np.float64), LEAST_CONFIDENCE, 1 - LEAST_CONFIDENCE)
    found: FloatArray = np.log(clipped) - np.log1p(-clipped)
    return found


class CalibrationMap(Protocol):
    """Any non-decreasing map of [0, 1] into itself."""

    def apply(self, confidence: npt.ArrayLike) -> FloatArray:
        """Calibrated confidences, in the shape given; NaN stays NaN."""
        ...  # pragma: no cover


@dataclass(frozen=True)
class IdentityMap:
    """No change.

    >>> IdentityMap().apply([0.2, 0.9]).tolist()
    [0.2, 0.9]
    """

    def apply(self, confidence: npt.ArrayLike) -> FloatArray:
        """The confidences as given, as a copy."""
        return np.array(confidence, dtype=np.float64)


@dataclass(frozen=True)
class LogitLinearMap:
    """Log odds become intercept + slope x log odds: a shift for bias, a slope under 1 for overconfidence.

    Raises:
        ValueError: the slope is negative.

    Source: Cox 1958, Two further applications of a model for binary regression; Platt 1999 (on log odds).

    >>> LogitLinearMap(intercept=0.0, slope=0.5).apply([0.5, 0.9]).round(6).tolist()
    [0.5, 0.75]
    """

    intercept: float
    slope: float

    def __post_init__(self) -> None:
        """Refuse a map that turns the order around."""
        if self.slope < 0:
            raise ValueError(f"slope {self.slope} is negative: the map would turn the order of confidences around")

    def apply(self, confidence: npt.ArrayLike) -> FloatArray:
        """Calibrated confidences."""
        return probability(self.intercept + self.slope * log_odds(confidence))


@dataclass(frozen=True)
class BetaMap:
    """Log odds become intercept + gain_low x ln(c) - gain_high x ln(1 - c): each end bends on its own.

    Raises:
        ValueError: a gain is negative.

    Source: Kull, Silva Filho and Flach 2017, Beta calibration.

    >>> BetaMap(intercept=0.0, gain_low=1.0, gain_high=1.0).apply([0.25, 0.8]).round(6).tolist()
    [0.25, 0.8]
    """

    intercept: float
    gain_low: float
    gain_high: float

    def __post_init__(self) -> None:
        """Refuse a map that turns the order around."""
        if min(self.gain_low, self.gain_high) < 0:
            raise ValueError(f"gains {self.gain_low}, {self.gain_high}: a negative one turns the order around")

    def apply(self, confidence: npt.ArrayLike) -> FloatArray:
        """Calibrated confidences."""
        low, high = beta_features(confidence).T
        return probability(self.intercept + self.gain_low * low.T + self.gain_high * high.T)


def beta_features(confidence: npt.ArrayLike) -> FloatArray:
    """ln(c) and -ln(1 - c), with certainties taken as 99.9 %; shape (..., 2)."""
    clipped = np.clip(np.asarray(confidence, dtype=np.float64), LEAST_CONFIDENCE, 1 - LEAST_CONFIDENCE)
    return np.stack([np.log(clipped), -np.log1p(-clipped)], axis=-1)


@dataclass(frozen=True)
class PiecewiseLinearMap:
    """Straight lines between knots, level beyond them: isotonic and Venn-Abers maps, and every published one.

    Raises:
        ValueError: no knot, knots that do not ascend, or values that fall.

    >>> PiecewiseLinearMap(knots=(0.4, 0.8), values=(0.3, 0.5)).apply([0.0, 0.6, 1.0]).round(6).tolist()
    [0.3, 0.4, 0.5]
    """

    knots: tuple[float, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse what is not a non-decreasing function."""
        if not self.knots or len(self.knots) != len(self.values):
            raise ValueError(f"{len(self.knots)} knots and {len(self.values)} values do not make a map")
        if np.any(np.diff(self.knots) <= 0) or np.any(np.diff(self.values) < 0):
            raise ValueError("knots must ascend and values must not fall")

    def apply(self, confidence: npt.ArrayLike) -> FloatArray:
        """Calibrated confidences."""
        return np.interp(np.asarray(confidence, dtype=np.float64), self.knots, self.values)


def kept_nodes(node_values: FloatArray, *, tolerance: float = BREAKPOINT_TOLERANCE) -> npt.NDArray[np.bool_]:
    """Which nodes it takes to write maps as few points from 0 to 1 that a reader joins by straight lines.

    Spans are halved until the straight line over each is within the tolerance of the map at every node.

    Args:
        node_values: maps at `NODES`, shape (n maps, n nodes).
        tolerance: largest difference to the map at any node.

    Returns:
        Same shape; both ends always. Between nodes a logit-linear map with slope 1/4 to 4 is off by under 0.005 in all.

    >>> np.flatnonzero(kept_nodes(NODES[None])[0]).tolist() == [0, N_INTERVALS]
    True
    """
    kept = np.zeros(node_values.shape, dtype=bool)
    kept[:, [0, -1]] = True
    is_open = np.ones((len(node_values), 1), dtype=bool)
    length = N_INTERVALS
    while length > 1:
        left, right = node_values[:, :-1:length], node_values[:, length::length]
        inside = node_values[:, :-1].reshape(len(node_values), -1, length)
        share = (NODES[:-1].reshape(-1, length) - NODES[:-1:length, None]) / np.diff(NODES[::length])[:, None]
        straight = left[:, :, None] + (right - left)[:, :, None] * share
        is_open = is_open & (np.abs(straight - inside).max(axis=2) > tolerance)
        kept[:, length // 2 :: length] = is_open
        is_open = np.repeat(is_open, 2, axis=1)
        length //= 2
    return kept
