"""Seven years shared between two workers: how much sooner the parallel stages are done, and whether the bytes agree.

Run it with `python -m benchmarks.workers`. The same ingested feed is backfilled by one process as it runs by default,
and by two workers of Dagster's queue, in turns, so that other work on the machine hits both. What is compared is the
time of the rounds that are parallel (stages/cycle.py), the start of each worker included; the whole commands besides.
With `--kill` a worker is killed with SIGKILL in the middle of each of them: the bytes must agree all the same.
"""

import argparse
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
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from amc_learning.stages.cycle import Round, daily_stages
from benchmarks.feed import FIRST_DAY, LAST_DAY, ingest, is_missing
from benchmarks.results import Measured, at_most, informing, machine, markdown

N_REPEATS = 2
MAX_RATIO = 0.65
CHECKOUT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Took:
    """Seconds of the parallel rounds, of all rounds, and of the whole command; the bytes it left."""

    parallel: float
    rounds: float
    command: float
    bytes_left: Mapping[str, str]


def run(n_repeats: int = N_REPEATS, *, base: Path | None = None, first: date = FIRST_DAY) -> list[Measured]:
    """All figures; none without the feed.

    Args:
        n_repeats: pairs of one process and two workers.
        base: a data directory that holds the ingested feed already.
        first: the first day to backfill.
    """
    if is_missing():
        return []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if base is None:
            base = folder / "base"
            ingest(base, folder, FIRST_DAY)
        pairs = []
        for _ in range(n_repeats):
            pairs.append([backfill(base, folder / "copy", n_workers, first) for n_workers in (1, 2)])
            print(*(f"{took.parallel:.0f} of {took.rounds:.0f} s" for took in pairs[-1]), sep="; ", flush=True)
    n_differing = sum(len(differing(one.bytes_left, two.bytes_left)) for one, two in pairs)
    ratio = statistics.median(two.parallel / one.parallel for one, two in pairs)
    whole = statistics.median(two.command / one.command for one, two in pairs)
    how = f"{first} to {LAST_DAY}, median of {n_repeats} pairs of commands in turns"
    one, two = pairs[-1]
    return [
        at_most("parallel stages, two workers to one process", ratio, "x", MAX_RATIO, how),
        informing("the whole command, two workers to one process", whole, "x", how),
        informing("parallel stages, one process", one.parallel, "s", f"{one.parallel / one.rounds:.0%} of its stages"),
        informing("parallel stages, two workers", two.parallel, "s", "starts of the workers included"),
        at_most("files that differ", n_differing, "files", 0, f"of {len(one.bytes_left):,} tables and documents"),
    ]


def backfill(base: Path, copy: Path, n_workers: int, first: date) -> Took:
    """One command on a fresh copy of the feed."""
    shutil.copytree(base, copy)
    started = time.perf_counter()
    process = start(copy, n_workers, first)
    said, _ = process.communicate()
    seconds = time.perf_counter() - started
    if process.returncode:
        raise SystemExit(f"backfill by {n_workers} ended with {process.returncode}")
    took = Took(*_sums(json.loads(said)["stages"]), seconds, left(copy))
    shutil.rmtree(copy)
    return took


def start(data_dir: Path, n_workers: int, first: date) -> "subprocess.Popen[bytes]":
    """The command, as a person would run it."""
    words = ["backfill", "--from", first, "--to", LAST_DAY, "--workers", n_workers, "--json"]
    environment = {**os.environ, "AMC_LEARNING_DATA_DIR": str(data_dir)}
    asked = [sys.executable, "-m", "amc_learning", *map(str, words)]
    return subprocess.Popen(asked, env=environment, cwd=CHECKOUT, stdout=subprocess.PIPE)


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
        if path.suffix != ".lock" and path.name != ".lock" and "pages" not in path.parts
    }


def differing(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """Files that only one has, or that differ."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def killed(base: Path, folder: Path, first: date, *, after_seconds: float) -> list[str]:
    """Files that differ from an undisturbed backfill after a worker was killed in the middle."""
    undisturbed = backfill(base, folder / "undisturbed", 1, first).bytes_left
    copy = folder / "killed"
    shutil.copytree(base, copy)
    process = start(copy, 2, first)
    time.sleep(after_seconds)
    print(f"killed {kill_a_worker(copy, not_process=process.pid)} after {after_seconds:.0f} s", flush=True)
    process.communicate()
    if process.returncode:
        raise SystemExit(f"the backfill ended with {process.returncode} after its worker was killed")
    return differing(undisturbed, left(copy))


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
    """Processes that hold the turn of this data directory open: those at work on a part."""
    lock = str(data_dir / "tables" / ".cycle.lock")
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if any(str(link.readlink()) == lock for link in (entry / "fd").iterdir()):
                    found.append(int(entry.name))
            except OSError:
                continue  # it ended meanwhile
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=N_REPEATS)
    parser.add_argument("--base", type=Path, help="a data directory that holds the ingested feed")
    parser.add_argument("--first", type=date.fromisoformat, default=FIRST_DAY)
    parser.add_argument("--kill", type=float, metavar="SECONDS", help="kill a worker after so many seconds instead")
    asked = parser.parse_args()
    print(machine())
    if asked.kill is None:
        print(markdown(run(asked.repeats, base=asked.base, first=asked.first)))
        return
    with tempfile.TemporaryDirectory() as name:
        base = asked.base or Path(name) / "base"
        if asked.base is None:
            ingest(base, Path(name), FIRST_DAY)
        print(f"{len(killed(base, Path(name), asked.first, after_seconds=asked.kill))} files differ")


if __name__ == "__main__":
    main()
