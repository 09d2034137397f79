"""The inbox: events are durable here before they are acknowledged, each identifier once and for ever.

Belongs here: accepting events, handing out what is pending, remembering identifiers. Not here: connections
(database), what is kept aside (quarantine), reading payloads (intake), partitions (drain).
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any, TypeVar

import polars as pl
import sqlalchemy as sa

from amc_learning.contracts.tables import TIMESTAMP
from amc_learning.warehouse import quarantine
from amc_learning.warehouse.database import EVENTS, Database
from amc_learning.warehouse.errors import InboxError
from amc_learning.warehouse.events import InboxEvent, KindCounts, QuarantineItem, Receipt, Received
from amc_learning.warehouse.times import from_microseconds, microseconds

__all__ = ["Inbox", "InboxEvent", "KindCounts", "QuarantineItem", "Receipt", "Received"]

IN_CHUNK = 500
"""Values per IN list: under the limit of variables of every SQLite."""

_TYPES: dict[str, pl.DataType | type[pl.DataType]] = {
    "sequence": pl.Int64,
    "known_on": pl.Date,
    "event_id": pl.String,
    "received_at": TIMESTAMP,
    "occurred_at": TIMESTAMP,
    "occurred_at_source": pl.String,
    "source": pl.String,
    "payload": pl.String,
}
PENDING_SCHEMA = pl.Schema(_TYPES)

Value = TypeVar("Value")


class Inbox:
    """Events and quarantine in one database, by URL: `sqlite:///file` or `postgresql+psycopg2://...`.

    The database is opened on first use. One process holds one connection; several threads and processes may share
    an inbox, and write in turns.
    """

    def __init__(self, url: str) -> None:
        self._database = Database(url)

    @property
    def database(self) -> Database:
        """The database, for whoever keeps something beside the events: a process holds one connection to it."""
        return self._database

    def close(self) -> None:
        """Close the connection; the next use opens it again."""
        self._database.close()

    # -- events -------------------------------------------------------------------------------------------------

    def append(self, events: Sequence[InboxEvent], apart: Sequence[QuarantineItem] = ()) -> list[Receipt]:
        """Store events, and items to keep in quarantine, in one transaction; all are durable when this returns.

        An event whose (kind, event_id) is known changes nothing, drained or not. When its body is another one than
        the first, it is kept in quarantine, and the first one stays.

        Returns:
            One receipt per event, in their order.

        Raises:
            InboxError: an event that not every backend could store (naive time, NUL, broken text); nothing was stored.
            StorageError: the database refused; nothing is acknowledged.
        """
        rows = [_row(event) for event in events]
        if not rows and not apart:
            return []
        receipts: list[Receipt] = []
        accepted: list[dict[str, Any]] = []
        conflicts = list(apart)
        with self._database.writing() as connection:
            first_bodies = _stored_bodies(connection, events)
            for event, row in zip(events, rows, strict=True):
                body = row["body_sha256"]
                first = first_bodies.setdefault((event.kind, event.event_id), None)
                if first is None:
                    first_bodies[event.kind, event.event_id] = body
                    accepted.append(row)
                    receipts.append(Receipt(event.event_id, is_duplicate=False, is_conflict=False))
                elif first == body:
                    receipts.append(Receipt(event.event_id, is_duplicate=True, is_conflict=False))
                else:
                    conflicts.append(_conflict(event))
                    receipts.append(Receipt(event.event_id, False, True, conflicts[-1].id))
            if accepted:
                self._database.insert_new(connection, EVENTS, accepted)
            quarantine.store(connection, self._database, conflicts)
        return receipts

    def pending(self, kind: str, limit: int) -> pl.DataFrame:
        """The oldest events of a kind that were not drained, at most `limit`.

        Returns:
            `sequence` and the columns of a raw event table, in the order of acceptance.
        """
        columns = EVENTS.c
        statement = (
            sa.select(
                columns.sequence,
                columns.known_on,
                columns.event_id,
                columns.received_at_us,
                columns.occurred_at_us,
                columns.occurred_at_source,
                columns.source,
                columns.payload,
            )
            .where(columns.kind == kind, columns.payload.is_not(None))
            .order_by(columns.sequence)
            .limit(limit)
        )
        with self._database.reading() as connection:
            rows = connection.execute(statement).all()
        readable = [
            (*row[:3], from_microseconds(row[3]), from_microseconds(row[4]), *row[5:7], bytes(row[7]).decode())
            for row in rows
        ]
        return pl.DataFrame(readable, schema=PENDING_SCHEMA, orient="row")

    def mark_drained(self, sequences: Iterable[int]) -> None:
        """Forget the payloads of these events, which lie in a table now; their identifiers are kept for ever."""
        with self._database.writing() as connection:
            for chunk in _chunks(list(sequences)):
                connection.execute(sa.update(EVENTS).where(EVENTS.c.sequence.in_(chunk)).values(payload=None))

    def counts(self) -> dict[str, KindCounts]:
        """How many events of each kind were accepted and how many are pending, by name of the kind."""
        statement = (
            sa.select(EVENTS.c.kind, sa.func.count(), sa.func.count(EVENTS.c.payload))
            .group_by(EVENTS.c.kind)
            .order_by(EVENTS.c.kind)
        )
        with self._database.reading() as connection:
            return {
                kind: KindCounts(n_events, n_pending) for kind, n_events, n_pending in connection.execute(statement)
            }

    def n_pending(self, kind: str | None = None) -> int:
        """Events that were not drained, of one kind or of all."""
        statement = sa.select(sa.func.count()).select_from(EVENTS).where(EVENTS.c.payload.is_not(None))
        return self._number(statement if kind is None else statement.where(EVENTS.c.kind == kind))

    def pending_days(self, kind: str) -> list[date]:
        """Knowledge days of the events of a kind that wait to be drained, in order."""
        statement = sa.select(EVENTS.c.known_on).where(EVENTS.c.kind == kind, EVENTS.c.payload.is_not(None)).distinct()
        with self._database.reading() as connection:
            return sorted(connection.execute(statement).scalars())

    def received(self, kind: str, since: datetime) -> Received:
        """How much of a kind came since a moment, and when the last of it came."""
        columns = EVENTS.c
        of_kind = sa.select(sa.func.count()).select_from(EVENTS).where(columns.kind == kind)
        last = sa.select(sa.func.max(columns.received_at_us)).where(columns.kind == kind)
        since_us = microseconds(since, "since")
        with self._database.reading() as connection:
            n_events = connection.execute(of_kind.where(columns.received_at_us >= since_us)).scalar_one()
            n_apart = connection.execute(quarantine.count_since(kind, since_us)).scalar_one()
            last_us = connection.execute(last).scalar_one()
        return Received(n_events, n_apart, None if last_us is None else from_microseconds(last_us))

    def last_sequence(self, kind: str | None = None) -> int:
        """Sequence number of the newest event, 0 when there is none: it only grows, so it serves as a cursor."""
        statement = sa.select(sa.func.coalesce(sa.func.max(EVENTS.c.sequence), 0))
        return self._number(statement if kind is None else statement.where(EVENTS.c.kind == kind))

    # -- quarantine ---------------------------------------------------------------------------------------------

    def quarantine(self, items: Sequence[QuarantineItem]) -> list[str]:
        """Keep items aside, durably; the same content twice is one item. Returns their identifiers, in order."""
        with self._database.writing() as connection:
            quarantine.store(connection, self._database, items)
        return [item.id for item in items]

    def quarantined(self, kind: str | None = None, *, is_resolved: bool | None = False) -> pl.DataFrame:
        """Items kept aside, oldest first: `id, kind, source, field, reason, payload, received_at, is_resolved`.

        Args:
            kind: only items of this kind.
            is_resolved: False for those still open, True for those settled, None for both.
        """
        with self._database.reading() as connection:
            return quarantine.listed(connection, kind, is_resolved=is_resolved)

    def n_quarantined(self, kind: str | None = None) -> int:
        """Open items, of one kind or of all; loads none of them."""
        return self._number(quarantine.count_of_open(kind))

    def quarantine_item(self, id_prefix: str) -> QuarantineItem:
        """The item whose identifier begins so.

        Raises:
            InboxError: no item, or several, begin so.
        """
        with self._database.reading() as connection:
            return quarantine.found(connection, id_prefix)

    def resolve_quarantine(self, id_prefix: str) -> str:
        """Mark an item as settled (replayed or dismissed) and return its identifier; it is kept.

        Raises:
            InboxError: no item, or several, begin so.
        """
        with self._database.writing() as connection:
            return quarantine.resolve(connection, id_prefix)

    def forget_settled_quarantine(self, before: datetime, *, is_dry: bool = False) -> int:
        """Remove settled items received before a moment, or with `is_dry` only count them; how many there are."""
        with self._database.writing() as connection:
            return quarantine.forget_settled(connection, microseconds(before, "before"), is_dry=is_dry)

    def _number(self, statement: sa.Select[int]) -> int:
        with self._database.reading() as connection:
            return int(connection.execute(statement).one()[0])


def _row(event: InboxEvent) -> dict[str, Any]:
    for name in ("kind", "event_id", "source", "occurred_at_source"):
        value = getattr(event, name)
        if "\0" in value or not (value.isascii() or _is_text(value)):
            raise InboxError(f"event {event.event_id!r}: {name} is not text a database can hold: {value[:80]!r}")
    if not event.event_id or not event.kind:
        raise InboxError(f"event {event.event_id!r} of kind {event.kind!r}: both need at least one character")
    if not _is_text(event.payload):
        raise InboxError(f"event {event.event_id!r}: the payload holds lone surrogates, which UTF-8 cannot carry")
    payload = event.payload.encode()
    return {
        "kind": event.kind,
        "event_id": event.event_id,
        "body_sha256": event.body_sha256 or hashlib.sha256(payload).hexdigest(),
        "known_on": event.known_on,
        "received_at_us": microseconds(event.received_at, f"event {event.event_id!r}: received_at"),
        "occurred_at_us": microseconds(event.occurred_at, f"event {event.event_id!r}: occurred_at"),
        "occurred_at_source": event.occurred_at_source,
        "source": event.source,
        "payload": payload,
    }


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _stored_bodies(connection: sa.Connection, events: Iterable[InboxEvent]) -> dict[tuple[str, str], str | None]:
    """Hash of the stored body of each known (kind, event_id) among these events."""
    columns = EVENTS.c
    known: dict[tuple[str, str], str | None] = {}
    ids_by_kind: dict[str, set[str]] = {}
    for event in events:
        ids_by_kind.setdefault(event.kind, set()).add(event.event_id)
    for kind, ids in ids_by_kind.items():
        for chunk in _chunks(sorted(ids)):
            statement = sa.select(columns.event_id, columns.body_sha256).where(
                columns.kind == kind, columns.event_id.in_(chunk)
            )
            known.update({(kind, event_id): body for event_id, body in connection.execute(statement)})
    return known


def _conflict(event: InboxEvent) -> QuarantineItem:
    return QuarantineItem(
        kind=event.kind,
        source=event.source,
        field="event_id",
        reason=(
            f"conflict: an event with the identifier {event.event_id!r} and another body was accepted before and "
            "stays; send this one under an identifier of its own if it is a different event"
        ),
        payload=event.payload,
        received_at=event.received_at,
    )


def _chunks(values: Sequence[Value]) -> Iterator[Sequence[Value]]:
    for start in range(0, len(values), IN_CHUNK):
        yield values[start : start + IN_CHUNK]
