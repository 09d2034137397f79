"""`amc-learning run daily | evidence` and `amc-learning backfill`: cycles through Dagster, long history without it."""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from amc_learning.cli.common import (
    JsonOption,
    begun_days,
    emit_json,
    knowledge_day_argument,
    now,
    open_warehouse,
    yesterday,
)
from amc_learning.cli.dagster_runs import run_job, tell_dagster
from amc_learning.settings import Settings

if TYPE_CHECKING:
    from amc_learning.cli.dagster_runs import JobResult
    from amc_learning.warehouse import Warehouse

app = typer.Typer(no_args_is_help=True, help="Run a cycle through Dagster, in this process.")
OneDay = Annotated[
    date | None,
    typer.Option("--date", parser=knowledge_day_argument, metavar="DAY", help="One knowledge day."),
]
From = Annotated[date | None, typer.Option("--from", parser=knowledge_day_argument, metavar="DAY", help="First day.")]
To = Annotated[date | None, typer.Option("--to", parser=knowledge_day_argument, metavar="DAY", help="Last day.")]
Verbose = Annotated[bool, typer.Option(help="Show Dagster's own log.")]


class Record(StrEnum):
    """Of which days of a backfill Dagster is told."""

    LAST = "last"
    ALL = "all"


@app.command(
    epilog="Examples: amc-learning run daily; run daily --date 2014-12-15; run daily --from 2014-12-01 --to 2014-12-15"
)
def daily(
    *, date_: OneDay = None, first: From = None, last: To = None, verbose: Verbose = False, json: JsonOption = False
) -> None:
    """Run the daily correction cycle: yesterday and the nights missed before it, or the days given, in a single run."""
    from amc_learning.automation.jobs import DAILY_CORRECTION_CYCLE  # noqa: PLC0415
    from amc_learning.contracts.knowledge_days import MARKET_TIMEZONE  # noqa: PLC0415
    from amc_learning.stages.due import due_nights  # noqa: PLC0415

    settings = Settings()
    days = _chosen(date_, first, last) or due_nights(
        open_warehouse(settings), yesterday(), now().astimezone(ZoneInfo(MARKET_TIMEZONE)).date()
    )
    _run(settings, DAILY_CORRECTION_CYCLE, days, verbose=verbose, json=json)


@app.command(epilog="Example: amc-learning run evidence --from 2014-12-10 --to 2014-12-15")
def evidence(
    *, date_: OneDay = None, first: From = None, last: To = None, verbose: Verbose = False, json: JsonOption = False
) -> None:
    """Refresh the evidence of days whose events or bars came late; decisions already made stay what they are."""
    from amc_learning.automation.jobs import EVIDENCE_REFRESH  # noqa: PLC0415

    days = _chosen(date_, first, last)
    if not days:
        raise typer.BadParameter("say which days: --date, or --from and --to")
    _run(Settings(), EVIDENCE_REFRESH, days, verbose=verbose, json=json)


def _chosen(one: date | None, first: date | None, last: date | None) -> list[date]:
    """The knowledge days a person named; none when none was named."""
    if one and (first or last):
        raise typer.BadParameter("give either --date or --from and --to")
    if bool(first) != bool(last):
        raise typer.BadParameter("--from and --to come together")
    if one:
        return begun_days(one, one)
    return begun_days(first, last) if first and last else []


def _run(settings: Settings, job: str, days: Sequence[date], *, verbose: bool, json: bool) -> None:
    started = perf_counter()
    result = run_job(settings, job, days, is_verbose=verbose)
    seconds = perf_counter() - started
    warehouse = open_warehouse(settings)
    if json:
        report = {"days": [days[0], days[-1]], "is_success": result.is_success, "run_id": result.run_id}
        summary = night_summary(warehouse, days[-1]) if result.is_success else {"errors": result.errors}
        emit_json({**report, "seconds": round(seconds, 3), **summary})
    elif result.is_success:
        summary = night_summary(warehouse, days[-1])
        if summary:
            typer.echo(f"{days[-1]}: {summary['reason']}")
        published = f"; published {summary['document']}" if summary else ""
        typer.echo(f"{len(days)} knowledge days in {seconds:.1f} s{published}")
    else:
        complain(result)
    if not result.is_success:
        raise typer.Exit(1)


