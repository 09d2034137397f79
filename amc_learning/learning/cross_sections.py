"""Cutting joined outcomes into cross-sections, and a cross-section into the populations it can speak for.

Belongs here: which decisions are looked at together and with which weight. Not here: what is computed from them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from math import gcd
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

SELECTED = "selected"
CONTROLS = "controls"
UNIVERSE = "universe"
EVERYTHING = "all"

MIN_CONTROLS = 5
"""Fewer controls than this, each standing for a large part of the universe, do not say how it is ordered."""


@dataclass(frozen=True)
class Population:
    """Decisions of one cross-section seen as a sample of something.

    `scores` is features x decisions (NaN: not scored), `returns` one per decision (NaN: unknown). `weights` are whole
    numbers in proportion to how many decisions of the population a row stands for.
    """

    name: str
    scope: str
    scores: Floats
    returns: Floats
    is_winner: Bools
    is_loser: Bools
    weights: Floats


@dataclass(frozen=True)
class CrossSection:
    """All decisions of one entry session and horizon, the selected first, each group ordered by decision."""

    known_on: date
    horizon: str
    entry_date: date
    n_selected: int
    n_universe: int | None
    action_tags: npt.NDArray[Any]
    everyone: Population

    def populations(self) -> Iterator[Population]:
        """Selected, then per action tag; controls and universe where there are controls.

        The universe needs to know how many were scored, and returns on both sides: it is left out without `n_universe`,
        with one smaller than the rows there are, with fewer than `MIN_CONTROLS` controls whose return is known, or when
        no return of the selected is.
        """
        chosen = slice(0, self.n_selected)
        if self.n_selected:
            yield self._rows(SELECTED, EVERYTHING, chosen)
            for tag in sorted(set(self.action_tags[chosen]) - {None}):
                yield self._rows(SELECTED, tag, np.flatnonzero(self.action_tags[chosen] == tag))
        if self.n_selected < len(self.everyone.returns):
            yield self._rows(CONTROLS, EVERYTHING, slice(self.n_selected, None))
            weights = self._universe_weights()
            if weights is not None:
                yield self._rows(UNIVERSE, EVERYTHING, slice(None), weights)

    def _universe_weights(self) -> Floats | None:
        """Whole numbers in proportion to how many of the universe a row with a known return stands for.

        The selected with a return stand for all selected, the controls with a return for all that were scored and not
        selected: either side keeps its share of the universe, whichever of them lacks returns more often.

        Source: Horvitz and Thompson 1952; Särndal, Swensson and Wretman 1992, ch. 15.6 (missing answers, by class).
        """
        is_known = ~np.isnan(self.everyone.returns)
        n_known_selected = int(is_known[: self.n_selected].sum())
        n_known_controls = int(is_known[self.n_selected :].sum())
        if self.n_universe is None or self.n_universe < len(is_known) or n_known_controls < MIN_CONTROLS:
            return None
        n_unselected = self.n_universe - self.n_selected
        of_selected, of_control = n_known_controls, n_unselected
        if n_known_selected < self.n_selected:
            if not n_known_selected:
                return None
            of_selected, of_control = self.n_selected * n_known_controls, n_unselected * n_known_selected
            common = gcd(of_selected, of_control)
            of_selected, of_control = of_selected // common, of_control // common
        weights = np.full(len(is_known), float(of_control))
        weights[: self.n_selected] = float(of_selected)
        return weights

    def _rows(
        self, name: str, scope: str, rows: slice | npt.NDArray[np.intp], weights: Floats | None = None
    ) -> Population:
        everyone = self.everyone
        return Population(
            name,
            scope,
            np.ascontiguousarray(everyone.scores[:, rows]),
            everyone.returns[rows],
            everyone.is_winner[rows],
            everyone.is_loser[rows],
            everyone.weights[rows] if weights is None else weights,
        )


def cross_sections(joined: pl.DataFrame, *, features: Sequence[str]) -> Iterator[CrossSection]:
    """The cross-sections of joined outcomes, ordered by knowledge day, horizon and entry.

    Args:
        joined: table feature_outcomes; rows outside the cross-section (earlier decisions on the same symbol) are left
            out here.
        features: the score columns, in the order of the rows of `scores`.
    """
    keys = ["known_on", "horizon", "entry_date"]
    ordered = joined.filter("is_in_cross_section").sort(
        *keys, "is_selected", "decision_id", descending=[False, False, False, True, False]
    )
    sizes = ordered.group_by(keys, maintain_order=True).agg(
        pl.len().alias("n"), pl.col("is_selected").sum().alias("n_selected"), pl.col("n_universe").max()
    )
    scores = np.ascontiguousarray(ordered.select(pl.col(features).cast(pl.Float64)).to_numpy().T)
    returns = ordered["forward_return"].to_numpy()
    is_winner = ordered["is_winner"].fill_null(False).to_numpy()
    is_loser = ordered["is_loser"].fill_null(False).to_numpy()
    tags = np.array(ordered["action_tag"].to_list(), dtype=object)
    ones = np.ones(ordered.height)
    start = 0
    for known_on, horizon, entry_date, n, n_selected, n_universe in sizes.iter_rows():
        rows = slice(start, start + n)
        start += n
        everyone = Population(
            UNIVERSE, EVERYTHING, scores[:, rows], returns[rows], is_winner[rows], is_loser[rows], ones[rows]
        )
        yield CrossSection(known_on, horizon, entry_date, n_selected, n_universe, tags[rows], everyone)
