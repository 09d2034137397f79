"""`amc-learning backup | restore`: a copy of everything that can be trusted, and the way back."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from amc_learning.cli.common import JsonOption, emit_json, now, open_warehouse
from amc_learning.settings import Settings

if TYPE_CHECKING:
    from amc_learning.warehouse.backup import Backup

MAX_NAMED = 20
"""Damaged files named one by one; a disk that lost more is told by their number."""


def folder_argument(text: str) -> Path:
    """A folder typed by a person; an empty one, like that of an unset variable, would mean the working directory."""
    if not text.strip():
        raise typer.BadParameter("is empty; name a folder, like /mnt/backups, or . for the working directory")
    return Path(text)


Folder = Annotated[
    Path, typer.Argument(parser=folder_argument, metavar="INTO", help="Folder of backups, outside the data directory.")
]
Source = Annotated[
    Path,
    typer.Argument(
        parser=folder_argument, metavar="SOURCE", help="One backup: the folder that amc-learning backup printed."
    ),
]


def backup(
    into: Folder,
    *,
    keep: Annotated[
        int | None,
        typer.Option(min=1, help="Backups left in the folder, the newest; default retention.backups, or all."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Copy the whole data directory while it is in use; files an earlier copy there has take no room again.

    Example: amc-learning backup /mnt/backups
    """
    from amc_learning.stages.tidy import old_backups, remove_backups  # noqa: PLC0415
    from amc_learning.warehouse.backup import back_up  # noqa: PLC0415

    settings = Settings()
    warehouse = open_warehouse(settings)
    made = back_up(warehouse, into, made_at=now())
    n_kept = keep or settings.retention.backups
    gone = old_backups(into, n_kept) if n_kept else ()
    remove_backups(gone)
    if json:
        emit_json(
            {
                "folder": str(made.folder),
                "removed": [str(one.folder) for one in gone],
                "n_files": len(made.files),
                "n_bytes": made.n_bytes,
            }
        )
        return
    typer.echo(f"{len(made.files):,} files, {made.n_bytes / 2**20:,.1f} MiB in {made.folder}")
    for one in gone:
        typer.echo(f"removed the backup of {one.made_at:%Y-%m-%d %H:%M} UTC")
    if settings.inbox_url:
        typer.echo("the inbox lies on a server and is not among them: back it up there, and first (docs/operations.md)")
    typer.echo(f"look at it: amc-learning restore --verify {made.folder}")


def restore(
    source: Source,
    *,
    verify: Annotated[
        bool, typer.Option("--verify", help="Only check every file of the backup against its hash; restore nothing.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Restore a backup into the data directory, which must be empty or missing; every byte is verified first.

    Example: AMC_LEARNING_DATA_DIR=/srv/amc amc-learning restore /mnt/backups/2026-11-29T140000Z
    """
    from amc_learning.warehouse import backup as backups  # noqa: PLC0415

    found = backups.read_backup(source)
    if verify:
        _tell_damage(found, list(backups.damage(found)), json=json)
        return
    settings = Settings()
    data_dir = settings.data_dir
    backups.restore(found, data_dir, (lambda: open_warehouse(settings)) if settings.warehouse_url else None)
    if json:
        emit_json({"data_dir": str(data_dir), "n_files": len(found.files), "n_bytes": found.n_bytes})
        return
    typer.echo(f"{len(found.files):,} files of {found.made_at:%Y-%m-%d %H:%M} UTC restored into {data_dir}, verified")
    if settings.warehouse_url:
        typer.echo(f"tables and documents were put on {settings.warehouse_url}")
    typer.echo("look at it: amc-learning doctor")


def _tell_damage(found: "Backup", damaged: list[str], *, json: bool) -> None:
    if json:
        emit_json({"n_files": len(found.files), "damaged": damaged})
    elif damaged:
        for sentence in damaged[:MAX_NAMED]:
            typer.secho(sentence, err=True, fg="red")
        typer.secho(f"{len(damaged):,} of {len(found.files):,} files are damaged; use another backup", err=True)
    else:
        typer.echo(f"all {len(found.files):,} files of {found.made_at:%Y-%m-%d %H:%M} UTC are as they were copied")
    if damaged:
        raise typer.Exit(1)
