"""The database behind the inbox: SQLite on one machine, PostgreSQL for several, by the same code.

Belongs here: tables, connections, transactions. Not here: what events and quarantine items mean (inbox, quarantine).
This module imports SQLAlchemy (0.2 s); `inbox` imports it when the inbox is first used.

On SQLite 3.7.0 to 3.51.2 the WAL-reset bug can corrupt the file when one connection checkpoints while another
commits. Therefore one process holds one connection, a lock file beside the database makes the writing processes take
turns, and the checkpoint runs inside the writer's own commit: never two connections that write or checkpoint at once.
On PostgreSQL an advisory lock serialises writers instead; with it sequence numbers become visible in their order, so
that a reader that remembers the last one never passes over a transaction that commits late.
"""

import contextlib
import functools
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from amc_learning.warehouse.errors import InboxError, StorageError
from amc_learning.warehouse.files import FILE_MODE, locked, make_folder
from amc_learning.warehouse.migrations import migrate

METADATA = sa.MetaData()
SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

EVENTS = sa.Table(
    "events",
    METADATA,
    sa.Column("sequence", SEQUENCE, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("event_id", sa.Text, nullable=False),
    sa.Column("body_sha256", sa.Text, nullable=False),
    sa.Column("known_on", sa.Date, nullable=False),
    sa.Column("received_at_us", sa.BigInteger, nullable=False),
    sa.Column("occurred_at_us", sa.BigInteger, nullable=False),
    sa.Column("occurred_at_source", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    # bytes, because PostgreSQL text refuses NUL where SQLite takes it; NULL once drained
    sa.Column("payload", sa.LargeBinary),
    sa.UniqueConstraint("kind", "event_id"),
)
_IS_PENDING = EVENTS.c.payload.is_not(None)
sa.Index("events_pending", EVENTS.c.kind, EVENTS.c.sequence, sqlite_where=_IS_PENDING, postgresql_where=_IS_PENDING)

RECEIVED = sa.Index("events_received", EVENTS.c.kind, EVENTS.c.received_at_us)
"""Counts what came since a moment without reading events."""

QUARANTINE = sa.Table(
    "quarantine",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("field", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    sa.Column("received_at_us", sa.BigInteger, nullable=False),
    sa.Column("is_resolved", sa.Boolean, nullable=False),
)

REQUESTS = sa.Table(
    "request_minutes",
    METADATA,
    sa.Column("minute", sa.BigInteger, primary_key=True),
    sa.Column("flow", sa.Text, primary_key=True),
    sa.Column("outcome", sa.Text, primary_key=True),
    sa.Column("n_requests", sa.BigInteger, nullable=False),
    sa.Column("latency_us", sa.BigInteger, nullable=False),
)

ROWS_PER_STATEMENT = 64
"""Rows of one INSERT: 64 events have 576 variables, under the limit of every SQLite."""

_IS_WRITING = "amc_is_writing"

ADVISORY_LOCK = 0x616D635F  # "amc_" in ASCII: ours among the advisory locks of a shared server

SQLITE_PRAGMAS = (
    "PRAGMA page_size=16384",  # fewer, larger pages: payloads of 24 KB, checkpoints half as long
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",  # NORMAL does not flush at commit, and an acknowledged event could be lost
    "PRAGMA busy_timeout=30000",
    "PRAGMA wal_autocheckpoint=1000",
    "PRAGMA mmap_size=0",
)


class Database:
    """Transactions on one database: one at a time within this process, one writing at a time across processes."""

    def __init__(self, url: str) -> None:
        try:
            self._url = sa.make_url(url)
        except sa.exc.ArgumentError as error:
            raise InboxError(f"not a database URL: {url!r}; for example sqlite:///data/inbox/events.sqlite") from error
        if self._url.get_backend_name() not in {"sqlite", "postgresql"}:
            raise InboxError(f"the inbox runs on sqlite or postgresql, not {self._url.get_backend_name()!r}")
        if self._is_sqlite and self._url.database in {None, "", ":memory:"}:
            raise InboxError("the inbox needs a file: sqlite:///path/events.sqlite (memory is not durable)")
        self._turn = threading.RLock()
        self._engine: sa.Engine | None = None
        self._process = 0

    @property
    def _is_sqlite(self) -> bool:
        return self._url.get_backend_name() == "sqlite"

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A transaction that only reads."""
        with _explained():
            engine = self._opened()
            with self._turn, engine.connect() as connection, connection.begin():
                yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction that writes: durable when the block has ended, undone when it raises."""
        with _explained():
            engine = self._opened()
            # first the turn among processes: who only reads must not wait for another process that writes
            with self._own_turn(), self._turn, _writing_transaction(engine) as connection:
                if not self._is_sqlite:
                    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(ADVISORY_LOCK)))
                yield connection

    def insert(self, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
        """An insert of the dialect in use, which knows ON CONFLICT."""
        return sqlite.insert(table) if self._is_sqlite else postgresql.insert(table)

    def insert_new(self, connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows of the same columns; those that are there already change nothing.

        On SQLite many rows are one statement, because Python's driver lets other threads run at each: a writer beside
        a busy event loop would wait for its turn once per row.
        """
        if not self._is_sqlite:
            connection.execute(self.insert(table).on_conflict_do_nothing(), rows)
            return
        names = tuple(rows[0])
        for start in range(0, len(rows), ROWS_PER_STATEMENT):
            chunk = rows[start : start + ROWS_PER_STATEMENT]
            values = tuple(_plain(row[name]) for row in chunk for name in names)
            connection.exec_driver_sql(_insert_new(table.name, names, len(chunk)), values)

    def close(self) -> None:
        """Close the connection; the next use opens it again."""
        with self._turn:
            if self._engine is not None and self._process == os.getpid():
                self._engine.dispose()
            self._engine = None

    def _own_turn(self) -> contextlib.AbstractContextManager[None]:
        if not self._is_sqlite:
            return contextlib.nullcontext()
        path = Path(str(self._url.database))
        make_folder(path.parent)
        return locked(path.with_name(f"{path.name}.lock"))

    def _opened(self) -> sa.Engine:
        """The engine of this process: a connection must not be carried across a fork."""
        engine = self._engine
        if engine is not None and self._process == os.getpid():
            return engine
        with self._own_turn(), self._turn:
            if self._engine is None or self._process != os.getpid():
                engine = self._open_sqlite() if self._is_sqlite else self._open_postgresql()
                self._process, self._engine = os.getpid(), engine
            return self._engine

    def _open_sqlite(self) -> sa.Engine:
        path = Path(str(self._url.database))
        make_folder(path.parent)
        # created by us, so that it and the files SQLite puts beside it are private to the owner
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, FILE_MODE))
        engine = sa.create_engine(self._url, poolclass=sa.StaticPool, connect_args={"check_same_thread": False})

        @sa.event.listens_for(engine, "connect")
        def configure(connection: Any, _record: object) -> None:
            connection.isolation_level = None  # we say BEGIN ourselves
            for pragma in SQLITE_PRAGMAS:
                connection.execute(pragma).close()

        @sa.event.listens_for(engine, "begin")
        def begin(connection: sa.Connection) -> None:
            is_writing = connection.get_execution_options().get(_IS_WRITING, False)
            connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")

        with engine.connect().execution_options(**{_IS_WRITING: True}) as connection, connection.begin():
            migrate(connection, STEPS)
        return engine

    def _open_postgresql(self) -> sa.Engine:
        engine = sa.create_engine(self._url, pool_size=1, pool_pre_ping=True)
        with engine.begin() as connection:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(ADVISORY_LOCK)))
            migrate(connection, STEPS)
        return engine


@functools.lru_cache(maxsize=256)
def _insert_new(table: str, names: tuple[str, ...], n_rows: int) -> str:
    row = f"({', '.join('?' * len(names))})"
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES {', '.join([row] * n_rows)} ON CONFLICT DO NOTHING"


def _plain(value: Any) -> Any:
    """As SQLite keeps it: a day as its ISO text."""
    return value.isoformat() if isinstance(value, date) else value


def _create_missing(connection: sa.Connection) -> None:
    """Tables that are not there, and the index that tables of an earlier version do not have."""
    METADATA.create_all(connection)
    RECEIVED.create(connection, checkfirst=True)


STEPS = (_create_missing,)
"""From each version of the schema to the next; see migrations."""


@contextlib.contextmanager
def _writing_transaction(engine: sa.Engine) -> Iterator[sa.Connection]:
    with engine.connect().execution_options(**{_IS_WRITING: True}) as connection, connection.begin():
        yield connection


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Database trouble as a sentence with a remedy."""
    try:
        yield
    except (sa.exc.OperationalError, sa.exc.InterfaceError) as error:
        raise StorageError(
            f"the inbox database refused: {error.orig}; the transaction was undone and nothing of it is acknowledged. "
            "Make room or bring the database back, then send again: events that are there already are recognised"
        ) from error
    except OSError as error:
        raise StorageError(
            f"the inbox cannot be locked: {error.strerror or error}; nothing of the transaction was done or is "
            "acknowledged. Make room or mend the disk, then send again: events that are there already are recognised"
        ) from error
    except sa.exc.DatabaseError as error:
        raise StorageError(
            f"the inbox database is damaged or not ours: {error.orig}; restore it from a copy"
        ) from error
