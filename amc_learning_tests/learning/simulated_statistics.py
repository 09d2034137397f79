"""Daily statistics of simulated cross-sections, in the columns that the windowed analyses read, by plain numpy."""

from datetime import date, timedelta
from functools import cache

import numpy as np
import polars as pl
from scipy.stats import rankdata

from amc_learning.contracts.tables import N_QUANTILES, N_SCORE_BINS

START = date(2012, 1, 2)


def weekdays(n_days: int) -> list[date]:
    """The first `n_days` weekdays from a Monday on."""
    return [START + timedelta(days=7 * (day // 5) + day % 5) for day in range(n_days)]


def one_row(scores: np.ndarray, returns: np.ndarray, winner_bound: float = 0.05) -> dict[str, object]:
    """Statistics of one cross-section: scores 0-100, returns as fractions, both shape (n names,)."""
    order = scores.argsort(kind="stable").argsort(kind="stable")
    deciles = order * N_QUANTILES // len(scores)
    bins = scores.astype(int)
    micro = np.rint(returns * 1e6).astype(int)
    excess = np.rint((returns - returns.mean()) * 1e6).astype(int)
    is_winner = returns >= winner_bound
    is_constant = np.ptp(scores) == 0
    coefficient = None
    if not is_constant and np.ptp(returns) > 0:
        coefficient = float(np.corrcoef(rankdata(scores), rankdata(returns))[0, 1])
    wins, losses = scores[is_winner], scores[~is_winner]
    curve = None
    if len(wins) and len(losses):
        differences = np.sign(wins[:, None] - losses[None, :])
        curve = float((differences.mean() + 1) / 2)

    def per(groups: np.ndarray, weights: np.ndarray, n_groups: int) -> list[int]:
        return np.bincount(groups, weights=weights, minlength=n_groups).astype(int).tolist()

    return {
        "n_pairs": len(scores),
        "is_constant": bool(is_constant),
        "information_coefficient": coefficient,
        "area_under_curve": curve,
        "sum_return_micro": int(micro.sum()),
        "quantile_n": per(deciles, np.ones(len(scores)), N_QUANTILES),
        "quantile_sum_return_micro": per(deciles, micro, N_QUANTILES),
        "bin_n": per(bins, np.ones(len(scores)), N_SCORE_BINS),
        "bin_n_winners": per(bins, is_winner, N_SCORE_BINS),
        "bin_sum_excess_return_micro": per(bins, excess, N_SCORE_BINS),
    }


SCHEMA = {
    "known_on": pl.Date,
    "entry_date": pl.Date,
    "horizon": pl.String,
    "population": pl.String,
    "feature": pl.String,
    "scope": pl.String,
    "n_pairs": pl.Int64,
    "is_constant": pl.Boolean,
    "information_coefficient": pl.Float64,
    "area_under_curve": pl.Float64,
    "sum_return_micro": pl.Int64,
    "quantile_n": pl.Array(pl.Int64, N_QUANTILES),
    "quantile_sum_return_micro": pl.Array(pl.Int64, N_QUANTILES),
    "bin_n": pl.Array(pl.Int64, N_SCORE_BINS),
    "bin_n_winners": pl.Array(pl.Int64, N_SCORE_BINS),
    "bin_sum_excess_return_micro": pl.Array(pl.Int64, N_SCORE_BINS),
}


def statistics_frame(rows: list[dict[str, object]]) -> pl.DataFrame:
    """Rows of `one_row` with their keys as a frame."""
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def keyed(
    day: date,
    scores: np.ndarray,
    returns: np.ndarray,
    *,
    horizon: str = "1d",
    population: str = "selected",
    feature: str = "technical",
    scope: str = "all",
) -> dict[str, object]:
    """One row with its key; the entry is on the knowledge day, which only its order in time depends on."""
    key = {"known_on": day, "entry_date": day, "horizon": horizon, "population": population, "feature": feature}
    return key | {"scope": scope} | one_row(scores, returns)


@cache
def simulated_statistics(
    n_days: int = 70, *, n_names: int = 20, step: float = 0.0, seed: int = 0, horizons: tuple[str, ...] = ("1d", "7d")
) -> pl.DataFrame:
    """Independent days, two components and the total score, tags, controls and universe; `step` pays from 60 on."""
    generator = np.random.default_rng(seed)
    rows = []
    for day in weekdays(n_days):
        for horizon in horizons:
            scores = {name: generator.uniform(0, 100, n_names) for name in ("squeeze", "technical", "total_score")}
            returns = generator.normal(0, 0.03, n_names) + step * (scores["technical"] >= 60)
            for feature, values in scores.items():
                rows.append(keyed(day, values, returns, horizon=horizon, feature=feature))
                rows.append(keyed(day, values, returns, horizon=horizon, feature=feature, population="universe"))
                others = generator.normal(0, 0.03, n_names)
                rows.append(keyed(day, values, others, horizon=horizon, feature=feature, population="controls"))
            is_ready = scores["total_score"] >= 50
            tagged = {"trade_ready": is_ready, "monitor": ~is_ready}
            rows.extend(
                keyed(day, scores["total_score"][who], returns[who], horizon=horizon, feature="total_score", scope=tag)
                for tag, who in tagged.items()
                if who.any()
            )
    return statistics_frame(rows)
