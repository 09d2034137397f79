"""A week of models: nothing is judged by a fit that saw it, evidence adds up, every week comes out the same again."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from amc_learning.contracts.declared.models import TARGETS
from amc_learning.contracts.knowledge_days import week_end
from amc_learning.contracts.tables import catalogue
from amc_learning.learning.models.cases import Cases
from amc_learning.learning.models.fitting import fit_models
from amc_learning.learning.models.record import new_record
from amc_learning.learning.models.retraining import retrain
from amc_learning_tests.learning.models.worlds import RULES, known_by, planted_cases

TABLES = catalogue(RULES.components)
N_WEEKS = 4


def every_target(cases):
    """One target's cases, and none of the others."""
    none = cases.rows(np.zeros(len(cases), dtype=bool))
    return {
        target: cases
        if target == cases.target
        else Cases(target, none.decision_ids, none.entry_dates, none.matured_dates, none.truth, none.features)
        for target in TARGETS
    }


def run(cases, weeks, *, rules=RULES, before=None):
    """Week by week, each from what the weeks before it wrote."""
    models, record = before or (TABLES["prediction_models"].empty(), TABLES["judged_predictions"].empty())
    for week in weeks:
        found = retrain(every_target(known_by(cases, week)), models, record, week=week, rules=rules)
        models, record = pl.concat([models, found.models]), pl.concat([record, found.record])
    return models.filter(pl.col("target") == cases.target), record


def last_weeks(cases):
    last = week_end(max(cases.matured_dates)) - timedelta(weeks=1)
    return [last - timedelta(weeks=back) for back in reversed(range(N_WEEKS))]


@pytest.fixture(scope="module")
def planted():
    return planted_cases(11, strength=1.2)[0]


@pytest.fixture(scope="module")
def ran(planted):
    return run(planted, last_weeks(planted))


def test_a_planted_better_kind_is_promoted_in_the_first_week_and_stays(ran):
    models, _ = ran
    champions = models.filter(pl.col("role") == "champion").sort("known_on")
    assert champions["decision"].to_list() == ["promoted"] + ["kept"] * (N_WEEKS - 1)
    assert champions["kind"].n_unique() == 1
    assert champions["kind"][0] != "baseline"
    assert champions["champion_since"].unique().to_list() == [champions["known_on"][0]]
    assert champions["reason"][0].startswith("promoted: ")


def test_on_noise_the_baseline_predicts(planted):
    noise = planted_cases(12, strength=0.0)[0]
    models, _ = run(noise, last_weeks(noise)[:1])
    assert models.filter(pl.col("role") == "champion").select("kind", "decision").row(0) == ("baseline", "first")


def test_every_prediction_is_judged_once(ran):
    _, record = ran
    assert not record.select("target", "decision_id").is_duplicated().any()


def test_each_later_week_adds_what_it_came_to_know_since_its_last_fit(ran, planted):
    models, record = ran
    weeks = models["known_on"].unique().sort().to_list()
    for before, week in pairwise(weeks):
        added = record.filter(pl.col("known_on") == week)
        matured = planted.rows(((planted.matured_dates > before) & (planted.matured_dates <= week)).to_numpy())
        # Of these, what was entered before the first fit was stored is predicted by nobody.
        assert set(added["decision_id"]) == set(matured.decision_ids.filter(matured.entry_dates > weeks[0]))
        (n_new,) = models.filter(pl.col("known_on") == week)["n_new_days"].unique()
        assert n_new == added["entry_date"].n_unique()


def test_nothing_is_judged_by_a_fit_that_knew_anything_from_its_entry_on():
    """Turning every truth that became known from an entry on around changes no prediction of that entry."""
    cases = planted_cases(14, n_days=260, n_names=20, strength=1.2)[0]
    weeks = last_weeks(cases)[:2]
    _, record = run(cases, weeks)
    for week, days in ((weeks[0], 1), (weeks[1], 2)):
        day = record.filter(pl.col("known_on") == week)["entry_date"].unique().sort()[-1]
        turned = replace(cases, truth=np.where((cases.matured_dates >= day).to_numpy(), 1 - cases.truth, cases.truth))
        _, changed = run(turned, weeks[:days])
        columns = ["decision_id", "baseline", "linear", "boosted"]
        before, after = (rows.filter(pl.col("entry_date") == day).select(columns) for rows in (record, changed))
        assert before.height
        assert before.equals(after)


