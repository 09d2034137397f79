"""What a night's labels say about each pattern: max-T over everything searched.

Belongs here: the night's view of the cases, the statistic of every pattern, its p-value after correction for the
search, and which patterns are told twice. Not here: which patterns there are (search.py), chance within days
(blocks.py), what is reported (patterns.py).
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from amc_learning.learning.failures.blocks import (
    LEAST_VARIANCE,
    Moments,
    Scorer,
    block_starts,
    count_moments,
    day_effect,
    exact_tail,
    shuffled_labels,
)
from amc_learning.learning.failures.rules import FailureRules
from amc_learning.learning.failures.search import Cases, Patterns, patterns_of
from amc_learning.learning.inference import FloatArray
from amc_learning.learning.windows import IntArray

DRAWS_AT_A_TIME = (30, 70, 150, 250)
"""Sizes of the first batches of permutations; the rest comes in batches of the last. Most nights end in the first."""

UNEXPLAINED = 2.3263
"""A pattern beside a stronger one must still stand out at one-sided 1 % within and outside the stronger one."""


@dataclass(frozen=True)
class Window:
    """One night's cases and patterns, with the count of each pattern in the short and the long evidence window."""

    cases: Cases
    rows: IntArray
    starts: IntArray
    is_recent: NDArray[np.bool_]
    patterns: Patterns
    counts: NDArray[np.float32]
    sizes: NDArray[np.float32]


@dataclass(frozen=True)
class Evidence:
    """Of each pattern: its statistic and adjusted p-value (NaN when not tested) and the window that gave them."""

    statistic: FloatArray
    adjusted: FloatArray
    window: IntArray
    n_searched: int
    n_draws: int


def night_window(cases: Cases, day: int, *, rules: FailureRules) -> Window | None:
    """The night's view, or None when it holds too few failures for any pattern."""
    short, long = rules.evidence_days
    first, end = np.searchsorted(cases.days, [day - long, day], side="right")
    rows = np.arange(first, end)
    rows = rows[cases.superseded[first:end] > day]
    is_recent = cases.days[rows] > day - short
    if cases.failed[rows[is_recent]].sum() < rules.min_failures:
        return None
    patterns = patterns_of(cases, rows, is_recent, rules=rules)
    n_old = int(len(rows) - is_recent.sum())
    days = cases.days[rows]
    order, starts = exchangeable_blocks(days, cases.failed[rows], cases.stratum[rows], n_old=n_old, rules=rules)
    if order is not None:
        rows, patterns = rows[order], replace(patterns, member=patterns.member[order])
    return Window(
        cases,
        rows,
        starts,
        is_recent,
        patterns,
        counts=_counts(patterns.member, cases.failed[rows][:, None], n_old)[:, :, 0],
        sizes=_counts(patterns.member, np.ones((len(rows), 1), np.float32), n_old)[:, :, 0],
    )


def exchangeable_blocks(
    days: IntArray, failed: NDArray[np.float32], strata: IntArray, *, n_old: int, rules: FailureRules
) -> tuple[IntArray | None, IntArray]:
    """Within which cases labels may be exchanged: everything when nothing speaks against it, days when days decide.

    Never between strata: each has blocks of its own, made of its own cases.

    Args:
        days: day of each case, ascending.
        failed: 1 for a failure, else 0.
        strata: stratum of each case.
        n_old: cases before the window of the count rule, which come first.
        rules: bounds and sizes of blocks.

    Returns:
        The order of cases that puts those of a block side by side and leaves the old ones first, None to leave all as
        they are; and the first index of each block in it: one per day or few when outcomes of a day move together;
        larger ones on either side of the window's edge when only the rate of failure changed from before it; otherwise
        a single one, so that a pattern of the last weeks is held against everything known (with several strata, one
        for each on either side of the edge).
    """
    is_recent = (np.arange(len(days)) >= n_old).astype(np.int64)
    present = np.unique(strata)
    if day_effect(days, failed, strata) > rules.day_effect_bound:
        min_cases = rules.min_block_cases
    elif day_effect(is_recent, failed, strata) > 0:
        # More than one standard error between two rates already shifts every recent pattern alike.
        min_cases = rules.min_calm_block_cases
    elif len(present) == 1:
        return None, np.zeros(1, np.int64)
    else:
        min_cases = len(days)
    order, starts, begun = [np.empty(0, np.int64)], [np.empty(0, np.int64)], 0
    for edge in (0, 1):
        for stratum in present:
            part = np.flatnonzero((is_recent == edge) & (strata == stratum))
            order.append(part)
            starts.append(begun + block_starts(days[part], min_cases=min_cases))
            begun += len(part)
    return (None if len(present) == 1 else np.concatenate(order)), np.concatenate(starts)


