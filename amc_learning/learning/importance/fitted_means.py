"""Inference for means of daily numbers that come from models fitted on the other blocks of days.

Belongs here: how much wider than for numbers that need no fit. Not here: the numbers (estimates.py).

Chance in a block counts twice: where the block is tested, and in the fits that test the others. Days alone, with the
fits taken as given, show only the first. Write c_k for what the fits that test block k make of a score (a sum over the
other blocks), a_k for what the block itself shows: the mean is a sum of c_k * a_k.

- A score that carries nothing: each product a_k * a_l appears twice, once as fit times test and once the other way
  round. The variance is twice what the days show.
- A score that carries something: a change of a_k also moves every c_l, by as much in sum. The standard error is at most
  twice what the days show; less where fits only scale a prediction, because an order does not change by that.

Source: Nadeau and Bengio 2003, Inference for the generalization error; Bengio and Grandvalet 2004, No unbiased
estimator of the variance of K-fold cross-validation (both: the parts of a cross-validation understate its variance).
"""

from dataclasses import replace

import numpy as np

from amc_learning.learning.importance.panel import Floats
from amc_learning.learning.inference import MeanInferences, degrees_of_freedom, mean_inferences

NOTHING_CARRIED = float(np.sqrt(2))
"""Factor on standard errors when testing that a score carries nothing, and on those of a model's own coefficient."""

SOMETHING_CARRIED = 2.0
"""Factor on standard errors for intervals of what is lost."""


def fitted_mean_inferences(values: Floats, *, overlap_sessions: int, factor: float) -> MeanInferences:
    """`mean_inferences` with standard errors multiplied by a factor.

    Args:
        values: shape (n days, n series), in order of time; NaN = no number that day.
        overlap_sessions: sessions a label spans.
        factor: `NOTHING_CARRIED` or `SOMETHING_CARRIED`.

    >>> values = np.tile([[0.3], [0.1], [0.2], [0.0]], (10, 1))
    >>> plain = mean_inferences(values, overlap_sessions=1)
    >>> wide = fitted_mean_inferences(values, overlap_sessions=1, factor=2.0)
    >>> bool(np.isclose(wide.ci_high - wide.ci_low, 2 * (plain.ci_high - plain.ci_low)).all())
    True
    """
    from scipy.special import stdtr  # noqa: PLC0415

    found = mean_inferences(values, overlap_sessions=overlap_sessions)
    standard_error = factor * standard_errors(found, overlap_sessions=overlap_sessions)
    with np.errstate(invalid="ignore", divide="ignore"):
        p_value = 2 * stdtr(_freedom(found, overlap_sessions), -np.abs(found.estimate) / standard_error)
    return replace(
        found,
        ci_low=found.estimate - factor * (found.estimate - found.ci_low),
        ci_high=found.estimate + factor * (found.ci_high - found.estimate),
        p_value=p_value,
        n_effective=np.minimum((found.standard_deviation / standard_error) ** 2, found.n),
    )


def standard_errors(found: MeanInferences, *, overlap_sessions: int) -> Floats:
    """Standard errors behind the 95 % intervals of an inference; NaN where it has none."""
    from scipy.special import stdtrit  # noqa: PLC0415

    errors: Floats = (found.ci_high - found.ci_low) / 2 / stdtrit(_freedom(found, overlap_sessions), 0.975)
    return errors


def _freedom(found: MeanInferences, overlap_sessions: int) -> Floats:
    return np.array(
        [max(degrees_of_freedom(int(n), overlap_sessions=overlap_sessions), 1) for n in found.n], dtype=float
    )
