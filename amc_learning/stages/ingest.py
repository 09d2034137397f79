"""Ingest: from files to the inbox and the bar tables, losing nothing.

Belongs here: what happens to each record of a file. Not here: reading formats and understanding payloads (intake),
durability (warehouse). What cannot be used is kept in quarantine with its reason; the rest goes on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from amc_learning.contracts.knowledge_days import FIRST_KNOWLEDGE_DAY, knowledge_day
from amc_learning.intake.bars import NormalisedTable, normalise_bars, normalise_index
from amc_learning.intake.envelope import Envelope, PayloadLimits, Quarantined, receive
from amc_learning.intake.errors import IntakeError
from amc_learning.intake.files import read_records, read_table
from amc_learning.settings import Settings
from amc_learning.stages.collect import drain_events
from amc_learning.stages.due import last_night, late_event_days, span
from amc_learning.stages.received import inbox_event, quarantine_item
from amc_learning.stages.reopening import reopen_dependents, reopen_regimes
from amc_learning.stages.sessions import sessions_between
from amc_learning.warehouse import Warehouse
from amc_learning.warehouse.errors import CorruptPartition
from amc_learning.warehouse.inbox import QuarantineItem

EVENTS_PER_COMMIT = 500
"""Events made durable by one commit: large enough for speed, small enough that a crash repeats little."""

_TABLE_KINDS: dict[str, tuple[str, Callable[..., NormalisedTable]]] = {
    "bars": ("price_bars", normalise_bars),
    "index": ("index_closes", normalise_index),
}


@dataclass(frozen=True)
class IngestReport:
    """What became of the records of some files: n_read = n_accepted + n_duplicates + n_quarantined."""

    kind: str
    files: tuple[str, ...]
    n_read: int = 0
    n_accepted: int = 0
    n_duplicates: int = 0
    n_quarantined: int = 0
    n_unreadable_files: int = 0
    first_day: date | None = None
    last_day: date | None = None
    messages: tuple[str, ...] = ()


@dataclass(frozen=True)
class SentTable:
    """Rows as they were sent, and where they come from."""

    name: str
    rows: pl.DataFrame


def ingest_events(
    warehouse: Warehouse, settings: Settings, files: Sequence[Path], *, kind: str, received_at: datetime
) -> IngestReport:
    """Make every event in these files durable in the inbox, then drain it into raw partitions.

    A file that breaks off (a damaged archive) gives what lies before the break; the files after it are still read.

    Args:
        warehouse: where the events go.
        settings: how their times are read.
        files: in order.
        kind: discovery, thesis or trade.
        received_at: the clock, read once.
    """
    reports = [_ingest_file(warehouse, settings, file, kind, received_at) for file in files]
    drain_events(warehouse, kind)
    report = _summed(kind, reports)
    return replace(report, messages=(*report.messages, *_stale_messages(warehouse)))


ingest_discovery = partial(ingest_events, kind="discovery")
ingest_theses = partial(ingest_events, kind="thesis")
ingest_trades = partial(ingest_events, kind="trade")


def _stale_messages(warehouse: Warehouse) -> list[str]:
    """Events of days whose candidates were made before they came."""
    late = late_event_days(warehouse)
    if not late:
        return []
    remedy = f"amc-learning run evidence --from {late[0]} --to {last_night(warehouse)}"
    return [f"events of {span(late)} came after their night; bring the evidence up to date: {remedy}"]


def _ingest_file(
    warehouse: Warehouse, settings: Settings, file: Path, kind: str, received_at: datetime
) -> IngestReport:
    rules = settings.collection.time_rules
    limits = PayloadLimits(max_rows=settings.collection.max_candidates)
    reports: list[IngestReport] = []
    batch: list[Envelope | Quarantined] = []
    try:
        for record in read_records(file, kind=kind):
            batch.append(
                receive(
                    record.text, kind=kind, source=record.source, received_at=received_at, rules=rules, limits=limits
                )
            )
            if len(batch) == EVENTS_PER_COMMIT:
                reports.append(_store(warehouse, kind, batch))
                batch = []
    except IntakeError as error:
        reports.append(IngestReport(kind, (), n_unreadable_files=1, messages=(str(error),)))
    reports.append(_store(warehouse, kind, batch))
    return replace(_summed(kind, reports), files=(str(file),))


def _store(warehouse: Warehouse, kind: str, batch: Sequence[Envelope | Quarantined]) -> IngestReport:
    """Make a batch durable: what was understood in the inbox, the rest in quarantine."""
    accepted = [item for item in batch if isinstance(item, Envelope)]
    refused = [item for item in batch if isinstance(item, Quarantined)]
    receipts = warehouse.inbox.append(
        [inbox_event(item) for item in accepted], [quarantine_item(item) for item in refused]
    )
    n_conflicts = sum(receipt.is_conflict for receipt in receipts)
    n_duplicates = sum(receipt.is_duplicate for receipt in receipts)
    days = [item.known_on for item in accepted]
    return IngestReport(
        kind=kind,
        files=(),
        n_read=len(batch),
        n_accepted=len(receipts) - n_duplicates - n_conflicts,
        n_duplicates=n_duplicates,
        n_quarantined=len(refused) + n_conflicts,
        first_day=min(days, default=None),
        last_day=max(days, default=None),
        messages=(
            *(f"{item.source}: {item.field}: {item.reason}; kept in quarantine" for item in refused),
            *(
                f"event {receipt.event_id}: the same id came before with another body; the first stays, this one is "
                "kept in quarantine"
                for receipt in receipts
                if receipt.is_conflict
            ),
            *(f"{item.source}: {warning}" for item in accepted for warning in item.warnings),
        ),
    )


def ingest_bars(
    warehouse: Warehouse, settings: Settings, files: Sequence[Path], *, received_at: datetime
) -> IngestReport:
    """Merge the daily bars in these files into the warehouse; a corrected bar replaces the earlier one."""
    return _ingest_tables(warehouse, settings, "bars", files, received_at)


def ingest_index(
    warehouse: Warehouse, settings: Settings, files: Sequence[Path], *, received_at: datetime
) -> IngestReport:
    """Merge daily index closes into the warehouse."""
    return _ingest_tables(warehouse, settings, "index", files, received_at)


def _ingest_tables(
    warehouse: Warehouse, settings: Settings, kind: str, files: Sequence[Path], received_at: datetime
) -> IngestReport:
    """Merge the good rows of each file, keep the others in quarantine, say which sessions have no row at all."""
    reports = []
    for file in files:
        try:
            sent = SentTable(file.name, read_table(file))
            report = merge_tables(warehouse, settings, kind, [sent], received_at=received_at)
        except IntakeError as error:
            reports.append(IngestReport(kind, (str(file),), n_unreadable_files=1, messages=(str(error),)))
            continue
        reports.append(replace(report, files=(str(file),)))
    return _summed(kind, reports)


def merge_tables(
    warehouse: Warehouse,
    settings: Settings,
    kind: str,
    sent: Sequence[SentTable],
    *,
    received_at: datetime,
    is_whole: bool = True,
) -> IngestReport:
    """Judge the rows of these tables, merge the good ones in one go, keep the others in quarantine.

    Where two tables speak of the same bar, the later one counts. Computed days that depend on bars which change are
    open again before the bars change, and named.

    Args:
        warehouse: where the rows go.
        settings: exchange and entry rule.
        kind: bars or index.
        sent: tables in the order in which they came.
        received_at: the clock; a session that is still running has no bar yet.
        is_whole: each table should hold every session between its first and last one; those without a row are named.

    Raises:
        IntakeError: a table has not the columns it needs; nothing of any of them was taken.
    """
    table = _TABLE_KINDS[kind][0]
    judged = [judged_table(settings, kind, one, received_at=received_at) for one in sent]
    rejected = [
        _rejected_row(kind, one.rows, row, received_at)
        for one, normalised in zip(sent, judged, strict=True)
        for row in normalised.rejected.to_dicts()
    ]
    n_sent = sum(normalised.accepted.height for normalised in judged)
    key = ["known_on", *warehouse.table(table).table.key]
    accepted = pl.concat([normalised.accepted for normalised in judged])
    if len(judged) > 1:
        accepted = accepted.unique(key, keep="last", maintain_order=True)
    name = sent[0].name if len(sent) == 1 else f"{sent[0].name} to {sent[-1].name}"
    warehouse.inbox.quarantine(rejected)
    with warehouse.turn():
        # within one turn: no stage computes from the bars as they were after the days they touch were noted
        new = _new_rows(warehouse, table, accepted)
        late = _late_messages(warehouse, settings, table, new, name=name)
        merged = warehouse.table(table).merge(accepted, repair=True)
    gaps = [line for one, its in zip(sent, judged, strict=True) for line in _gap_messages(one.name, its.gaps)]
    days = accepted["known_on"]
    return IngestReport(
        kind=kind,
        files=(),
        n_read=n_sent + sum(one.n_identical_duplicates + one.rejected.height for one in judged),
        n_accepted=new.height,
        n_duplicates=n_sent - new.height + sum(one.n_identical_duplicates for one in judged),
        n_quarantined=len(rejected),
        first_day=days.min(),  # type: ignore[arg-type]
        last_day=days.max(),  # type: ignore[arg-type]
        messages=(
            *(message for one in judged for message in one.messages()),
            *(gaps if is_whole else ()),
            *(f"{name}: {day} was damaged and is made anew from these rows" for day in merged.repaired),
            *late,
        ),
    )


def judged_table(settings: Settings, kind: str, sent: SentTable, *, received_at: datetime) -> NormalisedTable:
    """The rows of a table of bars or index closes, sorted out; nothing is stored.

    Raises:
        IntakeError: the table has not the columns it needs.
    """
    today, sessions = closed_sessions(settings, received_at)
    return _TABLE_KINDS[kind][1](sent.rows, source=sent.name, today=today, exchange_sessions=sessions)


def closed_sessions(settings: Settings, now: datetime) -> tuple[date, frozenset[date]]:
    """The last session that is over, and all up to it; a session that is still running has no daily bar yet."""
    calendar = sessions_between(settings, FIRST_KNOWLEDGE_DAY, knowledge_day(now))
    closed = calendar.filter(pl.col("closes_at") <= now)["session_date"]
    return closed[-1], frozenset(closed)


def _new_rows(warehouse: Warehouse, table: str, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows the warehouse does not hold yet, value for value."""
    if rows.is_empty():
        return rows
    try:
        stored = warehouse.table(table).read(rows["known_on"].min(), rows["known_on"].max())  # type: ignore[arg-type]
    except CorruptPartition:
        return rows  # what is damaged is about to be made anew
    return rows.join(stored, on=rows.columns, how="anti", nulls_equal=True)


