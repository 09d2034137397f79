"""One daemon per data directory: whoever starts another is refused, until the first has ended, however it ended."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from amc_learning.cli import daemon_lock
from amc_learning.settings import Settings
from amc_learning_tests.cli.calling import amc

ROOT = Path(__file__).resolve().parents[2]
STARTER = """
import subprocess, sys
from pathlib import Path
from amc_learning.cli import daemon_lock
from amc_learning.settings import Settings
lock = daemon_lock.taken(Settings(data_dir=Path(sys.argv[1])))
daemon = subprocess.Popen(["sleep", "600"], pass_fds=(lock,), start_new_session=True, stdout=subprocess.DEVNULL)
print(daemon.pid, flush=True)
daemon.wait()
"""
"""A command that starts a program of its own and hands the lock on to it."""


@pytest.fixture
def settings(tmp_path, clean_environment):
    (tmp_path / "data" / "dagster").mkdir(parents=True)
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture
def started(settings):
    """A command that has started a daemon, and the process id of that."""
    command = [sys.executable, "-c", STARTER, str(settings.data_dir)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    daemon = int(process.stdout.readline())
    yield process, daemon
    process.kill()
    process.communicate()
    with contextlib.suppress(ProcessLookupError):
        os.kill(daemon, signal.SIGKILL)


def test_the_lock_stays_with_the_daemon_when_its_command_is_killed_and_ends_when_the_daemon_is(settings, started):
    process, daemon = started
    process.kill()
    process.wait()
    assert daemon_lock.taken(settings) is None
    os.kill(daemon, signal.SIGKILL)
    lock = daemon_lock.taken(settings)
    assert lock is not None
    os.close(lock)


def test_who_has_the_lock_next_knows_which_daemon_it_was_given_to_last(settings):
    first = daemon_lock.taken(settings)
    assert daemon_lock.last_daemon(first) == ""
    daemon_lock.remember_daemon(first, "a name that is longer")
    daemon_lock.remember_daemon(first, "a name")
    os.close(first)
    second = daemon_lock.taken(settings)
    assert daemon_lock.last_daemon(second) == "a name"
    os.close(second)


@pytest.mark.parametrize("words", [("up",), ("up", "--only", "daemon")], ids=" ".join)
def test_a_second_daemon_is_refused_in_one_sentence(settings, started, words):
    answer = amc(settings.data_dir, *words)
    assert answer.code == 1
    assert answer.complained.startswith("amc-learning: a daemon is at work on this data directory already")
    assert "nothing was started" in answer.complained
    assert len(answer.complained.splitlines()) == 1
    assert answer.said == ""