def _counts(member: NDArray[np.float32], labels: NDArray[np.float32], n_old: int) -> NDArray[np.float32]:
    """Labels counted per pattern, shape (windows, patterns, draws): the recent cases, and all of them."""
    recent = member[n_old:].T @ labels[n_old:]
    return np.stack([recent, recent + member[:n_old].T @ labels[:n_old]])


def base_rates(window: Window, which: int) -> FloatArray:
    """Failure rate of the cases outside each pattern; NaN where there are none.

    Each stratum counts as much as the pattern has cases in it. A stratum that has no others is taken to fail as it
    did: it has nothing to be held against.
    """
    is_used = window.is_recent if which == 0 else np.ones(len(window.rows), bool)
    rows = window.rows[is_used]
    failed, strata = window.cases.failed[rows], window.cases.stratum[rows]
    if len(rows) and (strata == strata[0]).all():
        n_outside = len(rows) - window.sizes[which].astype(float)
        n_failed = float(failed.sum()) - window.counts[which]
        return np.where(n_outside > 0, n_failed / np.maximum(n_outside, 1), np.nan)
    member = window.patterns.member[is_used]
    expected, others = np.zeros(member.shape[1]), np.zeros(member.shape[1])
    for stratum in np.unique(strata):
        is_here = strata == stratum
        inside = member[is_here].sum(axis=0).astype(float)
        failed_inside = (member[is_here].T @ failed[is_here]).astype(float)
        outside = float(is_here.sum()) - inside
        rate_outside = (float(failed[is_here].sum()) - failed_inside) / np.maximum(outside, 1)
        expected += np.where(outside > 0, inside * rate_outside, failed_inside)
        others += outside * (inside > 0)
    rates: FloatArray = np.where(others > 0, expected / np.maximum(window.sizes[which], 1), np.nan)
    return rates


def _block_table(window: Window, weights: NDArray[np.float32]) -> FloatArray:
    return np.add.reduceat(weights, window.starts, axis=0).astype(float)


def _moments(window: Window, tested: NDArray[np.bool_]) -> tuple[Moments, Moments]:
    """Moments of the tested patterns' failures in the short and in the long window."""
    n_block = np.diff(window.starts, append=len(window.rows)).astype(float)
    n_failures = _block_table(window, window.cases.failed[window.rows])
    member = window.patterns.member[:, tested]
    recent, everything = (_block_table(window, part) for part in (member * window.is_recent[:, None], member))
    return count_moments(recent, n_block, n_failures), count_moments(everything, n_block, n_failures)


