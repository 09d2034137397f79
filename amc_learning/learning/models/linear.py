"""Logistic and ridge regression on standardised features with indicators for what is missing.

Belongs here: one fit at one strength of the penalty, as plain numbers. Not here: choosing the strength (fitting.py).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

MAX_DEVIATIONS = 4.0
"""A standardised feature is held within this: one bar with a wrong price must not carry a prediction."""

MAX_ITERATIONS = 50
TOLERANCE = 1e-6
"""Of the last Newton step. Newton squares the error, so what is left is rounding."""


@dataclass(frozen=True)
class LinearModel:
    """A fitted linear model.

    Attributes:
        is_logistic: whether the linear sum is a log odds, else the prediction itself.
        means: mean of each feature over what was known at the fit.
        scales: standard deviation of each; 1 where it did not vary.
        missing_shares: share of each feature that was missing at the fit.
        intercept: of the linear sum.
        coefficients: of the standardised features (a missing one counts as its mean), then of their indicators of
            missingness less `missing_shares`.
    """

    is_logistic: bool
    means: Floats
    scales: Floats
    missing_shares: Floats
    intercept: float
    coefficients: Floats

    def linear_sum(self, features: Floats) -> Floats:
        """Log odds, or the predictions of a model that is not logistic."""
        design = _design(features, self.means, self.scales, self.missing_shares)
        found = np.full(len(features), self.intercept)
        # Column by column, not a matrix product: how a BLAS splits one depends on the threads of the day.
        for coefficient, column in zip(self.coefficients.tolist(), design.T, strict=True):
            if coefficient:
                found += coefficient * column
        return found


def fit_linear(
    features: Floats, truth: Floats, *, penalties: tuple[float, ...], is_logistic: bool
) -> list[LinearModel]:
    """Regressions at several strengths of a quadratic penalty on standardised coefficients; the intercept has none.

    Minimises the sum of log losses (squared errors over 2) plus penalty/2 times the squared coefficients.

    Args:
        features: shape (n, n features), NaN where unknown.
        truth: shape (n,); 0 and 1, some of each, when logistic.
        penalties: positive, strongest first: each fit starts from the one before it.
        is_logistic: logistic regression, else ridge regression.

    Source: Hoerl and Kennard 1970; le Cessie and van Houwelingen 1992 (ridge estimators in logistic regression).
    """
    is_missing = np.isnan(features)
    n_known = np.maximum((~is_missing).sum(axis=0), 1)
    means = np.where(is_missing, 0.0, features).sum(axis=0) / n_known
    squares = (np.where(is_missing, 0.0, features - means) ** 2).sum(axis=0) / n_known
    scales = np.where(squares > 1e-24, np.sqrt(squares), 1.0)
    missing_shares = is_missing.mean(axis=0)
    design = _design(features, means, scales, missing_shares)
    # What never varied can have no coefficient.
    varies = np.ptp(design, axis=0) > 0
    varying = np.column_stack([np.ones(len(design)), design[:, varies]])
    weights = np.zeros(varying.shape[1])
    rate = float(truth.mean())
    weights[0] = np.log(rate / (1 - rate)) if is_logistic else rate
    found = []
    for penalty in penalties:
        ridge = np.full(len(weights), penalty)
        ridge[0] = 0.0
        weights = _newton(varying, truth, ridge, weights) if is_logistic else _least_squares(varying, truth, ridge)
        coefficients = np.zeros(design.shape[1])
        coefficients[varies] = weights[1:]
        found.append(LinearModel(is_logistic, means, scales, missing_shares, float(weights[0]), coefficients))
    return found


def _design(features: Floats, means: Floats, scales: Floats, missing_shares: Floats) -> Floats:
    is_missing = np.isnan(features)
    standardised = ((features - means) / scales).clip(-MAX_DEVIATIONS, MAX_DEVIATIONS)
    design: Floats = np.hstack([np.where(is_missing, 0.0, standardised), is_missing - missing_shares])
    return design


def _least_squares(design: Floats, truth: Floats, ridge: Floats) -> Floats:
    return np.asarray(np.linalg.solve(design.T @ design + np.diag(ridge), design.T @ truth), dtype=np.float64)


def _newton(design: Floats, truth: Floats, ridge: Floats, weights: Floats) -> Floats:
    weights = weights.copy()
    for _ in range(MAX_ITERATIONS):
        probability = 0.5 * (1.0 + np.tanh(0.5 * (design @ weights)))
        gradient = design.T @ (truth - probability) - ridge * weights
        variance = probability * (1.0 - probability)
        # A trace on the diagonal: where the curve is flat to rounding, the intercept stays where it is.
        curvature = design.T @ (variance[:, None] * design) + np.diag(ridge + 1e-12)
        step = np.linalg.solve(curvature, gradient).clip(-2.0, 2.0)
        weights += step
        if np.abs(step).max() < TOLERANCE:
            break
    return weights
