"""How often patterns are found that are not there, how often those that are, and what becomes of them.

`python -m amc_learning_tests.truth.patterns_study` prints every number of docs/methods.md on discovered patterns.

The worlds are those of `amc_learning_tests.learning.patterns.worlds`: 750 sessions of 50 candidates, scores with
autocorrelation 0.98, returns over five sessions that overlap, common factors that scores load on, skewed tails. Where
nothing is planted every finding is false.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

import numpy as np
import polars as pl
from scipy.stats import false_discovery_control, ttest_1samp

from amc_learning.contracts.knowledge_days import week_end
from amc_learning.learning.patterns.history import Life, followed
from amc_learning.learning.patterns.literals import Cases, lay_out
from amc_learning.learning.patterns.weeks import discover_patterns
from amc_learning.learning.patterns.window import history_of, window_of
from amc_learning_tests.learning.patterns.worlds import COMPONENTS, PLANTED, RULES, Planted, World, sessions, simulated
from amc_learning_tests.truth.guarantees import Effort, Guarantee, Measurement, PowerCurve, share

SECTION = "New patterns"

SAME_PATTERN = 0.5
"""A rule stands for the planted one when they share at least this much of the candidates either holds for."""

EFFECT = 0.015
"""Planted effect of the guarantee: fraction over five sessions. The standard deviation of a return is 0.046, that of
the real feed 0.045: a third of it."""


def week_of(n_sessions: int) -> date:
    """The first week in which all returns of so many sessions are known."""
    return week_end(sessions(n_sessions + 5)[-1])


def alike(cases: Cases, one: str, other: str) -> float:
    """Share of the candidates either rule holds for that both hold for."""
    first, second = (
        np.logical_and.reduce([cases.holds[:, cases.names.index(name)] > 0 for name in pattern.split(" & ")])
        for pattern in (one, other)
    )
    return float((first & second).sum() / (first | second).sum())


# --- nothing to find ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NullWeek:
    """What one week says where nothing is to be found."""

    is_anything_found: bool
    is_anything_new: bool
    is_found_by_daily_t_tests: bool


@lru_cache(maxsize=8)
def null_weeks(n_worlds: int, n_pool: int | None) -> tuple[NullWeek, ...]:
    found = []
    for number in range(n_worlds):
        world = simulated(np.random.default_rng((66, number)), n_pool=n_pool)
        frame, week = world.frame(), week_of(750)
        weeks = discover_patterns(frame, None, weeks=[week], rules=RULES)
        searched = weeks.searches.row(0, named=True)
        found.append(NullWeek(searched["n_found"] > 0, searched["n_new"] > 0, daily_t_tests_find(world.cases(), week)))
    return tuple(found)


def daily_t_tests_find(cases: Cases, week: date) -> bool:
    """Whether t-tests of daily excess, days taken as independent, with Benjamini-Hochberg at 5 %, find any rule."""
    window = window_of(history_of(cases), week, RULES)
    p_values = ttest_1samp(window.searched.excess[:, window.found.tried], 0.0).pvalue
    return bool((false_discovery_control(p_values) <= 0.05).any())


def null_share(count: Callable[[NullWeek], bool], n_pool: int | None, effort: Effort) -> Measurement:
    weeks = null_weeks(200 if effort is Effort.LONG else 3, n_pool)
    return share(sum(count(week) for week in weeks), len(weeks))


@lru_cache(maxsize=2)
def null_years(n_worlds: int) -> tuple[bool, ...]:
    """Whether any week of a year calls a pattern new, searched anew every week."""
    found = []
    for number in range(n_worlds):
        frame = simulated(np.random.default_rng((67, number)), n_sessions=1010).frame()
        weeks = [week_of(750) + timedelta(weeks=step) for step in range(52)]
        searches = discover_patterns(frame, None, weeks=weeks, rules=RULES).searches
        found.append(bool(searches["n_new"].sum() > 0))
    return tuple(found)


def years_with_a_false_discovery(effort: Effort) -> Measurement:
    years = null_years(40 if effort is Effort.LONG else 1)
    return share(sum(years), len(years))


# --- something to find -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PlantedWeek:
    """What one week says where one pair of bands pays."""

    is_recovered: bool
    is_recovered_exactly: bool
    n_others: int


@lru_cache(maxsize=16)
def planted_weeks(effect: float, n_worlds: int) -> tuple[PlantedWeek, ...]:
    found = []
    for number in range(n_worlds):
        world = simulated(np.random.default_rng((68, number)), planted=Planted(effect))
        frame, week = world.frame(), week_of(750)
        patterns = discover_patterns(frame, None, weeks=[week], rules=RULES).patterns
        new = patterns.filter(pl.col("status") == "new")["pattern"].to_list()
        cases = world.cases() if new else None
        is_alike = [] if cases is None else [alike(cases, PLANTED, pattern) >= SAME_PATTERN for pattern in new]
        found.append(PlantedWeek(any(is_alike), PLANTED in new, len(is_alike) - sum(is_alike)))
    return tuple(found)


def planted(effort: Effort) -> tuple[PlantedWeek, ...]:
    return planted_weeks(EFFECT, 200 if effort is Effort.LONG else 3)


def recovered(effort: Effort) -> Measurement:
    weeks = planted(effort)
    return share(sum(week.is_recovered for week in weeks), len(weeks))


def recovered_exactly(effort: Effort) -> Measurement:
    weeks = [week for week in planted(effort) if week.is_recovered]
    return share(sum(week.is_recovered_exactly for week in weeks), len(weeks))


def others_beside(effort: Effort) -> Measurement:
    weeks = planted(effort)
    return share(sum(week.n_others > 0 for week in weeks), len(weeks))


def power(effect: float, effort: Effort) -> Measurement:
    weeks = planted_weeks(effect, 40 if effort is Effort.LONG else 2)
    return share(sum(week.is_recovered for week in weeks), len(weeks))


# --- what becomes of it ------------------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def lives(is_lasting: bool, n_worlds: int, n_weeks: int) -> tuple[tuple[str, ...], ...]:
    """Status of a planted pattern in each week after its discovery, lasting or ended on the day of it."""
    followed_lives = []
    for number in range(n_worlds):
        planting = Planted(EFFECT) if is_lasting else Planted(EFFECT, last_session=750)
        world = simulated(np.random.default_rng((69, number)), n_sessions=750 + 5 * n_weeks + 5, planted=planting)
        life = discovery(world)
        if life is not None:
            followed_lives.append(statuses(life, world, n_weeks))
    return tuple(followed_lives)


def discovery(world: World) -> Life | None:
    """The life of the planted pattern after a search of the first 750 sessions; None where it is not discovered."""
    week = week_of(750)
    frame = world.frame().filter(pl.col("known_on") <= week)
    patterns = discover_patterns(frame, None, weeks=[week], rules=RULES).patterns
    rows = patterns.filter(pattern=PLANTED, direction="pays", status="new")
    if rows.is_empty():
        return None
    row = rows.row(0, named=True)
    return Life(**{name: row[name] for name in Life.__dataclass_fields__})


def statuses(life: Life, world: World, n_weeks: int) -> tuple[str, ...]:
    """Status in each week after the discovery, following the one rule."""
    cases = lay_out(world.frame(), components=COMPONENTS, return_bound=RULES.return_bound)
    one = history_of(literals_of_planted(cases))
    found = []
    now: Life | None = life
    for step in range(1, n_weeks + 1):
        week = week_of(750) + timedelta(weeks=step)
        window = window_of(one, week, RULES)
        assert now is not None
        since = window.effect_since(PLANTED, week_of(750))
        unsearched = window.effect_after(PLANTED, life.searched_to or week)
        now = followed(now, 1.0, unsearched, since, week=week, rules=RULES)
        if now is None:
            break
        found.append(now.status)
    return tuple(found)


def literals_of_planted(cases: Cases) -> Cases:
    """The candidates with the two literals of the planted pattern alone, which is all that following it needs."""
    kept = [cases.names.index(name) for name in PLANTED.split(" & ")]
    return Cases(
        cases.entry_days,
        cases.matured_days,
        cases.returns,
        cases.bounded_micro,
        cases.is_winner,
        cases.holds[:, kept],
        tuple(cases.names[place] for place in kept),
        cases.attributes[kept],
    )


def lasting_doubted(effort: Effort) -> Measurement:
    """Lasting patterns that are called fading or gone in any week of a year."""
    followed_lives = lives(True, 100 if effort is Effort.LONG else 2, 52)
    doubted = [any(status in ("fading", "gone") for status in life) for life in followed_lives]
    return share(sum(doubted), len(doubted))


def ended_doubted(effort: Effort) -> Measurement:
    """Ended patterns that are fading or gone after two years."""
    followed_lives = lives(False, 60 if effort is Effort.LONG else 2, 104)
    return share(sum(life[-1] in ("fading", "gone") for life in followed_lives), len(followed_lives))


def weeks_until_doubted(effort: Effort) -> list[int | None]:
    """Weeks until each ended pattern was first called fading or gone; None where it was not."""
    return [
        next((week for week, status in enumerate(life, 1) if status in ("fading", "gone")), None)
        for life in lives(False, 60 if effort is Effort.LONG else 2, 104)
    ]


GUARANTEES: tuple[Guarantee, ...] = (
    Guarantee(
        SECTION,
        "Nothing planted, the same names all along: t-tests of days with Benjamini-Hochberg at 5 % find a pattern",
        95.0,
        True,
        lambda effort: null_share(lambda week: week.is_found_by_daily_t_tests, None, effort),
        "%",
    ),
    Guarantee(
        SECTION,
        "Nothing planted, the same names all along: our search finds a pattern (level 10 %)",
        10.0,
        False,
        lambda effort: null_share(lambda week: week.is_anything_found, None, effort),
        "%",
    ),
    Guarantee(
        SECTION,
        "Nothing planted, candidates that come and go: our search finds a pattern (level 10 %)",
        10.0,
        False,
        lambda effort: null_share(lambda week: week.is_anything_found, 200, effort),
        "%",
    ),
    Guarantee(
        SECTION,
        "Nothing planted: a week discovers a pattern, found and confirmed",
        1.0,
        False,
        lambda effort: null_share(lambda week: week.is_anything_new, None, effort),
        "%",
    ),
    Guarantee(
        SECTION,
        "Nothing planted: a year of 52 weekly searches discovers any pattern",
        5.0,
        False,
        years_with_a_false_discovery,
        "%",
    ),
    Guarantee(
        SECTION,
        "A pair of bands (8 % of 37,500 candidates) that returns 1.5 % more in five sessions is discovered in the week",
        90.0,
        True,
        recovered,
        "%",
    ),
    Guarantee(SECTION, "Of those, under its very signature", 80.0, True, recovered_exactly, "%"),
    Guarantee(SECTION, "Beside it, another pattern is discovered", 5.0, False, others_beside, "%"),
    Guarantee(
        SECTION, "It lasts: called fading or gone in any week of the year after", 5.0, False, lasting_doubted, "%"
    ),
    Guarantee(
        SECTION,
        "It ends on its discovery: fading or gone after two years",
        90.0,
        True,
        ended_doubted,
        "%",
        "Two years of days do not always tell: of 54 patterns that ended on their discovery 38 were doubted by then, "
        "half of these within half a year. Until days tell, a known pattern stays listed with the interval of what "
        "came since.",
    ),
)

POWER_CURVES: tuple[PowerCurve, ...] = (
    PowerCurve(
        SECTION,
        "A planted pair of bands is discovered in the week, found among all rules tried and confirmed",
        "return over five sessions, %",
        (0.5, 0.75, 1.0, 1.25, 1.5, 2.0),
        lambda effect, effort: power(effect / 100, effort),
    ),
)


if __name__ == "__main__":
    for guarantee in GUARANTEES:
        measured = guarantee.measure(Effort.LONG)
        print(guarantee.statement, measured, guarantee.verdict(measured), flush=True)  # noqa: T201
    for curve in POWER_CURVES:
        for effect in curve.effects:
            print(curve.statement, effect, curve.measure(effect, Effort.LONG), flush=True)  # noqa: T201
    print("weeks until an ended pattern is doubted", weeks_until_doubted(Effort.LONG))  # noqa: T201
