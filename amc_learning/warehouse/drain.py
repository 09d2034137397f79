"""From the inbox into a raw event table, so that a crash at any moment loses and doubles nothing.

Belongs here: the order of the two commits. Not here: either store (inbox, tables), what payloads mean (intake).
"""

from dataclasses import dataclass
from datetime import date

from amc_learning.warehouse.inbox import Inbox
from amc_learning.warehouse.tables import PartitionedTable


@dataclass(frozen=True)
class DrainReport:
    """Events moved, and the knowledge days whose partitions they went to, in order."""

    n_events: int
    days: tuple[date, ...]


def drain(inbox: Inbox, table: PartitionedTable, kind: str, batch: int = 5000) -> DrainReport:
    """Move all pending events of a kind into their table.

    The partitions are committed first, the inbox forgets the payloads second. A crash in between leaves the events in
    both; the next drain merges equal rows under equal keys, which changes no byte, and completes.

    Args:
        inbox: where the events are.
        table: a raw event table; its columns are those of `Inbox.pending`.
        kind: which events.
        batch: events held in memory at a time.
    """
    n_events = 0
    days: set[date] = set()
    while (pending := inbox.pending(kind, batch)).height:
        events = pending.select(table.table.column_names)
        table.merge(events)
        inbox.mark_drained(pending["sequence"].to_list())
        n_events += events.height
        days.update(events["known_on"].unique())
    return DrainReport(n_events, tuple(sorted(days)))
