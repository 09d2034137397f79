"""kill -9 at random moments of every writing command, on the real feed: what is lost, what is half, what comes out?

Run by hand; the quick form, on a small simulated market, runs in the tests:

    python -m amc_learning_tests.acceptance.kill_study --kills 20 --seed 0 --workspace DIR

Every round starts from the same data directory, kills the command, looks at what lies there, runs the command again to
its end, and compares with a run that nobody disturbed.
"""

# ruff: noqa: T201 - a study reports to the terminal.

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from time import perf_counter

import numpy as np
import polars as pl

from amc_learning.contracts.knowledge_days import knowledge_days
from amc_learning.warehouse import Warehouse
from amc_learning.warehouse.leftovers import sweep, sweep_unfinished
from amc_learning_tests.acceptance.loop import FEED, child_environment, open_warehouse, settings_for, tree

COMMAND = "from amc_learning.cli import main; main()"
"""What the installed `amc-learning` runs."""

SELF_KILL = """
import os, signal, sys
left, among = [int(sys.argv.pop(1))], sys.argv.pop(1)
def watch(event, arguments):
    if event == "os.rename" and among in str(arguments[1]):
        left[0] -= 1
        if left[0] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(watch)
"""
"""Dies before its n-th rename to such a path: the moments at which a file is about to come into force."""

LIMIT_SECONDS = 300.0
"""A run that takes longer waits for something that a killed run never gave back."""


@dataclass(frozen=True)
class Scenario:
    """A command to kill, and the data directory it starts from."""

    name: str
    base: Path
    arguments: Sequence[str]


@dataclass
class Findings:
    """What was seen over the rounds of one scenario; every list of troubles should be empty."""

    n_kills: int = 0
    n_died: int = 0
    n_orphans: int = 0
    seconds: list[float] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)


def copied(base: Path, to: Path) -> Path:
    """A data directory like `base`; partitions, which are replaced and never changed, are linked and not copied."""

    def copy(source: str, target: str) -> None:
        (os.link if source.endswith(".parquet") else shutil.copy2)(source, target)

    shutil.copytree(base, to, copy_function=copy)
    return to


@dataclass(frozen=True)
class Rename:
    """The n-th rename that a command makes to a path with these letters in it."""

    number: int
    among: str = ""


