from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from amc_learning.learning.exits import candidate_sample, trade_sample, trades_as_of
from amc_learning.learning.exits.sample import volatility_at_entry
from amc_learning.market_calendar import exchange_sessions

SESSIONS = exchange_sessions("XNYS", date(2014, 1, 2), date(2014, 12, 31))
DAYS = SESSIONS["session_date"].to_list()
WEEK = date(2014, 6, 27)
ENTERED = DAYS[30]
SINCE = DAYS[0]


def at(day, clock="09:30"):
    return datetime.combine(day, time.fromisoformat(clock), ZoneInfo("America/New_York")).astimezone(UTC)


def closed(position="p1", **fields):
    row = {
        "known_on": DAYS[35],
        "position_id": position,
        "revision": 1,
        "symbol": "AAA",
        "status": "closed",
        "opened_at": at(ENTERED),
        "n_entries": 1,
        "average_entry_price_usd": 100.0,
        "average_exit_price_usd": 110.0,
        "exit_date": DAYS[35],
        "exit_reason": "profit_target",
        "realised_return": 0.10,
    }
    return row | fields


def opening(position="p2", **fields):
    row = {
        "known_on": ENTERED,
        "position_id": position,
        "revision": 1,
        "symbol": "AAA",
        "opened_at": at(ENTERED),
        "entry_price_usd": 100.0,
    }
    return row | fields


CLOSED_SCHEMA = {
    "known_on": pl.Date,
    "position_id": pl.String,
    "revision": pl.Int64,
    "symbol": pl.String,
    "status": pl.String,
    "opened_at": pl.Datetime("us", "UTC"),
    "n_entries": pl.Int64,
    "average_entry_price_usd": pl.Float64,
    "average_exit_price_usd": pl.Float64,
    "exit_date": pl.Date,
    "exit_reason": pl.String,
    "realised_return": pl.Float64,
}
OPENING_SCHEMA = {
    "known_on": pl.Date,
    "position_id": pl.String,
    "revision": pl.Int64,
    "symbol": pl.String,
    "opened_at": pl.Datetime("us", "UTC"),
    "entry_price_usd": pl.Float64,
}


def bars(symbol="AAA", *, without=()):
    days = [day for day in DAYS if day not in without]
    close = [100 + 5 * np.sin(DAYS.index(day)) for day in days]
    return pl.DataFrame(
        {
            "known_on": days,
            "symbol": symbol,
            "open_usd": close,
            "high_usd": [price + 6 for price in close],
            "low_usd": [price - 6 for price in close],
            "close_usd": close,
        }
    )


def known(closings=(), openings=(), week=WEEK):
    return trades_as_of(
        pl.DataFrame(list(closings), schema=CLOSED_SCHEMA),
        pl.DataFrame(list(openings), schema=OPENING_SCHEMA),
        week,
        SINCE,
    )


def sampled(closings=(), openings=(), week=WEEK, prices=None):
    return trade_sample(known(closings, openings, week), bars() if prices is None else prices, SESSIONS, week)


class TestWhatIsKnown:
    def test_of_a_restated_trade_the_newest_row_known_by_the_week_counts(self):
        later = closed(known_on=DAYS[40], revision=2, realised_return=0.05)
        unknown = closed(known_on=WEEK + timedelta(days=3), revision=3, realised_return=-0.5)
        assert known([closed(), later, unknown])["realised_return"].to_list() == [0.05]

    def test_a_close_that_was_undone_leaves_the_position_open(self):
        undone = closed(known_on=DAYS[40], revision=2, status="reopened", realised_return=None, exit_date=None)
        rows = known([closed(), undone], [opening("p1")])
        assert rows["is_open"].to_list() == [True]

    def test_a_trade_is_not_both_open_and_closed(self):
        assert known([closed("p1")], [opening("p1")])["is_open"].to_list() == [False]

    def test_what_became_known_before_the_window_does_not_count_though_a_range_of_weeks_reads_it(self):
        """A closing without an opening has no day of opening to tell by."""
        early = closed(known_on=SINCE - timedelta(days=1), opened_at=None)
        assert known([early]).is_empty()
        assert known([early | {"known_on": SINCE}]).height == 1

    def test_trades_opened_before_the_window_do_not_count(self):
        assert known([closed(opened_at=at(SINCE - timedelta(days=1)))]).is_empty()


