"""Did a correction help: failure rate of its pattern against the rest, before and after.

Belongs here: counts over day ranges and the difference in differences with its interval. Not here: which days are
before and after (lifecycle).
"""

from dataclasses import dataclass
from datetime import date
from math import sqrt
from statistics import NormalDist

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amc_learning.learning.corrections.patterns import Pattern
from amc_learning.learning.corrections.rules import LOOK_CONFIDENCE, MIN_CASES_TO_MEASURE, MIN_DAYS_TO_MEASURE
from amc_learning.learning.corrections.sizing import shrunk_rate
from amc_learning.learning.theses.wilson import wilson_interval
from amc_learning.learning.windows import EPOCH

HELPED, NO_DIFFERENCE, HARMED, TOO_EARLY = "helped", "no_difference", "harmed", "too_early"

_QUANTILE = NormalDist().inv_cdf((1 + LOOK_CONFIDENCE) / 2)
NEVER, UNKNOWN = np.iinfo(np.int64).max, np.iinfo(np.int64).min
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


class CaseCounts:
    """Counts of cases and failures for any pattern and for the rest of its kind, as known on some night.

    Of a case told several times the newest row known by then counts, on the day that row became known; a withdrawn one
    counts no more.
    """

    def __init__(self, cases: pl.DataFrame) -> None:
        """`cases`: table failure_cases, rows in any order."""
        self._by_kind = {kind: _KindCounts(rows) for (kind,), rows in cases.group_by("kind")}

    def before_and_rest(self, pattern: Pattern, first: date, night: date) -> tuple[Share, Share]:
        """Cases of the pattern and all others of its kind, known from `first` to `night`, both included."""
        counts = self._by_kind.get(pattern.kind)
        return counts.shares(pattern.literals, _number(first), _number(night)) if counts else (Share(), Share())

    def decided_under(self, pattern: Pattern, *, after: date, until: date | None, night: date) -> tuple[Share, Share]:
        """The same known by `night` of what was decided after `after` and, if given, no later than `until`."""
        counts = self._by_kind.get(pattern.kind)
        if counts is None:
            return Share(), Share()
        # No outcome is known before its decision, so earlier days need not be looked at.
        first, last = _number(after) + 1, NEVER if until is None else _number(until)
        return counts.shares(pattern.literals, first, _number(night), decided=(first, last))

    def share_of(self, pattern: Pattern, target: Literals, first: date, night: date) -> float:
        """Share of the cases that match `target` which belong to the pattern; 1 when there are none to tell by."""
        inside = self.before_and_rest(pattern, first, night)[0].n_cases
        wide = self.before_and_rest(Pattern(pattern.kind, "", target), first, night)[0].n_cases
        return min(inside / wide, 1.0) if inside else 1.0


class _KindCounts:
    """Counts of the cases of one kind; days are numbers of days since 1970."""

    def __init__(self, cases: pl.DataFrame) -> None:
        ordered = cases.sort("known_on", "case_id").with_columns(
            superseded=pl.col("known_on").shift(-1).over("case_id").to_physical().cast(pl.Int64).fill_null(NEVER)
        )
        self._cases = ordered.filter(~pl.col("is_withdrawn").fill_null(value=False))
        self._known = self._cases["known_on"].to_physical().to_numpy().astype(np.int64)
        self._superseded = self._cases["superseded"].to_numpy()
        self._decided = self._cases["decided_on"].to_physical().cast(pl.Int64).fill_null(UNKNOWN).to_numpy()
        self._is_failure = self._cases["is_failure"].to_numpy().astype(bool)
        self._codes: dict[str, tuple[dict[str, int], NDArray[np.int64]]] = {}
        self._matches: dict[Literals, NDArray[np.bool_]] = {}

    def shares(
        self, literals: Literals, first: int, night: int, *, decided: tuple[int, int] | None = None
    ) -> tuple[Share, Share]:
        """Of the pattern and of the rest, known from `first` to `night` and decided within `decided`."""
        rows = slice(*np.searchsorted(self._known, [first, night + 1]).tolist())
        is_counted = self._superseded[rows] > night
        if decided is not None:
            is_counted &= (self._decided[rows] >= decided[0]) & (self._decided[rows] <= decided[1])
        is_match = self._matching(literals)[rows]
        days, is_failure = self._known[rows] - first, self._is_failure[rows]
        inside, outside = is_counted & is_match, is_counted & ~is_match
        return _share(days[inside], is_failure[inside]), _share(days[outside], is_failure[outside])

    def _matching(self, literals: Literals) -> NDArray[np.bool_]:
        if literals not in self._matches:
            is_match = np.ones(len(self._is_failure), dtype=bool)
            for attribute, value in literals:
                known, codes = self._coded(attribute)
                is_match &= codes == known.get(value, -2)
            self._matches[literals] = is_match
        return self._matches[literals]

    def _coded(self, attribute: str) -> tuple[dict[str, int], NDArray[np.int64]]:
        """Values as whole numbers, once per attribute: comparing strings for every pattern would take seconds."""
        if attribute not in self._codes:
            values = self._cases[attribute].cast(pl.String)
            known = values.drop_nulls().unique().sort()
            codes = values.cast(pl.Enum(known)).to_physical().cast(pl.Int64).fill_null(-1)
            self._codes[attribute] = ({value: code for code, value in enumerate(known)}, codes.to_numpy())
        return self._codes[attribute]


def _number(day: date) -> int:
    return (day - EPOCH).days


def _share(days: NDArray[np.int64], is_failure: NDArray[np.bool_]) -> Share:
    """Share of these cases; they are worth fewer when those of one day fail together."""
    n = len(days)
    if not n:
        return Share()
    per_day = np.bincount(days)
    failing = np.bincount(days[is_failure], minlength=len(per_day))
    f, n_days = int(failing.sum()), int((per_day > 0).sum())
    p = f / n
    binomial = n * p * (1 - p)
    if n_days < 2 or binomial == 0:
        return Share(n, f, n_days, float(n))
    # Whole numbers are summed, so that the order of days cannot show in the last digit.
    ff, nf, nn = (int(it) for it in (failing @ failing, per_day @ failing, per_day @ per_day))
    clustered = n_days / (n_days - 1) * (ff - 2 * p * nf + p * p * nn)
    return Share(n, f, n_days, n / max(clustered / binomial, 1.0))


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
