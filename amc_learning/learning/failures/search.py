"""The space of patterns: values, and pairs of values of different attributes.

Belongs here: laying out cases as arrays, which patterns exist in a window, and which of them may be tested at all.
Not here: testing them (patterns.py).
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amc_learning.contracts.declared.failures import PATTERN_ORDER
from amc_learning.learning.failures.rules import FailureRules
from amc_learning.learning.inference import FloatArray
from amc_learning.learning.windows import IntArray

SETTLED_BY_THE_RETURN = frozenset({"exit_reason=stop_loss", "exit_reason=trailing_stop", "exit_reason=profit_target"})
"""These exits happen because of the return that is judged: they say that a trade lost, not why. Counted, not tested."""

SHARED_BY_A_DAY = frozenset({"market_regime", "discovery_regime"})
"""All decisions of a day share these, so no day has a contrast: alone they are counted, never tested. Whether a regime
pays is a question about days, answered with day-level inference in regime_performance."""


STRATA = {"thesis": "recommendation"}
"""Kind to the attribute within which alone its cases can be compared. A thesis is right by the rule of its
recommendation: without any skill most BUY_MORE fail and most HOLD do not, which is the rule, and says nothing of them.
"""

NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Cases:
    """All cases of one kind as arrays, ordered by day and case; repeats of an episode are left out.

    `has` is (cases, literals): whether the case has the literal's value. `stratum` numbers the groups within which
    alone cases are compared (`STRATA`).
    """

    days: IntArray
    superseded: IntArray
    failed: NDArray[np.float32]
    returns: FloatArray
    pnl: FloatArray
    has: NDArray[np.float32]
    literals: tuple[str, ...]
    attribute: IntArray
    stratum: IntArray
    is_testable_alone: NDArray[np.bool_]
    is_testable_in_pairs: NDArray[np.bool_]


def lay_out(cases: pl.DataFrame, *, rules: FailureRules) -> Cases:
    """The cases of one kind as arrays.

    Args:
        cases: rows of failure_cases of one kind, in any order.
        rules: `episode_days` decides which repeats count.

    Returns:
        Arrays in order of (known_on, case_id).
    """
    ordered = cases.sort("known_on", "case_id").with_columns(
        superseded=pl.col("known_on").shift(-1).over("case_id").to_physical().cast(pl.Int64).fill_null(NEVER)
    )
    ordered = ordered.filter(~pl.col("is_withdrawn").fill_null(value=False))
    first_told = ordered.unique("case_id", keep="first", maintain_order=True)
    since_last = (pl.col("known_on") - pl.col("known_on").shift(1).over("symbol")).dt.total_days()
    fresh = first_told.filter(since_last.is_null() | (since_last >= rules.episode_days))
    counted = ordered.join(fresh.select("case_id"), on="case_id", how="semi", maintain_order="left")
    literals: list[str] = []
    attribute: list[int] = []
    columns: list[NDArray[np.bool_]] = []
    for number, name in enumerate(PATTERN_ORDER):
        values = counted[name]
        for value in sorted(values.drop_nulls().unique().to_list()):
            literals.append(f"{name}={value}")
            attribute.append(number)
            columns.append((values == value).fill_null(value=False).to_numpy())
    is_settled = np.array([literal in SETTLED_BY_THE_RETURN for literal in literals], bool)
    is_shared = np.array([PATTERN_ORDER[number] in SHARED_BY_A_DAY for number in attribute], bool)
    return Cases(
        days=counted["known_on"].to_physical().to_numpy().astype(np.int64),
        superseded=counted["superseded"].to_numpy(),
        failed=counted["is_failure"].to_numpy().astype(np.float32),
        returns=counted["outcome_return"].cast(pl.Float64).fill_null(np.nan).to_numpy(),
        pnl=counted["pnl_usd"].cast(pl.Float64).fill_null(np.nan).to_numpy(),
        has=np.stack(columns, axis=1).astype(np.float32) if columns else np.zeros((len(counted), 0), np.float32),
        literals=tuple(literals),
        attribute=np.array(attribute, np.int64),
        stratum=_strata(counted),
        is_testable_alone=~is_settled & ~is_shared,
        is_testable_in_pairs=~is_settled,
    )


def _strata(counted: pl.DataFrame) -> IntArray:
    """Number of the group each case is compared within, in order of its value; 0 for kinds that are not divided."""
    attribute = STRATA.get(counted["kind"][0]) if counted.height else None
    if attribute is None:
        return np.zeros(counted.height, np.int64)
    return counted[attribute].fill_null("").rank("dense").to_numpy().astype(np.int64) - 1


@dataclass(frozen=True)
class Patterns:
    """Patterns of a window: `first` and `second` number their literals (equal for a single value).

    `member` is (cases, patterns). Patterns that hold the same cases as one of their values are left out.
    """

    first: IntArray
    second: IntArray
    member: NDArray[np.float32]
    is_testable: NDArray[np.bool_]

    def text(self, cases: Cases, number: int) -> str:
        """Canonical text of one pattern."""
        first, second = int(self.first[number]), int(self.second[number])
        return cases.literals[first] if first == second else f"{cases.literals[first]} & {cases.literals[second]}"


def patterns_of(cases: Cases, rows: IntArray, is_recent: NDArray[np.bool_], *, rules: FailureRules) -> Patterns:
    """Every pattern with enough recent cases to meet the count rule at all.

    Which patterns are searched depends on the attributes only, never on who failed: anything else would undo the
    correction for the search.

    Args:
        cases: the cases of the kind.
        rows: row numbers of the window.
        is_recent: which of these rows lie in the window of the count rule.
        rules: `min_failures` recent cases at least.
    """
    window = cases.has[rows]
    recent = window[is_recent]
    kept = np.flatnonzero(recent.sum(axis=0) >= rules.min_failures)
    window, recent = window[:, kept], recent[:, kept]
    together, together_recent = window.T @ window, recent.T @ recent
    size = np.diag(together)
    attribute, alone, in_pairs = cases.attribute[kept], cases.is_testable_alone[kept], cases.is_testable_in_pairs[kept]
    is_pair = (
        (attribute[:, None] < attribute[None, :])
        & (together_recent >= rules.min_failures)
        & (together < size[:, None])
        & (together < size[None, :])
    )
    first, second = np.nonzero(is_pair)
    singles = np.arange(len(kept))
    is_day_level = in_pairs & ~alone
    testable_pair = in_pairs[first] & in_pairs[second] & ~(is_day_level[first] & is_day_level[second])
    return Patterns(
        first=kept[np.concatenate([singles, first])],
        second=kept[np.concatenate([singles, second])],
        member=np.concatenate([window, window[:, first] * window[:, second]], axis=1),
        is_testable=np.concatenate([alone, testable_pair]),
    )
