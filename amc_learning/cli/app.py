"""The application: its verbs, its global options, and the edge at which errors become sentences."""

import sys
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from amc_learning import __version__
from amc_learning.cli import (
    alerts,
    backup,
    compact,
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
    tidy,
    week,
    weights,
)

if TYPE_CHECKING:
    from pydantic import ValidationError

ALL_SETTINGS = "docs/operations.md lists every setting"
STOPPED_BY_CTRL_C = 130
STOPPED = "stopped by Ctrl-C; days that were done are stored, none is half written: run the same command again"

app = typer.Typer(
    name="amc-learning",
    help="Collect decisions and outcomes, learn from them, publish bounded parameter updates.",
    epilog="Data lives in ./data or AMC_LEARNING_DATA_DIR. "
    "Exit codes: 0 done, 1 refused or failed, 2 usage, 3 done with quarantine, 130 stopped.",
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
app.add_typer(alerts.app, name="alerts")
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
app.command()(tidy.tidy)
app.command()(compact.compact)
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
    from pydantic_settings import SettingsError  # noqa: PLC0415

    try:
        app()
    except SystemExit as leaving:
        if leaving.code == STOPPED_BY_CTRL_C:
            _leave(STOPPED, code=STOPPED_BY_CTRL_C)
        raise
    except KeyboardInterrupt:
        _leave(STOPPED, code=STOPPED_BY_CTRL_C)
    except ValidationError as error:
        _leave(_refused(error))
    except SettingsError as error:
        _leave(f"settings are not usable: {error}; lists and mappings are written as JSON, like [1, 2]. {ALL_SETTINGS}")
    except _expected_errors() as error:
        _leave(str(error))
    except OSError as error:
        _leave(_denied(error))
    except _database_error() as error:
        _leave(
            f"Dagster's storage cannot be used: {error.__cause__ or error}; tables and documents are untouched. "
            "Move the folder dagster out of the data directory, and Dagster begins a new one"
        )


def _refused(error: "ValidationError") -> str:
    """What is wrong with settings, or with something stored, field by field."""
    problems = "; ".join(
        f"{'.'.join(map(str, item['loc'])) or 'settings'}: {_wording(item['type'], item['msg'])}"
        for item in error.errors()
    )
    if error.title == "Settings":
        return f"settings are not usable: {problems}. {ALL_SETTINGS}"
    return (
        f"a stored {error.title} cannot be understood: {problems}; nothing was changed. It was written by another "
        "version or changed by hand: run its day again"
    )


def _wording(kind: str, message: str) -> str:
    return "there is no such setting" if kind == "extra_forbidden" else message.removeprefix("Value error, ")


def _denied(error: OSError) -> str:
    """A file or folder the operating system did not give."""
    place = f"{error.filename}: " if error.filename else ""
    return (
        f"{place}{(error.strerror or str(error)).lower()}; what was stored before is untouched. Name a place that "
        "exists and can be written; the data directory is set by AMC_LEARNING_DATA_DIR"
    )


def _expected_errors() -> tuple[type[Exception], ...]:
    from amc_learning.cli.fan_out import FanOutError  # noqa: PLC0415
    from amc_learning.configuration import ConfigurationError  # noqa: PLC0415
    from amc_learning.intake.errors import IntakeError  # noqa: PLC0415
    from amc_learning.market_calendar import ExchangeError  # noqa: PLC0415
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
        ConfigurationError,
        DecisionError,
        ExchangeError,
        FanOutError,
        IntakeError,
        KeyFileError,
        LedgerError,
        OrderError,
        PublicationError,
        ReplayError,
        ServiceError,
        VendorError,
        WarehouseError,
        WeekError,
    )


def _database_error() -> type[Exception]:
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415

    return DBAPIError


def _leave(message: str, *, code: int = 1) -> NoReturn:
    typer.secho(f"amc-learning: {' '.join(message.split())}", err=True, fg="red")
    sys.exit(code)
