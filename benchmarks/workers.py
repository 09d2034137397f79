"""Seven years shared between two workers: how much sooner the parallel stages are done, and whether the bytes agree.

Run it with `python -m benchmarks.workers`. The same ingested feed is backfilled by one process as it runs by default,
and by two workers of Dagster's queue, in turns, so that other work on the machine hits both. What is compared is the
time of the rounds that are parallel (stages/cycle.py), the starts of the workers included; the whole commands besides.
Two plain processes that share the range without Dagster come last: what is lost to them is lost to the machine.

With `--kill` a worker is killed with SIGKILL in the middle, with `--restart` the PostgreSQL server that holds inbox,
turns and Dagster's storage crashes in the middle and comes back; then the same command is given again. Whatever is
done, every file of tables and documents must have the bytes that one process leaves. On the page these two are the
benchmarks `workers_killed` and `workers_restarted`.
"""

import argparse
import contextlib
import hashlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from amc_learning.cli.fan_out import THREAD_VARIABLES
from amc_learning.contracts.knowledge_days import knowledge_days
from amc_learning.settings import Settings
from amc_learning.stages.collect import drain_all_events
from amc_learning.stages.cycle import Round, daily_stages
from amc_learning.stages.shared_range import ASKED_LOCK, SharedRange, parts_of
from amc_learning.warehouse import Warehouse
from benchmarks.feed import FIRST_DAY, LAST_DAY, ingest, is_missing
from benchmarks.results import Measured, at_most, informing, machine, markdown

N_REPEATS = 2
N_WORKERS = 2
MAX_RATIO = 0.65
AWAY_SECONDS = 5.0
"""How long the database is away."""

MIDDLE = "candidate_outcomes"
"""The table whose first files say that workers are at work side by side."""

N_NAMED = 20
"""Files that differ and are named; there should be none."""

PLAIN = """
import sys
from datetime import date
from amc_learning.contracts.knowledge_days import knowledge_days
from amc_learning.settings import Settings
from amc_learning.stages.cycle import rarely_collecting
from amc_learning.stages.shared_range import SharedRange, Worker
from amc_learning.warehouse import Warehouse

name, first, last, n_workers = sys.argv[1:]
settings = Settings()
warehouse = Warehouse.open(settings.data_dir, settings.features.components)
days = knowledge_days(date.fromisoformat(first), date.fromisoformat(last))
with rarely_collecting():
    Worker(warehouse, settings, SharedRange(warehouse, name), days, int(n_workers), lambda words: None).work()
"""
"""A worker without Dagster."""

CHECKOUT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Took:
    """Seconds of the parallel rounds, of all rounds, and of the whole command; the bytes it left."""

    parallel: float
    rounds: float
    command: float
    bytes_left: Mapping[str, str]


