"""The examination behind `amc-learning doctor`: each finding with its remedy."""

import shutil
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.metadata import version

from amc_learning.contracts.documents.names import WEEKLY_REPORT_DOCUMENT
from amc_learning.contracts.knowledge_days import week_ends
from amc_learning.settings import Settings
from amc_learning.stages.due import last_night, late_event_days, missed_nights, nights, span, stale_outcome_days
from amc_learning.stages.settled import first_unsettled
from amc_learning.stages.status import missing_sessions
from amc_learning.stages.week import last_finished_week
from amc_learning.warehouse import Warehouse
from amc_learning.warehouse.errors import WarehouseError

LEAST_FREE_BYTES = 2 * 2**30
"""A night writes a few megabytes; below this a backfill may not fit."""

WAL_RESET_FIX = (3, 51, 3)
"""SQLite before this version can corrupt a database that several connections write; the inbox writes with one."""


@dataclass(frozen=True)
class Finding:
    """One thing looked at: what was found and, when it is not well, what to do."""

    subject: str
    is_ok: bool
    finding: str
    remedy: str = ""


def examine(warehouse: Warehouse, settings: Settings) -> list[Finding]:
    """Every finding, in the order a person would look."""
    looks: dict[str, Callable[[Warehouse, Settings], Finding]] = {
        "versions": _versions,
        "SQLite": _sqlite,
        "disk": _disk,
        "tables": _tables,
        "inbox": _inbox,
        "quarantine": _quarantine,
        "price bars": _bars,
        "late events": _late_events,
        "late bars": _late_bars,
        "trade ledger": _ledger,
        "nights": _nights,
        "publication": _publication,
        "weeks": _weeks,
    }
    return [_looked_at(subject, look, warehouse, settings) for subject, look in looks.items()]


def _looked_at(
    subject: str, look: Callable[[Warehouse, Settings], Finding], warehouse: Warehouse, settings: Settings
) -> Finding:
    """The finding of one look; damage that stops a look is itself what was found."""
    try:
        return look(warehouse, settings)
    except WarehouseError as damage:
        return Finding(subject, is_ok=False, finding=str(damage), remedy="mend this first, then look again")


def _versions(_: Warehouse, __: Settings) -> Finding:
    names = ("dagster", "polars", "duckdb", "pydantic", "sqlalchemy")
    found = ", ".join(f"{name} {version(name)}" for name in names)
    return Finding("versions", is_ok=True, finding=f"Python {sys.version.split()[0]}, {found}")


def _sqlite(_: Warehouse, settings: Settings) -> Finding:
    if settings.inbox_url:
        return Finding("inbox server", is_ok=True, finding=settings.inbox_url.split("@")[-1])
    is_fixed = sqlite3.sqlite_version_info >= WAL_RESET_FIX
    note = "" if is_fixed else "; older than 3.51.3, so the inbox keeps to one writing connection at a time"
    return Finding("SQLite", is_ok=True, finding=f"{sqlite3.sqlite_version}{note}")


def _disk(warehouse: Warehouse, _: Settings) -> Finding:
    free = shutil.disk_usage(warehouse.data_dir).free
    return Finding(
        "disk", free >= LEAST_FREE_BYTES, f"{free / 2**30:.1f} GiB free under {warehouse.data_dir}",
        "free some space, or move the data directory (AMC_LEARNING_DATA_DIR)",
    )  # fmt: skip


def _tables(warehouse: Warehouse, _: Settings) -> Finding:
    outdated = [table.name for table in warehouse.catalogue if warehouse.table(table.name).outdated()]
    weekly = [table.name for table in warehouse.catalogue if table.stage == "weekly" and table.name in outdated]
    if outdated and outdated == weekly:
        days = [day for name in weekly for day in warehouse.table(name).days()]
        return Finding(
            "tables", False, f"written when their columns were declared differently: {', '.join(weekly)}",
            f"make them anew: amc-learning run weekly --from {min(days)} --to {max(days)}",
        )  # fmt: skip
    if outdated:
        days = [day for name in outdated for day in warehouse.table(name).days()]
        return Finding(
            "tables", False, f"written when their columns were declared differently: {', '.join(outdated)}",
            f"make them anew: amc-learning backfill --from {min(days)} --to {max(days)}",
        )  # fmt: skip
    damaged = [line for table in warehouse.catalogue for line in warehouse.table(table.name).damaged()]
    n_files = sum(len(warehouse.table(table.name).entries()) for table in warehouse.catalogue)
    return Finding(
        "tables", not damaged, "; ".join(damaged[:3]) or f"{n_files:,} partitions verified by sha256",
        "restore the file from a backup, or delete its partition and run the day again",
    )  # fmt: skip


