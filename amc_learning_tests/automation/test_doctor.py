"""The doctor's questions to a real instance of Dagster: daemon, switches, runs that are stuck."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteInstigatorOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, ScheduleInstigatorData
from dagster._daemon.types import DaemonHeartbeat

from amc_learning.automation.doctor import (
    DAEMONS,
    LONGEST_QUEUE,
    LONGEST_QUIET_RUN,
    LONGEST_SILENCE,
    examine_dagster,
    switches,
)
from amc_learning.definitions import build_defs
from amc_learning.settings import Automation, Settings

SECOND = timedelta(seconds=1)


@pytest.fixture
def instance(tmp_path):
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield instance


@pytest.fixture
def settings(tmp_path, clean_environment):
    return Settings(data_dir=tmp_path / "data")


def look(instance, settings, now=None):
    return {one.subject: one for one in examine_dagster(instance, settings, now=now)}


def beat(instance, at, errors=()):
    for kind in DAEMONS:
        instance.add_daemon_heartbeat(DaemonHeartbeat(at.timestamp(), kind, "1", list(errors)))


def on(settings):
    return settings.model_copy(update={"automation": Automation(daily_schedule_is_on=True)})


def test_every_schedule_and_sensor_there_is_has_its_switch(settings):
    definitions = build_defs(settings=settings)
    assert set(switches(settings.automation)) == {one.name for one in (*definitions.schedules, *definitions.sensors)}


def test_where_nothing_is_on_no_daemon_is_needed(instance, settings):
    assert all(one.is_ok for one in look(instance, settings).values())


def test_a_schedule_that_is_on_needs_a_daemon_that_lives(instance, settings):
    now = datetime.now(UTC)
    silent = look(instance, on(settings), now)["daemon"]
    assert not silent.is_ok
    assert "daily_correction_schedule" in silent.finding
    assert "amc-learning up" in silent.remedy
    beat(instance, now)
    assert look(instance, on(settings), now + LONGEST_SILENCE)["daemon"].is_ok
    assert not look(instance, on(settings), now + LONGEST_SILENCE + SECOND)["daemon"].is_ok


def test_a_switch_in_the_ui_against_the_settings_is_told(instance, settings):
    location = RegisteredCodeLocationOrigin("amc_learning.definitions")
    origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "__repository__"), "daily_correction_schedule")
    instance.add_instigator_state(
        InstigatorState(origin, InstigatorType.SCHEDULE, InstigatorStatus.STOPPED, ScheduleInstigatorData("30 0 * * *"))
    )
    found = look(instance, on(settings))["schedules"]
    assert "daily_correction_schedule is off by a switch in the UI, on by the settings" in found.finding
    assert look(instance, settings)["schedules"].is_ok


@pytest.mark.parametrize(
    ("status", "longest"),
    [(dg.DagsterRunStatus.STARTED, LONGEST_QUIET_RUN), (dg.DagsterRunStatus.NOT_STARTED, LONGEST_QUEUE)],
)
def test_a_run_that_is_silent_too_long_is_named(instance, settings, status, longest):
    run = instance.add_run(dg.DagsterRun("daily_correction_cycle", status=status))
    now = datetime.now(UTC)
    assert look(instance, settings, now + longest - 60 * SECOND)["stuck runs"].is_ok
    stuck = look(instance, settings, now + longest + SECOND)["stuck runs"]
    assert not stuck.is_ok
    assert run.run_id[:8] in stuck.finding
