"""`amc-learning demo`: the whole loop on a simulated market, in two minutes on a fresh machine without network.

It keeps to a data directory of its own (`<data directory>/sample`), so that nothing simulated mixes with anything real.
"""

from dataclasses import replace
from datetime import date, timedelta
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer

from amc_learning.cli.common import now, open_warehouse, print_table
from amc_learning.cli.cycle import backfill_days
from amc_learning.cli.dagster_runs import run_job
from amc_learning.cli.week import run_weeks_through_dagster, show_week
from amc_learning.contracts.knowledge_days import knowledge_days
from amc_learning.settings import Settings

if TYPE_CHECKING:
    from amc_learning.warehouse import Warehouse

DAYS_THROUGH_DAGSTER = 5
"""The last days go through Dagster one run, so that its UI has something to show; the rest is history."""


def demo(
    *, sessions: Annotated[int | None, typer.Option(min=30, max=600, help="Length of the market; default 200.")] = None
) -> None:
    """Simulate a market, ingest it, run the daily and the weekly cycle over it, and show what they found.

    Example: amc-learning demo --sessions 60
    """
    settings = Settings()
    settings = settings.model_copy(update={"data_dir": settings.data_dir / "sample"})
    started = perf_counter()
    typer.secho(
        "A SIMULATED market: planted truths, made-up prices. Nothing below says anything about real stocks.", bold=True
    )
    dates = _ingest_sample(settings, sessions)
    days = knowledge_days(dates[0], dates[-1])
    backfill_days(settings, days[:-DAYS_THROUGH_DAGSTER], is_quiet=False)
    typer.echo(f"the last {DAYS_THROUGH_DAGSTER} days run through Dagster: daily_correction_cycle")
    result = run_job(settings, "daily_correction_cycle", days[-DAYS_THROUGH_DAGSTER:])
    if not result.is_success:
        typer.secho("\n".join(result.errors), err=True, fg="red")
        raise typer.Exit(1)
    _show(settings, days[-1])
    _judge_last_week(settings, days[-1])
    typer.echo(f"\n{perf_counter() - started:.0f} s. Look around with:")
    for command in (
        "weights show",
        "report",
        "report --weekly",
        "status",
        'sql "select * from weight_decisions order by known_on desc limit 6"',
        "up",
    ):
        typer.echo(f"  AMC_LEARNING_DATA_DIR={settings.data_dir} .venv/bin/amc-learning {command}")


def _judge_last_week(settings: Settings, day: date) -> None:
    """Run the weekly cycle for the last week that is over, and say what it found."""
    from amc_learning.stages.week import last_finished_week  # noqa: PLC0415

    warehouse = open_warehouse(settings)
    week = last_finished_week(warehouse, day)
    if week is None:
        return
    typer.echo(f"\nthe week to {week} runs through Dagster: weekly_deep_correction")
    result = run_weeks_through_dagster(settings, [week])
    if not result.is_success:
        typer.secho("\n".join(result.errors), err=True, fg="red")
        raise typer.Exit(1)
    show_week(warehouse, week)


def _ingest_sample(settings: Settings, n_sessions: int | None) -> list[date]:
    """Write the simulated market as files and take them in as any other; its sessions."""
    from amc_learning.simulation.market import simulate_market, write_market  # noqa: PLC0415
    from amc_learning.simulation.rules import SAMPLE, SAMPLE_INDEX_HISTORY  # noqa: PLC0415
    from amc_learning.stages import ingest as stage  # noqa: PLC0415
    from amc_learning.stages.sessions import sessions_between  # noqa: PLC0415

    rules = SAMPLE if n_sessions is None else replace(SAMPLE, n_sessions=n_sessions)
    first, day = rules.first_session, timedelta(days=1)
    before = sessions_between(settings, first - 2 * SAMPLE_INDEX_HISTORY * day, first - day)["session_date"].to_list()
    after = sessions_between(settings, first, first + 2 * rules.n_sessions * day)["session_date"].to_list()
    sessions: list[date] = after[: rules.n_sessions]
    market = simulate_market(rules, sessions, index_sessions=before[-SAMPLE_INDEX_HISTORY:])
    files = write_market(market, settings.data_dir / "feed")
    warehouse, received_at = open_warehouse(settings), now()
    for file, ingest in (
        (files.index, stage.ingest_index),
        (files.bars, stage.ingest_bars),
        (files.discovery, stage.ingest_discovery),
        (files.theses, stage.ingest_theses),
        (files.trades, stage.ingest_trades),
    ):
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
    print_table(
        f"Do scores order returns? ({day}, selected candidates of 90 days)",
        titles,
        correlations.select(columns).iter_rows(),
    )
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
    _show_theses(warehouse, settings, day)
    _show_trades(warehouse, day)
    _show_failures(warehouse, day)
    _show_regimes(warehouse, day)
    typer.echo(f"discovery reads {warehouse.publications.path('weights')}")
    typer.echo(f"people read {warehouse.publications.page_path('daily_report', day)}")


