"""The warehouse of one data directory: inbox, tables and published documents in their places.

Belongs here: the layout of the data directory. Not here: how each part stores (tables, inbox, publications).
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Self

from amc_learning.contracts.tables import Catalogue, catalogue
from amc_learning.warehouse.errors import StorageError
from amc_learning.warehouse.files import make_folder
from amc_learning.warehouse.opening import COPIES_FOLDER, open_storage
from amc_learning.warehouse.publications import Publications
from amc_learning.warehouse.storage import Storage
from amc_learning.warehouse.tables import PartitionedTable

if TYPE_CHECKING:
    from amc_learning.warehouse.inbox import Inbox
    from amc_learning.warehouse.requests import RequestRecords

SHARED_RANGES_FOLDER = "shared_ranges"
"""Folder beside the tables for what workers tell one another while they share a range."""

TURN_NAME = ".cycle.lock"
"""Lock file beside the tables for those who read, compute and write."""


@dataclass(frozen=True)
class Warehouse:
    """Everything stored for one feature set under one data directory.

    `inbox/events.sqlite` holds events not yet drained, `tables/` the partitions, `published/` the documents, and
    `dagster/` is left to Dagster. Folders are private to the owner. The inbox opens its database on first use.
    Of a warehouse on an object store `published/` is a copy for readers of files, and `store/` holds copies of data
    files; both may be removed.
    """

    data_dir: Path
    catalogue: Catalogue = field(repr=False)
    tables: Mapping[str, PartitionedTable] = field(repr=False)
    publications: Publications = field(repr=False)
    inbox_url: str = field(repr=False)
    storage: Storage = field(repr=False)
    warehouse_url: str | None = None

    @classmethod
    def open(
        cls,
        data_dir: Path,
        components: Sequence[str],
        inbox_url: str | None = None,
        *,
        warehouse_url: str | None = None,
        turns: str | None = None,
    ) -> Self:
        """The warehouse under `data_dir`, which is created where it is missing.

        Args:
            data_dir: the one folder everything is kept in.
            components: names of the feature set's component scores, in order; they decide the columns.
            inbox_url: database URL of the inbox; None for SQLite under `data_dir`.
            warehouse_url: where tables and documents lie; None for `data_dir`.
            turns: what makes writers take turns, "files" or "database"; None for files, and for the database where
                there is a `warehouse_url`.

        Raises:
            StorageError: these settings do not go together; names the one to change.
        """
        data_dir = data_dir.expanduser().resolve()
        for name in ("inbox", "published", "dagster", *(("tables",) if warehouse_url is None else ())):
            make_folder(data_dir / name)
        declared = catalogue(components)
        root = data_dir if warehouse_url is None else data_dir / COPIES_FOLDER
        storage = open_storage(root, inbox_url, warehouse_url, turns)
        return cls(
            data_dir=data_dir,
            catalogue=declared,
            tables=MappingProxyType(
                {table.name: PartitionedTable(root / "tables", table, storage) for table in declared}
            ),
            publications=Publications(root / "published", storage),
            inbox_url=inbox_url or f"sqlite:///{data_dir / 'inbox' / 'events.sqlite'}",
            storage=storage,
            warehouse_url=warehouse_url,
        )

    @property
    def tables_folder(self) -> Path:
        """Folder of the tables; of an object store, that of their copies."""
        return self.data_dir / "tables" if self.warehouse_url is None else self.data_dir / COPIES_FOLDER / "tables"

    @property
    def shared_ranges_folder(self) -> Path:
        """Folder of the ranges that workers share now; it may be removed when no workers are at work."""
        return self.tables_folder.parent / SHARED_RANGES_FOLDER

    def table(self, name: str) -> PartitionedTable:
        """The stored table of this name.

        Raises:
            KeyError: no such table; the message lists those there are.
        """
        return self.tables[self.catalogue[name].name]

    @contextlib.contextmanager
    def turn(self, *, is_shared: bool = False) -> Iterator[None]:
        """Hold the one turn of this data directory: for whoever reads tables, computes from them and writes.

        The lock of a table holds for one write only; two who read the same state and write in turns would undo each
        other. Waits until the turn is free, across threads and processes; a killed holder lets go. Not reentrant: a
        second `turn` inside the first waits for ever. Readers, and the inbox, need no turn.

        Args:
            is_shared: hold it together with others who share it, and with nobody who holds it alone: for workers that
                write days of which no two have the same, from inputs that none of them writes.

        Raises:
            StorageError: the lock file cannot be opened.
        """
        try:
            turn = self.storage.locked(self.tables_folder / TURN_NAME, is_shared=is_shared)
        except OSError as error:
            raise StorageError(
                f"the data directory cannot be locked: {error.strerror or error} ({error.filename}); nothing was "
                "changed. Make room or mend the disk, then run the same command again"
            ) from error
        with turn:
            yield

    @cached_property
    def inbox(self) -> "Inbox":
        """The inbox; loads SQLAlchemy and opens the database on first use."""
        from amc_learning.warehouse.inbox import Inbox  # noqa: PLC0415 - commands that need no inbox start without it

        return Inbox(self.inbox_url)

    @cached_property
    def requests(self) -> "RequestRecords":
        """Records of requests to the service, in the database of the inbox."""
        from amc_learning.warehouse.requests import RequestRecords  # noqa: PLC0415 - as above

        return RequestRecords(self.inbox.database)

    @property
    def dagster_home(self) -> Path:
        """Folder for Dagster's own storage."""
        return self.data_dir / "dagster"
