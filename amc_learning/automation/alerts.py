"""Alerts: to every channel there is, and always to the log. A channel that does not answer stops nothing.

Belongs here: delivering, remembering which channel did not take an alert, trying again. Not here: how a channel works
(channels), which run failed (run_failures), what is systematic (failure_sensor), which regime is new (regime_sensor).
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Self

from amc_learning.automation.channels import Alert, AlertKind, channels_of, send
from amc_learning.logs import one_line
from amc_learning.settings import Settings
from amc_learning.stages.alert_record import AlertRecord, change_record

__all__ = ["MOST_DELIVERIES", "Alert", "AlertKind", "Untold", "deliver", "tell"]

MOST_DELIVERIES = 5
"""Attempts to deliver an alert; the log has it from the first."""

MOST_UNTOLD = 20
"""Alerts kept for another attempt, the newest: a cursor is no place for more."""


def deliver(
    alert: Alert, settings: Settings, log: logging.Logger, *, channels: Sequence[str] | None = None
) -> tuple[str, ...]:
    """Log an alert and send it over these channels, or over all there are; those that did not take it.

    What became of it is remembered for the doctor and the dashboard.
    """
    log.warning("%s: %s", alert.subject, one_line(alert.sentence))
    failed: list[str] = []
    for channel in channels_of(settings.alerts) if channels is None else channels:
        trouble = send(alert, settings.alerts, channel)
        if trouble is not None:
            log.error("the %s did not take the alert: %s", channel, trouble)
            failed.append(channel)
        _remember(settings, channel, trouble)
    return tuple(failed)


def _remember(settings: Settings, channel: str, trouble: str | None) -> None:
    def attempted(record: AlertRecord) -> AlertRecord:
        return record.with_attempt(channel, trouble, datetime.now(UTC))

    change_record(settings.data_dir, attempted)


@dataclass(frozen=True)
class Untold:
    """An alert that some channel did not take yet, which ones, and the attempts made."""

    subject: str
    sentence: str
    facts: Mapping[str, Any]
    n_attempts: int = 0
    channels: tuple[str, ...] | None = None
    """None: every channel there is."""

    @classmethod
    def from_plain(cls, kept: Mapping[str, Any]) -> Self:
        """As a cursor keeps it."""
        channels = kept.get("channels")
        return cls(**{**kept, "channels": None if channels is None else tuple(channels)})

    @property
    def alert(self) -> Alert:
        """The alert itself."""
        return Alert(self.subject, self.sentence, self.facts)


def tell(
    untold: Sequence[Untold], news: Sequence[Alert], settings: Settings, log: logging.Logger
) -> tuple[Untold, ...]:
    """Deliver what is new and what could not be delivered before; what is to be tried again."""
    waiting = (*untold, *(Untold(alert.subject, alert.sentence, alert.facts) for alert in news))
    again: list[Untold] = []
    for one in waiting:
        failed = deliver(one.alert, settings, log, channels=one.channels)
        if failed and one.n_attempts + 1 < MOST_DELIVERIES:
            again.append(replace(one, n_attempts=one.n_attempts + 1, channels=failed))
    return tuple(again)[-MOST_UNTOLD:]
