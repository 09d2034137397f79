"""What stands against a promotion, and what corrections do while they, or what they act through, are in shadow."""

import shutil

import polars as pl
import pytest

from amc_learning.learning.modes import ACTIVE, SHADOW
from amc_learning.settings import Settings
from amc_learning.stages.decide import decide_days
from amc_learning.stages.effectiveness import judge_changes
from amc_learning.stages.orders import OrderError
from amc_learning.stages.promotion import shadow_account
from amc_learning.stages.publish import publish_days
from amc_learning.stages.publish_documents import publish_all
from amc_learning_tests.acceptance.loop import DAYS, open_warehouse
from amc_learning_tests.acceptance.test_shadow import ordered
from amc_learning_tests.stages.test_effectiveness import FORCED_ON, LATER, force_away_from_the_truth

LAST = DAYS[-1]
CORRECTIONS = (
    ("component_weight", "squeeze", 0.5, None, "candidate", "dominant_component=squeeze"),
    ("tag_threshold", "trade_ready", None, 2.0, "candidate", "action_tag=trade_ready"),
    ("confidence", "source=ai", 0.8, None, "thesis", "source=ai"),
    ("position_size", "exit_reason=stop_loss", 0.7, None, "trade", "exit_reason=stop_loss"),
)


def with_modes(settings, **modes):
    return Settings(data_dir=settings.data_dir, publication={f"{name}_mode": SHADOW for name in modes})


def corrected(warehouse):
    """One correction of every kind in force on the last day."""
    table = warehouse.catalogue["corrections"]
    plain = {pl.String: "", pl.Float64: 0.0, pl.Int64: 5, pl.Date: LAST, pl.Boolean: False}
    rows = [
        {column.name: None if column.is_nullable else plain[column.dtype] for column in table.columns}
        | {"known_on": LAST, "name": f"c-{kind}", "kind": kind, "target": target, "factor": factor}
        | {"raise_points": points, "severity": "high", "status": "active", "pattern_kind": of, "pattern": pattern}
        for kind, target, factor, points, of, pattern in CORRECTIONS
    ]
    warehouse.table("corrections").write(pl.DataFrame(rows, schema=table.schema), [LAST])


def published_last_day(settings):
    """Active and shadow documents of the last day, decided with the corrections of `corrected`."""
    warehouse = open_warehouse(settings)
    corrected(warehouse)
    decide_days(warehouse, settings, [LAST])
    publish_days(warehouse, settings, [LAST])
    publish_all(warehouse, settings, [LAST])
    publications = warehouse.publications
    names = ("weights", "confidence", "corrections", "recommendations", "daily_report")
    return (
        {name: publications.document(name, LAST) for name in names},
        {name: publications.shadow.document(name, LAST) for name in names},
        warehouse.table("weight_decisions").read(LAST, LAST),
    )


def statuses(document):
    return {one["kind"]: one["status"] for part in ("in_force", "proposed") for one in document[part]}


def test_active_corrections_act_on_weights_thresholds_confidence_and_sizes(finished):
    active, shadow, decisions = published_last_day(finished)
    assert decisions.filter(component="squeeze")["correction_factor"].item() == 0.5
    assert active["weights"]["thresholds"]["action_tags"]["trade_ready"]["in_force"] == 77.0
    assert active["confidence"]["corrections"] == {"ai/all": 0.8}
    assert active["corrections"]["position_size_factors"] == {"exit_reason=stop_loss": 0.7}
    assert set(statuses(active["corrections"]).values()) == {"active"}
    assert set(shadow.values()) == {None}


def test_corrections_in_shadow_are_listed_and_act_on_nothing(finished):
    active, shadow, decisions = published_last_day(with_modes(finished, corrections=True))
    assert set(decisions["correction_factor"]) == {1.0}
    assert active["weights"]["thresholds"]["action_tags"]["trade_ready"]["in_force"] == 75.0
    assert active["confidence"]["corrections"] == {}
    listed = shadow["corrections"]
    assert listed["in_force"] == []
    assert statuses(listed) == {kind: "shadow" for kind, *_ in CORRECTIONS}
    assert listed["component_factors"] == {"squeeze": 0.5}
    assert listed["threshold_raises"] == {"trade_ready": 2.0}
    assert listed["position_size_factors"] == {"exit_reason=stop_loss": 0.7}
    assert "no correction in force" in active["daily_report"]["headline"]
    assert {one["status"] for one in active["daily_report"]["corrections"]} == {"shadow"}


def test_a_correction_acts_only_when_what_it_acts_through_does(finished):
    """The day before was decided when the weights were active: what that told stays."""
    active, shadow, decisions = published_last_day(with_modes(finished, weights=True, confidence=True))
    assert statuses(active["corrections"]) == {
        "component_weight": "shadow",
        "tag_threshold": "shadow",
        "confidence": "shadow",
        "position_size": "active",
    }
    assert active["corrections"]["component_factors"] == {}
    assert active["corrections"]["threshold_raises"] == {}
    assert active["corrections"]["position_size_factors"] == {"exit_reason=stop_loss": 0.7}
    assert decisions["change"].abs().max() == 0
    assert shadow["weights"]["data"]["optimized_parameters"]["squeeze_weight"] < (
        decisions.filter(component="squeeze")["learned_weight"].item()
    )
    assert shadow["weights"]["thresholds"]["action_tags"]["trade_ready"]["in_force"] == 77.0
    assert shadow["confidence"]["corrections"] == {"ai/all": 0.8}
    before = open_warehouse(finished).publications.document("confidence", DAYS[-2])
    assert active["recommendations"]["confidence_calibration"] != shadow["confidence"]["data"]
    assert before is not None


@pytest.fixture
def harmed(finished):
    """In shadow, up to the first night that takes a harmful change back."""
    settings = with_modes(finished, weights=True)
    for name in ("weight_decisions", "learning_effectiveness"):
        shutil.rmtree(settings.data_dir / "tables" / name)
    warehouse = open_warehouse(settings)
    force_away_from_the_truth(warehouse, settings, later=())
    for place, night in enumerate(LATER):
        decided = decide_days(warehouse, settings, [night])
        judge_changes(warehouse, settings, [night])
        if decided["taken_back_change"].null_count() == 0:
            publish_days(warehouse, settings, LATER[: place + 1])
            return settings, night
    pytest.fail("the change is never taken back")


def test_what_is_judged_to_do_harm_is_not_promoted_unless_a_person_insists(harmed):
    settings, night = harmed
    after = DAYS[DAYS.index(night) + 1]
    with pytest.raises(OrderError, match=f"the change of {FORCED_ON} is judged to do harm.*--force"):
        ordered(settings, ACTIVE, after)
    assert open_warehouse(settings).table("publication_orders").days() == []
    ordered(settings, ACTIVE, after, despite_harm=True)
    assert open_warehouse(settings).publications.document("weights", after)["mode"] == ACTIVE


def test_the_account_names_the_harm(harmed):
    settings, night = harmed
    account = shadow_account(open_warehouse(settings), settings, "weights", DAYS[DAYS.index(night) + 1])
    assert account.harm.startswith(f"the change of {FORCED_ON}")
