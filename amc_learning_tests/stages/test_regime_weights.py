"""What the weights document says of markets other than today's."""

import json
from datetime import UTC, datetime, time

import polars as pl
import pytest

from amc_learning.contracts.documents import WeightsDocument
from amc_learning.contracts.knowledge_days import next_knowledge_day
from amc_learning.learning.publication import weight_violations
from amc_learning.stages.day_rows import DayRows, day_rows
from amc_learning.stages.decide import decide_days
from amc_learning.stages.orders import OperatorOrder, carry_out
from amc_learning.stages.publish import PublicationError, publish_days
from amc_learning.stages.regime_weights import PERFORMANCE_COLUMNS, by_regime, performance_on
from amc_learning_tests.acceptance.loop import DAYS, open_warehouse

LAST = DAYS[-1]
NEXT = next_knowledge_day(LAST)
REGIMES = {"calm", "turbulent"}


def published(folder):
    return [json.loads(path.read_text()) for path in sorted((folder / "published/history/weights").iterdir())]


def in_market(warehouse, present, *, multipliers=None, day=LAST):
    """The tables of a day as if the index were in this regime, and `technical` had these factors by regime.

    The simulated market is too young for a regime of its own.
    """
    regimes, performance = (warehouse.table(name) for name in ("market_regimes", "regime_performance"))
    is_index = pl.col("basis") == "index"
    regimes.write(
        regimes.read(day, day).with_columns(regime=pl.when(is_index).then(pl.lit(present)).otherwise("regime")), [day]
    )
    rows = performance.read(day, day).with_columns(is_current=is_index & (pl.col("regime") == present))
    for regime, factor in (multipliers or {}).items():
        is_it = is_index & (pl.col("regime") == regime) & (pl.col("feature") == "technical")
        rows = rows.with_columns(
            multiplier=pl.when(is_it & (pl.col("horizon") == "1d")).then(factor).otherwise("multiplier")
        )
    performance.write(rows, [day])


def decided_in(warehouse, settings, present, **changes):
    in_market(warehouse, present, **changes)
    decide_days(warehouse, settings, [LAST])
    publish_days(warehouse, settings, [LAST])
    return warehouse.publications.document("weights", LAST)


def broken_bounds(document):
    """Bounds that the vector of any regime breaks."""
    bounds = document["bounds"]
    return [
        violation
        for entry in document["by_regime"].values()
        for violation in weight_violations(
            {name.removesuffix("_weight"): weight for name, weight in entry["weights"].items()},
            document["previous"]["weights"],
            daily_limit=bounds["daily_limit"],
            cap=bounds["cap"],
        )
    ]


def test_every_night_says_it_of_every_regime_within_the_bounds(finished_base):
    documents = published(finished_base)
    assert len(documents) == len(DAYS)
    for document in documents:
        assert set(document["by_regime"]) == REGIMES
        assert broken_bounds(document) == []


@pytest.mark.parametrize(("present", "absent"), [("calm", "turbulent"), ("turbulent", "calm")])
def test_the_present_regime_has_the_vector_of_the_document_and_the_other_one_its_own(finished, present, absent):
    warehouse = open_warehouse(finished)
    multipliers = {present: 0.8, absent: 0.5}
    document = decided_in(warehouse, finished, present, multipliers=multipliers)
    assert document["data"]["market_regime"] == document["applies_to_regime"] == present
    entries = document["by_regime"]
    assert entries[present]["weights"] == document["data"]["optimized_parameters"]
    assert {regime: entry["multipliers"] for regime, entry in entries.items()} == {
        regime: {"technical": factor} for regime, factor in multipliers.items()
    }
    assert entries[absent]["weights"]["technical_weight"] < entries[present]["weights"]["technical_weight"]
    assert broken_bounds(document) == []


def test_were_the_market_in_the_other_regime_the_night_would_decide_its_vector(finished):
    warehouse = open_warehouse(finished)
    multipliers = {"calm": 0.8, "turbulent": 1.2}
    calm, turbulent = (
        decided_in(warehouse, finished, present, multipliers=multipliers) for present in ("calm", "turbulent")
    )
    assert calm["data"]["optimized_parameters"] != turbulent["data"]["optimized_parameters"]
    assert calm["by_regime"] == turbulent["by_regime"]


