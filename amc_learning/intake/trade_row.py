"""One trade message: its values, what had to be settled, what had to be rejected.

Belongs here: picking and settling the values of a message. Not here: reading numbers and units (trade_numbers.py,
trade_returns.py), the passage over events (trade.py).
"""

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from amc_learning.contracts.knowledge_days import FIRST_KNOWLEDGE_DAY
from amc_learning.intake.discovery_shape import SYMBOL_RULE, is_symbol
from amc_learning.intake.envelope import TIME_FIELDS, TRADE, event_id_for
from amc_learning.intake.event_rows import Rejections
from amc_learning.intake.instants import TimeRules, end_of_day, read_instant
from amc_learning.intake.nesting import Found, Layer, look_up, look_up_all
from amc_learning.intake.text import as_text, shortened, storable
from amc_learning.intake.trade_numbers import canonical_exit_reason, read_duration, read_stated_number
from amc_learning.intake.trade_returns import (
    ADVERSE_FIELDS,
    ADVERSE_PERCENT_FIELDS,
    FAVORABLE_FIELDS,
    FAVORABLE_PERCENT_FIELDS,
    RETURN_FIELDS,
    TOTAL_LOSS,
    Excursions,
    Settled,
    settle_excursions,
    settle_return,
)
from amc_learning.intake.trade_shape import (
    ACTION_FIELDS,
    AVERAGE_FIELDS,
    CLOSE,
    CORRECTS_FIELDS,
    DIRECTION_FIELDS,
    ENTERED_FIELDS,
    ENTRY_FIELDS,
    EXIT_FIELDS,
    FILL_FIELDS,
    HOLDING_FIELDS,
    LAST_PRICE_FIELDS,
    MODIFY,
    NO_TRADE,
    OPEN,
    QUANTITY_FIELDS,
    REASON_FIELDS,
    REMAINING_FIELDS,
    ROUND_TRIP,
    SIGNAL_FIELDS,
    SIZE_FIELDS,
    SNAPSHOT,
    SYMBOL_FIELDS,
    TRADE_ID_FIELDS,
    Change,
    canonical_action,
    kind_of_change,
    plain_word,
    time_fields,
)

LONGEST_NAME = 120
SAME = 1e-6
_SHORT = frozenset({"short", "sell_short", "buy_to_cover"})


