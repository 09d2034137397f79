"""Evidence that may be looked at every week: one on average under the null, settled rarely, found when there."""

from itertools import product

import numpy as np
import pytest

from amc_learning.learning.models.evidence import (
    STAKES,
    DailyDifferences,
    calibrated,
    coefficient_differences,
    e_process,
    judge,
    squared_error_differences,
)
from amc_learning.learning.models.scores import daily_coefficients
from amc_learning_tests.truth.guarantees import Effort
from amc_learning_tests.truth.models_study import false_promotions, power

N = 11


def differences(values, worst=1.0):
    values = np.asarray(values, float)
    return DailyDifferences(np.arange(len(values)), values, np.full(len(values), worst))


SKEWED = [np.where(np.array(pattern), 0.1, -0.9) for pattern in product((False, True), repeat=N)]
"""Gains of 0.1 nine times in ten, losses of 0.9 once: the mean is zero, and most samples look like a sure gain."""
CHANCE = [np.prod(np.where(values > 0, 0.9, 0.1)) for values in SKEWED]


@pytest.mark.parametrize("overlap", [1, 2, 4])
def test_over_all_outcomes_of_a_skewed_null_the_evidence_is_one_on_average(overlap):
    """Exact: every pattern with its probability."""
    found = [judge(differences(values), overlap_sessions=overlap, level=1e-9).e_value for values in SKEWED]
    assert np.dot(found, CHANCE) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("overlap", [1, 2, 4])
@pytest.mark.parametrize("level", [0.9, 0.6])
def test_over_all_outcomes_of_a_skewed_null_it_settles_no_more_often_than_its_level(overlap, level):
    found = [judge(differences(values), overlap_sessions=overlap, level=level).is_settled for values in SKEWED]
    assert np.dot(found, CHANCE) <= level


def test_without_overlap_and_within_a_month_it_is_the_mixed_product_of_bets():
    values = np.random.default_rng(0).uniform(-0.3, 0.4, 20)
    by_hand = np.mean([np.prod(1 + stake * values) for stake in STAKES])
    # The first start holds 0.75, those to come 0.25 at the value 1.
    found = judge(differences(values), overlap_sessions=1, level=1e-9).e_value
    assert found == pytest.approx(0.75 * by_hand + 0.25, rel=1e-12)


def test_labels_that_overlap_make_as_many_products_of_every_hth_day():
    logs = np.random.default_rng(1).normal(0, 0.1, (2, 18))
    by_hand = np.mean([np.mean(np.exp(logs[:, lane::3].sum(axis=1))) for lane in range(3)])
    assert e_process(logs, 3)[-1] == pytest.approx(0.75 * by_hand + 0.25, rel=1e-12)


@pytest.mark.parametrize(("overlap", "mean"), [(1, 0.05), (5, 0.3)])
def test_what_comes_later_takes_back_no_settled_answer(overlap, mean):
    values = np.random.default_rng(2).normal(mean, 0.1, 200)
    settled = [
        judge(differences(values[:n]), overlap_sessions=overlap, level=0.025).is_settled for n in range(1, 201, 4)
    ]
    assert settled == sorted(settled)
    assert settled[-1]


def test_what_is_settled_says_evidence_enough_though_later_days_took_some_of_it_away():
    """Twenty gains of half the worst loss settle it; five losses of nine tenths then leave less than 40."""
    values = np.concatenate([np.full(20, 0.5), np.full(5, -0.9)])
    found = judge(differences(values), overlap_sessions=1, level=0.025)
    assert found.is_settled
    assert found.e_value >= 40


def test_squared_errors_cannot_lose_more_than_the_worst_of_the_day():
    rng = np.random.default_rng(3)
    one, other, truth = rng.random(500), rng.random(500), (rng.random(500) < 0.2).astype(float)
    days = np.repeat(np.arange(50), 10)
    found = squared_error_differences(days, truth, one=one, other=other)
    by_hand = ((other - truth) ** 2 - (one - truth) ** 2).reshape(50, 10).mean(axis=1)
    np.testing.assert_allclose(found.values, by_hand, atol=1e-12)
    assert (found.values >= -found.worst).all()
    against = np.where(one > other, 0.0, 1.0)
    worst = squared_error_differences(days, against, one=one, other=other)
    np.testing.assert_allclose(worst.values, -found.worst, atol=1e-12)


def test_two_kinds_that_say_the_same_leave_no_evidence():
    days, truth, told = np.repeat(np.arange(60), 5), np.tile([0.0, 1, 0, 0, 1], 60), np.full(300, 0.3)
    found = judge(squared_error_differences(days, truth, one=told, other=told), overlap_sessions=1, level=0.025)
    assert (found.mean, found.e_value, found.is_settled) == (0.0, 1.0, False)


def test_coefficients_are_those_of_the_day_and_a_constant_has_none():
    rng = np.random.default_rng(4)
    days, truth, told = np.repeat(np.arange(30), 20), rng.standard_normal(600), rng.standard_normal(600)
    found = coefficient_differences(days, truth, one=told, other=np.zeros(600))
    np.testing.assert_allclose(found.values, daily_coefficients(days, truth, told), atol=1e-12)
    mirrored = coefficient_differences(days, truth, one=np.zeros(600), other=told)
    np.testing.assert_allclose(mirrored.values, -found.values, atol=1e-12)


def test_the_calibrator_gives_one_on_average_when_p_values_are_uniform():
    """Two-sided p-values with either sign as likely make uniform one-sided ones; the integral over them is 1."""
    grid = (np.arange(200_000) + 0.5) / 200_000
    mean = np.mean([(calibrated(1.0, p) + calibrated(-1.0, p)) / 2 for p in grid])
    # The grid misses part of the spike at zero: 1 minus about 1/log of its step.
    assert 0.9 < mean <= 1.0


def test_the_first_record_is_one_look_and_later_days_multiply_it():
    rng = np.random.default_rng(5)
    values = rng.normal(0.02, 0.1, 120)
    later = judge(differences(values[100:]), overlap_sessions=1, level=1e-9).e_value
    first = judge(differences(values[:100]), n_first=100, overlap_sessions=1, level=1e-9).e_value
    both = judge(differences(values), n_first=100, overlap_sessions=1, level=1e-9).e_value
    assert both == pytest.approx(first * later, rel=1e-9)


def test_equal_kinds_are_rarely_promoted_over_two_years_of_weekly_looks():
    measured = false_promotions(Effort.QUICK)
    assert measured.value <= 5 + 2 * measured.standard_error


def test_a_planted_better_kind_is_found():
    assert power(Effort.QUICK).value >= 80
