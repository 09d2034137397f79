"""A backfill shared between workers: same bytes as one process, whatever is killed or restarted in the middle.

Real runs of Dagster's queue, taken by a real daemon that the command starts and ends. They are processes of this
machine, or are given to Celery workers through a Redis server.
"""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from time import monotonic

import pytest
import sqlalchemy as sa

from amc_learning_tests.acceptance.kill_study import COMMAND, LIMIT_SECONDS, start
from amc_learning_tests.acceptance.loop import (
    DAYS,
    backfilled,
    child_environment,
    environment,
    ingested,
    kept,
    settings_for,
)
from amc_learning_tests.ports import free_port
from amc_learning_tests.service.postgres import postgres_server
from benchmarks.workers import kill_a_worker, workers_of

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
FEW_DAYS = DAYS[:20]
ENDS = {"SUCCESS", "FAILURE", "CANCELED"}


def how_runs_ended(data_dir):
    """The status of every run that Dagster remembers, first to last."""
    with closing(sqlite3.connect(data_dir / "dagster" / "history" / "runs.db")) as runs:
        return [status for (status,) in runs.execute("SELECT status FROM runs ORDER BY id")]


def wait_until_nobody_works(settings):
    """A worker that is told to end takes a moment, and could be taken for one of the next command."""
    deadline = monotonic() + LIMIT_SECONDS
    while workers_of(settings.data_dir):
        assert monotonic() < deadline, "the workers outlive their command"
        threading.Event().wait(0.05)


WORDS = ("backfill", "--from", str(DAYS[0]), "--to", str(DAYS[-1]), "--workers", "2", "--json")


@pytest.mark.slow
def test_though_the_command_was_killed_and_then_a_worker_two_workers_leave_the_bytes_of_one_process(
    loaded, finished_base
):
    """Each start costs most of a minute, so both accidents come one after the other."""
    killed = start(loaded.data_dir, WORDS)
    kill_a_worker(loaded.data_dir, not_process=killed.pid)
    killed.kill()
    killed.communicate()
    wait_until_nobody_works(loaded)
    n_before = len(how_runs_ended(loaded.data_dir))

    again = start(loaded.data_dir, WORDS)
    kill_a_worker(loaded.data_dir, not_process=again.pid)
    _, errors = again.communicate(timeout=LIMIT_SECONDS)
    assert again.returncode == 0, errors.decode()
    assert kept(loaded) == kept(settings_for(finished_base))
    statuses = how_runs_ended(loaded.data_dir)
    assert set(statuses) <= ENDS, "a worker of the killed command takes a place in the queue"
    assert statuses[n_before:].count("SUCCESS") < len(statuses[n_before:]), "the killed one did not succeed"


@pytest.fixture
def server():
    with postgres_server() as started:
        yield started


@pytest.fixture
def places(server, tmp_path, clean_environment):
    """Environment of a backfill whose inbox, turns and Dagster's storage are on the server."""
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(DEPLOY / "postgres" / "dagster.yaml", home / "dagster.yaml")
    return {
        "AMC_LEARNING_INBOX_URL": server.url,
        "AMC_LEARNING_TURNS": "database",
        "AMC_LEARNING_DAGSTER_POSTGRES_URL": server.database("dagster"),
        "AMC_LEARNING_DAGSTER_DIR": str(home),
        "DAGSTER_HOME": str(home),
    }


@pytest.fixture(scope="module")
def alone(ingested_base, tmp_path_factory):
    """What one process makes of few days."""
    settings = settings_for(tmp_path_factory.mktemp("alone") / "data")
    shutil.copytree(ingested_base, settings.data_dir)
    backfilled(settings, FEW_DAYS).inbox.close()
    return settings


def asked(places, statement):
    """The first column of what Dagster's storage answers; nothing while it has no such table."""
    engine = sa.create_engine(places["AMC_LEARNING_DAGSTER_POSTGRES_URL"], poolclass=sa.NullPool)
    try:
        with engine.connect() as connection:
            return list(connection.execute(sa.text(statement)).scalars())
    except sa.exc.ProgrammingError:
        return []


