"""Quick seeded versions of truth/weights_study.py: noise moves nothing, planted truths are found."""

import numpy as np
import pytest

from amc_learning_tests.learning.weights.worlds import DEFAULT_VECTOR, EQUAL_VECTOR
from amc_learning_tests.truth.weights_study import (
    SMALL_WORLDS,
    moves_in_a_null_year,
    null_loss,
    share_of_oracle_gain,
    small_world,
)


@pytest.mark.slow
def test_years_of_noise_move_no_weight_more_often_than_allowed():
    moved = sum(moves_in_a_null_year(seed) for seed in range(20))
    # At a true rate of 5 % more than 3 of 20 happen once in sixty runs.
    assert moved <= 3


def test_a_year_of_noise_that_moves_nothing_loses_exactly_nothing():
    losses = [null_loss(seed) for seed in range(3)]
    assert losses == [0.0, 0.0, 0.0]


@pytest.mark.slow
def test_a_strong_planted_truth_gives_most_of_the_oracles_gain_after_120_nights():
    shares = [share_of_oracle_gain(seed, coefficient=0.3) for seed in range(5)]
    assert np.mean(shares) >= 0.8


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL_WORLDS)
@pytest.mark.parametrize("in_force", [EQUAL_VECTOR, DEFAULT_VECTOR], ids=["equal", "default"])
def test_in_small_samples_the_suggestion_is_no_worse_than_what_is_in_force(name, in_force):
    found = [small_world(seed, slopes=SMALL_WORLDS[name], sessions=1, in_force=in_force) for seed in range(100)]
    lead = np.array([one["suggested"] - one["in force"] for one in found])
    assert lead.mean() >= -2 * lead.std(ddof=1) / np.sqrt(len(lead)) - 0.001