def _show_theses(warehouse: "Warehouse", settings: Settings, day: date) -> None:
    """How often each source was right, how sure it was, and by what its confidence is multiplied now."""
    import polars as pl  # noqa: PLC0415

    accuracy = warehouse.table("thesis_accuracy").read(day, day)
    accuracy = accuracy.filter(horizon=settings.theses.horizon, group_kind="source").rename({"group": "source"})
    multipliers = warehouse.table("calibration_decisions").read(day, day).filter(pl.col("recommendation") == "all")
    rows = accuracy.join(multipliers.select("source", "multiplier", "method"), on="source", how="left")
    columns = ["source", "n_theses", "accuracy", "ci_low", "ci_high", "mean_confidence", "multiplier", "method"]
    titles = ["source", "theses", "right", "ci low", "ci high", "mean confidence", "multiplier", "calibrated by"]
    typer.echo()
    print_table(
        f"Were theses right? ({settings.theses.horizon}, 90 days)",
        titles,
        rows.select(columns).sort("source").iter_rows(),
    )


def _show_trades(warehouse: "Warehouse", day: date) -> None:
    """What closed trades earned, by how they ended."""
    parts = warehouse.table("performance_attribution").read(day, day)
    parts = parts.filter(parts["dimension"].is_in(["exit_reason", "source", "total"])).sort("dimension", "value")
    columns = ["dimension", "value", "n_trades", "realised_pnl_usd", "win_rate", "mean_return"]
    titles = ["by", "value", "trades", "profit and loss, USD", "won", "mean return"]
    typer.echo()
    print_table("What did closed trades earn? (90 days)", titles, parts.select(columns).iter_rows())


def _show_failures(warehouse: "Warehouse", day: date) -> None:
    """What fails systematically, and what is done about it."""
    import polars as pl  # noqa: PLC0415

    patterns = warehouse.table("failure_patterns").read(day, day).filter(pl.col("status") == "systematic")
    columns = ["kind", "pattern", "severity", "n_failures", "n_cases", "failure_rate", "base_rate"]
    titles = ["of", "pattern", "severity", "failed", "cases", "rate", "rate elsewhere"]
    typer.echo()
    print_table("What fails systematically?", titles, patterns.select(columns).iter_rows())
    in_force = warehouse.table("corrections").read(day, day).filter(pl.col("status") == "active")
    columns = ["name", "kind", "target", "factor", "in_force_from", "expires_on"]
    titles = ["correction", "of", "target", "factor", "since", "until"]
    typer.echo()
    print_table("What is corrected?", titles, in_force.select(columns).iter_rows())


def _show_regimes(warehouse: "Warehouse", day: date) -> None:
    """Which regime the index was in, and since when."""
    import polars as pl  # noqa: PLC0415

    nights = warehouse.table("market_regimes").read(None, day)
    nights = nights.filter(pl.col("basis") == "index", pl.col("regime").is_not_null())
    starts = nights.filter(pl.col("is_change") | (pl.col("known_on") == pl.col("known_on").min()))
    spans = [f"{regime} from {known_on}" for known_on, regime in starts.select("known_on", "regime").iter_rows()]
    typer.echo(f"\nthe index was {', '.join(spans) or 'not understood yet: its history is too short'}")
