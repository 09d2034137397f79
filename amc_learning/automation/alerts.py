"""Alerts: to a webhook when one is set, and always to the log. A webhook that does not answer stops nothing.

Belongs here: delivering a sentence, trying again, and the sensor about failed runs. Not here: what is systematic
(failure_sensor), which change of regime is new (regime_sensor).
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import dagster as dg

from amc_learning.settings import Alerts, Settings

MOST_DELIVERIES = 5
"""Attempts to deliver an alert; the log has it from the first."""

MOST_UNTOLD = 20
"""Alerts kept for another attempt, the newest: a cursor is no place for more."""


@dataclass(frozen=True)
class Alert:
    """What happened, for people: one sentence, and the facts behind it for programs."""

    subject: str
    sentence: str
    facts: Mapping[str, object] = field(default_factory=dict)


def deliver(alert: Alert, alerts: Alerts, log: logging.Logger) -> bool:
    """Log an alert and post it to the webhook; whether everybody who should know was told.

    The body is `{"subject", "sentence", "facts", "text"}`; `text` is what chat services show.
    """
    log.warning("%s: %s", alert.subject, alert.sentence)
    if alerts.webhook_url is None:
        return True
    import httpx  # noqa: PLC0415 - only a tick that has something to say pays for it

    body = {**asdict(alert), "text": f"{alert.subject}: {alert.sentence}"}
    try:
        httpx.post(alerts.webhook_url, json=body, timeout=alerts.webhook_timeout_seconds).raise_for_status()
    # an address that is none would otherwise stop the sensor, and with it every run it asks for
    except (httpx.HTTPError, httpx.InvalidURL) as trouble:
        # without the address, which may hold a secret
        log.error("the webhook did not take the alert: %s; check alerts.webhook_url", type(trouble).__name__)  # noqa: TRY400
        return False
    return True


@dataclass(frozen=True)
class Untold:
    """An alert that was not delivered yet, and the attempts made."""

    subject: str
    sentence: str
    facts: Mapping[str, Any]
    n_attempts: int = 0


def tell(untold: Sequence[Untold], news: Sequence[Alert], alerts: Alerts, log: logging.Logger) -> tuple[Untold, ...]:
    """Deliver what is new and what could not be delivered before; what is to be tried again."""
    waiting = (*untold, *(Untold(alert.subject, alert.sentence, alert.facts) for alert in news))
    failed = (one for one in waiting if not deliver(Alert(one.subject, one.sentence, one.facts), alerts, log))
    again = (replace(one, n_attempts=one.n_attempts + 1) for one in failed if one.n_attempts + 1 < MOST_DELIVERIES)
    return tuple(again)[-MOST_UNTOLD:]


def run_failure_alerts(settings: Settings) -> dg.SensorDefinition:
    """Tells of every failed run once; Dagster keeps the cursor."""

    @dg.run_failure_sensor(
        name="run_failure_alert",
        monitor_all_code_locations=False,
        default_status=dg.DefaultSensorStatus.RUNNING
        if settings.automation.alert_sensor_is_on
        else dg.DefaultSensorStatus.STOPPED,
        description="Tells of failed runs, by webhook or log.",
    )
    def sensor(context: dg.RunFailureSensorContext) -> None:
        run = context.dagster_run
        facts = {"job": run.job_name, "run_id": run.run_id, "partition": run.tags.get("dagster/partition")}
        sentence = f"{run.job_name} failed: {context.failure_event.message}; see it with: amc-learning up"
        deliver(Alert("run failed", sentence, facts), settings.alerts, context.log)

    return sensor
