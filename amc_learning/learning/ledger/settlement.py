"""What a set of messages about one position amounts to.

Belongs here: shares, averages, proceeds and the issues that follow from the messages of one position, in whatever order
they arrived. Not here: which messages belong together (matching), days (fold), bars (holding).

The ledger is long only: messages carry no side, so a short sale sent as OPEN is settled as a purchase.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from amc_learning.learning.ledger.messages import ADD, EXITS, MODIFY, OPEN, REDUCE, ROUND_TRIP, Message
from amc_learning.learning.ledger.records import (
    SELF_CONTAINED,
    STATUS_AWAITING,
    STATUS_CLOSED,
    STATUS_OPEN,
    ClosedTrade,
    Issue,
    LedgerRules,
    Opening,
    Settlement,
)


def settle(messages: Sequence[Message], rules: LedgerRules) -> Settlement:
    """Settle the messages of one position, in the order in which things happened.

    A message that corrects another, a second OPEN of the same trade_id, and a further CLOSE of what is already closed
    replace the one they restate: the later received counts. REDUCE sells at its price; CLOSE sells what is left, or
    less when it says so, and the rest stays open. Return is proceeds over cost, so averages never enter it.

    Args:
        messages: of one position, in any order.
        rules: what counts as equal.
    """
    issues: list[Issue] = []
    valid = _without_superseded(messages, rules, issues)
    entries = [message for message in valid if _is_entry(message)]
    openings = [message for message in entries if message.change_type == OPEN]
    exits = [message for message in valid if message.change_type in EXITS]
    if openings:
        # A clock that puts a change before its opening is not believed.
        rest = [message for message in valid if message is not openings[0]]
        return _played([openings[0], *rest], rules, issues)
    # A close that restates another without saying the entry again does not deny the entry.
    restated = [
        message for message in sorted(messages, key=lambda known: known.receipt) if message.change_type in EXITS
    ]
    stated = [message for message in (*restated, *exits) if message.entry_stated is not None] if exits else []
    waiting = [message for message in valid if not (stated and message in exits)]
    issues.extend(Issue(message.message_id, "orphan", "no opening is known: it waits for one") for message in waiting)
    if stated:
        return _self_contained(exits, stated[-1], issues)
    return Settlement(STATUS_AWAITING, None, None, None, None, None, tuple(issues))


def _is_entry(message: Message) -> bool:
    return message.change_type == OPEN or (message.change_type == MODIFY and message.action == ADD)


def _without_superseded(messages: Sequence[Message], rules: LedgerRules, issues: list[Issue]) -> list[Message]:
    """The messages that still count, in order of occurrence."""
    superseded: set[str] = set()

    def supersede(old: Message, new: Message) -> None:
        superseded.add(old.message_id)
        issues.append(Issue(new.message_id, "corrected", f"replaces {old.message_id}, received earlier"))

    received = sorted(messages, key=lambda message: message.receipt)
    for place, message in enumerate(received):
        earlier = [other for other in received[:place] if other.message_id not in superseded]
        for other in corrected_by(message, earlier):
            supersede(other, message)
    tagged = [m for m in received if m.change_type == OPEN and m.trade_id and m.message_id not in superseded]
    for old in tagged[:-1]:
        supersede(old, tagged[-1])
    valid = [message for message in received if message.message_id not in superseded]
    held = _bought_less_reduced(valid)
    closes: list[Message] = []
    for message in (message for message in valid if message.change_type in EXITS):
        if closes and _is_all_sold(closes, held, rules):
            supersede(closes.pop(), message)
        closes.append(message)
    return sorted((m for m in valid if m.message_id not in superseded), key=lambda message: message.occurrence)


def corrected_by(message: Message, others: Sequence[Message]) -> list[Message]:
    """Which of the others this message says it corrects, by message or, failing that, by event."""
    if message.corrects is None:
        return []
    exact = [other for other in others if other.message_id == message.corrects]
    return exact or [other for other in others if other.event_id == message.corrects]


def _bought_less_reduced(messages: Sequence[Message]) -> float | None:
    bought = [message.bought for message in messages if _is_entry(message)]
    if not bought or None in bought:
        return None
    reduced = [m.quantity_shares or 0.0 for m in messages if m.change_type == MODIFY and m.action == REDUCE]
    return math.fsum(quantity for quantity in bought if quantity is not None) - math.fsum(reduced)


def _is_all_sold(closes: Sequence[Message], held: float | None, rules: LedgerRules) -> bool:
    sold = [message.quantity_shares for message in closes]
    if held is None or None in sold:
        return True
    return math.fsum(q for q in sold if q is not None) >= held * (1 - rules.quantity_tolerance)


@dataclass
class _Book:
    """Shares and money while messages are played; None where something needed was not sent."""

    rules: LedgerRules
    issues: list[Issue]
    held: float | None = 0.0
    bought: float | None = 0.0
    cost: float | None = 0.0
    cost_held: float | None = 0.0
    proceeds: float | None = 0.0
    pnl: float | None = 0.0
    entry_prices: list[float | None] = field(default_factory=list)
    exit_prices: list[float | None] = field(default_factory=list)
    last: Message | None = None

    def tell(self, message: Message, issue: str, detail: str) -> None:
        self.issues.append(Issue(message.message_id, issue, detail))

    @property
    def average(self) -> float | None:
        """Average price of what is held; the one price there is when no quantity was sent."""
        if self.held is None or self.cost_held is None:
            return self.entry_prices[0] if len(self.entry_prices) == 1 else None
        return self.cost_held / self.held if self.held > 0 else None

    def enter(self, message: Message) -> None:
        price, quantity = message.entry_paid, message.bought
        self.entry_prices.append(price)
        if price is None:
            self.tell(message, "missing_price", "no entry price was sent: the return of this trade stays unknown")
        if quantity is None:
            self.tell(message, "missing_quantity", "no quantity was sent: profit in money stays unknown")
        paid = None if price is None or quantity is None else price * quantity
        self.bought, self.held = _sum(self.bought, quantity), _sum(self.held, quantity)
        self.cost, self.cost_held = _sum(self.cost, paid), _sum(self.cost_held, paid)

    def sell(self, message: Message, quantity: float | None) -> None:
        """Sell so many shares, all that are held when None."""
        price = message.exit_received
        self.exit_prices.append(price)
        if price is None:
            sent = "" if message.return_sent is None else f"; the sender's own return is {message.return_sent:.4f}"
            self.tell(message, "missing_price", f"no exit price was sent: the return stays unknown{sent}")
        average = self.average
        sold = self.held if quantity is None else quantity
        received = None if price is None or sold is None else price * sold
        given = None if average is None or sold is None else average * sold
        self.proceeds = _sum(self.proceeds, received)
        self.pnl = _sum(self.pnl, None if received is None or given is None else received - given)
        self.held = None if self.held is None else self.held - sold if sold is not None else None
        self.cost_held = None if self.cost_held is None or given is None else self.cost_held - given
        if quantity is None or self.is_nothing_left():
            self.held = self.cost_held = 0.0
            self.last = message

    def is_nothing_left(self) -> bool:
        if self.held is None or self.bought is None:
            return False
        return self.held <= self.rules.quantity_tolerance * self.bought

    def reduce(self, message: Message) -> None:
        quantity = message.quantity_shares
        if quantity is None or self.held is None:
            self.tell(message, "missing_quantity", "the share sold of the position is unknown: it had no effect")
        elif quantity > self.held * (1 + self.rules.quantity_tolerance):
            self.tell(message, "oversold", f"{quantity:g} shares of {self.held:g} held: all that were held are sold")
            self.sell(message, None)
        else:
            self.sell(message, quantity)

    def close(self, message: Message) -> None:
        quantity, tolerance = message.quantity_shares, self.rules.quantity_tolerance
        if message.entry_stated is not None and not self.rules.is_price(message.entry_stated, self.average):
            ours = "unknown" if self.average is None else f"{self.average:g}"
            self.tell(
                message, "entry_differs", f"states an entry of {message.entry_stated:g}, ours is {ours}: ours kept"
            )
        if quantity is not None and self.held is not None and quantity < self.held * (1 - tolerance):
            self.tell(message, "partial_close", f"{quantity:g} of {self.held:g} shares: the rest stays open")
            self.sell(message, quantity)
            return
        if quantity is not None and self.held is not None and quantity > self.held * (1 + tolerance):
            self.tell(message, "quantity_differs", f"states {quantity:g} shares, we hold {self.held:g}: ours are sold")
        if quantity is not None and self.held is None and len(self.entry_prices) == 1 and not self.exit_prices:
            self._size_from(quantity)
        self.sell(message, None)

    def _size_from(self, quantity: float) -> None:
        """One purchase of unknown size, and the sale of all of it says how many it were."""
        price = self.entry_prices[0]
        self.bought = self.held = quantity
        self.cost = self.cost_held = None if price is None else price * quantity

    def compare(self, message: Message) -> None:
        """What a change states about the position after it, beside ours."""
        remaining, average = message.remaining_shares, message.average_entry_price_usd
        slack = self.rules.quantity_tolerance * (self.bought or 0.0)
        if remaining is not None and self.held is not None and abs(remaining - self.held) > slack:
            self.tell(
                message, "remaining_differs", f"states {remaining:g} shares left, we hold {self.held:g}: ours kept"
            )
        ours = self.average
        if average is not None and ours is not None and not self.rules.is_price(average, ours):
            self.tell(
                message, "average_differs", f"states an average entry of {average:g}, ours is {ours:g}: ours kept"
            )


def _sum(total: float | None, part: float | None) -> float | None:
    return None if total is None or part is None else total + part


def _played(messages: Sequence[Message], rules: LedgerRules, issues: list[Issue]) -> Settlement:
    """Play a position from its opening."""
    book = _Book(rules, issues)
    first = messages[0]
    for place, message in enumerate(messages):
        if book.last is not None:
            book.tell(message, "after_close", "the position was closed before it: it had no effect")
            continue
        _play(book, message, is_first=place == 0)
    opened_at = first.occurred_at if first.entered_at is None else first.entered_at
    opening = Opening(opened_at, first.entry_paid, first.bought, first.signal_date)
    if book.last is None:
        return Settlement(STATUS_OPEN, opening, None, book.held, book.average, book.pnl, tuple(issues))
    if book.last.occurred_at < opened_at:
        book.tell(book.last, "closed_before_opened", "its clock lies before the opening: sessions held stay unknown")
    closed = _closed(book, STATUS_CLOSED, opening, book.last)
    return Settlement(STATUS_CLOSED, opening, closed, 0.0, None, closed.realised_pnl_usd, tuple(issues))


def _play(book: _Book, message: Message, *, is_first: bool) -> None:
    if message.change_type == OPEN:
        if not is_first:
            book.tell(message, "open_while_open", "opens what is open, without a trade_id: settled as a scale-in")
        book.enter(message)
    elif message.change_type in EXITS:
        book.close(message)
    elif message.action == ADD:
        book.enter(message)
        book.compare(message)
    elif message.action == REDUCE:
        book.reduce(message)
        book.compare(message)
    else:
        book.tell(message, "missing_action", "neither adds nor reduces: it had no effect")


def _self_contained(exits: Sequence[Message], stated: Message, issues: list[Issue]) -> Settlement:
    """A close that says itself what was paid: a whole trade without an opening."""
    last = exits[-1]
    if stated.change_type != ROUND_TRIP:
        detail = "no opening is known: settled by the entry it states, restated if the opening arrives"
        issues.append(Issue(stated.message_id, "orphan", detail))
    price = stated.entry_stated
    sizes = [message.quantity_shares if len(exits) > 1 else message.bought_before for message in exits]
    size = None if None in sizes else math.fsum(quantity for quantity in sizes if quantity is not None)
    book = _Book(LedgerRules(), issues, held=size, bought=size, entry_prices=[price])
    book.cost = book.cost_held = None if size is None or price is None else size * price
    for message, quantity in zip(exits, sizes, strict=True):
        book.sell(message, None if message is last else quantity)
    opening = None if stated.entered_at is None else Opening(stated.entered_at, price, size, stated.signal_date)
    closed = _closed(book, SELF_CONTAINED, opening, last)._replace(signal_date=stated.signal_date)
    return Settlement(STATUS_CLOSED, opening, closed, 0.0, None, closed.realised_pnl_usd, tuple(issues))


def _closed(book: _Book, status: str, opening: Opening | None, last: Message) -> ClosedTrade:
    cost, proceeds, shares = book.cost, book.proceeds, book.bought
    is_one_price = len(book.entry_prices) == len(book.exit_prices) == 1
    entry = cost / shares if cost is not None and shares else book.entry_prices[0] if is_one_price else None
    leaving = proceeds / shares if proceeds is not None and shares else book.exit_prices[0] if is_one_price else None
    realised = None if entry is None or leaving is None else leaving / entry - 1
    if cost is not None and proceeds is not None:
        realised = proceeds / cost - 1
    return ClosedTrade(
        status=status,
        opened_at=opening.opened_at if opening else None,
        closed_at=last.occurred_at,
        signal_date=opening.signal_date if opening else None,
        n_entries=len(book.entry_prices),
        n_exits=len(book.exit_prices),
        shares=shares,
        average_entry_price_usd=entry,
        average_exit_price_usd=leaving,
        last_exit_price_usd=last.exit_received,
        cost_usd=cost,
        realised_pnl_usd=None if cost is None or proceeds is None else proceeds - cost,
        realised_return=realised,
        exit_reason=last.exit_reason,
        exit_reason_sent=last.exit_reason_sent,
    )
