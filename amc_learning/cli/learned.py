"""`amc-learning theses | trades | failures | report`: what the loop found about theses, trades and failures."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from amc_learning.cli.common import (
    JsonOption,
    emit_json,
    knowledge_day_argument,
    open_warehouse,
    print_pairs,
    print_table,
)
from amc_learning.settings import Settings

if TYPE_CHECKING:
    import polars as pl

    from amc_learning.warehouse import Warehouse

OnDay = Annotated[
    date | None,
    typer.Option(
        "--date", parser=knowledge_day_argument, metavar="DAY", help="As known on this day; default the last."
    ),
]


def theses(*, date_: OnDay = None, json: JsonOption = False) -> None:
    """Show how often theses were right, how sure they were, and what their confidence is worth.

    Example: amc-learning theses --date 2014-12-15
    """
    settings = Settings()
    warehouse = open_warehouse(settings)
    accuracy = _rows(warehouse, "thesis_accuracy", date_)
    accuracy = accuracy.filter(accuracy["horizon"] == settings.theses.horizon)
    calibrations = _rows(warehouse, "calibration_decisions", date_)
    comparison = _rows(warehouse, "source_comparisons", date_)
    if json:
        names = ("accuracy", "calibration", "ai_against_rules")
        emit_json(
            {name: rows.to_dicts() for name, rows in zip(names, (accuracy, calibrations, comparison), strict=True)}
        )
        return
    intervals = ["ci_low", "ci_high", "clustered_ci_low", "clustered_ci_high"]
    columns = ["group_kind", "group", "n_theses", "accuracy", *intervals, "mean_confidence", "brier_score"]
    day = _day_of(accuracy)
    window = f"{settings.theses.horizon}, {settings.analysis.window_days} days"
    print_table(f"Were theses right? ({day}, {window})", columns, _shown(accuracy, columns))
    columns = [
        "source",
        "recommendation",
        "method",
        "multiplier",
        "n_theses",
        "brier_sent",
        "brier_calibrated",
        "status",
    ]
    print_table(f"What is their confidence worth? ({_day_of(calibrations)})", columns, _shown(calibrations, columns))
    columns = ["horizon", "n_days", "ai_accuracy", "rule_based_accuracy", "accuracy_difference", "accuracy_ci_low"]
    columns = [*columns, "accuracy_ci_high", "evidence"]
    print_table("AI against rules", columns, _shown(comparison, columns))


def trades(*, date_: OnDay = None, json: JsonOption = False) -> None:
    """Show what closed trades earned and what that is made of, open positions, and what could not be matched.

    Example: amc-learning trades
    """
    warehouse = open_warehouse(Settings())
    attribution = _rows(warehouse, "performance_attribution", date_)
    positions = _rows(warehouse, "trade_positions", date_)
    positions = positions.filter(positions["status"] == "open")
    issues = warehouse.table("ledger_issues").read(None, date_)
    counted = dict(issues["issue"].value_counts().sort("issue").iter_rows()) if issues.height else {}
    if json:
        emit_json({"attribution": attribution.to_dicts(), "n_open": positions.height, "issues": issues.to_dicts()})
        return
    columns = ["dimension", "value", "n_trades", "realised_pnl_usd", "win_rate", "mean_return", "ci_low", "ci_high"]
    print_table(f"Where do profit and loss come from? ({_day_of(attribution)})", columns, _shown(attribution, columns))
    print_pairs({"open positions": positions.height, "ledger issues": issues.height, **counted})


def failures(*, date_: OnDay = None, json: JsonOption = False) -> None:
    """Show what fails systematically, and the patterns that are only watched.

    Example: amc-learning failures --json
    """
    import polars as pl  # noqa: PLC0415

    patterns = _rows(open_warehouse(Settings()), "failure_patterns", date_)
    patterns = patterns.sort(pl.col("status") != "systematic", "adjusted_p_value", "kind", "pattern", nulls_last=True)
    if json:
        emit_json(patterns.to_dicts())
        return
    columns = ["kind", "pattern", "status", "severity", "n_failures", "n_cases", "failure_rate", "base_rate"]
    columns = [*columns, "adjusted_p_value", "last_failed_on"]
    print_table(f"What fails? ({_day_of(patterns)})", columns, _shown(patterns, columns))


def report(
    *,
    date_: OnDay = None,
    weekly: Annotated[bool, typer.Option("--weekly", help="The report of the week the day lies in.")] = False,
    to: Annotated[Path | None, typer.Option("--to", dir_okay=False, help="Write the page here as well.")] = None,
    json: JsonOption = False,
) -> None:
    """Draw the page of a daily or weekly report and say where it lies; --json prints the report itself.

    Examples: amc-learning report --date 2014-12-15; amc-learning report --weekly
    """
    if weekly:
        _weekly_report(date_, to, json=json)
        return
    from amc_learning.contracts.documents.names import REPORT_DOCUMENT  # noqa: PLC0415
    from amc_learning.stages.publish import PublicationError  # noqa: PLC0415
    from amc_learning.stages.publish_documents import draw_page  # noqa: PLC0415

    warehouse = open_warehouse(Settings())
    day = date_ or next(iter(reversed(warehouse.publications.history(REPORT_DOCUMENT))), None)
    if day is None:
        raise PublicationError("no report yet; run a night first: amc-learning run daily")
    page = draw_page(warehouse, day)
    document = warehouse.publications.document(REPORT_DOCUMENT, day) or {}
    if json:
        emit_json(document)
        return
    if to is not None:
        to.write_bytes(page.read_bytes())
    typer.echo(f"{day}: {document['headline']}")
    for warning in document["risk_warnings"]:
        typer.echo(f"  {warning}")
    typer.echo(str(to or page))


def _weekly_report(day: date | None, to: Path | None, *, json: bool) -> None:
    from amc_learning.cli.week import show_week  # noqa: PLC0415
    from amc_learning.contracts.documents.names import WEEKLY_REPORT_DOCUMENT  # noqa: PLC0415
    from amc_learning.contracts.knowledge_days import week_end  # noqa: PLC0415
    from amc_learning.stages.publish import PublicationError  # noqa: PLC0415
    from amc_learning.stages.weekly_report import draw_weekly_page  # noqa: PLC0415

    warehouse = open_warehouse(Settings())
    reported = warehouse.publications.history(WEEKLY_REPORT_DOCUMENT)
    if day is None and not reported:
        raise PublicationError("no weekly report yet; run a week first: amc-learning run weekly")
    week = reported[-1] if day is None else week_end(day)
    page = draw_weekly_page(warehouse, week)
    if json:
        emit_json(warehouse.publications.document(WEEKLY_REPORT_DOCUMENT, week))
        return
    if to is not None:
        to.write_bytes(page.read_bytes())
    show_week(warehouse, week, page=to or page)


def _rows(warehouse: "Warehouse", table: str, day: date | None) -> "pl.DataFrame":
    """The rows of a table on its last day up to this one; none when there is no such day."""
    stored = warehouse.table(table)
    known = stored.days()[-1:] if day is None else [found] if (found := stored.latest_on_or_before(day)) else []
    return stored.read(known[0], known[0]) if known else stored.table.empty()


def _day_of(rows: "pl.DataFrame") -> str:
    return str(rows["known_on"][0]) if rows.height else "nothing yet"


def _shown(rows: "pl.DataFrame", columns: list[str]) -> list[list[Any]]:
    return [list(row) for row in rows.select(columns).iter_rows()]
