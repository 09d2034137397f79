"""Judged theses as counts per day, group and confidence: what every window is summed from.

Belongs here: which theses count, the groups, and exact sums over any run of days. Not here: any fit or score.
"""

from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import polars as pl

from amc_learning.learning.calibration.logistic import FloatArray
from amc_learning.learning.calibration.maps import NODES
from amc_learning.learning.theses.outcomes import PREDICTIONS
from amc_learning.learning.windows import EPOCH, IntArray

ALL = "all"
SOURCES = ("ai", "rule_based", "unknown")
RECOMMENDATIONS = PREDICTIONS

CELLS = tuple((source, recommendation) for source in SOURCES for recommendation in RECOMMENDATIONS)
GROUPS = (
    (ALL, ALL),
    *((source, ALL) for source in SOURCES),
    *((ALL, recommendation) for recommendation in RECOMMENDATIONS),
    *CELLS,
)
"""The whole, then each source and each recommendation, then each pair: every group after those it borrows from."""

MEMBERS: IntArray = np.array(
    [[source in (ALL, of[0]) and recommendation in (ALL, of[1]) for of in CELLS] for source, recommendation in GROUPS],
    dtype=np.int64,
)
"""Which cells a group is made of, shape (n groups, n cells)."""

UNIT = 1 << 16
"""A thesis between two nodes is split over them in whole units of 1/65536, so that sums of days are exact."""

NANO = 1_000_000_000


@dataclass(frozen=True)
class Theses:
    """Theses of a run of days, one entry per thesis.

    Attributes:
        day: number of its day within the run.
        cell: number within `CELLS`.
        confidence: as sent.
        is_right: 1 or 0.
    """

    day: IntArray
    cell: IntArray
    confidence: FloatArray
    is_right: FloatArray

    @cached_property
    def place(self) -> tuple[IntArray, FloatArray]:
        """The node below each confidence, and how far it lies toward the next one (0 to 1)."""
        return _place(self.confidence)


@dataclass(frozen=True)
class Evidence:
    """All judged theses of one horizon, in order of time.

    Attributes:
        known_on: days since 1970-01-01 that have theses, ascending, shape (n days,).
        theses: sorted by day, cell, confidence and outcome: the order they came in has no say.
        first_thesis: position of each day's first thesis, shape (n days + 1,).
        sums_until: theses right, all, and confidences in billionths, of the days before each day,
            shape (n days + 1, 3, n cells).
        days_until: days before each day that have theses of a group, shape (n days + 1, n groups).
    """

    known_on: IntArray
    theses: Theses
    first_thesis: IntArray
    sums_until: IntArray
    days_until: IntArray

    def window(self, as_of: date, window_days: int) -> slice:
        """The days with as_of - window_days < known_on <= as_of."""
        last = (as_of - EPOCH).days
        first, end = np.searchsorted(self.known_on, [last - window_days, last], side="right")
        return slice(int(first), int(end))

    def counts(self, first: int, end: int) -> FloatArray:
        """Theses right and all per group and node from day `first` to before day `end`; (2, n groups, n nodes)."""
        run = self._run(first, end)
        lower, share = self.theses.place
        upper_units = np.rint(share[run] * UNIT)
        below = self.theses.cell[run] * len(NODES) + lower[run]
        shape = len(CELLS), len(NODES)
        inside = np.stack(
            [
                (_added(below, (UNIT - upper_units) * weights, shape) + _added(below + 1, upper_units * weights, shape))
                for weights in (self.theses.is_right[run], np.ones(len(below)))
            ]
        )
        found: FloatArray = np.einsum("gc,kcm->kgm", MEMBERS, inside) / UNIT
        return found

    def sums(self, first: int, end: int) -> IntArray:
        """Right, all and confidences in billionths per group over these days; shape (3, n groups)."""
        found: IntArray = np.einsum("gc,kc->kg", MEMBERS, self.sums_until[end] - self.sums_until[first])
        return found

    def n_days(self, first: int, end: int) -> IntArray:
        """Days with theses per group; shape (n groups,)."""
        found: IntArray = self.days_until[end] - self.days_until[first]
        return found

    def daily(self, first: int, end: int) -> IntArray:
        """Right and all per day and group; shape (n days, 2, n groups)."""
        per_day = np.diff(self.sums_until[first : end + 1, :2], axis=0)
        found: IntArray = np.einsum("gc,dkc->dkg", MEMBERS, per_day)
        return found

    def theses_of(self, first: int, end: int) -> Theses:
        """The theses of these days, days numbered from `first`."""
        run, theses = self._run(first, end), self.theses
        return Theses(
            theses.day[run] - first, theses.cell[run], theses.confidence[run].copy(), theses.is_right[run].copy()
        )

    def _run(self, first: int, end: int) -> slice:
        return slice(self.first_thesis[first], self.first_thesis[end])


