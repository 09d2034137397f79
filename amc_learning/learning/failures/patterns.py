"""Which patterns fail systematically, and which are merely worth watching.

Belongs here: the table failure_patterns. Not here: what a failure is (cases.py), what the labels of a night say about a
pattern (evidence.py), severity (severity.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amc_learning.contracts.declared.failures import failure_patterns as declared_failure_patterns
from amc_learning.learning.failures.evidence import (
    Evidence,
    Window,
    base_rates,
    exact_p_value,
    explained,
    gather,
    night_window,
)
from amc_learning.learning.failures.rules import FailureRules
from amc_learning.learning.failures.search import Cases, lay_out
from amc_learning.learning.failures.severity import severity
from amc_learning.learning.inference import FloatArray
from amc_learning.learning.windows import EPOCH, IntArray

FAILURE_PATTERNS = declared_failure_patterns()

KINDS = ("trade", "thesis", "candidate")


def failure_patterns(cases: pl.DataFrame, *, as_of: Sequence[date], rules: FailureRules) -> pl.DataFrame:
    """Patterns that met the count rule on each day, systematic ones first in rank.

    A pattern is systematic when it has `min_failures` failures in `window_days` and fails more often than the rest with
    the error controlled over everything searched: all patterns of a kind and both evidence windows at once, by the
    largest statistic over label permutations (Westfall and Young's max-T). Where outcomes of a day move together labels
    are permuted within days only: a pattern that merely fell on bad days is not found. The effect: what is shared by a
    whole day has no contrast and is watched; a day of nothing but the pattern proves nothing either.

    Args:
        cases: table `failure_cases`, any order; must reach back `rules.lookback_days` before the first day.
        as_of: knowledge days to report on. A day sees only rows with known_on up to it, corrected cases as then known.
        rules: see FailureRules.

    Returns:
        Table `failure_patterns`: every systematic pattern, patterns explained by one of those, and of the remaining
        patterns that met the count rule up to `max_watch` with the most failures beyond the rest's rate.

    Source: Westfall and Young, Resampling-Based Multiple Testing, 1993, ch. 2; Besag and Clifford, Biometrika 78 (1991)
    301 (stopping early).

    >>> failure_patterns(pl.DataFrame(), as_of=[], rules=FailureRules()).height
    0
    """
    rows: list[dict[str, object]] = []
    if as_of:
        first, last = min(as_of) - timedelta(days=rules.lookback_days), max(as_of)
        seen = cases.filter(pl.col("known_on").is_between(first, last))
        arrays = {kind: lay_out(seen.filter(pl.col("kind") == kind), rules=rules) for kind in KINDS}
        for night in sorted(set(as_of)):
            rows.extend({"known_on": night} | row for row in _night(arrays, (night - EPOCH).days, rules=rules))
    return pl.DataFrame(rows, schema=FAILURE_PATTERNS.schema, orient="row").sort("known_on", *FAILURE_PATTERNS.key)


def systematic_now(cases: pl.DataFrame, *, on: date, rules: FailureRules) -> pl.DataFrame:
    """The systematic patterns of one day as known so far: what a sensor asks on every tick.

    Args:
        cases: table `failure_cases` for `rules.lookback_days` up to and including `on`.
        on: the knowledge day.
        rules: see FailureRules.

    Returns:
        The rows of `failure_patterns` with status systematic.
    """
    return failure_patterns(cases, as_of=[on], rules=rules).filter(pl.col("status") == "systematic")


def _night(cases: dict[str, Cases], day: int, *, rules: FailureRules) -> list[dict[str, object]]:
    """All kinds of one night; they share the night's error evenly, as many as there was anything to search in."""
    windows = {kind: night_window(cases[kind], day, rules=rules) for kind in KINDS}
    gathered = [
        (kind, window, gather(window, seed=(day, KINDS.index(kind)), rules=rules))
        for kind, window in windows.items()
        if window is not None
    ]
    n_searched = sum(evidence.n_searched > 0 for _, _, evidence in gathered)
    error = rules.family_error / max(n_searched, 1)
    return [
        {"kind": kind} | row
        for kind, window, evidence in gathered
        for row in _of_kind(window, evidence, kind=kind, family_error=error, rules=rules)
    ]


def _of_kind(
    window: Window, evidence: Evidence, *, kind: str, family_error: float, rules: FailureRules
) -> list[dict[str, object]]:
    counted = np.flatnonzero(window.counts[0] >= rules.min_failures)
    beyond = window.counts[0] - window.sizes[0] * np.nan_to_num(base_rates(window, 0))
    # Literals are numbered in the order of a pattern's text, so that ties are settled by name.
    by_name = (window.patterns.second[counted], window.patterns.first[counted])
    strongest = counted[np.lexsort((*by_name, -evidence.statistic[counted]))].tolist()
    largest = counted[np.lexsort((*by_name, -beyond[counted]))].tolist()
    significant = [number for number in strongest if evidence.adjusted[number] <= family_error]
    watched = [number for number in largest if number not in significant]
    explained_by = explained(window, significant)
    stored = significant + watched[: rules.max_watch]
    described = []
    for number, facts in zip(stored, _facts(window, evidence, stored, rules=rules), strict=True):
        stronger = explained_by.get(number)
        is_systematic = number in significant and stronger is None
        name = window.patterns.text(window.cases, number)
        row = facts.row() | {
            "pattern": name,
            "status": "systematic" if is_systematic else "watch",
            "explained_by": None if stronger is None else window.patterns.text(window.cases, stronger),
            "n_patterns_searched": evidence.n_searched,
            "n_patterns_counted": len(counted),
            "n_draws": evidence.n_draws,
        }
        if is_systematic:
            row["p_value"] = exact_p_value(window, number, which=int(evidence.window[number]))
            row["severity"] = _severity(facts, kind=kind, name=name, rules=rules)
        described.append(row)
    return described


@dataclass(frozen=True)
class Facts:
    """What happened to a pattern's cases beside all others, in the window that speaks loudest."""

    evidence_days: int
    n_cases: int
    n_failures: int
    base_rate: float | None
    n_window_cases: int
    n_window_failures: int
    mean_return: float | None
    mean_return_rest: float | None
    pnl_usd: float | None
    p_value: float | None
    adjusted_p_value: float | None
    first_failed_on: date
    last_failed_on: date

    def row(self) -> dict[str, object]:
        """As columns of failure_patterns."""
        return vars(self) | {"failure_rate": self.n_failures / self.n_cases, "severity": None}


def _facts(window: Window, evidence: Evidence, numbers: list[int], *, rules: FailureRules) -> list[Facts]:
    from scipy.special import ndtr  # noqa: PLC0415  imported where needed: it is slow to import

    cases, which = window.cases, evidence.window[numbers]
    is_used = window.is_recent[:, None] | (which == 1)
    is_member = window.patterns.member[:, numbers] > 0
    inside, outside = is_member & is_used, ~is_member & is_used
    failed = (cases.failed[window.rows] > 0)[:, None]
    rest = np.stack([base_rates(window, 0), base_rates(window, 1)])[which, numbers]
    returns, pnl = cases.returns[window.rows][:, None], cases.pnl[window.rows][:, None]
    failed_inside, days = inside & failed, cases.days[window.rows]
    columns = {
        "evidence_days": [rules.evidence_days[number] for number in which],
        "n_cases": inside.sum(axis=0).tolist(),
        "n_failures": failed_inside.sum(axis=0).tolist(),
        "base_rate": _nulled(rest),
        "n_window_cases": window.sizes[0, numbers].astype(int).tolist(),
        "n_window_failures": window.counts[0, numbers].astype(int).tolist(),
        "mean_return": _means(returns, inside),
        "mean_return_rest": _means(returns, outside),
        "pnl_usd": _totals(pnl, inside),
        "p_value": _nulled(ndtr(-evidence.statistic[numbers])),
        "adjusted_p_value": _nulled(evidence.adjusted[numbers]),
        "first_failed_on": _dates(np.where(failed_inside, days[:, None], days.max()).min(axis=0)),
        "last_failed_on": _dates(np.where(failed_inside, days[:, None], days.min()).max(axis=0)),
    }
    return [Facts(*values) for values in zip(*columns.values(), strict=True)]


def _severity(facts: Facts, *, kind: str, name: str, rules: FailureRules) -> str:
    # A thesis may foresee a fall: its return says nothing about who was right.
    is_gain_wanted = kind != "thesis"
    return severity(
        failure_rate=facts.n_failures / facts.n_cases,
        base_rate=facts.base_rate,
        mean_return=facts.mean_return if is_gain_wanted else None,
        mean_return_rest=facts.mean_return_rest if is_gain_wanted else None,
        adjusted_p_value=1.0 if facts.adjusted_p_value is None else facts.adjusted_p_value,
        is_cause="exit_reason=" not in name,
        rules=rules,
    )


def _totals(values: FloatArray, is_counted: NDArray[np.bool_]) -> list[float | None]:
    """Sum of the known values per column; null where none is known."""
    is_known = is_counted & ~np.isnan(values)
    return _nulled(np.where(is_known.any(axis=0), np.where(is_known, values, 0.0).sum(axis=0), np.nan))


def _means(values: FloatArray, is_counted: NDArray[np.bool_]) -> list[float | None]:
    n_known = (is_counted & ~np.isnan(values)).sum(axis=0)
    totals = _totals(values, is_counted)
    return [None if total is None else total / n for total, n in zip(totals, n_known.tolist(), strict=True)]


def _nulled(values: FloatArray) -> list[float | None]:
    return [None if value != value else value for value in values.tolist()]  # noqa: PLR0124  NaN differs from itself


def _dates(days: IntArray) -> list[date]:
    return [EPOCH + timedelta(days=day) for day in days.tolist()]