def gather(window: Window, *, seed: tuple[int, int], rules: FailureRules) -> Evidence:
    """Max-T over the tested patterns and both windows."""
    n_patterns = len(window.patterns.first)
    statistic, adjusted = np.full(n_patterns, np.nan), np.full(n_patterns, np.nan)
    chosen = np.zeros(n_patterns, np.int64)
    tested = np.flatnonzero(window.patterns.is_testable)
    moments = _moments(window, window.patterns.is_testable)
    has_contrast = np.concatenate([part.variance > LEAST_VARIANCE for part in moments])
    if not has_contrast.any():
        return Evidence(statistic, adjusted, chosen, 0, 0)
    both = Moments(
        *(
            np.concatenate([getattr(part, name) for part in moments])[has_contrast]
            for name in ("mean", "variance", "third")
        )
    )
    search = Search(window, tested, has_contrast, Scorer.of(both), rules)
    of_tests = np.full(2 * len(tested), -np.inf)
    of_tests[has_contrast] = search.statistics(window.cases.failed[window.rows][:, None])[:, 0]
    observed = of_tests.reshape(2, -1)
    best = observed.max(axis=0)
    maxima = _maxima(search, float(best.max()), seed=seed, rules=rules)
    is_tested = has_contrast.reshape(2, -1).any(axis=0)
    numbers = tested[is_tested]
    statistic[numbers], chosen[numbers] = best[is_tested], observed.argmax(axis=0)[is_tested]
    adjusted[numbers] = _adjusted(best[is_tested], maxima)
    # Where no permutation came as far, Bonferroni on exact p-values may say more than the number of draws can.
    for number in np.flatnonzero(statistic > maxima.max(initial=-np.inf)).tolist() if len(maxima) else []:
        exact = exact_p_value(window, number, which=int(chosen[number]))
        adjusted[number] = min(adjusted[number], exact * int(has_contrast.sum()))
    return Evidence(statistic, adjusted, chosen, int(is_tested.sum()), len(maxima))


@dataclass(frozen=True)
class Search:
    """What is computed for the observed labels and for every permutation alike."""

    window: Window
    tested: IntArray
    has_contrast: NDArray[np.bool_]
    scorer: Scorer
    rules: FailureRules

    def statistics(self, labels: NDArray[np.float32]) -> FloatArray:
        """Statistic of each test, shape (tests, draws); -inf where the count rule is not met."""
        window = self.window
        n_old = int(len(window.rows) - window.is_recent.sum())
        member = window.patterns.member if len(self.tested) == len(window.patterns.first) else self._member()
        counts = _counts(member, labels, n_old)
        is_counted = np.concatenate([counts[0] >= self.rules.min_failures] * 2)[self.has_contrast]
        scored = self.scorer(counts.reshape(-1, labels.shape[1])[self.has_contrast])
        return np.where(is_counted, scored, -np.inf)

    def _member(self) -> NDArray[np.float32]:
        return self.window.patterns.member[:, self.tested]


def _maxima(search: Search, best: float, *, seed: tuple[int, int], rules: FailureRules) -> FloatArray:
    """Largest statistic of each permutation, until `best` was reached `max_exceedances` times or draws run out."""
    if best == -np.inf:
        return np.empty(0)
    window = search.window
    labels = window.cases.failed[window.rows]
    blocks = np.repeat(np.arange(len(window.starts)), np.diff(window.starts, append=len(window.rows)))
    generator = np.random.default_rng(seed)
    maxima = np.empty(0)
    sizes = list(DRAWS_AT_A_TIME)
    while len(maxima) < rules.max_draws:
        n_draws = min(sizes.pop(0) if len(sizes) > 1 else sizes[0], rules.max_draws - len(maxima))
        drawn = shuffled_labels(labels, blocks, n_draws=n_draws, generator=generator)
        maxima = np.concatenate([maxima, search.statistics(drawn).max(axis=0)])
        reached = np.flatnonzero(maxima >= best)
        if len(reached) >= rules.max_exceedances:
            return maxima[: reached[rules.max_exceedances - 1] + 1]
    return maxima


def _adjusted(statistics: FloatArray, maxima: FloatArray) -> FloatArray:
    """Share of permutations whose largest statistic reaches each pattern's, the observed labels counted as one."""
    n_reached = len(maxima) - np.searchsorted(np.sort(maxima), statistics, side="left")
    shares: FloatArray = (n_reached + 1) / (len(maxima) + 1)
    return shares


