"""The top k of past days, re-ranked by other weights: what it would have held.

Belongs here: candidates per cross-section, comparing two rankings of them. Not here: which weights are compared and
what follows from it (promise).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class CrossSection:
    """Candidates of one entry with their outcomes: scores centred on the day's mean, 0 where missing.

    Days are counted from 1970-01-01.
    """

    known_on: int
    entered_on: int
    scores: Vector
    forward_returns: Vector
    is_winner: Vector


class CandidateLists:
    """Selected candidates with known outcomes; looked up only when a night would move, and then once per horizon."""

    def __init__(self, joined: pl.DataFrame | Callable[[], pl.DataFrame], *, components: Sequence[str]) -> None:
        """Remember where the rows of table `feature_outcomes` are: a frame, or what reads it."""
        self._joined = joined
        self._components = tuple(components)
        self._by_horizon: dict[str, list[CrossSection]] = {}

    def between(self, horizon: str, *, known_after: int, known_until: int) -> list[CrossSection]:
        """Cross-sections that became known after one day and up to another (days since 1970-01-01), oldest first."""
        if horizon not in self._by_horizon:
            if not isinstance(self._joined, pl.DataFrame):
                self._joined = self._joined()
            self._by_horizon[horizon] = cross_sections(self._joined, components=self._components, horizon=horizon)
        return [one for one in self._by_horizon[horizon] if known_after < one.known_on <= known_until]


def cross_sections(joined: pl.DataFrame, *, components: Sequence[str], horizon: str) -> list[CrossSection]:
    """Selected candidates with known outcomes per knowledge and entry day, oldest first, from table `feature_outcomes`.

    A missing score counts as the day's mean. Within a day the order is that of `decision_id`, which settles ties.
    """
    if joined.is_empty():
        return []
    rows = joined.filter(
        pl.col("horizon") == horizon,
        pl.col("is_selected"),
        pl.col("is_in_cross_section"),
        pl.col("forward_return").is_not_null(),
    ).sort("known_on", "entry_date", "decision_id")
    scores = rows.select(pl.col(list(components)).cast(pl.Float64).fill_null(float("nan"))).to_numpy()
    known_on, entry = (rows[name].cast(pl.Int32).cast(pl.Int64).to_numpy() for name in ("known_on", "entry_date"))
    returns = rows["forward_return"].to_numpy()
    winners = rows["is_winner"].fill_null(value=False).cast(pl.Float64).to_numpy()
    later = np.flatnonzero((np.diff(known_on) != 0) | (np.diff(entry) != 0)) + 1
    edges = [0, *later.tolist(), len(rows)] if len(rows) else []
    return [
        CrossSection(
            int(known_on[start]), int(entry[start]), _centred(scores[start:end]), returns[start:end], winners[start:end]
        )
        for start, end in pairwise(edges)
    ]


def _centred(scores: Vector) -> Vector:
    present = ~np.isnan(scores)
    mean = np.where(present, scores, 0.0).sum(axis=0) / np.maximum(present.sum(axis=0), 1)
    centred: Vector = np.where(present, scores - mean, 0.0)
    return centred


@dataclass(frozen=True)
class TopChanges:
    """Top k of the new ranking against the old, day by day.

    Attributes:
        success_rate: difference in the share of winners, per day.
        mean_return: difference in the mean return, per day.
        n_winners: winners among all candidates of these days, listed or not.
    """

    success_rate: Vector
    mean_return: Vector
    n_winners: int

    def __len__(self) -> int:
        """Number of days."""
        return len(self.success_rate)


def top_changes(sections: Sequence[CrossSection], new: Sequence[Vector], old: Vector, *, top_k: int) -> TopChanges:
    """What the top k would have held with other weights, minus what it held.

    Args:
        sections: candidates per day.
        new: weights per day, as many as sections.
        old: the weights compared with, on all days.
        top_k: length of the list; a shorter day is taken whole.
    """
    success, returns = np.zeros(len(sections)), np.zeros(len(sections))
    for at, (section, weights) in enumerate(zip(sections, new, strict=True)):
        chosen, before = top_positions(section, weights, top_k), top_positions(section, old, top_k)
        success[at] = section.is_winner[chosen].mean() - section.is_winner[before].mean()
        returns[at] = section.forward_returns[chosen].mean() - section.forward_returns[before].mean()
    return TopChanges(success, returns, int(sum(section.is_winner.sum() for section in sections)))


def top_positions(section: CrossSection, weights: Vector, top_k: int) -> NDArray[np.intp]:
    """Positions of the `top_k` candidates with the largest totals, best first; all of a shorter day."""
    totals = np.round(section.scores @ weights, _DECIMALS)
    return np.argsort(-totals, kind="stable")[:top_k]


_DECIMALS = 9
"""Totals closer than this are ties: float noise must not reorder equals."""