def test_the_present_regime_keeps_the_factors_it_was_decided_with(finished):
    """A month reviewed anew after the decision does not make the document contradict itself."""
    warehouse = open_warehouse(finished)
    before = decided_in(warehouse, finished, "calm")
    in_market(warehouse, "calm", multipliers={"calm": 0.5})
    publish_days(warehouse, finished, [LAST])
    after = warehouse.publications.document("weights", LAST)
    assert after["by_regime"] == before["by_regime"]
    assert after["data"] == before["data"]


def test_a_person_s_order_holds_in_every_market(finished):
    warehouse = open_warehouse(finished)
    decided_in(warehouse, finished, "calm", multipliers={"turbulent": 0.5})
    order = OperatorOrder("rollback", DAYS[20], "try the old ones")
    document = carry_out(warehouse, finished, order, requested_at=datetime.combine(NEXT, time(15), UTC))
    assert (document["known_on"], document["status"]) == (str(NEXT), "rolled_back")
    assert document["by_regime"] == {
        regime: {"weights": document["data"]["optimized_parameters"], "multipliers": {}} for regime in REGIMES
    }


def test_a_day_decided_ahead_of_its_night_stands_on_the_review_of_the_night_before(finished):
    warehouse = open_warehouse(finished)
    before = decided_in(warehouse, finished, "calm", multipliers={"turbulent": 0.5})
    decide_days(warehouse, finished, [NEXT])
    publish_days(warehouse, finished, [NEXT])
    ahead = warehouse.publications.document("weights", NEXT)
    assert ahead["by_regime"]["turbulent"]["multipliers"] == {"technical": 0.5}
    assert ahead["by_regime"]["calm"]["weights"] == ahead["data"]["optimized_parameters"]
    assert ahead["inputs"]["regime_performance"] == before["inputs"]["regime_performance"]


def test_after_too_long_a_break_no_regime_has_factors(finished):
    performance = day_rows(open_warehouse(finished), "regime_performance", LAST, LAST, PERFORMANCE_COLUMNS)
    assert performance_on(performance, LAST)
    later = DayRows(performance.rows, {day: digest for day, digest in performance.hashes.items() if day < DAYS[-30]})
    assert performance_on(later, LAST) == []


def test_without_a_review_the_decided_vector_is_that_of_every_regime(finished):
    warehouse = open_warehouse(finished)
    decisions = {row["component"]: row for row in warehouse.table("weight_decisions").read(LAST, LAST).to_dicts()}
    found = by_regime(decisions, [], None, finished)
    weights = {f"{name}_weight": decisions[name]["weight"] for name in finished.features.components}
    assert {regime: entry.weights for regime, entry in found.items()} == dict.fromkeys(REGIMES, weights)


def test_a_vector_of_any_regime_that_breaks_a_bound_stops_the_publication(finished):
    """The day says it started from other weights than were in force; only the absent regime's vector then strays."""
    warehouse = open_warehouse(finished)
    before = decided_in(warehouse, finished, "calm")
    in_market(warehouse, "calm", multipliers={"turbulent": 2.0})
    table = warehouse.table("weight_decisions")
    shift = (
        pl.when(pl.col("component") == "technical").then(0.08).when(pl.col("component") == "catalyst").then(-0.08)
    ).otherwise(0.0)
    rows = table.read(LAST, LAST)
    assert rows.filter(component="catalyst")["previous_weight"].item() > 0.08
    table.write(rows.with_columns(previous_weight=pl.col("previous_weight") + shift), [LAST])
    with pytest.raises(PublicationError, match=r"for a turbulent market are not published: .*technical"):
        publish_days(warehouse, finished, [LAST])
    assert warehouse.publications.document("weights", LAST) == before


def test_a_document_of_an_earlier_version_is_still_one(finished_base):
    document = published(finished_base)[-1]
    del document["sha256"], document["by_regime"]
    assert WeightsDocument.model_validate(document).by_regime == {}