def begun(settings, places):
    words = ("backfill", "--from", str(FEW_DAYS[0]), "--to", str(FEW_DAYS[-1]), "--workers", "2")
    program = [sys.executable, "-W", "ignore", "-c", COMMAND, *words]
    environment = child_environment(settings.data_dir, places)
    return subprocess.Popen(program, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def shared_rounds(settings):
    """Ranges that workers share now, of which the rounds up to one that is parallel are done."""
    return {mark.parent for mark in settings.data_dir.glob("shared_ranges/*/settle_*.done")}


def wait_for_workers_side_by_side(settings, command):
    """Until they are in the middle of a round that two share."""
    deadline = monotonic() + LIMIT_SECONDS
    while not shared_rounds(settings):
        assert command.poll() is None, command.communicate()[1].decode()
        assert monotonic() < deadline, "no worker began"
        threading.Event().wait(0.05)


@pytest.mark.slow
def test_a_database_that_crashes_ends_the_command_in_words_and_the_same_command_completes_it(
    server, places, alone, files, tmp_path
):
    """Inbox, turns and Dagster's storage go at once: first until the command has ended, then for a moment."""
    with environment(**places):
        settings = ingested(files, tmp_path / "data")

    for is_away_until_the_command_ends in (True, False):
        command = begun(settings, places)
        wait_for_workers_side_by_side(settings, command)
        if is_away_until_the_command_ends:
            server.stop("immediate")
        else:
            server.restart("immediate")
        _, errors = command.communicate(timeout=LIMIT_SECONDS)
        assert command.returncode == 1, "the turn was lost, and nothing was said"
        assert "run the same command again" in errors.decode().lower()
        assert "Traceback" not in errors.decode()
        if is_away_until_the_command_ends:
            server.start()

    last = begun(settings, places)
    _, errors = last.communicate(timeout=LIMIT_SECONDS)
    assert last.returncode == 0, errors.decode()
    assert kept(settings) == kept(alone)
    assert set(asked(places, "SELECT status FROM runs")) <= ENDS, "a lost worker takes a place in the queue"


@contextmanager
def running(words, **options):
    """A program for a while; it is told to end, and has ended afterwards."""
    program = subprocess.Popen(words, **options)
    try:
        yield program
    finally:
        program.terminate()
        program.communicate(timeout=LIMIT_SECONDS)


@pytest.fixture
def broker(tmp_path):
    """The address of a Redis server of the test's own."""
    pytest.importorskip("dagster_celery", reason="needs dagster-celery: pip install 'amc-learning[workers]'")
    if (server := shutil.which("redis-server")) is None:
        pytest.skip("needs a Redis server (redis-server on the path), none is installed")
    port = free_port()
    words = [server, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    with running(words, stdout=subprocess.DEVNULL):
        yield f"redis://127.0.0.1:{port}/0"


CELERY = [
    *("-m", "celery", "-A", "dagster_celery.app", "worker", "--concurrency", "1", "-Q", "dagster"),
    *("--loglevel", "INFO", "--hostname"),
]
READY, AT_WORK = " ready.", "received"


def wait_until_each_says(words, logs):
    deadline = monotonic() + LIMIT_SECONDS
    while not all(words in log.read_text() for log in logs):
        assert monotonic() < deadline, [log.read_text() for log in logs]
        threading.Event().wait(0.1)


@pytest.mark.slow
def test_of_two_workers_of_celery_one_vanishes_and_the_bytes_are_those_of_one_process(
    places, broker, alone, files, tmp_path
):
    """As with its machine: Celery and Dagster go on to take its run for one under way."""
    shutil.copy(DEPLOY / "workers" / "dagster.yaml", places["DAGSTER_HOME"])
    path = os.pathsep.join([str(DEPLOY / "workers"), str(ROOT)])
    places |= {"AMC_LEARNING_BROKER_URL": broker, "POLARS_MAX_THREADS": "1", "PYTHONPATH": path}
    with environment(**places):
        settings = ingested(files, tmp_path / "data")

    variables = child_environment(settings.data_dir, places)
    logs = [tmp_path / "first.log", tmp_path / "second.log"]
    options = {"env": variables, "stdout": subprocess.DEVNULL, "start_new_session": True}
    with ExitStack() as workers:
        programs = []
        for log in logs:
            words = [sys.executable, "-W", "ignore", *CELERY, log.stem]
            said = workers.enter_context(log.open("wb"))
            programs.append(workers.enter_context(running(words, stderr=said, **options)))
        wait_until_each_says(READY, logs)
        command = begun(settings, places)
        wait_until_each_says(AT_WORK, logs)
        wait_for_workers_side_by_side(settings, command)
        os.killpg(programs[0].pid, signal.SIGKILL)
        _, errors = command.communicate(timeout=LIMIT_SECONDS)
    assert command.returncode == 0, errors.decode()
    assert kept(settings) == kept(alone)
    assert sorted(asked(places, "SELECT status FROM runs")) == ["CANCELED", "SUCCESS"]
