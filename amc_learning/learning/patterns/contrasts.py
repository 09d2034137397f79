"""What the candidates of a rule returned against the others of their day, day by day and for every rule at once.

Belongs here: daily sums. Not here: inference from them (search.py, effects.py).

The day is the sampling unit: its candidates share the market, and a return within its day has the market taken out.
"""

from dataclasses import dataclass

import numpy as np

from amc_learning.learning.patterns.literals import MICRO, Bools, Cases, Floats, Integers, RuleSpace


@dataclass(frozen=True)
class Contrasts:
    """Sums per cross-section (one entry session, known on one day) and rule, in order of time.

    Attributes:
        entry_days: first session held, days since 1970, ascending.
        matured_days: day its returns became known.
        n_members: shape (days, rules): candidates a rule holds for.
        excess: shape (days, rules): sum over them of bounded return less the mean of the day, in millionths.
        weights: shape (days, rules): members times others over all; 0 where there is no contrast. The mean of the
            members less that of the others is excess over weights, and its precision is proportional to weights.
    """

    entry_days: Integers
    matured_days: Integers
    n_members: Floats
    excess: Floats
    weights: Floats

    def days(self, chosen: slice | Bools) -> "Contrasts":
        """Some of the days."""
        return Contrasts(
            self.entry_days[chosen],
            self.matured_days[chosen],
            self.n_members[chosen],
            self.excess[chosen],
            self.weights[chosen],
        )


def daily_contrasts(cases: Cases, rules: RuleSpace) -> Contrasts:
    """Sums of every rule on every day.

    Counts and sums of bounded returns are whole numbers, which matrix products add exactly: the result does not depend
    on how a product is split over threads.

    >>> cases = Cases(np.array([1, 1]), np.array([6, 6]), np.array([0.03, 0.01]), np.array([30_000.0, 10_000.0]),
    ...               np.array([False, False]), np.array([[1.0], [0.0]]), ("a=x",), np.array([0]))
    >>> found = daily_contrasts(cases, RuleSpace(np.array([0]), np.array([0]), cases.names))
    >>> found.excess.tolist(), found.weights.tolist()
    ([[10000.0]], [[0.5]])
    """
    starts = section_starts(cases)
    ends = np.append(starts, len(cases.entry_days))[1:]
    members, sums = (np.zeros((len(starts), len(rules.first))) for _ in range(2))
    for place, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        holds, returns = cases.holds[start:end], cases.bounded_micro[start:end, None]
        members[place] = (holds.T @ holds)[rules.first, rules.second]
        sums[place] = (holds.T @ (holds * returns))[rules.first, rules.second]
    n_candidates = (ends - starts).astype(np.float64)[:, None]
    totals = (np.add.reduceat(cases.bounded_micro, starts) if len(starts) else np.zeros(0))[:, None]
    return Contrasts(
        entry_days=cases.entry_days[starts],
        matured_days=cases.matured_days[starts],
        n_members=members,
        excess=sums - members * (totals / n_candidates),
        weights=members * (n_candidates - members) / n_candidates,
    )


def section_starts(cases: Cases) -> Integers:
    """First row of each cross-section: candidates of one entry session, known on one day."""
    days = np.column_stack([cases.entry_days, cases.matured_days])
    is_first = np.ones(len(days), dtype=bool)
    is_first[1:] = (days[1:] != days[:-1]).any(axis=1)
    return np.flatnonzero(is_first).astype(np.int64)


def centred(values: Floats, starts: Integers) -> Floats:
    """Each value less the mean of its cross-section.

    >>> centred(np.array([1.0, 3.0, 5.0]), np.array([0, 2])).tolist()
    [-1.0, 1.0, 0.0]
    """
    sizes = np.diff(np.append(starts, len(values)))
    means = np.add.reduceat(values, starts) / sizes if len(starts) else np.zeros(0)
    less: Floats = values - np.repeat(means, sizes)
    return less


def mean_effect(excess: Floats, weights: Floats) -> Floats:
    """Mean daily return of members less others, days weighted by their precision, as a fraction; NaN without contrast.

    This is the coefficient of membership in a regression of returns on membership and day.
    """
    total = weights.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        effect: Floats = np.where(total > 0, excess.sum(axis=0) / total / MICRO, np.nan)
    return effect
