"""How fast scores are judged: correlations, decile returns, turnover and thresholds on the shared universe table.

Run it with `python -m benchmarks.factors`; it needs the extra `bench`. Each way (factor_contestants.py) is a process of
its own on the same rows, in turns, so that what else runs on the machine disturbs all alike. The rows are the first
million of the table whose returns at all three horizons are known. Scores are whole numbers there; ties are broken by
symbol, because alphalens refuses days whose decile edges coincide.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median_high

import numpy as np
import polars as pl

from benchmarks.factor_contestants import COMPONENTS, HORIZONS, ROWS_AT_ONCE
from benchmarks.feed import MARKET, is_missing
from benchmarks.results import Measured, at_least, at_most, informing, machine, markdown

N_ROWS = 1_000_000
N_COPIES = 10
N_REPEATS = 3


@dataclass(frozen=True)
class Took:
    """What one way took on one file: medians of its runs."""

    seconds: float
    cpu_seconds: float
    peak_mib: float


def run(n_repeats: int = N_REPEATS) -> list[Measured]:
    """All figures; none without the feed.

    Raises:
        SystemExit: the extra `bench` is not installed.
    """
    if is_missing():
        return []
    if find_spec("alphalens") is None:
        raise SystemExit("alphalens-reloaded is not installed: pip install --editable '.[bench]', then run this again")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows, many_rows = folder / "rows.parquet", folder / "many_rows.parquet"
        write_rows(rows, N_ROWS)
        took = measured_in_turns(("ours", "polars", "alphalens"), rows, folder, n_repeats)
        differences = {other: largest_difference(folder, other) for other in ("alphalens", "polars")}
        write_rows(many_rows, N_ROWS, n_copies=N_COPIES)
        many = measured_in_turns(("ours", "polars"), many_rows, folder, 1)
        nightly = measured_in_turns(("nightly",), rows, folder, 1)["nightly"]
    ours, peer, bare = took["ours"], took["alphalens"], took["polars"]
    how = f"{N_ROWS:,} rows, 6 scores x 3 horizons, median of {n_repeats} runs in turns"
    return [
        informing("factor judgement, ours", ours.seconds, "s", how),
        informing("factor judgement, alphalens-reloaded", peer.seconds, "s", how),
        informing("factor judgement, bare polars", bare.seconds, "s", how),
        at_least("faster than alphalens-reloaded", peer.seconds / ours.seconds, "x", 15, how),
        at_least("less processor time than alphalens-reloaded", peer.cpu_seconds / ours.cpu_seconds, "x", 15, how),
        at_most("time of bare polars", ours.seconds / bare.seconds, "x", 2, how),
        at_most("peak memory, ours", ours.peak_mib, "MiB", 450, how),
        informing("peak memory, alphalens-reloaded", peer.peak_mib, "MiB", how),
        informing("peak memory, bare polars", bare.peak_mib, "MiB", how),
        at_most("largest difference to alphalens-reloaded", differences["alphalens"], "", 1e-9, "every number of both"),
        at_most("largest difference to bare polars", differences["polars"], "", 1e-9, "every number of both"),
        informing("factor judgement of 10x, ours", many["ours"].seconds, "s", f"{N_ROWS * N_COPIES:,} rows, one run"),
        informing("factor judgement of 10x, bare polars", many["polars"].seconds, "s", "the same rows"),
        at_most("peak memory of 10x, ours", many["ours"].peak_mib, "MiB", 3072, f"{N_ROWS * N_COPIES:,} rows"),
        informing("peak memory of 10x, bare polars", many["polars"].peak_mib, "MiB", "the same rows"),
        informing(
            "all that a night measures, thresholds included",
            nightly.seconds,
            "s",
            f"{N_ROWS:,} rows x 3 horizons through daily_statistics, then one night's correlations and thresholds",
        ),
        informing("peak memory of all that a night measures", nightly.peak_mib, "MiB", "the same"),
    ]


def write_rows(path: Path, n_rows: int, *, n_copies: int = 1) -> None:
    """The universe table with forward returns, sorted by day; `n_copies` of every symbol, each with ties of its own."""
    closes = pl.scan_parquet(MARKET / "bars.parquet").sort("symbol", "date")
    close = pl.col("close")
    returns = closes.select(
        "date",
        "symbol",
        *((close.shift(-n).over("symbol") / close - 1).alias(name) for name, n in HORIZONS.items()),
    )
    rows = (
        pl.scan_parquet(MARKET / "universe_scores.parquet")
        .join(returns, on=["date", "symbol"], how="left")
        .drop_nulls(list(HORIZONS))
        .sort("date", "symbol")
        .head(n_rows)
        .select(
            pl.col("date").alias("day"),
            (pl.col("symbol").rank("dense") - 1).cast(pl.Int64).alias("symbol"),
            *HORIZONS,
            *(pl.col(name).cast(pl.Float64) for name in COMPONENTS),
        )
        .collect()
    )
    n_symbols = rows["symbol"].n_unique()
    copies = [rows.with_columns(pl.col("symbol") + copy * n_symbols) for copy in range(n_copies)]
    tie_break = pl.col("symbol") / (n_symbols * n_copies)
    pl.concat(copies).sort("day", "symbol").with_columns(
        *(pl.col(name) + tie_break for name in COMPONENTS),
        # Copies of a return would tie too; they are told apart by less than any price is known to.
        *(pl.col(name) + tie_break * 1e-9 for name in HORIZONS),
    ).write_parquet(path, row_group_size=ROWS_AT_ONCE)


def measured_in_turns(ways: Sequence[str], rows: Path, folder: Path, n_repeats: int) -> dict[str, Took]:
    """Each way in a process of its own, `n_repeats` times, one after the other; their answers stay in the folder."""
    runs: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    for _ in range(n_repeats):
        for way in ways:
            command = [sys.executable, "-m", "benchmarks.factor_contestants", way, rows, folder / f"{way}.npz"]
            finished = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            runs[way].append(json.loads(finished.stdout))
    return {
        way: Took(**{name: median_high(run[name] for run in of_way) for name in of_way[0]})
        for way, of_way in runs.items()
    }


def largest_difference(folder: Path, other: str) -> float:
    """Between our answers and another's, over all numbers both have.

    Raises:
        ValueError: the other has no answer where we have one.
    """
    with np.load(folder / "ours.npz") as ours, np.load(folder / f"{other}.npz") as theirs:
        differences = []
        for name in ours.files:
            one, two = ours[name], theirs[name]
            is_known = np.isfinite(one)
            # A correlation of hardly any pairs is one that only others state.
            if np.isnan(two[is_known]).any():
                raise ValueError(f"{name}: {other} has no answer where we have one")
            differences.append(float(np.abs(one[is_known] - two[is_known]).max()))
    return max(differences)


def main() -> None:
    print(machine(), markdown(run()), sep="\n\n")


if __name__ == "__main__":
    main()