def test_a_week_run_again_gives_the_same_rows(ran, planted):
    models, record = ran
    week = models["known_on"].max()
    again = retrain(
        every_target(known_by(planted, week)),
        models.filter(pl.col("known_on") < week),
        record.filter(pl.col("known_on") < week),
        week=week,
        rules=RULES,
    )
    assert again.models.filter(pl.col("target") == planted.target).equals(models.filter(pl.col("known_on") == week))


def test_a_first_week_run_after_a_later_one_takes_no_evidence_from_the_weeks_after_both():
    cases = planted_cases(12, strength=0.0, n_days=260, n_names=20)[0]
    weeks = last_weeks(cases)[:3]
    told = []
    for order in ((0, 1, 2), (1, 0, 2)):
        models, record = TABLES["prediction_models"].empty(), TABLES["judged_predictions"].empty()
        for week in (weeks[at] for at in order):
            is_earlier = pl.col("known_on") < week
            found, added = run(cases, [week], before=(models.filter(is_earlier), record.filter(is_earlier)))
            models = pl.concat([models, found.filter(pl.col("known_on") == week)])
            record = pl.concat([record, added.filter(pl.col("known_on") == week)]).sort("known_on")
        newest = models.filter(pl.col("known_on") == weeks[2], pl.col("role") == "challenger").sort("kind")
        assert newest["champion_since"].to_list() == [None, None]
        told.append(newest["reason"].str.extract(r"over (\d+) days", 1).to_list())
    # Late, the first week adds its record, and the second has made the one it needed of the same days.
    assert told[0] == told[1]


def test_the_order_of_rows_changes_nothing(planted):
    """Cases are sorted before they are fitted; a record in another order is the same record."""
    week = last_weeks(planted)[0]
    models, record = run(planted, [week])
    later = week + timedelta(weeks=1)
    cases = every_target(known_by(planted, later))
    there = retrain(cases, models, record, week=later, rules=RULES)
    back = retrain(cases, models.reverse(), record.reverse(), week=later, rules=RULES)
    assert there.models.equals(back.models)
    assert there.record.equals(back.record)


def test_labels_open_at_a_decision_are_no_evidence_after_it(ran, planted):
    """They share sessions with what it was decided on; of a first look as of a promotion."""
    noise = planted_cases(12, strength=0.0)[0]
    weeks = last_weeks(planted)
    for cases, written in ((planted, ran), (noise, run(noise, weeks[:2]))):
        models, record = (rows.filter(pl.col("known_on") < weeks[2]) for rows in written)
        late = record.filter(pl.col("known_on") == weeks[1]).with_columns(
            pl.col("decision_id") + "/open", entry_date=pl.lit(weeks[0]), truth=1 - pl.col("truth")
        )
        assert late.height
        there, here = (
            retrain(every_target(known_by(cases, weeks[2])), models, rows, week=weeks[2], rules=RULES).models
            for rows in (record, pl.concat([record, late]))
        )
        told = ["target", "kind", "difference", "e_value", "decision"]
        assert there.select(told).equals(here.select(told))


def test_a_reign_begins_with_days_entered_after_its_promotion(ran):
    models, _ = ran
    weeks = models["known_on"].unique().sort().to_list()
    counted = models.filter((pl.col("known_on") == weeks[1]) & (pl.col("role") == "challenger"))
    assert counted["e_value"].max() < 40
    assert counted["reason"].str.contains("no day yet|over [0-9]{1,2} days").all()


