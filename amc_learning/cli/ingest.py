"""`amc-learning ingest`: files of decisions and bars into the warehouse."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from amc_learning.cli.common import DONE_WITH_QUARANTINE, MAX_MESSAGES, JsonOption, emit_json, now, open_warehouse
from amc_learning.settings import Settings

if TYPE_CHECKING:
    from amc_learning.stages.ingest import IngestReport

app = typer.Typer(
    no_args_is_help=True,
    help="Take files in: JSON, NDJSON, parquet or CSV, each also as .gz. Ingesting a file twice changes nothing.",
)
Files = Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="One or more files.")]


@app.command(epilog="Example: amc-learning ingest discovery feed/discovery.ndjson.gz")
def discovery(files: Files, *, json: JsonOption = False) -> None:
    """Discovery results, one JSON document each, in any of the shapes discovery has ever sent."""
    from amc_learning.stages.ingest import ingest_discovery  # noqa: PLC0415

    _ingest(ingest_discovery, files, json=json)


@app.command(epilog="Example: amc-learning ingest theses feed/thesis.ndjson.gz")
def theses(files: Files, *, json: JsonOption = False) -> None:
    """Thesis decisions, one JSON document each, in any of the shapes thesis generators have ever sent."""
    from amc_learning.stages.ingest import ingest_theses  # noqa: PLC0415

    _ingest(ingest_theses, files, json=json)


@app.command(epilog="Example: amc-learning ingest trades feed/trades.ndjson.gz")
def trades(files: Files, *, json: JsonOption = False) -> None:
    """Messages about trades: OPEN, MODIFY, CLOSE, or whole outcomes; one JSON document each."""
    from amc_learning.stages.ingest import ingest_trades  # noqa: PLC0415

    _ingest(ingest_trades, files, json=json)


@app.command(epilog="Example: amc-learning ingest bars bars.parquet")
def bars(files: Files, *, json: JsonOption = False) -> None:
    """Daily price bars: symbol, date, open, high, low, close, volume."""
    from amc_learning.stages.ingest import ingest_bars  # noqa: PLC0415

    _ingest(ingest_bars, files, json=json)


@app.command(epilog="Example: amc-learning ingest index index.parquet")
def index(files: Files, *, json: JsonOption = False) -> None:
    """Daily closes of market indices: date and one column per index (sp500_close, vix_close)."""
    from amc_learning.stages.ingest import ingest_index  # noqa: PLC0415

    _ingest(ingest_index, files, json=json)


def _ingest(run: "Callable[..., IngestReport]", files: list[Path], *, json: bool) -> None:
    settings = Settings()
    report = run(open_warehouse(settings), settings, files, received_at=now())
    if json:
        emit_json(report)
    else:
        for line in report.messages[:MAX_MESSAGES]:
            typer.secho(line, err=True, fg="yellow")
        if len(report.messages) > MAX_MESSAGES:
            more = f"... and {len(report.messages) - MAX_MESSAGES:,} more: amc-learning quarantine list"
            typer.echo(more, err=True)
        span = f", {report.first_day} to {report.last_day}" if report.first_day else ""
        typer.echo(
            f"{report.kind}: {report.n_read:,} read, {report.n_accepted:,} accepted, {report.n_duplicates:,} already "
            f"known, {report.n_quarantined:,} in quarantine{span}"
        )
    if report.n_unreadable_files:
        raise typer.Exit(1)
    if report.n_quarantined:
        raise typer.Exit(DONE_WITH_QUARANTINE)
