import subprocess
import sys
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


ASKED_ELSEWHERE = """
import sys
from datetime import date
from pathlib import Path
from amc_learning.market_calendar import exchange_sessions
print(exchange_sessions("XNYS", date(2014, 12, 24), date(2014, 12, 26), kept_in=Path(sys.argv[1])).rows())
print("exchange_calendars" in sys.modules, "pandas" in sys.modules)
"""


def asked_in_another_process(folder):
    """What it answered, and whether it needed the library."""
    program = [sys.executable, "-W", "ignore", "-c", ASKED_ELSEWHERE, str(folder)]
    rows, libraries = subprocess.run(program, check=True, capture_output=True, text=True).stdout.splitlines()
    return rows, libraries == "True True"


@pytest.mark.slow
def test_what_was_kept_serves_the_next_process_without_the_library_and_damaged_it_does_not(tmp_path):
    folder = tmp_path / "calendar"
    built, needed = asked_in_another_process(folder)
    assert needed
    assert asked_in_another_process(folder) == (built, False)
    (file,) = folder.iterdir()
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert asked_in_another_process(folder) == (built, True)


def test_where_nothing_can_be_kept_the_library_answers(tmp_path):
    in_the_way = tmp_path / "calendar"
    in_the_way.write_text("a file, not a folder")
    range_ = (date(2013, 11, 25), date(2013, 12, 2))
    assert exchange_sessions("XNYS", *range_, kept_in=in_the_way).equals(exchange_sessions("XNYS", *range_))
    assert in_the_way.read_text() == "a file, not a folder"
