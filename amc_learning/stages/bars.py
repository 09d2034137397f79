"""Bars: the first step of a night, from wherever the settings say bars come from.

Belongs here: which files, events or sessions are taken, in which order, and what is remembered so that a crash at any
moment only repeats work. Not here: judging and merging rows (ingest), talking to a vendor (market_data).
Every source ends in `merge_tables`: the same judgement, the same quarantine, the same reopened days.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from amc_learning.intake.bars import BAR_COLUMNS
from amc_learning.intake.columns import find_columns
from amc_learning.intake.errors import IntakeError
from amc_learning.intake.files import read_table, table_of_text
from amc_learning.settings import Settings
from amc_learning.stages.ingest import IngestReport, SentTable, closed_sessions, merge_tables
from amc_learning.warehouse import QuarantineItem, Warehouse
from amc_learning.warehouse.files import make_folder, sync_folder

if TYPE_CHECKING:
    from amc_learning.market_data.polygon import PolygonClient

KIND = "bars"
FOLDER = ("inbox", "bars")
DONE, FAILED = "done", "failed"

EVENTS_PER_MERGE = 500
"""Events merged by one write: a partition is rewritten once for all of them."""


@dataclass(frozen=True)
class BarsReport:
    """What a night took in: n_read = n_accepted + n_duplicates + n_quarantined rows.

    `n_inputs` counts files, events or answers of the vendor, `n_failed` those of them that held nothing usable.
    `waiting` are sessions among the days wanted that are over and still have no bar of any symbol; a night goes on
    without them, and what depends on them is flagged.
    """

    source: str
    n_inputs: int = 0
    n_failed: int = 0
    n_read: int = 0
    n_accepted: int = 0
    n_duplicates: int = 0
    n_quarantined: int = 0
    waiting: tuple[date, ...] = ()
    messages: tuple[str, ...] = ()


def collect_bars(
    warehouse: Warehouse,
    settings: Settings,
    days: Sequence[date],
    *,
    now: datetime,
    client: "PolygonClient | None" = None,
) -> BarsReport:
    """Take bars in from where `market.bars_source` says, so that the outcomes of these days can be computed.

    Events that were sent in are taken whatever the source: somebody with a key sent them, and nothing else would ever
    take them. Files and events are all taken, whatever sessions they speak of; a vendor is asked for those of `days`
    that are over and have no bar yet, and for splits. Nothing is taken twice, and whatever was taken before a failure
    stays.

    Args:
        warehouse: where the bars go.
        settings: the source, the vendor's section, exchange and entry rule.
        days: the knowledge days about to be computed, in order.
        now: the clock, read once.
        client: asks the vendor; None makes one from the settings.

    Raises:
        VendorRefused: the vendor does not accept the key, or none is set; the message names the setting.
        VendorError: the vendor gave no usable answer; running the same again goes on where this stopped.
    """
    source = settings.market.bars_source
    reports = _from_events(warehouse, settings, now)
    if source == "files":
        reports += _from_files(warehouse, settings, now)
    elif source == "polygon":
        from amc_learning.stages.vendor_bars import fetch_bars  # noqa: PLC0415 - other sources need no HTTP

        reports += fetch_bars(warehouse, settings, days, now=now, client=client)
    with_bars = {entry.known_on for entry in warehouse.table("price_bars").entries() if entry.n_rows}
    _, closed = closed_sessions(settings, now)
    return BarsReport(
        source=source,
        n_inputs=sum(bool(report.files) for report in reports),
        n_failed=sum(report.n_unreadable_files for report in reports),
        n_read=sum(report.n_read for report in reports),
        n_accepted=sum(report.n_accepted for report in reports),
        n_duplicates=sum(report.n_duplicates for report in reports),
        n_quarantined=sum(report.n_quarantined for report in reports),
        waiting=tuple(day for day in days if day in closed and day not in with_bars),
        messages=tuple(message for report in reports for message in report.messages),
    )


# -- files ------------------------------------------------------------------------------------------------------


def _from_files(warehouse: Warehouse, settings: Settings, now: datetime) -> list[IngestReport]:
    """Each file in the folder, in the order of names; moved away only after its rows are durable."""
    folder = warehouse.data_dir.joinpath(*FOLDER)
    for name in (".", DONE, FAILED):
        make_folder(folder / name)
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    return [_from_file(warehouse, settings, path, now) for path in files]


def _from_file(warehouse: Warehouse, settings: Settings, path: Path, now: datetime) -> IngestReport:
    before = _state(path)
    try:
        report = merge_tables(warehouse, settings, KIND, [SentTable(path.name, read_table(path))], received_at=now)
        target = DONE
    except IntakeError as error:
        report = IngestReport(KIND, (), n_unreadable_files=1, messages=(str(error),))
        target = FAILED
    if before is None or _state(path) != before:
        # somebody still writes it: what was read is merged, and the next run takes the whole of it
        messages = (*report.messages, f"{path.name}: changed while it was read; it stays for the next run")
        return _with(report, path, messages)
    moved = _moved(path, path.parent / target)
    messages = report.messages if target == DONE else (*report.messages, f"{path.name}: moved to {moved}")
    return _with(report, path, messages)


def _with(report: IngestReport, path: Path, messages: tuple[str, ...]) -> IngestReport:
    return replace(report, files=(str(path),), messages=messages)


def _state(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_size, found.st_mtime_ns


def _moved(path: Path, folder: Path) -> Path:
    """Move a file into a folder, under a name nothing there has, durably."""
    target, number = folder / path.name, 1
    while target.exists():
        number += 1
        target = folder / f"{path.name}.{number}"
    path.rename(target)
    sync_folder(folder)
    sync_folder(path.parent)
    return target


# -- events -----------------------------------------------------------------------------------------------------


def _from_events(warehouse: Warehouse, settings: Settings, now: datetime) -> list[IngestReport]:
    """Events of kind bars, `{"bars": [...]}`, in the order of their receipt; forgotten after their rows are durable."""
    reports = []
    while (pending := warehouse.inbox.pending(KIND, EVENTS_PER_MERGE)).height:
        sent: list[SentTable] = []
        for event_id, source, payload in pending.select("event_id", "source", "payload").iter_rows():
            name = f"{source} event {event_id}"
            try:
                table = table_of_text(payload, name=name)
                find_columns(table, BAR_COLUMNS, source=name)
            except IntakeError as error:
                item = QuarantineItem(KIND, name, "payload", str(error), payload, now)
                warehouse.inbox.quarantine([item])
                reports.append(
                    IngestReport(KIND, (name,), n_unreadable_files=1, messages=(f"{error}; kept in quarantine",))
                )
                continue
            sent.append(SentTable(name, table))
        if sent:
            merged = merge_tables(warehouse, settings, KIND, sent, received_at=now)
            reports += [replace(merged, files=(sent[0].name,)), *(IngestReport(KIND, (one.name,)) for one in sent[1:])]
        warehouse.inbox.mark_drained(pending["sequence"].to_list())
    return reports
