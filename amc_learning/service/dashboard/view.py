"""What the dashboard shows, as values: the page is drawn from these alone.

Belongs here: the names of the facts. Not here: collecting them (service), drawing them (page).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from amc_learning.contracts.health import CollectionFlow, DataFlowHealth


@dataclass(frozen=True)
class FlowBalance:
    """What became of the requests of one flow in the last 24 hours: every request is counted in exactly one field.

    n_accepted: new events, durable. n_duplicates: sent before. n_quarantined: kept, not understood. n_conflicts: a
    known identifier with another body, kept apart. n_refused: not taken (4xx). n_unavailable: told to come back (429,
    503).
    """

    n_accepted: int = 0
    n_duplicates: int = 0
    n_quarantined: int = 0
    n_conflicts: int = 0
    n_refused: int = 0
    n_unavailable: int = 0

    @property
    def n_requests(self) -> int:
        """All of them."""
        return (
            self.n_accepted
            + self.n_duplicates
            + self.n_quarantined
            + self.n_conflicts
            + self.n_refused
            + self.n_unavailable
        )


@dataclass(frozen=True)
class FlowState:
    """One flow of events: discovery, thesis, trade or bars.

    `n_waiting` events are durable in the inbox and not yet in a table; `n_in_quarantine` wait for a person. `measured`
    is for a flow that the health document has no group for (bars); None: nothing was measured beside it.
    """

    name: str
    balance: FlowBalance
    n_waiting: int
    n_in_quarantine: int
    last_received_at: datetime | None
    measured: CollectionFlow | None = None


@dataclass(frozen=True)
class NightState:
    """One knowledge day: when its report was published, and what it did to the weights; nulls when it was not run."""

    known_on: date
    published_at: datetime | None
    status: str | None
    reason: str | None
    n_changes: int | None


@dataclass(frozen=True)
class DashboardView:
    """Everything on the page.

    `documents` holds the current published document under each name of `contracts.documents.names`, or None where
    nothing is published yet. `in_shadow` holds the documents that are in shadow now, under the same names. `troubles`
    are sentences about what is wrong with the service itself. `nights` are the last knowledge days, newest first.
    `last_weight_change` is the weights document of the last knowledge day that moved a weight, which says what the
    change promised; None when that is not known. `refresh_seconds` is 0 when the page must not load itself again.
    """

    now: datetime
    health: DataFlowHealth
    flows: tuple[FlowState, ...]
    documents: Mapping[str, Mapping[str, Any] | None]
    nights: tuple[NightState, ...]
    troubles: tuple[str, ...]
    dagster_url: str | None
    refresh_seconds: int
    software_version: str
    last_weight_change: Mapping[str, Any] | None = None
    in_shadow: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
