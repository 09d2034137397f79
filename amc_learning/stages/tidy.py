"""Removing what grows without use, as the retention settings say: counts, settled quarantine, pages, old backups.

What a crash left unfinished goes too, a day after.

Belongs here: what lies in the data directory and in a folder of backups. Not here: runs of Dagster (automation.tidy).
Events, tables and documents are never removed; a page is drawn again from its document when somebody asks.
"""

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from amc_learning.settings import Settings
from amc_learning.warehouse import Warehouse
from amc_learning.warehouse.backup import Backup, BackupError, read_backup
from amc_learning.warehouse.leftovers import sweep, sweep_unfinished

SPARED = timedelta(days=1)
"""A reader may still look for what a manifest of minutes ago named."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class Removed:
    """One kind of thing: how many are older than is kept, and how many bytes of files they take."""

    what: str
    older_than: date | None
    """None: it is kept for ever."""
    n_removed: int
    n_bytes: int | None = None
    """None where it lies in a database, which uses the room again and gives none back."""


def tidy(warehouse: Warehouse, settings: Settings, *, now: datetime, is_dry: bool = False) -> list[Removed]:
    """Remove what the settings do not keep, or with `is_dry` only count it.

    Raises:
        StorageError: the inbox refused; what was removed before stays removed, and the same call may be made again.
    """
    keep = settings.retention
    before = now - timedelta(days=keep.request_records_days)
    found = [Removed("sums of requests", before.date(), warehouse.requests.forget(before, is_dry=is_dry))]
    found.append(_settled(warehouse, keep.settled_quarantine_days, now, is_dry=is_dry))
    found.append(_pages(warehouse.data_dir / "published" / "pages", keep.pages_days, now, is_dry=is_dry))
    found.append(_leftovers(warehouse, now, is_dry=is_dry))
    return found


def _leftovers(warehouse: Warehouse, now: datetime, *, is_dry: bool) -> Removed:
    spared = SPARED.total_seconds()
    swept = set(sweep_unfinished(warehouse.data_dir, older_than_seconds=spared, is_dry=is_dry))
    for table in warehouse.tables.values():
        swept.update(sweep(table, older_than_seconds=spared, is_dry=is_dry))
    return Removed("files a crash left", (now - SPARED).date(), len(swept))


def _settled(warehouse: Warehouse, days: int | None, now: datetime, *, is_dry: bool) -> Removed:
    what = "settled quarantine items"
    if days is None:
        return Removed(what, None, 0)
    before = now - timedelta(days=days)
    return Removed(what, before.date(), warehouse.inbox.forget_settled_quarantine(before, is_dry=is_dry))


def _pages(folder: Path, days: int | None, now: datetime, *, is_dry: bool) -> Removed:
    if days is None:
        return Removed("report pages", None, 0)
    before = (now - timedelta(days=days)).date()
    old = [
        page for page in folder.glob("*/*.html") if _DAY.fullmatch(page.stem) and date.fromisoformat(page.stem) < before
    ]
    n_bytes = sum(page.stat().st_size for page in old)
    for page in () if is_dry else old:
        page.unlink(missing_ok=True)
    return Removed("report pages", before, len(old), n_bytes)


def old_backups(into: Path, keep: int) -> Sequence[Backup]:
    """Backups of a folder beyond the newest `keep`, oldest first; what is no backup of ours is none of them."""
    found = []
    for folder in sorted(into.iterdir()) if into.is_dir() else ():
        try:
            found.append(read_backup(folder))
        except (BackupError, NotADirectoryError):
            continue
    return sorted(found, key=lambda backup: backup.made_at)[:-keep]


def remove_backups(backups: Sequence[Backup]) -> None:
    """Remove whole backups: their record first, so that what is left of one that was interrupted is no backup."""
    for backup in backups:
        (backup.folder / "backup.json").unlink(missing_ok=True)
        shutil.rmtree(backup.folder)
