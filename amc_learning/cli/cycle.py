"""`amc-learning run daily` and `amc-learning backfill`: the nightly cycle through Dagster, long history without it."""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from amc_learning.cli.common import JsonOption, emit_json, knowledge_day_argument, open_warehouse, yesterday
from amc_learning.cli.dagster_home import prepare_dagster_home
from amc_learning.contracts.knowledge_days import knowledge_days
from amc_learning.settings import Settings

if TYPE_CHECKING:
    from amc_learning.warehouse import Warehouse


class Record(StrEnum):
    """Of which days of a backfill Dagster is told."""

    LAST = "last"
    ALL = "all"


app = typer.Typer(no_args_is_help=True, help="Run a cycle through Dagster, in this process.")
From = Annotated[date | None, typer.Option("--from", parser=knowledge_day_argument, metavar="DAY")]
To = Annotated[date | None, typer.Option("--to", parser=knowledge_day_argument, metavar="DAY")]


@app.command(
    epilog="Examples: amc-learning run daily; run daily --date 2014-12-15; run daily --from 2014-12-01 --to 2014-12-15"
)
def daily(
    *,
    date_: Annotated[
        date | None,
        typer.Option(
            "--date", parser=knowledge_day_argument, metavar="DAY", help="Default: yesterday's knowledge day."
        ),
    ] = None,
    first: From = None,
    last: To = None,
    verbose: Annotated[bool, typer.Option(help="Show Dagster's own log.")] = False,
    json: JsonOption = False,
) -> None:
    """Run the daily correction cycle for one knowledge day, or for a range of days in a single run."""
    if date_ and (first or last):
        raise typer.BadParameter("give either --date or --from and --to")
    if bool(first) != bool(last):
        raise typer.BadParameter("--from and --to come together")
    settings = Settings()
    days = knowledge_days(first, last) if first and last else [date_ or yesterday()]
    if not days:
        raise typer.BadParameter("--from lies after --to")
    started = perf_counter()
    result = run_daily(settings, days, verbose=verbose)
    seconds = perf_counter() - started
    report = {"days": [str(days[0]), str(days[-1])], "is_success": result.success, "run_id": result.run_id}
    if json:
        emit_json({**report, "seconds": round(seconds, 3), **night_summary(open_warehouse(settings), days[-1])})
    elif result.success:
        summary = night_summary(open_warehouse(settings), days[-1])
        typer.echo(f"{days[-1]}: {summary['reason']}")
        typer.echo(f"{len(days)} knowledge days in {seconds:.1f} s; published {summary['document']}")
    else:
        for event in result.all_events:
            if event.is_failure and event.step_key and event.event_specific_data:
                error = getattr(event.event_specific_data, "error", None)
                cause = error.cause if error and error.cause else error
                typer.secho(
                    f"{event.step_key}: {cause.message.strip() if cause else event.message}", err=True, fg="red"
                )
        typer.secho(f"the run failed; see it with: amc-learning up (run {result.run_id})", err=True, fg="red")
    if not result.success:
        raise typer.Exit(1)


def run_daily(settings: Settings, days: Sequence[date], *, verbose: bool = False) -> Any:
    """Run the job for these consecutive knowledge days in this process, recorded in the Dagster instance."""
    prepare_dagster_home(settings)
    import dagster as dg  # noqa: PLC0415

    from amc_learning.automation.jobs import DAILY_CORRECTION_CYCLE  # noqa: PLC0415
    from amc_learning.automation.sensors import RANGE_END, RANGE_START  # noqa: PLC0415
    from amc_learning.definitions import build_defs  # noqa: PLC0415

    job = build_defs(settings=settings).resolve_job_def(DAILY_CORRECTION_CYCLE)
    run_config = {"loggers": {"console": {"config": {"log_level": "INFO" if verbose else "CRITICAL"}}}}
    with dg.DagsterInstance.get() as instance:
        if len(days) == 1:
            return job.execute_in_process(
                instance=instance, partition_key=str(days[0]), run_config=run_config, raise_on_error=False
            )
        tags = {RANGE_START: str(days[0]), RANGE_END: str(days[-1])}
        return job.execute_in_process(instance=instance, tags=tags, run_config=run_config, raise_on_error=False)


def night_summary(warehouse: "Warehouse", day: date) -> dict[str, Any]:
    """Status, reason and document of a day's decision."""
    from amc_learning.stages.publish import published_weights  # noqa: PLC0415

    document = published_weights(warehouse, day)
    return {
        "status": document["status"],
        "reason": document["reason"],
        "weights": document["data"]["optimized_parameters"],
        "document": str(warehouse.publications.path("weights")),
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
    json: JsonOption = False,
) -> None:
    """Run the cycle over long history with the same stages, without a Dagster event for every asset and day.

    Dagster is told of the last day only, unless asked for every day: an event for every asset and day takes several
    times longer than the work itself. Example: amc-learning backfill --from 2008-01-02 --to 2014-12-15
    """
    settings = Settings()
    days = knowledge_days(first, last)
    if not days:
        raise typer.BadParameter("--from lies after --to")
    started = perf_counter()
    stages = backfill_days(settings, days, is_quiet=json)
    tell_dagster(settings, days, record)
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

    from amc_learning.stages.collect import drain_discovery_events  # noqa: PLC0415
    from amc_learning.stages.cycle import DAILY_STAGES, run_days  # noqa: PLC0415

    warehouse = open_warehouse(settings)
    seconds = {stage.name: 0.0 for stage in DAILY_STAGES}
    text, percent = TextColumn("{task.description:<22}"), TextColumn("{task.percentage:>3.0f} %")
    with Progress(text, BarColumn(), percent, TimeElapsedColumn(), disable=is_quiet, transient=True) as progress:
        task = progress.add_task("draining the inbox", total=len(days) * len(DAILY_STAGES))
        drain_discovery_events(warehouse)
        mark = perf_counter()
        for stage, bite in run_days(warehouse, settings, days):
            seconds[stage.name] += perf_counter() - mark
            mark = perf_counter()
            progress.update(task, advance=len(bite), description=stage.name)
    return {name: round(value, 3) for name, value in seconds.items()}


def tell_dagster(settings: Settings, days: Sequence[date], record: Record) -> None:
    """Record the last day or every day of a backfill for every asset, so that the UI shows what exists and whence."""
    prepare_dagster_home(settings)
    import dagster as dg  # noqa: PLC0415

    from amc_learning.stages.cycle import DAILY_STAGES  # noqa: PLC0415

    metadata: dict[str, str | int] = {"backfilled": f"{days[0]} to {days[-1]}", "n_knowledge_days": len(days)}
    with dg.DagsterInstance.get() as instance:
        for day in days if record is Record.ALL else days[-1:]:
            for name in ("discovery_events", *(stage.name for stage in DAILY_STAGES)):
                event = dg.AssetMaterialization(
                    name, partition=str(day), metadata=metadata, description="Written by amc-learning backfill."
                )
                instance.report_runless_asset_event(event)
