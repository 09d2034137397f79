"""`amc-learning quarantine list | show | replay | settle`: what could not be understood, and trying it again."""

from dataclasses import asdict
from typing import Annotated

import typer

from amc_learning.cli.common import JsonOption, emit_json, now, open_warehouse, print_pairs, print_table
from amc_learning.settings import Settings

KINDS = ("discovery", "thesis", "trade", "bars", "index")

app = typer.Typer(no_args_is_help=True, help="What could not be understood, kept with its reason.")


@app.command("list", epilog="Example: amc-learning quarantine list --json")
def list_(*, json: JsonOption = False) -> None:
    """List everything in quarantine that is not settled, oldest first."""
    items = open_warehouse(Settings()).inbox.quarantined()
    if json:
        emit_json(items.to_dicts())
    else:
        columns = ["id", "kind", "source", "field", "reason"]
        print_table(f"{items.height:,} in quarantine", columns, items.select(columns).iter_rows())


@app.command(epilog="Example: amc-learning quarantine show 7f3a")
def show(identifier: Annotated[str, typer.Argument(help="Its id, or the first letters of it.")]) -> None:
    """Show one item with its payload as received."""
    print_pairs(asdict(open_warehouse(Settings()).inbox.quarantine_item(identifier)))


@app.command(epilog="Example: amc-learning quarantine settle 7f3a")
def settle(identifier: Annotated[str, typer.Argument(help="Its id, or the first letters of it.")]) -> None:
    """Mark one item as dealt with: it is kept, but no longer listed, until the same trouble comes again."""
    typer.echo(f"settled {open_warehouse(Settings()).inbox.resolve_quarantine(identifier)}")


@app.command(epilog="Example: amc-learning quarantine replay --kind thesis")
def replay(
    identifier: Annotated[
        str | None, typer.Argument(help="Its id, or the first letters of it; without one, everything not settled.")
    ] = None,
    *,
    kind: Annotated[str | None, typer.Option(help=f"Only {', '.join(KINDS)}.")] = None,
    json: JsonOption = False,
) -> None:
    """Try again to understand what is in quarantine, after a fix or a change of settings; what works is settled."""
    from amc_learning.stages.replay_quarantine import replay_quarantine  # noqa: PLC0415

    if kind is not None and kind not in KINDS:
        raise typer.BadParameter(f"--kind {kind}: there is no such kind; there are {', '.join(KINDS)}")
    settings = Settings()
    report = replay_quarantine(open_warehouse(settings), settings, identifier=identifier, kind=kind, now=now())
    if json:
        emit_json(report)
        return
    typer.echo(
        f"{report.n_tried:,} tried: {report.n_accepted:,} accepted, {report.n_duplicates:,} known already, "
        f"{report.n_still_apart:,} still not understood"
    )
    for message in report.messages:
        typer.echo(f"  {message}")
