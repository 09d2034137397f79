"""What a night costs on the shared real feed, against the length of history before it, and Dagster's share of it.

Run it with `python -m benchmarks.nights`. Each history begins on another day and ends on the same one; the nights after
it are the same nights, each new, each in a process of its own, the first before past months were packed, the others
after (`amc-learning compact`, as `tidy_schedule` does it). They read what the first night of their month reviewed; the
last of them does not find it, and reviews as a night that begins a month does. A night's own share is all its stages,
measured once libraries are loaded: interpreter, imports and Dagster are start-up, which `benchmarks.startup` measures.
Bars, events and everything made from them begin where the history does; closes of the index are whole, because a model
of the market's regime looks back five years on its first day. Data directories are removed afterwards.
"""

import json
import os
import resource
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from time import perf_counter, process_time

from amc_learning.stages.reviews import REVIEWS_FOLDER
from benchmarks import feed
from benchmarks.results import Measured, at_most, informing, markdown

HISTORIES = {
    "3 months": date(2014, 9, 5),
    "1 year": date(2013, 12, 5),
    "3 years": date(2011, 12, 5),
    "7 years": feed.FIRST_DAY,
}
LAST = date(2014, 12, 5)
UNPACKED_NIGHT = date(2014, 12, 8)
"""The night before past months are packed (`amc-learning compact`), a file a day."""

OWN_NIGHTS = [date(2014, 12, day) for day in (9, 10, 11)]
"""The nights whose stages are run and measured, one after the other."""

REVIEWING_NIGHT = date(2014, 12, 12)
"""The night that makes its month's reviews itself."""

DAGSTER_NIGHT = date(2014, 12, 15)
"""The night run through Dagster, after them."""

LONGEST = "7 years"
SHORTEST = "3 months"
MOST_SECONDS, MOST_MIB, MOST_GROWTH = 2.0, 600.0, 1.2

WHY_MISSED = {
    "a night on 7 years, own stages": (
        "what is left is spread over 24 stages of many small computations. Machines differ: on one that takes 33 s for "
        "alphalens-reloaded below, instead of the time given there, seconds are fewer in that proportion"
    ),
    "a night on 7 years against one on 3 months": (
        "windows, not history: three months do not fill the windows of one to three years that calibration and weights "
        "look back over. From three years on a night opens nearly as many files however long the history is"
    ),
    "a night on 7 years against one on 1 year": (
        "windows, not history: calibration and weights look back over three years, which one year does not fill"
    ),
    "a night on 7 years against one on 3 years": (
        "both open nearly as many data files; the histories are measured minutes apart, and what other programs did "
        "in between is in the ratio: compare their processor times"
    ),
}
"""Why a promise of this benchmark may be missed, by the name of its figure."""


@dataclass(frozen=True)
class NightCost:
    """What one night took once libraries were loaded."""

    seconds: float
    cpu_seconds: float
    peak_mib: float
    n_files: int
    import_seconds: float


def run() -> list[Measured]:
    """Build every history in turn, shortest first, and measure the nights after it."""
    if feed.is_missing():
        return []
    costs: dict[str, list[NightCost]] = {}
    reviewing: dict[str, NightCost] = {}
    results: list[Measured] = []
    for name, since in HISTORIES.items():
        with tempfile.TemporaryDirectory() as folder:
            data_dir = Path(folder) / "data"
            steps = [
                *feed.ingest(data_dir, Path(folder), since),
                feed.Step("backfill", feed.command(data_dir, "backfill", "--from", since, "--to", LAST)),
            ]
            unpacked = night_cost(data_dir, UNPACKED_NIGHT)
            steps.append(feed.Step("compact", feed.command(data_dir, "compact", "--before", LAST)))
            costs[name] = [night_cost(data_dir, day) for day in OWN_NIGHTS]
            shutil.rmtree(data_dir / REVIEWS_FOLDER)
            reviewing[name] = night_cost(data_dir, REVIEWING_NIGHT)
            if name == LONGEST:
                results += [*building(steps), *before_packing(unpacked, costs[name])]
                results += through_dagster(data_dir, costs[name])
    return [*against_history(costs), *that_review(reviewing), *results]


def building(steps: Sequence[feed.Step]) -> list[Measured]:
    """How long the whole history took to come in and to be learned from."""
    peak_mib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    seconds = {step.name: step.seconds for step in steps}
    said = ", ".join(f"{name} {took:.0f} s" for name, took in seconds.items())
    return [
        informing("ingest and backfill of 7 years", sum(seconds.values()), "s", f"one after the other: {said}"),
        informing("largest peak memory of one of these steps", peak_mib, "MiB", "every step is a process of its own"),
    ]


