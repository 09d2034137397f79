"""Component scores that persist from session to session, and the return shocks that follow from them.

Belongs here: latent scores, how they turn into scores of 0-100, how a planted effect gets into the next shocks.
Not here: prices made from the shocks (prices.py), the choice of candidates (discovery.py).
"""

import numpy as np

from amc_learning.simulation.arrays import Array, Flags
from amc_learning.simulation.effects import explained_variance, loadings
from amc_learning.simulation.rules import N_WARM_UP_SESSIONS, MarketRules, random_stream
from amc_learning.simulation.truths import correlation_matrix


def latent_scores(rules: MarketRules, *, n_sessions: int) -> Array:
    """Standard normal scores, independent between symbols, AR(1) along sessions and stationary.

    Components are independent unless the rules correlate them; then a component is mixed from its own draws and those
    of the components before it, by the Cholesky factor of the correlations.

    Returns:
        Array of shape (component, session, symbol).
    """
    shape = (len(rules.components), n_sessions, rules.n_symbols)
    scores = random_stream(rules, "scores").standard_normal(shape)
    persistence = rules.score_persistence
    innovation = np.sqrt(1 - persistence**2)
    for session in range(1, n_sessions):
        scores[:, session] = persistence * scores[:, session - 1] + innovation * scores[:, session]
    if rules.correlated_components:
        mixing = np.linalg.cholesky(correlation_matrix(rules.components, rules.correlated_components))
        # from the last to the first: each needs only its own draws and earlier ones, which are still unmixed then
        for place in reversed(range(len(scores))):
            scores[place] *= mixing[place, place]
            for earlier in range(place):
                scores[place] += mixing[place, earlier] * scores[earlier]
    return scores


def shown_scores(latent: Array) -> Array:
    """Scores as discovery reports them: the normal distribution function in points 0-100, one decimal.

    >>> shown_scores(np.array([-9.0, 0.0, 1.0]))
    array([  0. ,  50. ,  84.1])
    """
    from scipy.special import ndtr  # noqa: PLC0415 - costs start-up time that nobody else should pay

    points: Array = np.round(100 * ndtr(latent), 1)
    return points


def with_constants(rules: MarketRules, scores: Array) -> Array:
    """The scores shown, those of constant components replaced: shape (component, session, symbol)."""
    for constant in rules.constant_components:
        scores[rules.components.index(constant.component), constant.first_session :] = constant.score
    return scores


def return_shocks(rules: MarketRules, latent: Array) -> Array:
    """Shocks of every session with unit variance, correlated with the latent scores of the session *before* as planted.

    shock[t] = sum over components of r_c * latent_c[t - 1], plus the centred step of every threshold effect, plus
    independent noise with what is left of the variance. Latent score and shock are jointly normal with correlation
    r_c = 2 sin(pi IC_c / 6), so their population Spearman correlation is exactly the planted IC_c; rising
    transformations of either side, such as scores of 0-100 and heavy-tailed returns, leave it as it is. The first
    session has no session before and is noise. Before the first session shown, effects are those of that session.

    Args:
        rules: planted effects and seed.
        latent: shape (component, session, symbol), warm-up included.

    Returns:
        Array of shape (session, symbol); standard normal unless a step is planted.
    """
    shown = (np.arange(latent.shape[1] - 1) - N_WARM_UP_SESSIONS).clip(0, rules.n_sessions - 1)
    shocks = random_stream(rules, "shocks").standard_normal(latent.shape[1:])
    shocks[1:] *= np.sqrt(1 - explained_variance(rules))[shown, None]
    for loading, component in zip(loadings(rules), latent, strict=True):
        shocks[1:] += loading[shown, None] * component[:-1]
    for step in rules.threshold_effects:
        points = shown_scores(latent[rules.components.index(step.component), :-1])
        shocks[1:] += step.lift * ((points >= step.score) - step.share_above)
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
