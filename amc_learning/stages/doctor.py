"""The examination behind `amc-learning doctor`: each finding with its remedy.

Belongs here: what lies in inbox, tables and publications. Not here: settings, machine and delivery (its neighbours),
Dagster (automation.doctor).
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from amc_learning.contracts.documents.names import WEEKLY_REPORT_DOCUMENT
from amc_learning.contracts.knowledge_days import knowledge_day, previous_knowledge_day, week_ends
from amc_learning.settings import Settings
from amc_learning.stages import doctor_delivery, doctor_machine
from amc_learning.stages.doctor_findings import Finding
from amc_learning.stages.due import last_night, late_event_days, missed_nights, nights, span, stale_outcome_days
from amc_learning.stages.settled import first_unsettled
from amc_learning.stages.status import missing_sessions
from amc_learning.stages.week import last_finished_week
from amc_learning.warehouse import Warehouse
from amc_learning.warehouse.compaction import files_of
from amc_learning.warehouse.errors import WarehouseError

NIGHT_MAY_TAKE = timedelta(hours=12)
"""A night begins half an hour after midnight in New York; by noon of the next day UTC it is late."""


def examine(warehouse: Warehouse, settings: Settings, *, now: datetime | None = None) -> list[Finding]:
    """Every finding, in the order a person would look; those about Dagster are looked for in automation.doctor."""
    at = now or datetime.now(UTC)
    looks: dict[str, Callable[[Warehouse, Settings], Finding]] = {
        "versions": doctor_machine.versions,
        "SQLite": doctor_machine.sqlite,
        "disk": doctor_machine.disk,
        "permissions": doctor_machine.permissions,
        "clock": lambda warehouse, settings: doctor_machine.clock(warehouse, settings, at),
        "tables": _tables,
        "inbox": _inbox,
        "quarantine": _quarantine,
        "price bars": _bars,
        "late events": _late_events,
        "late bars": _late_bars,
        "trade ledger": _ledger,
        "nights": lambda warehouse, settings: _nights(warehouse, settings, at),
        "publication": _publication,
        "documents": lambda warehouse, settings: doctor_delivery.documents(warehouse, settings, at),
        "weeks": _weeks,
        "alerts": doctor_delivery.alerts,
        "service": doctor_delivery.service,
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
    files = [files_of(warehouse.table(table.name)) for table in warehouse.catalogue]
    n_days, n_files = sum(one.n_days for one in files), sum(one.n_files for one in files)
    return Finding(
        "tables", not damaged, "; ".join(damaged[:3]) or f"{n_files:,} files, {n_days:,} partitions verified by sha256",
        "restore the file from a backup, or delete its partition and run the day again",
    )  # fmt: skip


def _inbox(warehouse: Warehouse, _: Settings) -> Finding:
    n_pending = warehouse.inbox.n_pending()
    return Finding(
        "inbox", n_pending == 0,
        f"{n_pending:,} events wait to be drained" if n_pending != 1 else "1 event waits to be drained",
        "run the night (amc-learning run daily), or switch the inbox sensor on",
    )  # fmt: skip


def _quarantine(warehouse: Warehouse, _: Settings) -> Finding:
    items = warehouse.inbox.quarantined()
    if items.is_empty():
        return Finding("quarantine", is_ok=True, finding="0 in quarantine")
    oldest = items.row(0, named=True)
    return Finding(
        "quarantine", False,
        f"{items.height:,} in quarantine, the oldest since {oldest['received_at']:%Y-%m-%d}: {oldest['reason']}",
        "read why: amc-learning quarantine list", f"{oldest['kind']} {oldest['id'][:8]}",
    )  # fmt: skip


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


def _nights(warehouse: Warehouse, settings: Settings, now: datetime) -> Finding:
    days = missed_nights(warehouse)
    decided, ran = warehouse.table("weight_decisions").days(), nights(warehouse)
    due = previous_knowledge_day(knowledge_day(now - NIGHT_MAY_TAKE))
    if not days and settings.automation.daily_schedule_is_on and ran and ran[-1] < due:
        return Finding(
            "nights", False, f"the schedule is on and the last night is that of {ran[-1]}; due is {due}",
            "amc-learning run daily",
        )  # fmt: skip
    last = f", the last one that of {ran[-1]}" if ran else ""
    return Finding(
        "nights", not days,
        f"nights that never ran: {span(days)}" if days
        else f"{len(ran):,} ran, none missing between first and last{last}",
        f"amc-learning backfill --from {days[0]} --to {decided[-1]}" if days else "",
    )  # fmt: skip


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
