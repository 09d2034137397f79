"""Theses and trade messages as tests send them, and what intake makes of them."""

from datetime import datetime
from typing import Any

import polars as pl

from amc_learning.contracts.declared.collect import raw_events
from amc_learning.intake.envelope import Envelope
from amc_learning.intake.thesis import NormalisedTheses, normalise_theses
from amc_learning.intake.trade import NormalisedTrades, normalise_trades
from amc_learning_tests.intake.sent import RECEIVED_AT, as_text, received

EVENTS_TABLE = raw_events("events", "Events as tests store them.")


def stored(*payloads: Any, kind: str = "trade", occurred_at: datetime = RECEIVED_AT) -> pl.DataFrame:
    """The payloads as rows of a raw event table, accepted or not: normalisation must live with whatever is stored."""
    rows = [
        {
            "known_on": occurred_at.date(),
            "event_id": f"{kind}:{number:06}",
            "received_at": RECEIVED_AT,
            "occurred_at": occurred_at,
            "occurred_at_source": "payload",
            "source": f"test {number}",
            "payload": as_text(payload),
        }
        for number, payload in enumerate(payloads)
    ]
    return pl.DataFrame(rows, schema=EVENTS_TABLE.schema)


def accepted(*payloads: Any, kind: str, received_at: datetime = RECEIVED_AT) -> pl.DataFrame:
    """The payloads as rows of a raw event table, all let in by the door."""
    envelopes = [received(payload, kind=kind, received_at=received_at) for payload in payloads]
    assert all(isinstance(envelope, Envelope) for envelope in envelopes), envelopes
    rows = [{name: getattr(envelope, name) for name in EVENTS_TABLE.column_names} for envelope in envelopes]
    return pl.DataFrame(rows, schema=EVENTS_TABLE.schema)


def theses_of(*payloads: Any, **options: Any) -> NormalisedTheses:
    return normalise_theses(stored(*payloads, kind="thesis"), **options)


def trades_of(*payloads: Any, **options: Any) -> NormalisedTrades:
    return normalise_trades(stored(*payloads), **options)


def thesis(payload: Any) -> dict[str, Any]:
    """The only decision of a payload from which nothing was rejected."""
    normalised = theses_of(payload)
    assert normalised.rejections.is_empty(), normalised.rejections.to_dicts()
    return normalised.decisions.row(0, named=True) if normalised.decisions.height == 1 else {}


def trade(payload: Any) -> dict[str, Any]:
    """The only message of a payload from which nothing was rejected."""
    normalised = trades_of(payload)
    assert normalised.rejections.is_empty(), normalised.rejections.to_dicts()
    return normalised.messages.row(0, named=True) if normalised.messages.height == 1 else {}


def rejected(normalised: NormalisedTheses | NormalisedTrades) -> dict[str, str]:
    """Path and reason of every rejection."""
    return dict(normalised.rejections.select("path", "reason").iter_rows())
