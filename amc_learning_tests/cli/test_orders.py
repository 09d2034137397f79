"""What a person orders about the weights: at once, within the limit, remembered by every later night."""

from datetime import date

import polars as pl
import pytest

from amc_learning.cli.common import now
from amc_learning.contracts.knowledge_days import knowledge_day, next_knowledge_day
from amc_learning.stages.orders import OperatorOrder, OrderError, carry_out
from amc_learning_tests.acceptance.loop import (
    DAYS,
    RECEIVED_AT,
    backfilled,
    kept,
    open_warehouse,
    run_through_dagster,
    tree,
)
from amc_learning_tests.cli.calling import amc


def vector(settings, day):
    rows = open_warehouse(settings).table("weight_decisions").read(day, day)
    return dict(rows.select("component", "weight").iter_rows())


def largest_step(before, after):
    return max(abs(after[name] - before[name]) for name in after)


def test_a_rollback_is_in_force_today_and_keeps_the_daily_limit(finished):
    today_before = knowledge_day(now())
    answer = amc(finished.data_dir, "weights", "rollback", str(DAYS[0]), "--reason", "technical feed was broken")
    assert answer.code == 0, answer.all
    assert "rolled_back" in answer.said
    document = open_warehouse(finished).publications.current("weights")
    today = date.fromisoformat(document["known_on"])
    assert today in {today_before, knowledge_day(now())}
    assert document["status"] == "rolled_back"
    assert "technical feed was broken" in document["reason"]
    last, rolled = vector(finished, DAYS[-1]), vector(finished, today)
    assert 0 < largest_step(last, rolled) <= finished.weights.daily_limit + 1e-9
    assert sum(rolled.values()) == pytest.approx(1, abs=1e-9)
    target = vector(finished, DAYS[0])
    assert largest_step(rolled, target) < largest_step(last, target)
    show = amc(finished.data_dir, "weights", "show", "--json").json
    assert show == document


def test_later_nights_walk_to_the_target_and_hold_it_until_release(finished):
    warehouse, target = open_warehouse(finished), vector(finished, DAYS[0])
    order = OperatorOrder("rollback", DAYS[0], "the feed was broken")
    carry_out(warehouse, finished, order, requested_at=RECEIVED_AT)
    day, vectors = knowledge_day(RECEIVED_AT), [vector(finished, knowledge_day(RECEIVED_AT))]
    for _ in range(8):
        day = next_knowledge_day(day)
        backfilled(finished, [day])
        vectors.append(vector(finished, day))
        assert largest_step(vectors[-2], vectors[-1]) <= finished.weights.daily_limit + 1e-9
        assert warehouse.publications.current("weights")["status"] == "rolled_back"
    assert vectors[-1] == pytest.approx(target, abs=1e-6)
    assert vectors[-2] == vectors[-1]


def test_the_night_of_an_order_decides_the_same_as_the_order_did_and_changes_no_byte(finished):
    order = OperatorOrder("rollback", DAYS[0], "the feed was broken")
    carry_out(open_warehouse(finished), finished, order, requested_at=RECEIVED_AT)
    backfilled(finished, [knowledge_day(RECEIVED_AT)])
    before = kept(finished)
    assert run_through_dagster(finished, [knowledge_day(RECEIVED_AT)]).success
    assert kept(finished) == before


def test_the_same_order_twice_on_a_day_moves_once(finished):
    warehouse, order = open_warehouse(finished), OperatorOrder("rollback", DAYS[0], "the feed was broken")
    carry_out(warehouse, finished, order, requested_at=RECEIVED_AT)
    first = vector(finished, knowledge_day(RECEIVED_AT))
    carry_out(warehouse, finished, order, requested_at=RECEIVED_AT.replace(minute=30))
    assert vector(finished, knowledge_day(RECEIVED_AT)) == first


def test_a_release_gives_the_decision_back_to_the_evidence(finished):
    warehouse = open_warehouse(finished)
    carry_out(warehouse, finished, OperatorOrder("rollback", DAYS[0], "broken"), requested_at=RECEIVED_AT)
    held = vector(finished, knowledge_day(RECEIVED_AT))
    released = carry_out(
        warehouse, finished, OperatorOrder("release", None, "repaired"), requested_at=RECEIVED_AT.replace(hour=14)
    )
    assert released["status"] != "rolled_back"
    assert vector(finished, knowledge_day(RECEIVED_AT)) != held
    day = next_knowledge_day(knowledge_day(RECEIVED_AT))
    backfilled(finished, [day])
    assert warehouse.publications.current("weights")["status"] != "rolled_back"


def test_a_release_with_nothing_to_release_is_refused_in_one_sentence_and_changes_no_byte(finished):
    before = {name: tree(finished.data_dir / name) for name in ("tables", "published")}
    answer = amc(finished.data_dir, "weights", "release", "--reason", "nothing to release")
    assert (answer.code, answer.said) == (1, "")
    assert "no rollback holds the weights: there is nothing to release, and nothing was changed" in answer.all
    assert {name: tree(finished.data_dir / name) for name in before} == before


def test_a_release_that_was_kept_but_not_carried_out_can_be_ordered_again(finished):
    """As after a crash between the order and its decision: the last decision still follows the rollback."""
    warehouse, release = open_warehouse(finished), OperatorOrder("release", None, "repaired")
    carry_out(warehouse, finished, OperatorOrder("rollback", DAYS[0], "broken"), requested_at=RECEIVED_AT)
    tomorrow = next_knowledge_day(knowledge_day(RECEIVED_AT))
    ordered_at = RECEIVED_AT + (tomorrow - knowledge_day(RECEIVED_AT))
    row = {"known_on": tomorrow, "requested_at": ordered_at, "action": "release", "target_known_on": None, "reason": ""}
    actions = warehouse.table("operator_actions")
    actions.merge(pl.DataFrame([row], schema=actions.table.schema))
    again = carry_out(warehouse, finished, release, requested_at=ordered_at.replace(minute=59))
    assert (again["known_on"], again["status"] == "rolled_back") == (str(tomorrow), False)
    with pytest.raises(OrderError, match="nothing to release"):
        carry_out(warehouse, finished, release, requested_at=ordered_at.replace(minute=59))
