from dataclasses import replace

import numpy as np
import pytest

from amc_learning.learning.effectiveness.changes import Change
from amc_learning.learning.effectiveness.judgement import Sections, differences_under, judge_change
from amc_learning.learning.weights.evidence import days_since_epoch
from amc_learning_tests.learning.weights.worlds import DEFAULT_VECTOR, random_evidence, slopes_for, weekdays

DAYS = weekdays(120)
NUMBERS = np.array([days_since_epoch(day) for day in DAYS])
EVIDENCE = random_evidence(np.random.default_rng(1), 120, slopes=slopes_for([0, 0, 0, 0, 1, 1], 0.2), names=100)
SECTIONS = Sections(NUMBERS, NUMBERS, EVIDENCE.return_covariances, EVIDENCE.score_covariances)
BETTER, WORSE = np.array([0, 0, 0, 0, 0.5, 0.5]), np.array([0.5, 0.5, 0, 0, 0, 0])
END = int(NUMBERS[-1])


def change(*steps, before=DEFAULT_VECTOR, number=1, ended_on=None):
    return Change(
        DAYS[steps[0][0]],
        before,
        number,
        [(int(NUMBERS[at]), weights) for at, weights in steps],
        ended_on=None if ended_on is None else DAYS[ended_on],
    )


def test_the_differences_are_those_of_the_re_weighted_totals():
    found = differences_under(change((10, BETTER)), SECTIONS, known_until=END)
    expected = EVIDENCE.coefficients(BETTER) - EVIDENCE.coefficients(DEFAULT_VECTOR)
    np.testing.assert_allclose(found.values, expected[12:], atol=1e-12)
    assert (np.abs(found.values) <= found.bounds).all()


def test_only_days_whose_decisions_may_not_precede_the_change_count():
    """The decisions of an entry may be as old as the entry before it: night 10 is in force from entry 12 on."""
    found = differences_under(change((10, BETTER)), SECTIONS, known_until=END)
    assert found.known_on[0] == NUMBERS[12]
    assert len(differences_under(change((10, BETTER)), SECTIONS, known_until=int(NUMBERS[11])).values) == 0


def test_every_day_is_judged_by_the_vector_in_force_when_it_was_decided():
    found = differences_under(change((10, WORSE), (20, BETTER)), SECTIONS, known_until=END)
    old = EVIDENCE.coefficients(DEFAULT_VECTOR)
    early, late = EVIDENCE.coefficients(WORSE) - old, EVIDENCE.coefficients(BETTER) - old
    np.testing.assert_allclose(found.values[:10], early[12:22], atol=1e-12)
    np.testing.assert_allclose(found.values[10:], late[22:], atol=1e-12)


def test_a_change_that_ended_is_judged_on_its_own_days():
    found = differences_under(change((10, BETTER), ended_on=30), SECTIONS, known_until=END)
    assert found.known_on.tolist() == NUMBERS[12:32].tolist()


def test_later_days_and_labels_not_yet_known_change_nothing():
    late = replace(SECTIONS, known_on=SECTIONS.known_on + 7)
    found = differences_under(change((10, BETTER)), late, known_until=int(NUMBERS[60]))
    assert (found.known_on <= NUMBERS[60]).all()
    cut = Sections(
        *(array[:61] for array in (NUMBERS, NUMBERS, SECTIONS.return_covariances, SECTIONS.score_covariances))
    )
    night = int(NUMBERS[60])
    for one in (change((10, BETTER)), change((10, WORSE))):
        judged = judge_change(one, SECTIONS, known_until=night, overlap_sessions=1)
        assert judged == judge_change(one, cut, known_until=night, overlap_sessions=1)


def test_a_day_on_which_both_order_alike_says_nothing():
    found = differences_under(change((10, DEFAULT_VECTOR * 2)), SECTIONS, known_until=END)
    assert len(found.values) == 0
    judged = judge_change(change((10, DEFAULT_VECTOR)), SECTIONS, known_until=END, overlap_sessions=1)
    assert (judged.n_days, judged.realised, judged.verdict) == (0, None, "too_early")


@pytest.mark.parametrize(
    ("weights", "before", "verdict"),
    [
        (BETTER, WORSE, "helped"),
        (WORSE, BETTER, "harmed"),
        ([0.26, 0.26, 0.2, 0.13, 0.08, 0.07], None, "no_difference"),
    ],
)
def test_verdicts_follow_the_planted_truth(weights, before, verdict):
    one = change((10, np.array(weights)), before=DEFAULT_VECTOR if before is None else before)
    judged = judge_change(one, SECTIONS, known_until=END, overlap_sessions=1)
    assert judged.verdict == verdict
    assert judged.ci_low <= judged.realised <= judged.ci_high
    assert judge_change(one, SECTIONS, known_until=int(NUMBERS[25]), overlap_sessions=1).n_days == 14


def test_a_later_change_of_the_year_needs_more_evidence():
    first, third = (
        judge_change(change((10, WORSE), number=number), SECTIONS, known_until=END, overlap_sessions=1)
        for number in (1, 3)
    )
    assert (first.e_needed, third.e_needed) == pytest.approx((40, 240))
    assert first.e_harm == third.e_harm
