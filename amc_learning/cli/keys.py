"""`amc-learning keys create | list | revoke`: who may send and read when the service is not on loopback."""

from typing import TYPE_CHECKING, Annotated, cast

import typer

from amc_learning.cli.common import JsonOption, emit_json, now, print_table
from amc_learning.settings import Settings

if TYPE_CHECKING:
    from amc_learning.service.keys import KeyRing, Scope

app = typer.Typer(no_args_is_help=True, help="API keys of the service; once there is one, every request needs one.")
Name = Annotated[str, typer.Argument(help="Name of the key: who uses it, for example discovery.")]


@app.command(epilog="Example: amc-learning keys create discovery --scope write --scope read")
def create(
    name: Name,
    *,
    scope: Annotated[list[str] | None, typer.Option(help="read, write; repeat for both, which is the default.")] = None,
) -> None:
    """Make a key and show it: only its hash is kept, so it cannot be shown again."""
    from amc_learning.service.keys import SCOPES  # noqa: PLC0415

    unknown = sorted(set(scope or ()) - set(SCOPES))
    if unknown:
        raise typer.BadParameter(f"{unknown[0]!r} is no scope; there are {', '.join(SCOPES)}")
    typer.echo(_ring().create(name, cast("list[Scope]", scope or SCOPES), now=now()))
    typer.echo("Give it to the sender now: it is kept nowhere.", err=True)


@app.command("list", epilog="Example: amc-learning keys list --json")
def list_(*, json: JsonOption = False) -> None:
    """List the names and scopes of the keys there are."""
    keys = [{"name": key.name, "scopes": list(key.scopes), "created_at": key.created_at} for key in _ring().all()]
    if json:
        emit_json(keys)
    else:
        rows = [[key["name"], ", ".join(key["scopes"]), key["created_at"]] for key in keys]
        print_table(f"{len(keys)} keys", ["name", "scopes", "made at"], rows)


@app.command(epilog="Example: amc-learning keys revoke discovery-old")
def revoke(name: Name) -> None:
    """Forget a key: within a second it is not known to a running service."""
    _ring().revoke(name)
    typer.echo(f"revoked {name}")


def _ring() -> "KeyRing":
    from amc_learning.service.keys import KeyRing  # noqa: PLC0415

    return KeyRing(Settings().data_dir.expanduser().resolve())