def explained(window: Window, significant: list[int]) -> dict[int, int]:
    """Significant patterns that a stronger one leaves nothing of, and which one that is.

    From the strongest down, each is compared within and outside those kept before it, day by day: a pair whose value
    fails everywhere, or a value that fails only through a pair, is the same failure told twice. Where a value fails
    in one stratum far more than in the others, its part there goes before it.
    """
    kept: list[int] = []
    explained: dict[int, int] = {}
    member, labels = window.patterns.member, window.cases.failed[window.rows]
    blocks = np.repeat(np.arange(len(window.starts)), np.diff(window.starts, append=len(window.rows)))
    for number in _sharper_first(window, significant):
        if kept and not _stands_out_beside(member[:, number], member[:, kept], labels, blocks):
            overlap = member[:, kept].T @ member[:, number]
            explained[number] = kept[int(overlap.argmax())]
        else:
            kept.append(number)
    return explained


def _sharper_first(window: Window, significant: list[int]) -> list[int]:
    """The same patterns, each that is clearly the worse part of a stronger one before that one."""
    ordered: list[int] = []
    for number in significant:
        wider = (at for at, wide in enumerate(ordered) if _is_sharper(window, number, wide))
        ordered.insert(next(wider, len(ordered)), number)
    return ordered


def _is_sharper(window: Window, narrow: int, wide: int) -> bool:
    """Whether `narrow` is what `wide` has in one stratum and fails beyond chance by more than its other strata do.

    Within the stratum both hold the same cases, so no contrast inside the blocks could tell them apart.
    """
    strata, member = window.cases.stratum[window.rows], window.patterns.member
    inside = member[:, narrow] > 0
    is_there = strata == strata[inside][0]
    if is_there.all() or not np.array_equal(inside, (member[:, wide] > 0) & is_there):
        return False
    parts = np.column_stack([member[:, narrow], member[:, wide] * ~is_there])
    labels = window.cases.failed[window.rows]
    n_block = np.diff(window.starts, append=len(window.rows)).astype(float)
    moments = count_moments(_block_table(window, parts), n_block, _block_table(window, labels))
    if (moments.variance <= LEAST_VARIANCE).any():
        return False
    sizes = parts.sum(axis=0).astype(float)
    beyond = ((parts.T @ labels).astype(float) - moments.mean) / sizes
    return bool(beyond[0] - beyond[1] > UNEXPLAINED * np.sqrt((moments.variance / sizes**2).sum()))


def _stands_out_beside(
    pattern: NDArray[np.float32], kept: NDArray[np.float32], labels: NDArray[np.float32], blocks: IntArray
) -> bool:
    cells: IntArray = np.unique(np.column_stack([blocks, kept]), axis=0, return_inverse=True)[1].ravel()
    n_block, n_failures, n_cases = (
        np.bincount(cells, weights=weights).astype(float) for weights in (np.ones(len(cells)), labels, pattern)
    )
    moments = count_moments(n_cases[:, None], n_block, n_failures)
    if moments.variance[0] <= LEAST_VARIANCE:
        return False
    return bool(Scorer.of(moments)(np.array([float(pattern @ labels)]))[0] > UNEXPLAINED)


def exact_p_value(window: Window, number: int, *, which: int) -> float:
    """Exact chance of one pattern's failures or more, in the short (0) or the long window (1)."""
    is_counted = window.is_recent if which == 0 else np.ones(len(window.rows), bool)
    n_block = np.diff(window.starts, append=len(window.rows))
    n_failures = _block_table(window, window.cases.failed[window.rows]).astype(np.int64)
    n_cases = _block_table(window, window.patterns.member[:, number] * is_counted).astype(np.int64)
    return exact_tail(n_cases, n_block, n_failures, count=int(window.counts[which, number]))