def test_the_card_says_what_was_seen_what_was_judged_and_what_it_does_not_say(ran, planted):
    models, record = ran
    row = models.filter((pl.col("known_on") == models["known_on"].max()) & (pl.col("kind") == "linear")).row(
        0, named=True
    )
    seen = known_by(planted, row["known_on"])
    assert (row["n_cases"], row["n_positive"]) == (len(seen), int(seen.truth.sum()))
    assert (row["trained_from"], row["trained_to"]) == (min(seen.entry_dates), max(seen.entry_dates))
    assert row["n_scored"] == record.height
    assert row["area_under_curve_ci_low"] < row["area_under_curve"] < row["area_under_curve_ci_high"]
    assert row["brier_score"] == pytest.approx(
        row["miscalibration"] - row["discrimination"] + row["uncertainty"], abs=1e-8
    )
    assert '"group": "volatility"' in row["importance"]
    assert "has predicted nothing yet" in row["limits"]


def test_probabilities_come_true_as_often_as_they_say(ran):
    models, _ = ran
    for row in models.filter(pl.col("kind") != "baseline").iter_rows(named=True):
        assert row["miscalibration"] < 0.15 * row["discrimination"]


def test_a_kind_may_not_be_judged_before_it_has_days(planted):
    few = planted.rows(np.arange(100 * 30))
    models, record = run(few, [week_end(max(few.matured_dates))])
    assert record.is_empty()
    assert models.filter(pl.col("role") == "champion")["decision"].to_list() == ["first"]
    assert models["n_scored"].to_list() == [0, 0, 0]


def test_how_many_days_judging_takes_is_said_until_there_are_as_many(planted):
    """150 to fit on and twelve labels of five sessions; a window that never holds them would wait in silence."""
    few = planted.rows(np.arange(180 * 30))
    models, record = run(few, [week_end(max(few.matured_dates))])
    assert record.is_empty()
    (reason,) = models.filter(kind="linear")["reason"]
    assert reason.endswith("candidates of 180 days are known, judging takes 210")


def test_a_system_that_starts_small_is_judged_once_it_has_days_enough_and_every_day_counts_once():
    """The record begins in the week that has 150 days to fit on and 60, twelve labels of five sessions, to judge."""
    cases = planted_cases(13, n_days=240, n_names=20, strength=1.5)[0]
    days = sorted(set(cases.entry_dates))
    weeks = [week_end(days[at]) for at in (60, 205, 220, 230)]
    models, record = run(cases, weeks)
    assert record["known_on"].unique().sort().to_list() == weeks[2:]
    champions = models.filter(pl.col("role") == "champion").sort("known_on")
    assert champions["decision"].to_list()[:2] == ["first", "kept"]
    assert "a model takes 120" in models.filter(pl.col("kind") == "linear").sort("known_on")["reason"][0]
    assert not record["decision_id"].is_duplicated().any()


def test_models_of_another_feature_set_are_not_asked(ran, planted):
    models, record = ran
    week = models["known_on"].max()
    since = week - timedelta(weeks=1)
    earlier = models.filter(pl.col("known_on") < week)
    renamed = replace(RULES, components=("squeeze", "technical", "mood"))
    same = new_record(known_by(planted, week), earlier, week=week, since=since, rules=RULES)
    assert same.height == record.filter(pl.col("known_on") == week).height > 0
    assert new_record(known_by(planted, week), earlier, week=week, since=since, rules=renamed).is_empty()


def test_another_horizon_is_another_truth_with_a_record_and_a_champion_of_its_own(ran, planted):
    weeks, longer = last_weeks(planted), replace(RULES, stop_horizon="14d", stop_overlap_sessions=10)
    other = planted_cases(15, strength=0.0, rules=longer)[0]
    models, record = run(
        other, weeks[-1:], rules=longer, before=tuple(rows.filter(pl.col("known_on") < weeks[-1]) for rows in ran)
    )
    newest = models.filter(pl.col("known_on") == weeks[-1])
    assert set(newest["horizon"]) == {"14d"}
    assert newest["n_scored"].unique().to_list() == [record.filter(horizon="14d").height]
    # Seed 11 had promoted a model at the other horizon; of this truth nothing is known yet but noise.
    assert newest.filter(role="champion").select("kind", "decision").row(0) == ("baseline", "first")


def test_inner_choices_use_no_case_outside_the_training_set(planted):
    some = known_by(planted, last_weeks(planted)[0])
    assert fit_models(some, rules=RULES).holdout.cases.matured_dates.max() <= last_weeks(planted)[0]
