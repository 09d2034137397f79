"""The shape of a trade message: which names a value goes by, what its words mean, and what kind of change it is.

Belongs here: the vocabulary as seen in the wild, as constants, and finding the messages of a payload.
Not here: numbers and units (trade_numbers.py, trade_returns.py), or what is kept of a message (trade.py).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from amc_learning.intake.nesting import Fields, Found, Layer, Names, find_all, look_up
from amc_learning.intake.numbers import read_number
from amc_learning.intake.trade_returns import RETURN_FIELDS

OPEN, MODIFY, CLOSE, ROUND_TRIP, SNAPSHOT = "OPEN", "MODIFY", "CLOSE", "ROUND_TRIP", "SNAPSHOT"
ADD, REDUCE = "ADD", "REDUCE"

TRADE_NAMES = Names(
    envelopes=("change_data", "trade", "outcome", "trade_outcome", "data", "result", "payload"),
    lists=("trades", "changes", "trade_outcomes", "outcomes", "messages", "positions", "holdings"),
)

SYMBOL_FIELDS = ("symbol", "ticker")
CHANGE_FIELDS = ("change_type", "event_type", "event", "type")
ACTION_FIELDS = ("action", "side", "modification_type")
DIRECTION_FIELDS = ("side", "direction", "position_side")
TRADE_ID_FIELDS = ("trade_id", "position_id")
"""What the messages of one position share. The id of an order (`alpaca_order_id`) belongs to one message only."""

ENTRY_FIELDS = ("entry_price", "entry_price_usd", "buy_price", "open_price")
EXIT_FIELDS = ("exit_price", "exit_price_usd", "sell_price", "close_price")
FILL_FIELDS = ("price", "fill_price", "filled_avg_price", "price_usd")
AVERAGE_FIELDS = ("avg_entry_price", "average_entry_price", "avg_price", "average_price", "avg_cost")
LAST_PRICE_FIELDS = ("last_price", "current_price")
QUANTITY_FIELDS = ("quantity", "shares", "qty", "filled_qty", "filled_quantity", "quantity_shares")
REMAINING_FIELDS = ("remaining_qty", "remaining_shares", "remaining_quantity", "shares_remaining")
SIZE_FIELDS = ("position_size", "position_size_usd", "notional_usd", "notional", "position_value", "cost_basis")
HOLDING_FIELDS: Mapping[str, float] = MappingProxyType(
    {
        "holding_period": 1.0,
        "holding_period_days": 1.0,
        "holding_days": 1.0,
        "days_held": 1.0,
        "hold_days": 1.0,
        "holding_period_hours": 1 / 24,
        "holding_hours": 1 / 24,
    }
)
"""Names of the holding period and the days in one of their units."""

REASON_FIELDS = ("exit_reason", "close_reason", "sell_reason")
ENTERED_FIELDS = ("entry_timestamp", "entered_at", "opened_at", "entry_time", "entry_date")
EXITED_FIELDS = ("exit_timestamp", "exited_at", "closed_at", "exit_time", "exit_date")
SIGNAL_FIELDS = ("signal_date", "decision_date", "discovery_date")
CORRECTS_FIELDS = ("corrects", "supersedes", "correction_of")
HOLDING_MARKERS = ("market_value", "cost_basis", "unrealized_pl", "unrealized_plpc", "unrealized_pl_pct")
FILLED_AT_FIELDS = ("executed_at", "filled_at")

CHANGES: Mapping[str, str] = MappingProxyType(
    {
        "open": OPEN,
        "opened": OPEN,
        "entry": OPEN,
        "enter": OPEN,
        "new_position": OPEN,
        "open_position": OPEN,
        "position_opened": OPEN,
        "buy": OPEN,
        "bought": OPEN,
        "modify": MODIFY,
        "modified": MODIFY,
        "modification": MODIFY,
        "update": MODIFY,
        "adjust": MODIFY,
        "add": MODIFY,
        "add_position": MODIFY,
        "scale_in": MODIFY,
        "increase": MODIFY,
        "buy_more": MODIFY,
        "reduce": MODIFY,
        "decrease": MODIFY,
        "trim": MODIFY,
        "partial_exit": MODIFY,
        "partial_close": MODIFY,
        "scale_out": MODIFY,
        "close": CLOSE,
        "closed": CLOSE,
        "exit": CLOSE,
        "sell": CLOSE,
        "sold": CLOSE,
        "liquidate": CLOSE,
        "close_position": CLOSE,
        "position_closed": CLOSE,
        "round_trip": ROUND_TRIP,
        "snapshot": SNAPSHOT,
        "holding": SNAPSHOT,
    }
)
"""Words of the senders and the change each of them names. A sale that leaves shares, and a purchase that joins others,
is a MODIFY whatever its word; `TRIM_25` and its likes are one too."""

ACTIONS: Mapping[str, str] = MappingProxyType(
    {
        "add": ADD,
        "add_position": ADD,
        "buy": ADD,
        "bought": ADD,
        "buy_more": ADD,
        "increase": ADD,
        "scale_in": ADD,
        "average_down": ADD,
        "reduce": REDUCE,
        "reduce_position": REDUCE,
        "decrease": REDUCE,
        "sell": REDUCE,
        "sold": REDUCE,
        "trim": REDUCE,
        "trim_position": REDUCE,
        "partial_exit": REDUCE,
        "partial_close": REDUCE,
        "partial_sell": REDUCE,
        "scale_out": REDUCE,
        "take_profit": REDUCE,
    }
)

_EITHER_WAY = frozenset({"buy", "bought", "sell", "sold"})
_BETWEEN_WORDS = re.compile(r"[\s_\-/]+")
_PARTIAL = re.compile(r"(?:trim|reduce|sell)_\d{1,2}(?:_?(?:%|pct|percent))?")

NO_TRADE = (
    "no trade message: neither a change_type (OPEN, MODIFY, CLOSE) nor an exit_price, a holding_period, an "
    "entry_price, or the market_value of a holding"
)


@dataclass(frozen=True)
class Change:
    """What kind of change a message is: the word it was read from, if any, and the words nobody knows."""

    kind: str
    word: str = ""
    unknown: tuple[tuple[str, object], ...] = ()


def plain_word(sent: object) -> str:
    """A word as the vocabularies spell it; empty when it is no text.

    >>> plain_word(" Add-Position ")
    'add_position'
    """
    return _BETWEEN_WORDS.sub("_", sent.strip().lower()) if isinstance(sent, str) else ""


def canonical_action(sent: object) -> str | None:
    """ADD or REDUCE for a word as sent; null when it is neither.

    >>> canonical_action("SELL"), canonical_action("trim_25"), canonical_action("UPDATE_STOP")
    ('REDUCE', 'REDUCE', None)
    """
    word = plain_word(sent)
    return ACTIONS.get(word) or (REDUCE if _PARTIAL.fullmatch(word) else None)


def find_trades(payload: object) -> list[Found]:
    """Every message of a payload, in the order in which it was sent.

    >>> [row.path for row in find_trades({"symbol": "ABC", "change_type": "OPEN", "change_data": {"price": 2}})]
    ['change_data']
    """
    return find_all(payload, TRADE_NAMES)


def kind_of_change(found: Found) -> Change | None:
    """What kind of change a message is, by its word, else by what it holds; null when it is no trade message.

    Without a word: what has an exit price, an exit reason or a holding period is a ROUND_TRIP (a CLOSE when nothing
    is said about the entry), what has a market value is a SNAPSHOT, what has only an entry is an OPEN.

    >>> kind_of_change(find_trades({"entry_price": 2.5, "exit_price": 8.1, "days_held": 7})[0]).kind
    'ROUND_TRIP'
    """
    unknown: list[tuple[str, object]] = []
    # Around a list of messages, only change_type speaks of each of them.
    for number, (prefix, fields) in enumerate((*reversed(found.own), *found.around)):
        for name in CHANGE_FIELDS if number < len(found.own) else CHANGE_FIELDS[:1]:
            sent = fields.get(name)
            kind = _by_word(sent, found.own)
            if kind is not None:
                return Change(kind, plain_word(sent), tuple(unknown))
            if name == "change_type" and sent is not None:
                unknown.append((prefix + name, sent))
    kind, word = _by_content(found.own)
    return None if kind is None else Change(kind, word, tuple(unknown))


def _by_word(sent: object, layers: Sequence[Layer]) -> str | None:
    word = plain_word(sent)
    kind = CHANGES.get(word) or (MODIFY if _PARTIAL.fullmatch(word) else None)
    if word in _EITHER_WAY and _leaves_more_than_it_moves(layers):
        return MODIFY
    return kind


def _leaves_more_than_it_moves(layers: Sequence[Layer]) -> bool:
    """Whether shares other than those of this message are held after it."""
    remaining, quantity = (read_number(look_up(layers, names)[1])[0] for names in (REMAINING_FIELDS, QUANTITY_FIELDS))
    if remaining is None or remaining <= 0:
        return False
    is_sale = canonical_action(look_up(layers, (*CHANGE_FIELDS, *ACTION_FIELDS))[1]) == REDUCE
    return is_sale or (quantity is not None and remaining > quantity)


def _by_content(layers: Sequence[Layer]) -> tuple[str | None, str]:
    def has(*names: str) -> bool:
        return look_up(layers, names)[1] not in (None, "")

    if has(*EXIT_FIELDS, *REASON_FIELDS, *HOLDING_FIELDS):
        return ROUND_TRIP if has(*ENTRY_FIELDS, *AVERAGE_FIELDS, *RETURN_FIELDS) else CLOSE, ""
    if has(*HOLDING_MARKERS) and has(*QUANTITY_FIELDS, *AVERAGE_FIELDS, *LAST_PRICE_FIELDS):
        return SNAPSHOT, ""
    if has(*ENTRY_FIELDS):
        return OPEN, ""
    if has(*FILL_FIELDS) and has(*QUANTITY_FIELDS):
        for name in ACTION_FIELDS:
            sent = look_up(layers, (name,))[1]
            kind = _by_word(sent, layers)
            if kind is not None:
                return kind, plain_word(sent)
    return None, ""


def understands_trade(payload: object) -> str | None:
    """Why this JSON is no trade message, or null when it is one.

    >>> understands_trade({"symbol": "ABC", "change_type": "close"})
    >>> understands_trade({"foo": 1}).split(":")[0]
    'no trade message'
    """
    is_trade = any(found.is_object and kind_of_change(found) is not None for found in find_trades(payload))
    return None if is_trade else NO_TRADE


def time_fields(layers: Sequence[Fields], common: tuple[str, ...]) -> tuple[str, ...]:
    """Fields that say when a message's change happened, in order of preference.

    The time of entry is when an OPEN happened; a message that knows an exit happened later than that.
    """
    exits = (*EXIT_FIELDS, *REASON_FIELDS, *HOLDING_FIELDS, *EXITED_FIELDS, *HOLDING_MARKERS)
    words = [plain_word(fields.get(name)) for fields in layers for name in CHANGE_FIELDS]
    is_entry = not any(fields.get(name) is not None for fields in layers for name in exits) and all(
        CHANGES.get(word, OPEN) == OPEN for word in words if word
    )
    return (*common, *FILLED_AT_FIELDS, *EXITED_FIELDS, *(ENTERED_FIELDS if is_entry else ()), "updated_at")