class MessageReader:
    """Reads one message after the other; holds nothing that one could pass on to the next."""

    def __init__(self, event: int, rejections: Rejections, rules: TimeRules) -> None:
        self.event = event
        self.rejections = rejections
        self.rules = rules
        self.warnings: list[str] = []

    def row(self, found: Found, occurred_at: datetime) -> dict[str, object] | None:
        """The row of a message, or null when the message is rejected; `occurred_at` is that of its event."""
        self.warnings = []
        change = self._change(found)
        symbol = None if change is None else self._symbol(found)
        if change is None or symbol is None:
            return None
        own = found.own
        happened_at = self._own_time(found, occurred_at)
        prices = self._prices(own, change.kind)
        returned = self._return(own, prices, change.kind)
        if change.kind in {CLOSE, ROUND_TRIP} and prices["exit"] is None:
            self.warnings.append("the exit price is not known")
        excursions = self._excursions(own, prices, returned, change.kind)
        reason, reason_sent = self._exit_reason(own)
        entered_at = self._entered_at(own, happened_at, change.kind)
        quantity = self._positive(own, QUANTITY_FIELDS)
        return {
            "occurred_at": happened_at,
            "symbol": symbol,
            "change_type": change.kind,
            "trade_id": self._identifier(own, TRADE_ID_FIELDS),
            "action": self._action(own, change),
            "price_usd": prices["price"],
            "quantity_shares": quantity,
            "entry_price_usd": prices["entry"],
            "exit_price_usd": prices["exit"],
            "average_entry_price_usd": prices["average"],
            "remaining_shares": self._positive(own, REMAINING_FIELDS, allow_zero=True),
            "position_size_usd": self._position_size(own, quantity, prices),
            "return_sent": returned.value,
            "holding_period_sent": self._holding_period(own),
            "max_favorable_excursion_sent": excursions.favorable,
            "max_adverse_excursion_sent": excursions.adverse,
            "exit_reason": reason,
            "exit_reason_sent": reason_sent,
            "entered_at": entered_at,
            "signal_date": self._signal_date(own),
            "corrects": self._corrects(own),
            "warnings": self.warnings,
        }

    def reject(self, path: str, value: object, reason: str) -> None:
        """Keep what could not be used, with its reason."""
        self.rejections.add(self.event, path, value, reason)

    def _change(self, found: Found) -> Change | None:
        """What kind of change it is; null, and rejected, when it is none or that of a short position."""
        change = kind_of_change(found) if found.is_object else None
        if change is None:
            self.reject(found.path, found.own[0][1] if found.is_object else found.sent, NO_TRADE)
            return None
        for path, sent in change.unknown:
            self.reject(path, sent, f"is no change_type: OPEN, MODIFY or CLOSE is; read as {change.kind}")
        if not change.word:
            self.warnings.append(f"no change_type was sent: by what it holds it is a {change.kind}")
        path, sent = look_up(found.own, DIRECTION_FIELDS)
        word, against = plain_word(sent), {OPEN: "sell", CLOSE: "buy"}.get(change.kind)
        if word in _SHORT or (word and word == against):
            self.reject(path, sent, f"a {change.kind} by a {word}: short positions are not understood")
            return None
        return change

    def _symbol(self, found: Found) -> str | None:
        path, sent = look_up(found.layers, SYMBOL_FIELDS)
        symbol = sent.strip().upper() if isinstance(sent, str) else ""
        if is_symbol(symbol):
            return symbol
        prefix = found.own[0][0]
        missing = "is missing: neither symbol nor ticker was sent"
        self.reject(path or f"{prefix}symbol", sent, missing if sent is None else SYMBOL_RULE)
        return None

    def _number(self, layers: Sequence[Layer], names: Sequence[str]) -> tuple[str, object, float | None, bool]:
        """Path, value as sent, the number it is, and whether it was sent as a percentage."""
        path, sent = look_up(layers, names)
        if type(sent) is float and -1e300 < sent < 1e300:  # nearly every value there is: worth a short cut
            return path, sent, sent, False
        number, is_percentage, problem, settled = read_stated_number(sent)
        if problem is not None:
            self.reject(path, sent, f"{problem}; null")
        if settled is not None:
            self.warnings.append(f"{path} {as_text(sent)} {settled}")
        return path, sent, number, is_percentage

    def _positive(self, layers: Sequence[Layer], names: Sequence[str], *, allow_zero: bool = False) -> float | None:
        path, sent, number, is_percentage = self._number(layers, names)
        if number is None:
            return None
        if is_percentage:
            self.reject(path, sent, "is a percentage; null")
            return None
        if number < 0 or (number == 0 and not allow_zero):
            self.reject(path, sent, "is not positive; null" if not allow_zero else "is negative; null")
            return None
        return number

    def _prices(self, own: Sequence[Layer], kind: str) -> dict[str, float | None]:
        """Prices by their meaning; a bare `price` is that of the change, unless its own price was sent as null."""
        entry = self._positive(own, ENTRY_FIELDS)
        leaving = self._positive(own, EXIT_FIELDS)
        average = self._positive(own, AVERAGE_FIELDS)
        price: float | None = None
        if kind in {OPEN, CLOSE, MODIFY}:
            price = {OPEN: entry, CLOSE: leaving, MODIFY: None}[kind]
            names = {OPEN: ENTRY_FIELDS, CLOSE: EXIT_FIELDS, MODIFY: ()}[kind]
            is_said = any(name in fields for _, fields in own for name in names)
            if price is None and not is_said:
                price = self._positive(own, FILL_FIELDS)
            if kind == OPEN:
                entry, price = (price, price) if price is not None else (entry, average)
            elif kind == CLOSE:
                leaving = price
            elif price is None:
                price = leaving or entry
        return {"price": price, "entry": entry, "exit": leaving, "average": average}

    def _return_from_prices(self, own: Sequence[Layer], prices: dict[str, float | None], kind: str) -> float | None:
        paid = prices["entry"] or prices["average"]
        got = prices["exit"]
        if kind == SNAPSHOT:
            got = self._positive(own, LAST_PRICE_FIELDS)
        return got / paid - 1.0 if paid is not None and got is not None else None

    def _return(self, own: Sequence[Layer], prices: dict[str, float | None], kind: str) -> Settled:
        """The return as sent, as a fraction; a total loss without an exit price is a missing price, not a loss."""
        path, sent, number, is_percentage = self._number(own, RETURN_FIELDS)
        if number is None or kind in {OPEN, MODIFY}:
            return Settled(None)
        settled = settle_return(
            path.rpartition(".")[2],
            number,
            has_percent_sign=is_percentage,
            from_prices=self._return_from_prices(own, prices, kind),
        )
        if settled.warning is not None:
            self.warnings.append(settled.warning)
        if settled.problem is not None:
            self.reject(path, sent, settled.problem)
        elif settled.value is not None and settled.value <= TOTAL_LOSS and prices["exit"] is None and kind != SNAPSHOT:
            self.reject(
                path, sent, "is a total loss without an exit price: the price is missing, the return unknown; null"
            )
            return Settled(None)
        return settled

    def _excursions(
        self, own: Sequence[Layer], prices: dict[str, float | None], returned: Settled, kind: str
    ) -> Excursions:
        """Both excursions; those sent as percentages say so, the others share one unit that has to be settled."""
        favorable, favorable_unsettled = self._excursion(own, FAVORABLE_PERCENT_FIELDS, FAVORABLE_FIELDS)
        adverse, adverse_unsettled = self._excursion(own, ADVERSE_PERCENT_FIELDS, ADVERSE_FIELDS)
        if favorable_unsettled is not None or adverse_unsettled is not None:
            realised = self._return_from_prices(own, prices, kind)
            settled = settle_excursions(
                favorable_unsettled,
                adverse_unsettled,
                realised=returned.value if realised is None else realised,
                unit_of_return=returned.unit,
            )
            if settled.warning is not None:
                self.warnings.append(settled.warning)
            favorable = settled.favorable if favorable is None else favorable
            adverse = settled.adverse if adverse is None else adverse
        return Excursions(favorable, None if adverse is None else -abs(adverse))

    def _excursion(
        self, own: Sequence[Layer], percent_names: Sequence[str], names: Sequence[str]
    ) -> tuple[float | None, float | None]:
        """An excursion as a fraction where its unit is declared, else null and the number whose unit is not known."""
        has_percent_name = look_up(own, percent_names)[1] is not None
        path, sent, number, is_percentage = self._number(own, percent_names if has_percent_name else names)
        if number is None or not (has_percent_name or is_percentage):
            return None, number
        if number < -100.0 or (abs(number) > 100.0 and "favorable" not in names[0]):
            self.reject(path, sent, "is a loss of more than everything; null")
            return None, None
        return round(number / 100.0, 9), None

    def _position_size(
        self, own: Sequence[Layer], quantity: float | None, prices: dict[str, float | None]
    ) -> float | None:
        """Money in the position; a size that is the quantity once more is no money."""
        size = self._positive(own, SIZE_FIELDS)
        price = prices["entry"] or prices["average"] or prices["price"]
        if size is None or quantity is None or price is None:
            return size
        if abs(size - quantity) <= SAME * quantity and abs(size - quantity * price) > 0.1 * size:
            self.warnings.append(f"position_size {size:g} is the quantity in shares, not money; null")
            return None
        return size

    def _holding_period(self, own: Sequence[Layer]) -> float | None:
        path, sent = look_up(own, tuple(HOLDING_FIELDS))
        if sent is None:
            return None
        days, problem = read_duration(sent, days_per_unit=HOLDING_FIELDS[path.rpartition(".")[2]])
        if problem is not None:
            self.reject(path, sent, f"{problem}; null")
        return days

    def _action(self, own: Sequence[Layer], change: Change) -> str | None:
        """ADD or REDUCE of a MODIFY, by its action, else its side, else the word of the change itself."""
        if change.kind != MODIFY:
            return None
        found = [(path, sent, canonical_action(sent)) for path, sent in look_up_all(own, ACTION_FIELDS)]
        known = [action for _, _, action in found if action is not None]
        if len(set(known)) > 1:
            said = ", ".join(f"{path} {as_text(sent)}" for path, sent, _ in found)
            self.warnings.append(f"contradictory about the direction: {said}; the first counts")
        for path, sent, action in found:
            if action is None and sent != "":
                self.reject(path, sent, "is neither an addition nor a reduction; null")
        action = known[0] if known else canonical_action(change.word)
        if action is None:
            self.warnings.append("a change that says neither ADD nor REDUCE")
        return action

    def _exit_reason(self, own: Sequence[Layer]) -> tuple[str | None, str | None]:
        path, sent = look_up(own, REASON_FIELDS)
        if sent is None or sent == "":
            return None, None
        if not isinstance(sent, str):
            self.reject(path, sent, "is no text; null")
            return None, None
        reason, unsettled = canonical_exit_reason(sent)
        if unsettled is not None:
            self.warnings.append(f"{path} {as_text(sent)} {unsettled}")
        return reason, as_text(sent.strip(), limit=LONGEST_NAME)

    def _identifier(self, own: Sequence[Layer], names: Sequence[str]) -> str | None:
        path, sent = look_up(own, names)
        if sent is None or sent == "":
            return None
        if isinstance(sent, bool) or not isinstance(sent, str | int) or not str(sent).strip():
            self.reject(path, sent, "is no identifier: text or a whole number is; null")
            return None
        return shortened(str(sent).strip())

    def _corrects(self, own: Sequence[Layer]) -> str | None:
        """The id of the corrected message in the form of ours."""
        sent = self._identifier(own, CORRECTS_FIELDS)
        if sent is None or sent.startswith(f"{TRADE}:"):
            return sent if sent is None else storable(sent)
        return event_id_for(TRADE, sent)

    def _own_time(self, found: Found, occurred_at: datetime) -> datetime:
        """The time of a message; where several share an event each may have its own, not later than the event's."""
        if not found.around and "[" not in found.path:
            return occurred_at
        fields = [inner for _, inner in found.own]
        for path, sent in look_up_all(found.own, time_fields(fields, TIME_FIELDS)):
            instant = self._instant(sent, not_after=occurred_at)
            if instant is not None and instant <= occurred_at:
                return instant
            self.warnings.append(f"{path} {as_text(sent)} is no time up to that of the event, which counts")
            return occurred_at
        return occurred_at

    def _instant(self, sent: object, *, not_after: datetime) -> datetime | None:
        instant = read_instant(sent, rules=self.rules)
        if instant is not None and not isinstance(instant, datetime):
            instant = end_of_day(instant, rules=self.rules, not_after=not_after)
        return None if instant is None or instant.date() < FIRST_KNOWLEDGE_DAY else instant

    def _entered_at(self, own: Sequence[Layer], happened_at: datetime, kind: str) -> datetime | None:
        path, sent = look_up(own, ENTERED_FIELDS)
        if sent is None or sent == "":
            return None
        instant = self._instant(sent, not_after=happened_at)
        if instant is None:
            self.reject(path, sent, f"is no time since {FIRST_KNOWLEDGE_DAY}; null")
        elif instant > happened_at and kind in {CLOSE, ROUND_TRIP, MODIFY}:
            self.reject(path, sent, "is an entry after its exit; null")
            return None
        return instant

    def _signal_date(self, own: Sequence[Layer]) -> date | None:
        path, sent = look_up(own, SIGNAL_FIELDS)
        if sent is None or sent == "":
            return None
        signal = read_instant(sent, rules=self.rules)
        if isinstance(signal, datetime):
            is_near = signal.date() >= FIRST_KNOWLEDGE_DAY
            signal = signal.astimezone(ZoneInfo(self.rules.market_timezone)).date() if is_near else None
        if signal is None or signal < FIRST_KNOWLEDGE_DAY:
            self.reject(path, sent, f"is no date since {FIRST_KNOWLEDGE_DAY}; null")
            return None
        return signal
