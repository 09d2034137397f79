"""How long things take to start, and what they load: the package, the command line, the service.

Run it with `python -m benchmarks.startup`. Every start is a process of its own with a warm file cache. Dagster alone is
measured beside our definitions, because it is most of them. Libraries for statistics must not be loaded by any of
these: they cost most of a second each, and only a stage that computes with one needs it.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from benchmarks import service
from benchmarks.results import Measured, at_most, informing, markdown

N_STARTS = 5
STATISTICS_LIBRARIES = ("scipy", "sklearn", "statsmodels", "pandas", "exchange_calendars", "matplotlib")
LISTED = (
    "import sys; import {module}; "
    f"print(sum(name in sys.modules for name in {STATISTICS_LIBRARIES}), len(sys.modules))"
)


@dataclass(frozen=True)
class Start:
    """Something that starts: its name, and what the interpreter is asked."""

    name: str
    arguments: tuple[str, ...]


INTERPRETER = Start("the interpreter alone", ("-c", "pass"))
DAGSTER = Start("import dagster", ("-c", "import dagster"))
DEFINITIONS = Start("import amc_learning.definitions", ("-c", "import amc_learning.definitions"))
STARTS = (
    INTERPRETER,
    Start("import amc_learning.client", ("-c", "import amc_learning.client")),
    DAGSTER,
    DEFINITIONS,
    Start("amc-learning --help", ("-m", "amc_learning", "--help")),
    Start("amc-learning status, an empty data directory", ("-m", "amc_learning", "status")),
)
MODULES = ("amc_learning.client", "amc_learning.cli", "amc_learning.service.server", "amc_learning.definitions")


def run() -> list[Measured]:
    """Start everything in turns, so that what else runs here disturbs all alike."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "AMC_LEARNING_DATA_DIR": str(Path(folder) / "data")}
        took: dict[str, list[float]] = {start.name: [] for start in STARTS}
        for _ in range(N_STARTS):
            for start in STARTS:
                took[start.name].append(seconds_of(start.arguments, environment))
        service_seconds = first_answers(Path(folder))
        loaded = {module: modules_loaded(module, environment) for module in MODULES}
    how = f"fastest of {N_STARTS}, warm file cache"
    least = {name: min(seconds) for name, seconds in took.items()}
    ours = least[DEFINITIONS.name] - least[DAGSTER.name]
    n_heavy = sum(n_heavy for n_heavy, _ in loaded.values())
    said = ", ".join(f"{module} {n_modules:,} modules" for module, (_, n_modules) in loaded.items())
    return [
        *(informing(name, seconds, "s", how) for name, seconds in least.items()),
        informing("our share of the definitions", ours, "s", "what is left when importing dagster alone is taken off"),
        informing(
            "service, start to first answer", service_seconds, "s", f"fastest of {N_STARTS}, an empty data directory"
        ),
        at_most(
            "statistics libraries loaded by any of these",
            n_heavy,
            "libraries",
            0,
            f"{said}; looked for: {', '.join(STATISTICS_LIBRARIES)}",
        ),
    ]


def seconds_of(arguments: Sequence[str], environment: dict[str, str]) -> float:
    """Wall time of one process."""
    started = perf_counter()
    subprocess.run([sys.executable, *arguments], env=environment, check=True, stdout=subprocess.DEVNULL)
    return perf_counter() - started


def first_answers(folder: Path) -> float:
    """The fastest of several starts of the service, until it answers a request for documents nobody published."""
    seconds = []
    (folder / "documents" / "published").mkdir(parents=True)
    for number in range(N_STARTS):
        with service.started(service.OURS, folder / f"service{number}", folder / "documents") as server:
            seconds.append(server.start_seconds)
    return min(seconds)


def modules_loaded(module: str, environment: dict[str, str]) -> tuple[int, int]:
    """How many statistics libraries, and how many modules, are loaded once this one is."""
    listed = [sys.executable, "-c", LISTED.format(module=module)]
    said = subprocess.run(listed, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    return int(said[0]), int(said[1])


def main() -> None:
    print(f"load average at start {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(markdown(run()))


if __name__ == "__main__":
    main()
