"""`amc-learning corrections list | veto | expire | release`: what is corrected, and a person's word on it."""

from typing import Annotated

import typer

from amc_learning.cli.common import JsonOption, emit_json, now, open_warehouse, print_table
from amc_learning.settings import Settings

app = typer.Typer(no_args_is_help=True, help="What is corrected because it failed systematically.")
Name = Annotated[str, typer.Argument(help="Name of the correction, as `corrections list` shows it.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept with the order.")]


@app.command("list", epilog="Example: amc-learning corrections list --json")
def list_(*, json: JsonOption = False) -> None:
    """List the corrections in force, proposed, and ended in the last 90 days."""
    table = open_warehouse(Settings()).table("corrections")
    day = table.days()[-1:]
    rows = table.read(day[0], day[0]) if day else table.table.empty()
    if json:
        emit_json(rows.to_dicts())
        return
    columns = ["name", "kind", "target", "factor", "raise_points", "severity", "status", "expires_on", "verdict"]
    title = f"{rows.height} corrections" + (f" ({day[0]})" if day else "")
    print_table(title, columns, rows.select(columns).iter_rows())
    for name, reason in rows.select("name", "reason").iter_rows():
        typer.echo(f"  {name}: {reason}")


@app.command(epilog='Example: amc-learning corrections veto thesis-source-ai --reason "the feed was broken"')
def veto(name: Name, *, reason: Reason = "not given") -> None:
    """End a correction and keep it away, also when its pattern is found again, until `release`."""
    _order("veto", name, reason)


@app.command(epilog="Example: amc-learning corrections expire thesis-source-ai")
def expire(name: Name, *, reason: Reason = "not given") -> None:
    """End a correction now; new failures may bring it back."""
    _order("expire", name, reason)


@app.command(epilog="Example: amc-learning corrections release thesis-source-ai")
def release(name: Name, *, reason: Reason = "not given") -> None:
    """Take a veto back: when the pattern is found again, it is corrected again."""
    _order("release", name, reason)


def _order(action: str, name: str, reason: str) -> None:
    """Keep what a person ordered, and decide and publish today on it."""
    from amc_learning.stages.orders import CorrectionOrder, carry_out_correction  # noqa: PLC0415

    settings = Settings()
    order = CorrectionOrder(action, name, reason)
    document = carry_out_correction(open_warehouse(settings), settings, order, requested_at=now())
    in_force = ", ".join(entry["name"] for entry in document["in_force"]) or "none"
    typer.echo(f"{action}: {name}; in force from {document['known_on']}: {in_force}")
