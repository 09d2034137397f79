"""What a data directory holds of the events that were acknowledged: looked for in the inbox and in raw partitions."""

import sqlite3
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from amc_learning.contracts.events import EVENT_TABLES
from amc_learning.settings import Settings
from amc_learning.stages.collect import drain_all_events
from amc_learning.warehouse.database import EVENTS
from amc_learning_tests.acceptance.loop import open_warehouse

Acknowledged = Mapping[tuple[str, str], bytes]


@dataclass(frozen=True)
class Kept:
    """Bodies by kind and identifier: still in the inbox, and in raw partitions; identifiers the inbox knows."""

    pending: Mapping[tuple[str, str], bytes]
    drained: Mapping[tuple[str, str], bytes]
    known: Counter[tuple[str, str]]
    n_drained: Counter[tuple[str, str]]


def kept(settings: Settings) -> Kept:
    """Everything that lies in a data directory now."""
    warehouse = open_warehouse(settings)
    with warehouse.inbox.database.reading() as connection:
        rows = connection.execute(sa.select(EVENTS.c.kind, EVENTS.c.event_id, EVENTS.c.payload)).all()
    warehouse.inbox.close()
    raw = {
        kind: warehouse.table(table).read(None, None, columns=["event_id", "payload"]).rows()
        for kind, table in EVENT_TABLES.items()
    }
    return Kept(
        pending={(kind, event_id): bytes(payload) for kind, event_id, payload in rows if payload is not None},
        drained={(kind, event_id): payload.encode() for kind, found in raw.items() for event_id, payload in found},
        known=Counter((kind, event_id) for kind, event_id, _ in rows),
        n_drained=Counter((kind, event_id) for kind, found in raw.items() for event_id, _ in found),
    )


def troubles_of(acknowledged: Acknowledged, found: Kept) -> list[str]:
    """Acknowledged events that are lost, changed or doubled; should be empty."""
    troubles = []
    for key, body in acknowledged.items():
        bodies = [found.pending.get(key), found.drained.get(key)]
        if bodies == [None, None]:
            troubles.append(f"{key} was acknowledged and is lost")
        elif any(one is not None and one != body for one in bodies):
            troubles.append(f"{key} has another body than was acknowledged")
    troubles += [f"{key} lies in the inbox {n} times" for key, n in found.known.items() if n != 1]
    troubles += [f"{key} lies in a raw partition {n} times" for key, n in found.n_drained.items() if n != 1]
    return troubles


def troubles_after_draining(acknowledged: Acknowledged, settings: Settings) -> list[str]:
    """The same once everything was drained, when no event may lie in two places any more."""
    warehouse = open_warehouse(settings)
    drain_all_events(warehouse)
    warehouse.inbox.close()
    found = kept(settings)
    twice = set(found.pending) & set(found.drained)
    return [*troubles_of(acknowledged, found), *(f"{key} is drained and still pending" for key in twice)]


def integrity(data_dir: Path) -> str:
    """What SQLite says of the inbox's file."""
    with closing(sqlite3.connect(data_dir / "inbox/events.sqlite")) as connection:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])
