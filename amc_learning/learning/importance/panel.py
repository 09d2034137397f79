"""Candidates of one horizon as arrays of days by places, ranked within the day.

Belongs here: ranks and what is known. Not here: models, shuffling.

Everything is in ranks of the day: what a model of them learns is the order within days, the level of a day's returns
is no part of it, and a score means the same in calm and wild times.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from amc_learning.learning.importance.noise import persistent_noise
from amc_learning.learning.information_coefficient import MIN_PAIRS, doubled_ranks

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]


NOISE = "noise"
"""Name of the baseline among the scores of a panel."""


@dataclass(frozen=True)
class Panel:
    """Selected candidates with a known return, a row per entry session; places beyond the day's candidates are empty.

    Attributes:
        names: of the scores, the noise baseline last.
        scores: shape (n scores, n days, n places): rank among the day's scored, mean 0 and variance about 1; 0 where
            not scored.
        is_scored: of the same shape.
        returns: shape (n days, n places): rank of the return within the day, scaled alike; 0 in empty places.
        n_pairs: candidates of each day; they fill its first places.
        entry_days: entry session of each row, days since 1970, ascending.
        matured_days: day on which the last label of the row became known.
    """

    names: tuple[str, ...]
    scores: Floats
    is_scored: Bools
    returns: Floats
    n_pairs: Integers
    entry_days: Integers
    matured_days: Integers


def candidate_panel(joined: pl.DataFrame, *, components: tuple[str, ...]) -> Panel:
    """The panel of one horizon; days with fewer than five candidates say nothing about order and are left out.

    Args:
        joined: table feature_outcomes of one horizon, any order; only selected candidates in their cross-section with a
            known return are looked at.
        components: score columns, in order.
    """
    rows = (
        joined.filter("is_selected", "is_in_cross_section", pl.col("forward_return").is_not_null())
        .filter(pl.len().over("entry_date") >= MIN_PAIRS)
        .sort("entry_date", "decision_id")
        .with_columns(place=pl.int_range(pl.len()).over("entry_date"))
    )
    days = rows.group_by("entry_date", maintain_order=True).agg(pl.len().alias("n"), pl.col("known_on").max())
    n_pairs = days["n"].to_numpy().astype(np.int64)
    row_days = rows["entry_date"].to_physical().to_numpy().astype(np.int64)
    at = (np.repeat(np.arange(days.height), n_pairs), rows["place"].to_numpy())
    values = [rows[name].cast(pl.Float64).to_numpy() for name in components]
    values.append(persistent_noise(rows["symbol"].to_numpy().astype(object), row_days))
    shape = (days.height, int(n_pairs.max(initial=0)))
    spread = np.full((len(values) + 1, *shape), np.nan)
    for series, column in zip(spread, [*values, rows["forward_return"].to_numpy()], strict=True):
        series[at] = column
    return ranked_panel(
        (*components, NOISE),
        spread[:-1],
        spread[-1],
        days["entry_date"].to_physical().to_numpy().astype(np.int64),
        days["known_on"].to_physical().to_numpy().astype(np.int64),
    )


def ranked_panel(
    names: tuple[str, ...], scores: Floats, returns: Floats, entry_days: Integers, matured_days: Integers
) -> Panel:
    """A panel of raw scores and returns.

    Args:
        names: of the scores, the noise baseline last.
        scores: shape (n scores, n days, n places), NaN where not scored.
        returns: shape (n days, n places); each day's fill its first places, NaN after them.
        entry_days: days since 1970, ascending.
        matured_days: day on which the last label of each became known.
    """
    is_place = np.isfinite(returns)
    is_scored = np.isfinite(scores) & is_place
    return Panel(
        names=names,
        scores=np.stack(
            [centred_ranks(np.where(known, score, np.nan)) for score, known in zip(scores, is_scored, strict=True)]
        ),
        is_scored=is_scored,
        returns=centred_ranks(returns),
        n_pairs=is_place.sum(axis=1),
        entry_days=entry_days,
        matured_days=matured_days,
    )


def centred_ranks(values: Floats) -> Floats:
    """Ranks of each row over its known values, ties averaged, mean 0, variance 1 without ties in long rows; else 0.

    >>> centred_ranks(np.array([[5.0, 9.0, np.nan]])).round(3)
    array([[-0.866,  0.866,  0.   ]])
    """
    is_known = np.isfinite(values)
    n = is_known.sum(axis=1, keepdims=True)
    if not values.size:
        return np.zeros(values.shape)
    doubled = doubled_ranks(values, np.ones(values.shape[1])).by_count
    scaled: Floats = np.where(is_known, (doubled - n) * (np.sqrt(3) / np.maximum(n, 1)), 0.0)
    return scaled
