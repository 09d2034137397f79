"""Trades of the simulated market: every fill at a price that was quoted, every exit due, nothing known in advance."""

import gzip
import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from amc_learning.intake.trade import normalise_trades
from amc_learning.simulation.prices import Tape
from amc_learning.simulation.rules import SAMPLE, TradeRules
from amc_learning.simulation.trades import Order, fills
from amc_learning_tests.intake.sent_trading import accepted

REAL_FEED = Path(__file__).resolve().parents[3] / "shared/data/market/feed/trades.ndjson.gz"
RECEIVED_AT = datetime(2025, 3, 3, 12, tzinfo=UTC)


def tape(*bars):
    """One symbol; each bar is (open, high, low, close), or None where nothing was quoted."""
    prices = np.array([(np.nan,) * 4 if bar is None else bar for bar in bars], float)
    opened, high, low, close = (prices[:, [column]] for column in range(4))
    return Tape(opened, high, low, close, ~np.isnan(opened))


QUIET = (100.0, 101.0, 99.0, 100.0)
PLAIN, GROWS, SHRINKS = 0.9, 0.0, 0.2
"""Plans under the default shares: neither, scaled in, scaled out."""


def changes(*bars, plan=PLAIN, rules=None):
    made = fills(rules or TradeRules(), tape(*bars), Order(session=0, symbol=0, plan=plan))
    return [(fill.session, fill.what, fill.price, fill.exit_reason) for fill in made]


@pytest.mark.parametrize(
    ("bars", "exit_"),
    [
        # entry at 100: stop 92, target 115
        ([QUIET, QUIET, (100, 100, 92.0, 95)], (2, "CLOSE", 92.0, "stop_loss")),
        ([QUIET, (100, 101, 91.0, 92)], (1, "CLOSE", 92.0, "stop_loss")),
        ([QUIET, QUIET, (90, 95, 89, 94)], (2, "CLOSE", 90.0, "stop_loss")),
        ([QUIET, QUIET, (100, 115.0, 99, 110)], (2, "CLOSE", 115.0, "profit_target")),
        ([QUIET, QUIET, (120, 121, 119, 120)], (2, "CLOSE", 120.0, "profit_target")),
        ([QUIET, QUIET, (100, 130, 80, 100)], (2, "CLOSE", 92.0, "stop_loss")),
        ([QUIET, *[QUIET] * 9, (100, 103, 99, 102)], (10, "CLOSE", 102.0, "time")),
        ([QUIET, *[QUIET] * 9, None, (100, 103, 99, 101)], (11, "CLOSE", 101.0, "time")),
        ([QUIET, QUIET, None, (90, 95, 89, 94)], (3, "CLOSE", 90.0, "stop_loss")),
    ],
    ids=[
        "stop reached",
        "stop on the entry session",
        "opens below the stop",
        "target reached",
        "opens above the target",
        "both in one session: the stop",
        "tenth session held",
        "no bar on the tenth session: the next one",
        "no bar while it fell: the next open",
    ],
)
def test_a_position_is_left_where_the_rules_say(bars, exit_):
    assert changes(*bars) == [(1, "OPEN", 100.0, None), exit_]


def test_without_a_bar_on_the_next_session_nothing_is_bought():
    assert changes(QUIET, None, QUIET) == []
    assert changes(QUIET) == []


def test_what_reaches_neither_stop_nor_target_by_the_end_of_the_tape_stays_open():
    assert changes(QUIET, QUIET, QUIET) == [(1, "OPEN", 100.0, None)]


def test_a_scale_in_moves_the_average_and_with_it_stop_and_target():
    # 100 shares at 100, 50 more at 106: average 102, stop 93.84, target 117.3
    bars = [QUIET, QUIET, QUIET, (106, 107, 105, 106)]
    stopped = changes(*bars, (106, 107, 93.0, 94), plan=GROWS)
    assert stopped[1:] == [(3, "ADD_POSITION", 106.0, None), (4, "CLOSE", 93.84, "stop_loss")]
    reached = changes(*bars, (106, 118, 105, 117), plan=GROWS)
    assert reached[1:] == [(3, "ADD_POSITION", 106.0, None), (4, "CLOSE", 117.3, "profit_target")]


