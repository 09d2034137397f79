"""The statistic of blocks and its correction."""

from dataclasses import replace

import numpy as np
import pytest

from amc_learning.learning.patterns.contrasts import Contrasts
from amc_learning.learning.patterns.search import block_sums, inflation, leftover_statistic, search
from amc_learning_tests.learning.patterns.worlds import RULES

N_DAYS = 600
DAYS = np.array([day for day in range(11, 900) if (day + 3) % 7 < 5])[:N_DAYS]
"""Weekdays from Monday 1970-01-12 on, where a block of two weeks begins."""


def contrasts(excess):
    ones = np.ones_like(excess)
    return Contrasts(DAYS[: len(excess)], DAYS[: len(excess)] + 7, 5 * ones, excess, ones)


def noise(rng, n_rules):
    return np.rint(rng.normal(0, 1000, (N_DAYS, n_rules)))


def found(excess, **changes):
    return search(contrasts(excess), n_formed=excess.shape[1], seed=1, rules=replace(RULES, **changes))


def test_a_statistic_is_the_standardised_sum_of_blocks_of_two_weeks():
    excess = noise(np.random.default_rng(1), 3)
    blocks = excess.reshape(60, 10, 3).sum(axis=1)
    expected = blocks.sum(axis=0) / np.sqrt((blocks**2).sum(axis=0)) / np.sqrt(50 / 42)
    np.testing.assert_allclose(found(excess).statistic, expected, rtol=1e-12)
    np.testing.assert_array_equal(block_sums(excess, DAYS, RULES), blocks)


@pytest.mark.parametrize("h", [1, 5, 21])
def test_the_inflation_is_what_full_overlap_adds_to_the_variance_of_a_sum(h):
    rules = replace(RULES, overlap_sessions=h)
    length, n_blocks = rules.block_sessions, 4000
    lags = np.arange(1, h)
    shared = 1 - lags / h
    of_block = length + 2 * ((length - lags) * shared).sum()
    n = length * n_blocks
    of_sum = n + 2 * ((n - lags) * shared).sum()
    assert inflation(rules) == pytest.approx(np.sqrt(of_sum / (n_blocks * of_block)), rel=1e-3)


def test_a_planted_rule_is_found_and_noise_beside_it_is_not():
    excess = noise(np.random.default_rng(2), 200)
    excess[:, 17] += 300
    judged = found(excess)
    assert np.flatnonzero(judged.adjusted <= 0.05).tolist() == [17]
    assert judged.statistic[17] > judged.critical


def test_the_direction_of_a_rule_is_the_sign_of_its_statistic_alone():
    excess = noise(np.random.default_rng(3), 50)
    one, other = found(excess), found(-excess)
    np.testing.assert_array_equal(one.statistic, -other.statistic)
    np.testing.assert_array_equal(one.adjusted, other.adjusted)


def test_a_weaker_rule_is_never_more_significant():
    judged = found(noise(np.random.default_rng(4), 100))
    by_size = judged.adjusted[np.argsort(-np.abs(judged.statistic))]
    assert (np.diff(by_size) >= 0).all()


def test_one_enormous_block_finds_nothing():
    excess = noise(np.random.default_rng(5), 20)
    excess[300, 3] = 1e9
    assert found(excess).adjusted[3] > 0.9


def test_rules_without_support_are_not_tried_and_every_one_tried_is_paid_for():
    rng = np.random.default_rng(6)
    excess = noise(rng, 120)
    excess[:, 0] += 150
    few = contrasts(excess)
    weights = few.weights.copy()
    weights[RULES.min_days - 1 :, 1] = 0
    rare = replace(few, weights=weights)
    judged = search(rare, n_formed=120, seed=1, rules=RULES)
    assert judged.tried.tolist() == [0, *range(2, 120)]
    assert judged.adjusted[0] >= found(excess[:, :5]).adjusted[0]


def test_copies_of_a_rule_cost_nothing():
    excess = noise(np.random.default_rng(7), 30)
    alone, copied = found(excess), found(np.hstack([excess, excess, excess]))
    np.testing.assert_array_equal(copied.adjusted[:30], alone.adjusted)


def test_the_order_of_rules_changes_nothing():
    excess = noise(np.random.default_rng(8), 80)
    order = np.random.default_rng(9).permutation(80)
    np.testing.assert_array_equal(found(excess[:, order]).adjusted, found(excess).adjusted[order])


def test_nothing_to_try_is_an_answer():
    judged = found(np.zeros((N_DAYS, 2)))
    assert judged.tried.tolist() == []
    assert judged.critical == np.inf
    assert leftover_statistic(np.zeros(N_DAYS), DAYS, RULES) == 0.0
