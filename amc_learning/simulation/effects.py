"""The planted effects session by session: what goes into the shocks, and what a correlation must find.

Belongs here: coefficients and variances that follow from the rules, in closed form. Not here: the rules (rules.py,
truths.py), random numbers (scores.py, prices.py), words and files (truth.py).

All arrays have shape (component, session) or (session,), components in the order of the rules, sessions those shown.
"""

from collections.abc import Mapping

import numpy as np

from amc_learning.simulation.arrays import Array, Flags
from amc_learning.simulation.rules import MarketRules, copula_loadings
from amc_learning.simulation.truths import ThresholdEffect, correlation_matrix


def own_coefficients(rules: MarketRules) -> Array:
    """Rank correlation every component would show by its own linear effect alone, shape (component, session).

    The coefficient of the regime, times what decay has left, times the sign; 0 while the component is constant.
    """
    n_sessions = rules.n_sessions
    paths = {
        name: np.full(n_sessions, planted)
        for name, planted in zip(rules.components, rules.information_coefficients, strict=True)
    }
    for regime in rules.regime_effects:
        paths[regime.component][turbulent_sessions(rules)] = regime.turbulent_information_coefficient
    for decay in rules.decaying_effects:
        paths[decay.component] *= decay.factors(n_sessions=n_sessions)
    for reversal in rules.reversing_effects:
        paths[reversal.component][reversal.session :] *= -1
    for constant in rules.constant_components:
        paths[constant.component][constant.first_session :] = 0.0
    return np.stack(list(paths.values()))


def turbulent_sessions(rules: MarketRules) -> Flags:
    """Which of the sessions shown are turbulent."""
    sessions = np.arange(rules.n_sessions)
    return np.zeros(len(sessions), bool) if rules.turbulence is None else rules.turbulence.holds_on(sessions)


def loadings(rules: MarketRules) -> Array:
    """What a latent score is multiplied with in the shock of the next session, shape (component, session)."""
    own = own_coefficients(rules)
    rows = [
        np.full(len(row), copula_loadings(row[:1])[0]) if (row == row[0]).all() else np.array(copula_loadings(row))
        for row in own
    ]
    return np.stack(rows)


def explained_variance(rules: MarketRules) -> Array:
    """Share of the variance of the next session's shock that all effects explain together, shape (session,)."""
    by_component = loadings(rules)
    places = {name: place for place, name in enumerate(rules.components)}
    explained = sum((row * row for row in by_component), np.zeros(rules.n_sessions))
    for pair in rules.correlated_components:
        shared = by_component[places[pair.one]] * by_component[places[pair.other]]
        explained = explained + 2 * pair.correlation * shared
    for step in rules.threshold_effects:
        explained = explained + step.explained_variance
    return explained


def information_coefficients(rules: MarketRules) -> Array:
    """Population rank correlation of every shown score with the next session's return, shape (component, session).

    A linear effect that is alone gives its own coefficient. Correlated components share theirs: the Pearson
    correlations of latent scores and shock are R b (R the correlations of the scores, b the loadings), and
    6 / pi arcsin(r / 2) turns them into rank correlations. A step gives that of `step_coefficient`. NaN while a
    component is constant. Beside a step, the coefficients of the others are right to 1 part in 100
    up to a lift of 1: the shock is then a mixture of normal variables.
    """
    coefficients = own_coefficients(rules)
    if rules.correlated_components:
        matrix = correlation_matrix(rules.components, rules.correlated_components)
        coefficients = np.round(6 / np.pi * np.arcsin(matrix @ loadings(rules) / 2), 12)
    for step in rules.threshold_effects:
        coefficients[rules.components.index(step.component)] = step_coefficient(step)
    for constant in rules.constant_components:
        coefficients[rules.components.index(constant.component), constant.first_session :] = np.nan
    return coefficients


def step_coefficient(step: ThresholdEffect) -> float:
    """Population rank correlation of a score with a return that steps up at the threshold and is level elsewhere.

    With p the share above and s the standard deviation within either side, both normal, it is
    6 p (1 - p) (Phi(lift / (s sqrt 2)) - 1/2): Spearman's rho is 12 times the covariance of the two uniform ranks,
    the mean ranks of the score above and below differ by 1/2, and those of the return by Phi(lift / (s sqrt 2)) - 1/2.

    >>> round(step_coefficient(ThresholdEffect(component="technical", score=60.0, lift=0.3)), 4)
    0.1223
    """
    from scipy.special import ndtr  # noqa: PLC0415 - costs start-up time that nobody else should pay

    share = step.share_above
    within = np.sqrt(1 - step.explained_variance)
    return float(round(6 * share * (1 - share) * (ndtr(step.lift / (within * np.sqrt(2))) - 0.5), 12))


def total_coefficients(rules: MarketRules, weights: Mapping[str, float]) -> Array:
    """What the total score under any weights is worth: correlation with the next session's shock, shape (session,).

    With u the uniform scores of a day and z the latent ones: cov(u_i, z_j) = R_ij / (2 sqrt pi), cov(u_i, u_j) =
    arcsin(R_ij / 2) / (2 pi), and of a step cov(u, [u >= q]) = p (1 - p) / 2. This is Pearson's correlation with the
    normal shock; the daily rank correlation of the same total is within 5 per cent of it, and the order of weight
    vectors is the same. Over all scored symbols, none missing; a constant component adds nothing.

    Args:
        rules: what is planted.
        weights: component to weight; components that are not named have none.

    Returns:
        Correlations; 0 where every weight lies on constant components.
    """
    matrix = correlation_matrix(rules.components, rules.correlated_components)
    vector = np.array([weights.get(name, 0.0) for name in rules.components])
    varying = np.ones((len(vector), rules.n_sessions))
    for constant in rules.constant_components:
        varying[rules.components.index(constant.component), constant.first_session :] = 0.0
    weighted = vector[:, None] * varying
    scores_with_shock = matrix @ loadings(rules) / (2 * np.sqrt(np.pi))
    for step in rules.threshold_effects:
        place = rules.components.index(step.component)
        scores_with_shock[place] += step.lift * step.share_above * (1 - step.share_above) / 2
    covariance = np.einsum("is,is->s", weighted, scores_with_shock)
    variance = np.einsum("is,ij,js->s", weighted, np.arcsin(matrix / 2) / (2 * np.pi), weighted)
    coefficients: Array = np.zeros(rules.n_sessions)
    np.divide(covariance, np.sqrt(variance), out=coefficients, where=variance > 0)
    return coefficients
