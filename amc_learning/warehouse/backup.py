"""A copy of the whole data directory that can be trusted, made while everything runs.

Belongs here: what is copied, in which order, and the record by which every byte of the copy is verified. Not here:
when a copy is made and where it goes (cli, a timer of the operator).

The order makes the copy consistent: the inbox first, the tables after it, so that an event drained in between lies in
both and never in neither; stages wait for the whole of it, each table's writer while its table is copied. Databases
are copied by SQLite itself. Partitions are named by content and never change, so one that an earlier copy in the same
folder holds is linked and takes no room.
"""

import contextlib
import hashlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson

from amc_learning.warehouse.errors import StorageError, WarehouseError
from amc_learning.warehouse.files import (
    FILE_MODE,
    N_WRITERS,
    TEMPORARY_SUFFIX,
    in_threads,
    make_folder,
    sync_folder,
    write_atomically,
)
from amc_learning.warehouse.manifest import MANIFEST_NAME
from amc_learning.warehouse.opening import COPIES_FOLDER
from amc_learning.warehouse.publications import LOCK_NAME as PUBLICATIONS_LOCK
from amc_learning.warehouse.tables import LOCK_NAME as TABLE_LOCK
from amc_learning.warehouse.warehouse import SHARED_RANGES_FOLDER, Warehouse

RECORD_NAME = "backup.json"
PARTIAL_SUFFIX = ".partial"
_DATABASE_SUFFIXES = {".sqlite", ".db"}
_DATABASE_COMPANIONS = ("-wal", "-shm", "-journal")
_CHUNK_BYTES = 1 << 20

STORED_FOLDERS = ("tables", "published")
"""What lies on an object store where there is one."""

LEFT_OUT_FOLDERS = (COPIES_FOLDER, SHARED_RANGES_FOLDER)
"""What is of use while it lasts only."""


class BackupError(WarehouseError):
    """A backup that cannot be made, is damaged, or has nowhere to be restored to; data directories are untouched."""


@dataclass(frozen=True)
class CopiedFile:
    """One file of a backup."""

    path: str
    n_bytes: int
    sha256: str


@dataclass(frozen=True)
class Backup:
    """A backup as its record tells it."""

    folder: Path
    made_at: datetime
    files: tuple[CopiedFile, ...]

    @property
    def n_bytes(self) -> int:
        """Bytes of all files."""
        return sum(file.n_bytes for file in self.files)

    @property
    def n_tables(self) -> int:
        """Tables with a manifest."""
        return sum(Path(file.path).name == MANIFEST_NAME for file in self.files)


def back_up(warehouse: Warehouse, into: Path, *, made_at: datetime) -> Backup:
    """Copy the data directory to a new folder under `into`, named after the moment.

    Args:
        warehouse: what is copied; it may be in use.
        into: folder of backups, outside the data directory; created where it is missing.
        made_at: the moment, which names the copy.

    Raises:
        BackupError: `into` lies in the data directory, or that moment has a copy already.
        StorageError: the file system refused; no half copy is left under the final name.
    """
    into = into.expanduser().resolve()
    if into.is_relative_to(warehouse.data_dir):
        raise BackupError(f"{into} lies inside the data directory; choose a folder on another disk")
    folder = into / f"{made_at.astimezone(UTC):%Y-%m-%dT%H%M%SZ}"
    if folder.exists():
        raise BackupError(f"{folder} is there already; wait a second and run the same command again")
    partial = folder.with_name(folder.name + PARTIAL_SUFFIX)
    try:
        make_folder(into)
        shutil.rmtree(partial, ignore_errors=True)
        make_folder(partial)
        with warehouse.turn():
            files = _copy_all(warehouse, partial, _linkable(into))
        write_atomically(partial / RECORD_NAME, _record(made_at, files))
        os.sync()
        partial.replace(folder)
        sync_folder(into)
    except (OSError, sqlite3.Error) as error:
        raise StorageError(
            f"no backup was made: {error}; the data directory is untouched. Make room or choose another folder, then "
            "run the same command again"
        ) from error
    return Backup(folder, made_at, files)


