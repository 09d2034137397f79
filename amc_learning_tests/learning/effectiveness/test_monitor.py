from itertools import product

import numpy as np
import pytest

from amc_learning.learning.effectiveness.interval import MIN_DAYS, confidence_sequence
from amc_learning.learning.effectiveness.monitor import SESSIONS_BETWEEN_STARTS, watch

SIZES = np.array([0.1, 0.02, 0.3, 0.1, 0.15, 0.01, 0.2, 0.1, 0.4, 0.05])
EVERY_SIGN = [np.array(signs) * SIZES for signs in product((-1.0, 1.0), repeat=len(SIZES))]


def watched(values, *, sessions=1, level=0.05):
    values = np.asarray(values, float)
    return watch(values, np.ones(len(values)), overlap_sessions=sessions, level=level)


@pytest.mark.parametrize("sessions", [1, 2, 3])
def test_over_all_signs_of_symmetric_differences_the_evidence_is_one_on_average_or_less(sessions):
    """Exact: all 2^10 sign patterns of fixed sizes are equally likely under the null."""
    found = [watched(values, sessions=sessions) for values in EVERY_SIGN]
    for side in ("e_harm", "e_help"):
        assert np.mean([getattr(one, side) for one in found]) <= 1 + 1e-12


@pytest.mark.parametrize("sessions", [1, 2, 3])
@pytest.mark.parametrize("level", [0.5, 0.25, 0.1])
def test_over_all_signs_harm_is_decided_no_more_often_than_its_level(sessions, level):
    found = [watched(values, sessions=sessions, level=level).harmed_at is not None for values in EVERY_SIGN]
    assert np.mean(found) <= level


def test_harm_and_benefit_mirror_each_other():
    values = np.random.default_rng(1).normal(0.03, 0.1, 100)
    there, back = watched(values), watched(-values)
    assert (there.e_harm, there.harmed_at) == (back.e_help, back.helped_at)


@pytest.mark.parametrize("sessions", [1, 5])
def test_what_comes_later_changes_no_earlier_decision(sessions):
    values = np.random.default_rng(2).normal(-0.08, 0.1, 150)
    decided = watched(values, sessions=sessions).harmed_at
    assert decided is not None
    for n in range(1, 151):
        assert watched(values[:n], sessions=sessions).harmed_at == (decided if n > decided else None)


def test_bounds_only_scale():
    values = np.random.default_rng(3).normal(-0.05, 0.1, 80)
    halved = watch(values / 2, np.full(80, 0.5), overlap_sessions=1, level=0.05)
    assert halved == watched(values)


def test_labels_that_overlap_are_decided_on_only_when_the_outstanding_ones_are_known():
    """The line is reached, and the two labels outstanding then speak against it: no decision."""
    harmful = np.full(60, -0.1)
    decided = watched(harmful, sessions=3).harmed_at
    plain = next(n for n in range(1, 61) if watched(harmful[:n], sessions=3).e_harm >= 20)
    assert decided == plain - 1 + 2
    doubtful = harmful.copy()
    doubtful[plain : plain + 2] = 0.9
    assert watched(doubtful[: plain + 2], sessions=3).e_harm < 20
    assert watched(doubtful[: plain + 2], sessions=3).harmed_at is None


def test_harm_that_comes_after_months_of_benefit_is_found_within_three_months():
    """A new start comes within 21 sessions; its share is 1/80 at least, so it takes log(40 * 80 * 3) = 9.2 at a growth
    of about a quarter a session (mean as large as the deviation): 37 more."""
    n = 5 * SESSIONS_BETWEEN_STARTS
    rng = np.random.default_rng(4)
    values = np.concatenate([rng.normal(0.1, 0.1, n), rng.normal(-0.1, 0.1, 60)])
    found = watched(values, level=0.025)
    assert found.helped_at is not None
    assert n < found.harmed_at < n + 63


def test_no_days_are_no_evidence():
    assert watched([]) == watch(np.zeros(0), np.zeros(0), overlap_sessions=5, level=0.05)
    assert (watched([]).e_harm, watched([]).harmed_at) == (1.0, None)


@pytest.mark.parametrize("sessions", [1, 5])
def test_the_interval_needs_twenty_labels_that_do_not_overlap(sessions):
    values = np.random.default_rng(5).normal(0.02, 0.1, MIN_DAYS * sessions)
    assert confidence_sequence(values[:-1], overlap_sessions=sessions) is None
    low, high = confidence_sequence(values, overlap_sessions=sessions)
    assert low < values.mean() < high
    assert confidence_sequence(np.full(200, 0.1), overlap_sessions=sessions) is None


def test_the_interval_narrows_with_the_days():
    values = np.random.default_rng(6).normal(0.02, 0.1, 250)
    widths = [np.diff(confidence_sequence(values[:n], overlap_sessions=1))[0] for n in (30, 60, 120, 250)]
    assert widths == sorted(widths, reverse=True)
