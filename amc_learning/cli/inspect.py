"""`amc-learning status | sql | doctor`: looking without changing anything."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from amc_learning.cli.common import JsonOption, emit_json, open_warehouse, print_pairs, print_table
from amc_learning.cli.dagster_runs import last_cycle
from amc_learning.settings import Settings

if TYPE_CHECKING:
    import duckdb


def status(*, json: JsonOption = False) -> None:
    """Show what is in the warehouse, the last cycle, and which weights are in force and why."""
    from amc_learning.stages.status import warehouse_status  # noqa: PLC0415

    settings = Settings()
    report = warehouse_status(open_warehouse(settings), settings)
    if json:
        emit_json({**asdict(report), "last_cycle": last_cycle(settings)})
        return
    columns = ["table", "first day", "last day", "days", "rows", "MiB"]
    rows = [[t.name, t.first_day, t.last_day, t.n_days, t.n_rows, round(t.n_bytes / 2**20, 2)] for t in report.tables]
    print_table("tables", columns, rows)
    typer.echo()
    print_pairs(
        {
            "data directory": str(settings.data_dir),
            "events waiting": report.n_pending,
            "in quarantine": report.n_quarantined,
            "sessions without bars": f"{len(report.missing_sessions)}" + _some(report.missing_sessions),
            "last decided day": report.last_decided_on,
            "last cycle": last_cycle(settings),
            "in force": report.parameters_version or "the defaults: nothing is published yet",
            "status": report.status,
            "reason": report.reason,
        }
    )
    for name, weight in report.weights.items():
        typer.echo(f"  {name:<26}{weight:.4f}")


def _some(days: tuple[Any, ...]) -> str:
    return f" ({', '.join(map(str, days[:3]))}{', ...' if len(days) > 3 else ''})" if days else ""


def sql(
    query: Annotated[str | None, typer.Argument(help="A query; without one, an interactive prompt.")] = None,
    *,
    json: JsonOption = False,
) -> None:
    """Query every table with SQL. Example: amc-learning sql "select known_on, status from weight_decisions"."""
    from amc_learning.warehouse.sql import connect  # noqa: PLC0415

    connection = connect(open_warehouse(Settings()))
    if query is not None:
        if not _answer(connection, query, json=json):
            raise typer.Exit(1)
        return
    typer.echo("SQL over the warehouse. show tables; describe <table>; leave with Ctrl-D.")
    while True:
        try:
            line = input("amc> ").strip()
        except (EOFError, KeyboardInterrupt):
            typer.echo()
            return
        if line:
            _answer(connection, line, json=json)


def _answer(connection: "duckdb.DuckDBPyConnection", text: str, *, json: bool) -> bool:
    from amc_learning.warehouse.errors import QueryError  # noqa: PLC0415
    from amc_learning.warehouse.sql import query  # noqa: PLC0415

    try:
        result = query(connection, text)
    except QueryError as error:
        typer.secho(f"amc-learning: {error}", err=True, fg="red")
        return False
    if json:
        emit_json([dict(zip(result.columns, row, strict=True)) for row in result.rows])
    else:
        print_table(f"{len(result.rows):,} rows", result.columns, result.rows)
    return True


def doctor(*, json: JsonOption = False) -> None:
    """Check settings, storage, files, calendar and versions; each finding comes with its remedy."""
    from amc_learning.stages.doctor import examine  # noqa: PLC0415

    settings = Settings()
    findings = examine(open_warehouse(settings), settings)
    if json:
        emit_json(
            [{"subject": f.subject, "is_ok": f.is_ok, "finding": f.finding, "remedy": f.remedy} for f in findings]
        )
    else:
        for finding in findings:
            mark = typer.style("ok  ", fg="green") if finding.is_ok else typer.style("look", fg="yellow")
            typer.echo(f"{mark}  {finding.subject:<14} {finding.finding}")
            if not finding.is_ok:
                typer.echo(f"      {'':<14} {finding.remedy}")
    if not all(finding.is_ok for finding in findings):
        raise typer.Exit(1)
