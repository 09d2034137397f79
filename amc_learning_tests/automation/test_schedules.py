from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import dagster as dg
import polars as pl
import pytest
from dagster._utils.schedules import schedule_execution_time_iterator

from amc_learning.assets.partitions import KNOWLEDGE_DAYS, KNOWLEDGE_WEEKS
from amc_learning.automation.schedules import daily_schedule, weekly_schedule
from amc_learning.automation.sensors import RANGE_END, RANGE_START
from amc_learning.definitions import build_defs
from amc_learning.settings import Automation, Settings
from amc_learning.warehouse import Warehouse

NEW_YORK = ZoneInfo("America/New_York")
SCHEDULE = daily_schedule(Automation())
WEEKLY = weekly_schedule(Automation())


def ticks(start, n, schedule=SCHEDULE):
    """What the scheduler itself would fire, from the cron expression."""
    found = schedule_execution_time_iterator(start.timestamp(), schedule.cron_schedule, schedule.execution_timezone)
    return [next(found) for _ in range(n)]


@pytest.fixture
def requested(tmp_path):
    warehouse = Warehouse.open(tmp_path / "data", ("a", "b"))

    def request(tick, *nights, ahead=()):
        decided = sorted([*nights, *ahead])
        warehouse.table("calibration_decisions").write(warehouse.catalogue["calibration_decisions"].empty(), nights)
        rows = pl.DataFrame({"known_on": decided}, schema={"known_on": pl.Date})
        table = warehouse.catalogue["weight_decisions"]
        missing = [
            pl.lit(value, dtype).alias(name)
            for name, dtype in table.schema.items()
            if name != "known_on"
            for value in [{pl.String: "x", pl.Boolean: False}.get(dtype, 0)]
        ]
        if decided:
            warehouse.table(table.name).write(rows.with_columns(missing).select(table.column_names), decided)
        context = dg.build_schedule_context(scheduled_execution_time=tick, resources={"warehouse": warehouse})
        return SCHEDULE(context)

    return request


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
def test_a_tick_fills_the_knowledge_day_that_just_ended(requested, tick, day):
    now = datetime.fromisoformat(tick).replace(tzinfo=NEW_YORK)
    request = requested(now)
    assert request.partition_key == day
    assert request.run_key == f"daily-{day}"
    assert day in KNOWLEDGE_DAYS.get_partition_keys(current_time=now)


@pytest.mark.parametrize("start", [datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)])
def test_over_a_change_of_clocks_every_weekday_is_filled_once_and_none_twice(requested, start):
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


WEDNESDAY_NIGHT = datetime(2026, 11, 18, 0, 30, tzinfo=NEW_YORK)


def test_missed_nights_come_with_the_next_one_in_one_run(requested):
    request = requested(WEDNESDAY_NIGHT, date(2026, 11, 12))
    assert request.partition_key is None
    assert (request.tags[RANGE_START], request.tags[RANGE_END]) == ("2026-11-13", "2026-11-17")


def test_nights_missed_more_than_a_month_ago_are_left_to_a_person(requested):
    assert requested(WEDNESDAY_NIGHT, date(2026, 10, 1)).partition_key == "2026-11-17"


def test_a_day_decided_ahead_by_an_order_is_decided_again_with_the_night_it_builds_on(requested):
    request = requested(WEDNESDAY_NIGHT, date(2026, 11, 16), ahead=[date(2026, 11, 18)])
    assert (request.tags[RANGE_START], request.tags[RANGE_END]) == ("2026-11-17", "2026-11-18")


def test_a_night_that_ran_already_is_asked_for_alone(requested):
    assert requested(WEDNESDAY_NIGHT, date(2026, 11, 16), date(2026, 11, 17)).partition_key == "2026-11-17"


@pytest.mark.parametrize("nights", [[], [date(2026, 11, 13)]], ids=["before the first night", "after a night"])
def test_a_day_decided_at_noon_still_waits_for_its_night(requested, nights):
    request = requested(WEDNESDAY_NIGHT, *nights, ahead=[date(2026, 11, 16)])
    assert (request.tags[RANGE_START], request.tags[RANGE_END]) == ("2026-11-16", "2026-11-17")


@pytest.fixture
def week_requested(tmp_path):
    warehouse = Warehouse.open(tmp_path / "data", ("a", "b"))

    def request(tick, *nights, reported=()):
        warehouse.table("calibration_decisions").write(warehouse.catalogue["calibration_decisions"].empty(), nights)
        for week in reported:
            warehouse.publications.publish("weekly_report", {}, week, {"type": "object"})
        context = dg.build_schedule_context(scheduled_execution_time=tick, resources={"warehouse": warehouse})
        return WEEKLY(context)

    return request


@pytest.mark.parametrize("start", [datetime(2026, 2, 20, tzinfo=UTC), datetime(2026, 10, 15, tzinfo=UTC)])
def test_every_saturday_morning_the_week_that_ended_is_asked_for_and_its_partition_is_there(week_requested, start):
    for tick in ticks(start, 6, WEEKLY):
        local = tick.astimezone(NEW_YORK)
        assert (local.weekday(), local.strftime("%H:%M")) == (5, "06:00")
        request = week_requested(tick)
        assert request.partition_key == local.date().isoformat()
        assert request.run_key == f"weekly-{local.date() - timedelta(days=1)}"
        assert request.partition_key in KNOWLEDGE_WEEKS.get_partition_keys(current_time=tick)


def test_missed_weeks_come_with_the_next_one_in_one_run(week_requested):
    saturday = datetime(2026, 11, 21, 6, tzinfo=NEW_YORK)
    nights = [date(2026, 10, 26) + timedelta(days=days) for days in range(26) if days % 7 < 5]
    request = week_requested(saturday, *nights, reported=[date(2026, 11, 6)])
    assert request.partition_key is None
    assert (request.tags[RANGE_START], request.tags[RANGE_END]) == ("2026-11-14", "2026-11-21")


def test_weeks_before_and_after_one_that_lacks_a_night_come_in_runs_of_their_own(week_requested):
    saturday = datetime(2026, 11, 21, 6, tzinfo=NEW_YORK)
    nights = [date(2026, 10, 19) + timedelta(days=days) for days in range(33) if days % 7 < 5]
    nights.remove(date(2026, 11, 4))
    earlier, last = week_requested(saturday, *nights, reported=[date(2026, 10, 23)])
    assert earlier.partition_key == "2026-10-31"
    assert (last.tags[RANGE_START], last.tags[RANGE_END]) == ("2026-11-14", "2026-11-21")
    assert (earlier.run_key, last.run_key) == ("weekly-2026-11-20-missed-2026-10-30", "weekly-2026-11-20")


def test_the_weekly_schedule_runs_the_weekly_cycle_and_starts_as_the_settings_say(tmp_path, clean_environment):
    for is_on, status in ((False, "STOPPED"), (True, "RUNNING")):
        automation = Automation(weekly_schedule_is_on=is_on, weekly_hour=7)
        definitions = build_defs(settings=Settings(data_dir=tmp_path / "data", automation=automation))
        schedule = definitions.resolve_schedule_def("weekly_correction_schedule")
        assert (schedule.job_name, schedule.cron_schedule) == ("weekly_deep_correction", "0 7 * * 6")
        assert (schedule.execution_timezone, schedule.default_status.value) == ("America/New_York", status)
