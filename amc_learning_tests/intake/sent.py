"""Discovery results as tests send them, and what intake makes of them."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from amc_learning.contracts.tables import catalogue
from amc_learning.intake.discovery import NormalisedDiscovery, normalise_discovery
from amc_learning.intake.envelope import Envelope, Quarantined, receive

COMPONENTS = ("volume_momentum", "squeeze", "catalyst", "sentiment", "options", "technical")
RECEIVED_AT = datetime(2025, 11, 20, 15, 0, tzinfo=UTC)
SHARED = Path(__file__).resolve().parents[2] / "../shared"
EVENTS_TABLE = catalogue(COMPONENTS)["discovery_events"]


def as_text(payload: Any) -> str:
    return payload if isinstance(payload, str) else json.dumps(payload)


def received(payload: Any, **options: Any) -> Envelope | Quarantined:
    settings: dict[str, Any] = {"kind": "discovery", "source": "test", "received_at": RECEIVED_AT} | options
    return receive(as_text(payload), **settings)


def stored(*payloads: Any) -> pl.DataFrame:
    """The payloads as rows of discovery_events, accepted or not: normalisation must live with whatever is stored."""
    rows = [
        {
            "known_on": RECEIVED_AT.date(),
            "event_id": f"discovery:{number:06}",
            "received_at": RECEIVED_AT,
            "occurred_at": RECEIVED_AT,
            "occurred_at_source": "payload",
            "source": f"test {number}",
            "payload": as_text(payload),
        }
        for number, payload in enumerate(payloads)
    ]
    return pl.DataFrame(rows, schema=EVENTS_TABLE.schema)


def normalised(*payloads: Any, **options: Any) -> NormalisedDiscovery:
    return normalise_discovery(stored(*payloads), **({"components": COMPONENTS} | options))


def candidates_of(rows: list[Any], **fields: Any) -> list[dict[str, Any]]:
    """The candidates of a run that sent these rows, in the order of their symbols."""
    return normalised({"candidates": rows, **fields}).candidates.to_dicts()


def column(rows: list[Any], name: str, **fields: Any) -> list[Any]:
    return [candidate[name] for candidate in candidates_of(rows, **fields)]


def run_of(payload: Any) -> dict[str, Any]:
    return normalised(payload).runs.row(0, named=True)
