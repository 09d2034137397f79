"""Rows of discovered_patterns and pattern_searches, and what is remembered of a pattern from its row.

Belongs here: numbers into columns and back. Not here: the numbers.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date, timedelta

import numpy as np
import polars as pl

from amc_learning.contracts.declared.patterns import STATUSES
from amc_learning.learning.patterns.effects import Effect
from amc_learning.learning.patterns.finds import Finds
from amc_learning.learning.patterns.history import Life
from amc_learning.learning.patterns.window import Window
from amc_learning.learning.windows import EPOCH, IntArray

DECIMALS = 12
"""Processors differ in the last bits of a sum; a figure that is written down does not."""

Key = tuple[str, str]
"""A pattern's text and its direction."""

Row = dict[str, object]

PAYS, COSTS = "pays", "costs"


@dataclass(frozen=True)
class Judged:
    """One pattern in one week.

    Attributes:
        life: what became of it.
        effect: over the whole window.
        unsearched: over days of the window that the search of its discovery had not seen.
        since: over days entered after its discovery.
        p_value: one-sided, of the unsearched days.
    """

    life: Life
    effect: Effect
    unsearched: Effect
    since: Effect
    p_value: float | None


def direction_of(statistic: float) -> str:
    """Pays or costs, by the sign."""
    return PAYS if statistic > 0 else COSTS


def sign_of(direction: str) -> float:
    """+1 for what pays, -1 for what costs."""
    return 1.0 if direction == PAYS else -1.0


def lives_of(previous: pl.DataFrame | None, horizon: str) -> dict[Key, Life]:
    """What the rows of one week remember, by pattern and direction; those of another horizon are other patterns."""
    if previous is None:
        return {}
    names = [field.name for field in fields(Life)]
    return {
        (row["pattern"], row["direction"]): Life(**{name: row[name] for name in names})
        for row in previous.filter(pl.col("horizon") == horizon).iter_rows(named=True)
    }


def pattern_row(key: Key, judged: Judged, window: Window) -> Row:
    """One row of discovered_patterns."""
    pattern, direction = key
    found, since = window.searched_for(pattern), judged.since
    is_same_direction = found.statistic is not None and direction_of(found.statistic) == direction
    return _rounded(
        {
            "known_on": window.week,
            "pattern": pattern,
            "direction": direction,
            "horizon": window.rules.horizon,
            "holding_sessions": window.rules.overlap_sessions,
            **vars(judged.life),
            **vars(window.plain(pattern)),
            "n_days": judged.effect.n_days,
            **_interval("effect", judged.effect),
            "is_found": found.is_found and is_same_direction,
            "search_effect": found.effect,
            "statistic": found.statistic,
            "adjusted_p_value": found.adjusted,
            **_interval("held_out_effect", judged.unsearched),
            "n_held_out_days": judged.unsearched.n_days,
            "held_out_p_value": judged.p_value,
            "n_days_since": since.n_days,
            **_interval("effect_since", since),
        }
    )


def search_row(window: Window, finds: Finds, judged: Mapping[Key, Judged], gone_before: Iterable[Key]) -> Row:
    """The row of pattern_searches."""
    searched, held_out, found = window.searched.entry_days, window.held_out.entry_days, window.found
    was_gone = set(gone_before)
    counts = Counter(one.life.status for key, one in judged.items() if one.life.status != "gone" or key not in was_gone)
    strongest = int(np.argmax(np.abs(found.statistic))) if len(found.tried) else None
    return _rounded(
        {
            "known_on": window.week,
            "horizon": window.rules.horizon,
            "window_days": window.rules.window_days,
            "n_cases": len(window.cases.returns),
            "searched_from": _date_at(searched, 0),
            "searched_to": _date_at(searched, -1),
            "n_search_days": len(searched),
            "held_out_from": _date_at(held_out, 0),
            "held_out_to": _date_at(held_out, -1),
            "n_held_out_days": len(held_out),
            "n_purged_days": 0 if window.split is None else window.split.n_purged,
            "n_literals": int((window.cases.holds > 0).any(axis=0).sum()),
            "n_rules_formed": found.n_formed,
            "n_rules_tried": len(found.tried),
            "n_draws": window.rules.n_draws if len(found.tried) else 0,
            "strongest_pattern": None if strongest is None else window.space.text(int(found.tried[strongest])),
            "strongest_statistic": None if strongest is None else float(found.statistic[strongest]),
            "strongest_adjusted_p_value": None if strongest is None else float(found.adjusted[strongest]),
            "n_found": finds.n_found,
            "n_explained": finds.n_explained,
            "n_tested": len(finds.own),
            **{f"n_{status}": counts[status] for status in STATUSES},
            "evidence": _evidence(window),
        }
    )


def _evidence(window: Window) -> str:
    if window.split is None:
        return "insufficient_days"
    return "sufficient" if len(window.found.tried) else "nothing_to_try"


def _date_at(days: IntArray, place: int) -> date | None:
    return EPOCH + timedelta(days=int(days[place])) if len(days) else None


def _interval(name: str, effect: Effect) -> Row:
    return {name: effect.estimate, f"{name}_ci_low": effect.ci_low, f"{name}_ci_high": effect.ci_high}


def _rounded(row: Row) -> Row:
    return {name: round(value, DECIMALS) + 0.0 if isinstance(value, float) else value for name, value in row.items()}
