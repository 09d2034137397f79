"""What a crash or a refused write leaves behind: found by its name, and removed.

Belongs here: telling leftovers from what counts. Not here: how a write keeps from leaving any (tables, files).
"""

import contextlib
import os
import time
from pathlib import Path

from amc_learning.warehouse.files import is_unfinished
from amc_learning.warehouse.frames import DAY
from amc_learning.warehouse.partitions import MONTH
from amc_learning.warehouse.tables import LOCK_NAME, PartitionedTable


def sweep(table: PartitionedTable, *, older_than_seconds: float = 0.0, is_dry: bool = False) -> list[Path]:
    """Remove data files the manifest does not name, and temporary files; returns their paths.

    It waits for a writer at work, so it never takes a file that is about to be committed.

    Args:
        table: any; nothing is done where it was never written.
        older_than_seconds: spares files that a reader with the previous manifest in hand may still be looking for.
        is_dry: only say what would be removed.
    """
    storage = table.storage
    if next(storage.files(table.folder), None) is None:
        return []
    with storage.locked(table.folder / LOCK_NAME):
        written_before = time.time() - older_than_seconds
        named = {table.path(entry) for entry in table.entries()}
        leftovers = [
            file.path
            for file in storage.files(table.folder)
            if file.path not in named and _is_ours(table, file.path) and file.changed_at <= written_before
        ]
        for path in () if is_dry else leftovers:
            storage.remove(path, with_folder=path.parent != table.folder)
    return sorted(leftovers)


def sweep_unfinished(folder: Path, *, older_than_seconds: float = 0.0, is_dry: bool = False) -> list[Path]:
    """Remove files that never got their name, wherever they lie under a folder; returns their paths.

    Documents, pages, copies and records are written beside their place too. It waits for nobody: what a writer is at
    work on is spared by its age.

    Args:
        folder: may be missing.
        older_than_seconds: since the last change of a file.
        is_dry: only say what would be removed.
    """
    written_before = time.time() - older_than_seconds
    leftovers = []
    for parent, _, names in os.walk(folder):
        for path in (Path(parent, name) for name in names if is_unfinished(name)):
            # its writer may be alive, and put it in its place now
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime <= written_before:
                    leftovers.append(path)
    for path in () if is_dry else leftovers:
        path.unlink(missing_ok=True)
    return sorted(leftovers)


def _is_ours(table: PartitionedTable, path: Path) -> bool:
    """Whether a write that is cut short leaves files of this name; what a person put beside the table stays."""
    is_of_days = path.parent.parent == table.folder and path.parent.name.startswith((f"{DAY}=", f"{MONTH}="))
    return is_unfinished(path.name) or (is_of_days and path.suffix == ".parquet")
