"""What whoever runs the system sets: where alerts go, how logs are written, how long what nobody needs is kept.

Belongs here: names, types, bounds, defaults of those sections, and the base of all sections. Not here: what decides a
number (settings).
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class Section(BaseModel):
    """Base of every settings section: unknown names are refused, so that a typing error cannot pass for a setting."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Alerts(Section):
    """Where alerts go besides Dagster's log."""

    webhook_url: str | None = Field(None, description="Receives each alert as JSON by POST; none: no webhook.")
    webhook_timeout_seconds: float = Field(5.0, gt=0, le=60, description="How long an alert may take to deliver.")
    email_to: tuple[str, ...] = Field((), description="Addresses that receive each alert by e-mail; none: no e-mail.")
    email_from: str | None = Field(None, description="Sender of the e-mails; none: the first receiver.")
    smtp_host: str | None = Field(None, description="Mail server that takes the e-mails.")
    smtp_port: int = Field(587, ge=1, le=65535, description="Its port: 587 for starttls, 465 for tls.")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="How the connection is encrypted; none sends everything in the clear."
    )
    smtp_user: str | None = Field(None, description="Name to log in with; none: no login.")
    smtp_password: SecretStr | None = Field(
        None, description="Its password; keep it in the environment: AMC_LEARNING_ALERTS__SMTP_PASSWORD."
    )
    smtp_ca_file: Path | None = Field(
        None, description="Certificates to trust instead of the system's, for a mail server of your own."
    )
    smtp_timeout_seconds: float = Field(10.0, gt=0, le=60, description="Longest wait for one answer of the server.")
    runbook: str = Field("docs/runbook.md", description="Where people find the runbook; every alert names its section.")


class Logs(Section):
    """How service, commands and runs log."""

    format: Literal["text", "json"] = Field("text", description="Lines for people, or one JSON object a line.")
    level: Literal["debug", "info", "warning", "error"] = Field("info", description="What is logged from here upwards.")


class Retention(Section):
    """How long what can be missed is kept; amc-learning tidy removes the rest. Events and tables are never removed."""

    request_records_days: int = Field(40, ge=31, description="Sums of requests; the health report looks back a month.")
    settled_quarantine_days: int | None = Field(
        365, ge=1, description="Quarantine items that are settled, since they came; none: for ever. Open ones stay."
    )
    dagster_runs_days: int | None = Field(
        365, ge=7, description="Finished runs of Dagster with their events and logs; none: for ever."
    )
    pages_days: int | None = Field(
        365,
        ge=7,
        description="Report pages, which are drawn again from their documents when asked for; none: for ever.",
    )
    backups: int | None = Field(
        None, ge=1, description="Backups that amc-learning backup leaves in its folder, the newest; none: all."
    )
