"""Simulated exits under the feed's own rules against the exits the feed reports, trade by trade.

The feed sold by a stop of 8 %, a target of 15 % and 30 sessions; gaps fill at the open, both in one bar is the stop.
"""

import gzip
import json
from datetime import date

import numpy as np
import polars as pl
import pytest

from amc_learning.contracts.knowledge_days import knowledge_days
from amc_learning.learning.exits import Entries, ExitReason, ExitRule, simulate_exits
from amc_learning.learning.ledger.fold import fold_messages
from amc_learning.learning.ledger.holding import closed_trades
from amc_learning.learning.price_panel import PricePanel, price_panel
from amc_learning.learning.sessions import session_axis
from amc_learning.market_calendar import exchange_sessions
from amc_learning_tests.learning.ledger.feed import MARKET, trade_messages
from amc_learning_tests.learning.ledger.sent import NO_STATE, RULES

pytestmark = [
    pytest.mark.real_feed,
    pytest.mark.skipif(not MARKET.is_dir(), reason=f"the shared market data is not at {MARKET}"),
]

FIRST, LAST = date(2008, 1, 2), date(2014, 12, 15)
RULE = ExitRule(stop_loss=0.08, profit_target=0.15, max_sessions=30)
REASONS = {
    "stop_loss": ExitReason.STOP_LOSS,
    "profit_target": ExitReason.PROFIT_TARGET,
    "time": ExitReason.TIME_EXIT,
    "time_exit": ExitReason.TIME_EXIT,
}
ROUNDED = 5.001e-5
"""The feed writes fills at a stop or a target with four decimals."""
N_CLOSED, N_OPEN = 8644, 104
N_SHIFTED = 38
"""Sold by the limit, and a bar missing while held: the feed counts 30 of the symbol's own bars, we count sessions."""


def sent() -> pl.DataFrame:
    """OPEN and CLOSE lines of the file, matched by the sender's own name of the trade; nothing of ours in between."""
    opened, closed = {}, {}
    with gzip.open(MARKET / "feed/trades.ndjson.gz", "rt") as lines:
        for line in map(json.loads, lines):
            (opened if line["change_type"] == "OPEN" else closed)[line["change_data"]["trade_id"]] = line
    rows = [
        {
            "trade_id": name,
            "symbol": line["symbol"],
            "entry_date": date.fromisoformat(line["timestamp"][:10]),
            "entry_price": line["change_data"]["entry_price"],
            "exit_date": date.fromisoformat(closed[name]["timestamp"][:10]) if name in closed else None,
            "exit_price": closed[name]["change_data"]["exit_price"] if name in closed else None,
            "reason": closed[name]["change_data"]["exit_reason"] if name in closed else None,
        }
        for name, line in opened.items()
    ]
    return pl.DataFrame(rows, infer_schema_length=None)


def from_ledger() -> pl.DataFrame:
    """The same trades as table closed_trades tells them."""
    folded = fold_messages(trade_messages(), NO_STATE, as_of=knowledge_days(FIRST, LAST), rules=RULES)
    no_bars = pl.DataFrame(
        schema={"symbol": pl.String, "known_on": pl.Date}
        | {f"{name}_usd": pl.Float64 for name in ("open", "high", "low", "close")}
    )
    closed = closed_trades(folded.closed, no_bars, exchange_sessions("XNYS", date(2007, 1, 1), LAST))
    return closed.select(
        "trade_id",
        "symbol",
        "entry_date",
        "exit_date",
        entry_price="average_entry_price_usd",
        exit_price="average_exit_price_usd",
        reason="exit_reason",
    )


@pytest.fixture(scope="module")
def bars():
    return pl.read_parquet(MARKET / "bars.parquet").select(
        "symbol",
        known_on="date",
        open_usd="open",
        high_usd="high",
        low_usd="low",
        close_usd="close",
    )


@pytest.fixture(scope="module", params=[sent, from_ledger], ids=["as sent", "from the ledger"])
def trades(request, bars):
    """The trades with what the simulation says of them beside."""
    rows = request.param()
    axis = session_axis(exchange_sessions("XNYS", date(2007, 6, 27), LAST))
    codes = rows["symbol"].unique().sort().to_frame().with_row_index("code")
    rows = rows.join(codes, on="symbol", how="left", maintain_order="left")
    panel = price_panel(bars, codes, axis, start=0, stop=len(axis.days))
    entries = Entries(
        rows["code"].to_numpy().astype(np.int64),
        axis.positions_of(rows["entry_date"]),
        rows["entry_price"].to_numpy(),
        np.ones(rows.height, dtype=bool),
    )
    exits = simulate_exits(entries, panel, [RULE])
    last_held = np.minimum(entries.session + np.maximum(exits.held_sessions[0], 1), len(axis.days)) - 1
    return rows.with_columns(
        simulated_reason=pl.Series(exits.reason[0]),
        simulated_date=axis.dates(last_held),
        simulated_price=pl.Series(exits.price_usd[0]),
        n_missing_bars=pl.Series(exits.n_missing_bars[0]),
    )


def as_reported() -> pl.Expr:
    return (
        (pl.col("simulated_reason") == pl.col("reason").replace_strict(REASONS, return_dtype=pl.Int8))
        & (pl.col("simulated_date") == pl.col("exit_date"))
        & ((pl.col("simulated_price") - pl.col("exit_price")).abs() <= ROUNDED)
    )


def test_every_closed_trade_held_over_a_full_set_of_bars_exits_as_reported(trades):
    closed = trades.filter(pl.col("exit_date").is_not_null())
    assert closed.height == N_CLOSED
    full = closed.filter(pl.col("n_missing_bars") == 0)
    assert full.filter(~as_reported().fill_null(value=False)).is_empty()
    # Stops and targets hit before or after a missing bar agree as well.
    assert closed.filter(as_reported()).height == N_CLOSED - N_SHIFTED


def test_every_exception_misses_a_bar_and_agrees_when_only_its_own_bars_count(trades, bars):
    exceptions = trades.filter(pl.col("exit_date").is_not_null() & ~as_reported().fill_null(value=False))
    assert exceptions.height == N_SHIFTED
    assert (exceptions["n_missing_bars"] > 0).all()
    assert set(exceptions["reason"]) <= {"time", "time_exit"}
    for trade in exceptions.iter_rows(named=True):
        own = bars.filter((pl.col("symbol") == trade["symbol"]) & (pl.col("known_on") >= trade["entry_date"]))
        own = own.sort("known_on").head(RULE.max_sessions)
        columns = (own[f"{name}_usd"].to_numpy()[None] for name in ("open", "high", "low", "close"))
        panel = PricePanel(0, *columns, np.ones(own.height, dtype=bool))
        zero = np.zeros(1, dtype=np.int64)
        entries = Entries(zero, zero, np.array([trade["entry_price"]]), np.ones(1, dtype=bool))
        exits = simulate_exits(entries, panel, [RULE])
        assert exits.reason.item() == ExitReason.TIME_EXIT
        assert own["known_on"][int(exits.held_sessions.item()) - 1] == trade["exit_date"]
        assert exits.price_usd.item() == pytest.approx(trade["exit_price"], abs=ROUNDED)


def test_trades_the_feed_leaves_open_at_the_end_of_its_bars_are_open(trades):
    never_closed = trades.filter(pl.col("exit_date").is_null())
    assert never_closed.height in (0, N_OPEN)  # the ledger's table holds closed trades only
    assert (never_closed["simulated_reason"] == ExitReason.OPEN).all()
