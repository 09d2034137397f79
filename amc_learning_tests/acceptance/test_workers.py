"""A backfill shared between workers: same bytes as one process, also when a worker is killed in the middle.

Real runs of Dagster's queue, taken by a real daemon that the command starts and ends.
"""

import sqlite3
from collections import Counter
from contextlib import closing

import pytest

from amc_learning_tests.acceptance.kill_study import LIMIT_SECONDS, start
from amc_learning_tests.acceptance.loop import DAYS, backfilled, kept, settings_for
from benchmarks.workers import kill_a_worker


def ended(data_dir):
    """How many runs Dagster remembers, by how they ended."""
    with closing(sqlite3.connect(data_dir / "dagster" / "history" / "runs.db")) as runs:
        return Counter(status for (status,) in runs.execute("SELECT status FROM runs"))


WORDS = ("backfill", "--from", str(DAYS[0]), "--to", str(DAYS[-1]), "--workers", "2", "--json")


@pytest.mark.slow
def test_two_workers_leave_the_bytes_of_one_process_though_one_of_them_is_killed(loaded, finished_base):
    process = start(loaded.data_dir, WORDS)
    kill_a_worker(loaded.data_dir, not_process=process.pid)
    _, errors = process.communicate(timeout=LIMIT_SECONDS)
    assert process.returncode == 0, errors.decode()
    assert kept(loaded) == kept(settings_for(finished_base))
    assert ended(loaded.data_dir)["FAILURE"] == 1


@pytest.mark.slow
def test_a_command_killed_as_a_whole_is_completed_by_the_same_command(loaded, finished_base):
    backfilled(loaded, DAYS[:-6]).inbox.close()
    words = ("backfill", "--from", str(DAYS[-12]), "--to", str(DAYS[-1]), "--workers", "2", "--json")
    process = start(loaded.data_dir, words)
    kill_a_worker(loaded.data_dir, not_process=process.pid)
    process.kill()
    process.communicate()
    again = start(loaded.data_dir, words)
    _, errors = again.communicate(timeout=LIMIT_SECONDS)
    assert again.returncode == 0, errors.decode()
    assert kept(loaded) == kept(settings_for(finished_base))
