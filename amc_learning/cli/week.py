"""`amc-learning run weekly`: the weekly deep correction through Dagster, and what it found in a few lines."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from amc_learning.cli.common import JsonOption, day_argument, emit_json, open_warehouse, yesterday
from amc_learning.cli.cycle import Verbose, complain
from amc_learning.cli.dagster_runs import JobResult, run_job
from amc_learning.contracts.knowledge_days import FIRST_KNOWLEDGE_DAY, week_ends
from amc_learning.settings import Settings

if TYPE_CHECKING:
    from amc_learning.warehouse import Warehouse

DayOfWeek = Annotated[
    date | None, typer.Option("--week", parser=day_argument, metavar="DAY", help="The week this day lies in.")
]
From = Annotated[
    date | None, typer.Option("--from", parser=day_argument, metavar="DAY", help="A day of the first week.")
]
To = Annotated[date | None, typer.Option("--to", parser=day_argument, metavar="DAY", help="A day of the last week.")]


def weekly(
    *,
    week: DayOfWeek = None,
    first: From = None,
    last: To = None,
    verbose: Verbose = False,
    json: JsonOption = False,
) -> None:
    """Run the weekly deep correction: the last week whose nights ran and weeks missed before it, or the weeks named."""
    settings = Settings()
    warehouse = open_warehouse(settings)
    weeks = _chosen(week, first, last) or _due(warehouse)
    started = perf_counter()
    result = run_weeks_through_dagster(settings, weeks, is_verbose=verbose)
    seconds = perf_counter() - started
    if json:
        report = {"weeks": [weeks[0], weeks[-1]], "is_success": result.is_success, "run_id": result.run_id}
        summary = week_summary(warehouse, weeks[-1]) if result.is_success else {"errors": result.errors}
        emit_json({**report, "seconds": round(seconds, 3), **summary})
    elif result.is_success:
        show_week(warehouse, weeks[-1])
        typer.echo(f"{len(weeks)} {'week' if len(weeks) == 1 else 'weeks'} in {seconds:.1f} s")
    else:
        complain(result)
    if not result.is_success:
        raise typer.Exit(1)


def run_weeks_through_dagster(settings: Settings, weeks: Sequence[date], *, is_verbose: bool = False) -> JobResult:
    """Run the weekly job for these weeks, told by their last knowledge days; their partitions are the Saturdays.

    Weeks with gaps between them take a run each range; the result is that of the last one that ran.

    Raises:
        WeekError: a night of one of them did not run; no run was begun.
    """
    from amc_learning.automation.jobs import WEEKLY_DEEP_CORRECTION  # noqa: PLC0415
    from amc_learning.stages.week import refuse_unfinished_weeks, without_gaps  # noqa: PLC0415

    refuse_unfinished_weeks(open_warehouse(settings), weeks)
    *earlier, last = [[week + timedelta(days=1) for week in part] for part in without_gaps(weeks)]
    for saturdays in earlier:
        result = run_job(settings, WEEKLY_DEEP_CORRECTION, saturdays, is_verbose=is_verbose)
        if not result.is_success:
            return result
    return run_job(settings, WEEKLY_DEEP_CORRECTION, last, is_verbose=is_verbose)


def week_summary(warehouse: "Warehouse", week: date) -> dict[str, Any]:
    """Headline, findings, counts and place of a week's report; empty when it has none."""
    from amc_learning.contracts.documents.names import WEEKLY_REPORT_DOCUMENT  # noqa: PLC0415

    document = warehouse.publications.document(WEEKLY_REPORT_DOCUMENT, week)
    if document is None:
        return {}
    return {
        "headline": document["headline"],
        "findings": document["findings"],
        "counts": document["counts"],
        "document": str(warehouse.publications.path(WEEKLY_REPORT_DOCUMENT)),
        "page": str(warehouse.publications.page_path(WEEKLY_REPORT_DOCUMENT, week)),
    }


def show_week(warehouse: "Warehouse", week: date, *, page: Path | None = None) -> None:
    """What a week's report found, in a few lines, and where its page lies: at `page`, or with its document."""
    summary = week_summary(warehouse, week)
    typer.echo(f"week to {week}: {summary['headline']}")
    for line in summary["findings"]:
        typer.echo(f"  {line}")
    typer.echo(f"people read {page or summary['page']}")


def _chosen(one: date | None, first: date | None, last: date | None) -> list[date]:
    """The last knowledge days of the weeks a person named; none when none was named."""
    if one and (first or last):
        raise typer.BadParameter("give either --week or --from and --to")
    if bool(first) != bool(last):
        raise typer.BadParameter("--from and --to come together")
    first, last = first or one, last or one
    if first is None or last is None:
        return []
    if first > last:
        raise typer.BadParameter("--from lies after --to")
    weeks = week_ends(first, last)
    if weeks[-1] > yesterday():
        raise typer.BadParameter(f"the week to {weeks[-1]} is not over; the last day that is over is {yesterday()}")
    if weeks[0] < FIRST_KNOWLEDGE_DAY:
        raise typer.BadParameter(f"the week to {weeks[0]} lies before the first knowledge day, {FIRST_KNOWLEDGE_DAY}")
    return weeks


def _due(warehouse: "Warehouse") -> list[date]:
    from amc_learning.stages.week import WeekError, due_weeks, last_finished_week  # noqa: PLC0415

    week = last_finished_week(warehouse, yesterday())
    if week is None:
        raise WeekError(f"no week up to {yesterday()} has all its nights; run them first: amc-learning run daily")
    return due_weeks(warehouse, week)
