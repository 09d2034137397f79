"""Channels by which an alert reaches people: a webhook and e-mail.

Belongs here: sending one alert over one channel, and saying in words why it was not taken, without a secret. Not here:
when there is an alert, trying again (alerts). Both channels have timeouts on every step; nothing here raises.
"""

import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from enum import StrEnum
from typing import Literal

from amc_learning.logs import one_line
from amc_learning.operator_settings import Alerts

Channel = Literal["webhook", "email"]

LONGEST_SENTENCE = 1_000
"""Characters of an alert; the rest is in the log of the run."""

LONGEST_SUBJECT = 120


class AlertKind(StrEnum):
    """What an alert is about; each has its section in the runbook."""

    SYSTEMATIC_FAILURE = "systematic failure"
    RECOVERED = "recovered"
    RUN_FAILED = "run failed"
    REGIME_CHANGE = "regime change"
    TEST = "test"


@dataclass(frozen=True)
class Alert:
    """What happened, for people: one sentence, and the facts behind it for programs."""

    subject: str
    sentence: str
    facts: Mapping[str, object] = field(default_factory=dict)

    @property
    def section(self) -> str:
        """Anchor of its section in the runbook.

        >>> Alert("run failed", "x failed").section
        'alert-run-failed'
        """
        return f"alert-{self.subject.replace(' ', '-')}"


def channels_of(alerts: Alerts) -> tuple[Channel, ...]:
    """The channels these settings describe.

    >>> channels_of(Alerts(webhook_url="http://127.0.0.1:9/", email_to=("a@example.org",)))
    ('webhook',)
    """
    webhook: tuple[Channel, ...] = ("webhook",) if alerts.webhook_url else ()
    return (*webhook, "email") if alerts.smtp_host and alerts.email_to else webhook


def send(alert: Alert, alerts: Alerts, channel: str) -> str | None:
    """Send an alert over one channel; None when it was taken, else why it was not, in words without addresses."""
    shown = Alert(alert.subject, one_line(alert.sentence)[:LONGEST_SENTENCE], alert.facts)
    runbook = f"{alerts.runbook}#{alert.section}"
    return _post(shown, alerts, runbook) if channel == "webhook" else _mail(shown, alerts, runbook)


def _post(alert: Alert, alerts: Alerts, runbook: str) -> str | None:
    import httpx  # noqa: PLC0415 - only a tick that has something to say pays for it

    text = f"{alert.subject}: {alert.sentence} (what to do: {runbook})"
    body = {**asdict(alert), "runbook": runbook, "text": text}
    try:
        answer = httpx.post(str(alerts.webhook_url), json=body, timeout=alerts.webhook_timeout_seconds)
    # an address that is none would otherwise stop the sensor, and with it every run it asks for
    except (httpx.HTTPError, httpx.InvalidURL) as trouble:
        # without the address, which may hold a secret
        return f"no answer ({type(trouble).__name__}); check alerts.webhook_url"
    return None if answer.is_success else f"it answered {answer.status_code}; check alerts.webhook_url"


def _mail(alert: Alert, alerts: Alerts, runbook: str) -> str | None:  # noqa: PLR0911 - one sentence per trouble
    try:
        refused = _handed_over(_message(alert, alerts, runbook), alerts)
    except smtplib.SMTPAuthenticationError as trouble:
        return f"the mail server refused alerts.smtp_user and alerts.smtp_password ({trouble.smtp_code})"
    except smtplib.SMTPNotSupportedError:
        return "the mail server does not offer what alerts.smtp_security or alerts.smtp_user ask for"
    except smtplib.SMTPRecipientsRefused:
        return "the mail server refused every address of alerts.email_to"
    except smtplib.SMTPResponseException as trouble:
        return f"the mail server answered {trouble.smtp_code}; check alerts.email_from"
    except ssl.SSLError as trouble:
        return f"no encrypted connection ({trouble.reason}); check alerts.smtp_security and alerts.smtp_ca_file"
    except (OSError, smtplib.SMTPException) as trouble:
        return f"no answer ({type(trouble).__name__}); check alerts.smtp_host and alerts.smtp_port"
    except ValueError:
        return "alerts.email_to or alerts.email_from holds what is no address"
    return f"the mail server refused {len(refused)} of {len(alerts.email_to)} addresses" if refused else None


def _message(alert: Alert, alerts: Alerts, runbook: str) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = f"[amc-learning] {alert.subject}: {alert.sentence}"[:LONGEST_SUBJECT]
    message["From"] = alerts.email_from or alerts.email_to[0]
    message["To"] = ", ".join(alerts.email_to)
    message["Date"] = formatdate(localtime=False, usegmt=True)
    message["Message-ID"] = make_msgid(domain="amc-learning.invalid")
    message["Auto-Submitted"] = "auto-generated"
    facts = "\n".join(f"  {name}: {one_line(str(value))}" for name, value in alert.facts.items())
    message.set_content(f"{alert.sentence}\n\n{facts}\n\nWhat to do: {runbook}\n")
    return message


def _handed_over(message: EmailMessage, alerts: Alerts) -> Mapping[str, object]:
    """Hand a message to the mail server; receivers it refused while it took others."""
    host, port, seconds = str(alerts.smtp_host), alerts.smtp_port, alerts.smtp_timeout_seconds
    context = ssl.create_default_context(cafile=alerts.smtp_ca_file)
    with (
        smtplib.SMTP_SSL(host, port, timeout=seconds, context=context)
        if alerts.smtp_security == "tls"
        else smtplib.SMTP(host, port, timeout=seconds)
    ) as server:
        if alerts.smtp_security == "starttls":
            server.starttls(context=context)
        if alerts.smtp_user is not None:
            password = alerts.smtp_password.get_secret_value() if alerts.smtp_password else ""
            server.login(alerts.smtp_user, password)
        return server.send_message(message, to_addrs=list(alerts.email_to))
