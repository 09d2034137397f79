"""Collect: from the inbox to raw events, from raw events to runs and candidates.

Belongs here: moving events between inbox and tables. Not here: understanding payloads (intake).
"""

from collections.abc import Sequence
from datetime import date

from amc_learning.intake.discovery import NormalisedDiscovery, TagRules, normalise_discovery
from amc_learning.settings import Settings
from amc_learning.stages.turns import taking_turns
from amc_learning.warehouse import Warehouse
from amc_learning.warehouse.drain import DrainReport, drain


@taking_turns
def drain_discovery_events(warehouse: Warehouse) -> DrainReport:
    """Move every pending discovery event into its raw partition; late events re-open the days the report names."""
    return drain(warehouse.inbox, warehouse.table("discovery_events"), kind="discovery")


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
    return normalised
