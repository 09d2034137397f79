"""Scores of a card: equal to independent libraries, with intervals that take days as clusters."""

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score

from amc_learning.learning.models.cases import feature_groups
from amc_learning.learning.models.fitting import fit_models
from amc_learning.learning.models.scores import area_under_curve, permutation_importance, score_predictions
from amc_learning_tests.learning.models.worlds import COMPONENTS, RULES, log_odds_of, planted_cases

FIVE = {"overlap_sessions": 5}


@pytest.fixture(scope="module")
def world():
    cases, log_odds = planted_cases(3)
    return cases, 1 / (1 + np.exp(-log_odds))


def test_area_and_brier_score_equal_an_independent_library(world):
    cases, told = world
    coarse = told.round(1)  # ties
    found = score_predictions(cases.days, cases.truth, coarse, np.full(len(cases), 0.3), is_probability=True, **FIVE)
    assert found.area_under_curve.estimate == pytest.approx(roc_auc_score(cases.truth, coarse), abs=1e-12)
    brier, miscalibration, discrimination, uncertainty = found.brier
    assert brier == pytest.approx(brier_score_loss(cases.truth, coarse), abs=1e-12)
    assert brier == pytest.approx(miscalibration - discrimination + uncertainty, abs=1e-12)
    base = np.mean((0.3 - cases.truth) ** 2)
    assert found.skill.estimate == pytest.approx(1 - brier / base, abs=1e-12)
    assert sum(n for _, _, n in found.curve) == len(cases)


def test_the_interval_of_the_area_covers_the_truth_and_is_wider_than_one_that_ignores_days():
    hits, width = [], []
    for seed in range(40):
        cases, log_odds = planted_cases(100 + seed, n_days=200, n_names=10, shock=1.0)
        found = area_under_curve(cases.days, cases.truth, log_odds, **FIVE)
        hits.append((found.ci_low, found.ci_high))
        width.append(found.estimate)
    true_area = np.mean(width)
    assert np.mean([low <= true_area <= high for low, high in hits]) >= 0.85
    assert np.mean([high - low for low, high in hits]) >= 2 * 1.96 * np.std(width) * 0.8


def test_a_prediction_that_is_one_for_all_of_a_day_orders_no_candidates(world):
    cases, _ = world
    by_day = cases.days / cases.days.max() / 2
    found = score_predictions(cases.days, cases.truth, by_day, by_day, is_probability=True, **FIVE)
    assert found.area_under_curve.estimate is None
    assert found.mean_information_coefficient.n == 0
    assert found.skill.estimate == 0


def test_without_cases_nothing_is_said():
    none = np.zeros(0)
    found = score_predictions(none.astype(int), none, none, none, is_probability=True, **FIVE)
    assert (found.area_under_curve.estimate, found.brier, found.curve) == (None, None, ())


def test_the_order_of_cases_changes_no_score(world):
    cases, told = world
    shuffled = np.random.default_rng(0).permutation(len(cases))
    base = np.full(len(cases), 0.3)
    there = score_predictions(cases.days, cases.truth, told, base, is_probability=True, **FIVE)
    back = score_predictions(
        cases.days[shuffled], cases.truth[shuffled], told[shuffled], base, is_probability=True, **FIVE
    )
    for name in ("area_under_curve", "mean_information_coefficient", "skill"):
        assert getattr(there, name).ci_low == pytest.approx(getattr(back, name).ci_low, abs=1e-9)


@pytest.mark.parametrize("kind", ["linear", "boosted"])
def test_importance_finds_what_was_planted_and_nothing_else(kind):
    cases, _ = planted_cases(5, strength=1.2)
    holdout = fit_models(cases, rules=RULES).holdout
    found = dict(permutation_importance(holdout.models[kind], holdout.cases, feature_groups(COMPONENTS), seed=1))
    assert list(found)[:2] == ["volatility", "trend"]
    assert found["volatility"] > 0.05
    assert max(abs(loss) for group, loss in found.items() if group not in ("volatility", "trend")) < 0.03


def test_the_truth_planted_is_the_oracle_of_these_tests(world):
    cases, told = world
    assert told == pytest.approx(1 / (1 + np.exp(-log_odds_of(cases.features, 0.8))))
