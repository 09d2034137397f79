"""Whether learning leads to anything, from a history made by hand; what was not measured is no number."""

from datetime import date, timedelta

import pytest

from amc_learning.service.effectiveness import is_adjustment, learning_effectiveness
from amc_learning.warehouse.errors import CorruptDocument
from amc_learning.warehouse.publications import Publications

TODAY = date(2024, 3, 15)
ANY = {"type": "object"}


@pytest.fixture
def publications(tmp_path):
    return Publications(tmp_path / "published")


def ago(days):
    return TODAY - timedelta(days=days)


def weights(publications, days_ago, now, before):
    document = {
        "previous": {"weights": before},
        "data": {"optimized_parameters": {f"{name}_weight": weight for name, weight in now.items()}},
    }
    publications.publish("weights", document, ago(days_ago), ANY)


def alerts(publications, days_ago, *patterns):
    document = {"pattern_alerts": [{"kind": kind, "pattern": pattern} for kind, pattern in patterns]}
    publications.publish("recommendations", document, ago(days_ago), ANY)


def rules(publications, days_ago, n_new):
    publications.publish("weekly_report", {"new_patterns": [{}] * n_new}, ago(days_ago), ANY)


def accuracy(publications, days_ago, estimate):
    groups = [
        {"group_kind": "source", "accuracy": {"estimate": 0.99}},
        {"group_kind": "overall", "accuracy": {"estimate": estimate}},
    ]
    publications.publish("confidence", {"accuracy": groups}, ago(days_ago), ANY)


def test_before_the_first_night_nothing_is_known(publications):
    numbers = learning_effectiveness(publications, TODAY)
    assert set(numbers.model_dump().values()) == {None}


def test_adjustments_are_the_nights_of_the_week_that_moved_a_weight(publications):
    start, moved = {"a": 0.5, "b": 0.5}, {"a": 0.6, "b": 0.4}
    weights(publications, 8, moved, start)  # before the week
    weights(publications, 7, start, moved)  # before the week too: seven days up to today are days 6 to 0
    weights(publications, 6, moved, start)
    weights(publications, 5, moved, moved)
    weights(publications, 0, start, moved)
    weights(publications, -1, moved, start)  # not yet
    assert learning_effectiveness(publications, TODAY).parameter_adjustments_this_week == 2


def test_a_week_without_a_night_moved_nothing(publications):
    weights(publications, 20, {"a": 0.6, "b": 0.4}, {"a": 0.5, "b": 0.5})
    assert learning_effectiveness(publications, TODAY).parameter_adjustments_this_week == 0


def test_a_component_that_is_weighed_no_more_is_a_move():
    document = {"previous": {"weights": {"a": 1.0}}, "data": {"optimized_parameters": {"b_weight": 1.0}}}
    assert is_adjustment(document)


def test_new_patterns_are_those_the_last_night_before_the_week_did_not_have(publications):
    alerts(publications, 30, ("trade", "long forgotten"))
    alerts(publications, 9, ("trade", "known"), ("thesis", "same name"))
    alerts(publications, 6, ("trade", "known"), ("trade", "new"))
    alerts(publications, 5, ("trade", "new"), ("trade", "same name"))
    alerts(publications, 0, ("trade", "long forgotten"))
    alerts(publications, -1, ("trade", "tomorrow"))
    # new; same name, of another kind; long forgotten, which came back
    assert learning_effectiveness(publications, TODAY).patterns_discovered_this_week == 3


def test_patterns_of_the_first_week_are_all_new(publications):
    alerts(publications, 1, ("trade", "a"), ("trade", "b"))
    assert learning_effectiveness(publications, TODAY).patterns_discovered_this_week == 2


def test_rules_new_in_a_weekly_report_of_the_week_count_beside_failures(publications):
    rules(publications, 8, 4)
    assert learning_effectiveness(publications, TODAY).patterns_discovered_this_week == 0
    # On a Friday the report of the week before is the newest there is.
    rules(publications, 7, 3)
    assert learning_effectiveness(publications, TODAY).patterns_discovered_this_week == 3
    rules(publications, 0, 2)
    rules(publications, -7, 8)
    assert learning_effectiveness(publications, TODAY).patterns_discovered_this_week == 2
    alerts(publications, 1, ("trade", "a"))
    assert learning_effectiveness(publications, TODAY).patterns_discovered_this_week == 3


def test_accuracy_is_compared_with_the_last_night_a_month_ago(publications):
    accuracy(publications, 45, 0.10)
    accuracy(publications, 31, 0.50)
    accuracy(publications, 29, 0.90)
    accuracy(publications, 1, 0.53)
    accuracy(publications, -1, 0.99)
    assert learning_effectiveness(publications, TODAY).accuracy_improvement_this_month == pytest.approx(0.03)


def test_accuracy_may_fall(publications):
    accuracy(publications, 30, 0.6)
    accuracy(publications, 0, 0.5)
    assert learning_effectiveness(publications, TODAY).accuracy_improvement_this_month == pytest.approx(-0.1)


@pytest.mark.parametrize(
    ("then", "now"), [(None, 0.5), (0.5, None), (None, None)], ids=["none then", "none now", "never"]
)
def test_without_evidence_on_both_sides_there_is_no_improvement(publications, then, now):
    accuracy(publications, 31, then)
    accuracy(publications, 1, now)
    assert learning_effectiveness(publications, TODAY).accuracy_improvement_this_month is None


def test_a_history_shorter_than_a_month_has_no_improvement(publications):
    accuracy(publications, 29, 0.5)
    accuracy(publications, 1, 0.6)
    assert learning_effectiveness(publications, TODAY).accuracy_improvement_this_month is None


def test_a_month_without_a_night_has_no_improvement_not_one_of_zero(publications):
    accuracy(publications, 40, 0.5)
    assert learning_effectiveness(publications, TODAY).accuracy_improvement_this_month is None


def test_a_damaged_document_of_the_week_is_told_and_one_of_long_ago_is_not_looked_at(publications):
    for days_ago in (60, 9, 1):
        weights(publications, days_ago, {"a": 1.0}, {"a": 1.0})
    history = publications.root / "history" / "weights"
    (history / f"{ago(60)}.json").write_bytes(b"{}")
    assert learning_effectiveness(publications, TODAY).parameter_adjustments_this_week == 0
    (history / f"{ago(1)}.json").write_bytes(b"{}")
    with pytest.raises(CorruptDocument):
        learning_effectiveness(publications, TODAY)