def read_backup(folder: Path) -> Backup:
    """The backup in a folder, by its record; its files are not looked at.

    Raises:
        BackupError: no record, or one that is damaged.
    """
    path = folder / RECORD_NAME
    try:
        record = orjson.loads(path.read_bytes())
        files = tuple(CopiedFile(**file) for file in record["files"])
        is_intact = record["sha256"] == _files_sha256(files)
        made_at = datetime.fromisoformat(record["made_at"])
    except FileNotFoundError as error:
        raise BackupError(
            f"{folder} holds no {RECORD_NAME}, so it is no backup, or one that was not finished; "
            "name the folder that amc-learning backup printed"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise BackupError(f"{path} is damaged; use another backup") from error
    if not is_intact:
        raise BackupError(f"{path} does not carry the hash of its own list of files; use another backup")
    return Backup(folder, made_at, files)


def damage(backup: Backup) -> Iterator[str]:
    """One sentence per file of the backup that is missing, changed, or should not be there; none is good."""
    recorded = {file.path for file in backup.files}
    for file in backup.files:
        path = backup.folder / file.path
        try:
            found = _sha256(path)
        except OSError as error:
            yield f"{file.path} cannot be read ({error.strerror})"
            continue
        if found != file.sha256:
            yield f"{file.path} does not have the content that was copied ({path.stat().st_size} bytes)"
    for path in sorted(backup.folder.rglob("*")):
        name = path.relative_to(backup.folder).as_posix()
        if path.is_file() and name not in recorded and name != RECORD_NAME:
            yield f"{name} is no part of the backup"


def restore(backup: Backup, data_dir: Path, warehouse: Callable[[], Warehouse] | None = None) -> None:
    """Copy a backup to a data directory that is empty or missing, every byte verified before anything is in place.

    Args:
        backup: any, of a warehouse on this machine or on an object store.
        data_dir: where to.
        warehouse: opens the warehouse there, where it has tables and documents on an object store: they are put
            there, and nothing may lie there yet. None for a warehouse in folders of this machine.

    Raises:
        BackupError: the place is not empty, or a file is damaged, which is named; nothing is restored then.
        StorageError: the file system refused; the place is as it was.
    """
    data_dir = data_dir.expanduser().resolve()
    if data_dir.exists() and any(data_dir.iterdir()):
        raise BackupError(
            f"{data_dir} is not empty; a backup is restored into an empty place. Move it away, or name another one: "
            "AMC_LEARNING_DATA_DIR=PLACE amc-learning restore BACKUP"
        )
    partial = data_dir.with_name(data_dir.name + PARTIAL_SUFFIX)
    try:
        shutil.rmtree(partial, ignore_errors=True)
        make_folder(partial)
        in_threads(lambda file: _restore_file(file, backup.folder, partial), backup.files, N_WRITERS)
        os.sync()
        if data_dir.exists():
            data_dir.rmdir()
        partial.replace(data_dir)
        sync_folder(data_dir.parent)
    except OSError as error:
        raise StorageError(f"nothing was restored: {error}; make room, then run the same command again") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    if warehouse is not None:
        _put_on_store(warehouse(), backup)


def _put_on_store(warehouse: Warehouse, backup: Backup) -> None:
    """Move tables and documents of a restored data directory to the object store, what names others last."""
    storage, root = warehouse.storage, warehouse.tables_folder.parent
    if found := next((file for name in STORED_FOLDERS for file in storage.files(root / name)), None):
        raise BackupError(
            f"{storage.address(found.path)} is there already; a backup is restored into an empty place. Name another "
            f"one (AMC_LEARNING_WAREHOUSE_URL) and remove {warehouse.data_dir}, then run the same command again"
        )
    stored = [root / file.path for file in backup.files if file.path.split("/")[0] in STORED_FOLDERS]
    is_named_by_others = [path for path in stored if path.suffix == ".parquet"]

    def put(path: Path) -> None:
        storage.replace(path, (warehouse.data_dir / path.relative_to(root)).read_bytes(), None)

    try:
        in_threads(put, is_named_by_others, storage.n_readers)
        in_threads(put, sorted(set(stored) - set(is_named_by_others)), storage.n_readers)
        shutil.rmtree(warehouse.data_dir / "tables")
    except OSError as error:
        raise StorageError(
            f"tables and documents are not all restored: {error}; {storage.remedy}. Remove what lies under "
            f"{warehouse.warehouse_url} and {warehouse.data_dir}, then run the same command again"
        ) from error


def _restore_file(file: CopiedFile, source: Path, target: Path) -> None:
    make_folder((target / file.path).parent)
    if _copied(source / file.path, target / file.path, file.path) != file:
        raise BackupError(
            f"{file.path} of {source} does not have the content that was copied; nothing was restored. "
            "Use another backup, or look for all damage: amc-learning restore --verify BACKUP"
        )


def _copy_all(warehouse: Warehouse, target: Path, linkable: Mapping[tuple[str, str], Path]) -> tuple[CopiedFile, ...]:
    """Inbox, then tables, then documents, then the rest; sorted by path in the record."""
    source = warehouse.data_dir
    files = _copy_folder(source / "inbox", source, target, linkable)
    is_local = warehouse.warehouse_url is None
    files += (_copy_stored if is_local else _copy_objects)(warehouse, target, linkable)
    for path in sorted(source.iterdir()):
        if path.is_dir() and path.name not in {"inbox", *STORED_FOLDERS, *LEFT_OUT_FOLDERS}:
            files += _copy_folder(path, source, target, linkable)
        elif path.is_file() and _is_copied(path):
            files.append(_copy_file(path, source, target, linkable))
    return tuple(sorted(files, key=lambda file: file.path))


def _copy_stored(warehouse: Warehouse, target: Path, linkable: Mapping[tuple[str, str], Path]) -> list[CopiedFile]:
    """Tables and documents in folders of this machine."""
    source, files = warehouse.data_dir, []
    for path in sorted(warehouse.tables_folder.iterdir()):
        if path.is_dir():
            with warehouse.storage.locked(path / TABLE_LOCK, is_shared=True):
                files += _copy_folder(path, source, target, linkable)
        elif _is_copied(path):
            files.append(_copy_file(path, source, target, linkable))
    publications = warehouse.publications.root
    with warehouse.storage.locked(publications / PUBLICATIONS_LOCK, is_shared=True):
        files += _copy_folder(publications, source, target, linkable)
    return files


def _copy_objects(warehouse: Warehouse, target: Path, linkable: Mapping[tuple[str, str], Path]) -> list[CopiedFile]:
    """Tables and documents on an object store, under the names they would have on this machine."""
    storage, tables, publications = warehouse.storage, warehouse.tables_folder, warehouse.publications.root
    earlier = {name: (sha256, path) for (name, sha256), path in linkable.items()}

    def copy(path: Path) -> CopiedFile:
        name = path.relative_to(tables.parent).as_posix()
        place = target / name
        make_folder(place.parent)
        sha256, linked = earlier.get(name, ("", None))
        # named by content: what an earlier backup holds under this name need not be asked for
        if path.suffix == ".parquet" and sha256.startswith(path.stem) and _is_linked(linked, place, sha256):
            return CopiedFile(name, place.stat().st_size, sha256)
        content = storage.read(path)
        with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE), "wb") as written:
            written.write(content)
        return CopiedFile(name, len(content), hashlib.sha256(content).hexdigest())

    files = in_threads(copy, [tables / name for name in storage.names(tables)], storage.n_readers)
    for folder, lock in [
        *((table.folder, TABLE_LOCK) for table in warehouse.tables.values()),
        (publications, PUBLICATIONS_LOCK),
    ]:
        with storage.locked(folder / lock, is_shared=True):
            files += in_threads(copy, [file.path for file in storage.files(folder)], storage.n_readers)
    return files


