"""`amc-learning demo`: the whole loop on a simulated market, in two minutes on a fresh machine without network.

It keeps to a data directory of its own (`<data directory>/sample`), so that nothing simulated mixes with anything real.
"""

from datetime import date, timedelta
from time import perf_counter

import typer

from amc_learning.cli.common import now, open_warehouse, print_table
from amc_learning.cli.cycle import backfill_days
from amc_learning.cli.dagster_runs import run_job
from amc_learning.contracts.knowledge_days import knowledge_days
from amc_learning.settings import Settings

DAYS_THROUGH_DAGSTER = 5
"""The last days go through Dagster one run, so that its UI has something to show; the rest is history."""


def demo() -> None:
    """Simulate a market, ingest it, run the daily correction cycle over it, and show what it found."""
    settings = Settings()
    settings = settings.model_copy(update={"data_dir": settings.data_dir / "sample"})
    started = perf_counter()
    typer.secho(
        "A SIMULATED market: planted truths, made-up prices. Nothing below says anything about real stocks.", bold=True
    )
    sessions = _ingest_sample(settings)
    days = knowledge_days(sessions[0], sessions[-1])
    backfill_days(settings, days[:-DAYS_THROUGH_DAGSTER], is_quiet=False)
    typer.echo(f"the last {DAYS_THROUGH_DAGSTER} days run through Dagster: daily_correction_cycle")
    result = run_job(settings, "daily_correction_cycle", days[-DAYS_THROUGH_DAGSTER:])
    if not result.is_success:
        typer.secho("\n".join(result.errors), err=True, fg="red")
        raise typer.Exit(1)
    _show(settings, days[-1])
    typer.echo(f"\n{perf_counter() - started:.0f} s. Look around with:")
    for command in (
        "weights show",
        "status",
        'sql "select * from weight_decisions order by known_on desc limit 6"',
        "up",
    ):
        typer.echo(f"  AMC_LEARNING_DATA_DIR={settings.data_dir} .venv/bin/amc-learning {command}")


def _ingest_sample(settings: Settings) -> list[date]:
    """Write the simulated market as files and take them in as any other; its sessions."""
    from amc_learning.market_calendar import exchange_sessions  # noqa: PLC0415
    from amc_learning.simulation.market import simulate_market, write_market  # noqa: PLC0415
    from amc_learning.simulation.rules import SAMPLE  # noqa: PLC0415
    from amc_learning.stages.ingest import ingest_bars, ingest_discovery, ingest_index  # noqa: PLC0415

    first, enough = SAMPLE.first_session, timedelta(days=2 * SAMPLE.n_sessions)
    sessions: list[date] = exchange_sessions(settings.market.exchange, first, first + enough)["session_date"].to_list()
    sessions = sessions[: SAMPLE.n_sessions]
    files = write_market(simulate_market(SAMPLE, sessions), settings.data_dir / "feed")
    warehouse, received_at = open_warehouse(settings), now()
    for file, ingest in ((files.index, ingest_index), (files.bars, ingest_bars), (files.discovery, ingest_discovery)):
        report = ingest(warehouse, settings, [file], received_at=received_at)
        known = f", {report.n_duplicates:,} already known" if report.n_duplicates else ""
        typer.echo(f"ingested {report.kind}: {report.n_accepted:,} of {report.n_read:,}{known}")
    return sessions


def _show(settings: Settings, day: date) -> None:
    import polars as pl  # noqa: PLC0415

    warehouse = open_warehouse(settings)
    horizon = settings.weights.evidence_horizon
    correlations = warehouse.table("correlation_table").read(day, day).filter(pl.col("population") == "selected")
    correlations = correlations.sort(pl.col("horizon").replace_strict(settings.outcomes.horizons), maintain_order=True)
    columns = [
        "feature",
        "horizon",
        "mean_information_coefficient",
        "ci_low",
        "ci_high",
        "q_value",
        "n_days",
        "evidence",
    ]
    titles = ["feature", "horizon", "mean IC", "ci low", "ci high", "q", "days", "evidence"]
    typer.echo()
    print_table(f"Do scores order returns? ({day}, 90 days)", titles, correlations.select(columns).iter_rows())
    thresholds = warehouse.table("threshold_table").read(day, day).filter(pl.col("horizon") == horizon)
    columns = ["feature", "scope", "decision", "threshold", "lift", "lift_ci_low", "lift_ci_high", "n_pairs"]
    titles = ["feature", "scope", "decision", "threshold", "lift", "ci low", "ci high", "pairs"]
    typer.echo()
    print_table(f"From which score does it pay? ({horizon})", titles, thresholds.select(columns).iter_rows())
    decisions = warehouse.table("weight_decisions").read(day, day)
    first = warehouse.table("weight_decisions").days()[0]
    start = dict(
        warehouse.table("weight_decisions").read(first, first).select("component", "previous_weight").iter_rows()
    )
    rows = [
        [row["component"], start[row["component"]], row["previous_weight"], row["suggested_weight"], row["weight"]]
        for row in decisions.to_dicts()
    ]
    typer.echo()
    print_table("Weights", ["component", f"on {first}", "night before", "suggested", "in force"], rows)
    typer.echo(decisions["reason"].first())
    moved = (
        warehouse.table("weight_decisions").read(None, day).filter(pl.col("status") == "active")["known_on"].n_unique()
    )
    typer.echo(f"weights moved in {moved} of {len(warehouse.table('weight_decisions').days())} nights")
    typer.echo(f"discovery reads {warehouse.publications.path('weights')}")
