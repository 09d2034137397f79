from datetime import UTC, date, datetime

import polars as pl
import pytest

from amc_learning.learning.sessions import session_axis

DAYS = [date(2024, 1, 4), date(2024, 1, 5), date(2024, 1, 8)]
OPENS = [datetime(day.year, day.month, day.day, 14, 30, tzinfo=UTC) for day in DAYS]


def axis_of(days=DAYS, opens=OPENS):
    return session_axis(pl.DataFrame({"session_date": days, "opens_at": opens}))


def test_the_order_of_the_frame_does_not_matter():
    assert axis_of(DAYS[::-1], OPENS[::-1]).dates(axis_of().positions_of(pl.Series(DAYS))).to_list() == DAYS


def test_a_date_without_a_session_has_no_position():
    saturday, much_later = date(2024, 1, 6), date(2030, 1, 1)
    assert axis_of().positions_of(pl.Series([saturday, DAYS[2], much_later])).tolist() == [-1, 2, -1]


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [(DAYS[0], DAYS[2], (0, 3)), (DAYS[1], date(2024, 1, 7), (1, 2)), (date(2024, 1, 6), date(2024, 1, 7), (2, 2))],
)
def test_a_span_holds_the_sessions_between_two_dates(first, last, expected):
    assert axis_of().span(first, last) == expected


def test_the_first_opening_after_an_instant_is_strictly_after_it():
    before = datetime(2024, 1, 5, 14, 29, 59, 999999, tzinfo=UTC)
    instants = pl.Series([before, OPENS[1], OPENS[2]], dtype=pl.Datetime("us", "UTC"))
    assert axis_of().first_opening_after(instants).tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("days", "opens"), [([DAYS[0], DAYS[0]], OPENS[:2]), (DAYS[:2], OPENS[1::-1])], ids=["twice", "out of order"]
)
def test_sessions_that_contradict_each_other_are_refused(days, opens):
    with pytest.raises(ValueError, match="distinct"):
        axis_of(days, opens)
