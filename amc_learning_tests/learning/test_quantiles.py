import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from amc_learning.learning.information_coefficient import ranked_pairs
from amc_learning.learning.quantiles import quantile_mean_returns, quantile_turnover, score_quantiles

N_QUANTILES = 10


def quantiles_of(scores, returns):
    return score_quantiles(ranked_pairs(scores, returns, np.ones(len(returns))), N_QUANTILES)


@given(st.lists(st.integers(0, 10_000), unique=True, min_size=2, max_size=80))
def test_without_ties_they_are_those_of_pandas(scores):
    expected = pd.qcut(pd.Series(scores, dtype=float), N_QUANTILES, labels=False) + 1
    assert quantiles_of(np.array([scores], dtype=float), np.zeros(len(scores)))[0].tolist() == expected.tolist()


def test_equal_scores_share_the_quantile_of_their_middle():
    # Average ranks 1, 3, 3, 3, 5 of n = 5: ceil(10 * (k - 1) / 4) = 0 (raised to 1), 5, 5, 5, 10.
    assert quantiles_of(np.array([[1.0, 2, 2, 2, 3]]), np.zeros(5)).tolist() == [[1, 5, 5, 5, 10]]


def test_what_is_no_pair_is_in_no_quantile_and_moves_no_other():
    scores, returns = np.array([[4.0, np.nan, 7, 1, 2]]), np.array([0.1, 0.2, 0.3, 0.4, np.nan])
    # Scores 4, 7, 1 are left: ranks 2, 3, 1 of 3 give ceil(10 * (k - 1) / 2) = 5, 10, 0 (raised to 1).
    assert quantiles_of(scores, returns).tolist() == [[5, 0, 10, 1, 0]]


@given(
    st.lists(st.tuples(st.integers(0, N_QUANTILES), st.floats(-1, 1)), min_size=1, max_size=60),
)
def test_mean_returns_are_those_of_a_group_by(rows):
    quantiles, returns = (np.array(side) for side in zip(*rows, strict=True))
    found = quantile_mean_returns(quantiles[np.newaxis], returns, N_QUANTILES)[0]
    expected = pd.Series(returns).groupby(quantiles).mean().reindex(range(1, N_QUANTILES + 1))
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)


def test_cross_sections_side_by_side_are_each_as_alone():
    generator = np.random.default_rng(5)
    scores, returns = generator.integers(0, 30, (4, 3, 25)).astype(float), generator.normal(size=(4, 25))
    scores[generator.random(scores.shape) < 0.2] = np.nan
    together = score_quantiles(ranked_pairs(scores, returns, np.ones(returns.shape)), N_QUANTILES)
    means = quantile_mean_returns(together, returns, N_QUANTILES)
    for day in range(4):
        alone = quantiles_of(scores[day], returns[day])
        np.testing.assert_array_equal(together[day], alone)
        np.testing.assert_array_equal(means[day], quantile_mean_returns(alone, returns[day], N_QUANTILES))


@given(st.lists(st.lists(st.integers(0, 3), min_size=6, max_size=6), min_size=2, max_size=12), st.integers(1, 3))
def test_turnover_counts_the_members_of_sets(days, lag):
    found = quantile_turnover(np.array(days), 2, lag=lag)
    held = {day: {symbol for symbol, place in enumerate(row) if place == 2} for day, row in enumerate(days)}
    filled = [day for day in held if held[day]]
    expected = np.full(len(days), np.nan)
    for before, day in zip(filled, filled[lag:], strict=False):
        expected[day] = len(held[day] - held[before]) / len(held[day])
    np.testing.assert_allclose(found, expected, atol=1e-15)
