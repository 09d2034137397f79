"""Component scores that persist from session to session, and the return shocks that follow from them.

Belongs here: latent scores, how they turn into scores of 0-100, how a planted effect gets into the next shocks.
Not here: prices made from the shocks (prices.py), the choice of candidates (discovery.py).
"""

import numpy as np
from numpy.typing import NDArray

from amc_learning.simulation.rules import MarketRules, copula_loadings, random_stream

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


def latent_scores(rules: MarketRules, *, n_sessions: int) -> Array:
    """Standard normal scores, independent between components and symbols, AR(1) along sessions and stationary.

    Returns:
        Array of shape (component, session, symbol).
    """
    shape = (len(rules.components), n_sessions, rules.n_symbols)
    scores = random_stream(rules, "scores").standard_normal(shape)
    persistence = rules.score_persistence
    innovation = np.sqrt(1 - persistence**2)
    for session in range(1, n_sessions):
        scores[:, session] = persistence * scores[:, session - 1] + innovation * scores[:, session]
    return scores


def shown_scores(latent: Array) -> Array:
    """Scores as discovery reports them: the normal distribution function in points 0-100, one decimal.

    >>> shown_scores(np.array([-9.0, 0.0, 1.0]))
    array([  0. ,  50. ,  84.1])
    """
    from scipy.special import ndtr  # noqa: PLC0415 - costs start-up time that nobody else should pay

    points: Array = np.round(100 * ndtr(latent), 1)
    return points


def return_shocks(rules: MarketRules, latent: Array) -> Array:
    """Standard normal shocks of every session, correlated with the latent scores of the session *before* as planted.

    shock[t] = sum over components of r_c * latent_c[t - 1], plus independent noise with what is left of the variance.
    Latent score and shock are jointly normal with correlation r_c = 2 sin(pi IC_c / 6), so their population Spearman
    correlation is exactly the planted IC_c; rising transformations of either side, such as scores of 0-100 and
    heavy-tailed returns, leave it as it is. The first session has no session before and is noise.

    Args:
        rules: planted effects and seed.
        latent: shape (component, session, symbol).

    Returns:
        Array of shape (session, symbol).
    """
    loadings = copula_loadings(rules.information_coefficients)
    shocks = random_stream(rules, "shocks").standard_normal(latent.shape[1:])
    shocks[1:] *= np.sqrt(1 - sum(r * r for r in loadings))
    for loading, component in zip(loadings, latent, strict=True):
        shocks[1:] += loading * component[:-1]
    return shocks


def missing_scores(rules: MarketRules, *, n_sessions: int) -> Flags:
    """Which component scores are missing, at random: shape (component, session, symbol)."""
    shape = (len(rules.components), n_sessions, rules.n_symbols)
    return random_stream(rules, "missing scores").random(shape) < rules.share_missing_scores


def total_scores(rules: MarketRules, scores: Array, is_missing: Flags) -> Array:
    """Weighted mean of the components that are there, two decimals; NaN where none with a weight is.

    Args:
        rules: the default weights.
        scores: points 0-100, shape (component, session, symbol).
        is_missing: same shape.

    Returns:
        Points 0-100, shape (session, symbol).
    """
    weighted = np.zeros(scores.shape[1:])
    weight_present = np.zeros(scores.shape[1:])
    for weight, component, is_absent in zip(rules.default_weights.values(), scores, is_missing, strict=True):
        weighted += np.where(is_absent, 0.0, weight * component)
        weight_present += np.where(is_absent, 0.0, weight)
    total = np.full(weighted.shape, np.nan)
    np.divide(weighted, weight_present, out=total, where=weight_present > 0)
    return np.round(total, 2)
