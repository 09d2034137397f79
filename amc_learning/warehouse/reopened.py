"""Knowledge days that wait to be computed again, because what they were computed from has changed since.

Belongs here: remembering them, durably, until the table they belong to is written again. Not here: which days a change
touches (stages/reopening.py), computing them again (a person, or a run, by `amc-learning run evidence`).

The record is one small file. Whoever changes the inputs of a table adds days here before the change, and whoever
rewrites a table takes its days out after the write, both inside the warehouse's `turn`: a crash at any moment leaves a
day too many, never one too few.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from amc_learning.warehouse.errors import CorruptDocument, StorageError

if TYPE_CHECKING:
    from amc_learning.warehouse.warehouse import Warehouse

RECORD_NAME = "reopened.json"
LOCK_NAME = ".reopened.lock"

Record = dict[str, dict[date, str]]


def add(warehouse: "Warehouse", table: str, reasons: Mapping[date, str]) -> None:
    """Remember days of a table as open, each with its reason in words; a day that is open keeps its first reason.

    Raises:
        StorageError: the record cannot be written; the change it speaks of must not be made then.
        CorruptDocument: the record is damaged.
    """
    if reasons:
        _change(warehouse, lambda record: record.update({table: {**reasons, **record.get(table, {})}}))


def close(warehouse: "Warehouse", table: str, days: Iterable[date]) -> None:
    """Forget days of a table that were written again from what lies in the warehouse now.

    Call it after the write and inside the same `turn` in which the inputs were read.

    Raises:
        StorageError, CorruptDocument: as `add`.
    """
    closed = set(days)
    if not closed & set(open_days(warehouse, table)):
        return

    def without(record: Record) -> None:
        record[table] = {day: reason for day, reason in record.get(table, {}).items() if day not in closed}

    _change(warehouse, without)


def open_days(warehouse: "Warehouse", table: str | None = None) -> dict[date, str]:
    """Open days of a table, or of all tables, in order, each with its reason.

    Raises:
        CorruptDocument: the record is damaged.
    """
    record = _read(warehouse)
    merged: dict[date, str] = {}
    for name in sorted(record) if table is None else [table]:
        merged = record.get(name, {}) | merged
    return dict(sorted(merged.items()))


def _path(warehouse: "Warehouse") -> Path:
    return warehouse.tables_folder / RECORD_NAME


def _change(warehouse: "Warehouse", change: Callable[[Record], None]) -> None:
    path = _path(warehouse)
    try:
        with warehouse.storage.locked(path.with_name(LOCK_NAME)):
            record = _read(warehouse)
            change(record)
            warehouse.storage.write_if_changed(path, _bytes(record))
    except OSError as error:
        raise StorageError(
            f"the record of reopened days cannot be written: {error.strerror or error} ({error.filename}); nothing was "
            f"changed. {warehouse.storage.remedy}, then run the same command again"
        ) from error


def _bytes(record: Record) -> bytes:
    plain = {
        table: {day.isoformat(): reason for day, reason in sorted(days.items())}
        for table, days in record.items()
        if days
    }
    return orjson.dumps(plain, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _read(warehouse: "Warehouse") -> Record:
    path = _path(warehouse)
    try:
        content = warehouse.storage.read(path)
    except FileNotFoundError:
        return {}
    try:
        return {
            str(table): {date.fromisoformat(day): str(reason) for day, reason in days.items()}
            for table, days in orjson.loads(content).items()
        }
    except (ValueError, AttributeError, TypeError) as error:
        raise CorruptDocument(
            f"the record of reopened days is damaged: {warehouse.storage.address(path)} ({error}); nothing was "
            "changed. Remove the file and run amc-learning run evidence over all days, which makes every one of them "
            "anew"
        ) from error
