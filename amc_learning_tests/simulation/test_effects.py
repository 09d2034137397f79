"""The closed forms against draws that use nothing of the simulation but the planted numbers."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, spearmanr

from amc_learning.simulation.effects import (
    explained_variance,
    information_coefficients,
    own_coefficients,
    step_coefficient,
    total_coefficients,
)
from amc_learning.simulation.rules import MarketRules, Turbulence
from amc_learning.simulation.truths import (
    ConstantComponent,
    CorrelatedComponents,
    DecayingEffect,
    RegimeEffect,
    ReversingEffect,
    ThresholdEffect,
)

PLAIN = MarketRules(
    seed=1,
    first_session=date(2012, 1, 3),
    n_sessions=12,
    n_symbols=100,
    component_information_coefficients={"technical": 0.2, "options": -0.1},
)
N_DRAWS = 400_000


def path(rules, component):
    return own_coefficients(rules)[rules.components.index(component)].tolist()


def test_a_linear_effect_is_the_same_on_every_session():
    assert path(PLAIN, "technical") == [0.2] * 12
    assert path(PLAIN, "squeeze") == [0.0] * 12


def test_regime_decay_reversal_and_constancy_multiply_out_by_hand():
    rules = replace(
        PLAIN,
        turbulence=Turbulence(first_session=2, n_sessions=2, repeats_after=6),
        regime_effects=(RegimeEffect(component="technical", turbulent_information_coefficient=-0.4),),
        decaying_effects=(DecayingEffect(component="technical", shape="linear", n_sessions=10),),
        reversing_effects=(ReversingEffect(component="technical", session=6),),
        constant_components=(ConstantComponent(component="technical", first_session=11),),
    )
    base = np.array([0.2, 0.2, -0.4, -0.4, 0.2, 0.2, 0.2, 0.2, -0.4, -0.4, 0.2, 0.2])
    left = np.array([1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0, 0.0])
    sign = np.array([1.0] * 6 + [-1.0] * 5 + [0.0])
    assert path(rules, "technical") == pytest.approx(base * left * sign)
    assert path(rules, "options") == [-0.1] * 12
    shown = information_coefficients(rules)[rules.components.index("technical")]
    assert np.isnan(shown).tolist() == [False] * 11 + [True]


@pytest.mark.parametrize(("score", "lift"), [(60.0, 0.3), (80.0, 0.6), (20.0, -0.4), (50.0, 1.5)])
def test_the_coefficient_of_a_step_is_that_of_simulated_steps(score, lift):
    rng = np.random.default_rng(5)
    points = rng.uniform(0, 100, N_DRAWS)
    above = points >= score
    within = np.sqrt(1 - lift**2 * above.mean() * (1 - above.mean()))
    measured = spearmanr(points, lift * above + within * rng.standard_normal(N_DRAWS)).statistic
    stated = step_coefficient(ThresholdEffect(component="technical", score=score, lift=lift))
    # scores are shown with one decimal, so the stated step lies 0.05 points lower than the simulated one
    assert measured == pytest.approx(stated, abs=4 / np.sqrt(N_DRAWS) + 0.001)


CORRELATED = replace(
    PLAIN,
    correlated_components=(
        CorrelatedComponents(one="technical", other="squeeze", correlation=0.6),
        CorrelatedComponents(one="technical", other="options", correlation=-0.5),
    ),
)


def draws_of(rules):
    """Latent scores and a shock with the planted own effects, by multivariate draws."""
    places = {name: place for place, name in enumerate(rules.components)}
    matrix = np.eye(len(places))
    for pair in rules.correlated_components:
        one, other = places[pair.one], places[pair.other]
        matrix[one, other] = matrix[other, one] = pair.correlation
    rng = np.random.default_rng(11)
    latent = rng.multivariate_normal(np.zeros(len(places)), matrix, N_DRAWS)
    own = 2 * np.sin(np.pi * np.array(rules.information_coefficients) / 6)
    signal = latent @ own
    return latent, signal, signal + np.sqrt(1 - own @ matrix @ own) * rng.standard_normal(N_DRAWS)


def test_correlated_components_show_what_they_borrow_from_each_other():
    latent, signal, shock = draws_of(CORRELATED)
    assert explained_variance(CORRELATED) == pytest.approx(signal.var(), rel=0.02)
    for place, component in enumerate(CORRELATED.components):
        measured = spearmanr(latent[:, place], shock).statistic
        stated = information_coefficients(CORRELATED)[place]
        assert stated == pytest.approx(measured, abs=4 / np.sqrt(N_DRAWS)), component
    # squeeze has no effect of its own: 6 / pi arcsin(0.6 x 0.209 / 2) = 0.120
    assert information_coefficients(CORRELATED)[1, 0] == pytest.approx(0.120, abs=0.001)


@pytest.mark.parametrize("rules", [PLAIN, CORRELATED], ids=["independent", "correlated"])
@pytest.mark.parametrize(
    "weights", [dict(PLAIN.default_weights), {"technical": 1.0}, {"technical": 0.5, "squeeze": 0.3, "options": 0.2}]
)
def test_what_a_total_score_is_worth_is_what_simulated_totals_are_worth(rules, weights):
    latent, _, shock = draws_of(rules)
    vector = np.array([weights.get(name, 0.0) for name in rules.components])
    total = 100 * norm.cdf(latent) @ vector
    stated = total_coefficients(rules, weights)
    assert stated == pytest.approx(np.corrcoef(total, shock)[0, 1], abs=4 / np.sqrt(N_DRAWS))
    assert spearmanr(total, shock).statistic == pytest.approx(stated[0], rel=0.05, abs=4 / np.sqrt(N_DRAWS))


def test_a_total_score_on_a_step_is_worth_the_step_and_one_on_a_constant_nothing():
    rules = replace(
        PLAIN,
        component_information_coefficients={},
        threshold_effects=(ThresholdEffect(component="technical", score=60.0, lift=0.3),),
        constant_components=(ConstantComponent(component="catalyst", first_session=6),),
    )
    rng = np.random.default_rng(3)
    points = rng.uniform(0, 100, N_DRAWS)
    shock = 0.3 * (points >= 60) + np.sqrt(1 - 0.09 * 0.24) * rng.standard_normal(N_DRAWS)
    stated = total_coefficients(rules, {"technical": 1.0})
    assert stated == pytest.approx(np.corrcoef(points, shock)[0, 1], abs=4 / np.sqrt(N_DRAWS) + 0.001)
    assert total_coefficients(rules, {"catalyst": 1.0}).tolist() == [0.0] * 12
    with_constant = total_coefficients(rules, {"technical": 0.5, "catalyst": 0.5})
    assert with_constant[:6] == pytest.approx(stated[:6] / np.sqrt(2))  # as much noise again in the total
    assert with_constant[6:] == pytest.approx(stated[6:])  # a constant changes no order


@given(st.integers(1, 12), st.sampled_from(["linear", "exponential"]))
def test_no_session_explains_more_than_the_first_when_effects_only_fade(n_sessions, shape):
    decay = DecayingEffect(component="technical", shape=shape, n_sessions=n_sessions)
    explained = explained_variance(replace(PLAIN, decaying_effects=(decay,)))
    assert (np.diff(explained) <= 1e-15).all()
