"""Collect: from the inbox to raw events, from raw events to runs and candidates, theses, and messages about trades.

Belongs here: moving events between inbox and tables. Not here: understanding payloads (intake).
"""

from collections.abc import Sequence
from datetime import date

import polars as pl

from amc_learning.contracts.events import EVENT_TABLES
from amc_learning.intake.discovery import NormalisedDiscovery, TagRules, normalise_discovery
from amc_learning.intake.thesis import NormalisedTheses, normalise_theses
from amc_learning.intake.trade import NormalisedTrades, normalise_trades
from amc_learning.settings import Settings
from amc_learning.stages.turns import taking_turns
from amc_learning.warehouse import Warehouse
from amc_learning.warehouse.drain import DrainReport, drain


@taking_turns
def drain_events(warehouse: Warehouse, kind: str) -> DrainReport:
    """Move every pending event of a kind into its raw partition; late events re-open the days the report names."""
    return drain(warehouse.inbox, warehouse.table(EVENT_TABLES[kind]), kind=kind)


def drain_all_events(warehouse: Warehouse) -> None:
    """Move every pending event of every kind into its raw partition."""
    for kind in EVENT_TABLES:
        drain_events(warehouse, kind)


@taking_turns
def normalise_discovery_events(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> NormalisedDiscovery:
    """Write runs, candidates and rejections of these days from their raw events."""
    normalised = normalise_discovery(
        warehouse.table("discovery_events").read(days[0], days[-1]),
        components=settings.features.components,
        tags=TagRules(trade_ready=settings.collection.trade_ready_score, watchlist=settings.collection.watchlist_score),
        max_candidates=settings.collection.max_candidates,
    )
    warehouse.table("discovery_runs").write(normalised.runs, days)
    warehouse.table("discovery_candidates").write(normalised.candidates, days)
    warehouse.table("discovery_rejections").write(normalised.rejections, days)
    _count_collected(warehouse, "discovery", days)
    return normalised


@taking_turns
def normalise_thesis_events(warehouse: Warehouse, _: Settings, days: Sequence[date]) -> NormalisedTheses:
    """Write the thesis decisions and rejections of these days from their raw events."""
    normalised = normalise_theses(warehouse.table("thesis_events").read(days[0], days[-1]))
    warehouse.table("thesis_decisions").write(normalised.decisions, days)
    warehouse.table("thesis_rejections").write(normalised.rejections, days)
    _count_collected(warehouse, "thesis", days)
    return normalised


@taking_turns
def normalise_trade_events(warehouse: Warehouse, settings: Settings, days: Sequence[date]) -> NormalisedTrades:
    """Write the trade messages and rejections of these days from their raw events."""
    normalised = normalise_trades(
        warehouse.table("trade_events").read(days[0], days[-1]), rules=settings.collection.time_rules
    )
    warehouse.table("trade_messages").write(normalised.messages, days)
    warehouse.table("trade_rejections").write(normalised.rejections, days)
    _count_collected(warehouse, "trade", days)
    return normalised


def _count_collected(warehouse: Warehouse, kind: str, days: Sequence[date]) -> None:
    """Remember how many events the rows of each day were made from: an event that comes later is seen by it."""
    entries = {entry.known_on: entry.n_rows for entry in warehouse.table(EVENT_TABLES[kind]).entries(days[0], days[-1])}
    counts = {"known_on": days, "kind": [kind] * len(days), "n_events": [entries.get(day, 0) for day in days]}
    table = warehouse.catalogue["collected_events"]
    warehouse.table(table.name).merge(pl.DataFrame(counts, schema=table.schema))