def _inbox(warehouse: Warehouse, _: Settings) -> Finding:
    n_pending = warehouse.inbox.n_pending()
    return Finding(
        "inbox",
        n_pending == 0,
        f"{n_pending:,} events wait to be drained",
        "run the night, or switch the inbox sensor on",
    )


def _quarantine(warehouse: Warehouse, _: Settings) -> Finding:
    n_quarantined = warehouse.inbox.n_quarantined()
    return Finding(
        "quarantine", n_quarantined == 0, f"{n_quarantined:,} in quarantine", "read why: amc-learning quarantine list"
    )


def _bars(warehouse: Warehouse, settings: Settings) -> Finding:
    missing = missing_sessions(warehouse, settings)
    named = ", ".join(map(str, missing[:5]))
    return Finding(
        "price bars",
        not missing,
        f"{len(missing)} sessions without a bar of any symbol: {named}" if missing else "no session is missing",
        "ingest the missing bars, then run the days again from the first of them",
    )


def _last_night(warehouse: Warehouse, days: list[date]) -> date:
    """The last day the evidence was ever made for: what is made anew reaches up to it."""
    return max(last_night(warehouse) or days[-1], days[-1])


def _late_events(warehouse: Warehouse, _: Settings) -> Finding:
    days = late_event_days(warehouse)
    return Finding(
        "late events",
        not days,
        f"events of {span(days)} are not in the tables made from them" if days else "every event is in its tables",
        f"amc-learning run evidence --from {days[0]} --to {_last_night(warehouse, days)}" if days else "",
    )


def _late_bars(warehouse: Warehouse, _: Settings) -> Finding:
    days = stale_outcome_days(warehouse)
    return Finding(
        "late bars",
        not days,
        f"what depends on prices was computed for {span(days)} before they came"
        if days
        else "outcomes are as new as the bars",
        f"amc-learning run evidence --from {days[0]} --to {_last_night(warehouse, days)}" if days else "",
    )


def _nights(warehouse: Warehouse, _: Settings) -> Finding:
    days = missed_nights(warehouse)
    decided, ran = warehouse.table("weight_decisions").days(), nights(warehouse)
    return Finding(
        "nights",
        not days,
        f"nights that never ran: {span(days)}" if days else f"{len(ran):,} ran, none missing between first and last",
        f"amc-learning backfill --from {days[0]} --to {decided[-1]}" if days else "",
    )


def _ledger(warehouse: Warehouse, _: Settings) -> Finding:
    settled = warehouse.table("settled_days").days()
    day = first_unsettled(warehouse, settled[-1] + timedelta(days=1), looking_back=None) if settled else None
    return Finding(
        "trade ledger",
        day is None,
        f"trades from {day} on are not settled from their messages" if day else "every day follows from the one before",
        f"amc-learning run evidence --from {day} --to {settled[-1]}" if day else "",
    )


def _publication(warehouse: Warehouse, _: Settings) -> Finding:
    active, shadow = (place.current("weights") for place in (warehouse.publications, warehouse.publications.shadow))
    decided = warehouse.table("weight_decisions").days()
    # The newer one says which mode they are in.
    document = max((one for one in (active, shadow) if one), key=lambda one: one["known_on"], default=None)
    if document is None or not decided:
        return Finding("publication", not decided, "nothing is published", "run a night: amc-learning run daily")
    is_current = document["known_on"] == str(decided[-1])
    mode = f" in shadow since {document['mode_since'] or 'the beginning'}" if document is shadow else ""
    told = f"; discovery was last told on {active['known_on'] if active else 'no day'}" if document is shadow else ""
    return Finding(
        "publication", is_current, f"weights of {document['known_on']}{mode}, decisions up to {decided[-1]}{told}",
        f"publish the last decision: amc-learning run daily --date {decided[-1]}",
    )  # fmt: skip


def _weeks(warehouse: Warehouse, _: Settings) -> Finding:
    reported = warehouse.publications.history(WEEKLY_REPORT_DOCUMENT)
    ran = nights(warehouse)
    finished = last_finished_week(warehouse, ran[-1]) if ran else None
    if not reported:
        return Finding("weeks", is_ok=True, finding="no week was judged yet; the first one: amc-learning run weekly")
    missing = [week for week in week_ends(reported[0], finished or reported[-1]) if week not in reported]
    last = f"the last weekly report is of the week to {reported[-1]}"
    return Finding(
        "weeks",
        not missing,
        f"{last}; no report of the week to {span(missing, counted=False)}" if missing else last,
        f"amc-learning run weekly --from {missing[0]} --to {finished or reported[-1]}" if missing else "",
    )