def _copy_folder(
    folder: Path, source: Path, target: Path, linkable: Mapping[tuple[str, str], Path]
) -> list[CopiedFile]:
    def copied(path: Path) -> CopiedFile | None:
        # who runs beside us may take away what is not a table: a log, a file of bars taken in meanwhile
        with contextlib.suppress(FileNotFoundError):
            return _copy_file(path, source, target, linkable)
        return None

    paths = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink() and _is_copied(path)]
    return [file for file in in_threads(copied, paths, N_WRITERS) if file is not None]


def _is_copied(path: Path) -> bool:
    """Everything but locks, unfinished files, and what belongs to an open database."""
    name = path.name
    return not (
        name.endswith((".lock", TEMPORARY_SUFFIX))
        or (name.endswith(_DATABASE_COMPANIONS) and path.with_name(name.rsplit("-", 1)[0]).exists())
    )


def _copy_file(path: Path, source: Path, target: Path, linkable: Mapping[tuple[str, str], Path]) -> CopiedFile:
    name = path.relative_to(source).as_posix()
    copy = target / name
    make_folder(copy.parent)
    if path.suffix in _DATABASE_SUFFIXES:
        return _copied_database(path, copy, name)
    if linkable and _is_linked(linkable.get((name, sha256 := _sha256(path))), copy, sha256):
        return CopiedFile(name, copy.stat().st_size, sha256)
    return _copied(path, copy, name)


