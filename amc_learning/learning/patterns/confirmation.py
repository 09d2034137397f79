"""Which days are searched and which are held out, and what the held-out days confirm.

Belongs here: the split by date, the tests on held-out days. Not here: the search (search.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from amc_learning.learning.patterns.contrasts import Contrasts
from amc_learning.learning.patterns.effects import Effect, effect_of
from amc_learning.learning.patterns.rules import PatternRules

MIN_HELD_OUT_LABELS = 6
"""Held-out days, in lengths of a label, below which no interval exists (learning.inference)."""


@dataclass(frozen=True)
class Split:
    """Places of entry sessions in a window: those searched come first, then those in neither, then those held out."""

    searched: slice
    held_out: slice

    @property
    def n_purged(self) -> int:
        """Sessions whose labels reach into the held-out days."""
        return self.held_out.start - self.searched.stop if self.searched.stop else 0


def split_days(window: Contrasts, rules: PatternRules) -> Split | None:
    """The last entry sessions held out, and those before whose labels were all known when they began.

    A session whose returns became known on two days lies wholly on one side. None when either side is too short to say
    anything.
    """
    n_days = len(window.entry_days)
    first = _session_start(window, n_days - int(np.ceil(rules.held_out_share * n_days)))
    if n_days - first < MIN_HELD_OUT_LABELS * rules.overlap_sessions:
        return None
    reaching = np.flatnonzero(window.matured_days[:first] >= window.entry_days[first])
    n_searched = _session_start(window, int(reaching[0])) if len(reaching) else first
    if n_searched < rules.min_days:
        return None
    return Split(slice(0, n_searched), slice(first, n_days))


def _session_start(window: Contrasts, place: int) -> int:
    """Place of the first cross-section of the session that lies at this place."""
    return (
        int(np.searchsorted(window.entry_days, window.entry_days[place])) if place < len(window.entry_days) else place
    )


@dataclass(frozen=True)
class Confirmation:
    """What the held-out days say of one rule found before: the effect, its Holm-adjusted p-value, the verdict."""

    effect: Effect
    p_value: float
    is_confirmed: bool


def confirm(
    held_out: Contrasts, found: Sequence[int], signs: Sequence[float], *, rules: PatternRules
) -> list[Confirmation]:
    """Test each rule in the direction in which it was found, on days that the search has not seen.

    Args:
        held_out: contrasts of the held-out days.
        found: numbers of the rules.
        signs: +1 for those that pay, -1 for those that cost.
        rules: level and overlap.

    Source: Holm 1979, A simple sequentially rejective multiple test procedure.
    """
    effects = [effect_of(held_out, rule, overlap_sessions=rules.overlap_sessions) for rule in found]
    alone = np.array([effect.one_sided(sign) for effect, sign in zip(effects, signs, strict=True)])
    adjusted = holm(alone)
    return [
        Confirmation(effect, p_value, p_value <= rules.confirmation_level)
        for effect, p_value in zip(effects, adjusted, strict=True)
    ]


def holm(p_values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[float]:
    """Holm-adjusted p-values.

    >>> holm(np.array([0.01, 0.04, 0.03]))
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return [float(value) for value in adjusted]
