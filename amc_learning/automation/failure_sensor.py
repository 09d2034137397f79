"""The sensor that does not wait for the night when failures turn out to be systematic.

Belongs here: what changed since the last look, whom to tell, and which run to ask for. Not here: what is systematic
(learning.failures), what the run does (jobs).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Self

import dagster as dg

from amc_learning.automation.alerts import Alert, deliver
from amc_learning.automation.jobs import FAILURE_CORRECTION, failure_correction
from amc_learning.automation.sensors import MARKET_ZONE
from amc_learning.contracts.knowledge_days import knowledge_day, previous_knowledge_day
from amc_learning.settings import Settings
from amc_learning.stages.failing_now import Failing, failing_now, last_told, signature
from amc_learning.warehouse import Warehouse

SEVERITIES = ("low", "medium", "high", "critical")


@dataclass(frozen=True)
class Look:
    """What the last look saw: the state of the inputs, and the severity of each failing pattern."""

    signature: str
    severities: Mapping[str, str]

    @classmethod
    def from_cursor(cls, cursor: str | None) -> Self | None:
        """The last look; None at the first one."""
        return None if not cursor else cls(**json.loads(cursor))

    def cursor(self) -> str:
        """The look as Dagster keeps it."""
        return json.dumps({"signature": self.signature, "severities": dict(self.severities)}, sort_keys=True)


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
        day = open_day(datetime.now(UTC))
        before, state = Look.from_cursor(context.cursor), signature(warehouse, settings, day)
        if before is not None and before.signature == state:
            return dg.SkipReason(f"no event about trades and no new case since the last look at {day}")
        known = before.severities if before is not None else last_told(warehouse, day)
        failing = failing_now(warehouse, settings, day)
        for alert in transitions(known, failing):
            deliver(alert, settings.alerts, context.log)
        look = Look(state, {name: found.severity for name, found in failing.items()})
        if not any(is_worse(known.get(name), found.severity) for name, found in failing.items()):
            reason = f"{len(failing)} systematic failures, none of them new" if failing else "no systematic failure"
            return dg.SensorResult(skip_reason=reason, cursor=look.cursor())
        request = dg.RunRequest(run_key=f"failures {state}", job_name=FAILURE_CORRECTION, partition_key=day.isoformat())
        return dg.SensorResult(run_requests=[request], cursor=look.cursor())

    return sensor


def transitions(known: Mapping[str, str], failing: Mapping[str, Failing]) -> list[Alert]:
    """What to tell: each failure that begins or grows worse, and each that is over."""
    begun = [
        Alert("systematic failure", found.sentence, {"pattern": name, "severity": found.severity, **found.facts})
        for name, found in failing.items()
        if is_worse(known.get(name), found.severity)
    ]
    over = [
        Alert("recovered", f"{name} is no systematic failure any more", {"pattern": name, "severity": severity})
        for name, severity in known.items()
        if name not in failing
    ]
    return begun + over
