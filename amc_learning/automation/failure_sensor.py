"""The sensor that does not wait for the night when failures turn out to be systematic.

Belongs here: what changed since the last look, whom to tell, and which run to ask for. Not here: what is systematic
(learning.failures), what the run does (jobs).
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Self

import dagster as dg

from amc_learning.automation.alerts import Alert, AlertKind, Untold, tell
from amc_learning.automation.jobs import (
    DAILY_CORRECTION_CYCLE,
    EVIDENCE_REFRESH,
    FAILURE_CORRECTION,
    failure_correction,
)
from amc_learning.automation.sensors import MARKET_ZONE
from amc_learning.contracts.knowledge_days import knowledge_day, previous_knowledge_day
from amc_learning.settings import Settings
from amc_learning.stages.failing_now import Failing, failing_now, last_told, signature, unsettled_days
from amc_learning.stages.trades import LedgerError
from amc_learning.warehouse import Warehouse

SEVERITIES = ("low", "medium", "high", "critical")

NO_FAILURE = "no systematic failure"


MOST_REQUESTS = 3
"""Runs asked for about the same state of the inputs; when all of them fail, the night corrects."""

LONGEST_RUN = timedelta(hours=1)
"""A run that has said nothing for longer is not waited for: its process may be gone."""

RUNNING = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


@dataclass(frozen=True)
class Look:
    """What the last look saw, and what is still to be done about it.

    The state of the inputs, the severity of each failing pattern, the runs asked for in this state, and the alerts that
    could not be delivered.
    """

    signature: str
    severities: Mapping[str, str]
    n_requests: int = 0
    untold: tuple[Untold, ...] = ()

    @classmethod
    def from_cursor(cls, cursor: str | None) -> Self | None:
        """The last look; None at the first one."""
        if not cursor:
            return None
        kept = json.loads(cursor)
        return cls(**{**kept, "untold": tuple(map(Untold.from_plain, kept.get("untold", ())))})

    def cursor(self) -> str:
        """The look as Dagster keeps it."""
        return json.dumps(asdict(self), sort_keys=True, default=str)


def is_worse(before: str | None, now: str) -> bool:
    """Whether a severity is worse than the one known before; None: it was no systematic failure.

    >>> is_worse(None, "low"), is_worse("high", "critical"), is_worse("high", "low")
    (True, True, False)
    """
    return before is None or SEVERITIES.index(now) > SEVERITIES.index(before)


def open_day(now: datetime) -> date:
    """The knowledge day whose partition is open: today, or on a weekend the Friday before."""
    today = knowledge_day(now)
    return today if today <= now.astimezone(MARKET_ZONE).date() else previous_knowledge_day(today)


def systematic_failure_sensor(settings: Settings) -> dg.SensorDefinition:
    """Looks for systematic failures among everything known so far, events in the inbox included."""

    @dg.sensor(
        name="systematic_failure_sensor",
        job=failure_correction,
        minimum_interval_seconds=settings.automation.failure_poll_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING
        if settings.automation.failure_sensor_is_on
        else dg.DefaultSensorStatus.STOPPED,
        description="A failure that becomes systematic (3 or more in 30 days, beyond chance) starts the correction run "
        "at once; told when it begins and when it is over, never in between.",
    )
    def sensor(
        context: dg.SensorEvaluationContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> dg.SensorResult | dg.SkipReason:
        day, before = open_day(datetime.now(UTC)), Look.from_cursor(context.cursor)
        if reason := _not_now(context.instance, warehouse, day):
            return dg.SkipReason(reason)
        state = signature(warehouse, settings, day)
        if before is not None and before.signature == state:
            look, news = before, []
        else:
            try:
                failing = failing_now(warehouse, settings, day)
            except LedgerError as refusal:
                return dg.SkipReason(str(refusal))
            known = before.severities if before is not None else last_told(warehouse, day)
            news = transitions(known, failing)
            look = Look(state, {name: found.severity for name, found in failing.items()})
        told = replace(look, untold=tell(before.untold if before else (), news, settings, context.log))
        reason = _nothing_to_ask(told, warehouse, day)
        if reason is None:
            asked = replace(told, n_requests=told.n_requests + 1)
            key = f"failures {state} {asked.n_requests}"
            request = dg.RunRequest(run_key=key, job_name=FAILURE_CORRECTION, partition_key=day.isoformat())
            return dg.SensorResult(run_requests=[request], cursor=asked.cursor())
        return dg.SkipReason(reason) if told == before else dg.SensorResult(skip_reason=reason, cursor=told.cursor())

    return sensor


def _not_now(instance: dg.DagsterInstance, warehouse: Warehouse, day: date) -> str | None:
    """Why there is no look now; None when there is one."""
    decided = warehouse.table("weight_decisions").days()
    if decided and decided[-1] > day:
        return f"{decided[-1]} is decided already, so {day} stays as it is; failures are looked at again on that day"
    since = datetime.now(UTC) - LONGEST_RUN
    for job in (DAILY_CORRECTION_CYCLE, EVIDENCE_REFRESH, FAILURE_CORRECTION):
        if instance.get_runs(dg.RunsFilter(job_name=job, statuses=list(RUNNING), updated_after=since), limit=1):
            return f"{job} is at work; the look comes after it"
    return None


def _nothing_to_ask(look: Look, warehouse: Warehouse, day: date) -> str | None:
    """Why no run is asked for; None when one is needed: a failure that the stored patterns do not have as bad."""
    stored = last_told(warehouse, day)
    if not any(is_worse(stored.get(name), severity) for name, severity in look.severities.items()):
        seen = f"{len(look.severities)} systematic failures, none of them new" if look.severities else NO_FAILURE
        return f"{seen}; no event about trades and no new case since the look at {day}"
    if look.n_requests >= MOST_REQUESTS:
        return f"{look.n_requests} runs for these failures did not succeed; see them with: amc-learning up"
    unsettled = unsettled_days(warehouse, day)[0]
    if unsettled < day:
        return f"the correction of {day} waits for the night of {unsettled}, whose trades it builds on"
    return None


def transitions(known: Mapping[str, str], failing: Mapping[str, Failing]) -> list[Alert]:
    """What to tell: each failure that begins or grows worse, and each that is over."""
    begun = [
        Alert(
            AlertKind.SYSTEMATIC_FAILURE, found.sentence, {"pattern": name, "severity": found.severity, **found.facts}
        )
        for name, found in failing.items()
        if is_worse(known.get(name), found.severity)
    ]
    over = [
        Alert(AlertKind.RECOVERED, f"{name} is no systematic failure any more", {"pattern": name, "severity": severity})
        for name, severity in known.items()
        if name not in failing
    ]
    return begun + over
