"""What a night costs on the shared real feed, against the length of history before it, and Dagster's share of it.

Run it with `python -m benchmarks.nights`. Each history begins on another day and ends on the same one, with its past
months packed (`amc-learning compact`, as `tidy_schedule` does it). Then the same night, new in each, is run after all
of them in turns, several times, each time in a copy and a process of its own, so that what other programs do hits all
histories: a night within a month, which reads what the first night of the month reviewed, and one that does not find
that and reviews as a night that begins a month does. A night's own share is all its stages, measured once libraries are
loaded: interpreter, imports and Dagster are start-up, which `benchmarks.startup` measures. Bars, events and everything
made from them begin where the history does; closes of the index are whole, because a model of the market's regime looks
back five years on its first day. Data directories are removed afterwards.
"""

import json
import os
import resource
import shutil
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
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
"""The night before past months are packed, a file a day."""

NIGHT = date(2014, 12, 9)
"""The night that is measured after every history; run through Dagster once more."""

N_ROUNDS = 5
"""How often it is run after each history, in turns."""

LONGEST = "7 years"
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


@dataclass(frozen=True)
class Nights:
    """One night after one history, as often as there were rounds: within a month, and as one that begins it."""

    within: Sequence[NightCost]
    beginning: Sequence[NightCost]


def run() -> list[Measured]:
    """Build every history, shortest first, and measure the night after each of them in turns."""
    if feed.is_missing():
        return []
    results: list[Measured] = []
    with tempfile.TemporaryDirectory() as folder:
        homes = {name: Path(folder) / name.replace(" ", "-") for name in HISTORIES}
        for name, since in HISTORIES.items():
            steps, before_packing = build(homes[name], since)
        results += [*building(steps), *packing(before_packing, a_night(homes[LONGEST]))]
        rounds = [
            {name: (a_night(home), a_night(home, with_reviews=False)) for name, home in homes.items()}
            for _ in range(N_ROUNDS)
        ]
        nights = {name: Nights(*zip(*(of_round[name] for of_round in rounds), strict=True)) for name in homes}
        results += through_dagster(homes[LONGEST], nights[LONGEST].within)
    return [*against_history(nights), *results]


def build(data_dir: Path, since: date) -> tuple[list[feed.Step], NightCost]:
    """A history with its past months packed: what building it took, and what a night cost before it was packed."""
    with tempfile.TemporaryDirectory() as folder:
        steps = [
            *feed.ingest(data_dir, Path(folder), since),
            feed.Step("backfill", feed.command(data_dir, "backfill", "--from", since, "--to", LAST)),
        ]
    before_packing = night_cost(data_dir, UNPACKED_NIGHT)
    steps.append(feed.Step("compact", feed.command(data_dir, "compact", "--before", LAST)))
    return steps, before_packing


def a_night(home: Path, *, with_reviews: bool = True) -> NightCost:
    """The night after a history, in a copy of it that goes afterwards."""
    copy = home.with_name("copy")
    shutil.copytree(home, copy, copy_function=_linked)
    try:
        if not with_reviews:
            shutil.rmtree(copy / REVIEWS_FOLDER)
        return night_cost(copy, NIGHT)
    finally:
        shutil.rmtree(copy)


def _linked(source: str, target: str) -> None:
    """Partitions are replaced and never changed in place, so a copy may share them."""
    (os.link if source.endswith(".parquet") else shutil.copy)(source, target)


def building(steps: Sequence[feed.Step]) -> list[Measured]:
    """How long the whole history took to come in and to be learned from."""
    peak_mib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    seconds = {step.name: step.seconds for step in steps}
    said = ", ".join(f"{name} {took:.0f} s" for name, took in seconds.items())
    return [
        informing("ingest and backfill of 7 years", sum(seconds.values()), "s", f"one after the other: {said}"),
        informing("largest peak memory of one of these steps", peak_mib, "MiB", "every step is a process of its own"),
    ]


def packing(before: NightCost, after: NightCost) -> list[Measured]:
    """What packing past months saves a night."""
    how = "one night before `amc-learning compact`, and the next one after it"
    return [
        informing("a night on 7 years before past months are packed", before.seconds, "s", how),
        informing("data files it opens", before.n_files, "files", how),
        informing("a night after packing against one before", after.seconds / before.seconds, "x", how),
    ]


def against_history(nights: Mapping[str, Nights]) -> list[Measured]:
    """The figures of nights by length of history, and their ratios."""
    how = f"of {N_ROUNDS} in turns with the other histories, each in a process of its own, libraries loaded"
    ratios = f"median of the ratios of {N_ROUNDS} rounds"
    longest = nights[LONGEST]
    figures = [
        at_most("a night on 7 years, own stages", fastest(longest.within), "s", MOST_SECONDS, f"fastest {how}"),
        at_most("one that begins a month", fastest(longest.beginning), "s", MOST_SECONDS, f"fastest {how}"),
        at_most(
            "the peak memory of both",
            max(cost.peak_mib for cost in (*longest.within, *longest.beginning)),
            "MiB",
            MOST_MIB,
            f"largest {how}",
        ),
        informing("median night", median(longest.within), "s", how),
        informing("median of those that begin a month", median(longest.beginning), "s", how),
        informing(
            "libraries loaded before it",
            min(cost.import_seconds for cost in longest.within),
            "s",
            "scipy, imported by the first stage that needs it; the least. The calendar of the exchange needs none",
        ),
    ]
    others = [name for name in nights if name != LONGEST]
    figures += [
        at_most(
            f"a night on 7 years against one on {name}",
            growth(longest.within, nights[name].within),
            "x",
            MOST_GROWTH,
            ratios,
        )
        for name in others
    ]
    figures += [
        informing(
            f"beginning a month, against one on {name}", growth(longest.beginning, nights[name].beginning), "x", ratios
        )
        for name in others
    ]
    for name, of_name in nights.items():
        figures.append(informing(f"a night on {name}", fastest(of_name.within), "s", f"fastest {how}"))
        cpu_seconds = min(cost.cpu_seconds for cost in of_name.within)
        figures.append(informing(f"processor time of a night on {name}", cpu_seconds, "s", f"least {how}"))
        n_files = int(statistics.median(cost.n_files for cost in of_name.within))
        figures.append(informing(f"data files it opens on {name}", n_files, "files", f"median {how}"))
    return figures


def fastest(costs: Sequence[NightCost]) -> float:
    """The least seconds."""
    return min(cost.seconds for cost in costs)


def median(costs: Sequence[NightCost]) -> float:
    """The median of the seconds."""
    return statistics.median(cost.seconds for cost in costs)


def growth(longer: Sequence[NightCost], shorter: Sequence[NightCost]) -> float:
    """How many times as long the one took as the other, round by round; the median."""
    return statistics.median(one.seconds / other.seconds for one, other in zip(longer, shorter, strict=True))


def through_dagster(data_dir: Path, own: Sequence[NightCost]) -> list[Measured]:
    """The wall time of a night by its command, and what of it is not our stages.

    The first run of a data directory makes Dagster's own databases, so a night before it is not counted.
    """
    feed.command(data_dir, "run", "daily", "--date", UNPACKED_NIGHT)
    wall = feed.command(data_dir, "run", "daily", "--date", NIGHT)
    how = "amc-learning run daily of one new night in a process of its own, against the median of own stages"
    return [
        informing("a night through Dagster, wall", wall, "s", how),
        informing("of it interpreter, imports and Dagster", (wall - median(own)) / wall * 100, "%", how),
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
