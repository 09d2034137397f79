"""On simulated selection: the bias without controls, and its absence with them. The long study is in truth."""

from dataclasses import replace

import numpy as np
import pytest
from statsmodels.stats.weightstats import DescrStatsW

from amc_learning.learning.daily_statistics import daily_statistics
from amc_learning.simulation.effects import information_coefficients
from amc_learning_tests.truth.selected_markets import (
    BORROWED,
    HORIZONS,
    LEADING,
    NULL,
    PLANTED,
    SELECTION,
    USELESS,
    WEAK,
    WRONG_SIGN,
    many,
    shown_decisions,
    simulated_universe,
    true_coefficients,
)
from amc_learning_tests.truth.selection_study import biases, lift_covered, mean_and_error, said_to_pay, true_lift
from amc_learning_tests.truth.selection_weights_study import gains

N_SIMULATIONS = 8


def place(feature):
    return SELECTION.features.index(feature)


def test_the_closed_form_of_one_session_is_that_of_the_simulation():
    stated = information_coefficients(SELECTION.rules(0))[:, 0]
    assert true_coefficients(SELECTION, 1) == pytest.approx(stated, abs=1e-12)
    # half of what the leading one shows, by their correlation of .5, but for the curve of the arcsine
    assert stated[place(BORROWED)] == pytest.approx(PLANTED[LEADING] / 2, rel=0.01)


@pytest.mark.parametrize(("horizon", "sessions"), HORIZONS.items())
def test_every_scored_symbol_together_shows_the_closed_form(horizon, sessions):
    """A rank correlation over n = 240 is expected at (3 tau + (n - 2) rho) / (n + 1): 0.4 % below rho."""
    everyone = np.array([one.of_everyone[horizon][:-1] for one in many(SELECTION, N_SIMULATIONS)])
    mean, error = mean_and_error(everyone)
    assert np.abs(mean - true_coefficients(SELECTION, sessions) * 240 / 241).max() < (4 * error).max()


def test_the_estimate_of_a_day_is_the_weighted_correlation_of_weighted_ranks():
    """By hand: the rank of a value is the share of the universe below it, plus half the share that equals it."""
    world = replace(SELECTION, n_days=3)
    decisions = shown_decisions(world, simulated_universe(world, 5), np.random.default_rng(5)).filter(horizon="1d")
    found = daily_statistics(decisions, components=world.features[:-1]).filter(population="universe", scope="all")
    for (day,), one in decisions.group_by("known_on"):
        # 50 selected stand for themselves, 50 controls for the 190 others
        design = np.where(one["is_selected"], 1.0, 190 / 50)
        for feature in world.features:
            is_pair = one[feature].is_not_null().to_numpy()
            weights = design[is_pair]
            ranks = [
                (weights * (values < values[:, None])).sum(1) + (weights * (values == values[:, None])).sum(1) / 2
                for values in (one[name].to_numpy()[is_pair].astype(float) for name in (feature, "forward_return"))
            ]
            expected = DescrStatsW(np.column_stack(ranks), weights=weights).corrcoef[0, 1]
            row = found.filter(known_on=day, feature=feature).row(0, named=True)
            assert row["information_coefficient"] == pytest.approx(expected, abs=1e-12)


def test_the_selected_understate_what_selected_them_and_speak_against_what_did_not():
    """Truth .12, .01, 0 and -.08: the first three come out lower by .01 or more, and two of them below zero."""
    mean, error = biases(SELECTION, N_SIMULATIONS, population="selected", horizon="1d")
    everyone = np.mean([one.of_everyone["1d"] for one in many(SELECTION, N_SIMULATIONS)], axis=0)
    for feature in (LEADING, WEAK, USELESS, BORROWED):
        assert mean[place(feature)] < -2 * error[place(feature)]
    assert (everyone + mean)[place(WEAK)] < 0
    assert (everyone + mean)[place(USELESS)] < 0
    assert (everyone + mean)[place(WRONG_SIGN)] < PLANTED[WRONG_SIGN]


def test_with_controls_no_component_is_biased_beyond_the_monte_carlo_error():
    """Seven features: the largest of seven deviations stays within four standard errors."""
    mean, error = biases(SELECTION, N_SIMULATIONS, population="universe", horizon="1d")
    assert np.abs(mean / error).max() < 4
    assert np.abs(mean).max() < 0.012


def test_selection_that_works_is_found_and_noise_is_not():
    n = N_SIMULATIONS
    # binomial: 8 intervals of 95 % hold the truth in 5 or more with probability 0.9996
    assert lift_covered(SELECTION, n, horizon="1d") >= 5
    assert said_to_pay(SELECTION, n, horizon="1d") >= 6
    assert said_to_pay(NULL, 4, horizon="1d") <= 1
    assert true_lift(SELECTION, n, horizon="1d") > 0


def test_weights_learned_on_the_selected_alone_lose_nothing_where_effects_are_linear():
    """The best linear predictor stays what it is among those selected by the predictors themselves."""
    (gain,) = gains("the leading one has the wrong sign", 1, 120, "selected")
    assert gain > 0.02
