"""The days on which vectors are judged: decided after a night of the range, known before its end.

Belongs here: which cross-sections count, which vector was in force when each was decided, what vectors would have done
on them. Not here: means and intervals (judgements), the best vector in hindsight (hindsight).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amc_learning.contracts.knowledge_days import MARKET_TIMEZONE
from amc_learning.learning.weights.evidence import Evidence, correlation, dated_evidence, days_since_epoch
from amc_learning.learning.weights.top_lists import CrossSection, cross_sections, top_positions

Vector = NDArray[np.float64]
Days = NDArray[np.int64]


@dataclass(frozen=True)
class JudgedDays:
    """Cross-sections of one horizon, oldest entry first; days are counted from 1970-01-01.

    Attributes:
        horizon: name of the horizon.
        decided_on: day of the market's clock on which the first of the candidates was decided.
        entered_on: entry session.
        known_on: day on which the outcomes became known.
        evidence: covariances, from which the coefficient of any total follows.
        lists: the candidates, to be ranked again; None where none of them has an outcome.
        control_returns: mean return of the controls of the same entry; NaN without any.
        nights: per day, position of the last night before it was decided.
    """

    horizon: str
    decided_on: Days
    entered_on: Days
    known_on: Days
    evidence: Evidence
    lists: tuple[CrossSection | None, ...]
    control_returns: Vector
    nights: NDArray[np.intp]

    def __len__(self) -> int:
        """Number of days."""
        return len(self.decided_on)

    def coefficients(self, vectors: Vector) -> Vector:
        """Coefficient of the total per day, each day by its own vector (days, components); see `Evidence`."""
        covariance = (self.evidence.return_covariances * vectors).sum(axis=1)
        variance = np.einsum("dj,djk,dk->d", vectors, self.evidence.score_covariances, vectors)
        return correlation(covariance, variance.clip(min=0.0))

    def top_lists(self, vectors: Vector, *, top_k: int) -> tuple[Vector, Vector]:
        """Mean return and share of winners of the top k per day, each day by its own vector; NaN without candidates."""
        returns, success = np.full(len(self), np.nan), np.full(len(self), np.nan)
        for at, (section, weights) in enumerate(zip(self.lists, vectors, strict=True)):
            if section is not None:
                chosen = top_positions(section, weights, top_k)
                returns[at] = section.forward_returns[chosen].mean()
                success[at] = section.is_winner[chosen].mean()
        return returns, success


def judged_days(
    statistics: pl.DataFrame,
    joined: pl.DataFrame,
    *,
    nights: Sequence[date],
    components: tuple[str, ...],
    horizon: str,
    population: str,
) -> JudgedDays:
    """The cross-sections decided after the first of these nights and known by the last.

    A vector is in force from the day after its night on. A day whose candidates were decided at several times
    belongs to the first of them: no vector is judged on a candidate that was decided before it.

    Args:
        statistics: table `daily_statistics`.
        joined: table `feature_outcomes`, selected and controls.
        nights: knowledge days, ascending.
        components: the feature set.
        horizon: name of the horizon.
        population: whose coefficients count; the lists are of the selected in any case.
    """
    evidence, entered_on = dated_evidence(statistics, components=components, horizon=horizon, population=population)
    decided = _decision_days(joined, horizon)
    decided_on = np.array([decided.get(key, -1) for key in _keys(evidence.known_on, entered_on)], dtype=np.int64)
    of_nights = np.array([days_since_epoch(night) for night in nights], dtype=np.int64)
    kept = (decided_on > of_nights[0]) & (evidence.known_on <= of_nights[-1])
    known_on, entered_on, decided_on = evidence.known_on[kept], entered_on[kept], decided_on[kept]
    sections = {
        (one.known_on, one.entered_on): one for one in cross_sections(joined, components=components, horizon=horizon)
    }
    controls = _control_returns(joined, horizon)
    keys = _keys(known_on, entered_on)
    return JudgedDays(
        horizon,
        decided_on,
        entered_on,
        known_on,
        Evidence(known_on, evidence.return_covariances[kept], evidence.score_covariances[kept]),
        tuple(sections.get(key) for key in keys),
        np.array([controls.get(key, np.nan) for key in keys], dtype=np.float64),
        np.searchsorted(of_nights, decided_on, side="left") - 1,
    )


def _keys(known_on: Days, entered_on: Days) -> list[tuple[int, int]]:
    return list(zip(known_on.tolist(), entered_on.tolist(), strict=True))


def _of_horizon(joined: pl.DataFrame, horizon: str) -> pl.DataFrame:
    return joined.filter(pl.col("horizon") == horizon, "is_in_cross_section").with_columns(
        pl.col("known_on", "entry_date").cast(pl.Int32).cast(pl.Int64)
    )


def _decision_days(joined: pl.DataFrame, horizon: str) -> dict[tuple[int, int], int]:
    """Day of the first decision per cross-section of the selected, by knowledge day and entry."""
    first = pl.col("decided_at").min().dt.convert_time_zone(MARKET_TIMEZONE).dt.date().cast(pl.Int32).cast(pl.Int64)
    rows = _of_horizon(joined, horizon).filter("is_selected").group_by("known_on", "entry_date").agg(first)
    return {(known_on, entry): decided for known_on, entry, decided in rows.iter_rows()}


def _control_returns(joined: pl.DataFrame, horizon: str) -> dict[tuple[int, int], float]:
    rows = (
        _of_horizon(joined, horizon)
        .filter(~pl.col("is_selected"), pl.col("forward_return").is_not_null())
        .sort("known_on", "entry_date", "decision_id")
        .group_by("known_on", "entry_date", maintain_order=True)
        .agg(pl.col("forward_return").mean())
    )
    return {(known_on, entry): mean for known_on, entry, mean in rows.iter_rows()}
