"""Trade messages as values: how they are ordered, compared and kept.

Belongs here: one message. Not here: what several amount to (settlement), where they belong (matching).
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cached_property

import polars as pl

OPEN = "OPEN"
MODIFY = "MODIFY"
CLOSE = "CLOSE"
ROUND_TRIP = "ROUND_TRIP"
SNAPSHOT = "SNAPSHOT"
ADD = "ADD"
REDUCE = "REDUCE"

EXITS = (CLOSE, ROUND_TRIP)
_ORDER = {OPEN: 0, MODIFY: 1, CLOSE: 2, ROUND_TRIP: 3, SNAPSHOT: 4}

MESSAGE_SCHEMA = pl.Schema(
    [
        ("message_id", pl.String),
        ("event_id", pl.String),
        ("known_on", pl.Date),
        ("occurred_at", pl.Datetime("us", "UTC")),
        ("occurred_at_source", pl.String),
        ("received_at", pl.Datetime("us", "UTC")),
        ("symbol", pl.String),
        ("change_type", pl.String),
        ("trade_id", pl.String),
        ("action", pl.String),
        ("price_usd", pl.Float64),
        ("quantity_shares", pl.Float64),
        ("entry_price_usd", pl.Float64),
        ("exit_price_usd", pl.Float64),
        ("average_entry_price_usd", pl.Float64),
        ("remaining_shares", pl.Float64),
        ("position_size_usd", pl.Float64),
        ("return_sent", pl.Float64),
        ("exit_reason", pl.String),
        ("exit_reason_sent", pl.String),
        ("entered_at", pl.Datetime("us", "UTC")),
        ("signal_date", pl.Date),
        ("corrects", pl.String),
    ]
)
"""The columns of trade_messages the ledger reads."""


@dataclass(frozen=True)
class Message:
    """One row of trade_messages; days and instants are days and microseconds since 1970 UTC, as polars stores them."""

    message_id: str
    event_id: str
    known_on: int
    occurred_at: int
    occurred_at_source: str
    received_at: int
    symbol: str
    change_type: str
    trade_id: str | None
    action: str | None
    price_usd: float | None
    quantity_shares: float | None
    entry_price_usd: float | None
    exit_price_usd: float | None
    average_entry_price_usd: float | None
    remaining_shares: float | None
    position_size_usd: float | None
    return_sent: float | None
    exit_reason: str | None
    exit_reason_sent: str | None
    entered_at: int | None
    signal_date: int | None
    corrects: str | None

    @cached_property
    def occurrence(self) -> tuple[int, int, int, str]:
        """The order in which things happened: by the sender's clock, then opening before change before close."""
        return (self.occurred_at, _ORDER.get(self.change_type, len(_ORDER)), self.received_at, self.message_id)

    @property
    def receipt(self) -> tuple[int, int, str]:
        """The order in which messages became known: of two that contradict each other, the later counts."""
        return (self.known_on, self.received_at, self.message_id)

    @cached_property
    def content(self) -> tuple[object, ...]:
        """What it says, whichever event carried it; a time that is only that of its receipt is not said by it."""
        said_at = self.occurred_at if self.occurred_at_source == "payload" else None
        return (said_at, *(getattr(self, name) for name in _SAID))

    @property
    def entry_paid(self) -> float | None:
        """Price of an entry: of this change, else as stated beside it."""
        if self.price_usd is not None:
            return self.price_usd
        return self.entry_price_usd if self.change_type == OPEN else None

    @property
    def exit_received(self) -> float | None:
        """Price of an exit: of this change, else as stated beside it."""
        return self.price_usd if self.price_usd is not None else self.exit_price_usd

    @property
    def entry_stated(self) -> float | None:
        """What an exit says was paid."""
        return self.entry_price_usd if self.entry_price_usd is not None else self.average_entry_price_usd

    @property
    def bought(self) -> float | None:
        """Shares of an entry: as sent, else the money put in over the price."""
        return _shares(self.quantity_shares, self.position_size_usd, self.entry_paid)

    @property
    def bought_before(self) -> float | None:
        """Shares that a message complete in itself speaks of: as sent, else the money put in over the stated entry."""
        return _shares(self.quantity_shares, self.position_size_usd, self.entry_stated)


_NAMES = tuple(field.name for field in fields(Message))
_CARRIER = {"message_id", "event_id", "known_on", "occurred_at", "occurred_at_source", "received_at", "corrects"}
_SAID = tuple(name for name in _NAMES if name not in _CARRIER)


def _shares(quantity: float | None, money: float | None, price: float | None) -> float | None:
    if quantity is not None and quantity > 0:
        return quantity
    return money / price if money is not None and money > 0 and price else None


def messages_of(frame: pl.DataFrame) -> Iterator[Message]:
    """The rows of a trade_messages frame, in its order.

    Args:
        frame: the columns of `MESSAGE_SCHEMA`; others are ignored. A price that is not positive counts as not sent.
    """
    positive = [name for name in MESSAGE_SCHEMA if name.endswith("price_usd")]
    stored = frame.select(pl.col(name).cast(dtype) for name, dtype in MESSAGE_SCHEMA.items()).with_columns(
        pl.when(pl.col(name) > 0).then(name).alias(name) for name in positive
    )
    physical = stored.select(pl.col(name).to_physical() for name in _NAMES)
    return (Message(*row) for row in physical.iter_rows())


def to_json(messages: tuple[Message, ...]) -> str:
    """Messages as they are kept in trade_positions; what is null is left out."""
    kept = [{name: value for name in _NAMES if (value := getattr(message, name)) is not None} for message in messages]
    return json.dumps(kept, separators=(",", ":"), allow_nan=False)


def from_json(text: str) -> tuple[Message, ...]:
    """The messages `to_json` kept.

    >>> from_json("[]")
    ()
    """
    return tuple(Message(**(dict.fromkeys(_NAMES) | kept)) for kept in json.loads(text))
