"""Where the bytes of tables and documents lie: one set of verbs, and the folder of this machine that answers to them.

Belongs here: the verbs that tables, publications and the record of reopened days use, and the local form. Not here:
object stores (object_storage), locks (locks), what the bytes mean.

A place is named by a path under the root of the warehouse, wherever its bytes lie. Data files are named by their
content and never change; every other file is replaced as a whole.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from amc_learning.warehouse.files import (
    FOLDER_MODE,
    has_content,
    make_folder,
    sync_folder,
    write_all_atomically,
    write_atomically,
    write_if_changed,
)
from amc_learning.warehouse.locks import FileLocks, Locks


class ChangedMeanwhile(OSError):  # noqa: N818 - the state of the store is the message, not the act of raising
    """Another wrote the file after it was read here, so it was not replaced."""


@dataclass(frozen=True)
class StoredFile:
    """One file as a listing tells it; `changed_at` in seconds since 1970."""

    path: Path
    n_bytes: int
    changed_at: float
    version: str | None = None


@dataclass(frozen=True)
class Seen:
    """A file that is replaced as a whole, as it was read; `version` is None where the lock alone guards it."""

    content: bytes
    version: str | None


class Storage(Protocol):
    """The verbs. All raise OSError, FileNotFoundError where a file is missing; paths lie under the warehouse's root."""

    @property
    def n_readers(self) -> int:
        """How many data files are best read at a time."""

    @property
    def remedy(self) -> str:
        """What to do where it refuses, as a part of a sentence."""

    def address(self, path: Path) -> str:
        """Where the bytes of a path lie, for people."""

    def locked(self, path: Path, *, is_shared: bool = False) -> AbstractContextManager[None]:
        """Hold the lock of a path, against every thread, process and machine that uses this storage."""

    def tried(self, path: Path) -> AbstractContextManager[bool]:
        """Hold the lock of a path if nobody has it now; whether it is held."""

    def make_folder(self, folder: Path) -> None:
        """Make a folder and its parents, where storage has folders."""

    def read(self, path: Path) -> bytes:
        """The bytes as they are stored now."""

    def look(self, path: Path) -> Seen | None:
        """The bytes of a file that will be replaced; None where there is none."""

    def read_data(self, path: Path) -> bytes:
        """The bytes of a data file; a copy of it on this machine serves."""

    def fetch(self, paths: Sequence[Path]) -> None:
        """Make data files readable at their paths by programs that know only files."""

    def write_data(self, folder: Path, contents: Mapping[Path, bytes]) -> None:
        """Store data files of one table durably, each whole or not at all."""

    def replace(self, path: Path, content: bytes, seen: Seen | None) -> None:
        """Replace a file that was looked at, whole or not at all.

        Raises:
            ChangedMeanwhile: it is not as it was seen; nothing was replaced.
        """

    def write_if_changed(self, path: Path, content: bytes) -> bool:
        """Store a file unless it has this content already; whether it was written."""

    def write_changed(self, folder: Path, contents: Mapping[Path, bytes]) -> list[bool]:
        """As `write_if_changed` for files of one folder, in their order."""

    def keep_only(self, folder: Path, kept: str | None, replaced: str | None, spared: str) -> None:
        """Remove the data files of a folder that are no longer named; what cannot be removed stays.

        Args:
            folder: of one knowledge day.
            kept: the file that is named, None where none is.
            replaced: the file that was named before.
            spared: ending of names that are left alone.
        """

    def set_aside(self, path: Path, suffix: str) -> None:
        """Give a damaged file another name, with this suffix."""

    def remove(self, path: Path, *, with_folder: bool = False) -> None:
        """Remove a file, and its folder where it is empty then and asked for; fine where there is none."""

    def changed_at(self, path: Path) -> float | None:
        """When a file was written, in seconds since 1970; None where there is none."""

    def names(self, folder: Path) -> list[str]:
        """Names of the files right in a folder; none where it is missing."""

    def files(self, folder: Path) -> Iterator[StoredFile]:
        """All files under a folder, those below it included."""


