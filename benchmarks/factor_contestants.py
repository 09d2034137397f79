"""Three ways to judge scores against returns: ours, alphalens-reloaded, and polars with nothing around it.

Run as a process of its own each, so that time and memory are its own and none pays for another's imports:
`python -m benchmarks.factor_contestants <way> <rows.parquet> <answers.npz>` writes its answers and prints what it took.

All answer the same: per day, score and horizon the rank correlation and the mean return per decile of the score; per
day, score and lag the turnover of the lowest and the highest decile. Ours adds an interval for every mean correlation.
A fourth, `nightly`, is everything a night measures of such rows, and answers nobody else.
"""

import contextlib
import io
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import polars as pl

from amc_learning.contracts.tables import TOTAL_SCORE, catalogue
from amc_learning.learning.correlation import correlation_tables
from amc_learning.learning.daily_statistics import daily_statistics
from amc_learning.learning.inference import mean_inferences
from amc_learning.learning.information_coefficient import information_coefficients, ranked_pairs
from amc_learning.learning.quantiles import quantile_mean_returns, quantile_turnover, score_quantiles
from amc_learning.learning.thresholds import threshold_tables
from benchmarks.results import peak_memory_mib

COMPONENTS = ("volume_momentum", "squeeze", "catalyst", "sentiment", "options", "technical")
HORIZONS = {"1D": 1, "5D": 5, "21D": 21}
N_QUANTILES = 10
ENDS = (1, N_QUANTILES)
LAGS = (1, 5, 21)
WINDOW_DAYS = 365
WINNER_RETURN, LOSER_RETURN = 0.25, -0.10
EVIDENCE_COLUMNS = (
    *("known_on", "horizon", "entry_date", "population", "feature", "scope", "n_pairs", "is_constant"),
    *("information_coefficient", "area_under_curve", "quantile_n", "quantile_sum_return_micro"),
    *("bin_n", "bin_n_winners", "bin_sum_excess_return_micro"),
)
ROWS_AT_ONCE = 250_000


@dataclass(frozen=True)
class Answers:
    """What every way has to say; days in order of time, NaN where there is nothing.

    Attributes:
        correlations: days x scores x horizons.
        decile_returns: days x scores x horizons x deciles.
        turnover: days x scores x ends x lags.
    """

    correlations: np.ndarray
    decile_returns: np.ndarray
    turnover: np.ndarray

    @classmethod
    def unknown(cls, n_days: int) -> "Answers":
        """Nothing known yet."""
        shape = (n_days, len(COMPONENTS), len(HORIZONS))
        return cls(
            np.full(shape, np.nan),
            np.full((*shape, N_QUANTILES), np.nan),
            np.full((n_days, len(COMPONENTS), len(ENDS), len(LAGS)), np.nan),
        )


def ours(rows: Path) -> Answers:
    """The functions the nightly statistics are made of, a few days in memory at a time."""
    sizes = pl.scan_parquet(rows).group_by("day").len().sort("day").collect()
    n_symbols = pl.scan_parquet(rows).select(pl.col("symbol").max()).collect().item() + 1
    answers = Answers.unknown(sizes.height)
    held = np.zeros((len(COMPONENTS), sizes.height, n_symbols), dtype=np.int8)
    day = 0
    for chunk in _chunks(rows, sizes, ROWS_AT_ONCE):
        scores = np.ascontiguousarray(chunk.select(COMPONENTS).to_numpy().T)
        returns = np.ascontiguousarray(chunk.select(HORIZONS.keys()).to_numpy().T)
        symbols = chunk["symbol"].to_numpy()
        start = 0
        for n in chunk.group_by("day", maintain_order=True).len()["len"]:
            at = slice(start, start + n)
            pairs = ranked_pairs(scores[:, at], returns[:, at], np.ones(n))
            quantiles = score_quantiles(pairs, N_QUANTILES)
            means = quantile_mean_returns(quantiles, returns[:, at], N_QUANTILES)
            # Horizons come first in the arrays of a day, after the scores in the answers.
            answers.correlations[day] = information_coefficients(pairs).T
            answers.decile_returns[day] = means.swapaxes(0, 1)
            held[:, day, symbols[at]] = quantiles[0]
            start += n
            day += 1
    for score, end, lag in np.ndindex(len(COMPONENTS), len(ENDS), len(LAGS)):
        answers.turnover[:, score, end, lag] = quantile_turnover(held[score], ENDS[end], lag=LAGS[lag])
    for horizon, sessions in enumerate(HORIZONS.values()):
        mean_inferences(answers.correlations[:, :, horizon], overlap_sessions=sessions)
    return answers


