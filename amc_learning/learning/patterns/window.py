"""What one week looks at, and the numbers of one rule in it.

Belongs here: the window with its split and search, numbers of a rule by its text. Not here: judging (weeks.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from amc_learning.learning.patterns.confirmation import Split, split_days
from amc_learning.learning.patterns.contrasts import Contrasts, daily_contrasts, mean_effect
from amc_learning.learning.patterns.effects import Effect, PlainNumbers, effect_of, effect_since, plain_numbers
from amc_learning.learning.patterns.literals import Cases, RuleSpace, rule_space
from amc_learning.learning.patterns.rules import PatternRules
from amc_learning.learning.patterns.search import Search, search
from amc_learning.learning.windows import EPOCH

NO_EFFECT = Effect(None, None, None, None, 0)
NOTHING = slice(0, 0)


@dataclass(frozen=True)
class History:
    """All candidates given, the rules over them, and their daily contrasts."""

    cases: Cases
    space: RuleSpace
    contrasts: Contrasts
    numbers: Mapping[str, int]
    """Number of each rule by its text."""


@dataclass(frozen=True)
class RuleSearch:
    """What the search says of one rule; None where it was not among those tried."""

    is_found: bool = False
    effect: float | None = None
    statistic: float | None = None
    adjusted: float | None = None
    n_tried: int = 0


def history_of(cases: Cases) -> History:
    """Everything that is computed once for a range of weeks."""
    space = rule_space(cases)
    numbers = {space.text(rule): rule for rule in range(len(space.first))}
    return History(cases, space, daily_contrasts(cases, space), numbers)


@dataclass(frozen=True)
class Window:
    """The candidates that became known in the window of a week, and what the search says of them.

    Attributes:
        week: last knowledge day.
        space: the rules.
        numbers: number of each rule by its text.
        known: contrasts of everything known by the end of the week, also before the window.
        cases: candidates of the window.
        contrasts: contrasts of the window.
        split: searched and held-out days; None when there are too few.
        found: what the search says.
        rules: what is looked for.
    """

    week: date
    space: RuleSpace
    numbers: Mapping[str, int]
    known: Contrasts
    cases: Cases
    contrasts: Contrasts
    split: Split | None
    found: Search
    rules: PatternRules

    @property
    def searched(self) -> Contrasts:
        """Contrasts of the searched days."""
        return self.contrasts.days(NOTHING if self.split is None else self.split.searched)

    @property
    def held_out(self) -> Contrasts:
        """Contrasts of the held-out days."""
        return self.contrasts.days(NOTHING if self.split is None else self.split.held_out)

    @property
    def searched_to(self) -> date | None:
        """Last entry session searched."""
        days = self.searched.entry_days
        return EPOCH + timedelta(days=int(days[-1])) if len(days) else None

    @property
    def searched_cases(self) -> Cases:
        """Candidates of the searched days."""
        days = self.searched.entry_days
        return self.cases.rows(self.cases.entry_days <= (days[-1] if len(days) else -1))

    def effect(self, pattern: str) -> Effect:
        """Effect over the whole window."""
        rule = self.numbers.get(pattern)
        if rule is None:
            return NO_EFFECT
        return effect_of(self.contrasts, rule, overlap_sessions=self.rules.overlap_sessions)

    def effect_after(self, pattern: str, day: date) -> Effect:
        """Effect over candidates of the window entered after a day, with an interval for one look."""
        rule = self.numbers.get(pattern)
        if rule is None:
            return NO_EFFECT
        later = self.contrasts.days(self.contrasts.entry_days > (day - EPOCH).days)
        return effect_of(later, rule, overlap_sessions=self.rules.overlap_sessions)

    def effect_since(self, pattern: str, day: date) -> Effect:
        """Effect over all candidates entered after a day, with an interval for many looks."""
        rule = self.numbers.get(pattern)
        if rule is None:
            return NO_EFFECT
        later = self.known.days(self.known.entry_days > (day - EPOCH).days)
        return effect_since(later, rule, overlap_sessions=self.rules.overlap_sessions)

    def plain(self, pattern: str) -> PlainNumbers:
        """Counts, rates and means over the whole window."""
        rule = self.numbers.get(pattern)
        if not len(self.cases.returns):
            return PlainNumbers(0, 0.0, None, None, None, None, None)
        if rule is None:
            # as for a rule that other weeks of a range know: it holds for nobody here
            nobody = np.zeros(len(self.cases.returns), dtype=bool)
            return plain_numbers(self.cases, nobody, np.zeros(0))
        return plain_numbers(self.cases, self.space.holds(self.cases, rule), self.contrasts.excess[:, rule])

    def searched_for(self, pattern: str) -> RuleSearch:
        """What the search says of a pattern, in either direction."""
        rule = self.numbers.get(pattern, -1)
        place = int(np.searchsorted(self.found.tried, rule))
        if place == len(self.found.tried) or self.found.tried[place] != rule:
            return RuleSearch()
        searched = self.searched
        adjusted = float(self.found.adjusted[place])
        return RuleSearch(
            is_found=adjusted <= self.rules.search_level,
            effect=float(mean_effect(searched.excess[:, rule], searched.weights[:, rule])),
            statistic=float(self.found.statistic[place]),
            adjusted=adjusted,
            n_tried=len(self.found.tried),
        )


def window_of(history: History, week: date, rules: PatternRules) -> Window:
    """The window of one week; nothing in it became known after the week."""
    last = (week - EPOCH).days
    first = last - rules.window_days
    matured, matured_cases = history.contrasts.matured_days, history.cases.matured_days
    inside = history.contrasts.days((matured > first) & (matured <= last))
    split = split_days(inside, rules)
    searched = inside.days(NOTHING if split is None else split.searched)
    return Window(
        week=week,
        space=history.space,
        numbers=history.numbers,
        known=history.contrasts.days(matured <= last),
        cases=history.cases.rows((matured_cases > first) & (matured_cases <= last)),
        contrasts=inside,
        split=split,
        found=search(searched, n_formed=int((inside.n_members > 0).any(axis=0).sum()), seed=last, rules=rules),
        rules=rules,
    )
