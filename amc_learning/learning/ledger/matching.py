"""Which position a message belongs to.

Belongs here: the choice among the positions of one symbol. Not here: what follows from it (settlement), days (fold).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from amc_learning.learning.ledger.messages import CLOSE, EXITS, MODIFY, OPEN, ROUND_TRIP, Message, to_json
from amc_learning.learning.ledger.records import STATUS_OPEN, LedgerRules, Settlement


@dataclass(frozen=True)
class Position:
    """One position as the ledger holds it: its messages, and what has been stated about it so far."""

    position_id: str
    symbol: str
    trade_id: str | None
    messages: tuple[Message, ...]
    settlement: Settlement
    revision: int
    opening_revision: int
    touched_on: int

    @property
    def is_open(self) -> bool:
        """Shares are held."""
        return self.settlement.status == STATUS_OPEN

    @property
    def started_at(self) -> int:
        """When it was opened; while that is unknown, the first thing known of it."""
        opened_at = self.settlement.opened_at
        return min(message.occurred_at for message in self.messages) if opened_at is None else opened_at

    @property
    def has_opening(self) -> bool:
        """An OPEN is among its messages."""
        return any(message.change_type == OPEN for message in self.messages)

    @property
    def age(self) -> tuple[int, str]:
        """Oldest first; independent of the order in which positions are held."""
        return (self.started_at, self.position_id)

    def holds(self, instant: int) -> bool:
        """It was open at this instant."""
        closed_at = self.settlement.closed_at
        opened_at = self.settlement.opened_at
        return opened_at is not None and opened_at <= instant and (closed_at is None or instant <= closed_at)

    def as_json(self) -> str:
        """Its messages as they are kept."""
        return to_json(self.messages)


class Match(NamedTuple):
    """The position a message belongs to, None for a new one; with what had to be settled, if anything."""

    position: Position | None
    issue: str | None = None
    detail: str = ""


NEW = Match(None)


def is_repeated(message: Message, positions: Sequence[Position]) -> str | None:
    """The message that said the same before, or None. A correction repeats only a correction of the same message."""
    for position in positions:
        for known in position.messages:
            is_same_role = message.corrects is None or message.corrects == known.corrects
            if known.message_id == message.message_id or (is_same_role and known.content == message.content):
                return known.message_id
    return None


def match(message: Message, positions: Sequence[Position], rules: LedgerRules) -> Match:
    """The position of the message's symbol that it belongs to.

    With a trade_id it is the position of that name. Without one a symbol has one position at a time: an OPEN joins a
    close that waited for it or the position open at that time; a change or close joins the position open at that time,
    failing that one opened under a trade_id, the oldest if there are several (FIFO).

    Args:
        message: OPEN, MODIFY, CLOSE or ROUND_TRIP.
        positions: those of its symbol, in any order.
        rules: what counts as an equal price.
    """
    by_age = sorted(positions, key=lambda position: position.age)
    if message.trade_id is not None:
        return _by_name(message, by_age)
    if message.change_type == OPEN:
        return _of_opening(message, by_age, rules)
    if message.change_type == ROUND_TRIP:
        return _of_round_trip(message, by_age, rules)
    return _of_change(message, by_age, rules)


def _by_name(message: Message, by_age: Sequence[Position]) -> Match:
    named = [position for position in by_age if position.trade_id == message.trade_id]
    if not named:
        return NEW
    begun = [position for position in named if position.started_at <= message.occurred_at]
    position = begun[-1] if begun else named[0]
    closed_at = position.settlement.closed_at
    is_said = message.occurred_at_source == "payload"
    is_later = closed_at is not None and message.occurred_at > closed_at
    if message.change_type == OPEN and position.has_opening and is_said and is_later:
        return NEW
    return Match(position)


def _of_opening(message: Message, by_age: Sequence[Position], rules: LedgerRules) -> Match:
    unnamed = [position for position in by_age if position.trade_id is None]
    for position in unnamed:
        if not position.has_opening and _may_open(message, position, rules):
            return Match(position)
    held = [position for position in unnamed if position.has_opening and position.holds(message.occurred_at)]
    return Match(held[0]) if held else NEW


def _may_open(message: Message, position: Position, rules: LedgerRules) -> bool:
    if min(known.occurred_at for known in position.messages) < message.occurred_at:
        return False
    stated = [known.entry_stated for known in position.messages if known.change_type in EXITS]
    paid = message.entry_paid
    return all(entry is None or paid is None or rules.is_price(entry, paid) for entry in stated)


def _of_change(message: Message, by_age: Sequence[Position], rules: LedgerRules) -> Match:
    unnamed = [position for position in by_age if position.trade_id is None]
    held = [position for position in unnamed if position.holds(message.occurred_at)]
    open_first = sorted(held, key=lambda position: not position.is_open)
    if open_first and (message.change_type == MODIFY or open_first[0].is_open):
        return Match(open_first[0])
    named = [p for p in by_age if p.trade_id is not None and p.is_open and p.holds(message.occurred_at)]
    if named:
        return _oldest(message, named, rules)
    if message.change_type == CLOSE:
        restated = [position for position in unnamed if _restates(message, position, rules)]
        if restated:
            return Match(restated[-1])
    waiting = [position for position in unnamed if not position.has_opening and position.settlement.closed is None]
    still_open = [p for p in waiting if not any(known.change_type in EXITS for known in p.messages)]
    return Match(still_open[0]) if still_open else NEW


def _oldest(message: Message, named: Sequence[Position], rules: LedgerRules) -> Match:
    priced = [p for p in named if rules.is_price(message.entry_stated, p.settlement.average_entry_price_usd)]
    position = (priced or list(named))[0]
    detail = f"no trade_id was sent and {len(named)} named trades are open: settled in {position.trade_id}"
    return Match(position, "matched_by_symbol", detail)


def _restates(message: Message, position: Position, rules: LedgerRules) -> bool:
    """A further close of a closed trade: it speaks of the same instant or of the same entry."""
    closed = position.settlement.closed
    if closed is None or message.occurred_at < position.started_at:
        return False
    is_same_entry = rules.is_price(message.entry_stated, closed.average_entry_price_usd)
    return closed.closed_at == message.occurred_at or is_same_entry


def _of_round_trip(message: Message, by_age: Sequence[Position], rules: LedgerRules) -> Match:
    """A whole trade told at once is the close of an open position bought at the same price, if there is one."""
    for position in by_age:
        ours = position.settlement.average_entry_price_usd
        if position.is_open and position.holds(message.occurred_at) and rules.is_price(message.entry_stated, ours):
            return Match(position, "closed_by_round_trip", f"same entry as {position.position_id}: it is its close")
    for position in by_age:
        closed = position.settlement.closed
        if closed is None:
            continue
        is_same_entry = rules.is_price(message.entry_stated, closed.average_entry_price_usd)
        if is_same_entry and rules.is_price(message.exit_received, closed.last_exit_price_usd):
            return Match(position, "duplicate", f"tells the closed trade {position.position_id} again: no effect")
    return NEW
