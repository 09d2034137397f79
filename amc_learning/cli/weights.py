"""`amc-learning weights`: what is in force and why, how it came there, and how a person takes it back."""

from datetime import date
from typing import Annotated

import typer

from amc_learning.cli.common import JsonOption, emit_json, knowledge_day_argument, now, open_warehouse, print_table
from amc_learning.settings import Settings

app = typer.Typer(no_args_is_help=True, help="The weights in force: show, history, diff, rollback, release.")
Reason = Annotated[str, typer.Option(help="Why, kept with the decision.")]
Day = Annotated[date, typer.Argument(parser=knowledge_day_argument, metavar="DAY", help="A knowledge day: 2014-12-15.")]


@app.command(epilog="Example: amc-learning weights show --date 2014-12-15")
def show(
    *,
    date_: Annotated[
        date | None, typer.Option("--date", parser=knowledge_day_argument, metavar="DAY", help="Default: current.")
    ] = None,
    shadow: Annotated[bool, typer.Option("--shadow", help="Those in shadow, which would be in force.")] = False,
    json: JsonOption = False,
) -> None:
    """Show the published weights, their evidence and the reason."""
    active = open_warehouse(Settings()).publications
    publications = active.shadow if shadow else active
    document = publications.document("weights", date_) if date_ else publications.current("weights")
    if document is None:
        where = (
            " in shadow" if shadow else "; what is in shadow shows --shadow" if active.shadow.history("weights") else ""
        )
        missing = f"no weights of {date_} are published" if date_ else "nothing is published yet"
        run = f"amc-learning run daily --date {date_}" if date_ else "amc-learning run daily"
        typer.echo(f"{missing}{where}; run a night first: {run}", err=True)
        raise typer.Exit(1)
    if json:
        emit_json(document)
        return
    mode = "  in shadow" if shadow else ""
    typer.echo(f"{document['parameters_version']}  {document['status']}{mode}\n{document['reason']}\n")
    previous = document["previous"]["weights"]
    horizon = document["improvement"]["horizon"]
    rows = []
    for name, before in previous.items():
        weight = document["data"]["optimized_parameters"][f"{name}_weight"]
        seen = document["evidence"].get(name, {}).get(horizon, {})
        rows.append(
            [name, before, weight, weight - before, seen.get("mean_information_coefficient"), seen.get("ci_low"),
             seen.get("ci_high"), seen.get("n_days")]
        )  # fmt: skip
    columns = [
        "component",
        "before",
        "in shadow" if shadow else "in force",
        "change",
        f"IC {horizon}",
        "ci low",
        "ci high",
        "days",
    ]
    print_table(f"weights known on {document['known_on']}", columns, rows)
    typer.echo("IC: over all scored symbols where controls allow it, else over the selected candidates")


@app.command(epilog="Example: amc-learning weights history --last 20")
def history(
    *, last: Annotated[int, typer.Option(min=1, help="How many decisions.")] = 15, json: JsonOption = False
) -> None:
    """List the last decisions, newest first."""
    import polars as pl  # noqa: PLC0415

    table = open_warehouse(Settings()).table("weight_decisions")
    days = table.days()[-last:]
    if not days:
        typer.echo("no decision has been made yet; run a night first: amc-learning run daily", err=True)
        raise typer.Exit(1)
    decisions = table.read(days[0], days[-1])
    rows = (
        decisions.group_by("known_on", maintain_order=True)
        .agg(
            pl.col("status", "mode").first(),
            largest_change=pl.col("change").abs().max(),
            weights=pl.format("{} {}", pl.col("component"), pl.col("weight").round(3)).str.join(", "),
            reason=pl.col("reason").first(),
        )
        .sort("known_on", descending=True)
    )
    if json:
        emit_json(rows.to_dicts())
    else:
        print_table("weight decisions", rows.columns, rows.iter_rows())


@app.command(epilog="Example: amc-learning weights diff 2014-12-01 2014-12-15")
def diff(first: Day, second: Day, *, json: JsonOption = False) -> None:
    """Compare the weights published for two knowledge days."""
    from amc_learning.stages.publish import published_weights  # noqa: PLC0415

    warehouse = open_warehouse(Settings())
    before, after = (published_weights(warehouse, day)["data"]["optimized_parameters"] for day in (first, second))
    rows = [[name, before.get(name), weight, weight - before.get(name, 0.0)] for name, weight in after.items()]
    if json:
        emit_json([dict(zip(("parameter", str(first), str(second), "change"), row, strict=True)) for row in rows])
    else:
        print_table("weights", ["parameter", str(first), str(second), "change"], rows)


@app.command(epilog='Example: amc-learning weights rollback 2014-12-01 --reason "technical feed was broken"')
def rollback(day: Day, *, reason: Reason = "not given") -> None:
    """Hold the weights of an earlier day, from now on: within the daily limit every night, until `release`."""
    _order("rollback", day, reason)


@app.command(epilog='Example: amc-learning weights release --reason "feed repaired"')
def release(*, reason: Reason = "not given") -> None:
    """End a rollback: nights decide on evidence again. Refused when no rollback holds."""
    _order("release", None, reason)


def _order(action: str, target: date | None, reason: str) -> None:
    """Keep what a person ordered, so that every later night knows, and decide and publish today on it."""
    from amc_learning.stages.orders import OperatorOrder, carry_out  # noqa: PLC0415

    settings = Settings()
    document = carry_out(open_warehouse(settings), settings, OperatorOrder(action, target, reason), requested_at=now())
    typer.echo(f"{document['parameters_version']}  {document['status']}\n{document['reason']}")