@dataclass(frozen=True)
class Years:
    """The ingested feed, the days to backfill, and a folder for copies of it."""

    base: Path
    folder: Path
    first: date
    last: date

    def copy(self) -> Path:
        """A data directory like the ingested one.

        Earlier ones stay: ext4 without a journal shuns inodes that were freed in the last minutes, and looks at each of
        them for every new file.
        """
        return Path(shutil.copytree(self.base, Path(tempfile.mkdtemp(dir=self.folder)) / "data"))

    def start(self, data_dir: Path, n_workers: int, places: Mapping[str, str] | None = None) -> "Command":
        """The command, as a person would give it; `places` are further variables of its environment."""
        words = ["backfill", "--from", self.first, "--to", self.last, "--workers", n_workers, "--json"]
        environment = {**os.environ, "AMC_LEARNING_DATA_DIR": str(data_dir), **(places or {})}
        asked = [sys.executable, "-m", "amc_learning", *map(str, words)]
        process = subprocess.Popen(asked, env=environment, cwd=CHECKOUT, stdout=subprocess.PIPE)
        return Command(process, time.perf_counter())

    def backfill(self, n_workers: int) -> Took:
        """One command on a fresh copy of the feed."""
        copy = self.copy()
        code, seconds, said = self.start(copy, n_workers).ended()
        if code:
            raise SystemExit(f"backfill by {n_workers} ended with {code}")
        return Took(*_sums(json.loads(said)["stages"]), seconds, left(copy))

    def plain(self) -> float:
        """Seconds of the parallel rounds by as many processes without Dagster, with the threads that workers have."""
        data_dir = self.copy()
        settings = Settings(data_dir=data_dir)
        warehouse = Warehouse.open(data_dir, settings.features.components)
        drain_all_events(warehouse)
        shared, seconds = SharedRange(warehouse, "plain"), 0.0
        n_threads = str(max(1, len(os.sched_getaffinity(0)) // N_WORKERS))
        environment = {**os.environ, "AMC_LEARNING_DATA_DIR": str(data_dir)} | dict.fromkeys(
            THREAD_VARIABLES, n_threads
        )
        words = [sys.executable, "-c", PLAIN, "plain", str(self.first), str(self.last), str(N_WORKERS)]
        with shared.asked():
            workers = [subprocess.Popen(words, env=environment, cwd=CHECKOUT) for _ in range(N_WORKERS)]
            for round_ in Round:
                started = time.perf_counter()
                while shared.left(parts_of(round_, knowledge_days(self.first, self.last), N_WORKERS)):
                    if any(worker.poll() for worker in workers):
                        raise SystemExit("a plain worker failed")
                    time.sleep(0.1)
                seconds += (time.perf_counter() - started) * round_.is_parallel
            for worker in workers:
                worker.wait()
        return seconds


@dataclass(frozen=True)
class Command:
    """A command at work."""

    process: "subprocess.Popen[bytes]"
    started: float

    def ended(self) -> tuple[int, float, bytes]:
        """Wait for it: exit code, seconds, and what it said."""
        said, _ = self.process.communicate()
        return self.process.returncode, time.perf_counter() - self.started, said

    def wait_for_the_middle(self, data_dir: Path) -> None:
        """Wait until workers write side by side."""
        while not any((data_dir / "tables" / MIDDLE).rglob("*.parquet")):
            if self.process.poll() is not None:
                raise SystemExit(f"the backfill ended with {self.process.returncode} before its middle")
            time.sleep(0.05)


def run(
    n_repeats: int = N_REPEATS, *, base: Path | None = None, first: date = FIRST_DAY, last: date = LAST_DAY
) -> list[Measured]:
    """All figures; none without the feed.

    Args:
        n_repeats: pairs of one process and two workers.
        base: a data directory that holds the ingested feed already.
        first: the first day to backfill.
        last: the last one.
    """
    if is_missing():
        return []
    pairs, n_differing = [], 0
    with prepared(base, first, last) as years:
        for _ in range(n_repeats):
            one, two = years.backfill(1), years.backfill(N_WORKERS)
            print(*(f"{took.parallel:.0f} of {took.rounds:.0f} s" for took in (one, two)), sep="; ", flush=True)
            n_differing += named(differing(one.bytes_left, two.bytes_left))
            pairs.append((one, two))
        plain = years.plain()
        print(f"without Dagster {plain:.0f} s", flush=True)
    ratio = statistics.median(two.parallel / one.parallel for one, two in pairs)
    whole = statistics.median(two.command / one.command for one, two in pairs)
    how = f"{first} to {last}, median of {n_repeats} pairs of commands in turns"
    return [
        at_most("parallel stages, two workers to one process", ratio, "x", MAX_RATIO, how),
        informing(
            "the same by two processes without Dagster", plain / one.parallel, "x", "once, against the last one process"
        ),
        informing("the whole command, two workers to one process", whole, "x", how),
        informing("parallel stages, one process", one.parallel, "s", f"{one.parallel / one.rounds:.0%} of its stages"),
        informing("parallel stages, two workers", two.parallel, "s", "starts of the workers included"),
        at_most("files that differ", n_differing, "files", 0, f"of {len(one.bytes_left):,} tables and documents"),
    ]


def run_killed(*, base: Path | None = None, first: date = FIRST_DAY, last: date = LAST_DAY) -> list[Measured]:
    """A worker is killed in the middle; none without the feed. Arguments as of `run`."""
    if is_missing():
        return []
    with prepared(base, first, last) as years:

        def kill(copy: Path, command: Command) -> None:
            kill_a_worker(copy, not_process=command.process.pid)

        return disturbed(years, years.backfill(1), years.copy(), kill, "kill -9 of a worker")


def run_restarted(*, base: Path | None = None, first: date = FIRST_DAY, last: date = LAST_DAY) -> list[Measured]:
    """The database crashes in the middle and comes back; none without the feed. Arguments as of `run`."""
    if is_missing():
        return []
    # a server of its own, which the tests know how to start; it needs what they need
    from amc_learning_tests.service.postgres import postgres_server  # noqa: PLC0415

    with prepared(base, first, last) as years, postgres_server() as server:
        alone = years.backfill(1)
        copy, home = years.copy(), years.folder / "home"
        # into tables here and now: the inbox on the server begins empty
        settings = Settings(data_dir=copy)
        warehouse = Warehouse.open(copy, settings.features.components)
        drain_all_events(warehouse)
        warehouse.inbox.close()
        home.mkdir()
        shutil.copy(CHECKOUT / "deploy" / "postgres" / "dagster.yaml", home)
        places = {
            "AMC_LEARNING_INBOX_URL": server.url,
            "AMC_LEARNING_TURNS": "database",
            "AMC_LEARNING_DAGSTER_POSTGRES_URL": server.database("dagster"),
            "AMC_LEARNING_DAGSTER_DIR": str(home),
            "DAGSTER_HOME": str(home),
        }

        def crash(_copy: Path, _command: Command) -> None:
            server.stop("immediate")
            time.sleep(AWAY_SECONDS)
            server.start()

        what = f"a crash of PostgreSQL, away for {AWAY_SECONDS:.0f} s"
        return disturbed(years, alone, copy, crash, what, places=places)


def disturbed(
    years: Years,
    alone: Took,
    copy: Path,
    disturb: Callable[[Path, Command], None],
    what: str,
    *,
    places: Mapping[str, str] | None = None,
) -> list[Measured]:
    """Two workers with something happening in the middle, then the same command again, against one process alone."""
    command = years.start(copy, 2, places)
    command.wait_for_the_middle(copy)
    at_seconds = time.perf_counter() - command.started
    disturb(copy, command)
    code, seconds, _ = command.ended()
    again, again_seconds, _ = years.start(copy, 2, places).ended()
    if again:
        raise SystemExit(f"the same command again ended with {again} after {what}")
    n_differing = named(differing(alone.bytes_left, left(copy)))
    n_files = f"of {len(alone.bytes_left):,} tables and documents, {years.first} to {years.last}"
    return [
        at_most("files that differ", n_differing, "files", 0, f"{n_files}, after {what} and the same command again"),
        informing("the disturbed command", seconds, "s", f"{what} after {at_seconds:.0f} s; it ended with exit {code}"),
        informing("the same command again", again_seconds, "s", "two workers"),
        informing("one process alone", alone.command, "s", "whose bytes are compared"),
    ]


@contextlib.contextmanager
def prepared(base: Path | None, first: date, last: date) -> Iterator[Years]:
    """The ingested feed, and a folder that goes afterwards."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if base is None:
            base = folder / "base"
            ingest(base, folder, FIRST_DAY)
        yield Years(base, folder, first, last)


def _sums(seconds: Mapping[str, float]) -> tuple[float, float]:
    """Of the parallel rounds, and of all: one process counts by stage, workers by round."""
    rounds = {stage.name: stage.round for stage in daily_stages(LAST_DAY)}
    parallel = [took for name, took in seconds.items() if (rounds.get(name) or Round(name)).is_parallel]
    return sum(parallel), sum(seconds.values())


def left(data_dir: Path) -> dict[str, str]:
    """Every table and document with the hash of its bytes; pages are drawn from documents when somebody asks."""
    files = [path for name in ("tables", "published") for path in (data_dir / name).rglob("*") if path.is_file()]
    return {
        str(path.relative_to(data_dir)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if not path.name.endswith(".lock") and "pages" not in path.parts
    }


def differing(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """Files that only one has, or that differ."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def named(files: list[str]) -> int:
    """Say which files differ; how many they are."""
    for name in files[:N_NAMED]:
        print(f"differs: {name}", flush=True)
    if len(files) > N_NAMED:
        print(f"and {len(files) - N_NAMED:,} more", flush=True)
    return len(files)


def kill_a_worker(data_dir: Path, *, not_process: int, limit_seconds: float = 120.0) -> int:
    """Kill a process that works on a part in this data directory, and not the command that waits; its process id."""
    deadline = time.monotonic() + limit_seconds
    while time.monotonic() < deadline:
        for process in set(workers_of(data_dir)) - {not_process}:
            os.kill(process, signal.SIGKILL)
            return process
        time.sleep(0.02)
    raise SystemExit("no worker was found to kill")


def workers_of(data_dir: Path) -> list[int]:
    """Processes that have the claim of a part open: those at work on it, and who looks whether somebody is."""
    claims = f"{data_dir / 'shared_ranges'}{os.sep}"
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                opened = [str(link.readlink()) for link in (entry / "fd").iterdir()]
            except OSError:
                continue  # it ended meanwhile
            if any(name.startswith(claims) and ASKED_LOCK not in name for name in opened):
                found.append(int(entry.name))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=N_REPEATS)
    parser.add_argument("--base", type=Path, help="a data directory that holds the ingested feed")
    parser.add_argument("--first", type=date.fromisoformat, default=FIRST_DAY)
    parser.add_argument("--last", type=date.fromisoformat, default=LAST_DAY)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--kill", action="store_true", help="kill a worker in the middle instead")
    what.add_argument("--restart", action="store_true", help="let PostgreSQL crash in the middle instead")
    asked = parser.parse_args()
    print(machine())
    if asked.kill:
        found = run_killed(base=asked.base, first=asked.first, last=asked.last)
    elif asked.restart:
        found = run_restarted(base=asked.base, first=asked.first, last=asked.last)
    else:
        found = run(asked.repeats, base=asked.base, first=asked.first, last=asked.last)
    print(markdown(found))


if __name__ == "__main__":
    main()
