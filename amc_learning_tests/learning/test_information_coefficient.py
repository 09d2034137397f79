import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata, spearmanr
from sklearn.metrics import roc_auc_score

from amc_learning.learning.information_coefficient import (
    MIN_PAIRS,
    areas_under_curve,
    doubled_ranks,
    information_coefficients,
    ranked_pairs,
)

values = st.one_of(st.integers(0, 8).map(float), st.floats(-1e6, 1e6))
unknown_or = st.one_of(st.just(np.nan), values)


def ic(scores, returns, weights=None):
    scores, returns = np.atleast_2d(np.asarray(scores, float)), np.asarray(returns, float)
    weights = np.ones(len(returns)) if weights is None else np.asarray(weights, float)
    return information_coefficients(ranked_pairs(scores, returns, weights))


@given(st.lists(st.tuples(values, values), min_size=MIN_PAIRS, max_size=60))
def test_equals_scipy_with_ties(pairs):
    scores, returns = np.array(pairs).T
    if len(set(scores)) == 1 or len(set(returns)) == 1:
        assert np.isnan(ic(scores, returns)[0])
    else:
        assert ic(scores, returns)[0] == pytest.approx(spearmanr(scores, returns).statistic, abs=1e-12)


@given(st.lists(st.tuples(unknown_or, unknown_or, unknown_or), min_size=1, max_size=30))
def test_each_feature_is_judged_over_its_own_known_pairs(rows):
    one, other, returns = np.array(rows).T
    together = ic([one, other], returns)
    for estimate, scores in zip(together, (one, other), strict=True):
        is_known = ~np.isnan(scores) & ~np.isnan(returns)
        alone = ic(scores[is_known], returns[is_known])[0]
        assert estimate == alone or (np.isnan(estimate) and np.isnan(alone))
        assert np.isnan(estimate) or is_known.sum() >= MIN_PAIRS


@given(st.lists(st.tuples(values, values, st.integers(1, 6)), min_size=MIN_PAIRS, max_size=25))
def test_a_weighted_row_counts_as_that_many_rows(rows):
    scores, returns, weights = np.array(rows).T
    times = weights.astype(int)
    repeated = ic(np.repeat(scores, times), np.repeat(returns, times))[0]
    weighted = ic(scores, returns, weights)[0]
    assert weighted == repeated or (np.isnan(weighted) and np.isnan(repeated))


@given(st.lists(st.tuples(unknown_or, unknown_or, st.integers(1, 1000)), min_size=1, max_size=40), st.randoms())
def test_the_order_of_rows_changes_no_bit(rows, random):
    shuffled = list(rows)
    random.shuffle(shuffled)
    (scores, returns, weights), (scores_2, returns_2, weights_2) = np.array(rows).T, np.array(shuffled).T
    np.testing.assert_array_equal(ic(scores, returns, weights), ic(scores_2, returns_2, weights_2))


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=MIN_PAIRS, max_size=30))
def test_any_increasing_rescaling_of_the_score_changes_no_bit(pairs):
    scores, returns = np.array(pairs, float).T
    np.testing.assert_array_equal(ic(scores, returns), ic(np.expm1(scores / 10), returns))


def test_perfect_order_is_exactly_one():
    ranks = np.arange(1000.0)
    assert ic([ranks, -ranks], ranks).tolist() == [1.0, -1.0]


@pytest.mark.parametrize("n", [0, 1, MIN_PAIRS - 1])
def test_too_few_pairs_are_not_estimated(n):
    assert np.isnan(ic(np.arange(n)[np.newaxis], np.arange(n))[0])


@given(st.lists(unknown_or, min_size=1, max_size=40))
def test_doubled_ranks_are_those_of_scipy(row):
    known = ~np.isnan(row)
    ranks = doubled_ranks(np.array([row]), np.ones(len(row))).by_count[0][known]
    np.testing.assert_array_equal(ranks, 2 * rankdata(np.array(row)[known]) - 1)


@given(st.lists(st.tuples(values, st.booleans(), st.integers(1, 5)), min_size=1, max_size=40))
def test_area_under_curve_equals_scikit_learn_weighted_or_not(rows):
    scores, is_winner, weights = np.array(rows).T
    is_winner = is_winner.astype(bool)
    returns = np.zeros(len(scores))
    for weight in (np.ones(len(scores)), weights):
        area = areas_under_curve(ranked_pairs(scores[np.newaxis], returns, weight), is_winner)[0]
        if is_winner.all() or not is_winner.any():
            assert np.isnan(area)
        else:
            assert area == pytest.approx(roc_auc_score(is_winner, scores, sample_weight=weight), abs=1e-12)


def test_area_under_curve_ignores_winners_whose_score_is_unknown():
    pairs = ranked_pairs(np.array([[1.0, 2.0, np.nan]]), np.zeros(3), np.ones(3))
    assert np.isnan(areas_under_curve(pairs, np.array([False, False, True]))[0])


def test_large_weights_lose_no_more_than_rounding():
    rng = np.random.default_rng(0)
    scores, returns = rng.normal(size=(2, 500))
    weights = rng.integers(1, 1_000_000, 500).astype(float)
    x, y = (doubled_ranks(side[np.newaxis], weights).by_weight[0] for side in (scores, returns))
    covariance = np.cov(x, y, aweights=weights)
    expected = covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])
    assert ic(scores, returns, weights)[0] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("share_unknown", [0.0, 0.3], ids=["known at every horizon", "each horizon lacks its own"])
@pytest.mark.parametrize("heaviest", [1, 4])
def test_several_horizons_of_the_same_decisions_are_each_as_alone(share_unknown, heaviest):
    generator = np.random.default_rng(3)
    scores = generator.integers(0, 25, (4, 40)).astype(float)
    returns = generator.normal(size=(3, 40))
    scores[0, generator.random(40) < 0.2] = np.nan
    returns[generator.random(returns.shape) < share_unknown] = np.nan
    weights = generator.integers(1, heaviest + 1, 40).astype(float)
    is_winner = returns > 0.5
    together = ranked_pairs(scores, returns, weights)
    for horizon in range(3):
        alone = ranked_pairs(scores, returns[horizon], weights)
        np.testing.assert_array_equal(information_coefficients(together)[horizon], information_coefficients(alone))
        np.testing.assert_array_equal(
            areas_under_curve(together, is_winner)[horizon], areas_under_curve(alone, is_winner[horizon])
        )
