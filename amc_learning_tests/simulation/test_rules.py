from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from scipy.stats import spearmanr

from amc_learning.settings import Features
from amc_learning.simulation.rules import DEFAULT_WEIGHTS, SAMPLE, MarketRules, copula_loadings


def test_default_weights_are_those_of_the_settings_in_the_same_order():
    assert list(DEFAULT_WEIGHTS.items()) == list(Features().default_weights.items())


@pytest.mark.parametrize("rank_correlation", [-0.6, -0.1, 0.05, 0.3, 0.9])
def test_loadings_give_normal_pairs_the_rank_correlation_asked_for(rank_correlation):
    (loading,) = copula_loadings([rank_correlation])
    one, other = np.random.default_rng(7).standard_normal((2, 200_000))
    measured = spearmanr(one, loading * one + np.sqrt(1 - loading**2) * other).statistic
    assert measured == pytest.approx(rank_correlation, abs=4 / np.sqrt(200_000))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"seed": -1}, "seed is -1"),
        ({"n_sessions": 0}, "n_sessions is 0"),
        ({"n_symbols": 99}, "candidates and controls together need 100"),
        ({"n_candidates": -1}, "n_candidates is -1"),
        ({"default_weights": {"technical": -0.1, "sentiment": 1.1}}, "default_weights are"),
        ({"default_weights": {}, "component_information_coefficients": {}}, "positive sum"),
        ({"component_information_coefficients": {"tecnical": 0.1}}, "'tecnical'"),
        ({"component_information_coefficients": {"technical": 0.8, "sentiment": -0.8}}, "more than all of the return"),
        ({"component_information_coefficients": {"technical": float("nan")}}, "more than all of the return"),
        ({"score_persistence": 1.0}, "score_persistence is 1.0"),
        ({"volatility": 0.0}, "volatility is 0.0"),
        ({"share_missing_bars": 1.0}, "share_missing_bars is 1.0"),
        ({"share_missing_scores": -0.1}, "share_missing_scores is -0.1"),
    ],
)
def test_values_outside_their_bounds_are_refused_by_name(changes, complaint):
    with pytest.raises(ValueError, match=complaint):
        replace(SAMPLE, **changes)


def test_components_without_a_planted_effect_have_none():
    rules = MarketRules(
        seed=1,
        first_session=date(2024, 1, 2),
        n_sessions=1,
        n_symbols=100,
        default_weights={"alpha": 0.5, "beta": 0.5},
        component_information_coefficients={"beta": -0.2},
    )
    assert (rules.components, rules.information_coefficients) == (("alpha", "beta"), (0.0, -0.2))