def _is_linked(earlier: Path | None, copy: Path, sha256: str) -> bool:
    """Whether the file of an earlier backup serves; one that has decayed since does not."""
    if earlier is None:
        return False
    try:
        if _sha256(earlier) != sha256:
            return False
        os.link(earlier, copy)
    except OSError:
        return False
    return True


def _copied(path: Path, copy: Path, name: str) -> CopiedFile:
    """Copy one file; the hash is of the bytes that were read. Flushed by the caller, once for all files."""
    digest, n_bytes = hashlib.sha256(), 0
    descriptor = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
    with path.open("rb") as read, os.fdopen(descriptor, "wb") as written:
        while chunk := read.read(_CHUNK_BYTES):
            digest.update(chunk)
            n_bytes += written.write(chunk)
    return CopiedFile(name, n_bytes, digest.hexdigest())


def _copied_database(path: Path, copy: Path, name: str) -> CopiedFile:
    """Copy a database with its own means: a consistent state, whoever writes meanwhile."""
    os.close(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE))
    with (
        contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as read,
        contextlib.closing(sqlite3.connect(copy)) as written,
    ):
        read.backup(written)
        # one file without companions, whatever the mode of the original; who opens it next chooses again
        written.execute("PRAGMA journal_mode=DELETE")
    return CopiedFile(name, copy.stat().st_size, _sha256(copy))


def _linkable(into: Path) -> dict[tuple[str, str], Path]:
    """Files of the newest backup in this folder by path and hash; none when there is no earlier one."""
    for folder in sorted(into.iterdir(), reverse=True):
        with contextlib.suppress(BackupError):
            return {(file.path, file.sha256): folder / file.path for file in read_backup(folder).files}
    return {}


def _record(made_at: datetime, files: tuple[CopiedFile, ...]) -> bytes:
    record = {"made_at": made_at.astimezone(UTC).isoformat(), "sha256": _files_sha256(files), "files": list(files)}
    return orjson.dumps(record, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def _files_sha256(files: tuple[CopiedFile, ...]) -> str:
    return hashlib.sha256(orjson.dumps(list(files), option=orjson.OPT_SORT_KEYS)).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
