"""Which findings of a search say something of their own, beside stronger ones and patterns known already.

Belongs here: from many findings to few. Not here: the search (search.py), tests on held-out days (confirmation.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from amc_learning.learning.patterns.contrasts import centred, section_starts
from amc_learning.learning.patterns.literals import Bools, Cases, Floats, RuleSpace
from amc_learning.learning.patterns.rules import PatternRules
from amc_learning.learning.patterns.search import Search, leftover_statistic

LEAST_SHARE = 1e-9
"""A rule of whose variation within days less than this share is its own is another rule by another name."""


@dataclass(frozen=True)
class Finds:
    """Findings of a search.

    Attributes:
        n_found: rules found at the level of the search.
        n_explained: of those looked at, the strongest first: rules that say nothing of their own.
        own: places, among the rules tried, of those that do, the strongest first; looking ends at `max_tested`.
    """

    n_found: int
    n_explained: int
    own: tuple[int, ...]


def finds_of(found: Search, searched: Cases, space: RuleSpace, *, known: Sequence[int], rules: PatternRules) -> Finds:
    """The findings that stronger ones and known patterns do not explain.

    A pair of bands that pays makes each of them pay a little, and every pair with either: one effect, many findings.
    The strongest finding stands; of every next one what is left beside all that stand, in a regression of returns on
    their memberships and the day, must be so strong that it would be found by itself. Known patterns stand first, so
    that a neighbour that looks stronger this week does not pass for a discovery.

    Args:
        found: what was found.
        searched: the searched candidates.
        space: the rules.
        known: numbers of the patterns discovered before and not gone.
        rules: levels, blocks.

    Source: Frisch and Waugh 1933 (a coefficient beside others, from what they leave of both sides).
    """
    beside = _Beside(searched, rules)
    for rule in known:
        beside.add(space.holds(searched, rule))
    strongest_first = sorted(
        np.flatnonzero(found.adjusted <= rules.search_level).tolist(),
        key=lambda place: (-abs(found.statistic[place]), space.text(int(found.tried[place]))),
    )
    own: list[int] = []
    n_explained = 0
    for place in strongest_first:
        rule = int(found.tried[place])
        if rule in known:
            continue
        if len(own) == rules.max_tested:
            break
        members = space.holds(searched, rule)
        if abs(beside.statistic(members)) < found.critical:
            n_explained += 1
        else:
            own.append(place)
            beside.add(members)
    return Finds(len(strongest_first), n_explained, tuple(own))


class _Beside:
    """Returns and memberships of the searched candidates less what the rules that stand explain."""

    def __init__(self, cases: Cases, rules: PatternRules) -> None:
        self._rules = rules
        self._starts = section_starts(cases)
        self._days = cases.entry_days[self._starts]
        self._standing: list[Floats] = []
        self._returns = centred(cases.bounded_micro, self._starts)

    def add(self, members: Bools) -> None:
        """Let a rule stand."""
        left = self._left_of(members)
        size = float(np.sqrt((left * left).sum()))
        if size > 0:
            self._standing.append(left / size)
            self._returns = _less(self._returns, self._standing[-1])

    def statistic(self, members: Bools) -> float:
        """Statistic of a rule beside those that stand; 0 where nothing of it is left."""
        left = self._left_of(members)
        if not left.any():
            return 0.0
        excess = np.add.reduceat(left * self._returns, self._starts)
        return leftover_statistic(excess, self._days, self._rules)

    def _left_of(self, members: Bools) -> Floats:
        within = centred(members.astype(np.float64), self._starts)
        left = within
        for standing in self._standing:
            left = _less(left, standing)
        is_own = (left * left).sum() > LEAST_SHARE * (within * within).sum()
        return left if is_own else np.zeros_like(left)


def _less(values: Floats, direction: Floats) -> Floats:
    """The values less their part along a unit vector; sums in a fixed order, so that it repeats to the last bit."""
    less: Floats = values - (values * direction).sum() * direction
    return less
