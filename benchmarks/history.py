"""A whole history through join, daily statistics and windowed tables, at 1x, 10x and 50x of the universe table.

Run it with `python -m benchmarks.history`. Every symbol of the shared universe table is a decision of its day: the 50
of highest total score selected, all others controls, so that every population and horizon is measured. For 10x and 50x
each symbol is there under ten or fifty names. The wider the days, the fewer of them: every data directory holds
about as many rows, and 50x also twice as many, so that rows/s compares widths and memory compares lengths. The stages
are those of a backfill, each width in a process of its own, over partition files in a temporary folder.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from time import perf_counter, process_time

import polars as pl

from amc_learning.settings import Settings
from amc_learning.stages import evidence
from amc_learning.warehouse import Warehouse
from benchmarks.feed import MARKET, is_missing
from benchmarks.results import Measured, at_least, at_most, informing, machine, markdown, peak_memory_mib

N_SELECTED = 50
MAX_MEMORY_MIB = 2048
STAGES = {
    "join": evidence.join_feature_outcomes,
    "measure": evidence.measure_days,
    "correlate": evidence.correlate,
    "compare_selection": evidence.compare_selection,
    "find_thresholds": evidence.find_thresholds,
}


@dataclass(frozen=True)
class Scale:
    """Copies of every symbol, over the last so many days of the table (None: all of them)."""

    n_copies: int
    n_days: int | None


SCALES = (Scale(1, 175), Scale(1, None), Scale(10, 175), Scale(50, 35), Scale(50, 70))
SHORT, WHOLE, TEN, FIFTY, FIFTY_LONG = SCALES


@dataclass(frozen=True)
class Took:
    """What the stages took over one data directory; rows are outcomes: a decision at one horizon."""

    n_days: int
    n_rows: int
    seconds: float
    cpu_seconds: float
    peak_mib: float

    @property
    def rows_per_second(self) -> float:
        """Through all stages."""
        return self.n_rows / self.seconds

    def said(self, scale: Scale) -> str:
        """How the figure came about."""
        return f"{self.n_days} days at {scale.n_copies}x, {self.n_rows:,} outcomes, {self.seconds:.0f} s, one run"


def run() -> list[Measured]:
    """All figures; none without the feed."""
    if is_missing():
        return []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        base = folder / "base"
        outcomes = worker("prepare", base)
        took = {}
        for scale in SCALES:
            copied = folder / f"{scale.n_copies}x{scale.n_days}"
            worker("copy", base, copied, scale.n_copies, scale.n_days or 0)
            took[scale] = Took(**worker("measure", copied))
            subprocess.run(["rm", "-r", copied], check=True)
    figures = [
        informing("outcomes of the whole universe table", outcomes["rows_per_second"], "rows/s", "mature_outcomes, 1x"),
        informing("peak memory of these outcomes", outcomes["peak_mib"], "MiB", "the same"),
    ]
    for scale in SCALES:
        width, how = f"history at {scale.n_copies}x", took[scale].said(scale)
        figures += [
            informing(f"{width}, {took[scale].n_days} days", took[scale].rows_per_second, "rows/s", how),
            at_most(
                f"peak memory, {width}, {took[scale].n_days} days", took[scale].peak_mib, "MiB", MAX_MEMORY_MIB, how
            ),
        ]
    widths = "rows per second of processor time at the one over those at the other"
    return [
        *figures,
        at_least("time linear in width: 50x against 1x", speed(took, FIFTY, WHOLE), "x", 0.8, widths),
        at_least("time linear in length: all days against 175", speed(took, WHOLE, SHORT), "x", 0.8, widths),
        at_most(
            "memory flat in length at 50x",
            took[FIFTY_LONG].peak_mib / took[FIFTY].peak_mib,
            "x",
            1.2,
            "70 against 35 days",
        ),
    ]


def speed(took: dict[Scale, Took], one: Scale, other: Scale) -> float:
    """Rows per second of processor time at one scale, relative to another: waiting for others is not counted."""
    rates = [took[scale].n_rows / took[scale].cpu_seconds for scale in (one, other)]
    return rates[0] / rates[1]


def worker(task: str, *arguments: object) -> dict[str, float]:
    """What a task says, done by a process of its own."""
    command = [sys.executable, "-m", "benchmarks.history", task, *map(str, arguments)]
    finished = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    answer: dict[str, float] = json.loads(finished.stdout)
    return answer


def prepare(data_dir: Path) -> dict[str, float]:
    """A data directory with the decisions of the universe table and their outcomes."""
    warehouse, settings = opened(data_dir)
    components = settings.features.components
    scores = pl.read_parquet(MARKET / "universe_scores.parquet")
    bars = pl.read_parquet(MARKET / "bars.parquet").select(
        pl.col("date").alias("known_on"),
        "symbol",
        *(pl.col(name).alias(f"{name}_usd") for name in ("open", "high", "low", "close")),
        pl.col("volume").cast(pl.Float64).alias("volume_shares"),
    )
    place = pl.col("total_score").rank("ordinal", descending=True).over("date").cast(pl.Int64)
    is_selected = place <= N_SELECTED
    # Discovery runs ten minutes after the close.
    at_1610 = pl.col("date").cast(pl.Datetime("us")).dt.offset_by("16h10m").dt.replace_time_zone("America/New_York")
    candidates = scores.select(
        pl.col("date").alias("known_on"),
        pl.format("{}/{}", "date", "symbol").alias("decision_id"),
        pl.format("run {}", "date").alias("event_id"),
        at_1610.dt.convert_time_zone("UTC").alias("decided_at"),
        pl.lit(False).alias("is_late"),
        "symbol",
        is_selected.alias("is_selected"),
        pl.when(is_selected).then(place).alias("rank"),
        pl.when(place <= 10).then(pl.lit("trade_ready")).when(is_selected).then(pl.lit("monitor")).alias("action_tag"),
        "total_score",
        *(pl.col(name).cast(pl.Float64) for name in components),
        pl.len().over("date").cast(pl.Int64).alias("n_universe"),
    )
    store(warehouse, "price_bars", bars)
    store(warehouse, "discovery_candidates", candidates)
    days = warehouse.table("discovery_candidates").days()
    del scores, bars, candidates
    # The peak of reading the source is none of the stage: another process measures it.
    return worker("outcomes", data_dir, days[0], days[-1])


def mature(data_dir: Path, first: date, last: date) -> dict[str, float]:
    """Write the outcomes of all days, and say what it took."""
    warehouse, settings = opened(data_dir)
    days = [day for day in warehouse.table("price_bars").days() if first <= day <= last]
    started = perf_counter()
    written = evidence.mature_outcomes(warehouse, settings, days)
    return {"rows_per_second": written.n_rows / (perf_counter() - started), "peak_mib": peak_memory_mib()}


def copy(base: Path, data_dir: Path, n_copies: int, n_days: int) -> dict[str, float]:
    """The decisions and outcomes of the last days under several names each, a day at a time; all days for 0."""
    source, _ = opened(base)
    target, _ = opened(data_dir)
    days = source.table("candidate_outcomes").days()[-n_days:]
    # Nothing has matured yet on the first day of all.
    first_decided = source.table("candidate_outcomes").read(days[0], days[0])["decision_known_on"].min() or days[0]
    for table, since in (("discovery_candidates", first_decided), ("candidate_outcomes", days[0])):
        for day in (day for day in source.table(table).days() if day >= since):
            rows = source.table(table).read(day, day)
            if "n_universe" in rows.columns:
                rows = rows.with_columns(pl.col("n_universe") * n_copies)
            target.table(table).write(pl.concat(renamed(rows, number) for number in range(n_copies)), [day])
    return {}


def renamed(rows: pl.DataFrame, number: int) -> pl.DataFrame:
    """The rows as those of other symbols."""
    return rows.with_columns(pl.format("{}~{}", name, pl.lit(number)).alias(name) for name in ("decision_id", "symbol"))


def measure(data_dir: Path) -> dict[str, float]:
    """Every stage over all days of a data directory, and what it took."""
    warehouse, settings = opened(data_dir)
    days = warehouse.table("candidate_outcomes").days()
    started, cpu_started = perf_counter(), process_time()
    for stage in STAGES.values():
        stage(warehouse, settings, days)
    return {
        "n_days": len(days),
        "n_rows": sum(entry.n_rows for entry in warehouse.table("candidate_outcomes").entries()),
        "seconds": perf_counter() - started,
        "cpu_seconds": process_time() - cpu_started,
        "peak_mib": peak_memory_mib(),
    }


def opened(data_dir: Path) -> tuple[Warehouse, Settings]:
    settings = Settings(data_dir=data_dir)
    return Warehouse.open(data_dir, settings.features.components), settings


def store(warehouse: Warehouse, table: str, rows: pl.DataFrame) -> None:
    """Write rows that may lack columns, a year at a time."""
    declared = warehouse.catalogue[table]
    for _, year in rows.group_by(pl.col("known_on").dt.year(), maintain_order=True):
        whole = pl.concat([declared.empty(), year], how="diagonal").select(declared.column_names)
        warehouse.table(table).write(whole, whole["known_on"].unique().sort().to_list())


def main(arguments: Sequence[str]) -> None:
    match arguments:
        case []:
            print(machine(), markdown(run()), sep="\n\n")
        case ["prepare", data_dir]:
            print(json.dumps(prepare(Path(data_dir))))
        case ["outcomes", data_dir, first, last]:
            print(json.dumps(mature(Path(data_dir), date.fromisoformat(first), date.fromisoformat(last))))
        case ["copy", base, data_dir, n_copies, n_days]:
            print(json.dumps(copy(Path(base), Path(data_dir), int(n_copies), int(n_days))))
        case ["measure", data_dir]:
            print(json.dumps(measure(Path(data_dir))))
        case _:
            raise SystemExit(f"no such task: {' '.join(arguments)}")


if __name__ == "__main__":
    main(sys.argv[1:])
