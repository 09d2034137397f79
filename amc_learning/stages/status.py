"""What the warehouse holds and what is in force, for people and monitors. Reads manifests, not data."""

from dataclasses import dataclass
from datetime import date

from amc_learning.contracts.documents.names import WEEKLY_REPORT_DOCUMENT, WEIGHTS_DOCUMENT
from amc_learning.learning.modes import SHADOW
from amc_learning.settings import Settings
from amc_learning.stages.modes import modes_of
from amc_learning.stages.sessions import sessions_between
from amc_learning.warehouse import Warehouse


@dataclass(frozen=True)
class TableStatus:
    """Extent of one table."""

    name: str
    first_day: date | None
    last_day: date | None
    n_days: int
    n_rows: int
    n_bytes: int


@dataclass(frozen=True)
class WarehouseStatus:
    """Extent of every table, what waits, what is missing, and the weights in force."""

    tables: tuple[TableStatus, ...]
    n_pending: int
    n_quarantined: int
    missing_sessions: tuple[date, ...]
    last_decided_on: date | None
    last_week: date | None
    """Last knowledge day of the last week that has a report."""
    parameters_version: str | None
    status: str | None
    reason: str | None
    weights: dict[str, float]
    in_shadow: dict[str, date | None]
    """Document that is only looked at to the day it was ordered so; None when it began in shadow."""


def warehouse_status(warehouse: Warehouse, settings: Settings) -> WarehouseStatus:
    """The state of the warehouse, from manifests, inbox counts and the current document."""
    document = warehouse.publications.current(WEIGHTS_DOCUMENT)
    last, modes_by_document = date.max, modes_of(warehouse, settings, date.max)
    tables = tuple(_table_status(warehouse, table.name) for table in warehouse.catalogue)
    return WarehouseStatus(
        tables=tables,
        n_pending=warehouse.inbox.n_pending(),
        n_quarantined=warehouse.inbox.n_quarantined(),
        missing_sessions=missing_sessions(warehouse, settings),
        last_decided_on=next(table.last_day for table in tables if table.name == "weight_decisions"),
        last_week=next(iter(reversed(warehouse.publications.history(WEEKLY_REPORT_DOCUMENT))), None),
        parameters_version=document["parameters_version"] if document else None,
        status=document["status"] if document else None,
        reason=document["reason"] if document else None,
        weights=document["data"]["optimized_parameters"]
        if document
        else {f"{name}_weight": weight for name, weight in settings.features.default_weights.items()},
        in_shadow={name: modes.since(last) for name, modes in modes_by_document.items() if modes.on(last) == SHADOW},
    )


def _table_status(warehouse: Warehouse, name: str) -> TableStatus:
    entries = warehouse.table(name).entries()
    return TableStatus(
        name=name,
        first_day=entries[0].known_on if entries else None,
        last_day=entries[-1].known_on if entries else None,
        n_days=len(entries),
        n_rows=sum(entry.n_rows for entry in entries),
        n_bytes=sum(entry.n_bytes for entry in entries),
    )


def missing_sessions(warehouse: Warehouse, settings: Settings) -> tuple[date, ...]:
    """Exchange sessions between the first and the last bar of the warehouse without a bar of any symbol."""
    present = [entry.known_on for entry in warehouse.table("price_bars").entries() if entry.n_rows]
    if not present:
        return ()
    sessions = sessions_between(settings, present[0], present[-1])["session_date"].to_list()
    return tuple(sorted(set(sessions) - set(present)))
