"""Which weeks can be judged, which are due, and what is said of the others; from nights written by hand."""

from datetime import date, timedelta

import pytest

from amc_learning.contracts.documents.names import WEEKLY_REPORT_DOCUMENT
from amc_learning.contracts.knowledge_days import knowledge_days
from amc_learning.settings import Settings
from amc_learning.stages.doctor import examine
from amc_learning.stages.week import WeekError, due_weeks, last_finished_week, refuse_unfinished_weeks, run_weeks
from amc_learning.warehouse import Warehouse

FRIDAY = date(2026, 11, 20)
MONDAY = FRIDAY - timedelta(days=4)


def weeks_ago(n):
    return FRIDAY - timedelta(weeks=n)


@pytest.fixture
def settings(tmp_path, clean_environment):
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture
def warehouse(settings):
    return Warehouse.open(settings.data_dir, settings.features.components)


def ran(warehouse, first, last, *, without=()):
    """Nights of these days: only the night calibrates."""
    days = [day for day in knowledge_days(first, last) if day not in without]
    table = warehouse.table("calibration_decisions")
    table.write(warehouse.catalogue["calibration_decisions"].empty(), days)


def reported(warehouse, *weeks):
    for week in weeks:
        warehouse.publications.publish(WEEKLY_REPORT_DOCUMENT, {}, week, {"type": "object"})


def test_a_week_with_a_missing_night_is_refused_with_the_command_that_runs_it(warehouse):
    ran(warehouse, weeks_ago(2), FRIDAY, without=[MONDAY, MONDAY + timedelta(days=1)])
    refuse_unfinished_weeks(warehouse, [weeks_ago(1)])
    with pytest.raises(WeekError, match="no night ran for 2026-11-16 to 2026-11-17") as refusal:
        refuse_unfinished_weeks(warehouse, [weeks_ago(1), FRIDAY])
    assert str(refusal.value).endswith("amc-learning run daily --from 2026-11-16 --to 2026-11-17")


def test_before_the_first_night_there_is_no_week(warehouse):
    with pytest.raises(WeekError, match="no night ran for 2026-11-16 to 2026-11-20"):
        refuse_unfinished_weeks(warehouse, [FRIDAY])
    assert last_finished_week(warehouse, FRIDAY) is None


def test_the_first_week_may_begin_in_its_middle(warehouse):
    ran(warehouse, MONDAY + timedelta(days=2), FRIDAY)
    refuse_unfinished_weeks(warehouse, [FRIDAY])
    assert last_finished_week(warehouse, FRIDAY) == FRIDAY


@pytest.mark.parametrize(
    ("yesterday", "expected"),
    [(FRIDAY, FRIDAY), (FRIDAY - timedelta(days=1), weeks_ago(1)), (FRIDAY + timedelta(days=3), FRIDAY)],
    ids=["over", "not over yet", "a night later"],
)
def test_the_last_finished_week_is_over_and_has_all_its_nights(warehouse, yesterday, expected):
    ran(warehouse, weeks_ago(3), min(yesterday, FRIDAY))
    assert last_finished_week(warehouse, yesterday) == expected


def test_a_week_with_a_missing_night_is_passed_over_in_looking_for_the_last_finished_one(warehouse):
    ran(warehouse, weeks_ago(3), FRIDAY, without=[FRIDAY])
    assert last_finished_week(warehouse, FRIDAY) == weeks_ago(1)


def test_missed_weeks_come_with_the_next_one_except_where_a_night_is_missing(warehouse):
    ran(warehouse, weeks_ago(6), FRIDAY, without=[weeks_ago(2)])
    assert due_weeks(warehouse, FRIDAY) == [FRIDAY]  # nothing was ever reported: older weeks are a person's decision
    reported(warehouse, weeks_ago(4))
    # Two weeks ago a night is missing; the week before that one can run.
    assert due_weeks(warehouse, FRIDAY) == [weeks_ago(3), weeks_ago(1), FRIDAY]
    ran(warehouse, weeks_ago(2), weeks_ago(2))
    assert due_weeks(warehouse, FRIDAY) == [weeks_ago(3), weeks_ago(2), weeks_ago(1), FRIDAY]
    reported(warehouse, weeks_ago(1))
    assert due_weeks(warehouse, FRIDAY) == [FRIDAY]


def test_weeks_missed_more_than_a_month_ago_are_left_to_a_person(warehouse):
    ran(warehouse, weeks_ago(9), FRIDAY)
    reported(warehouse, weeks_ago(8))
    assert due_weeks(warehouse, FRIDAY) == [FRIDAY]


def test_a_week_that_was_reported_already_is_due_alone(warehouse):
    ran(warehouse, weeks_ago(3), FRIDAY)
    reported(warehouse, weeks_ago(1), FRIDAY)
    assert due_weeks(warehouse, FRIDAY) == [FRIDAY]


def test_only_a_friday_names_a_week(warehouse, settings):
    with pytest.raises(ValueError, match="2026-11-18 ends no week"):
        run_weeks(warehouse, settings, [date(2026, 11, 18)])


@pytest.mark.parametrize(
    ("weeks", "is_ok", "said"),
    [
        ([], True, "no week was judged yet"),
        ([2, 1, 0], True, "the last weekly report is of the week to 2026-11-20"),
        ([2], False, "no report of the week to 2026-11-13 to 2026-11-20"),
        ([2, 0], False, "no report of the week to 2026-11-13"),
    ],
)
def test_doctor_names_weeks_without_a_report_once_there_was_one(warehouse, settings, weeks, is_ok, said):
    ran(warehouse, weeks_ago(3), FRIDAY)
    reported(warehouse, *map(weeks_ago, weeks))
    (finding,) = [one for one in examine(warehouse, settings) if one.subject == "weeks"]
    assert finding.is_ok is is_ok
    assert said in finding.finding
    assert is_ok or finding.remedy.startswith("amc-learning run weekly --from 2026-11-13")
