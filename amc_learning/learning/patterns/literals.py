"""What a rule is made of: values of attributes and bands of scores, and their pairs.

Belongs here: literals, rules, their text, candidates as arrays. Not here: whether a rule pays (search.py, effects.py).

Bands of scores have fixed bounds on the scale of scores, 0 to 100 in fifths, never quantiles of the window: a quantile
moves from week to week, so that one text would mean another rule every week and nothing could have a history.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from amc_learning.contracts.declared.patterns import PATTERN_ATTRIBUTES

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

SCORE_BANDS = ((0, 20), (20, 40), (40, 60), (60, 80), (80, 100), (0, 40), (60, 100))
"""Fifths of the scale, and the lower and upper two of them for what sets in gradually. Each holds its lower bound; the
highest holds 100."""

MICRO = 1_000_000
"""Returns are counted in millionths: sums of whole numbers come out the same in whatever order they are added."""


@dataclass(frozen=True)
class Cases:
    """Candidates as arrays, a row each, in order of entry.

    Attributes:
        entry_days: first session held, days since 1970, ascending.
        matured_days: day the return became known, of the same kind.
        returns: forward return.
        bounded_micro: forward return within bounds, in millionths.
        is_winner: whether it reached the winner bound.
        holds: shape (candidates, literals), 1 where the literal holds.
        names: of the literals, `attribute=value`, in the order of a pattern's text.
        attributes: number of the attribute of each literal.
    """

    entry_days: Integers
    matured_days: Integers
    returns: Floats
    bounded_micro: Floats
    is_winner: Bools
    holds: Floats
    names: tuple[str, ...]
    attributes: Integers

    def rows(self, chosen: slice | Bools) -> "Cases":
        """Some of the candidates."""
        return Cases(
            self.entry_days[chosen],
            self.matured_days[chosen],
            self.returns[chosen],
            self.bounded_micro[chosen],
            self.is_winner[chosen],
            self.holds[chosen],
            self.names,
            self.attributes,
        )


@dataclass(frozen=True)
class RuleSpace:
    """Every literal and every pair of literals of different attributes; a literal alone is its pair with itself."""

    first: Integers
    second: Integers
    names: tuple[str, ...]

    def text(self, rule: int) -> str:
        """Signature of a rule: its literals in their fixed order.

        >>> RuleSpace(np.array([0, 0]), np.array([0, 1]), ("a=x", "b=y")).text(1)
        'a=x & b=y'
        """
        first, second = int(self.first[rule]), int(self.second[rule])
        return self.names[first] if first == second else f"{self.names[first]} & {self.names[second]}"

    def holds(self, cases: Cases, rule: int) -> Bools:
        """For which candidates a rule holds."""
        members: Bools = (cases.holds[:, self.first[rule]] * cases.holds[:, self.second[rule]]) > 0
        return members


def lay_out(cases: pl.DataFrame, *, components: Sequence[str], return_bound: float) -> Cases:
    """The candidates as arrays, with a column for every literal.

    Args:
        cases: as `pattern_cases` returns them.
        components: the score columns, in the order of the feature set.
        return_bound: returns are held within this on both sides.
    """
    columns: list[tuple[str, int, npt.NDArray[np.bool_]]] = []
    for number, component in enumerate(components):
        scores = cases[component].cast(pl.Float64).to_numpy()
        columns += [(f"{component}={low}-{high}", number, in_band(scores, low, high)) for low, high in SCORE_BANDS]
    for number, attribute in enumerate(PATTERN_ATTRIBUTES, start=len(components)):
        values = cases[attribute]
        columns += [
            (f"{attribute}={value}", number, (values == value).fill_null(value=False).to_numpy())
            for value in values.drop_nulls().unique().sort().to_list()
        ]
    returns = cases["forward_return"].to_numpy().astype(np.float64)
    return Cases(
        entry_days=cases["entry_date"].to_physical().to_numpy().astype(np.int64),
        matured_days=cases["known_on"].to_physical().to_numpy().astype(np.int64),
        returns=returns,
        bounded_micro=np.rint(np.clip(returns, -return_bound, return_bound) * MICRO),
        is_winner=cases["is_winner"].fill_null(value=False).to_numpy().astype(bool),
        holds=np.column_stack([held for *_, held in columns]).astype(np.float64),
        names=tuple(name for name, *_ in columns),
        attributes=np.array([number for _, number, _ in columns], dtype=np.int64),
    )


def in_band(scores: Floats, low: int, high: int) -> Bools:
    """Whether each score lies in a band; unknown (NaN) lies in none.

    >>> in_band(np.array([79.9, 80.0, 100.0, np.nan]), 80, 100).tolist()
    [False, True, True, False]
    """
    inside: Bools = (scores >= low) & ((scores < high) | (high == SCORE_BANDS[4][1]) & (scores == high))
    return inside


def rule_space(cases: Cases) -> RuleSpace:
    """Every rule that can be made of the literals of these candidates."""
    n = len(cases.names)
    first, second = np.triu_indices(n)
    is_rule = (first == second) | (cases.attributes[first] != cases.attributes[second])
    return RuleSpace(first[is_rule].astype(np.int64), second[is_rule].astype(np.int64), cases.names)