def _late_messages(warehouse: Warehouse, settings: Settings, table: str, new: pl.DataFrame, *, name: str) -> list[str]:
    """Note which computed days are older than these rows, and say so."""
    computed = warehouse.table("candidate_outcomes").days()
    reopen = reopen_regimes if table == "index_closes" else reopen_dependents
    open_again = reopen(warehouse, settings, new, name=name)
    last = max([*computed, *open_again.all_days], default=None)
    return [open_again.message(name, last)] if last and open_again.days else []


def _rejected_row(kind: str, sent: pl.DataFrame, row: dict[str, Any], received_at: datetime) -> QuarantineItem:
    as_sent = sent.row(row["row"] - 1, named=True)
    return QuarantineItem(
        kind=kind,
        source=f"{row['source']} row {row['row']}",
        field=row["field"],
        reason=row["reason"],
        payload=orjson.dumps(as_sent, default=str).decode(),
        received_at=received_at,
    )


def _gap_messages(name: str, gaps: tuple[date, ...]) -> list[str]:
    if not gaps:
        return []
    shown = ", ".join(map(str, gaps[:5])) + (", ..." if len(gaps) > 5 else "")
    return [
        f"{name}: {len(gaps)} exchange sessions inside its dates have no row: {shown}; outcomes on them are flagged"
    ]


def _summed(kind: str, reports: Sequence[IngestReport]) -> IngestReport:
    return IngestReport(
        kind=kind,
        files=tuple(name for report in reports for name in report.files),
        n_read=sum(report.n_read for report in reports),
        n_accepted=sum(report.n_accepted for report in reports),
        n_duplicates=sum(report.n_duplicates for report in reports),
        n_quarantined=sum(report.n_quarantined for report in reports),
        n_unreadable_files=sum(report.n_unreadable_files for report in reports),
        first_day=min((report.first_day for report in reports if report.first_day), default=None),
        last_day=max((report.last_day for report in reports if report.last_day), default=None),
        messages=tuple(message for report in reports for message in report.messages),
    )
