"""Daily statistics as arrays, and the slice of them that a knowledge day may look at.

Belongs here: turning the long table into one array per population and horizon, once for a whole range of nights.
Not here: any statistic of a window (correlation.py, selection.py, thresholds.py), reading or writing anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

EPOCH = date(1970, 1, 1)

IntArray = npt.NDArray[np.int64]

ALL = "all"
"""The scope of a whole cross-section, as against one action tag within it."""


@dataclass(frozen=True)
class Panel:
    """Cross-sections of one population and horizon in order of time, beside the (feature, scope) series seen in them.

    Attributes:
        known_on: shape (n days,), days since 1970-01-01, ascending.
        rows: shape (n days, n series), row of `frame`, or -1 where a series has no row that day.
        frame: the daily statistics of this population and horizon, one row per day and series.
    """

    known_on: IntArray
    rows: IntArray
    frame: pl.DataFrame

    def floats(self, column: str) -> npt.NDArray[np.float64]:
        """One column as shape (n days, n series, ...); NaN where the row or the value is missing."""
        values = self._values(column).astype(np.float64)
        spread = np.full((*self.rows.shape, *values.shape[1:]), np.nan)
        spread[self.rows >= 0] = values[self.rows[self.rows >= 0]]
        return spread

    def integers(self, column: str) -> IntArray:
        """One column of counts or of sums in millionths, shape (n days, n series, ...); 0 where the row is missing."""
        values = self._values(column)
        spread = np.zeros((*self.rows.shape, *values.shape[1:]), dtype=np.int64)
        spread[self.rows >= 0] = values[self.rows[self.rows >= 0]]
        return spread

    def _values(self, column: str) -> npt.NDArray[np.int64] | npt.NDArray[np.float64]:
        series = self.frame[column]
        # Arrays of an empty frame come back without their width.
        return series.to_numpy() if self.frame.height else np.zeros((0, *getattr(series.dtype, "shape", ())))

    def window(self, as_of: date, window_days: int) -> slice:
        """The days with as_of - window_days < known_on <= as_of, as a slice of the first axis."""
        last = (as_of - EPOCH).days
        first, end = np.searchsorted(self.known_on, [last - window_days, last], side="right")
        return slice(int(first), int(end))


def panel(
    statistics: pl.DataFrame,
    *,
    population: str,
    horizon: str,
    series: Sequence[tuple[str, str]],
    columns: Sequence[str],
) -> Panel:
    """The cross-sections of one population and horizon as a panel of the series asked for.

    Args:
        statistics: table `daily_statistics`, in any order.
        population: selected, controls, or universe.
        horizon: name of the horizon.
        series: (feature, scope) pairs; their order is the order of the panel's second axis.
        columns: columns to keep; the wide ones are worth leaving out.

    Returns:
        A day is any cross-section in which at least one of the series has a row. Empty when there is none.

    Raises:
        ValueError: a series has two rows for one cross-section.

    >>> rows = pl.DataFrame({"population": ["selected"], "horizon": ["1d"], "known_on": [date(2024, 1, 3)],
    ...     "entry_date": [date(2024, 1, 3)], "feature": ["technical"], "scope": ["all"], "n_pairs": [7]})
    >>> seen = panel(rows, population="selected", horizon="1d", series=[("technical", "all"), ("squeeze", "all")],
    ...              columns=["n_pairs"])
    >>> seen.integers("n_pairs").tolist(), seen.window(date(2024, 1, 3), 1), seen.window(date(2024, 1, 4), 1)
    ([[7, 0]], slice(0, 1, None), slice(1, 1, None))
    """
    places = pl.DataFrame(
        {"feature": [feature for feature, _ in series], "scope": [scope for _, scope in series]},
        schema={"feature": pl.String, "scope": pl.String},
    ).with_row_index("place")
    day_key = ["known_on", "entry_date"]
    frame = (
        statistics.filter(pl.col("population") == population, pl.col("horizon") == horizon)
        .select(*day_key, "feature", "scope", *columns)
        .join(places, on=["feature", "scope"])
        .sort(*day_key, "place")
    )
    known_on, entry_date = (frame[name].to_physical().to_numpy().astype(np.int64) for name in day_key)
    is_first = first_of_runs(known_on, entry_date)
    place = frame["place"].to_numpy()
    rows = np.full((int(is_first.sum()), len(series)), -1, dtype=np.int64)
    rows[np.cumsum(is_first) - 1, place] = np.arange(frame.height)
    if (rows >= 0).sum() != frame.height:
        raise ValueError(f"daily_statistics holds two rows for one cross-section and feature ({population}, {horizon})")
    return Panel(known_on=known_on[is_first], rows=rows, frame=frame)


def first_of_runs(*keys: IntArray) -> npt.NDArray[np.bool_]:
    """Where any of these sorted-together keys, of shape (n,), is another than one place before; True at the beginning.

    >>> first_of_runs(np.array([3, 3, 4, 4]), np.array([1, 1, 1, 2])).tolist()
    [True, False, True, True]
    """
    is_first = np.zeros(len(keys[0]), dtype=bool)
    is_first[:1] = True
    for key in keys:
        is_first[1:] |= key[1:] != key[:-1]
    return is_first


def null_where_not_finite(frame: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """The frame with NaN and infinity in these columns turned into null: the tables hold no NaN."""
    return frame.with_columns(pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name) for name in columns)
