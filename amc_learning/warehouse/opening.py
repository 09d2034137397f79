"""Which storage and which locks a warehouse has, by its settings.

Belongs here: which of them go together, and what is said where they do not. Not here: the layout (warehouse).
"""

from pathlib import Path

from amc_learning.warehouse.errors import StorageError
from amc_learning.warehouse.locks import DatabaseLocks, FileLocks, Locks
from amc_learning.warehouse.storage import LocalStorage, Storage

COPIES_FOLDER = "store"
"""Folder under the data directory for copies of what lies on an object store."""

SHARED_FOLDER = "shared folder"
"""What locks of the database guard where no URL names it: an inbox has one data directory, whatever its path."""

BY_FILES, BY_DATABASE = "files", "database"


def open_storage(root: Path, inbox_url: str | None, warehouse_url: str | None, turns: str | None) -> Storage:
    """The storage under `root`; nothing is connected yet.

    Args:
        root: folder of tables and documents, or of their copies.
        inbox_url, warehouse_url, turns: as `Warehouse.open`.

    Raises:
        StorageError: they do not go together; names the setting to change.
    """
    chosen = turns or (BY_FILES if warehouse_url is None else BY_DATABASE)
    if warehouse_url is not None and chosen != BY_DATABASE:
        raise StorageError(
            f"turns = {chosen!r} holds on one machine only, and warehouse_url is for several; leave AMC_LEARNING_TURNS "
            "out, or set it to database"
        )
    locks: Locks = FileLocks()
    if chosen == BY_DATABASE:
        if inbox_url is None or not inbox_url.startswith("postgresql"):
            raise StorageError(
                f"{'turns = database' if warehouse_url is None else 'warehouse_url'} needs a PostgreSQL server, whose "
                "locks hold over all machines, and inbox_url names none: set AMC_LEARNING_INBOX_URL to "
                "postgresql+psycopg2://USER@HOST/DATABASE"
            )
        locks = DatabaseLocks(inbox_url, warehouse_url or SHARED_FOLDER, root)
    if warehouse_url is None:
        return LocalStorage(locks)
    return _object_storage(warehouse_url, root, locks)


def _object_storage(url: str, root: Path, locks: Locks) -> Storage:
    bucket = url.removeprefix("s3://").partition("/")[0]
    if not url.startswith("s3://") or not bucket:
        raise StorageError(f"warehouse_url {url!r} is not the address of a bucket: set it to s3://BUCKET/PREFIX")
    try:
        from amc_learning.warehouse.object_storage import ObjectStorage  # noqa: PLC0415 - only where it is used
    except ImportError as error:
        raise StorageError(
            "warehouse_url needs the library obstore, and it is not there: pip install 'amc-learning[object-storage]'"
        ) from error
    return ObjectStorage.open(url, root, locks)
