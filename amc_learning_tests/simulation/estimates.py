"""What can be seen in a simulated market, estimated by numpy and scipy from its frames, never from its rules."""

import numpy as np
import polars as pl
from scipy.stats import spearmanr

from amc_learning.simulation.market import SimulatedMarket


def scores_and_next_returns(market: SimulatedMarket) -> pl.DataFrame:
    """Scores of a session beside the return from open to close of the next, one row per scored symbol."""
    following = dict(zip(market.index["date"], market.index["date"][1:], strict=False))
    next_return = market.bars.select("symbol", entry="date", forward_return=pl.col("close") / pl.col("open") - 1)
    entry = pl.col("date").replace_strict(following, default=None, return_dtype=pl.Date)
    return market.scores.with_columns(entry=entry).join(next_return, on=["symbol", "entry"]).sort("date", "symbol")


def daily_information_coefficients(market: SimulatedMarket, component: str) -> np.ndarray:
    """By scipy, day by day, from what is in the frames."""
    pairs = scores_and_next_returns(market).select("date", component, "forward_return").drop_nulls()
    days = pairs.partition_by("date")
    return np.array([spearmanr(day[component], day["forward_return"]).statistic for day in days])


def mean_and_error(daily: np.ndarray) -> tuple[float, float]:
    """Mean and its standard error; days are independent, because returns from open to close do not overlap."""
    return float(daily.mean()), float(daily.std(ddof=1) / np.sqrt(len(daily)))
