"""Judged theses as arrays in order of time, and the groups they are looked at by.

Belongs here: which theses count, their groups, and the slice of them that a knowledge day may look at.
Not here: any statistic (accuracy.py, curves.py, comparison.py), judging a thesis (outcomes.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from amc_learning.learning.theses.outcomes import PREDICTIONS
from amc_learning.learning.windows import EPOCH

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

AI = "ai"
RULE_BASED = "rule_based"

MIN_THESES = 20
"""Fewer theses with a confidence say nothing about what confidence means."""

LABELS: Mapping[str, pl.Expr] = {
    "overall": pl.lit("all"),
    "recommendation": pl.col("recommendation"),
    "source": pl.col("source"),
    "regime": pl.col("market_regime").fill_null("unknown"),
    "source_recommendation": pl.format("{}/{}", "source", "recommendation"),
}
"""Kind of group, and the group of a thesis within it."""

ALWAYS_REPORTED: Mapping[str, tuple[str, ...]] = {
    "overall": ("all",),
    "recommendation": PREDICTIONS,
    "source": (AI, RULE_BASED),
}
"""Groups with a row even where no thesis of theirs was judged; the others have one where there is one to count."""


@dataclass(frozen=True)
class JudgedTheses:
    """Theses of one horizon that count and were judged, by knowledge day, then identifier.

    Attributes:
        known_on: shape (n,), days since 1970-01-01, ascending.
        day: shape (n,), number of the knowledge day among those that have theses.
        confidence: shape (n,), as stated; NaN = not stated.
        is_right: shape (n,), 1 or 0.
        member_of: shape (n, n kinds), number of the group within `groups`.
        groups: (kind, group) by number.
        is_always_reported: shape (n groups,).
    """

    known_on: IntArray
    day: IntArray
    confidence: FloatArray
    is_right: IntArray
    member_of: IntArray
    groups: tuple[tuple[str, str], ...]
    is_always_reported: npt.NDArray[np.bool_]

    def window(self, as_of: date, window_days: int) -> slice:
        """The theses with as_of - window_days < known_on <= as_of, as a slice of the first axis."""
        return window_of(self.known_on, as_of, window_days)


def window_of(known_on: IntArray, as_of: date, window_days: int) -> slice:
    """Where as_of - window_days < known_on <= as_of in ascending days since 1970-01-01.

    >>> window_of(np.array([0, 1, 2, 3]), date(1970, 1, 3), 2)
    slice(1, 3, None)
    """
    last = (as_of - EPOCH).days
    first, end = np.searchsorted(known_on, [last - window_days, last], side="right")
    return slice(int(first), int(end))


def counted(outcomes: pl.DataFrame, *, horizon: str) -> pl.DataFrame:
    """The rows of one horizon that statistics are made of: counted and judged, sorted by knowledge day and thesis."""
    is_judged = pl.col("is_counted") & pl.col("is_right").is_not_null()
    return outcomes.filter(pl.col("horizon") == horizon, is_judged).sort("known_on", "thesis_id")


def judged_theses(outcomes: pl.DataFrame, *, horizon: str, kinds: Sequence[str]) -> JudgedTheses:
    """The judged theses of one horizon with their groups.

    Args:
        outcomes: table thesis_outcomes, in any order.
        horizon: name of the horizon.
        kinds: kinds of groups wanted, of `LABELS`.
    """
    rows = counted(outcomes, horizon=horizon)
    labels = rows.with_columns(LABELS[kind].alias(f"group_by_{kind}") for kind in kinds)
    groups: list[tuple[str, str]] = []
    member_of = np.empty((rows.height, len(kinds)), dtype=np.int64)
    for place, kind in enumerate(kinds):
        labels_of_kind = labels[f"group_by_{kind}"].to_list()
        names = sorted({*labels_of_kind, *ALWAYS_REPORTED.get(kind, ())})
        number = {name: len(groups) + index for index, name in enumerate(names)}
        member_of[:, place] = [number[label] for label in labels_of_kind]
        groups += [(kind, name) for name in names]
    known_on = rows["known_on"].to_physical().to_numpy().astype(np.int64)
    return JudgedTheses(
        known_on=known_on,
        day=np.unique(known_on, return_inverse=True)[1].astype(np.int64),
        confidence=rows["confidence"].fill_null(float("nan")).to_numpy(),
        is_right=rows["is_right"].to_numpy().astype(np.int64),
        member_of=member_of,
        groups=tuple(groups),
        is_always_reported=np.array([name in ALWAYS_REPORTED.get(kind, ()) for kind, name in groups], dtype=bool),
    )