def test_a_scale_out_sells_half_and_leaves_the_average():
    made = list(fills(TradeRules(), tape(QUIET, *[QUIET] * 4, (104, 105, 103, 104)), Order(0, 0, SHRINKS)))
    assert [(fill.session, fill.what, fill.shares, fill.held_shares) for fill in made] == [
        (1, "OPEN", 100.0, 100.0),
        (5, "REDUCE_POSITION", 50.0, 50.0),
    ]
    assert made[1].average_entry_price == 100.0


def by_trade(market):
    """Messages by trade, in order, each with the number of its session."""
    number = {session.isoformat(): place for place, session in enumerate(market.index["date"])}
    trades = {}
    for message in market.trades:
        trades.setdefault(message["change_data"]["trade_id"], []).append((number[message["timestamp"][:10]], message))
    return trades


def price_of(message):
    data = message["change_data"]
    return data[{"OPEN": "entry_price", "MODIFY": "price", "CLOSE": "exit_price"}[message["change_type"]]]


def test_every_fill_lies_in_the_bar_of_its_session_and_what_happens_at_the_open_has_its_price(sample):
    bars = {(row["symbol"], row["date"].isoformat()): row for row in sample.bars.iter_rows(named=True)}
    for message in sample.trades:
        bar = bars[message["symbol"], message["timestamp"][:10]]
        assert bar["low"] <= price_of(message) <= bar["high"]
        clock = message["timestamp"][11:16]
        if clock == "09:30":
            assert price_of(message) == bar["open"]
        elif clock == "16:00":
            assert price_of(message) == bar["close"]


def test_shares_and_averages_add_up_and_no_exit_was_due_before_it_was_taken(sample):
    bars = {(row["symbol"], row["date"]): row for row in sample.bars.iter_rows(named=True)}
    sessions = sample.index["date"].to_list()
    n_closed = 0
    for messages in by_trade(sample).values():
        (entry, opening), *later = messages
        symbol, data = opening["symbol"], opening["change_data"]
        assert opening["change_type"] == "OPEN"
        assert data["signal_date"] == sessions[entry - 1].isoformat()
        held, spent = data["shares"], data["shares"] * data["entry_price"]
        assert held == pytest.approx(10_000 / data["entry_price"], abs=0.00005001)
        at = dict(later)
        closing = later[-1] if later and later[-1][1]["change_type"] == "CLOSE" else None
        for session in range(entry, closing[0] if closing else len(sessions)):
            change = at.get(session)
            if change is not None:
                data = change["change_data"]
                shares = data["quantity"] * (1 if data["action"] == "ADD_POSITION" else -1)
                spent += shares * (data["price"] if shares > 0 else spent / held)
                held += shares
                assert data["remaining_qty"] == pytest.approx(held, abs=1e-4)
                assert data["avg_entry_price"] == pytest.approx(spent / held, rel=1e-5)
            bar = bars.get((symbol, sessions[session]))
            if bar is not None:
                assert bar["low"] > 0.92 * spent / held * (1 - 1e-5)
                assert bar["high"] < 1.15 * spent / held * (1 + 1e-5)
        if closing is None:
            continue
        n_closed += 1
        session, data = closing[0], closing[1]["change_data"]
        realised = data["exit_price"] / (spent / held) - 1
        if len(later) == len({number for number, _ in later}):  # not grown on the very session it was left
            assert data["shares"] == pytest.approx(held, abs=1e-4)
            assert data["entry_price"] == pytest.approx(spent / held, rel=1e-5)
            limits = {"stop_loss": (-1.0, -0.0799), "profit_target": (0.1499, 9.0), "time": (-0.0801, 0.1501)}
            low, high = limits[data["exit_reason"]]
            assert low < realised < high
        assert data["holding_sessions"] == session - entry + 1
        assert data["holding_period"] == (sessions[session] - sessions[entry]).days
        assert data["exit_reason"] != "time" or data["holding_sessions"] >= 10
    assert n_closed > 900


