"""Trades of the simulated market: what is bought after a session, how long it is held, and the messages about it.

Belongs here: orders, fills at simulated prices, and their messages. Not here: what is thought about candidates
(theses.py), prices (prices.py), reading trades back (intake) or adding them up (learning).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from amc_learning.simulation.discovery import ScoredMarket, ranking
from amc_learning.simulation.prices import Tape
from amc_learning.simulation.rules import MarketRules, TradeRules, random_stream
from amc_learning.simulation.theses import Opinion

SCALE_IN_AFTER, SCALE_OUT_AFTER = 2, 4
"""Sessions after the entry session at whose open a position grows, or shrinks, by half."""

AT_OPEN, AT_STOP, AT_CLOSE = time(9, 30), time(12, 0), time(16, 0)
"""US/Eastern wall clock of fills. A daily bar does not say when a stop or target was reached; noon stands for it."""

OPEN, ADD, REDUCE, CLOSE = "OPEN", "ADD_POSITION", "REDUCE_POSITION", "CLOSE"
STOP_LOSS, PROFIT_TARGET, TIME = "stop_loss", "profit_target", "time"


@dataclass(frozen=True)
class Order:
    """To buy the numbered symbol at the open after the numbered session. `plan` in [0, 1) decides what follows."""

    session: int
    symbol: int
    plan: float


@dataclass(frozen=True)
class Fill:
    """One change of a position. `held_shares` and `average_entry_price` are those after it (of CLOSE: before it)."""

    order: Order
    session: int
    clock: time
    what: str
    shares: float
    price: float
    held_shares: float
    average_entry_price: float
    entry_session: int
    exit_reason: str | None = None


def orders(rules: MarketRules, market: ScoredMarket, thought: Sequence[Opinion]) -> list[Order]:
    """What is bought after each session: candidates with a BUY_MORE thesis in the order given, then any, by lot.

    Args:
        rules: how many.
        market: the candidates.
        thought: theses of all sessions.

    Returns:
        Orders by session, one per symbol at most. The last session has none: there is no open after it.
    """
    n_sessions, n_symbols = market.total.shape
    lots = random_stream(rules, "trade symbols").random((n_sessions, n_symbols))
    plans = random_stream(rules, "trade plans").random((n_sessions, rules.trades.n_a_session))
    wanted: list[list[int]] = [[] for _ in range(n_sessions)]
    for opinion in thought:
        if opinion.recommendation == "BUY_MORE":
            wanted[opinion.session].append(opinion.symbol)
    placed = []
    for session in range(n_sessions - 1):
        candidates = ranking(market.total[session])[: rules.n_candidates]
        by_lot = candidates[np.argsort(lots[session, candidates], kind="stable")].tolist()
        chosen = list(dict.fromkeys(wanted[session] + by_lot))[: rules.trades.n_a_session]
        placed += [Order(session, symbol, plan) for symbol, plan in zip(chosen, plans[session].tolist(), strict=False)]
    return placed


def fills(rules: TradeRules, tape: Tape, order: Order) -> Iterator[Fill]:
    """What becomes of an order; nothing when its symbol is not quoted on the next session.

    A session that opens beyond the stop or target is left at the open. Where one session reaches both, the stop counts:
    a daily bar does not say which came first, and the worse is assumed. A session without a bar trades nothing. What is
    still held at the end of the tape stays open.

    Args:
        rules: stop, target, time, and how often positions change size.
        tape: prices of the sessions shown.
        order: what to buy and when.
    """
    entry, symbol = order.session + 1, order.symbol
    if entry >= len(tape.open) or not tape.has_bar[entry, symbol]:
        return
    price = float(tape.open[entry, symbol])
    held, average = round(rules.position_usd / price, 4), price
    yield Fill(order, entry, AT_OPEN, OPEN, held, price, held, average, entry)
    is_scaled_in = order.plan < rules.share_scaled_in
    is_scaled_out = not is_scaled_in and order.plan < rules.share_scaled_in + rules.share_scaled_out
    is_changed = False
    for session in range(entry, len(tape.open)):
        if not tape.has_bar[session, symbol]:
            continue
        opened = float(tape.open[session, symbol])
        n_since_entry = session - entry
        if left := _left_at_open(rules, opened, average):
            yield Fill(order, session, AT_OPEN, CLOSE, held, opened, held, average, entry, left)
            return
        if is_scaled_in and not is_changed and n_since_entry >= SCALE_IN_AFTER:
            is_changed, more = True, round(held / 2, 4)
            average = (held * average + more * opened) / (held + more)
            held = round(held + more, 4)
            yield Fill(order, session, AT_OPEN, ADD, more, opened, held, average, entry)
        elif is_scaled_out and not is_changed and n_since_entry >= SCALE_OUT_AFTER:
            is_changed, less = True, round(held / 2, 4)
            held = round(held - less, 4)
            yield Fill(order, session, AT_OPEN, REDUCE, less, opened, held, average, entry)
        if exit_ := _left_later(rules, tape, session, symbol, average, is_over=n_since_entry + 1 >= rules.max_sessions):
            clock, exit_price, reason = exit_
            yield Fill(order, session, clock, CLOSE, held, exit_price, held, average, entry, reason)
            return


def trade_messages(
    rules: MarketRules, market: ScoredMarket, tape: Tape, sessions: Sequence[date], placed: Sequence[Order]
) -> list[dict[str, Any]]:
    """Messages about all fills of these orders, in the shape in which they are sent, in order of time.

    Fills at the same time are ordered by symbol, then by the session of their order.
    """
    happened = [fill for order in placed for fill in fills(rules.trades, tape, order)]
    happened.sort(key=lambda fill: (fill.session, fill.clock, fill.order.symbol, fill.order.session))
    return [_message(market, sessions, fill) for fill in happened]


def _left_at_open(rules: TradeRules, opened: float, average: float) -> str | None:
    if opened <= _stop(rules, average):
        return STOP_LOSS
    return PROFIT_TARGET if opened >= _target(rules, average) else None


def _left_later(
    rules: TradeRules, tape: Tape, session: int, symbol: int, average: float, *, is_over: bool
) -> tuple[time, float, str] | None:
    if tape.low[session, symbol] <= _stop(rules, average):
        return AT_STOP, _stop(rules, average), STOP_LOSS
    if tape.high[session, symbol] >= _target(rules, average):
        return AT_STOP, _target(rules, average), PROFIT_TARGET
    return (AT_CLOSE, float(tape.close[session, symbol]), TIME) if is_over else None


def _stop(rules: TradeRules, average: float) -> float:
    return round(average * (1 - rules.stop), 4)


def _target(rules: TradeRules, average: float) -> float:
    return round(average * (1 + rules.target), 4)


def _message(market: ScoredMarket, sessions: Sequence[date], fill: Fill) -> dict[str, Any]:
    symbol, signal = market.symbols[fill.order.symbol], sessions[fill.order.session]
    happened_at = datetime.combine(sessions[fill.session], fill.clock, ZoneInfo("America/New_York"))
    identity = {"trade_id": f"simulated-trade-{signal:%Y%m%d}-{symbol}"}
    return {
        "symbol": symbol,
        "change_type": fill.what if fill.what in (OPEN, CLOSE) else "MODIFY",
        "timestamp": happened_at.isoformat(),
        "change_data": identity | _change(sessions, fill, signal),
    }


def _change(sessions: Sequence[date], fill: Fill, signal: date) -> dict[str, Any]:
    """What is said about a change, in the words of the feed (OPEN, CLOSE) and of the portfolio service (MODIFY)."""
    size = {"shares": fill.shares, "position_size": round(fill.shares * fill.average_entry_price, 2)}
    if fill.what == OPEN:
        return size | {"entry_price": fill.price, "signal_date": signal.isoformat()}
    if fill.what == CLOSE:
        return size | {
            "entry_price": round(fill.average_entry_price, 6),
            "exit_price": fill.price,
            "exit_reason": fill.exit_reason,
            "holding_period": (sessions[fill.session] - sessions[fill.entry_session]).days,
            "holding_sessions": fill.session - fill.entry_session + 1,
        }
    return {
        "action": fill.what,
        "side": "BUY" if fill.what == ADD else "SELL",
        "quantity": fill.shares,
        "price": fill.price,
        "notional_usd": round(fill.shares * fill.price, 2),
        "remaining_qty": fill.held_shares,
        "avg_entry_price": round(fill.average_entry_price, 6),
    }