EVIDENCE_COLUMNS = ("known_on", "horizon", "is_counted", "is_right", "confidence", "recommendation", "source")
"""Columns of thesis_outcomes that evidence is made of."""


def evidence(outcomes: pl.DataFrame, *, horizon: str) -> Evidence:
    """The theses of one horizon that count and were judged, with a confidence and one of the four recommendations.

    Args:
        outcomes: table thesis_outcomes, in any order.
        horizon: which horizon judges.

    Raises:
        ValueError: a confidence lies outside [0, 1].
    """
    judged = (
        outcomes.filter(
            pl.col("horizon") == horizon,
            pl.col("is_counted"),
            pl.col("is_right").is_not_null(),
            pl.col("confidence").is_not_null(),
            pl.col("recommendation").is_in(RECOMMENDATIONS),
        )
        .select(
            pl.col("known_on").to_physical().cast(pl.Int64),
            # A source of another name is a source we know nothing of.
            pl.when(pl.col("source").is_in(SOURCES)).then("source").otherwise(pl.lit("unknown")).alias("source"),
            "recommendation",
            "confidence",
            pl.col("is_right").cast(pl.Float64),
        )
        .join(
            pl.DataFrame(CELLS, schema=["source", "recommendation"], orient="row").with_row_index("cell"),
            on=["source", "recommendation"],
        )
        .sort("known_on", "cell", "confidence", "is_right")
    )
    confidence = judged["confidence"].to_numpy().astype(np.float64)
    if confidence.size and not (confidence.min() >= 0 and confidence.max() <= 1):
        raise ValueError(f"confidences lie between 0 and 1; these span {confidence.min()} to {confidence.max()}")
    known_on, day = np.unique(judged["known_on"].to_numpy(), return_inverse=True)
    theses = Theses(
        day.astype(np.int64), judged["cell"].to_numpy().astype(np.int64), confidence, judged["is_right"].to_numpy()
    )
    n_days = len(known_on)
    sums_until = _sums_until(theses, n_days)
    has_theses = np.einsum("gc,dc->dg", MEMBERS, np.diff(sums_until[:, 1], axis=0)) > 0
    return Evidence(
        known_on=known_on.astype(np.int64),
        theses=theses,
        first_thesis=np.searchsorted(theses.day, np.arange(n_days + 1)).astype(np.int64),
        sums_until=sums_until,
        days_until=np.vstack([np.zeros((1, len(GROUPS)), np.int64), np.cumsum(has_theses, axis=0)]).astype(np.int64),
    )


def _place(confidence: FloatArray) -> tuple[IntArray, FloatArray]:
    lower = np.clip(np.searchsorted(NODES, confidence, side="right") - 1, 0, len(NODES) - 2)
    return lower.astype(np.int64), (confidence - NODES[lower]) / (NODES[lower + 1] - NODES[lower])


def _sums_until(theses: Theses, n_days: int) -> IntArray:
    at, shape = theses.day * len(CELLS) + theses.cell, (n_days, len(CELLS))
    values = theses.is_right, np.ones(len(at)), np.rint(theses.confidence * NANO)
    sums = np.stack([_added(at, value, shape) for value in values], axis=1)
    return np.concatenate([np.zeros((1, *sums.shape[1:]), np.int64), np.cumsum(sums, axis=0)])


def _added(at: IntArray, values: FloatArray, shape: tuple[int, int]) -> IntArray:
    """Whole numbers added up per place of an array; floats hold them exactly far beyond any number of theses."""
    found: IntArray = np.bincount(at, weights=values, minlength=shape[0] * shape[1]).astype(np.int64).reshape(shape)
    return found