@dataclass(frozen=True)
class LocalStorage:
    """Folders of this machine, or shared with others; durable by fsync and rename."""

    locks: Locks = field(default_factory=FileLocks)

    n_readers = 1
    """The disk is not waited for: files that were just written or read are in memory."""

    remedy = "Make room or mend the disk"

    def address(self, path: Path) -> str:
        """As `Storage.address`."""
        return str(path)

    def locked(self, path: Path, *, is_shared: bool = False) -> AbstractContextManager[None]:
        """As `Storage.locked`."""
        return self.locks.locked(path, is_shared=is_shared)

    def tried(self, path: Path) -> AbstractContextManager[bool]:
        """As `Storage.tried`."""
        return self.locks.tried(path)

    def make_folder(self, folder: Path) -> None:
        """As `Storage.make_folder`."""
        make_folder(folder)

    def read(self, path: Path) -> bytes:
        """As `Storage.read`."""
        return path.read_bytes()

    def look(self, path: Path) -> Seen | None:
        """As `Storage.look`."""
        try:
            return Seen(path.read_bytes(), None)
        except FileNotFoundError:
            return None

    def read_data(self, path: Path) -> bytes:
        """As `Storage.read_data`."""
        return path.read_bytes()

    def fetch(self, paths: Sequence[Path]) -> None:
        """As `Storage.fetch`: they lie there."""

    def write_data(self, folder: Path, contents: Mapping[Path, bytes]) -> None:
        """As `Storage.write_data`."""
        for path in contents:
            with contextlib.suppress(FileExistsError):
                path.parent.mkdir(mode=FOLDER_MODE)
        write_all_atomically(folder, contents)
        sync_folder(folder)

    def replace(self, path: Path, content: bytes, seen: Seen | None) -> None:  # noqa: ARG002 - the lock is enough here
        """As `Storage.replace`."""
        write_atomically(path, content)

    def write_if_changed(self, path: Path, content: bytes) -> bool:
        """As `Storage.write_if_changed`."""
        return write_if_changed(path, content)

    def write_changed(self, folder: Path, contents: Mapping[Path, bytes]) -> list[bool]:
        """As `Storage.write_changed`."""
        changed = {path: content for path, content in contents.items() if not has_content(path, content)}
        write_all_atomically(folder, changed)
        return [path in changed for path in contents]

    def keep_only(self, folder: Path, kept: str | None, replaced: str | None, spared: str) -> None:  # noqa: ARG002 - looks itself
        """As `Storage.keep_only`; what an earlier crash left goes with it."""
        with contextlib.suppress(OSError):
            for path in folder.iterdir():
                if path.name != kept and not path.name.endswith(spared):
                    path.unlink()
            if kept is None:
                folder.rmdir()

    def set_aside(self, path: Path, suffix: str) -> None:
        """As `Storage.set_aside`."""
        path.replace(path.with_name(path.name + suffix))

    def remove(self, path: Path, *, with_folder: bool = False) -> None:
        """As `Storage.remove`."""
        path.unlink(missing_ok=True)
        if with_folder:
            with contextlib.suppress(OSError):
                path.parent.rmdir()

    def changed_at(self, path: Path) -> float | None:
        """As `Storage.changed_at`."""
        try:
            return path.stat().st_mtime
        except FileNotFoundError:
            return None

    def names(self, folder: Path) -> list[str]:
        """As `Storage.names`."""
        return [path.name for path in folder.glob("*")] if folder.is_dir() else []

    def files(self, folder: Path) -> Iterator[StoredFile]:
        """As `Storage.files`."""
        for path in folder.rglob("*"):
            # who runs beside us may take a file away meanwhile
            with contextlib.suppress(FileNotFoundError):
                if path.is_file() and not path.is_symlink():
                    found = path.stat()
                    yield StoredFile(path, found.st_size, found.st_mtime)


LOCAL = LocalStorage()
