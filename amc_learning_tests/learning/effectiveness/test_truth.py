"""Changes on planted truths; what is promised of them is in truth/effectiveness_guarantees.py."""

import numpy as np
import pytest

from amc_learning_tests.truth.effectiveness_study import nights_to_rollback, promises


def test_a_harmful_change_is_taken_back_in_the_median_within_30_sessions():
    """From the true weights to three useless components: 0.098 a day lost, 100 names, 15 markets."""
    after = np.array([0.4, 0.3, 0.3, 0.0, 0.0, 0.0])
    found = [nights_to_rollback(seed, coefficient=0.2, names=100, after=after, n_nights=60)[0] for seed in range(15)]
    assert np.median([np.inf if one is None else one for one in found]) <= 30


def test_every_later_step_of_a_change_that_helps_promises_benefit():
    """Judged against the night before, later steps of a true improvement promised harm."""
    rows = [row for seed in range(6) for row in promises(seed, coefficient=0.2, n_nights=80)]
    later = np.array([row[1:] for row in rows if row[0] >= 1])
    assert len(later) >= 20
    assert (later > 0).all()
    assert later[:, 0].mean() == pytest.approx(later[:, 1].mean(), rel=0.25)