def before_packing(unpacked: NightCost, packed: Sequence[NightCost]) -> list[Measured]:
    """What packing past months saves a night."""
    how = "one night before `amc-learning compact`, against the median of those after it"
    ratio = statistics.median(cost.seconds for cost in packed) / unpacked.seconds
    return [
        informing("a night on 7 years before past months are packed", unpacked.seconds, "s", how),
        informing("data files it opens", unpacked.n_files, "files", how),
        informing("a night after packing against one before", ratio, "x", how),
    ]


def against_history(costs: dict[str, list[NightCost]]) -> list[Measured]:
    """The figures of nights by length of history, and their ratios."""
    nights = f"stages of {len(OWN_NIGHTS)} nights, each new and in a process of its own, libraries loaded"
    best = {name: min(cost.seconds for cost in of_name) for name, of_name in costs.items()}
    longest = costs[LONGEST]
    figures = [
        at_most("a night on 7 years, own stages", best[LONGEST], "s", MOST_SECONDS, f"fastest: {nights}"),
        at_most("its peak memory", max(cost.peak_mib for cost in longest), "MiB", MOST_MIB, f"largest: {nights}"),
        informing("its median", statistics.median(cost.seconds for cost in longest), "s", nights),
        informing(
            "libraries loaded before it",
            min(cost.import_seconds for cost in longest),
            "s",
            "scipy, imported by the first stage that needs it; the least. The calendar of the exchange needs none",
        ),
    ]
    for name in costs:
        if name != LONGEST:
            ratio = best[LONGEST] / best[name]
            figures.append(
                at_most(f"a night on 7 years against one on {name}", ratio, "x", MOST_GROWTH, "fastest of each")
            )
    for name, of_name in costs.items():
        figures.append(informing(f"a night on {name}", best[name], "s", f"fastest: {nights}"))
        cpu_seconds = min(cost.cpu_seconds for cost in of_name)
        figures.append(informing(f"processor time of a night on {name}", cpu_seconds, "s", f"least: {nights}"))
        n_files = int(statistics.median(cost.n_files for cost in of_name))
        figures.append(informing(f"data files it opens on {name}", n_files, "files", "median of these nights"))
    return figures


def that_review(reviewing: dict[str, NightCost]) -> list[Measured]:
    """What a night costs that begins a month, and whether that grows with history."""
    how = "one night of each history whose reviews were removed before it"
    longest = reviewing[LONGEST].seconds
    return [
        at_most("a night on 7 years that begins a month", longest, "s", MOST_SECONDS, how),
        *(
            informing(f"the same against one on {name}", longest / cost.seconds, "x", how)
            for name, cost in reviewing.items()
            if name != LONGEST
        ),
    ]


def through_dagster(data_dir: Path, own: Sequence[NightCost]) -> list[Measured]:
    """The wall time of one further night by its command, and what of it is not our stages.

    The first run of a data directory makes Dagster's own databases, so a night before it is not counted.
    """
    feed.command(data_dir, "run", "daily", "--date", REVIEWING_NIGHT)
    wall = feed.command(data_dir, "run", "daily", "--date", DAGSTER_NIGHT)
    stages = statistics.median(cost.seconds for cost in own)
    how = "amc-learning run daily of one new night in a process of its own, against the median of own stages"
    return [
        informing("a night through Dagster, wall", wall, "s", how),
        informing("of it interpreter, imports and Dagster", (wall - stages) / wall * 100, "%", how),
    ]


def night_cost(data_dir: Path, day: date) -> NightCost:
    """The cost of one night in a process of its own."""
    return NightCost(**json.loads(feed.python(data_dir, "-m", "benchmarks.nights", "--one-night", day)))


def one_night(day: date) -> NightCost:
    """Run the stages of one night in this process, in the data directory of the environment."""
    from amc_learning.settings import Settings  # noqa: PLC0415
    from amc_learning.stages.cycle import run_days  # noqa: PLC0415
    from amc_learning.warehouse import Warehouse  # noqa: PLC0415

    began = perf_counter()
    import scipy.special  # noqa: F401, PLC0415

    loaded = perf_counter()
    settings = Settings()
    opened = 0

    def count(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal opened
        if event == "open" and str(arguments[0]).endswith(".parquet") and not str(arguments[1] or "r").startswith("w"):
            opened += 1

    sys.addaudithook(count)
    started, started_cpu = perf_counter(), process_time()
    warehouse = Warehouse.open(settings.data_dir, settings.features.components)
    for _ in run_days(warehouse, settings, [day]):
        pass
    seconds, cpu_seconds = perf_counter() - started, process_time() - started_cpu
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return NightCost(seconds, cpu_seconds, peak_mib, opened, loaded - began)


def main() -> None:
    if sys.argv[1:2] == ["--one-night"]:
        print(json.dumps(asdict(one_night(date.fromisoformat(sys.argv[2])))))
        return
    print(f"load average at start {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(markdown(run()))


if __name__ == "__main__":
    main()
