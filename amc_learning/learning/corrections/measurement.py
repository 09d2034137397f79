"""Did a correction help: failure rate of its pattern against the rest, before and after.

Belongs here: counts over day ranges and the difference in differences with its interval. Not here: which days are
before and after (lifecycle).
"""

from dataclasses import dataclass
from datetime import date, timedelta
from math import sqrt
from statistics import NormalDist

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amc_learning.learning.corrections.patterns import Pattern
from amc_learning.learning.corrections.rules import LOOK_CONFIDENCE, MIN_CASES_TO_MEASURE, MIN_DAYS_TO_MEASURE
from amc_learning.learning.corrections.sizing import shrunk_rate
from amc_learning.learning.theses.wilson import wilson_interval

HELPED, NO_DIFFERENCE, HARMED, TOO_EARLY = "helped", "no_difference", "harmed", "too_early"

_QUANTILE = NormalDist().inv_cdf((1 + LOOK_CONFIDENCE) / 2)
Literals = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Share:
    """Failures among cases of some days.

    Attributes:
        n_cases: cases.
        n_failures: failures among them.
        n_days: days with such cases.
        n_effective: independent cases these are worth: fewer when cases of one day fail together.
    """

    n_cases: int = 0
    n_failures: int = 0
    n_days: int = 0
    n_effective: float = 0.0

    @property
    def rate(self) -> float | None:
        """Failures over cases; None without any."""
        return self.n_failures / self.n_cases if self.n_cases else None


@dataclass(frozen=True)
class Rate:
    """A failure rate with the cases it was measured on."""

    rate: float
    n_effective: float


@dataclass(frozen=True)
class Effect:
    """Difference in differences with its interval, and what it says."""

    effect: float | None
    ci_low: float | None
    ci_high: float | None
    verdict: str


@dataclass(frozen=True)
class _Sums:
    """Cumulative sums over days of counts and their products, exact; entry i is the sum of the first i days."""

    sums: NDArray[np.int64]

    def share(self, first: int, end: int) -> Share:
        n_days, n, f, nn, nf, ff = (int(it) for it in self.sums[:, end] - self.sums[:, first])
        if not n:
            return Share()
        p = f / n
        binomial = n * p * (1 - p)
        if n_days < 2 or binomial == 0:
            return Share(n, f, n_days, float(n))
        clustered = n_days / (n_days - 1) * (ff - 2 * p * nf + p * p * nn)
        return Share(n, f, n_days, n / max(clustered / binomial, 1.0))


class CaseCounts:
    """Counts of cases and failures over ranges of days, for any pattern and for the rest of its kind."""

    def __init__(self, cases: pl.DataFrame) -> None:
        """`cases`: table failure_cases, rows in any order; a restated case counts again on the day it is restated."""
        self._by_kind = {kind: _KindCounts(rows) for (kind,), rows in cases.group_by("kind")}

    def before_and_rest(self, pattern: Pattern, first: date, last: date) -> tuple[Share, Share]:
        """Cases of the pattern and all others of its kind, known from `first` to `last`, both included."""
        counts = self._by_kind.get(pattern.kind)
        return counts.shares(pattern.literals, first, last) if counts and first <= last else (Share(), Share())

    def share_of(self, pattern: Pattern, target: Literals, first: date, last: date) -> float:
        """Share of the cases that match `target` which belong to the pattern; 1 when there are none to tell by."""
        inside = self.before_and_rest(pattern, first, last)[0].n_cases
        wide = self.before_and_rest(Pattern(pattern.kind, "", target), first, last)[0].n_cases
        return min(inside / wide, 1.0) if inside else 1.0


