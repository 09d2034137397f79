import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from amc_learning.learning.theses.wilson import wilson_interval

COUNTS = st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(COUNTS)
def test_equals_statsmodels(counts):
    n_right, n = counts
    theirs = proportion_confint(n_right, n, alpha=0.05, method="wilson")
    assert [float(end) for end in wilson_interval(n_right / n, n)] == pytest.approx(theirs, abs=1e-12)


@given(COUNTS)
def test_lies_within_0_and_1_around_the_share(counts):
    n_right, n = counts
    low, high = wilson_interval(n_right / n, n)
    assert 0 <= low <= n_right / n <= high <= 1


@given(COUNTS)
def test_the_interval_of_the_complement_is_the_mirror_image(counts):
    n_right, n = counts
    low, high = wilson_interval(n_right / n, n)
    mirrored_low, mirrored_high = wilson_interval((n - n_right) / n, n)
    assert [1 - mirrored_high, 1 - mirrored_low] == pytest.approx([float(low), float(high)], abs=1e-12)


def test_each_end_is_a_share_the_score_test_just_does_not_reject():
    # |0.7 - p| = 1.96 sqrt(p (1 - p) / 40) at both ends.
    for end in wilson_interval(0.7, 40, quantile=1.96):
        assert abs(0.7 - end) == pytest.approx(1.96 * np.sqrt(end * (1 - end) / 40), abs=1e-12)


def test_nothing_observed_has_no_interval():
    low, high = wilson_interval(np.array([np.nan, 0.5, 0.5]), np.array([0, 0, np.nan]))
    assert np.isnan(low).all() and np.isnan(high).all()


def test_fewer_effective_observations_and_a_wider_quantile_both_widen():
    (low, high), (fewer_low, fewer_high) = wilson_interval(0.3, 630), wilson_interval(0.3, 63.5)
    assert fewer_low < low < high < fewer_high
    student_low, student_high = wilson_interval(0.3, 630, quantile=2.3)
    assert student_low < low < high < student_high
