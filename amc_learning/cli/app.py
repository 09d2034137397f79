"""The application: its verbs, its global options, and the edge at which errors become sentences."""

import sys
from typing import Annotated

import typer

from amc_learning import __version__
from amc_learning.cli import (
    backup,
    corrections,
    cycle,
    demo,
    ingest,
    inspect,
    keys,
    learned,
    promote,
    quarantine,
    replay,
    serve,
    simulate,
    week,
    weights,
)

app = typer.Typer(
    name="amc-learning",
    help="Collect decisions and outcomes, learn from them, publish bounded parameter updates.",
    epilog="Data lives in ./data or AMC_LEARNING_DATA_DIR. "
    "Exit codes: 0 done, 1 refused or failed, 2 usage, 3 done with quarantine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
cycle.app.command(
    epilog="Examples: amc-learning run weekly --week 2014-12-12; run weekly --from 2014-11-03 --to 2014-12-12"
)(week.weekly)
app.add_typer(ingest.app, name="ingest")
app.add_typer(cycle.app, name="run")
app.add_typer(weights.app, name="weights")
app.add_typer(corrections.app, name="corrections")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(keys.app, name="keys")
app.command()(promote.promote)
app.command()(promote.demote)
app.command()(cycle.backfill)
app.command()(replay.replay)
app.command()(learned.theses)
app.command()(learned.trades)
app.command()(learned.failures)
app.command()(learned.report)
app.command()(inspect.status)
app.command()(inspect.describe)
app.command()(inspect.sql)
app.command()(inspect.doctor)
app.command()(backup.backup)
app.command()(backup.restore)
app.command()(serve.serve)
app.command()(serve.up)
app.command()(demo.demo)
app.command()(simulate.simulate)


def _version(*, value: bool) -> None:
    if value:
        typer.echo(f"amc-learning {__version__}")
        raise typer.Exit


@app.callback()
def options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options before the verb."""


def main() -> None:
    """Run the command line; errors that a person can cause leave as one sentence and exit code 1."""
    from pydantic import ValidationError  # noqa: PLC0415

    try:
        app()
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, item['loc'])) or 'settings'}: {item['msg']}" for item in error.errors()
        )
        _leave(f"settings are not usable: {problems}. See docs/operations.md for every setting")
    except _expected_errors() as error:
        _leave(str(error))


def _expected_errors() -> tuple[type[Exception], ...]:
    from amc_learning.intake.errors import IntakeError  # noqa: PLC0415
    from amc_learning.market_data.errors import VendorError  # noqa: PLC0415
    from amc_learning.service.errors import KeyFileError, ServiceError  # noqa: PLC0415
    from amc_learning.stages.decide import DecisionError  # noqa: PLC0415
    from amc_learning.stages.orders import OrderError  # noqa: PLC0415
    from amc_learning.stages.publish import PublicationError  # noqa: PLC0415
    from amc_learning.stages.replay import ReplayError  # noqa: PLC0415
    from amc_learning.stages.trades import LedgerError  # noqa: PLC0415
    from amc_learning.stages.week import WeekError  # noqa: PLC0415
    from amc_learning.warehouse.errors import WarehouseError  # noqa: PLC0415

    return (
        IntakeError,
        DecisionError,
        KeyFileError,
        LedgerError,
        OrderError,
        PublicationError,
        ReplayError,
        ServiceError,
        VendorError,
        WarehouseError,
        WeekError,
        OSError,
    )


def _leave(message: str) -> None:
    typer.secho(f"amc-learning: {message}", err=True, fg="red")
    sys.exit(1)
