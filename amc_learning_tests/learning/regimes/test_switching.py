"""The model of two states: the filter against statsmodels' own, the fit against the returns it was simulated from."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.tsa.regime_switching.markov_regression import MarkovRegression

from amc_learning.learning.regimes.switching import (
    StateParameters,
    SwitchingModel,
    filtered_turbulent_probabilities,
    fit_switching,
)

CALM, TURBULENT = StateParameters(0.0005, 0.008**2, 0.99), StateParameters(-0.001, 0.025**2, 0.97)


def simulated(n: int, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    state = np.zeros(n, dtype=int)
    for day in range(1, n):
        stay = (CALM, TURBULENT)[state[day - 1]].stay_probability
        state[day] = state[day - 1] if generator.random() < stay else 1 - state[day - 1]
    mean, deviation = np.array([[it.mean, it.variance**0.5] for it in (CALM, TURBULENT)]).T
    return mean[state] + deviation[state] * generator.standard_normal(n), state


@pytest.fixture(scope="module")
def returns():
    return simulated(1260, seed=3)[0]


@settings(max_examples=25, deadline=None)
@given(
    volatilities=st.tuples(st.floats(0.003, 0.01), st.floats(0.011, 0.05)),
    stays=st.tuples(st.floats(0.5, 0.999), st.floats(0.5, 0.999)),
    seed=st.integers(0, 1000),
)
def test_the_filter_equals_that_of_statsmodels(volatilities, stays, seed):
    observed = 0.012 * np.random.default_rng(seed).standard_t(4, 300)
    model = SwitchingModel(*(StateParameters(0.0, v**2, p) for v, p in zip(volatilities, stays, strict=True)))
    parameters = [stays[0], 1 - stays[1], 0.0, 0.0, *(v**2 for v in volatilities)]
    theirs = MarkovRegression(observed, k_regimes=2, trend="c", switching_variance=True).filter(parameters)
    ours = filtered_turbulent_probabilities(model, observed.tolist())
    assert np.abs(np.array(ours) - theirs.filtered_marginal_probabilities[:, 1]).max() < 1e-8


def test_going_on_from_a_probability_equals_filtering_from_the_start(returns):
    model = SwitchingModel(CALM, TURBULENT)
    whole = filtered_turbulent_probabilities(model, returns.tolist())
    rest = filtered_turbulent_probabilities(model, returns[700:].tolist(), before=whole[699])
    assert rest == whole[700:]


def test_a_return_far_out_is_turbulent_and_not_an_error():
    assert filtered_turbulent_probabilities(SwitchingModel(CALM, TURBULENT), [-0.9, 0.9]) == [1.0, 1.0]


def test_the_fit_recovers_the_states_it_was_simulated_from(returns):
    fit = fit_switching(returns)
    assert fit.problem is None
    # 1,260 sessions, about a quarter turbulent: the standard error of a volatility is about 5 %.
    for found, true in ((fit.model.calm, CALM), (fit.model.turbulent, TURBULENT)):
        assert found.variance**0.5 == pytest.approx(true.variance**0.5, rel=0.15)
        assert found.stay_probability == pytest.approx(true.stay_probability, abs=0.03)


def test_no_other_start_of_statsmodels_finds_a_likelier_model(returns):
    ours = fit_switching(returns).log_likelihood
    percent = 100 * returns
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        regression = MarkovRegression(percent, k_regimes=2, trend="c", switching_variance=True)
        searched = regression.fit(search_reps=5, rng=1, disp=0, cov_type="none")
    assert ours >= searched.llf - 1e-3


@pytest.mark.parametrize("seed", range(5))
def test_the_turbulent_state_is_always_the_more_volatile_one(seed):
    model = fit_switching(simulated(400, seed=seed)[0]).model
    assert model.turbulent.variance >= model.calm.variance


def test_turning_time_round_leaves_the_names_of_the_states(returns):
    forward, backward = fit_switching(returns).model, fit_switching(returns[::-1]).model
    # A Markov chain of two states looks the same backwards; the likelihood differs by its first day only.
    assert backward.turbulent.variance == pytest.approx(forward.turbulent.variance, rel=0.02)


def test_states_that_cannot_be_told_apart_are_a_problem():
    near = StateParameters(0.0, 1.44 * CALM.variance, 0.97)
    assert "factor of 1.20" in SwitchingModel(CALM, near).problem
    brief = StateParameters(0.0, TURBULENT.variance, 0.5)
    assert "lasts 2.0 sessions" in SwitchingModel(CALM, brief).problem
    assert SwitchingModel(CALM, TURBULENT).problem is None
