from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from amc_learning.learning.effectiveness.changes import (
    IN_FORCE,
    NEXT_CHANGE,
    ORDERED,
    TAKEN_BACK,
    YEARLY_FALSE_ROLLBACK_RATE,
    ChangeLog,
    Promised,
)
from amc_learning_tests.learning.weights.worlds import weekdays

DAYS = weekdays(600)
A, B, C = np.eye(3)


@dataclass(frozen=True)
class Night:
    known_on: date
    learned_before: np.ndarray
    learned: np.ndarray
    is_learning: bool = False
    taken_back: date | None = None
    is_ordered: bool = False
    promised: Promised | None = None


def log_of(*nights):
    log = ChangeLog()
    for night in nights:
        log.add(night)
    return log


def test_a_run_of_learning_nights_is_one_change_from_the_weights_before_it():
    log = log_of(
        Night(DAYS[0], A, A),
        Night(DAYS[1], A, B, is_learning=True, promised=Promised(0.01, 0.0, 0.02)),
        Night(DAYS[2], B, B, is_learning=True),
        Night(DAYS[3], B, C, is_learning=True, promised=Promised(0.03, 0.0, 0.06)),
        Night(DAYS[4], C, C),
    )
    (change,) = log.watched(DAYS[5])
    assert (change.began_on, change.learned_until, change.ended_by) == (DAYS[1], DAYS[3], IN_FORCE)
    assert change.before is A
    assert change.after is C
    assert len(change.steps) == 2
    assert change.promised == Promised(0.03, 0.0, 0.06)
    assert log.in_force(DAYS[5]) is change


def test_a_run_that_moves_nothing_is_no_change_and_ends_none():
    log = log_of(Night(DAYS[0], A, B, is_learning=True), Night(DAYS[1], B, B), Night(DAYS[2], B, B, is_learning=True))
    assert log.in_force(DAYS[3]).began_on == DAYS[0]
    assert len(log.watched(DAYS[3])) == 1


def test_the_next_change_an_order_and_a_rollback_end_a_change():
    """Twenty weekdays later, because what begins sooner goes on with the change in force."""
    log = log_of(
        Night(DAYS[0], A, B, is_learning=True),
        Night(DAYS[1], B, B),
        Night(DAYS[20], B, C, is_learning=True),
        Night(DAYS[21], C, A, is_ordered=True),
        Night(DAYS[22], A, B, is_learning=True),
        Night(DAYS[23], B, A, taken_back=DAYS[22]),
    )
    first, second, third = log.watched(DAYS[24])
    assert [(one.ended_by, one.ended_on) for one in (first, second, third)] == [
        (NEXT_CHANGE, DAYS[20]),
        (ORDERED, DAYS[21]),
        (TAKEN_BACK, DAYS[23]),
    ]
    assert [one.number for one in (first, second, third)] == [1, 2, 3]
    assert log.in_force(DAYS[24]) is None
    assert log.being_taken_back() is third


def test_what_begins_before_the_change_in_force_can_be_judged_goes_on_with_it():
    """Else a harmful change could be followed by a tiny one, which is held against the harmful weights."""
    log = log_of(
        Night(DAYS[0], A, B, is_learning=True),
        Night(DAYS[1], B, B),
        Night(DAYS[19], B, C, is_learning=True, promised=Promised(0.01, 0.0, 0.02)),
        Night(DAYS[20], C, C),
    )
    (change,) = log.watched(DAYS[21])
    assert change.before is A
    assert change.after is C
    assert (change.began_on, change.learned_until, change.number) == (DAYS[0], DAYS[19], 1)
    assert change.promised == Promised(0.01, 0.0, 0.02)


def test_a_night_knows_before_it_steps_which_change_the_step_would_go_on_with():
    log = log_of(Night(DAYS[0], A, B, is_learning=True), Night(DAYS[1], B, B))
    assert log.goes_on_from(DAYS[19]) is A
    assert log.goes_on_from(DAYS[20]) is None
    log.add(Night(DAYS[19], B, C, is_learning=True))
    assert log.goes_on_from(DAYS[20]) is A


def test_a_lowered_cap_ends_no_change_which_is_judged_by_what_it_leaves_of_it():
    log = log_of(Night(DAYS[0], A, B, is_learning=True), Night(DAYS[1], B, C), Night(DAYS[2], C, C))
    change = log.in_force(DAYS[3])
    assert (change.began_on, change.ended_by) == (DAYS[0], IN_FORCE)
    assert change.before is A
    assert change.after is C
    assert len(log.watched(DAYS[3])) == 1


def test_a_change_is_judged_for_a_year():
    log = log_of(Night(DAYS[0], A, B, is_learning=True))
    last = DAYS[0] + timedelta(days=365)
    assert log.watched(DAYS[0]) == []
    assert log.watched(last) == [log.in_force(last)]
    assert log.in_force(last + timedelta(days=1)) is None


def test_the_changes_of_any_year_share_one_error():
    log = log_of(
        *(Night(DAYS[at], (A, B)[at % 2], (B, A)[at % 2], is_learning=at % 2 == 0) for at in range(0, 500, 2)),
    )
    del log
    levels = []
    log = ChangeLog()
    for at in range(0, 500, 10):
        log.add(Night(DAYS[at], A, B, is_learning=True))
        levels.append((DAYS[at], log.in_force(DAYS[at + 1]).level))
        log.add(Night(DAYS[at + 1], B, A, is_ordered=True))
    for start, _ in levels:
        within = [level for day, level in levels if start <= day < start + timedelta(days=365)]
        assert sum(within) <= YEARLY_FALSE_ROLLBACK_RATE


def test_evidence_of_a_change_taken_back_is_set_aside_for_a_year():
    log = log_of(
        Night(DAYS[0], A, B, is_learning=True),
        Night(DAYS[1], B, B, is_learning=True),
        Night(DAYS[2], B, B),
        Night(DAYS[3], B, A, taken_back=DAYS[0]),
        Night(DAYS[4], A, A),
    )
    assert log.set_aside_until(DAYS[5]) == DAYS[1]
    assert log.set_aside_until(DAYS[3] + timedelta(days=365)) == DAYS[1]
    assert log.set_aside_until(DAYS[3] + timedelta(days=366)) is None
    assert log.being_taken_back() is None
