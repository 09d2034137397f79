"""Two nights, a backfill and a person in Dagster's UI at once: what is left is what one after the other leaves.

Real processes on one data directory. The backfill has begun when the others start; each of them builds on its days, so
whoever did not wait for all of it would refuse, or decide on half of it.
"""

import fcntl
import subprocess
import sys
import threading

import pytest

from amc_learning.stages.turns import CYCLE_LOCK_NAME, sharing_turns, taking_turns, whole_cycle
from amc_learning_tests.acceptance.kill_study import LIMIT_SECONDS, copied, start
from amc_learning_tests.acceptance.loop import DAYS, child_environment, kept, open_warehouse, settings_for

N_BEFORE = 50
PERSON = """
import sys
from datetime import date
from amc_learning.settings import Settings
from amc_learning_tests.acceptance.loop import failures, run_through_dagster
result = run_through_dagster(Settings(), [date.fromisoformat(sys.argv[1])], assets=["daily_statistics"])
sys.exit(None if result.success else "; ".join(failures(result)))
"""


def is_held(lock):
    if not lock.exists():
        return False
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def wait_until_held(lock, process):
    for _ in range(int(LIMIT_SECONDS / 0.05)):
        assert process.poll() is None, process.stderr.read()
        if is_held(lock):
            return
        threading.Event().wait(0.05)
    pytest.fail("the backfill never held the cycle lock")


@pytest.fixture
def begun(fifty_days_base, tmp_path, clean_environment):
    return settings_for(copied(fifty_days_base, tmp_path / "data"))


@pytest.mark.slow
def test_two_nights_a_backfill_and_a_person_at_once_leave_what_one_after_the_other_leaves(begun, finished_base):
    first = start(begun.data_dir, ("backfill", "--from", str(DAYS[N_BEFORE]), "--to", str(DAYS[-2])))
    wait_until_held(begun.data_dir / "tables" / CYCLE_LOCK_NAME, first)
    others = [start(begun.data_dir, ("run", "daily", "--date", str(DAYS[-1]))) for _ in range(2)]
    others.append(
        subprocess.Popen(
            [sys.executable, "-c", PERSON, str(DAYS[-2])],
            env=child_environment(begun.data_dir),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
    )
    ended = {process: process.communicate(timeout=LIMIT_SECONDS)[1] for process in (first, *others)}
    assert [errors.decode() for process, errors in ended.items() if process.returncode] == []
    assert kept(begun) == kept(settings_for(finished_base))


def test_a_cycle_waits_for_the_cycle_before_it_and_a_stage_within_it_does_not(loaded):
    warehouse, seen = open_warehouse(loaded), []

    @taking_turns
    def stage(_, name):
        seen.append(name)

    def another():
        with whole_cycle(warehouse):
            stage(warehouse, "second")

    with whole_cycle(warehouse):
        waiting = threading.Thread(target=another)
        waiting.start()
        stage(warehouse, "first")
        assert seen == ["first"]
    waiting.join(LIMIT_SECONDS)
    assert seen == ["first", "second"]


def test_workers_who_share_their_turns_work_side_by_side_and_a_stage_alone_waits_for_both(loaded):
    warehouse, together, seen = open_warehouse(loaded), threading.Barrier(2, timeout=LIMIT_SECONDS), []

    @taking_turns
    def shared(_):
        together.wait()  # breaks where the other is not inside at the same time
        seen.append("shared")

    @taking_turns
    def alone(_):
        seen.append("alone")

    def worker():
        with sharing_turns():
            shared(warehouse)

    workers = [threading.Thread(target=worker) for _ in range(2)]
    for thread in workers:
        thread.start()
    for thread in workers:
        thread.join(LIMIT_SECONDS)
    alone(warehouse)
    assert seen == ["shared", "shared", "alone"]
