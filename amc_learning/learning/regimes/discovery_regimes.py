"""What the day's candidates say of the market: how good, how many and how squeezed, against their own recent past.

Belongs here: the day's summary of its candidates, its place in the trailing history, the rules that name a regime.
Not here: the index (index_regimes.py), rows of the table and since when a regime holds (market_regimes.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

EXPLOSIVE_BULL = "explosive_bull"
SQUEEZE_SETUP = "squeeze_setup"
LOW_OPPORTUNITY = "low_opportunity"
HIGH_VOLATILITY = "high_volatility"
NORMAL_MARKET = "normal_market"

DISCOVERY_REGIMES = (HIGH_VOLATILITY, EXPLOSIVE_BULL, SQUEEZE_SETUP, LOW_OPPORTUNITY, NORMAL_MARKET)
"""In the order in which the rules are asked: the first that holds names the day."""

TOP_CANDIDATES = 10
"""The best ten are what is traded; a mean over all selected mostly says how long the list is."""

HISTORY_SESSIONS = 250
"""A year of sessions to compare with."""

MIN_HISTORY_SESSIONS = 60
"""A quarter: with less, a quantile near the edge is a handful of days."""

HISTORY_DAYS = 400
"""Calendar days looked back over; 255 sessions take 370."""

WEEK_SESSIONS = 5
"""Scores are compared as means of a week: the list of a single day changes with a few symbols."""

HIGH = 0.80
"""A regime of strength needs a week in the upper fifth of its history."""

VERY_HIGH = 0.90
"""Squeeze setups and volatility are always present to some degree; only the upper tenth is a regime."""

LOW = 0.15
"""Opportunity is low in the lowest sixth or so."""

SLACK = 0.25
"""A regime in force is left only when its measure is this much further inside: otherwise it comes and goes daily."""

SUMMARY_SCHEMA = pl.Schema(
    [
        ("known_on", pl.Date),
        ("n_candidates", pl.Int64),
        ("mean_total_score", pl.Float64),
        ("top_score", pl.Float64),
        ("mean_squeeze_score", pl.Float64),
        ("scores", pl.List(pl.Float64)),
    ]
)

_MICRO = 1_000_000

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class DiscoveryPast:
    """Earlier days, oldest first, NaN where a day has no such number: the history a day is compared with."""

    known_on: npt.NDArray[np.int64]
    top_score: Floats
    mean_squeeze_score: Floats
    breadth: Floats
    annualised_volatility: Floats

    def within(self, day: date) -> "DiscoveryPast":
        """The last year of sessions, and the week before it, of those that lie within `HISTORY_DAYS` of this day."""
        today = (day - date(1970, 1, 1)).days
        first, end = np.searchsorted(self.known_on, [today - HISTORY_DAYS, today - 1], side="right")
        kept = slice(max(int(first), int(end) - HISTORY_SESSIONS - WEEK_SESSIONS + 1), int(end))
        return DiscoveryPast(
            self.known_on[kept],
            self.top_score[kept],
            self.mean_squeeze_score[kept],
            self.breadth[kept],
            self.annualised_volatility[kept],
        )


@dataclass(frozen=True)
class DiscoveryRanks:
    """Where today lies in its trailing history, 0 lowest to 1 highest; None without history enough or a value."""

    top_score: float | None
    squeeze: float | None
    breadth: float | None
    volatility: float | None
    index_return: float | None


def candidate_summaries(candidates: pl.DataFrame, *, squeeze_component: str = "squeeze") -> pl.DataFrame:
    """One row per day with selected candidates: how many, and how they scored.

    A symbol counts once a day: the last decision that arrived in time, else the last that arrived late.

    Args:
        candidates: table discovery_candidates, in any order.
        squeeze_component: the score that says a squeeze is set up; when there is no such column it is null.

    Returns:
        `known_on`, `n_candidates`, `mean_total_score`, `top_score` (mean of the ten best), `mean_squeeze_score`
        (points; null when nothing is scored), `scores` (total scores, highest first). Sums are taken in millionths of
        a point, as whole numbers, so that no order of rows changes them.
    """
    squeeze = pl.col(squeeze_component) if squeeze_component in candidates.columns else pl.lit(None, pl.Float64)
    once = (
        candidates.filter("is_selected")
        .select("known_on", "symbol", "is_late", "decided_at", "decision_id", "total_score", squeeze=squeeze)
        .sort(
            "known_on", "symbol", "is_late", "decided_at", "decision_id", descending=[False, False, False, True, True]
        )
        .unique(["known_on", "symbol"], keep="first", maintain_order=True)
    )

    ordered = pl.col("total_score").drop_nulls().sort(descending=True)
    averaged = {
        "mean_total_score": pl.col("total_score"),
        "top_score": ordered.head(TOP_CANDIDATES),
        "mean_squeeze_score": pl.col("squeeze"),
    }
    sums = {f"{name}_sum": (values * _MICRO).round().cast(pl.Int64).sum() for name, values in averaged.items()}
    counts = {f"{name}_n": values.count() for name, values in averaged.items()}
    days = once.group_by("known_on").agg(n_candidates=pl.len(), scores=ordered, **sums, **counts).sort("known_on")
    return (
        days.with_columns(_means(days, name) for name in averaged).select(SUMMARY_SCHEMA.names()).cast(SUMMARY_SCHEMA)
    )


def _means(days: pl.DataFrame, name: str) -> pl.Series:
    """Points per day; divided by numpy, as polars divides a single row by multiplying with a rounded reciprocal."""
    sums, counts = (days[f"{name}_{part}"].to_numpy().astype(np.float64) for part in ("sum", "n"))
    means = np.divide(sums, counts * _MICRO, out=np.full(len(sums), np.nan), where=counts > 0)
    return pl.Series(name, means, dtype=pl.Float64).fill_nan(None)


def strong_breadth(scores: Sequence[float], past: DiscoveryPast) -> int | None:
    """Candidates of today at or above the usual level of the ten best; None while the history is short."""
    known = past.top_score[~np.isnan(past.top_score)][-HISTORY_SESSIONS:]
    if len(known) < MIN_HISTORY_SESSIONS:
        return None
    return int((np.array(scores) >= np.median(known)).sum())


def place_in_history(past: Floats, today: float | None, *, sessions: int = WEEK_SESSIONS) -> float | None:
    """Rank of the mean of the last `sessions` values, today's included, among the same means of the past.

    Args:
        past: values of earlier days, oldest first; NaN days drop out of the means.
        today: today's value.
        sessions: length of the means.

    Returns:
        Share of earlier means below today's, equal ones counting half; None without today's value or with fewer
        than `MIN_HISTORY_SESSIONS` earlier means.

    >>> place_in_history(np.arange(100.0), 200.0), place_in_history(np.ones(100), 1.0)
    (1.0, 0.5)
    """
    if today is None:
        return None
    padded = np.concatenate([np.full(sessions - 1, np.nan), past, [today]])
    windows = np.lib.stride_tricks.sliding_window_view(padded, sessions)
    is_known = ~np.isnan(windows)
    counts = is_known.sum(axis=1)
    means = np.where(is_known, windows, 0.0).sum(axis=1)[counts > 0] / counts[counts > 0]
    earlier, present = means[:-1][-HISTORY_SESSIONS:], means[-1]
    if len(earlier) < MIN_HISTORY_SESSIONS:
        return None
    return float(((earlier < present).sum() + 0.5 * (earlier == present).sum()) / len(earlier))


def next_discovery_regime(previous: str | None, ranks: DiscoveryRanks) -> str | None:
    """The regime of a day, given that of the day before; None when its scores have no history to compare with.

    high_volatility: the index's volatility in the upper tenth of its trailing history; candidate scores themselves
    tell nothing of volatility (rank correlation with the next day's cross-sectional spread under 0.15, 2008-2014).
    explosive_bull: both the best scores and the number of strong candidates in the upper fifth, index not falling.
    squeeze_setup: squeeze scores in the upper tenth. low_opportunity: the best scores in the lowest 15 %, and no more
    strong candidates than usual. normal_market: none of these. A measure that is not known keeps its rule from holding.

    >>> strong = DiscoveryRanks(top_score=0.9, squeeze=0.5, breadth=0.9, volatility=0.3, index_return=0.02)
    >>> next_discovery_regime("normal_market", strong)
    'explosive_bull'
    """
    if ranks.top_score is None or ranks.breadth is None:
        return None
    for name in DISCOVERY_REGIMES[:-1]:
        if _holds(name, ranks, slack=SLACK if name == previous else 0.0):
            return name
    return NORMAL_MARKET


def _holds(name: str, ranks: DiscoveryRanks, *, slack: float) -> bool:
    top_score, breadth = ranks.top_score or 0.0, ranks.breadth or 0.0
    if name == HIGH_VOLATILITY:
        return ranks.volatility is not None and ranks.volatility >= VERY_HIGH - slack
    if name == EXPLOSIVE_BULL:
        is_rising = ranks.index_return is None or ranks.index_return > 0
        return min(top_score, breadth) >= HIGH - slack and is_rising
    if name == SQUEEZE_SETUP:
        return ranks.squeeze is not None and ranks.squeeze >= VERY_HIGH - slack
    return top_score <= LOW + slack and breadth <= 0.5 + slack
