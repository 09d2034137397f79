"""Years of noise, quick enough for every run; what is promised of weights is in truth/weights_guarantees.py."""

import pytest

from amc_learning_tests.truth.weights_study import null_year


@pytest.mark.slow
def test_years_of_noise_move_no_weight_more_often_than_allowed():
    moved = sum(null_year(seed).is_moved for seed in range(20))
    # At a true rate of 5 % more than 3 of 20 happen once in sixty runs.
    assert moved <= 3


def test_a_year_of_noise_that_moves_nothing_loses_exactly_nothing():
    years = [null_year(seed) for seed in range(3)]
    assert [(year.is_moved, year.loss, year.turnover) for year in years] == [(False, 0.0, 0.0)] * 3