def test_the_ledger_has_work_of_every_kind(sample):
    kinds = Counter(
        message["change_data"].get("action", message["change_data"].get("exit_reason", "open"))
        for message in sample.trades
    )
    assert set(kinds) == {"open", "ADD_POSITION", "REDUCE_POSITION", "stop_loss", "profit_target", "time"}
    assert min(kinds.values()) > 80
    assert kinds["open"] == pytest.approx(5 * 199, abs=15)  # a missing bar in 500 keeps some from being filled


def test_candidates_are_bought_and_those_with_a_buy_more_thesis_before_others(sample):
    buy_more, candidates = {}, {}
    for message in sample.theses:
        if message["thesis"]["recommendation"] == "BUY_MORE":
            buy_more.setdefault(message["thesis"]["generated_at"][:10], set()).add(message["symbol"])
    for result in sample.discovery_results:
        candidates[result["timestamp"][:10]] = {candidate["symbol"] for candidate in result["candidates"]}
    bought = {}
    for message in sample.trades:
        if message["change_type"] == "OPEN":
            bought.setdefault(message["change_data"]["signal_date"], []).append(message["symbol"])
    for day, symbols in bought.items():
        assert len(set(symbols)) == len(symbols) <= 5
        assert set(symbols) <= candidates[day]
        if len(symbols) == 5:
            assert len(set(symbols) & buy_more.get(day, set())) == min(5, len(buy_more.get(day, set())))


def test_fills_up_to_a_session_do_not_know_what_came_after_it(sample, tape_of):
    prices = tape_of(sample, SAMPLE)
    random = np.random.default_rng(5)
    for number in range(300):
        order = Order(int(random.integers(0, 150)), int(random.integers(0, SAMPLE.n_symbols)), random.random())
        last = order.session + 1 + number % 9
        shaken = replace(
            prices,
            **{
                name: np.concatenate([kept[: last + 1], kept[last + 1 :] * random.uniform(0.8, 1.2)])
                for name, kept in vars(prices).items()
                if name != "has_bar"
            },
        )
        known = [[fill for fill in fills(TradeRules(), one, order) if fill.session <= last] for one in (prices, shaken)]
        assert known[0] == known[1]


def test_messages_come_in_order_of_time(sample):
    moments = [datetime.fromisoformat(message["timestamp"]) for message in sample.trades]
    assert moments == sorted(moments)


def test_every_message_is_understood_as_it_was_meant(sample):
    normalised = normalise_trades(accepted(*sample.trades, kind="trade", received_at=RECEIVED_AT))
    assert normalised.rejections.is_empty()
    understood = {}
    for row in normalised.messages.iter_rows(named=True):
        understood.setdefault((row["trade_id"], row["change_type"]), []).append(row)
        assert row["warnings"] == []
    assert normalised.messages.height == len(sample.trades)
    reasons = {"stop_loss": "stop_loss", "profit_target": "profit_target", "time": "time_exit", None: None}
    for message in sample.trades:
        data = message["change_data"]
        (row,) = understood[data["trade_id"], message["change_type"]]
        assert (row["symbol"], row["price_usd"]) == (message["symbol"], price_of(message))
        assert row["quantity_shares"] == data.get("shares", data.get("quantity"))
        assert row["exit_reason"] == reasons[data.get("exit_reason")]
        assert row["occurred_at"] == datetime.fromisoformat(message["timestamp"])
        action = {"ADD_POSITION": "ADD", "REDUCE_POSITION": "REDUCE", None: None}[data.get("action")]
        assert row["action"] == action


@pytest.mark.real_feed
@pytest.mark.skipif(not REAL_FEED.exists(), reason=f"the real feed is not here: {REAL_FEED}")
def test_openings_and_closings_have_the_keys_and_types_of_the_real_feed(sample):
    def shape(message):
        return {key: shape(value) if isinstance(value, dict) else type(value) for key, value in message.items()}

    real = {}
    with gzip.open(REAL_FEED, "rt", encoding="utf-8") as lines:
        for line in lines:
            message = json.loads(line)
            real.setdefault(message["change_type"], shape(message))
            if len(real) == 2:
                break
    for message in sample.trades:
        if message["change_type"] in real:
            ours = shape(json.loads(json.dumps(message)))
            ours["change_data"].pop("holding_sessions", None)  # ours says how long in sessions, too
            assert ours == real[message["change_type"]]
