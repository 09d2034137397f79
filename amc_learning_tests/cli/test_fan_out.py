"""How workers of a backfill end tells its command what to say. The queue is Dagster's, the worker played by the test.

Workers at work, killed and without a database: acceptance/test_workers.py.
"""

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from time import monotonic, time

import dagster as dg
import pytest
from dagster._daemon.types import DaemonHeartbeat

from amc_learning.cli.dagster_runs import dagster_instance
from amc_learning.cli.fan_out import FanOutError, run_fan_out
from amc_learning.settings import Settings
from amc_learning_tests.acceptance.loop import DAYS

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


def told(settings, end, message):
    """What the command says when its only worker ends like this before anything was done."""
    with ThreadPoolExecutor(1) as beside, dagster_instance(settings) as instance:
        beat(instance)
        command = beside.submit(run_fan_out, settings, DAYS[:3], 1, say=lambda _: None)
        run = queued(instance)
        instance.report_dagster_event(dg.DagsterEvent(end.value, run.job_name, message=message), run.run_id)
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
