"""Replay: what is in quarantine is tried again, after a fix or a change of settings, and settled where it works.

Belongs here: the order of accepting and settling. Not here: understanding (intake), durability (warehouse). An item is
settled after what came of it is durable, so that a crash in between tries it once more and doubles nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson
import polars as pl

from amc_learning.contracts.events import EVENT_TABLES
from amc_learning.intake.bars_shape import understands_bars
from amc_learning.intake.envelope import Envelope, PayloadLimits, receive
from amc_learning.intake.errors import IntakeError
from amc_learning.intake.files import table_of_text
from amc_learning.intake.payload import Parsed, parse_payload
from amc_learning.settings import Settings
from amc_learning.stages.bars import KIND as BARS
from amc_learning.stages.ingest import SentTable, judged_table, merge_tables
from amc_learning.stages.received import inbox_event
from amc_learning.warehouse import Warehouse

Item = dict[str, Any]


@dataclass(frozen=True)
class ReplayReport:
    """What became of the items: n_tried = n_accepted + n_duplicates + n_still_apart."""

    n_tried: int = 0
    n_accepted: int = 0
    n_duplicates: int = 0
    n_still_apart: int = 0
    messages: tuple[str, ...] = ()

    def __add__(self, other: "ReplayReport") -> "ReplayReport":
        """Both together."""
        return ReplayReport(
            self.n_tried + other.n_tried,
            self.n_accepted + other.n_accepted,
            self.n_duplicates + other.n_duplicates,
            self.n_still_apart + other.n_still_apart,
            (*self.messages, *other.messages),
        )


def replay_quarantine(
    warehouse: Warehouse,
    settings: Settings,
    *,
    now: datetime,
    identifier: str | None = None,
    kind: str | None = None,
) -> ReplayReport:
    """Try items again: events go to the inbox as of their first receipt, rows of bars and closes into their tables.

    Args:
        warehouse: where they lie, and where they go.
        settings: how they are read now.
        now: the clock; a session that is still running has no bar yet.
        identifier: only the item whose identifier begins so; None for all that are not settled.
        kind: only items of this kind.

    Raises:
        InboxError: no item, or several, begin with `identifier`.
    """
    items = warehouse.inbox.quarantined(kind).to_dicts()
    if identifier is not None:
        wanted = warehouse.inbox.quarantine_item(identifier).id
        items = [item for item in items if item["id"] == wanted]
    events = [item for item in items if item["kind"] in EVENT_TABLES or _is_event_of_bars(item)]
    rows = [item for item in items if item not in events]
    report = sum((_replay_event(warehouse, settings, item) for item in events), ReplayReport())
    for table_kind in sorted({item["kind"] for item in rows}):
        of_kind = [item for item in rows if item["kind"] == table_kind]
        report += _replay_rows(warehouse, settings, table_kind, of_kind, now)
    return report


def _is_event_of_bars(item: Item) -> bool:
    parsed = parse_payload(item["payload"])
    return item["kind"] == BARS and isinstance(parsed, Parsed) and understands_bars(parsed.value) is None


def _replay_event(warehouse: Warehouse, settings: Settings, item: Item) -> ReplayReport:
    understood = receive(
        item["payload"],
        kind=item["kind"],
        source=item["source"],
        received_at=item["received_at"],
        rules=settings.collection.time_rules,
        limits=PayloadLimits(max_rows=settings.collection.max_candidates),
    )
    if not isinstance(understood, Envelope):
        return _apart(item, understood.reason)
    (receipt,) = warehouse.inbox.append([inbox_event(understood)])
    if receipt.is_conflict:
        if receipt.quarantine_id != item["id"]:
            warehouse.inbox.resolve_quarantine(item["id"])  # it is kept under what is wrong with it now
        return _apart(item, f"the identifier {receipt.event_id} belongs to another body")
    warehouse.inbox.resolve_quarantine(item["id"])
    return ReplayReport(1, n_accepted=int(not receipt.is_duplicate), n_duplicates=int(receipt.is_duplicate))


def _replay_rows(
    warehouse: Warehouse, settings: Settings, kind: str, items: Sequence[Item], now: datetime
) -> ReplayReport:
    """Rows of one kind, judged together and merged in one go."""
    readable = [item for item in items if _is_row(item)]
    report = _all_apart([item for item in items if item not in readable], lambda _: "it is no row of a table")
    if not readable:
        return report
    try:
        text = orjson.dumps([orjson.loads(item["payload"]) for item in readable]).decode()
        table = table_of_text(text, name="quarantine")
        rejected = judged_table(settings, kind, SentTable("quarantine", table), received_at=now).rejected
    except IntakeError as error:
        refusal = str(error)
        return report + _all_apart(readable, lambda _: refusal)
    reasons = dict(rejected.select("row", "reason").iter_rows())
    good = [number for number in range(1, len(readable) + 1) if number not in reasons]
    bad = [readable[number - 1] for number in reasons]
    by_id = {readable[number - 1]["id"]: reason for number, reason in reasons.items()}
    report += _all_apart(bad, lambda item: by_id[item["id"]])
    if not good:
        return report
    chosen = table.filter(pl.int_range(1, pl.len() + 1).is_in(good))
    merged = merge_tables(warehouse, settings, kind, [SentTable("quarantine", chosen)], received_at=now, is_whole=False)
    for number in good:
        warehouse.inbox.resolve_quarantine(readable[number - 1]["id"])
    done = ReplayReport(len(good), n_accepted=merged.n_accepted, n_duplicates=len(good) - merged.n_accepted)
    return replace(report + done, messages=(*report.messages, *merged.messages))


def _is_row(item: Item) -> bool:
    parsed = parse_payload(item["payload"])
    return isinstance(parsed, Parsed) and isinstance(parsed.value, dict)


def _all_apart(items: Sequence[Item], reason: Callable[[Item], str]) -> ReplayReport:
    return sum((_apart(item, reason(item)) for item in items), ReplayReport())


def _apart(item: Item, reason: str) -> ReplayReport:
    return ReplayReport(1, n_still_apart=1, messages=(f"{item['id']} {item['source']}: {reason}",))
