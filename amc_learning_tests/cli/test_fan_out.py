"""How workers of a backfill end tells its command what to say. The queue is Dagster's, the worker played by the test.

Workers at work, killed and without a database: acceptance/test_workers.py.
"""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from time import monotonic, time

import dagster as dg
import pytest
from dagster._daemon.types import DaemonHeartbeat

from amc_learning.automation.backfill_worker import RANGE_TAG
from amc_learning.cli import fan_out
from amc_learning.cli.dagster_runs import dagster_instance
from amc_learning.cli.fan_out import FanOutError, run_fan_out
from amc_learning.settings import Settings
from amc_learning.stages.cycle import Round
from amc_learning.stages.shared_range import SharedRange, parts_of
from amc_learning_tests.acceptance.loop import DAYS, open_warehouse

FEW_DAYS = DAYS[:3]
LIMIT_SECONDS = 60


@pytest.fixture
def settings(tmp_path, clean_environment):
    """Of an empty data directory."""
    return Settings(data_dir=tmp_path / "data")


def beat(instance):
    """As a daemon of another machine says that it is alive."""
    instance.add_daemon_heartbeat(DaemonHeartbeat(time(), "QUEUED_RUN_COORDINATOR", "elsewhere", []))


def queued(instance):
    """The run of the one worker, once it lies in the queue."""
    deadline = monotonic() + LIMIT_SECONDS
    while not (runs := instance.get_runs(filters=dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED]))):
        assert monotonic() < deadline, "the command has put no worker into the queue"
        beat(instance)
        Event().wait(0.1)
    return runs[0]


@contextmanager
def begun(settings):
    """A command with one worker, whose run lies in the queue; the instance, and what becomes of the command."""
    with ThreadPoolExecutor(1) as beside, dagster_instance(settings) as instance:
        beat(instance)
        command = beside.submit(run_fan_out, settings, FEW_DAYS, 1, say=lambda _: None)
        yield instance, queued(instance), command


def report(instance, run, kind, message=""):
    """As the worker of this run tells of itself."""
    instance.report_dagster_event(dg.DagsterEvent(kind.value, run.job_name, message=message), run.run_id)


def told(settings, kind, message):
    """What the command says when its only worker tells this before anything was done, and no more."""
    with begun(settings) as (instance, run, command):
        report(instance, run, kind, message)
        with pytest.raises(FanOutError) as refused:
            command.result(timeout=LIMIT_SECONDS)
    return str(refused.value)


def test_workers_that_all_ended_well_before_all_was_done_are_not_waited_for(settings):
    said = told(settings, dg.DagsterEventType.RUN_SUCCESS, "nobody waited")
    assert said.startswith("the workers ended before all parts were done")
    assert said.endswith("Run the same command again")
    assert not list(settings.data_dir.glob("shared_ranges/*")), "a range that nobody asks for any more is forgotten"


def test_a_worker_that_was_cancelled_ends_the_command_and_is_named(settings):
    said = told(settings, dg.DagsterEventType.RUN_CANCELED, "by hand")
    assert said.startswith("worker 1 of 1: the run ended as canceled; the parts that were done are stored.")


def test_a_worker_that_vanished_with_its_machine_is_not_waited_for_while_parts_are_left(settings, monkeypatch):
    """Its run stands as started for ever, and nobody has a part."""
    monkeypatch.setattr(fan_out, "CLAIM_SECONDS", 0.5)
    monkeypatch.setattr(fan_out, "PATIENCE_SECONDS", 2.0)
    said = told(settings, dg.DagsterEventType.RUN_START, "and gone")
    assert said.startswith("no worker takes runs from Dagster's queue, or is at work on one")
    assert said.endswith("then run the same command again")


def test_a_worker_that_is_long_at_a_part_is_waited_for(settings, monkeypatch):
    monkeypatch.setattr(fan_out, "CLAIM_SECONDS", 0.5)
    monkeypatch.setattr(fan_out, "PATIENCE_SECONDS", 2.0)
    with begun(settings) as (instance, run, command):
        report(instance, run, dg.DagsterEventType.RUN_START)
        shared = SharedRange(open_warehouse(settings), run.tags[RANGE_TAG])
        with shared.claimed(parts_of(Round.COLLECT, FEW_DAYS, 1)[0]):
            Event().wait(4)
            assert not command.done()
        with pytest.raises(FanOutError):
            command.result(timeout=LIMIT_SECONDS)


def test_a_worker_that_vanished_is_not_waited_for_once_all_is_done_and_its_run_is_ended(settings, monkeypatch):
    monkeypatch.setattr(fan_out, "END_SECONDS", 1.0)
    with begun(settings) as (instance, run, command):
        report(instance, run, dg.DagsterEventType.RUN_START)
        shared = SharedRange(open_warehouse(settings), run.tags[RANGE_TAG])
        for round_ in Round:
            for part in parts_of(round_, FEW_DAYS, 1):
                shared.mark(part)
        assert list(command.result(timeout=LIMIT_SECONDS)) == [str(round_) for round_ in Round]
        assert instance.get_run_by_id(run.run_id).status is dg.DagsterRunStatus.CANCELED
