"""The sensor about failed runs: each kind of failure is told once, however many nights fail of it.

Belongs here: what a failed run says, and whether people know of it. Not here: delivering (alerts). Runs that fail of
the same thing differ in day and numbers only; they are told again when the job has succeeded in between, or after a
week, with how often it came.
"""

import hashlib
import logging
import re
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import dagster as dg

from amc_learning.automation.alerts import Alert, AlertKind, Untold, tell
from amc_learning.settings import Settings
from amc_learning.stages.alert_record import AlertRecord, ToldFailure, change_record, read_record

REMIND_AFTER = timedelta(days=7)
"""A failure that goes on is told again after this long."""

MOST_KINDS = 200
"""Kinds of failure remembered, the newest."""

OUR_CLASS = re.compile(r"\Aamc_learning(?:\.\w+)+: ")
"""What Dagster puts before the sentence of an exception of this package: its module and class."""

RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


def failure_sentence(event: dg.DagsterEvent) -> str:
    """What went wrong in a step, in the words of the error that caused it.

    An error of ours is a sentence already; one of Python or a library keeps its class, which is half of what it says.
    """
    error = getattr(event.event_specific_data, "error", None)
    cause = error.cause if error and error.cause else error
    failure = getattr(event.event_specific_data, "user_failure_data", None)
    said = (failure.description if failure else None) or (cause.message if cause else event.message) or "failed"
    return f"{event.step_key}: {OUR_CLASS.sub('', said).strip()}"


def run_failure_alerts(settings: Settings) -> dg.SensorDefinition:
    """Tells of every kind of run failure once; Dagster keeps the cursor over runs, we over what was told."""

    @dg.run_failure_sensor(
        name="run_failure_alert",
        # a run that a command started, as cron does, belongs to no code location, and else it would not be looked at
        monitor_all_code_locations=True,
        default_status=dg.DefaultSensorStatus.RUNNING
        if settings.automation.alert_sensor_is_on
        else dg.DefaultSensorStatus.STOPPED,
        description="Tells of failed runs, whoever started them, by every alert channel and the log; of the same once.",
    )
    def sensor(context: dg.RunFailureSensorContext) -> None:
        steps = [failure_sentence(event) for event in context.get_step_failure_events()]
        tell_of(context.dagster_run, steps or [context.failure_event.message or "failed"], context, settings)

    return sensor


def tell_of(run: dg.DagsterRun, causes: Sequence[str], context: dg.RunFailureSensorContext, settings: Settings) -> None:
    """Tell of a failed run unless people know of a failure of its kind."""
    now, key = datetime.now(UTC), kind_of(run.job_name, causes)
    told = read_record(settings.data_dir).told_failures.get(key)
    if told is not None and not _is_news(told, run.job_name, context.instance, now):
        _remember(settings, key, replace(told, n_repeats=told.n_repeats + 1))
        context.log.info(f"{run.job_name} failed as told on {told.told_at}; people are not told again")
        return
    _remember(settings, key, ToldFailure(now.isoformat(timespec="seconds")))
    day = run.tags.get("dagster/partition") or " to ".join(run.tags[name] for name in RANGE if name in run.tags)
    repeated = f"; {told.n_repeats} more runs failed so since {told.told_at}" if told and told.n_repeats else ""
    sentence = f"{run.job_name}{f' for {day}' if day else ''} failed: {'; '.join(causes)}{repeated}"
    facts = {"job": run.job_name, "run_id": run.run_id, "partition": day or None}
    keep_untold(tell([], [Alert(AlertKind.RUN_FAILED, sentence, facts)], settings, context.log), settings)


def kind_of(job: str, causes: Sequence[str]) -> str:
    """Key of a kind of failure: numbers and days in the causes make no difference.

    >>> kind_of("night", ["bars: none of 2026-11-26"]) == kind_of("night", ["bars: none of 2026-11-27"])
    True
    """
    said = "\n".join([job, *(re.sub(r"\d+", "#", cause) for cause in causes)])
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def _is_news(told: ToldFailure, job: str, instance: dg.DagsterInstance, now: datetime) -> bool:
    told_at = datetime.fromisoformat(told.told_at)
    if now - told_at >= REMIND_AFTER:
        return True
    succeeded = dg.RunsFilter(job_name=job, statuses=[dg.DagsterRunStatus.SUCCESS], updated_after=told_at)
    return bool(instance.get_runs(succeeded, limit=1))


def _remember(settings: Settings, key: str, told: ToldFailure) -> None:
    def with_it(record: AlertRecord) -> AlertRecord:
        kept = {name: one for name, one in record.told_failures.items() if name != key}
        return replace(record, told_failures=dict([*kept.items(), (key, told)][-MOST_KINDS:]))

    change_record(settings.data_dir, with_it)


def keep_untold(untold: Sequence[Untold], settings: Settings) -> None:
    """Keep alerts about runs for another attempt: the sensor of Dagster has no place of its own for them."""
    if untold:
        plain = tuple(asdict(one) for one in untold)
        change_record(settings.data_dir, lambda record: replace(record, untold=(*record.untold, *plain)))


def retry_untold(settings: Settings, log: logging.Logger) -> None:
    """Try again to deliver alerts about failed runs that some channel did not take."""
    waiting = read_record(settings.data_dir).untold
    if waiting:
        change_record(settings.data_dir, lambda record: replace(record, untold=record.untold[len(waiting) :]))
        keep_untold(tell([Untold.from_plain(one) for one in waiting], [], settings, log), settings)
