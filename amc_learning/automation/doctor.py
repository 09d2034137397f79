"""The part of the examination that asks Dagster: its daemon, schedules and sensors, runs that are stuck.

Belongs here: looks at a Dagster instance. Not here: everything that needs none (stages.doctor). Nothing is started or
changed; an instance that has kept nothing yet is fine as it is.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.scheduler.instigation import InstigatorStatus

from amc_learning.settings import Automation, Settings
from amc_learning.stages.doctor_findings import Finding

DAEMONS = {"SCHEDULER": "the scheduler", "SENSOR": "the sensors", "QUEUED_RUN_COORDINATOR": "the queue of runs"}
"""Parts of the daemon that the loop needs."""

LONGEST_SILENCE = timedelta(minutes=3)
"""A daemon says twice a minute that it lives."""

LONGEST_QUIET_RUN = timedelta(hours=1)
"""A run that has said nothing for longer has most likely lost its process; a night says something every second."""

LONGEST_QUEUE = timedelta(minutes=30)
"""A run that waits longer waits for a daemon that is gone, or for a run that is stuck."""

STARTED = (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)
WAITING = (dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED)

START = "amc-learning up"


def switches(automation: Automation) -> dict[str, bool]:
    """Every schedule and sensor, and whether the settings switch it on."""
    return {
        "daily_correction_schedule": automation.daily_schedule_is_on,
        "weekly_correction_schedule": automation.weekly_schedule_is_on,
        "tidy_schedule": automation.tidy_schedule_is_on,
        "inbox_sensor": automation.inbox_sensor_is_on,
        "systematic_failure_sensor": automation.failure_sensor_is_on,
        "run_failure_alert": automation.alert_sensor_is_on,
        "regime_change_alert": automation.alert_sensor_is_on,
    }


def states(instance: dg.DagsterInstance, settings: Settings) -> dict[str, tuple[bool, bool]]:
    """Every schedule and sensor: whether it runs, and whether a person said so in the UI against the settings."""
    declared = switches(settings.automation)
    found = {name: (is_on, False) for name, is_on in declared.items()}
    for state in instance.all_instigator_state():
        is_on = declared.get(state.instigator_name)
        if is_on is not None and state.status is not InstigatorStatus.DECLARED_IN_CODE:
            is_running = state.status is InstigatorStatus.RUNNING
            found[state.instigator_name] = (is_running, is_running != is_on)
    return found


def examine_dagster(instance: dg.DagsterInstance, settings: Settings, *, now: datetime | None = None) -> list[Finding]:
    """The findings about Dagster, in the order a person would look."""
    at, running = now or datetime.now(UTC), states(instance, settings)
    return [_daemon(instance, running, at), _schedules(running), _stuck_runs(instance, at)]


def _daemon(instance: dg.DagsterInstance, running: Mapping[str, tuple[bool, bool]], now: datetime) -> Finding:
    needed = sorted(name for name, (is_on, _) in running.items() if is_on)
    beats = instance.get_daemon_heartbeats()
    silent, troubled = [], []
    for kind, name in DAEMONS.items():
        beat = beats.get(kind)
        if beat is None or now.timestamp() - beat.timestamp > LONGEST_SILENCE.total_seconds():
            silent.append(name)
        elif beat.errors:
            troubled.append(f"{name}: {beat.errors[0].message.strip()[:200]}")
    if troubled:
        return Finding("daemon", False, f"lives, with errors: {'; '.join(troubled)}", f"start it again: {START}")
    if not silent:
        return Finding("daemon", True, "scheduler, sensors and queue said in the last minutes that they live")
    if needed:
        said = f"{', '.join(needed)} are on, and {', '.join(silent)} of the daemon say nothing"
        return Finding("daemon", False, said, f"start it and keep it running: {START}")
    return Finding("daemon", True, "not running; no schedule or sensor is on, so nights run by command")


def _schedules(running: Mapping[str, tuple[bool, bool]]) -> Finding:
    against = [
        f"{name} is {'on' if is_on else 'off'} by a switch in the UI, {'off' if is_on else 'on'} by the settings"
        for name, (is_on, is_overruled) in running.items()
        if is_overruled
    ]
    on = [name for name, (is_on, _) in running.items() if is_on]
    return Finding(
        "schedules", not against, "; ".join(against) or f"on: {', '.join(on) or 'none'}",
        f"switch it there under Automation, or set its automation setting to the same: {START}",
    )  # fmt: skip


def _stuck_runs(instance: dg.DagsterInstance, now: datetime) -> Finding:
    silent = instance.get_run_records(dg.RunsFilter(statuses=list(STARTED)))
    waiting = instance.get_run_records(dg.RunsFilter(statuses=list(WAITING)))
    stuck = [
        f"run {one.dagster_run.run_id[:8]} ({one.dagster_run.job_name}) {words}, silent since {_utc(at):%Y-%m-%d %H:%M}"
        for records, longest, words in ((silent, LONGEST_QUIET_RUN, "started"), (waiting, LONGEST_QUEUE, "waits"))
        for one in records
        if now - _utc(at := one.update_timestamp) > longest
    ]
    return Finding(
        "stuck runs", not stuck, "; ".join(stuck[:3]) or f"{len(silent)} at work, {len(waiting)} waiting, none stuck",
        f"terminate it in the UI ({START}), then run its day again: amc-learning run daily",
    )  # fmt: skip


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
