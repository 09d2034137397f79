"""Who may write now: locks that hold across threads and processes, by files on one machine, by a database over many.

Belongs here: the two kinds of lock. Not here: what is done under them (tables, publications, warehouse).
This module imports SQLAlchemy when a lock of the database is first taken.
"""

import contextlib
import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from amc_learning.warehouse.errors import StorageError
from amc_learning.warehouse.files import locked, tried

if TYPE_CHECKING:
    import sqlalchemy as sa

SERVER_NOTICES = "-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3"
"""A machine that vanishes says no goodbye: the server asks after it, and lets its locks go within a minute."""

CLIENT_NOTICES = {"keepalives": 1, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}


class Locks(Protocol):
    """Locks by the path they guard."""

    def locked(self, path: Path, *, is_shared: bool = False) -> AbstractContextManager[None]:
        """Hold the lock of this path, alone or with others who share it; waits. Not reentrant.

        A killed holder lets go.

        Raises:
            OSError: the lock file cannot be opened; raised here and not where the lock is entered.
            StorageError: the database cannot be reached.
        """

    def tried(self, path: Path) -> AbstractContextManager[bool]:
        """Hold the lock of this path alone if nobody has it now, and say whether it is held; errors as of `locked`."""


@dataclass(frozen=True)
class FileLocks:
    """Locks of the machine's kernel on files. Network file systems are not to be trusted with them."""

    def locked(self, path: Path, *, is_shared: bool = False) -> AbstractContextManager[None]:
        """As `Locks.locked`."""
        return locked(path, is_shared=is_shared)

    def tried(self, path: Path) -> AbstractContextManager[bool]:
        """As `Locks.tried`."""
        return tried(path)


class DatabaseLocks:
    """Advisory locks of a PostgreSQL server, for machines that share a warehouse.

    Each lock that is held has a connection of its own, and ends with it: the server lets go when a process dies.
    """

    def __init__(self, url: str, scope: str, root: Path) -> None:
        """Nothing is connected yet.

        Args:
            url: of the database, which all machines use.
            scope: what is locked; the same on every machine.
            root: folder under which guarded paths lie; it may have another name on another machine.
        """
        self._url, self._scope, self._root = url, scope, root
        self._guard = threading.Lock()
        self._engine: sa.Engine | None = None
        self._process = 0

    @contextlib.contextmanager
    def locked(self, path: Path, *, is_shared: bool = False) -> Iterator[None]:
        """As `Locks.locked`.

        Leaving raises a StorageError where the connection broke meanwhile: the lock was lost then, and another may
        have written at the same time.
        """
        shared = "_shared" * is_shared
        with self._asked(path, f"pg_advisory_lock{shared}", f"pg_advisory_unlock{shared}"):
            yield

    @contextlib.contextmanager
    def tried(self, path: Path) -> Iterator[bool]:
        """As `Locks.tried`; leaving a lock that was held raises as leaving `locked` does."""
        with self._asked(path, "pg_try_advisory_lock", "pg_advisory_unlock") as is_held:
            yield is_held

    @contextlib.contextmanager
    def _asked(self, path: Path, lock: str, unlock: str) -> Iterator[bool]:
        """Ask the server for the lock of a path with one of its functions, and let it go with another."""
        import sqlalchemy as sa  # noqa: PLC0415 - warehouses with locks of files start without it

        key = lock_key(self._scope, path.relative_to(self._root).as_posix())
        try:
            connection = self._opened().connect()
        except sa.exc.DBAPIError as error:
            raise self._unreachable(error) from error
        with connection:
            try:
                # only those that try say no; the others wait and say nothing
                is_held = connection.execute(sa.text(f"SELECT {lock}(:key)"), {"key": key}).scalar() is not False
            except sa.exc.DBAPIError as error:
                connection.invalidate()
                raise self._unreachable(error) from error
            try:
                yield is_held
            finally:
                is_kept = not is_held or self._let_go(connection, key, unlock)
            # not inside finally: an error of the work itself says more
            if not is_kept:
                raise StorageError(
                    "the connection to the database that held the turn broke before the work was done, so another may "
                    "have worked at the same time; what is stored is whole. Run the same command again"
                )

    def _let_go(self, connection: "sa.Connection", key: int, unlock: str) -> bool:
        import sqlalchemy as sa  # noqa: PLC0415 - as above

        try:
            return bool(connection.execute(sa.text(f"SELECT {unlock}(:key)"), {"key": key}).scalar())
        except sa.exc.DBAPIError:
            # closed rather than kept: a connection that lives on would keep the lock with it
            connection.invalidate()
            return False

    def _opened(self) -> "sa.Engine":
        """The engine of this process: a connection must not be carried across a fork."""
        import sqlalchemy as sa  # noqa: PLC0415 - as above

        with self._guard:
            if self._engine is None or self._process != os.getpid():
                self._engine = sa.create_engine(
                    self._url,
                    pool_size=2,  # a turn, and one table or document at a time
                    max_overflow=-1,
                    pool_pre_ping=True,
                    isolation_level="AUTOCOMMIT",  # no transaction stands open while a stage computes
                    connect_args={"options": SERVER_NOTICES, **CLIENT_NOTICES},
                )
                self._process = os.getpid()
            return self._engine

    def _unreachable(self, error: "sa.exc.DBAPIError") -> StorageError:
        return StorageError(
            f"the database that gives turns cannot be used: {_first_line(error.orig)}; nothing was changed. Bring it "
            "back (inbox_url), then run the same command again"
        )


def _first_line(error: object) -> str:
    return str(error).strip().partition("\n")[0]


def lock_key(scope: str, name: str) -> int:
    """The number of a lock on the server: 64 bits of a hash, signed.

    >>> lock_key("s3://bucket/warehouse", "tables/.cycle.lock")
    8758084157951450717
    """
    digest = hashlib.sha256(f"{scope}\n{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