def complain(result: "JobResult") -> None:
    """Say which steps of a run failed and why, and where to look."""
    for error in result.errors:
        typer.secho(error, err=True, fg="red")
    typer.secho(f"the run failed; see it with: amc-learning up (run {result.run_id})", err=True, fg="red")


def night_summary(warehouse: "Warehouse", day: date) -> dict[str, Any]:
    """Status, reason and document of a day's decision; empty when the day has none."""
    active, shadow = warehouse.publications, warehouse.publications.shadow
    place = active if active.document("weights", day) is not None else shadow
    document = place.document("weights", day)
    if document is None:
        return {}
    return {
        "mode": document.get("mode", "active"),
        "status": document["status"],
        "reason": document["reason"],
        "weights": document["data"]["optimized_parameters"],
        "document": str(place.path("weights")),
    }


def backfill(
    *,
    first: Annotated[
        date, typer.Option("--from", parser=knowledge_day_argument, metavar="DAY", help="First knowledge day.")
    ],
    last: Annotated[
        date, typer.Option("--to", parser=knowledge_day_argument, metavar="DAY", help="Last knowledge day.")
    ],
    record: Annotated[
        Record, typer.Option(help="What Dagster is told afterwards: the last day of the range, or every day.")
    ] = Record.LAST,
    workers: Annotated[
        int, typer.Option(min=1, help="Share the days among so many workers, through Dagster's queue.")
    ] = 1,
    json: JsonOption = False,
) -> None:
    """Run the cycle over long history with the same stages, without a Dagster event for every asset and day.

    Dagster is told of the last day only, unless asked for every day: an event for every asset and day takes several
    times longer than the work itself. Example: amc-learning backfill --from 2008-01-02 --to 2014-12-15 --workers 2
    """
    settings = Settings()
    days = begun_days(first, last)
    started = perf_counter()
    if workers == 1:
        stages = backfill_days(settings, days, is_quiet=json)
    else:
        from amc_learning.cli.fan_out import run_fan_out  # noqa: PLC0415

        stages = run_fan_out(settings, days, workers, say=(lambda _: None) if json else typer.echo)
    tell_dagster(settings, days, is_every_day=record is Record.ALL)
    summary = night_summary(open_warehouse(settings), days[-1])
    seconds = round(perf_counter() - started, 3)
    if json:
        emit_json({"days": [first, last], "n_days": len(days), "seconds": seconds, "stages": stages, **summary})
    else:
        typer.echo(f"{days[-1]}: {summary['reason']}")
        typer.echo(f"{len(days):,} knowledge days in {seconds:.1f} s; published {summary['document']}")


def backfill_days(settings: Settings, days: Sequence[date], *, is_quiet: bool) -> dict[str, float]:
    """Drain the inbox and run every stage over these days with a progress bar; seconds per stage."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    from amc_learning.stages.collect import drain_all_events  # noqa: PLC0415
    from amc_learning.stages.cycle import daily_stages, rarely_collecting, run_days  # noqa: PLC0415
    from amc_learning.stages.turns import whole_cycle  # noqa: PLC0415

    warehouse = open_warehouse(settings)
    stages = daily_stages(days[-1])
    seconds = {stage.name: 0.0 for stage in stages}
    text, percent = TextColumn("{task.description:<22}"), TextColumn("{task.percentage:>3.0f} %")
    progress_bar = Progress(text, BarColumn(), percent, TimeElapsedColumn(), disable=is_quiet, transient=True)
    with rarely_collecting(), progress_bar as progress, whole_cycle(warehouse):
        task = progress.add_task("draining the inbox", total=len(days) * len(stages))
        drain_all_events(warehouse)
        mark = perf_counter()
        for stage, bite in run_days(warehouse, settings, days):
            seconds[stage.name] += perf_counter() - mark
            mark = perf_counter()
            progress.update(task, advance=len(bite), description=stage.name)
    return {name: round(value, 3) for name, value in seconds.items()}
