"""Corrections in force, as those who set weights, thresholds, confidence and sizes need them.

Belongs here: several corrections of one target combined within bounds. Not here: applying them (weights, calibration).
"""

from collections.abc import Sequence

import polars as pl

from amc_learning.learning.corrections.patterns import ALL, parse_pattern
from amc_learning.learning.corrections.rules import (
    ACTIVE,
    COMPONENT_WEIGHT,
    CONFIDENCE,
    LARGEST_RAISE_POINTS,
    POSITION_SIZE,
    SMALLEST_FACTOR,
    TAG_THRESHOLD,
)

CONFIDENCE_FACTORS = pl.Schema({"source": pl.String, "recommendation": pl.String, "factor": pl.Float64})
POSITION_SIZE_FACTORS = pl.Schema(
    {"pattern_kind": pl.String, "pattern": pl.String, "name": pl.String, "factor": pl.Float64}
)


def component_factors(corrections_of_day: pl.DataFrame, components: Sequence[str]) -> dict[str, float]:
    """Factor of every component's weight, to be applied before the projection onto the bounds.

    Args:
        corrections_of_day: table corrections, one knowledge day; only what is in force counts.
        components: of the feature set; corrections of other components are ignored.

    Returns:
        Component to factor in [0.5, 1]: the product of its corrections, and 1 without any.

    >>> day = pl.DataFrame({"kind": ["component_weight"] * 2, "status": ["active"] * 2, "name": ["a", "b"],
    ...                     "target": ["squeeze"] * 2, "factor": [0.6, 0.7]})
    >>> component_factors(day, ("squeeze", "technical"))
    {'squeeze': 0.5, 'technical': 1.0}
    """
    combined = _combined(_in_force(corrections_of_day, COMPONENT_WEIGHT), ["target"])
    factors = dict(combined.select("target", "factor").iter_rows())
    return {component: factors.get(component, 1.0) for component in components}


def confidence_factors(corrections_of_day: pl.DataFrame) -> pl.DataFrame:
    """Factors of a thesis's confidence per source and recommendation, `all` where any is meant.

    A thesis is met by every row that names it or says `all`: multiply them, not below 0.5 (`confidence_factor`).

    Args:
        corrections_of_day: table corrections, one knowledge day; only what is in force counts.

    Returns:
        `source`, `recommendation`, `factor` in [0.5, 1], unique and sorted by the first two.
    """
    rows = _in_force(corrections_of_day, CONFIDENCE)
    said = [dict(parse_pattern(kind, text).literals) for kind, text in rows["pattern_kind", "pattern"].iter_rows()]
    named = rows.with_columns(
        pl.Series(name, [literals.get(name, ALL) for literals in said], dtype=pl.String)
        for name in ("source", "recommendation")
    )
    return _combined(named, ["source", "recommendation"]).select(CONFIDENCE_FACTORS.names()).cast(CONFIDENCE_FACTORS)


def confidence_factor(factors: pl.DataFrame, *, source: str, recommendation: str) -> float:
    """The one factor for a thesis of this source and recommendation, in [0.5, 1]; `factors` of `confidence_factors`.

    >>> factors = pl.DataFrame({"source": ["ai", "all"], "recommendation": ["all", "HOLD"], "factor": [0.8, 0.5]})
    >>> [confidence_factor(factors, source="ai", recommendation=it) for it in ("BUY_MORE", "HOLD")]
    [0.8, 0.5]
    """
    met = factors.filter(
        pl.col("source").is_in([source, ALL]) & pl.col("recommendation").is_in([recommendation, ALL])
    ).sort("source", "recommendation")
    factor = 1.0
    for single in met["factor"]:
        factor *= single
    return max(factor, SMALLEST_FACTOR)


def threshold_raises(corrections_of_day: pl.DataFrame) -> dict[str, float]:
    """Points to add to the score threshold of every corrected action tag: the sum of its corrections, at most 5.

    Args:
        corrections_of_day: table corrections, one knowledge day; only what is in force counts.
    """
    rows = _in_force(corrections_of_day, TAG_THRESHOLD)
    raises: dict[str, float] = {}
    for tag, points in rows.select("target", "raise_points").iter_rows():
        raises[tag] = min(round(raises.get(tag, 0.0) + points, 1), LARGEST_RAISE_POINTS)
    return raises


def position_size_factors(corrections_of_day: pl.DataFrame) -> pl.DataFrame:
    """Advice to the portfolio manager: factor of the size of positions that match a pattern.

    Patterns of several rows may meet in one position: multiply, not below 0.5.

    Args:
        corrections_of_day: table corrections, one knowledge day; only what is in force counts.

    Returns:
        `pattern_kind`, `pattern`, `name`, `factor` in [0.5, 1], one row per correction, sorted.
    """
    rows = _in_force(corrections_of_day, POSITION_SIZE)
    return rows.select(POSITION_SIZE_FACTORS.names()).cast(POSITION_SIZE_FACTORS).sort("pattern_kind", "pattern")


def _in_force(corrections_of_day: pl.DataFrame, kind: str) -> pl.DataFrame:
    return corrections_of_day.filter(kind=kind, status=ACTIVE).sort("name")


def _combined(rows: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Product of the factors per target, multiplied in the order of names so that rounding is the same every time."""
    factor = pl.col("factor").product().clip(SMALLEST_FACTOR, 1.0)
    return rows.group_by(keys, maintain_order=True).agg(factor).sort(keys)
