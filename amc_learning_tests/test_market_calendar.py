from datetime import UTC, date, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amc_learning.market_calendar import SESSIONS_SCHEMA, exchange_sessions

WHOLE_RANGE = (date(2007, 1, 1), date(2015, 12, 31))


def test_holidays_weekends_and_early_closes_of_one_thanksgiving_week():
    week = exchange_sessions("XNYS", date(2013, 11, 25), date(2013, 12, 2))
    assert week["session_date"].to_list() == [date(2013, 11, day) for day in (25, 26, 27, 29)] + [date(2013, 12, 2)]
    closes = dict(week.select("session_date", "closes_at").iter_rows())
    assert closes[date(2013, 11, 27)] == datetime(2013, 11, 27, 21, 0, tzinfo=UTC)
    assert closes[date(2013, 11, 29)] == datetime(2013, 11, 29, 18, 0, tzinfo=UTC)


def test_opens_follow_daylight_saving_time():
    opens = exchange_sessions("XNYS", date(2014, 3, 7), date(2014, 3, 10))["opens_at"].to_list()
    assert opens == [datetime(2014, 3, 7, 14, 30, tzinfo=UTC), datetime(2014, 3, 10, 13, 30, tzinfo=UTC)]


@settings(max_examples=15, deadline=None)
@given(st.dates(*WHOLE_RANGE), st.dates(*WHOLE_RANGE))
def test_rows_of_a_date_do_not_depend_on_the_range(one, other):
    start, end = min(one, other), max(one, other)
    whole = exchange_sessions("XNYS", *WHOLE_RANGE)
    assert exchange_sessions("XNYS", start, end).equals(whole.filter(pl.col("session_date").is_between(start, end)))


@pytest.mark.parametrize("end", [date(2014, 12, 7), date(2014, 12, 1)], ids=["a weekend", "an end before the start"])
def test_a_range_without_sessions_is_an_empty_frame_of_the_same_schema(end):
    frame = exchange_sessions("XNYS", date(2014, 12, 6), end)
    assert frame.is_empty()
    assert frame.schema == SESSIONS_SCHEMA


def test_an_unknown_exchange_is_named():
    with pytest.raises(ValueError, match="no exchange named 'NOWHERE'"):
        exchange_sessions("NOWHERE", date(2014, 1, 1), date(2014, 1, 31))
