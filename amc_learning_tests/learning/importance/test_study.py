"""The measured guarantees of splits and importance, on few worlds: enough to notice that the measuring broke."""

import numpy as np

from amc_learning_tests.truth.guarantees import Effort
from amc_learning_tests.truth.importance_study import GUARANTEES, PLANTED, in_planted_order, judged, skills


def test_every_guarantee_is_measured():
    for guarantee in GUARANTEES:
        measured = guarantee.measure(Effort.QUICK)
        assert np.isfinite(measured.value), guarantee.statement
        assert measured.n >= 2


def test_where_nothing_is_to_be_found_shuffled_folds_find_much_and_purged_ones_little():
    found = skills(4)
    assert found["shuffled"].min() > 0.5
    assert found["shuffled"].mean() > found["contiguous"].mean() > found["purged"].mean()


def test_the_planted_order_is_recovered():
    assert all(in_planted_order(world.estimates) for world in judged(PLANTED, 0.0, 1, 2, 62))