def _chunks(rows: Path, sizes: pl.DataFrame, rows_at_once: int) -> Iterator[pl.DataFrame]:
    """Whole days, at most `rows_at_once` rows of them unless one day has more."""
    ends = sizes["len"].cum_sum()
    for _, days in sizes.group_by((ends - 1) // rows_at_once, maintain_order=True):
        first, last = days["day"][0], days["day"][-1]
        yield pl.scan_parquet(rows).filter(pl.col("day").is_between(first, last)).collect()


def bare_polars(rows: Path) -> Answers:
    """What polars can do when nothing is asked of it but the numbers."""
    frame = pl.read_parquet(rows)
    days = frame["day"].unique().sort().to_list()
    answers = Answers.unknown(len(days))
    place_of_day = pl.DataFrame({"day": days}).with_row_index("place")
    return_ranks = frame.select("day", *(pl.col(name).rank().over("day") for name in HORIZONS))
    for score, name in enumerate(COMPONENTS):
        pairs = frame.select("day", "symbol", name, *HORIZONS)
        ranked = return_ranks
        if pairs[name].null_count():
            pairs = pairs.drop_nulls(name)
            ranked = pairs.select("day", *(pl.col(horizon).rank().over("day") for horizon in HORIZONS))
        k = pl.col(name).rank().over("day")
        pairs = pairs.with_columns(k.alias("rank"), *(ranked[horizon].alias(f"{horizon} rank") for horizon in HORIZONS))
        correlations = (
            pairs.group_by("day")
            .agg(pl.len(), *(pl.corr("rank", f"{horizon} rank").alias(horizon) for horizon in HORIZONS))
            .filter(pl.col("len") >= 5)
            .join(place_of_day, on="day")
        )
        answers.correlations[correlations["place"], score] = correlations.select(HORIZONS.keys()).to_numpy()
        steps = (pl.len().over("day") - 1).clip(1)
        cut = (N_QUANTILES * (pl.col("rank") - 1) / steps).ceil().clip(1, N_QUANTILES).cast(pl.Int64)
        pairs = pairs.select("day", "symbol", *HORIZONS, cut.alias("quantile"))
        means = pairs.group_by("day", "quantile").agg(pl.col(*HORIZONS).mean()).join(place_of_day, on="day")
        answers.decile_returns[means["place"], score, :, means["quantile"] - 1] = means.select(
            HORIZONS.keys()
        ).to_numpy()
        for end, quantile in enumerate(ENDS):
            members = pairs.filter(pl.col("quantile") == quantile).select(
                "day", "symbol", (pl.col("day").rank("dense") - 1).cast(pl.Int64).alias("at")
            )
            sizes = members.group_by("day", "at").len().join(place_of_day, on="day")
            for lag, n_days in enumerate(LAGS):
                before = members.select("symbol", pl.col("at") + n_days)
                stayed = members.join(before, on=["at", "symbol"], how="semi").group_by("at").agg(n_stayed=pl.len())
                share = (
                    sizes.filter(pl.col("at") >= n_days)
                    .join(stayed, on="at", how="left")
                    .select("place", turnover=1 - pl.col("n_stayed").fill_null(0) / pl.col("len"))
                )
                answers.turnover[share["place"], score, end, lag] = share["turnover"].to_numpy()
    return answers


def alphalens(rows: Path) -> Answers:
    """alphalens-reloaded as its documentation shows it, with the forward returns given."""
    import pandas as pd  # noqa: PLC0415 - the other ways must not pay for it
    from alphalens.performance import (  # noqa: PLC0415
        factor_information_coefficient,
        mean_return_by_quantile,
        quantile_turnover,
    )
    from alphalens.utils import get_clean_factor  # noqa: PLC0415

    frame = pl.read_parquet(rows)
    index = pd.MultiIndex.from_arrays(
        [pd.DatetimeIndex(frame["day"].to_numpy().astype("datetime64[ns]")), frame["symbol"].to_numpy()],
        names=["date", "asset"],
    )
    returns = pd.DataFrame({name: frame[name].to_numpy() for name in HORIZONS}, index=index)
    scores = {name: pd.Series(frame[name].to_numpy(), index=index) for name in COMPONENTS}
    days = pd.DatetimeIndex(frame["day"].unique().sort().to_numpy().astype("datetime64[ns]"))
    answers = Answers.unknown(len(days))
    del frame
    for score, name in enumerate(COMPONENTS):
        # It tells on standard output what it dropped.
        with contextlib.redirect_stdout(io.StringIO()):
            clean = get_clean_factor(scores[name], returns, quantiles=N_QUANTILES, max_loss=1.0)
        answers.correlations[:, score] = factor_information_coefficient(clean).reindex(days).to_numpy()
        means, _ = mean_return_by_quantile(clean, by_date=True, demeaned=False)
        for quantile, of_quantile in means.groupby(level="factor_quantile", observed=True):
            by_day = of_quantile.droplevel("factor_quantile").reindex(days)
            answers.decile_returns[:, score, :, int(quantile) - 1] = by_day.to_numpy()
        for end, quantile in enumerate(ENDS):
            for lag, n_days in enumerate(LAGS):
                shares = quantile_turnover(clean["factor_quantile"], quantile, n_days)
                answers.turnover[:, score, end, lag] = shares.reindex(days).to_numpy()
    return answers


def nightly(rows: Path) -> None:
    """All that nights measure of these rows: daily statistics of every day, then one night's tables over a year."""
    sizes = pl.scan_parquet(rows).group_by("day").len().sort("day").collect()
    statistics = pl.concat(
        daily_statistics(_feature_outcomes(chunk), components=COMPONENTS).select(EVIDENCE_COLUMNS)
        for chunk in _chunks(rows, sizes, ROWS_AT_ONCE // len(HORIZONS))
    )
    asked = {
        "as_of": [sizes["day"][-1]],
        "window_days": WINDOW_DAYS,
        "horizons": HORIZONS,
        "features": (*COMPONENTS, TOTAL_SCORE),
    }
    correlation_tables(statistics, **asked)
    threshold_tables(statistics, **asked)


def _feature_outcomes(chunk: pl.DataFrame) -> pl.DataFrame:
    """The rows as decisions of which everyone is selected, one row per horizon."""
    table = catalogue(COMPONENTS)["feature_outcomes"]
    each = chunk.select(
        *COMPONENTS,
        pl.mean_horizontal(COMPONENTS).alias(TOTAL_SCORE),
        pl.col("day").alias("known_on"),
        pl.col("day").alias("entry_date"),
        pl.col("symbol").cast(pl.String).alias("decision_id"),
        *(pl.lit(True).alias(name) for name in ("is_selected", "is_in_cross_section")),
        *HORIZONS,
    )
    parts = [
        each.select(
            pl.exclude(*HORIZONS),
            pl.lit(horizon).alias("horizon"),
            pl.col(horizon).alias("forward_return"),
            (pl.col(horizon) >= WINNER_RETURN).alias("is_winner"),
            (pl.col(horizon) <= LOSER_RETURN).alias("is_loser"),
        )
        for horizon in HORIZONS
    ]
    return pl.concat([table.empty(), *parts], how="diagonal")


WAYS: dict[str, Callable[[Path], Answers | None]] = {
    "ours": ours,
    "polars": bare_polars,
    "alphalens": alphalens,
    "nightly": nightly,
}


def main() -> None:
    way, rows, answers_file = sys.argv[1:]
    if way == "alphalens":
        import alphalens.performance  # noqa: F401, PLC0415 - no import is timed
    started, cpu_started = perf_counter(), process_time()
    answers = WAYS[way](Path(rows))
    took = {
        "seconds": perf_counter() - started,
        "cpu_seconds": process_time() - cpu_started,
        "peak_mib": peak_memory_mib(),
    }
    if answers is not None:
        np.savez(answers_file, **vars(answers))
    print(json.dumps(took))


if __name__ == "__main__":
    main()
