"""What was known before a decision: market regimes and the component that carried a score.

Belongs here: attaching what several analyses condition on. Not here: finding regimes (regimes), outcomes (outcomes.py).
"""

from collections.abc import Mapping
from datetime import timedelta

import polars as pl

STALE_DAYS = 14
"""Calendar days after which a regime that was not read again is not known any more: no exchange pauses that long."""


def attach_regimes(
    frame: pl.DataFrame, regimes: pl.DataFrame, *, day_column: str, basis: str, name: str
) -> pl.DataFrame:
    """Each row with the regime that was known before its day began.

    A regime is read from the close of its own day, so a decision of the same day could not know it.

    Args:
        frame: any rows with a Date column `day_column`; null days get no regime.
        regimes: `known_on`, `basis`, `regime` of market_regimes.
        day_column: the day of the decision.
        basis: index or discovery.
        name: column to add, String; null before the first regime, and when none was read for `STALE_DAYS`.

    Returns:
        The frame in its order with the column `name` added (or replaced).

    >>> from datetime import date
    >>> rows = pl.DataFrame({"day": [date(2014, 3, 4), date(2014, 3, 3)]})
    >>> regimes = pl.DataFrame({"known_on": [date(2014, 3, 3)], "basis": ["index"], "regime": ["calm"]})
    >>> attach_regimes(rows, regimes, day_column="day", basis="index", name="market_regime")["market_regime"].to_list()
    ['calm', None]
    """
    known = (
        regimes.filter(pl.col("basis") == basis).select(_regime_day="known_on", _regime="regime").sort("_regime_day")
    )
    order = frame.drop(name, strict=False).with_row_index("_order")
    joined = order.sort(day_column, "_order").join_asof(
        known,
        left_on=day_column,
        right_on="_regime_day",
        strategy="backward",
        allow_exact_matches=False,
        tolerance=timedelta(days=STALE_DAYS),
    )
    return joined.sort("_order").rename({"_regime": name}).drop("_order", "_regime_day", strict=False)


def with_dominant_component(candidates: pl.DataFrame, *, weights: Mapping[str, float]) -> pl.DataFrame:
    """Each candidate with the component that contributes most to its score, weight times score.

    Args:
        candidates: one Float64 column per component (0-100, null = not scored).
        weights: component to weight; of equal contributions the first in this order counts.

    Returns:
        The frame with `dominant_component`; null where no component was scored or nothing contributes.

    >>> scores = pl.DataFrame({"squeeze": [80.0, None], "technical": [90.0, None]})
    >>> with_dominant_component(scores, weights={"squeeze": 0.6, "technical": 0.4})["dominant_component"].to_list()
    ['squeeze', None]
    """
    contributions = [(pl.col(name) * weight).fill_null(0.0) for name, weight in weights.items()]
    largest = pl.max_horizontal(contributions)
    dominant = pl.coalesce(
        pl.when((contribution == largest) & (largest > 0)).then(pl.lit(name))
        for name, contribution in zip(weights, contributions, strict=True)
    )
    return candidates.with_columns(dominant.alias("dominant_component"))
