"""Changes of the weights judged, taken back and told of, through the stages of the whole loop."""

import polars as pl
import pytest

from amc_learning.learning.weights.record import decisions_table
from amc_learning.stages.decide import decide_days
from amc_learning.stages.effectiveness import judge_changes
from amc_learning.stages.publish import publish_days
from amc_learning.stages.publish_documents import publish_recommendations, publish_reports
from amc_learning_tests.acceptance.loop import DAYS, open_warehouse
from amc_learning_tests.learning.effectiveness.forced import forced_night

FORCED_ON = DAYS[2]
LATER = DAYS[3:]


def force_away_from_the_truth(warehouse, settings, *, later=LATER):
    """As if a night had moved all weight from where the market's truth is (technical) to where nothing is.

    The simulated market pays technical scores, so this harms.
    """
    names = settings.features.components
    before = [0.08 if name != "technical" else 1 - 0.08 * (len(names) - 1) for name in names]
    spread = [name for name in names if name != "technical"]
    after = [0.0 if name == "technical" else 1 / len(spread) for name in names]
    table = warehouse.table("weight_decisions")
    forced = decisions_table(
        [(FORCED_ON, forced_night(before, after))],
        names=names,
        schema=warehouse.catalogue["weight_decisions"].schema,
        horizon="1d",
        population="selected",
    )
    table.write(forced, [FORCED_ON, *later])


def hashes(warehouse):
    """Of every partition of the tables that depend on a verdict."""
    return {
        name: [(entry.known_on, entry.sha256) for entry in warehouse.table(name).entries(LATER[0], LATER[-1])]
        for name in ("weight_decisions", "learning_effectiveness")
    }


@pytest.fixture
def harmed(finished):
    warehouse = open_warehouse(finished)
    force_away_from_the_truth(warehouse, finished)
    decide_days(warehouse, finished, LATER)
    judge_changes(warehouse, finished, LATER)
    return warehouse, finished


def test_a_harmful_change_is_taken_back_published_and_told_of(harmed):
    warehouse, settings = harmed
    decisions = warehouse.table("weight_decisions").read(LATER[0], LATER[-1])
    back = decisions.filter(pl.col("taken_back_change") == FORCED_ON)
    night = back["known_on"].min()
    assert night is not None
    row = warehouse.table("learning_effectiveness").read(night, night).row(0, named=True)
    assert (row["began_on"], row["state"], row["verdict"]) == (FORCED_ON, "in_force", "harmed")
    publish_days(warehouse, settings, [night])
    publish_recommendations(warehouse, settings, [night])
    publish_reports(warehouse, settings, [night])
    weights, recommendations, report = (
        warehouse.publications.document(name, night) for name in ("weights", "recommendations", "daily_report")
    )
    assert weights["status"] == "rolled_back"
    assert weights["reason"].startswith(f"rolled back: the change of {FORCED_ON} harmed")
    assert "did harm and is taken back" in recommendations["risk_warnings"][0]
    assert report["headline"].startswith("Discovery weights go back to those before a change that harmed")
    assert report["weight_changes"][0]["verdict"] == "harmed"
    assert f"change of {FORCED_ON}" in warehouse.publications.page_path("daily_report", night).read_text()


def test_nights_write_what_the_range_wrote(harmed):
    warehouse, settings = harmed
    written = hashes(warehouse)
    force_away_from_the_truth(warehouse, settings)
    for night in LATER:
        decide_days(warehouse, settings, [night], decided_again_to=LATER[-1])
        judge_changes(warehouse, settings, [night])
    assert hashes(warehouse) == written


def test_a_change_is_judged_on_all_its_days_however_short_the_windows_are_that_teach(harmed):
    warehouse, settings = harmed
    # So small a limit that taking back lasts beyond the window: every reason says on how many days it rests.
    weights = settings.weights.model_copy(update={"evidence_windows_days": (30,), "daily_limit": 0.01})
    short = settings.model_copy(update={"weights": weights})
    written = []
    for bites in ([LATER], [[night] for night in LATER]):
        force_away_from_the_truth(warehouse, short)
        for bite in bites:
            decide_days(warehouse, short, bite, decided_again_to=LATER[-1])
            judge_changes(warehouse, short, bite)
        written.append(hashes(warehouse))
    assert written[0] == written[1]


def test_the_loop_judges_the_changes_it_made(finished):
    warehouse = open_warehouse(finished)
    changes = warehouse.table("learning_effectiveness").read(DAYS[0], DAYS[-1])
    decisions = warehouse.table("weight_decisions").read(DAYS[0], DAYS[-1])
    began = decisions.filter(pl.col("is_learning") & (pl.col("learned_weight") != pl.col("learned_weight_before")))
    assert changes["began_on"].min() == began["known_on"].min()
    assert (changes["judged_until"] > changes["began_on"]).fill_null(value=True).all()
