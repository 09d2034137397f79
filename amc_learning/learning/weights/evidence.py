"""Daily cross-sections as arrays: the coefficient of any re-weighted total score on any day, in microseconds.

Belongs here: reading `daily_statistics` into arrays, windows by knowledge day, coefficients of totals.
Not here: choosing weights (suggestion), judging them (improvement), deciding (decision).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amc_learning.learning.windows import first_of_runs

Vector = NDArray[np.float64]


def days_since_epoch(day: date) -> int:
    """Days since 1970-01-01, as polars and numpy count them."""
    return (day - date(1970, 1, 1)).days


@dataclass(frozen=True)
class Evidence:
    """Cross-sections of one horizon and population, oldest entry first.

    Attributes:
        known_on: knowledge day of each cross-section, days since 1970-01-01.
        return_covariances: (days, components) covariance of each score with the unit-variance return rank, points.
        score_covariances: (days, components, components) covariance of the scores with each other, points squared.
            A component that is absent or constant on a day has zeros there: it says nothing.
    """

    known_on: NDArray[np.int64]
    return_covariances: Vector
    score_covariances: Vector

    def __len__(self) -> int:
        """Number of cross-sections."""
        return len(self.known_on)

    def window(self, as_of: date, days: int) -> "Evidence":
        """What became known in the `days` calendar days up to and including `as_of`."""
        last = days_since_epoch(as_of)
        kept = (self.known_on <= last) & (self.known_on > last - days)
        return Evidence(self.known_on[kept], self.return_covariances[kept], self.score_covariances[kept])

    def n_varying(self) -> NDArray[np.int64]:
        """Days on which each component varies: only those say anything about it."""
        counts: NDArray[np.int64] = (np.einsum("dkk->dk", self.score_covariances) > _NO_VARIANCE).sum(axis=0)
        return counts

    def coefficients(self, weights: Vector) -> Vector:
        """Daily correlation of the re-weighted total score with the return rank, one per day.

        The total is the weighted sum of component scores, a missing score counting as the day's mean. A total that is
        constant on a day orders nothing: 0.

        Args:
            weights: one per component; the scale does not matter.
        """
        covariance = self.return_covariances @ weights
        variance = (self.score_covariances.reshape(len(self), -1) @ np.outer(weights, weights).ravel()).clip(min=0.0)
        return correlation(covariance, variance)


def correlation(covariance: Vector, variance: Vector) -> Vector:
    """Covariance with a unit-variance variable over the standard deviation; 0 where there is no variance."""
    return np.divide(covariance, np.sqrt(variance), out=np.zeros_like(covariance), where=variance > _NO_VARIANCE)


_NO_VARIANCE = 1e-12
"""Points squared: below this a score is constant but for float noise."""


def evidence_from_statistics(
    statistics: pl.DataFrame, *, components: Sequence[str], horizon: str, population: str
) -> Evidence:
    """Cross-sections of one horizon and population from table `daily_statistics`.

    Args:
        statistics: rows of `daily_statistics`; other features, scopes, horizons and populations are ignored, as is the
            order of rows. Null covariances (fewer than five pairs, constant scores) become zeros.
        components: the feature set, in the order in which `score_covariances` lists it.
        horizon: name of the outcome horizon.
        population: selected, controls or universe.

    Returns:
        One entry per cross-section in which at least one component varied.
    """
    return dated_evidence(statistics, components=components, horizon=horizon, population=population)[0]


def dated_evidence(
    statistics: pl.DataFrame, *, components: Sequence[str], horizon: str, population: str
) -> tuple[Evidence, NDArray[np.int64]]:
    """`evidence_from_statistics` with the entry day of each cross-section, days since 1970-01-01."""
    size = len(components)
    rows = (
        statistics.filter(
            pl.col("horizon") == horizon,
            pl.col("population") == population,
            pl.col("scope") == "all",
            pl.col("feature").is_in(list(components)),
            pl.col("return_rank_covariance").is_not_null(),
            pl.col("score_covariances").is_not_null(),
        )
        .select("known_on", "entry_date", "feature", "return_rank_covariance", "score_covariances")
        .sort("entry_date", "known_on", "feature")
    )
    known_on, entered_on = (rows[name].to_physical().to_numpy().astype(np.int64) for name in ("known_on", "entry_date"))
    # One entry session may have become known on two days (a horizon's setting was changed): two cross-sections.
    is_first = first_of_runs(entered_on, known_on)
    n_days = int(is_first.sum())
    return_covariances = np.zeros((n_days, size))
    score_covariances = np.zeros((n_days, size, size))
    if n_days:
        positions = {name: at for at, name in enumerate(components)}
        day = np.cumsum(is_first) - 1
        component = rows["feature"].replace_strict(positions, return_dtype=pl.Int64).to_numpy()
        return_covariances[day, component] = rows["return_rank_covariance"].to_numpy()
        score_covariances[day, component] = rows["score_covariances"].to_numpy().reshape(-1, size)
        # A component whose own row dropped out says nothing that day, in no other component's row either.
        varies = np.zeros((n_days, size), dtype=bool)
        varies[day, component] = True
        score_covariances *= varies[:, None, :] & varies[:, :, None]
    return Evidence(known_on[is_first], return_covariances, score_covariances), entered_on[is_first]
