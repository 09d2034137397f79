"""The changes of the learned weights, read off past decisions: from which weights to which, when, and how each ended.

Belongs here: what a change is. Not here: whether it helped (judgement), deciding anything (learning.weights).
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

YEAR = timedelta(days=365)
WATCHED = YEAR
"""How long a change is judged from its first step on. What is harmful only later is for the nightly evidence to see."""

LOOK_BACK_DAYS = 740
"""Calendar days of decisions from which every change of the last year is known with its number in the year before it;
ten more than two years, so that the first night at hand is none of them."""

GOES_ON_WITHIN = timedelta(days=28)
"""A run that begins so soon after the beginning of the change in force goes on with it: twenty sessions, before which
nothing could be said of that change. As one of its own it would end the watch over it, and be held against the weights
that perhaps did the harm."""

YEARLY_FALSE_ROLLBACK_RATE = 0.05
"""Chance that some change of a year is taken back without ever having harmed."""

IN_FORCE, NEXT_CHANGE, TAKEN_BACK, ORDERED = "in_force", "next_change", "taken_back", "ordered"


@dataclass(frozen=True)
class Promised:
    """Held-out improvement that a change promised on the last night it moved, with its interval."""

    estimate: float | None
    ci_low: float | None
    ci_high: float | None


class LearnedNight(Protocol):
    """What a change is read off: what was learned before and by a night, and why it moved."""

    @property
    def known_on(self) -> date:
        """Knowledge day of the decision."""

    @property
    def learned_before(self) -> Vector:
        """Learned weights of the previous decision."""

    @property
    def learned(self) -> Vector:
        """Learned weights of this one."""

    @property
    def is_learning(self) -> bool:
        """Whether the evidence moved them, or went on to."""

    @property
    def taken_back(self) -> date | None:
        """First night of the change that this night takes back."""

    @property
    def is_ordered(self) -> bool:
        """Whether a person's order held."""

    @property
    def promised(self) -> Promised | None:
        """What the change was expected to bring; None when nothing moved."""


@dataclass
class Change:
    """One change: an unbroken run of learning nights of which at least one moved the learned weights, and the runs that
    begin within `GOES_ON_WITHIN` of its beginning.

    Attributes:
        began_on: first night that moved them.
        before: learned weights until then.
        number: place among the changes that began within a year up to its beginning, from 1.
        steps: nights that moved them, in order, as days since 1970-01-01, with the weights each left; those on which a
            lowered cap did included.
        learned_until: last night of the run so far: evidence known by then has chosen it.
        ended_on: night that replaced it, took it back, or followed a person's order; None while it is in force.
        ended_by: in_force, next_change, taken_back or ordered.
        promised: of the last step that promised something.
    """

    began_on: date
    before: Vector
    number: int
    steps: list[tuple[int, Vector]] = field(default_factory=list)
    learned_until: date = date.min
    ended_on: date | None = None
    ended_by: str = IN_FORCE
    promised: Promised | None = None

    @property
    def after(self) -> Vector:
        """The weights it led to, so far."""
        return self.steps[-1][1]

    @property
    def level(self) -> float:
        """Chance of a false verdict that this change may use up: the k-th of a year gets 1/(k (k + 1)) of all of it.

        >>> round(sum(Change(date.min, np.zeros(1), k).level for k in range(1, 1000)), 4)
        0.05
        """
        return YEARLY_FALSE_ROLLBACK_RATE / (self.number * (self.number + 1))


def _step(night: LearnedNight) -> tuple[int, Vector]:
    return (night.known_on - date(1970, 1, 1)).days, night.learned


class ChangeLog:
    """All changes of the nights added so far, oldest first; grows night by night."""

    def __init__(self) -> None:
        self._changes: list[Change] = []
        self._run: Change | None = None
        """The change the current unbroken run of learning nights belongs to; None before its first step."""
        self._is_taking_back = False

    def add(self, night: LearnedNight) -> None:
        """The next decision, in order of time."""
        moved = not np.array_equal(night.learned, night.learned_before)
        self._is_taking_back = night.taken_back is not None
        if not night.is_learning:
            self._run = None
        if night.taken_back is not None:
            self._end(night.known_on, TAKEN_BACK)
        elif night.is_learning:
            self._learn(night, moved=moved)
        elif moved and night.is_ordered:
            self._end(night.known_on, ORDERED)
        elif moved:
            self._hold_down(night)

    def _hold_down(self, night: LearnedNight) -> None:
        """A cap that was lowered moves what was learned: the change goes on, and is judged by what it is now."""
        last = self._changes[-1] if self._changes else None
        if last is not None and last.ended_on is None:
            last.steps.append(_step(night))

    def _learn(self, night: LearnedNight, *, moved: bool) -> None:
        if self._run is None and moved:
            self._run = self._young(night.known_on)
        if self._run is None and moved:
            self._end(night.known_on, NEXT_CHANGE)
            self._run = Change(night.known_on, night.learned_before, self._number(night.known_on))
            self._changes.append(self._run)
        if self._run is None:
            return
        self._run.learned_until = night.known_on
        if moved:
            self._run.steps.append(_step(night))
        if night.promised is not None:
            self._run.promised = night.promised

    def _young(self, night: date) -> Change | None:
        """The change in force, when it began too lately to be left unwatched."""
        last = self._changes[-1] if self._changes else None
        is_young = last is not None and last.ended_on is None and night - last.began_on < GOES_ON_WITHIN
        return last if is_young else None

    def _end(self, night: date, how: str) -> None:
        last = self._changes[-1] if self._changes else None
        if last is not None and last.ended_on is None:
            last.ended_on, last.ended_by = night, how

    def _number(self, night: date) -> int:
        return 1 + sum(night - change.began_on < YEAR for change in self._changes)

    def goes_on_from(self, night: date) -> Vector | None:
        """The weights before the change that a step of this night would belong to; None when it would begin one."""
        change = self._run or self._young(night)
        return None if change is None else change.before

    def watched(self, night: date) -> list[Change]:
        """Changes that are judged on this night, oldest first: begun within a year before it."""
        return [change for change in self._changes if change.began_on < night <= change.began_on + WATCHED]

    def in_force(self, night: date) -> Change | None:
        """The change that is in force and judged on this night; None when there is none."""
        last = self._changes[-1] if self._changes else None
        return last if last is not None and last.ended_on is None and night <= last.began_on + WATCHED else None

    def being_taken_back(self) -> Change | None:
        """The change that the last night took back, perhaps only in part; None when it did not."""
        return self._changes[-1] if self._is_taking_back and self._changes else None

    def set_aside_until(self, night: date) -> date | None:
        """The night by which evidence has taught a change that was taken back within the last year; None without one.

        Such evidence was contradicted by the days that came after it. Used again it would teach the same at once.
        """
        return max(
            (
                change.learned_until
                for change in self._changes
                if change.ended_by == TAKEN_BACK and change.ended_on is not None and night - change.ended_on <= YEAR
            ),
            default=None,
        )
