"""Which days wait for work: nights not yet decided, days whose rows are older than what they are made from.

Reads manifests, not data, except where it says so. Belongs here: the questions. Not here: doing the work (cycle).
"""

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from amc_learning.contracts.knowledge_days import knowledge_days, next_knowledge_day
from amc_learning.warehouse import Warehouse

LONGEST_CATCH_UP = timedelta(days=31)
"""Missed nights further back than this are a person's decision (backfill), not a schedule's."""


def due_nights(warehouse: Warehouse, yesterday: date) -> list[date]:
    """The knowledge days a night has to decide: yesterday, the nights missed before it, and today if it was ordered.

    An order of a person (rollback, release) decides today ahead of its night; a missed yesterday then has to be
    decided together with today, which builds on it.
    """
    decided = warehouse.table("weight_decisions").days()
    before = [day for day in decided if day < yesterday]
    first = next_knowledge_day(before[-1]) if before and yesterday - before[-1] <= LONGEST_CATCH_UP else yesterday
    is_ordered = decided and decided[-1] == next_knowledge_day(yesterday)
    return knowledge_days(first, decided[-1] if is_ordered else yesterday)


def missed_nights(warehouse: Warehouse) -> list[date]:
    """Knowledge days between the first and the last decision that were never decided."""
    decided = warehouse.table("weight_decisions").days()
    return sorted(set(knowledge_days(decided[0], decided[-1])) - set(decided)) if decided else []


def stale_event_days(warehouse: Warehouse) -> list[date]:
    """Days whose raw events are not all normalised: every event has exactly one run row."""
    runs = {entry.known_on: entry.n_rows for entry in warehouse.table("discovery_runs").entries()}
    events = warehouse.table("discovery_events").entries()
    return [entry.known_on for entry in events if runs.get(entry.known_on, 0) != entry.n_rows]


def late_event_days(warehouse: Warehouse) -> list[date]:
    """Stale days whose night has run already; later ones just wait for their night."""
    made = warehouse.table("discovery_runs").days()
    return [day for day in stale_event_days(warehouse) if made and day <= made[-1]]


def stale_outcome_days(warehouse: Warehouse) -> list[date]:
    """Days with outcomes flagged for a missing session whose bars have come since. Reads the outcomes."""
    columns = ["known_on", "entry_date", "outcome_status"]
    outcomes = warehouse.table("candidate_outcomes").read(None, None, columns=columns)
    flagged = outcomes.filter(pl.col("outcome_status") == "session_missing").unique(["known_on", "entry_date"])
    with_bars = {entry.known_on for entry in warehouse.table("price_bars").entries() if entry.n_rows}
    return sorted({known for known, entry, _ in flagged.iter_rows() if {known, entry} <= with_bars})


def span(days: Sequence[date]) -> str:
    """Days as people read them: one day, or from - to."""
    return str(days[0]) if len(days) == 1 else f"{days[0]} to {days[-1]} ({len(days)} days)"
