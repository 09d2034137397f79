from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from scipy.stats import rankdata

from amc_learning.learning.weights.evidence import evidence_from_statistics
from amc_learning_tests.learning.weights.worlds import (
    DEFAULT_VECTOR,
    NAMES,
    evidence_of,
    random_evidence,
    scores_and_returns,
    statistics_table,
    weekdays,
)


def read(statistics, population="selected", horizon="1d"):
    return evidence_from_statistics(statistics, components=NAMES, horizon=horizon, population=population)


def test_coefficient_of_any_total_equals_the_correlation_computed_from_the_candidates():
    scores, returns = scores_and_returns(np.random.default_rng(1), 12)
    evidence = evidence_of(scores, returns, weekdays(12))
    found = evidence.coefficients(DEFAULT_VECTOR)
    expected = [
        np.corrcoef(day @ DEFAULT_VECTOR, rankdata(outcome))[0, 1] for day, outcome in zip(scores, returns, strict=True)
    ]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_total_that_is_constant_orders_nothing():
    evidence = random_evidence(np.random.default_rng(2), 3)
    assert evidence.coefficients(np.zeros(6)).tolist() == [0.0, 0.0, 0.0]


def test_the_order_of_rows_and_foreign_rows_change_nothing():
    statistics = statistics_table(random_evidence(np.random.default_rng(3), 20))
    foreign = pl.concat(
        [
            statistics.with_columns(scope=pl.lit("trade_ready")),
            statistics.with_columns(population=pl.lit("controls")),
            statistics.with_columns(horizon=pl.lit("7d")),
            statistics.filter(pl.col("feature") == "technical").with_columns(feature=pl.lit("total_score")),
        ]
    )
    plain, mixed = read(statistics), read(pl.concat([foreign, statistics]).sample(fraction=1, shuffle=True, seed=1))
    np.testing.assert_array_equal(plain.known_on, mixed.known_on)
    np.testing.assert_array_equal(plain.return_covariances, mixed.return_covariances)
    np.testing.assert_array_equal(plain.score_covariances, mixed.score_covariances)


def test_a_component_without_a_row_says_nothing_that_day():
    statistics = statistics_table(random_evidence(np.random.default_rng(4), 2))
    first = statistics["known_on"].min()
    absent = (pl.col("feature") == "sentiment") & (pl.col("known_on") == first)
    evidence = read(
        statistics.with_columns(return_rank_covariance=pl.when(~absent).then(pl.col("return_rank_covariance")))
    )
    position = NAMES.index("sentiment")
    assert evidence.return_covariances[0, position] == 0
    assert not evidence.score_covariances[0, position].any()
    assert not evidence.score_covariances[0, :, position].any()
    assert evidence.n_varying().tolist() == [2, 2, 2, 1, 2, 2]


def test_a_window_holds_its_first_and_last_day_and_nothing_later():
    evidence = read(statistics_table(random_evidence(np.random.default_rng(5), 40)))
    as_of = weekdays(40)[29]
    window = evidence.window(as_of, 7)
    known_on = [date(1970, 1, 1) + timedelta(days=int(day)) for day in window.known_on]
    assert known_on == [day for day in weekdays(40) if as_of - timedelta(days=7) < day <= as_of]


def test_no_rows_are_no_evidence():
    assert len(read(statistics_table(random_evidence(np.random.default_rng(6), 1)).clear())) == 0


@pytest.mark.parametrize("population", ["universe", "controls"])
def test_an_absent_population_is_no_evidence(population):
    statistics = statistics_table(random_evidence(np.random.default_rng(6), 3))
    assert len(read(statistics, population=population)) == 0


def test_an_entry_session_known_on_two_days_stays_two_cross_sections_each_on_its_own_day():
    """A horizon setting that was edited lets one entry mature again, later."""
    days = weekdays(12)
    first, again = (random_evidence(np.random.default_rng(seed), 6) for seed in (7, 8))
    earlier = statistics_table(first)
    later = statistics_table(again).with_columns(known_on=pl.col("known_on").replace_strict(days[:6], days[6:]))
    evidence = read(pl.concat([later, earlier]))
    assert len(evidence) == 12
    as_of = days[5]
    np.testing.assert_array_equal(evidence.window(as_of, 90).return_covariances, first.return_covariances)
    known_late = evidence.known_on > first.known_on[-1]
    np.testing.assert_array_equal(evidence.return_covariances[known_late], again.return_covariances)