class TestWhichTradesAreCompared:
    def test_a_closed_one_with_its_own_return_and_exit(self):
        sample = sampled([closed()])
        assert sample.actual_return.tolist() == [0.10]
        assert sample.actual_exit_session - sample.entries.session == 5
        assert sample.entries.is_from_open.tolist() == [True]
        assert sample.is_stopped_out.tolist() == [False]

    def test_an_open_one_at_its_last_close(self):
        sample = sampled(openings=[opening()])
        last = bars().filter(pl.col("known_on") <= WEEK)["close_usd"][-1]
        assert sample.actual_return.tolist() == [last / 100 - 1]
        assert sample.is_still_open.tolist() == [True]
        assert np.isnan(sample.actual_exit_price_usd).all()

    def test_one_bought_during_the_session_is_told_apart(self):
        assert sampled([closed(opened_at=at(ENTERED, "11:00"))]).entries.is_from_open.tolist() == [False]

    def test_none_whose_longest_limit_is_not_over_even_if_closed(self):
        last = DAYS.index(WEEK)
        # Entered 29 sessions before the week's last: the 30th session held is the week's last.
        entered = [closed(str(back), opened_at=at(DAYS[last - back])) for back in (29, 28)]
        sample = sampled(entered)
        assert (len(sample.entries), sample.n_immature) == (1, 1)

    @pytest.mark.parametrize(
        "wrong",
        [
            {"n_entries": 2},
            {"average_entry_price_usd": None},
            {"opened_at": None},
            {"realised_return": None},
            {"average_entry_price_usd": 50.0},
            {"symbol": "ZZZ"},
        ],
        ids=str,
    )
    def test_none_that_cannot_be_simulated_and_these_are_counted(self, wrong):
        sample = sampled([closed(), closed("p3", **wrong)])
        assert (len(sample.entries), sample.n_unusable) == (1, 1)

    def test_no_trade_at_all_is_no_sample(self):
        assert sampled() is None

    def test_bars_after_the_week_change_nothing(self):
        shifted = bars().with_columns(
            pl.when(pl.col("known_on") > WEEK).then(pl.col(name) * 2).otherwise(name)
            for name in ("open_usd", "high_usd", "low_usd", "close_usd")
        )
        before, after = sampled([closed()], [opening()]), sampled([closed()], [opening()], prices=shifted)
        assert before.actual_return.tolist() == after.actual_return.tolist()
        assert np.array_equal(before.panel.closes, after.panel.closes, equal_nan=True)


class TestCandidates:
    def test_are_bought_at_the_open_and_held_to_the_longest_limit(self):
        rows = pl.DataFrame({"decision_id": ["d1"], "symbol": ["AAA"], "entry_date": [ENTERED]})
        sample = candidate_sample(rows, bars(), SESSIONS, WEEK)
        prices = dict(zip(DAYS, bars()["close_usd"], strict=True))
        assert sample.basis == "candidates"
        assert sample.actual_return[0] == pytest.approx(prices[DAYS[59]] / prices[ENTERED] - 1)

    def test_count_as_stopped_out_when_they_fell_by_eight_per_cent(self):
        rows = pl.DataFrame({"decision_id": ["d1"], "symbol": ["AAA"], "entry_date": [ENTERED]})
        lows = bars().with_columns(
            pl.when(pl.col("known_on") == DAYS[40]).then(50.0).otherwise("low_usd").alias("low_usd")
        )
        entry = bars().filter(known_on=ENTERED)["open_usd"].item()
        fell = bars().filter((pl.col("known_on") >= ENTERED) & (pl.col("known_on") <= DAYS[59]))["low_usd"].min()
        assert candidate_sample(rows, lows, SESSIONS, WEEK).is_stopped_out.tolist() == [True]
        assert candidate_sample(rows, bars(), SESSIONS, WEEK).is_stopped_out.tolist() == [fell <= entry * 0.92]

    def test_without_a_bar_on_the_entry_session_are_no_sample(self):
        rows = pl.DataFrame({"decision_id": ["d1"], "symbol": ["AAA"], "entry_date": [ENTERED]})
        assert candidate_sample(rows, bars(without=[ENTERED]), SESSIONS, WEEK) is None


class TestVolatility:
    def test_is_that_of_twenty_returns_before_the_entry(self):
        sample = sampled([closed()])
        closes = bars()["close_usd"].to_numpy()[30 - 21 : 30]
        expected = np.diff(np.log(closes)).std(ddof=1) * np.sqrt(252)
        assert volatility_at_entry(sample.entries, sample.panel) == pytest.approx([expected])

    def test_is_unknown_when_a_close_is_missing(self):
        sample = sampled([closed()], prices=bars(without=[DAYS[20]]))
        assert np.isnan(volatility_at_entry(sample.entries, sample.panel)).all()
