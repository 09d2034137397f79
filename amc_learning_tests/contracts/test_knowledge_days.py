from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amc_learning.contracts.knowledge_days import (
    FIRST_KNOWLEDGE_DAY,
    is_knowledge_day,
    knowledge_day,
    knowledge_days,
    next_knowledge_day,
    previous_knowledge_day,
    rolled_forward,
)

days = st.dates(date(1990, 1, 1), date(2100, 1, 1))


def test_the_first_knowledge_day_is_one():
    assert is_knowledge_day(FIRST_KNOWLEDGE_DAY)


@given(days)
def test_steps_go_to_the_nearest_weekday_and_no_further(day):
    earlier, later = previous_knowledge_day(day), next_knowledge_day(day)
    assert earlier < day < later
    assert is_knowledge_day(earlier) and is_knowledge_day(later)
    between = [earlier + timedelta(days=n) for n in range(1, (later - earlier).days)]
    assert [each for each in between if is_knowledge_day(each) and each != day] == []


@given(days)
def test_only_weekends_roll_and_they_roll_to_monday(day):
    assert rolled_forward(day) == (day if day.weekday() < 5 else next_knowledge_day(day))


@given(days, st.integers(0, 60))
def test_ranges_hold_every_weekday_once(day, length):
    end = day + timedelta(days=length)
    every = [day + timedelta(days=n) for n in range(length + 1)]
    assert knowledge_days(day, end) == [each for each in every if each.isoweekday() <= 5]


def test_a_range_that_ends_before_it_starts_is_empty():
    assert knowledge_days(date(2014, 3, 7), date(2014, 3, 6)) == []


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        (datetime(2014, 3, 8, 4, 59, tzinfo=UTC), date(2014, 3, 7)),  # Friday 23:59 in New York, winter time
        (datetime(2014, 3, 8, 5, 0, tzinfo=UTC), date(2014, 3, 10)),
        (datetime(2014, 3, 11, 3, 59, tzinfo=UTC), date(2014, 3, 10)),  # summer time began on the 9th
    ],
)
def test_the_day_changes_at_midnight_of_the_market(instant, day):
    assert knowledge_day(instant) == day


def test_a_naive_instant_is_refused_instead_of_guessed():
    with pytest.raises(ValueError, match="time zone"):
        knowledge_day(datetime(2014, 3, 8))  # noqa: DTZ001
