"""A day is over when its night ran, whoever decided it before."""

from datetime import UTC, datetime, timedelta

import pytest

from amc_learning.contracts.knowledge_days import next_knowledge_day
from amc_learning.stages.doctor import examine
from amc_learning.stages.due import due_nights, missed_nights, nights
from amc_learning.stages.orders import OperatorOrder, carry_out
from amc_learning_tests.acceptance.loop import DAYS, backfilled, open_warehouse, run_through_dagster

LAST = DAYS[-1]
NOON = next_knowledge_day(LAST)
AFTER = next_knowledge_day(NOON)


@pytest.fixture
def ordered(finished):
    """All nights ran; the next day is decided at its noon by an order of a person."""
    warehouse = open_warehouse(finished)
    order = OperatorOrder("rollback", DAYS[0], "noon")
    carry_out(warehouse, finished, order, requested_at=datetime(NOON.year, NOON.month, NOON.day, 17, tzinfo=UTC))
    return finished


def test_the_night_of_a_day_decided_by_an_order_is_still_due(ordered):
    warehouse = open_warehouse(ordered)
    assert warehouse.table("weight_decisions").has(NOON)
    assert nights(warehouse)[-1] == LAST
    assert due_nights(warehouse, LAST, NOON) == [LAST, NOON]
    assert due_nights(warehouse, NOON, AFTER) == [NOON]
    assert due_nights(warehouse, AFTER, AFTER + timedelta(days=1)) == [NOON, AFTER]
    assert missed_nights(warehouse) == []


def test_a_day_that_was_ordered_before_it_has_begun_waits_for_its_own_night(ordered):
    """As Monday does that was ordered on Saturday, when Friday's night is due."""
    assert due_nights(open_warehouse(ordered), LAST, NOON - timedelta(days=1)) == [LAST]


def test_refreshed_evidence_is_no_night(ordered):
    assert run_through_dagster(ordered, [NOON], job="evidence_refresh").success
    assert nights(open_warehouse(ordered))[-1] == LAST


def test_a_failed_night_behind_a_decision_at_noon_is_named_and_its_command_mends_it(ordered):
    warehouse = open_warehouse(ordered)
    noon = datetime(AFTER.year, AFTER.month, AFTER.day, 17, tzinfo=UTC)
    carry_out(warehouse, ordered, OperatorOrder("rollback", DAYS[1], "noon again"), requested_at=noon)
    assert missed_nights(warehouse) == [NOON]
    (finding,) = [one for one in examine(warehouse, ordered) if one.subject == "nights"]
    assert finding.finding == f"nights that never ran: {NOON}"
    assert finding.remedy == f"amc-learning backfill --from {NOON} --to {AFTER}"
    backfilled(ordered, [NOON, AFTER])
    assert missed_nights(warehouse) == []


def test_nights_of_before_there_was_a_calibration_count(finished):
    warehouse = open_warehouse(finished)
    manifest = finished.data_dir / "tables" / "calibration_decisions" / "manifest.ndjson"
    lines = manifest.read_bytes().splitlines(keepends=True)
    manifest.write_bytes(b"".join(lines[20:]))
    assert nights(warehouse) == list(DAYS)
