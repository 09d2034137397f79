"""Quarantine: what could not be understood is kept with its reason, and can be looked at, replayed and settled.

Belongs here: its statements, on a connection of the inbox. Not here: transactions (inbox), judging payloads (intake).
"""

from collections.abc import Sequence

import polars as pl
import sqlalchemy as sa

from amc_learning.contracts.tables import TIMESTAMP
from amc_learning.warehouse.database import QUARANTINE, Database
from amc_learning.warehouse.errors import InboxError
from amc_learning.warehouse.events import QuarantineItem
from amc_learning.warehouse.times import from_microseconds, microseconds

_TYPES: dict[str, pl.DataType | type[pl.DataType]] = {
    "id": pl.String,
    "kind": pl.String,
    "source": pl.String,
    "field": pl.String,
    "reason": pl.String,
    "payload": pl.String,
    "received_at": TIMESTAMP,
    "is_resolved": pl.Boolean,
}
SCHEMA = pl.Schema(_TYPES)


def store(connection: sa.Connection, database: Database, items: Sequence[QuarantineItem]) -> None:
    """Keep items; one that is there already stays as it is, but is open again: the trouble came back."""
    rows: dict[str, dict[str, object]] = {}
    for item in items:
        row = {
            "id": item.id,
            "kind": _text(item.kind),
            "source": _text(item.source),
            "field": _text(item.field),
            "reason": _text(item.reason),
            "payload": item.payload.encode("utf-8", "surrogatepass"),
            "received_at_us": microseconds(item.received_at, f"quarantine item {item.id}: received_at"),
            "is_resolved": item.is_resolved,
        }
        rows.setdefault(item.id, row)
    if rows:
        statement = database.insert(QUARANTINE).on_conflict_do_update(
            index_elements=["id"], set_={"is_resolved": False}
        )
        connection.execute(statement, list(rows.values()))


def listed(connection: sa.Connection, kind: str | None, *, is_resolved: bool | None) -> pl.DataFrame:
    """Items as a frame, oldest first."""
    statement = sa.select(QUARANTINE).order_by(QUARANTINE.c.received_at_us, QUARANTINE.c.id)
    if kind is not None:
        statement = statement.where(QUARANTINE.c.kind == kind)
    if is_resolved is not None:
        statement = statement.where(QUARANTINE.c.is_resolved == is_resolved)
    rows = [
        (*row[:5], _readable(row.payload), from_microseconds(row.received_at_us), row.is_resolved)
        for row in connection.execute(statement)
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def count_of_open(kind: str | None) -> sa.Select[int]:
    """Statement for the number of open items, of one kind or of all."""
    statement = sa.select(sa.func.count()).select_from(QUARANTINE).where(QUARANTINE.c.is_resolved.is_(False))
    return statement if kind is None else statement.where(QUARANTINE.c.kind == kind)


def count_since(kind: str, received_since_us: int) -> sa.Select[int]:
    """Statement for the number of open items of a kind that came since a moment; those replayed are events now."""
    columns = QUARANTINE.c
    return (
        sa.select(sa.func.count())
        .select_from(QUARANTINE)
        .where(columns.kind == kind, columns.received_at_us >= received_since_us, columns.is_resolved.is_(False))
    )


def found(connection: sa.Connection, id_prefix: str) -> QuarantineItem:
    """The one item whose identifier begins so; InboxError when there is none or more than one."""
    row = _row(connection, id_prefix)
    return QuarantineItem(
        kind=row.kind,
        source=row.source,
        field=row.field,
        reason=row.reason,
        payload=bytes(row.payload).decode("utf-8", "surrogatepass"),
        received_at=from_microseconds(row.received_at_us),
        is_resolved=row.is_resolved,
    )


def resolve(connection: sa.Connection, id_prefix: str) -> str:
    """Mark the one item whose identifier begins so as settled; returns its whole identifier."""
    identifier: str = _row(connection, id_prefix).id
    connection.execute(sa.update(QUARANTINE).where(QUARANTINE.c.id == identifier).values(is_resolved=True))
    return identifier


def forget_settled(connection: sa.Connection, before_us: int, *, is_dry: bool) -> int:
    """Delete settled items that came before a moment, or only count them; how many there are. Open ones stay."""
    is_old = sa.and_(QUARANTINE.c.is_resolved.is_(True), QUARANTINE.c.received_at_us < before_us)
    n_old = connection.execute(sa.select(sa.func.count()).select_from(QUARANTINE).where(is_old)).scalar_one()
    if not is_dry:
        connection.execute(sa.delete(QUARANTINE).where(is_old))
    return int(n_old)


def _row(connection: sa.Connection, id_prefix: str) -> "sa.Row[tuple[object, ...]]":
    statement = sa.select(QUARANTINE).where(QUARANTINE.c.id.startswith(id_prefix, autoescape=True)).limit(2)
    rows = connection.execute(statement).all() if id_prefix else []
    if len(rows) != 1:
        trouble = "no item has" if not rows else "several items have"
        raise InboxError(
            f"quarantine: {trouble} an identifier that begins with {id_prefix!r}; "
            "amc-learning quarantine list shows them"
        )
    return rows[0]


def _text(value: str) -> str:
    """Text every backend can hold: NUL and lone surrogates become visible escapes."""
    return value.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def _readable(payload: bytes) -> str:
    return bytes(payload).decode("utf-8", "backslashreplace")
