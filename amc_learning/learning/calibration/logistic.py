"""Logistic regression with a Gaussian prior, many small ones side by side.

Belongs here: the Newton iteration and what it leaves behind for weighing priors. Not here: what the features mean
(fits.py) or which prior to believe (hierarchy.py).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

MAX_ITERATIONS = 60
MAX_STEP = 2.0
"""Of any coefficient in one iteration: far from the optimum the logistic curve is flat and Newton overshoots."""

TOLERANCE = 1e-7
"""Of the last step. Newton squares the error, so what is left is rounding."""


@dataclass(frozen=True)
class LogisticFits:
    """Fits side by side.

    Attributes:
        coefficients: shape (n fits, n features).
        information: of the data alone at the optimum, shape (n fits, n features, n features).
        log_evidence: Laplace approximation to the log marginal likelihood up to a constant shared by all priors,
            shape (n fits,); minus infinity where a coefficient has no prior (precision 0).
    """

    coefficients: FloatArray
    information: FloatArray
    log_evidence: FloatArray


def probability(log_odds: FloatArray) -> FloatArray:
    """The logistic function, without overflow.

    >>> probability(np.array([-1000.0, 0.0, np.log(3.0)])).round(6).tolist()
    [0.0, 0.5, 0.75]
    """
    found: FloatArray = 0.5 * (1.0 + np.tanh(0.5 * log_odds))
    return found


def penalised_logistic(
    features: FloatArray, offset: FloatArray, right: FloatArray, total: FloatArray, precision: FloatArray
) -> LogisticFits:
    """Posterior modes of logistic regressions that share their design points.

    Per fit it maximises sum(right * eta - total * log(1 + exp(eta))) - 1/2 sum(precision * coefficients**2) with
    eta = offset + features @ coefficients. Without a prior and with separable data there is no optimum; a positive
    precision of every coefficient always has exactly one.

    Args:
        features: shape (n points, n features).
        offset: log odds when all coefficients are 0, shape (n fits, n points).
        right: number of successes, may be fractional, shape (n fits, n points).
        total: number of trials, shape (n fits, n points); a point without trials has no say.
        precision: one over the prior variance of each coefficient, shape (n fits, n features); 0 = no prior.

    Returns:
        The fits, in the order given.

    Source: McCullagh and Nelder 1989, section 2.5 (Newton for canonical links); MacKay 1992 (Laplace evidence).

    One success in four trials has log odds ln(1/3):

    >>> one = penalised_logistic(np.ones((1, 1)), np.zeros((1, 1)), np.array([[1.0]]), np.array([[4.0]]),
    ...                          np.zeros((1, 1)))
    >>> round(float(np.exp(one.coefficients[0, 0])), 9)
    0.333333333
    """
    n_features = features.shape[1]
    columns = np.ascontiguousarray(features.T)
    coefficients = np.zeros((len(offset), n_features))
    information = np.zeros((len(offset), n_features, n_features))
    gradient = np.zeros_like(coefficients)
    penalty = precision[:, :, None] * np.eye(n_features)
    for _ in range(MAX_ITERATIONS):
        fitted = probability(_log_odds(offset, coefficients, columns))
        expected = total * fitted
        residuals, weights = right - expected, expected * (1 - fitted)
        # Multiply and sum, not a matrix product: how a BLAS splits one depends on the threads of the day.
        for row in range(n_features):
            gradient[:, row] = (residuals * columns[row]).sum(axis=1) - precision[:, row] * coefficients[:, row]
            weighted = weights * columns[row]
            for column in range(row, n_features):
                information[:, row, column] = (weighted * columns[column]).sum(axis=1)
                information[:, column, row] = information[:, row, column]
        # A trace on the diagonal: a fit without data and without a prior stays where it is instead of failing.
        curvature = information + penalty + 1e-12 * np.eye(n_features)
        step = np.linalg.solve(curvature, gradient[:, :, None])[:, :, 0].clip(-MAX_STEP, MAX_STEP)
        coefficients = coefficients + step
        if not step.size or np.abs(step).max() < TOLERANCE:
            break
    log_odds = _log_odds(offset, coefficients, columns)
    log_likelihood = (right * log_odds - total * np.logaddexp(0.0, log_odds)).sum(axis=1)
    with np.errstate(divide="ignore"):
        log_evidence = (
            log_likelihood
            - 0.5 * (precision * coefficients**2).sum(axis=1)
            + 0.5 * np.log(precision).sum(axis=1)
            - 0.5 * np.linalg.slogdet(curvature)[1]
        )
    return LogisticFits(coefficients=coefficients, information=information, log_evidence=log_evidence)


def _log_odds(offset: FloatArray, coefficients: FloatArray, columns: FloatArray) -> FloatArray:
    found = offset.copy()
    for coefficient, column in zip(coefficients.T, columns, strict=True):
        found += coefficient[:, None] * column
    return found
