"""Models of the week in a data directory: the same bytes however it is run, and nothing that weights depend on."""

import re
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

import amc_learning
from amc_learning.contracts.declared.models import TARGETS
from amc_learning.contracts.knowledge_days import week_end
from amc_learning.learning.models import model_from
from amc_learning.stages import models as models_stage
from amc_learning.stages.decide import decide_days
from amc_learning.stages.models import model_rules, predict_candidates, retrain_models
from amc_learning_tests.acceptance.loop import DAYS, open_warehouse

WEEKS = [week_end(DAYS[-1]) - timedelta(weeks=back) for back in (3, 2, 1)]
TABLES = ("prediction_models", "judged_predictions", "candidate_predictions")


@pytest.fixture
def small(finished, monkeypatch):
    """The simulated market has 64 sessions: rules that are content with that."""

    def rules(settings):
        few = {"min_days": 15, "min_minority": 20, "min_train_days": 18, "first_overlaps": 2, "n_folds": 2}
        return type(model_rules(settings))(**{**vars(model_rules(settings)), **few})

    monkeypatch.setattr(models_stage, "model_rules", rules)
    return finished


def run(settings, weeks):
    warehouse = open_warehouse(settings)
    retrain_models(warehouse, settings, weeks)
    predict_candidates(warehouse, settings, weeks)
    return warehouse


def fingerprints(warehouse):
    return {name: warehouse.table(name).fingerprint(None, None) for name in TABLES}


def test_week_by_week_a_range_and_the_last_week_twice_give_the_same_bytes(small):
    at_once = fingerprints(run(small, WEEKS))
    for week in WEEKS:
        warehouse = run(small, [week])
    assert fingerprints(warehouse) == at_once
    assert fingerprints(run(small, WEEKS[-1:])) == at_once
    assert warehouse.table("judged_predictions").read(None, None).height


def test_a_week_reads_nothing_that_became_known_after_it(small):
    warehouse = run(small, WEEKS[:2])
    before = fingerprints(warehouse)
    later = [day for day in DAYS if day > WEEKS[1]]
    for name in ("feature_outcomes", "candidate_outcomes", "price_bars", "market_regimes", "discovery_candidates"):
        table = warehouse.table(name)
        table.write(table.table.empty(), later)
    assert fingerprints(run(small, WEEKS[:2])) == before


def test_a_week_judges_all_that_it_came_to_know_of_entries_after_the_first_fit(small):
    """Of a system younger than a label too: the fits of all its weeks are read, not only those of the newest."""
    warehouse = run(small, WEEKS)
    judged = warehouse.table("judged_predictions").read(WEEKS[2], WEEKS[2]).filter(target="outperformance")
    known = warehouse.table("feature_outcomes").read(WEEKS[1] + timedelta(days=1), WEEKS[2])
    cases = known.filter(
        pl.col("is_selected")
        & pl.col("is_in_cross_section")
        & pl.col("forward_return").is_not_null()
        & (pl.col("horizon") == small.weekly.horizon)
        & (pl.col("entry_date") > WEEKS[0])
    )
    assert cases["entry_date"].min() < WEEKS[1]
    assert set(judged["decision_id"]) == set(cases["decision_id"])


def test_the_candidates_of_the_last_discovery_day_are_predicted_by_the_champions(small):
    warehouse = run(small, WEEKS)
    predicted = warehouse.table("candidate_predictions").read(WEEKS[-1], WEEKS[-1])
    discovered = warehouse.table("discovery_candidates").read(WEEKS[-1] - timedelta(days=4), WEEKS[-1])
    newest = discovered.filter(pl.col("is_selected") & (pl.col("known_on") == discovered["known_on"].max()))
    assert set(predicted["symbol"]) == set(newest["symbol"])
    champions = warehouse.table("prediction_models").read(WEEKS[-1], WEEKS[-1]).filter(pl.col("role") == "champion")
    for target in TARGETS:
        (model_id,) = predicted[f"{target}_model_id"].unique()
        row = champions.filter(pl.col("target") == target).row(0, named=True)
        assert (row["model_id"], row["kind"]) == (model_id, predicted[f"{target}_kind"][0])
        assert model_from(row["parameters"], model_id=model_id).target == target
    for name in ("success_probability", "outperformance_probability", "stop_out_probability"):
        assert predicted[name].is_between(0, 1).all()


def test_a_week_without_candidates_predicts_none(small):
    warehouse = run(small, WEEKS[-1:])
    days = [WEEKS[-1] - timedelta(days=back) for back in range(5)]
    table = warehouse.table("discovery_candidates")
    table.write(table.table.empty(), days)
    assert predict_candidates(warehouse, small, WEEKS[-1:]).is_empty()


def test_an_empty_data_directory_has_a_baseline_and_nothing_to_say(loaded):
    warehouse = run(loaded, WEEKS[-1:])
    models = warehouse.table("prediction_models").read(None, None)
    assert models.height == 3 * len(TARGETS)
    assert set(models.filter(pl.col("role") == "champion")["kind"]) == {"baseline"}
    assert warehouse.table("judged_predictions").read(None, None).is_empty()


def test_the_decision_about_weights_is_the_same_whatever_the_models_say(small):
    warehouse = run(small, WEEKS)
    table = warehouse.table("weight_decisions")
    before = table.fingerprint(None, None)
    said = warehouse.table("candidate_predictions")
    said.write(said.read(None, None).with_columns(success_probability=pl.lit(1.0)), WEEKS)
    decide_days(warehouse, small, DAYS)
    assert table.fingerprint(None, None) == before


def test_no_module_that_decides_or_publishes_names_a_table_of_the_models():
    package = Path(amc_learning.__file__).parent
    readers = [package / "stages" / f"{name}.py" for name in ("decide", "publish", "publish_documents", "cycle")]
    readers += [*(package / "learning" / "weights").glob("*.py"), *(package / "learning" / "corrections").glob("*.py")]
    named = re.compile("|".join([*TABLES, r"learning\.models", r"stages\.models"]))
    assert [path.name for path in readers if named.search(path.read_text(encoding="utf-8"))] == []
