"""`amc-learning status | describe | sql | doctor`: looking without changing anything."""

from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import ValidationError
from pydantic_settings import SettingsError

from amc_learning.cli.common import JsonOption, emit_json, now, open_warehouse, print_pairs, print_table
from amc_learning.cli.dagster_runs import dagster_instance, is_dagster_used, last_cycle
from amc_learning.configuration import ConfigurationError
from amc_learning.contracts.knowledge_days import knowledge_day
from amc_learning.settings import Settings

if TYPE_CHECKING:
    import duckdb

    from amc_learning.stages.doctor_findings import Finding

WHERE_NAMES_ARE = "amc-learning describe lists the tables, amc-learning describe TABLE its columns"


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
            "last week judged": _weekly_age(report.last_week),
            "last cycle": last_cycle(settings),
            "in force": report.parameters_version or "the defaults: nothing is published yet",
            "status": report.status,
            "reason": report.reason,
            "in shadow": ", ".join(f"{name} since {day or 'the beginning'}" for name, day in report.in_shadow.items())
            or "nothing",
        }
    )
    for name, weight in report.weights.items():
        typer.echo(f"  {name:<26}{weight:.4f}")


def _weekly_age(week: date | None) -> str:
    if week is None:
        return "none yet: amc-learning run weekly"
    return f"to {week}, {(knowledge_day(now()) - week).days} days ago"


def _some(days: tuple[Any, ...]) -> str:
    return f" ({', '.join(map(str, days[:3]))}{', ...' if len(days) > 3 else ''})" if days else ""


def describe(
    table: Annotated[str | None, typer.Argument(help="Name of a table; without one, all tables.")] = None,
    *,
    json: JsonOption = False,
) -> None:
    """Say what a table holds, or which tables there are: every column with type, unit and meaning.

    Example: amc-learning describe weight_decisions
    """
    from amc_learning.contracts.tables import catalogue  # noqa: PLC0415

    tables = catalogue(Settings().features.components)
    if table is None:
        rows = [[one.name, one.stage, one.description] for one in tables]
        _describe("tables", ["table", "stage", "description"], rows, json=json)
        return
    try:
        declared = tables[table]
    except KeyError as error:
        raise typer.BadParameter(str(error.args[0])) from error
    rows = [
        [one.name, str(one.dtype), one.unit, "key" if one.name in declared.key else "", one.description]
        for one in declared.columns
    ]
    title = f"{table}: {declared.description}"
    _describe(title, ["column", "type", "unit", "key", "description"], rows, json=json)


def _describe(title: str, columns: list[str], rows: list[list[str]], *, json: bool) -> None:
    if json:
        emit_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        print_table(title, columns, rows)


def sql(
    query: Annotated[str | None, typer.Argument(help="A query; without one, an interactive prompt.")] = None,
    *,
    json: JsonOption = False,
) -> None:
    """Query every table with SQL. Example: amc-learning sql "select known_on, status from weight_decisions"."""
    from amc_learning.warehouse.sql import connect  # noqa: PLC0415

    warehouse = open_warehouse(Settings())
    if query is not None:
        if not _answer(connect(warehouse, query), query, json=json):
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
            # anew for each: it sees what a night wrote meanwhile, and fetches no table that is not asked for
            _answer(connect(warehouse, line), line, json=json)


def _answer(connection: "duckdb.DuckDBPyConnection", text: str, *, json: bool) -> bool:
    from amc_learning.warehouse.errors import QueryError  # noqa: PLC0415
    from amc_learning.warehouse.sql import query  # noqa: PLC0415

    try:
        result = query(connection, text)
    except QueryError as error:
        # DuckDB's own words, and where to look when it does not know one
        remedy = f"\n\n{WHERE_NAMES_ARE}" if error.is_about_words else ""
        typer.secho(f"amc-learning: {error}{remedy}", err=True, fg="red")
        return False
    if json:
        emit_json([dict(zip(result.columns, row, strict=True)) for row in result.rows])
    else:
        print_table(f"{len(result.rows):,} rows", result.columns, result.rows)
    return True


def doctor(*, json: JsonOption = False) -> None:
    """Look at settings, machine, Dagster, tables, documents, alerts and service; each finding comes with its remedy.

    Exit code 0: all is well; 1: something is to be done.
    """
    from amc_learning.stages.doctor_settings import examine_settings  # noqa: PLC0415

    findings = examine_settings()
    try:
        settings = Settings()
    except (ValidationError, SettingsError, ConfigurationError):
        settings = None  # told by the findings; without settings there is nothing else to look at
    if settings is not None:
        findings += _examined(settings)
    if json:
        emit_json([asdict(one) for one in findings])
    else:
        for finding in findings:
            mark = typer.style("ok  ", fg="green") if finding.is_ok else typer.style("look", fg="yellow")
            where = f" ({finding.where})" if finding.where and not finding.is_ok else ""
            typer.echo(f"{mark}  {finding.subject:<14} {finding.finding}{where}")
            if not finding.is_ok:
                typer.echo(f"      {'':<14} {finding.remedy}; more: docs/runbook.md#{finding.section}")
    if not all(finding.is_ok for finding in findings):
        raise typer.Exit(1)


def _examined(settings: Settings) -> "list[Finding]":
    from amc_learning.stages.doctor import examine  # noqa: PLC0415

    findings = examine(open_warehouse(settings), settings)
    if not is_dagster_used(settings):
        return findings
    from amc_learning.automation.doctor import examine_dagster  # noqa: PLC0415

    with dagster_instance(settings) as instance:
        return findings + examine_dagster(instance, settings)
