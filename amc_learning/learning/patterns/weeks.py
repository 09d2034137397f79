"""Tables discovered_patterns and pattern_searches: the search of each week, and what became of earlier finds.

Belongs here: weeks in order, each starting from the one before. Not here: what is computed of a week (window.py,
finds.py, confirmation.py), what becomes of a pattern (history.py), columns (rows.py), reading tables.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from amc_learning.contracts.declared.patterns import discovered_patterns as declared_patterns
from amc_learning.contracts.declared.patterns import pattern_searches as declared_searches
from amc_learning.learning.patterns.confirmation import Confirmation, confirm
from amc_learning.learning.patterns.finds import Finds, finds_of
from amc_learning.learning.patterns.history import STANDING, Life, discovered, followed
from amc_learning.learning.patterns.literals import lay_out
from amc_learning.learning.patterns.rows import (
    Judged,
    Key,
    direction_of,
    lives_of,
    pattern_row,
    search_row,
    sign_of,
)
from amc_learning.learning.patterns.rules import PatternRules
from amc_learning.learning.patterns.window import NO_EFFECT, Window, history_of, window_of

PATTERNS, SEARCHES = declared_patterns(), declared_searches()


@dataclass(frozen=True)
class PatternWeeks:
    """Rows of both tables, sorted by week and key."""

    patterns: pl.DataFrame
    searches: pl.DataFrame


def discover_patterns(
    cases: pl.DataFrame, previous: pl.DataFrame | None, *, weeks: Sequence[date], rules: PatternRules
) -> PatternWeeks:
    """What the search of each week finds, and what becomes of every pattern found before.

    Args:
        cases: as `pattern_cases` returns them: the windows of these weeks, and back to `needed_from`.
        previous: rows of the latest week of discovered_patterns before the first; None when there is none.
        weeks: last knowledge days of weeks, in order.
        rules: what is looked for, and how it is judged.

    Returns:
        Both tables. The rows of a week depend on what was known by then and on the rows of the week before alone.
    """
    history = history_of(lay_out(cases, components=rules.components, return_bound=rules.return_bound))
    lives = lives_of(previous, rules.horizon)
    patterns, searches = [PATTERNS.empty()], [SEARCHES.empty()]
    for week in weeks:
        window = window_of(history, week, rules)
        finds = _finds(window, lives)
        judged = _judged(window, finds, lives)
        gone_before = [key for key, life in lives.items() if life.status == "gone"]
        rows = [pattern_row(key, one, window) for key, one in judged.items()]
        patterns.append(pl.DataFrame(rows, schema=PATTERNS.schema, orient="row"))
        summary = search_row(window, finds, judged, gone_before)
        searches.append(pl.DataFrame([summary], schema=SEARCHES.schema, orient="row"))
        lives = lives_of(patterns[-1], rules.horizon)
    return PatternWeeks(
        pl.concat(patterns).sort("known_on", *PATTERNS.key), pl.concat(searches).sort("known_on", *SEARCHES.key)
    )


def needed_from(previous: pl.DataFrame | None, *, week: date, rules: PatternRules) -> date:
    """First knowledge day of the cases that a week needs: its window, and the days since the earliest discovery."""
    lives = lives_of(previous, rules.horizon).values()
    discoveries = [life.discovered_on for life in lives if life.discovered_on]
    return min([week - timedelta(days=rules.window_days - 1), *discoveries])


def _finds(window: Window, before: Mapping[Key, Life]) -> Finds:
    standing = sorted({pattern for (pattern, _), life in before.items() if life.status in STANDING})
    known = [window.numbers[pattern] for pattern in standing if pattern in window.numbers]
    return finds_of(window.found, window.searched_cases, window.space, known=known, rules=window.rules)


def _judged(window: Window, finds: Finds, before: Mapping[Key, Life]) -> dict[Key, Judged]:
    """Every pattern of the week, found now or known before."""
    tested = _tested(window, finds)
    judged = {key: _found_now(window, key, one, before.get(key)) for key, one in tested.items()}
    for key, life in before.items():
        known = None if key in judged else _known(window, key, life)
        if known is not None:
            judged[key] = known
    return judged


def _tested(window: Window, finds: Finds) -> dict[Key, Confirmation]:
    """The test on held-out days of everything found that says something of its own."""
    found = window.found
    rules = [int(found.tried[place]) for place in finds.own]
    directions = [direction_of(found.statistic[place]) for place in finds.own]
    confirmations = confirm(window.held_out, rules, [sign_of(each) for each in directions], rules=window.rules)
    keys = [(window.space.text(rule), direction) for rule, direction in zip(rules, directions, strict=True)]
    return dict(zip(keys, confirmations, strict=True))


def _found_now(window: Window, key: Key, tested: Confirmation, before: Life | None) -> Judged:
    effect, found = window.effect(key[0]), window.searched_for(key[0])
    life = discovered(
        before, effect, tested, found, week=window.week, searched_to=window.searched_to, rules=window.rules
    )
    return Judged(life, effect, tested.effect, NO_EFFECT, tested.p_value)


def _known(window: Window, key: Key, before: Life) -> Judged | None:
    pattern, sign = key[0], sign_of(key[1])
    unsearched = NO_EFFECT if before.searched_to is None else window.effect_after(pattern, before.searched_to)
    since = NO_EFFECT if before.discovered_on is None else window.effect_since(pattern, before.discovered_on)
    life = followed(before, sign, unsearched, since, week=window.week, rules=window.rules)
    p_value = None if unsearched.p_value is None else unsearched.one_sided(sign)
    return None if life is None else Judged(life, window.effect(pattern), unsearched, since, p_value)
