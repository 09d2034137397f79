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
    log = log_of(
        Night(DAYS[0], A, B, is_learning=True),
        Night(DAYS[1], B, B),
        Night(DAYS[2], B, C, is_learning=True),
        Night(DAYS[3], C, A),
        Night(DAYS[4], A, B, is_learning=True),
        Night(DAYS[5], B, A, taken_back=DAYS[4]),
    )
    first, second, third = log.watched(DAYS[6])
    assert [(one.ended_by, one.ended_on) for one in (first, second, third)] == [
        (NEXT_CHANGE, DAYS[2]),
        (ORDERED, DAYS[3]),
        (TAKEN_BACK, DAYS[5]),
    ]
    assert [one.number for one in (first, second, third)] == [1, 2, 3]
    assert log.in_force(DAYS[6]) is None
    assert log.being_taken_back() is third


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
        log.add(Night(DAYS[at + 1], B, A))
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
