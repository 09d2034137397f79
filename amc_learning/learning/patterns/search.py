"""Which of all rules stand out on the searched days: block signs, and the largest of all statistics.

Belongs here: the statistic, its correction for everything tried, which findings repeat another. Not here: held-out days
(confirmation.py), effects (effects.py).
"""

import math
from dataclasses import dataclass

import numpy as np

from amc_learning.learning.patterns.contrasts import Contrasts
from amc_learning.learning.patterns.literals import Floats, Integers
from amc_learning.learning.patterns.rules import PatternRules

DAYS_TO_MONDAY = 3
"""Day 0 is Thursday 1970-01-01; counted from the Monday before, weeks are whole."""


@dataclass(frozen=True)
class Search:
    """What the searched days say; arrays have an entry per rule tried.

    Attributes:
        tried: numbers of the rules with enough days and candidates.
        statistic: sum over blocks, standardised; signed.
        adjusted: p-value corrected for all of them.
        critical: size a statistic must exceed, of whatever rule, to be found at the level; infinite without rules.
        n_formed: rules that hold for any candidate of the window.
    """

    tried: Integers
    statistic: Floats
    adjusted: Floats
    critical: float
    n_formed: int


def search(searched: Contrasts, *, n_formed: int, seed: int, rules: PatternRules) -> Search:
    """The statistic and corrected p-value of every rule with enough support.

    Days are joined to blocks of weeks that span at least twice the sessions a label does. Under the null, that a rule
    has nothing to do with returns within the day, the sum of its excess over a block is as likely s as -s, whatever the
    candidates of a day share and however long they stay, so the blocks' signs are drawn at random, the same for all
    rules: what rules have in common is kept. Each rule's sum is divided by the root of its squared block sums, which
    signs do not change: a rule that lives on few blocks cannot stand out, however large one of them is.

    The p-value of a rule is the share of draws in which any rule that is no stronger stands out as much (step-down):
    the chance of a single false finding in the week is at most the level, rules tried without success included.

    Args:
        searched: contrasts of the searched days.
        n_formed: rules that hold for any candidate, for the record.
        seed: of the signs.
        rules: support, draws, overlap.

    Source: Westfall and Young 1993, Resampling-Based Multiple Testing, 2.6 and 4 (step-down max-T); Romano and Wolf
    2005 (StepM); Canay, Romano and Shaikh 2017, Randomization tests under an approximate symmetry assumption (signs of
    blocks).
    """
    has_support = ((searched.weights > 0).sum(axis=0) >= rules.min_days) & (
        searched.n_members.sum(axis=0) >= rules.min_cases
    )
    tried = np.flatnonzero(has_support).astype(np.int64)
    blocks = block_sums(searched.excess[:, tried], searched.entry_days, rules)
    size = np.sqrt((blocks * blocks).sum(axis=0))
    varies = size > 0
    tried, blocks, size = tried[varies], blocks[:, varies], size[varies]
    if not len(tried):
        return Search(tried, np.zeros(0), np.zeros(0), math.inf, n_formed)
    statistic = blocks.sum(axis=0) / size / inflation(rules)
    order = np.argsort(np.abs(statistic), kind="stable")
    largest = _largest_drawn(blocks[:, order], size[order], seed=seed, n_draws=rules.n_draws)
    adjusted = np.empty(len(tried))
    adjusted[order] = _step_down(np.abs(statistic[order]), largest)
    return Search(tried, statistic, adjusted, float(np.quantile(largest[:, -1], 1 - rules.search_level)), n_formed)


def block_sums(values: Floats, entry_days: Integers, rules: PatternRules) -> Floats:
    """Sums over blocks of whole weeks, rounded to whole millionths, so that sums with any signs are exact.

    Blocks begin on the same Mondays whatever the window, so that a statistic moves from week to week with what is new.

    Args:
        values: shape (days, ...), in order of time.
        entry_days: of each day, days since 1970, ascending.
        rules: length of a block.

    >>> days = np.array([4, 5, 11, 18])  # two days of the first week, and two Mondays later
    >>> block_sums(np.ones(4), days, PatternRules(components=(), overlap_sessions=5)).tolist()
    [2.0, 2.0]
    """
    if not len(values):
        return np.zeros((0, *values.shape[1:]))
    block = (entry_days + DAYS_TO_MONDAY) // (7 * rules.block_weeks)
    starts = np.flatnonzero(np.diff(block, prepend=block[0] - 1))
    summed: Floats = np.rint(np.add.reduceat(values, starts, axis=0))
    return summed


def inflation(rules: PatternRules) -> float:
    """How much more a sum varies than its blocks would were they independent: labels overlap across their borders.

    Where candidates and what moves them last, neighbouring days k apart share 1 - k/h of a label of h sessions; that is
    the most they share.

    >>> round(inflation(PatternRules(components=(), overlap_sessions=5)), 3)
    1.091
    """
    h, length = rules.overlap_sessions, rules.block_sessions
    return math.sqrt(length * h / (length * h - (h * h - 1) / 3))


def _largest_drawn(blocks: Floats, size: Floats, *, seed: int, n_draws: int) -> Floats:
    """Per draw of signs the largest statistic among each rule and those before it; shape (draws, rules)."""
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(n_draws, len(blocks)))
    drawn = np.abs(signs @ blocks) / size
    largest: Floats = np.maximum.accumulate(drawn, axis=1)
    return largest


def _step_down(sizes: Floats, largest: Floats) -> Floats:
    """P-values of statistics in ascending order of size: each against the largest of those that are no stronger."""
    ascending = (1 + (largest >= sizes).sum(axis=0)) / (1 + len(largest))
    # A weaker rule is never more significant than a stronger one.
    adjusted: Floats = np.maximum.accumulate(ascending[::-1])[::-1]
    return adjusted


def leftover_statistic(excess: Floats, entry_days: Integers, rules: PatternRules) -> float:
    """Statistic of one rule's daily excess by the same blocks; 0 where nothing varies."""
    blocks = block_sums(excess, entry_days, rules)
    size = math.sqrt(float((blocks * blocks).sum()))
    return float(blocks.sum()) / size / inflation(rules) if size > 0 else 0.0