def start(data_dir: Path, arguments: Sequence[str], *, until: Rename | None = None) -> subprocess.Popen[bytes]:
    """The command as a process of its own; with `until` it kills itself just before."""
    program = COMMAND if until is None else SELF_KILL + COMMAND
    words = [sys.executable, "-c", program, *([] if until is None else [str(until.number), until.among]), *arguments]
    return subprocess.Popen(words, env=child_environment(data_dir), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def finish(data_dir: Path, arguments: Sequence[str], *, limit_seconds: float = LIMIT_SECONDS) -> str | None:
    """Run the command to its end; what went wrong, or None."""
    process = start(data_dir, arguments)
    try:
        _, errors = process.communicate(timeout=limit_seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return f"did not end within {limit_seconds:.0f} s"
    return None if process.returncode == 0 else f"exit {process.returncode}: {errors.decode()[-400:]}"


def killed(
    data_dir: Path, arguments: Sequence[str], *, after: float | None = None, until: Rename | None = None
) -> bool:
    """Start the command and kill it; False when it had already ended."""
    process = start(data_dir, arguments, until=until)
    try:
        process.communicate(timeout=LIMIT_SECONDS if after is None else after)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
    return process.returncode < 0


Content = Mapping[str, Mapping[str, object]]


def content(data_dir: Path) -> Content:
    """Everything a reader could see: bytes of tables and documents; raw events without their time of receipt."""
    warehouse = open_warehouse(settings_for(data_dir))
    tables = {name: digest for name, digest in tree(data_dir / "tables").items() if "discovery_events" not in name}
    events = warehouse.table("discovery_events").read(None, None).drop("received_at")
    documents = tree(data_dir / "published")
    warehouse.inbox.close()
    by_id = {row["event_id"]: row for row in events.iter_rows(named=True)}
    return {"tables": tables, "documents": documents, "events": by_id}


def differences(found: Content, expected: Content, n_named: int = 5) -> list[str]:
    """Each part that differs, with the first names that do."""
    said = []
    for part, now in found.items():
        before = expected[part]
        names = sorted(name for name in now.keys() | before.keys() if now.get(name) != before.get(name))
        if names:
            said.append(f"{part} differ from the undisturbed run: {len(names)}, {', '.join(names[:n_named])}")
    return said


def event_ids(warehouse: Warehouse) -> list[str]:
    """Identifiers of all events in raw partitions and still in the inbox."""
    drained = warehouse.table("discovery_events").read(None, None, columns=["event_id"])["event_id"].to_list()
    return drained + warehouse.inbox.pending("discovery", 1_000_000)["event_id"].to_list()


def examined_after_kill(data_dir: Path) -> tuple[set[str], list[str]]:
    """Identifiers durable at the moment of the kill, and what is damaged already then."""
    warehouse = open_warehouse(settings_for(data_dir))
    damaged = [line for table in warehouse.tables.values() for line in table.damaged()]
    durable = set(event_ids(warehouse))
    warehouse.inbox.close()
    return durable, [f"damaged by the kill: {line}" for line in damaged]


def examined_after_recovery(data_dir: Path, durable: set[str], undisturbed: Content) -> tuple[int, list[str]]:
    """Files a sweep had to remove, and everything that differs from an undisturbed run."""
    warehouse = open_warehouse(settings_for(data_dir))
    troubles = [f"damaged after recovery: {line}" for table in warehouse.tables.values() for line in table.damaged()]
    ids = event_ids(warehouse)
    if len(ids) != len(set(ids)):
        troubles.append(f"{len(ids) - len(set(ids))} events lie there twice")
    if not durable <= set(ids):
        troubles.append(f"{len(durable - set(ids))} durable events are lost")
    n_pending = warehouse.inbox.n_pending()
    if n_pending:
        troubles.append(f"{n_pending} events are still pending")
    n_orphans = sum(len(sweep(table)) for table in warehouse.tables.values()) + len(sweep_unfinished(data_dir))
    warehouse.inbox.close()
    return n_orphans, troubles + differences(content(data_dir), undisturbed)


def rounds(
    scenario: Scenario,
    workspace: Path,
    *,
    n_kills: int,
    random: np.random.Generator,
    say: Callable[[str], None] = print,
) -> Findings:
    """Kill the command of a scenario `n_kills` times, each time from the same start, and look."""
    found = Findings()
    reference = copied(scenario.base, workspace / "undisturbed")
    started = perf_counter()
    trouble = finish(reference, scenario.arguments)
    duration = perf_counter() - started
    if trouble:
        found.troubles.append(f"undisturbed run: {trouble}")
        return found
    undisturbed = content(reference)
    shutil.rmtree(reference)
    for number in range(3 * n_kills):
        if found.n_died == n_kills:
            break
        after = float(random.uniform(0.15, 1.0)) * duration
        data_dir = copied(scenario.base, workspace / f"round{number}")
        found.n_kills += 1
        if killed(data_dir, scenario.arguments, after=after):
            found.n_died += 1
        else:
            duration = min(duration, after)  # the machine was busier when the undisturbed run was timed
        durable, troubles = examined_after_kill(data_dir)
        started = perf_counter()
        trouble = finish(data_dir, scenario.arguments)
        found.seconds.append(perf_counter() - started)
        if trouble:
            troubles.append(f"next run: {trouble}")
        else:
            n_orphans, more = examined_after_recovery(data_dir, durable, undisturbed)
            found.n_orphans += n_orphans
            troubles += more
        found.troubles += [
            f"{scenario.name}, killed after {after:.2f} s of {duration:.2f} s: {line}" for line in troubles
        ]
        say(f"{scenario.name} {number}: killed after {after:.2f} s of {duration:.2f} s; {troubles or 'good'}")
        shutil.rmtree(data_dir)
    return found


def real_scenarios(workspace: Path, night: date = date(2014, 12, 15)) -> list[Scenario]:
    """The writing commands on the real feed, a year of history before the nights that are killed."""
    empty, loaded = workspace / "empty", workspace / "loaded"
    empty.mkdir()
    bars = workspace / "bars.parquet"
    pl.read_parquet(FEED / "bars.parquet").filter(pl.col("date") >= date(2013, 10, 1)).write_parquet(bars)
    for arguments in (
        ("ingest", "bars", str(bars)),
        ("ingest", "discovery", str(FEED / "feed/discovery.ndjson.gz")),
        ("backfill", "--from", "2014-01-02", "--to", str(knowledge_days(date(2014, 1, 2), night)[-6])),
    ):
        if trouble := finish(loaded, arguments):
            raise RuntimeError(f"preparing the study: {arguments}: {trouble}")
    return [
        Scenario("ingest bars", empty, ("ingest", "bars", str(FEED / "bars.parquet"))),
        Scenario("ingest discovery", empty, ("ingest", "discovery", str(FEED / "feed/discovery.ndjson.gz"))),
        Scenario("run daily", loaded, ("run", "daily", "--date", str(night))),
        Scenario("run daily range", loaded, ("run", "daily", "--from", "2014-12-09", "--to", str(night))),
        Scenario("backfill", loaded, ("backfill", "--from", "2014-09-01", "--to", str(night))),
    ]


def main() -> None:
    """Run the study and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workspace", type=Path)
    parser.add_argument("--only", nargs="*", help="names of scenarios")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.workspace) as folder:
        workspace = Path(folder)
        for number, scenario in enumerate(real_scenarios(workspace)):
            if arguments.only and scenario.name not in arguments.only:
                continue
            random = np.random.default_rng([arguments.seed, number])
            found = rounds(scenario, workspace, n_kills=arguments.kills, random=random)
            print(
                f"== {scenario.name}: {found.n_kills} kills, {found.n_died} while running, {found.n_orphans} orphans "
                f"left to a sweep, next run {np.mean(found.seconds):.1f} s on average, {len(found.troubles)} troubles",
                flush=True,
            )
            for line in found.troubles:
                print(f"   {line}", flush=True)


if __name__ == "__main__":
    main()
