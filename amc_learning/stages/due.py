"""Which days wait for work: nights not yet decided, days whose rows are older than what they are made from.

Reads manifests, not data, except where it says so. Belongs here: the questions. Not here: doing the work (cycle).
"""

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from amc_learning.contracts.events import EVENT_TABLES
from amc_learning.contracts.knowledge_days import knowledge_days, next_knowledge_day
from amc_learning.warehouse import Warehouse, reopened

LONGEST_CATCH_UP = timedelta(days=31)
"""Missed nights further back than this are a person's decision (backfill), not a schedule's."""


def due_nights(warehouse: Warehouse, yesterday: date, today: date) -> list[date]:
    """The knowledge days a night has to decide: yesterday, the nights missed before it, and today if it was ordered.

    An order of a person (rollback, release) decides today ahead of its night; a missed yesterday then has to be
    decided together with today, which builds on it. What was ordered on a weekend decides Monday: before Monday has
    begun there is no such day to run, and its own night decides it again in any case.

    Args:
        warehouse: what was decided so far.
        yesterday: the last knowledge day that is over.
        today: day of the calendar in New York.
    """
    decided, before = warehouse.table("weight_decisions").days(), [day for day in nights(warehouse) if day < yesterday]
    first = next_knowledge_day(before[-1]) if before else min([*decided[:1], yesterday])
    if yesterday - first >= LONGEST_CATCH_UP:
        first = yesterday
    is_ordered = decided and decided[-1] == next_knowledge_day(yesterday) and decided[-1] <= today
    return knowledge_days(first, decided[-1] if is_ordered else yesterday)


def nights(warehouse: Warehouse) -> list[date]:
    """Knowledge days whose night ran, in order.

    A decision alone does not say so: orders and the correction of failures decide a day ahead of its night. Only the
    night calibrates. Nights of before there was a calibration are days both analysed and decided.
    """
    calibrated = warehouse.table("calibration_decisions").days()
    analysed = set(warehouse.table("correlation_table").days())
    decided = warehouse.table("weight_decisions").days()
    return [day for day in decided if not calibrated or day < calibrated[0] if day in analysed] + calibrated


def missed_nights(warehouse: Warehouse) -> list[date]:
    """Knowledge days between the first and the last decision whose night never ran.

    The last day may be decided ahead of its night, so it is not one of them.
    """
    decided = warehouse.table("weight_decisions").days()
    return sorted(set(knowledge_days(decided[0], decided[-1])) - {*nights(warehouse), decided[-1]}) if decided else []


def last_night(warehouse: Warehouse) -> date | None:
    """The last knowledge day whose events were made into rows; None before the first."""
    made = warehouse.table("collected_events").days()
    return made[-1] if made else None


def stale_event_days(warehouse: Warehouse, *, since: date | None = None) -> list[date]:
    """Days from `since` on whose raw events of some kind are not all normalised. Reads a row per day and kind."""
    counts = warehouse.table("collected_events").read(since, None)
    made = {(day, kind): n_events for day, kind, n_events in counts.select("known_on", "kind", "n_events").iter_rows()}
    return sorted(
        {
            entry.known_on
            for kind, table in EVENT_TABLES.items()
            for entry in warehouse.table(table).entries(since, None)
            if made.get((entry.known_on, kind), 0) != entry.n_rows
        }
    )


def late_event_days(warehouse: Warehouse) -> list[date]:
    """Stale days whose night has run already; later ones just wait for their night."""
    last = last_night(warehouse)
    return [day for day in stale_event_days(warehouse) if last and day <= last]


def stale_outcome_days(warehouse: Warehouse) -> list[date]:
    """Days whose outcomes are older than their bars: reopened ones, and flagged ones whose missing session came since.

    Reads the outcomes.
    """
    columns = ["known_on", "entry_date", "outcome_status"]
    outcomes = warehouse.table("candidate_outcomes").read(None, None, columns=columns)
    flagged = outcomes.filter(pl.col("outcome_status") == "session_missing").unique(["known_on", "entry_date"])
    with_bars = {entry.known_on for entry in warehouse.table("price_bars").entries() if entry.n_rows}
    filled = {known for known, entry, _ in flagged.iter_rows() if {known, entry} <= with_bars}
    return sorted(filled | reopened.open_days(warehouse).keys())


def span(days: Sequence[date], *, counted: bool = True) -> str:
    """Days as people read them: one day, or from - to, counted unless the sentence counts them."""
    if len(days) == 1:
        return str(days[0])
    return f"{days[0]} to {days[-1]}" + (f" ({len(days)} days)" if counted else "")
