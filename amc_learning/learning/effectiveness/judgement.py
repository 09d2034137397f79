"""What a change promised and what came of it: the daily difference on days decided under it.

Belongs here: which days count, the differences, the verdict. Not here: what a change is (changes), the test (monitor),
what is done about harm (learning.weights).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from amc_learning.learning.effectiveness.changes import Change
from amc_learning.learning.effectiveness.interval import MIN_DAYS, confidence_sequence
from amc_learning.learning.effectiveness.monitor import watch

Vector = NDArray[np.float64]
Days = NDArray[np.int64]

TOO_EARLY, HELPED, NO_DIFFERENCE, HARMED = "too_early", "helped", "no_difference", "harmed"

LEAST_BOUND = 1e-6
"""Two totals that are nearer than this order the candidates alike: such a day says nothing."""

_NO_VARIANCE = 1e-12


@dataclass(frozen=True)
class Sections:
    """Cross-sections of one horizon and population, oldest entry first; days are counted from 1970-01-01.

    Attributes:
        entered_on: entry session.
        known_on: day on which the outcomes became known.
        return_covariances: (days, components), as in `learning.weights.evidence`.
        score_covariances: (days, components, components).
    """

    entered_on: Days
    known_on: Days
    return_covariances: Vector
    score_covariances: Vector

    @cached_property
    def decided_from(self) -> Days:
        """The day on which the decisions of each may have begun: the entry before it, which is never after the session
        before it; -1 for the first."""
        place = np.searchsorted(self.entered_on, self.entered_on, side="left")
        days: Days = np.where(place > 0, self.entered_on[place - 1], -1)
        return days


@dataclass(frozen=True)
class Differences:
    """Daily difference in coefficient, the change against the weights before it, on days decided under it.

    Attributes:
        values: per day.
        bounds: the largest size each could have had, by how differently the two order that day's candidates.
        known_on: per day.
    """

    values: Vector
    bounds: Vector
    known_on: Days


@dataclass(frozen=True)
class Judgement:
    """What is known of a change on a night.

    Attributes:
        n_days: cross-sections decided under it and known.
        realised: mean daily difference in coefficient; None without days.
        ci_low: lower end of its interval, which holds on all nights together.
        ci_high: upper end.
        e_harm: evidence that it harmed, see `monitor.watch`.
        e_help: evidence that it helped.
        e_needed: from which of them on there is a verdict.
        judged_until: last day known, days since 1970-01-01; None without days.
        verdict: too_early, helped, no_difference or harmed.
    """

    n_days: int
    realised: float | None
    ci_low: float | None
    ci_high: float | None
    e_harm: float
    e_help: float
    e_needed: float
    judged_until: int | None
    verdict: str


def differences_under(change: Change, sections: Sections, *, known_until: int) -> Differences:
    """The days whose decisions were all made while the change was in force, each by the vector in force then.

    A night's weights are published after its day is over, so decisions are made with those of the last night before
    them. No such day was known when the change was chosen, or its next step.

    Args:
        change: the change.
        sections: cross-sections, all that is known or more.
        known_until: last knowledge day that counts (days since 1970-01-01).
    """
    nights = np.array([night for night, _ in change.steps], dtype=np.int64)
    first = int(np.searchsorted(sections.decided_from, nights[0], side="right"))
    ended = known_until if change.ended_on is None else change.ended_on.toordinal() - _EPOCH
    last = int(np.searchsorted(sections.decided_from, ended, side="right"))
    rows = slice(first, max(first, last))
    known_on = sections.known_on[rows]
    vectors = np.array([weights for _, weights in change.steps])[
        np.searchsorted(nights, sections.decided_from[rows], side="left") - 1
    ]
    values, bounds = _differences(
        vectors, change.before, sections.return_covariances[rows], sections.score_covariances[rows]
    )
    is_counted = (bounds > LEAST_BOUND) & (known_on <= known_until)
    return Differences(values[is_counted], bounds[is_counted], known_on[is_counted])


_EPOCH = 719163
"""Ordinal of 1970-01-01."""


def _differences(new: Vector, old: Vector, returns: Vector, scores: Vector) -> tuple[Vector, Vector]:
    """Per day the difference in coefficient and its bound; a day without variance has the bound 0.

    With the totals as unit vectors u and v and the return ranks as unit vector y, the difference is <u - v, y>, which
    is at most |u - v| = sqrt(2 - 2 <u, v>) in size: known from the scores alone.
    """
    pulled = np.einsum("dij,j->di", scores, old)
    new_variance = np.einsum("di,dij,dj->d", new, scores, new)
    old_variance = pulled @ old
    varies = (new_variance > _NO_VARIANCE) & (old_variance > _NO_VARIANCE)
    new_deviation = np.sqrt(np.where(varies, new_variance, 1.0))
    old_deviation = np.sqrt(np.where(varies, old_variance, 1.0))
    alike = np.clip((pulled * new).sum(axis=1) / (new_deviation * old_deviation), -1.0, 1.0)
    values = (returns * new).sum(axis=1) / new_deviation - (returns @ old) / old_deviation
    bounds = np.sqrt(2 - 2 * alike)
    return np.where(varies, values, 0.0), np.where(varies, bounds, 0.0)


def judge_change(change: Change, sections: Sections, *, known_until: int, overlap_sessions: int) -> Judgement:
    """Promised or not, what came of it so far, and whether that is benefit or harm beyond chance.

    Args:
        change: the change.
        sections: cross-sections at the evidence horizon.
        known_until: last knowledge day that counts (days since 1970-01-01).
        overlap_sessions: sessions a label of that horizon spans.

    Returns:
        Verdict `harmed` from the night on which the monitor decides it, for good; else `helped` likewise; else
        `too_early` with fewer than `MIN_DAYS` days, times the sessions a label spans, and `no_difference` with more.
    """
    found = differences_under(change, sections, known_until=known_until)
    n_days = len(found.values)
    seen = watch(found.values, found.bounds, overlap_sessions=overlap_sessions, level=change.level)
    interval = confidence_sequence(found.values, overlap_sessions=overlap_sessions)
    low, high = (None, None) if interval is None else interval
    verdict = TOO_EARLY if n_days < MIN_DAYS * overlap_sessions else NO_DIFFERENCE
    if seen.harmed_at is not None:
        verdict = HARMED
    elif seen.helped_at is not None:
        verdict = HELPED
    return Judgement(
        n_days,
        float(found.values.mean()) if n_days else None,
        low,
        high,
        seen.e_harm,
        seen.e_help,
        1 / change.level,
        int(found.known_on.max()) if n_days else None,
        verdict,
    )
