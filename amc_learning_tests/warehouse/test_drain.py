"""Draining, and the promise of the inbox under kill -9: acknowledged is kept, once, and no partition is half."""

import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from amc_learning.contracts.tables import catalogue
from amc_learning.warehouse.drain import DrainReport, drain
from amc_learning.warehouse.inbox import Inbox
from amc_learning.warehouse.leftovers import sweep
from amc_learning.warehouse.tables import PartitionedTable

from .samples import day, event

ROOT = Path(__file__).resolve().parents[2]
DISCOVERY_EVENTS = catalogue(("technical", "options"))["discovery_events"]


@pytest.fixture
def inbox(tmp_path):
    inbox = Inbox(f"sqlite:///{tmp_path / 'events.sqlite'}")
    yield inbox
    inbox.close()


@pytest.fixture
def table(tmp_path):
    return PartitionedTable(tmp_path / "tables", DISCOVERY_EVENTS)


def test_events_move_into_the_partitions_of_their_days_verbatim(inbox, table):
    events = [event(number) for number in range(12)]
    inbox.append([*events, event(1, kind="trade")])
    assert drain(inbox, table, "discovery", batch=5) == DrainReport(12, tuple(day(number) for number in range(5)))
    assert inbox.n_pending("discovery") == 0
    assert inbox.n_pending("trade") == 1
    stored = {row["event_id"]: row for row in table.read(None, None).rows(named=True)}
    for sent in events:
        assert stored[sent.event_id] == {name: getattr(sent, name) for name in DISCOVERY_EVENTS.column_names}


def test_nothing_pending_drains_nothing(inbox, table):
    assert drain(inbox, table, "discovery") == DrainReport(0, ())
    assert not table.folder.exists()


def test_a_crash_between_the_two_commits_repeats_without_a_trace(inbox, table):
    inbox.append([event(number) for number in range(12)])
    table.merge(inbox.pending("discovery", 7).select(DISCOVERY_EVENTS.column_names))
    before = table.fingerprint(None, None)
    again = inbox.pending("discovery", 7)
    assert table.merge(again.select(DISCOVERY_EVENTS.column_names)).n_changed == 0
    assert table.fingerprint(None, None) == before
    drain(inbox, table, "discovery")
    assert sorted(table.read(None, None)["event_id"]) == sorted(event(number).event_id for number in range(12))


WORKER = """
import sys
from pathlib import Path
from amc_learning.contracts.tables import catalogue
from amc_learning.warehouse.drain import drain
from amc_learning.warehouse.inbox import Inbox
from amc_learning.warehouse.tables import PartitionedTable
from amc_learning_tests.warehouse.samples import event

folder, first = Path(sys.argv[1]), int(sys.argv[2])
inbox = Inbox(f"sqlite:///{folder / 'events.sqlite'}")
table = PartitionedTable(folder / "tables", catalogue(("technical", "options"))["discovery_events"])
print("ready", flush=True)
number = first
while True:
    for _ in range(4):
        receipts = inbox.append([event(each, payload="x" * 3000 + str(each)) for each in range(number, number + 10)])
        print(*(receipt.event_id for receipt in receipts), flush=True)
        number += 10
    print("draining", flush=True)
    drain(inbox, table, "discovery", batch=15)
    print("drained", flush=True)
"""


def killed_worker(folder, first, n_lines):
    """Identifiers a worker acknowledged before it was killed with SIGKILL after so many lines, and its last words."""
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(folder), str(first)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    lines = [process.stdout.readline() for _ in range(n_lines)]
    process.kill()
    lines += process.stdout.readlines()
    process.wait()
    process.stdout.close()
    acknowledged = {word for line in lines if line.endswith("\n") for word in line.split() if word.startswith("event-")}
    return acknowledged, lines[-1].strip()


def test_killed_at_24_random_moments_nothing_acknowledged_is_lost_or_doubled(tmp_path, table):
    """The moment is random in kind (how many steps were announced) and, by the race of the signal, within the step.

    Two workers at a time share the store, so that one is killed while the other writes or waits for its lock.
    """
    moments = random.Random(20)
    plan = [(turn * 100_000, moments.randint(1, 14)) for turn in range(24)]

    def kill_one(turn):
        outcome = killed_worker(tmp_path, *turn)
        # whatever is there is whole, at once, without any repair
        return *outcome, table.damaged()

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(kill_one, plan))
    acknowledged = {identifier for identifiers, _, _ in outcomes for identifier in identifiers}
    interrupted = [last_words for _, last_words, _ in outcomes]
    assert [damage for _, _, damage in outcomes if damage] == []
    assert "draining" in interrupted, "no kill fell into a drain: the test shows nothing"
    assert any(words.startswith("event-") for words in interrupted), "no kill fell between two batches"

    inbox = Inbox(f"sqlite:///{tmp_path / 'events.sqlite'}")
    drain(inbox, table, "discovery")
    stored = table.read(None, None)
    identifiers = stored["event_id"].to_list()
    assert len(identifiers) == len(set(identifiers)), "doubled"
    assert acknowledged <= set(identifiers), "lost"
    assert inbox.counts()["discovery"].n_events == len(identifiers)
    for row in stored.rows(named=True):
        number = int(row["event_id"].removeprefix("event-"))
        assert row["payload"] == "x" * 3000 + str(number)
        assert row["known_on"] == day(number % 5)
    sweep(table)
    assert {path.name for path in table.folder.glob("known_on=*/*")} == {entry.file for entry in table.entries()}
    inbox.close()
