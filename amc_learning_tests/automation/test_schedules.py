from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster._utils.schedules import schedule_execution_time_iterator

from amc_learning.assets.partitions import KNOWLEDGE_DAYS
from amc_learning.automation.schedules import daily_schedule
from amc_learning.definitions import build_defs
from amc_learning.settings import Automation, Settings

NEW_YORK = ZoneInfo("America/New_York")
SCHEDULE = daily_schedule(Automation())


def ticks(start, n):
    """What the scheduler itself would fire, from the cron expression."""
    found = schedule_execution_time_iterator(start.timestamp(), SCHEDULE.cron_schedule, SCHEDULE.execution_timezone)
    return [next(found) for _ in range(n)]


def requested(tick):
    return SCHEDULE(dg.build_schedule_context(scheduled_execution_time=tick))


@pytest.mark.parametrize(
    ("tick", "day"),
    [
        ("2026-03-10T00:30", "2026-03-09"),
        ("2026-03-07T00:30", "2026-03-06"),
        ("2026-11-03T00:30", "2026-11-02"),
        ("2026-10-31T00:30", "2026-10-30"),
        ("2026-11-21T00:30", "2026-11-20"),
        ("2026-05-26T00:30", "2026-05-25"),
        ("2027-01-01T00:30", "2026-12-31"),
    ],
    ids=[
        "after clocks went forward",
        "before",
        "after clocks went back",
        "before",
        "Saturday",
        "Monday holiday",
        "year",
    ],
)
def test_a_tick_fills_the_knowledge_day_that_just_ended(tick, day):
    now = datetime.fromisoformat(tick).replace(tzinfo=NEW_YORK)
    request = requested(now)
    assert request.partition_key == day
    assert request.run_key == f"daily-{day}"
    assert day in KNOWLEDGE_DAYS.get_partition_keys(current_time=now)


@pytest.mark.parametrize("start", [datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)])
def test_over_a_change_of_clocks_every_weekday_is_filled_once_and_none_twice(start):
    fired = ticks(start, 20)
    days = [date.fromisoformat(requested(tick).partition_key) for tick in fired]
    assert len(set(days)) == 20
    assert all(day.weekday() < 5 for day in days)
    for earlier, later in pairwise(days):
        assert (later - earlier).days in ({1} if earlier.weekday() < 4 else {3})
    assert {tick.astimezone(NEW_YORK).strftime("%H:%M") for tick in fired} == {"00:30"}
    assert {tick.astimezone(NEW_YORK).weekday() for tick in fired} == {1, 2, 3, 4, 5}


def test_todays_partition_exists_and_tomorrows_does_not():
    noon = datetime(2026, 11, 2, 12, 0, tzinfo=NEW_YORK)
    keys = KNOWLEDGE_DAYS.get_partition_keys(current_time=noon)
    assert keys[-1] == "2026-11-02"
    assert keys[-2] == "2026-10-30"


@pytest.mark.parametrize("days_later", range(7))
def test_on_no_day_of_the_week_is_there_a_partition_of_a_weekend(days_later):
    now = datetime(2026, 11, 2, 23, 59, tzinfo=NEW_YORK) + timedelta(days=days_later)
    keys = KNOWLEDGE_DAYS.get_partition_keys(current_time=now)[-12:]
    assert all(date.fromisoformat(key).weekday() < 5 for key in keys)
    assert keys[-1] <= (now.date() + timedelta(days=2)).isoformat()


def test_the_schedule_runs_the_nightly_cycle_of_the_definitions(tmp_path, clean_environment):
    definitions = build_defs(settings=Settings(data_dir=tmp_path / "data"))
    schedule = definitions.resolve_schedule_def("daily_correction_schedule")
    assert schedule.job_name == "daily_correction_cycle"
    assert schedule.execution_timezone == "America/New_York"
