from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from scipy.stats import spearmanr

from amc_learning.settings import Features
from amc_learning.simulation.rules import (
    DEFAULT_WEIGHTS,
    SAMPLE,
    MarketRules,
    ThesisRules,
    TradeRules,
    Turbulence,
    copula_loadings,
)
from amc_learning.simulation.truths import (
    ConstantComponent,
    CorrelatedComponents,
    DecayingEffect,
    RegimeEffect,
    ReversingEffect,
    ThresholdEffect,
)

STEP = ThresholdEffect(component="squeeze", score=60.0, lift=0.3)
RAREST = CorrelatedComponents(one="squeeze", other="options", correlation=0.9)


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


@pytest.mark.parametrize(
    ("rules", "changes", "complaint"),
    [
        (ThesisRules, {"n_a_session": -1}, "n_a_session is -1"),
        (ThesisRules, {"horizon": 0}, "horizon is 0"),
        (ThesisRules, {"band": 0.0}, "band is 0.0"),
        (ThesisRules, {"recommendation_shares": {"RESEARCH": 1.0}}, "only BUY_MORE, HOLD, TRIM, LIQUIDATE"),
        (ThesisRules, {"recommendation_shares": {"HOLD": 0.9}}, "add up to 1"),
        (ThesisRules, {"recommendation_shares": {"HOLD": 1.5, "TRIM": -0.5}}, "must be 0 or larger"),
        (ThesisRules, {"ai_overstatement": 0.7}, "chances to be right"),
        (ThesisRules, {"failing_chance": 1.1}, "chances to be right"),
        (TradeRules, {"n_a_session": -1}, "n_a_session is -1"),
        (TradeRules, {"position_usd": 0.0}, "position_usd is 0.0"),
        (TradeRules, {"stop": 1.0}, "stop is 1.0"),
        (TradeRules, {"target": 0.0}, "target 0.0"),
        (TradeRules, {"max_sessions": 0}, "max_sessions is 0"),
        (TradeRules, {"share_scaled_in": 0.6, "share_scaled_out": 0.6}, "share_scaled_in is 0.6"),
        (Turbulence, {"first_session": -1, "n_sessions": 5}, "first_session is -1"),
        (Turbulence, {"first_session": 0, "n_sessions": 5, "factor": 0.0}, "factor is 0.0"),
        (Turbulence, {"first_session": 0, "n_sessions": 5, "repeats_after": 5}, "must exceed n_sessions, 5"),
    ],
)
def test_rules_of_theses_trades_and_turbulence_refuse_what_they_cannot_mean(rules, changes, complaint):
    with pytest.raises(ValueError, match=complaint):
        rules(**changes)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"threshold_effects": (replace(STEP, component="sqeeze"),)}, "threshold_effects on .'sqeeze'.*not components"),
        ({"threshold_effects": (STEP, STEP)}, "threshold_effects name .'squeeze'. more than once"),
        ({"threshold_effects": (replace(STEP, component="technical"),)}, "a threshold and a linear effect; plant one"),
        ({"threshold_effects": (STEP,), "correlated_components": (RAREST,)}, "neither correlated"),
        (
            {"threshold_effects": (STEP,), "constant_components": (ConstantComponent(component="squeeze"),)},
            "nor constant",
        ),
        (
            {
                "regime_effects": (RegimeEffect(component="technical", turbulent_information_coefficient=0.0),),
                "turbulence": None,
            },
            "regime_effects need turbulence",
        ),
        (
            {"decaying_effects": (DecayingEffect(component="squeeze", shape="linear", n_sessions=9),)},
            "'squeeze'. decay or reverse and have no linear effect",
        ),
        ({"reversing_effects": (ReversingEffect(component="options", session=9),)}, "'options'. decay or reverse"),
        ({"correlated_components": (RAREST, replace(RAREST, one="options", other="squeeze"))}, "more than once"),
        (
            {
                "correlated_components": (
                    RAREST,
                    replace(RAREST, other="catalyst"),
                    replace(RAREST, one="options", other="catalyst", correlation=-0.9),
                )
            },
            "no scores have all these correlations",
        ),
        (
            {"regime_effects": (RegimeEffect(component="squeeze", turbulent_information_coefficient=0.99),)},
            "more than all of the return",
        ),
    ],
)
def test_truths_that_contradict_each_other_are_refused(changes, complaint):
    with pytest.raises(ValueError, match=complaint):
        replace(SAMPLE, **changes)
