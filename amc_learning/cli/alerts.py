"""`amc-learning alerts test`: whether alerts reach people."""

from datetime import UTC, datetime
from socket import gethostname

import typer

from amc_learning.cli.common import JsonOption, emit_json
from amc_learning.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Where alerts go.")


@app.callback()
def alerts() -> None:
    """Where alerts go."""


@app.command(epilog="Example: amc-learning alerts test")
def test(*, json: JsonOption = False) -> None:
    """Send a message that is marked as a test over every channel there is, and say what became of it."""
    from amc_learning.automation.channels import Alert, AlertKind, channels_of, send  # noqa: PLC0415
    from amc_learning.stages.alert_record import change_record  # noqa: PLC0415

    settings, at = Settings(), datetime.now(UTC)
    sentence = f"TEST, nothing happened: amc-learning alerts test on {gethostname()} at {at:%Y-%m-%d %H:%M:%S} UTC"
    troubles: dict[str, str | None] = {
        channel: send(Alert(AlertKind.TEST, sentence, {"is_test": True}), settings.alerts, channel)
        for channel in channels_of(settings.alerts)
    }
    change_record(settings.data_dir, lambda record: record.with_attempts(troubles, at))
    if json:
        emit_json([{"channel": one, "is_taken": said is None, "trouble": said} for one, said in troubles.items()])
    for channel, trouble in {} if json else troubles.items():
        typer.echo(f"{channel}: taken; look whether it arrived" if trouble is None else f"{channel}: {trouble}")
    if not troubles and not json:
        typer.echo("there is no channel: set alerts.webhook_url, or alerts.smtp_host and alerts.email_to")
    if not troubles or any(troubles.values()):
        raise typer.Exit(1)
