"""Published documents of an object store as files on this machine, for those who read files or must not wait.

Belongs here: noticing that documents changed, and copying them. Not here: what a reader does with them (service).
"""

import contextlib
import logging
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from amc_learning.warehouse.files import make_folder, write_if_changed
from amc_learning.warehouse.publications import SHADOW_FOLDER, Publications
from amc_learning.warehouse.storage import StoredFile

if TYPE_CHECKING:
    from amc_learning.warehouse.object_storage import ObjectStorage
    from amc_learning.warehouse.warehouse import Warehouse

LOG = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""Between two looks at the documents in force: one listing of a few names."""

LOOK_AT_ALL_SECONDS = 300.0
"""Between two looks at history and pages, which else are looked at when a document in force changed."""


def for_readers(warehouse: "Warehouse") -> "tuple[Warehouse, Mirror | None]":
    """The warehouse with its documents as files of this machine, and what keeps them up to date where they are copies.

    Args:
        warehouse: any; one in a folder of this machine is given back as it is.
    """
    if warehouse.warehouse_url is None:
        return warehouse, None
    folder = warehouse.data_dir / "published"
    mirror = Mirror(cast("ObjectStorage", warehouse.storage), warehouse.publications.root, folder)
    return replace(warehouse, publications=Publications(folder)), mirror


class Mirror:
    """A folder that follows the documents under `source`; files that are gone there go here too."""

    def __init__(self, storage: "ObjectStorage", source: Path, folder: Path) -> None:
        self._storage, self._source, self._folder = storage, source, folder
        self._versions: dict[Path, str | None] = {}
        self._in_force: dict[Path, str | None] | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.trouble: str | None = None

    def refresh(self, *, is_thorough: bool = False) -> None:
        """Copy what changed: everything, where a document in force changed or it is asked for.

        Raises:
            OSError: the store does not answer; what was copied before stays.
        """
        in_force = {
            file.path: file.version
            for folder in (self._source, self._source / SHADOW_FOLDER)
            for file in self._storage.files_in(folder)
        }
        if in_force == self._in_force and not is_thorough:
            return
        found = {file.path: file for file in self._storage.files(self._source)}
        # history first, as it is published: the document in force is never one that its history does not have
        for path in sorted(found, key=lambda path: (path in in_force, path)):
            self._copy(found[path])
        for path in self._copied() - found.keys():
            self._place(path).unlink(missing_ok=True)
            self._versions.pop(path, None)
        self._in_force = in_force

    def start(self) -> None:
        """Copy everything, then follow in a thread of its own; a store that does not answer leaves the last copy."""
        self._look(is_thorough=True)
        self._thread = threading.Thread(target=self._follow, name="published-mirror", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop following."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _follow(self) -> None:
        n_looks = 0
        while not self._stopping.wait(LOOK_SECONDS):
            n_looks += 1
            self._look(is_thorough=n_looks % round(LOOK_AT_ALL_SECONDS / LOOK_SECONDS) == 0)

    def _look(self, *, is_thorough: bool) -> None:
        try:
            self.refresh(is_thorough=is_thorough)
        except OSError as error:
            trouble = f"published documents stay as they were last copied: {error.strerror or error}"
            if trouble != self.trouble:
                LOG.warning(trouble)
            self.trouble = trouble
        else:
            self.trouble = None

    def _copy(self, file: StoredFile) -> None:
        place = self._place(file.path)
        if file.path in self._versions and self._versions[file.path] == file.version:
            return
        # withdrawn since the listing: the next look sees it
        with contextlib.suppress(FileNotFoundError):
            content = self._storage.read(file.path)
            make_folder(place.parent)
            write_if_changed(place, content)
            self._versions[file.path] = file.version

    def _copied(self) -> set[Path]:
        """What lies here, by its name there; lock files and the like are nobody's copy."""
        return {
            self._source / path.relative_to(self._folder)
            for path in self._folder.rglob("*")
            if path.is_file() and not path.name.startswith(".")
        }

    def _place(self, path: Path) -> Path:
        return self._folder / path.relative_to(self._source)