class _KindCounts:
    """Counts of the cases of one kind."""

    def __init__(self, cases: pl.DataFrame) -> None:
        days = cases["known_on"].to_physical().to_numpy()
        self._days, self._day_of = np.unique(days, return_inverse=True)
        self._is_failure = cases["is_failure"].to_numpy().astype(bool)
        self._cases = cases
        self._codes: dict[str, tuple[dict[str, int], NDArray[np.int64]]] = {}
        self._sums: dict[Literals, tuple[_Sums, _Sums]] = {}
        everything = np.ones(len(days), dtype=bool)
        self._per_day = self._counted(everything)

    def shares(self, literals: Literals, first: date, last: date) -> tuple[Share, Share]:
        if literals not in self._sums:
            inside = self._counted(self._matching(literals))
            n_all, failures_all = self._per_day
            self._sums[literals] = (_summed(*inside), _summed(n_all - inside[0], failures_all - inside[1]))
        epoch = date(1970, 1, 1)
        start = int(np.searchsorted(self._days, (first - epoch).days))
        end = int(np.searchsorted(self._days, (last - epoch).days, side="right"))
        pattern, rest = self._sums[literals]
        return pattern.share(start, end), rest.share(start, end)

    def _matching(self, literals: Literals) -> NDArray[np.bool_]:
        is_match = np.ones(len(self._is_failure), dtype=bool)
        for attribute, value in literals:
            known, codes = self._coded(attribute)
            is_match &= codes == known.get(value, -2)
        return is_match

    def _coded(self, attribute: str) -> tuple[dict[str, int], NDArray[np.int64]]:
        """Values as whole numbers, once per attribute: comparing strings for every pattern would take seconds."""
        if attribute not in self._codes:
            values = self._cases[attribute].cast(pl.String)
            known = values.drop_nulls().unique().sort()
            codes = values.cast(pl.Enum(known)).to_physical().cast(pl.Int64).fill_null(-1)
            self._codes[attribute] = ({value: code for code, value in enumerate(known)}, codes.to_numpy())
        return self._codes[attribute]

    def _counted(self, is_match: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        n_days = len(self._days)
        n = np.bincount(self._day_of[is_match], minlength=n_days)
        failures = np.bincount(self._day_of[is_match & self._is_failure], minlength=n_days)
        return n.astype(np.int64), failures.astype(np.int64)


def _summed(n: NDArray[np.int64], failures: NDArray[np.int64]) -> _Sums:
    per_day = np.stack([(n > 0).astype(np.int64), n, failures, n * n, n * failures, failures * failures])
    return _Sums(np.concatenate([np.zeros((6, 1), dtype=np.int64), per_day.cumsum(axis=1)], axis=1))


def correction_effect(
    *,
    pattern_before: Rate | None,
    rest_before: Rate | None,
    pattern_after: Share,
    rest_after: Share,
) -> Effect:
    """Change of the pattern's failure rate minus the change of the rest's, and what it amounts to.

    The pattern was picked because it failed much, so part of any fall is only a return to the mean. `helped` therefore
    must also hold against the rate before shrunk towards the rest's; `harmed` holds against the plain one, which
    the same luck can only make too high.

    Args:
        pattern_before: of the pattern, before; None without cases enough.
        rest_before: of the other cases of its kind.
        pattern_after: of the pattern, decided under the correction.
        rest_after: of the others since then.

    Returns:
        `too_early` and no numbers with fewer than `MIN_CASES_TO_MEASURE` cases on a side or `MIN_DAYS_TO_MEASURE`
        days after.

    Source: Newcombe 1998, Interval estimation for the difference between independent proportions (method 10, square
    and add of Wilson limits), extended to four proportions as in Zou and Donner 2008 (MOVER); cases count as the
    independent cases they are worth by the variance between days.
    """
    afters = (pattern_after, rest_after)
    is_enough = all(it.n_cases >= MIN_CASES_TO_MEASURE and it.n_days >= MIN_DAYS_TO_MEASURE for it in afters)
    if pattern_before is None or rest_before is None or not is_enough:
        return Effect(None, None, None, TOO_EARLY)
    pattern_now, rest_now = _rate(pattern_after), _rate(rest_after)
    effect, low, high = _difference(pattern_now, pattern_before, rest_now, rest_before)
    n_before = pattern_before.n_effective
    shrunk = Rate(shrunk_rate(pattern_before.rate * n_before, n_before, rest_before.rate), n_before)
    verdict = NO_DIFFERENCE
    if low > 0:
        verdict = HARMED
    elif high < 0 and _difference(pattern_now, shrunk, rest_now, rest_before)[2] < 0:
        verdict = HELPED
    return Effect(effect, low, high, verdict)


def days_after(start: date, lag_days: int) -> date:
    """First day whose news were decided after `start`."""
    return start + timedelta(days=lag_days + 1)


def _rate(share: Share) -> Rate:
    return Rate(share.n_failures / share.n_cases, share.n_effective)


def _difference(pattern: Rate, pattern_before: Rate, rest: Rate, rest_before: Rate) -> tuple[float, float, float]:
    """(pattern - before) - (rest - before), and its limits: distances of each rate to its limit, squared and added."""
    rates = (pattern, pattern_before, rest, rest_before)
    lows, highs = wilson_interval([it.rate for it in rates], [it.n_effective for it in rates], quantile=_QUANTILE)
    estimate = below = above = 0.0
    for sign, rate, low, high in zip((1, -1, -1, 1), rates, lows.tolist(), highs.tolist(), strict=True):
        estimate += sign * rate.rate
        downward, upward = rate.rate - low, high - rate.rate
        below += (downward if sign > 0 else upward) ** 2
        above += (upward if sign > 0 else downward) ** 2
    return estimate, max(estimate - sqrt(below), -2.0), min(estimate + sqrt(above), 2.0)
