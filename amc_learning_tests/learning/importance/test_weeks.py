"""Table feature_importance over weeks: what it says, and that nothing but its inputs decides it."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from amc_learning.contracts.tables import catalogue
from amc_learning.learning.importance import feature_importance
from amc_learning.learning.inference import false_discovery_adjusted, mean_inference
from amc_learning_tests.learning.importance.worlds import COMPONENTS, RULES, WEEKS, outcomes


def of(rows, component, horizon="1d"):
    return rows.filter(component=component, horizon=horizon).row(-1, named=True)


@pytest.fixture(scope="module")
def joined():
    return outcomes()


@pytest.fixture(scope="module")
def weekly(joined):
    return feature_importance(joined, None, weeks=WEEKS, rules=RULES)


def test_the_component_that_orders_returns_is_beyond_noise_and_the_other_is_not(weekly):
    useful, useless = of(weekly, "useful"), of(weekly, "useless")
    assert useful["rank"] == 1
    assert useful["is_beyond_noise"]
    assert useful["importance_ci_low"] > useful["noise_importance_ci_high"]
    assert not useless["is_beyond_noise"]
    assert useless["evidence"] == "sufficient"
    # The model rests on one component: without it, refitted or shuffled, nearly nothing of its order is left.
    assert useful["importance"] == pytest.approx(useful["model_information_coefficient"], abs=0.03)
    assert useful["refit_loss"] == pytest.approx(useful["model_information_coefficient"], abs=0.05)


def test_rows_are_those_of_the_declaration_one_per_week_horizon_and_component(weekly):
    assert weekly.schema == catalogue(COMPONENTS)["feature_importance"].schema
    assert weekly.select("known_on", "component").rows() == [(week, name) for week in WEEKS for name in COMPONENTS]


def test_weeks_one_by_one_say_what_the_range_says(joined, weekly):
    previous, rows = None, []
    for week in WEEKS:
        known = joined.filter(pl.col("known_on") <= week)
        previous = feature_importance(known, previous, weeks=[week], rules=RULES)
        rows.append(previous)
    assert pl.concat(rows).equals(weekly)


def test_the_order_of_rows_and_what_is_known_later_change_nothing(joined, weekly):
    first = weekly.filter(known_on=WEEKS[0])
    shuffled = joined.sample(fraction=1, shuffle=True, seed=3)
    assert feature_importance(shuffled, None, weeks=WEEKS[:1], rules=RULES).equals(first)


def test_a_label_that_becomes_known_after_the_week_is_no_part_of_it(joined):
    last_day = joined["entry_date"] == WEEKS[0]
    late = joined.with_columns(
        known_on=pl.when(last_day & (pl.col("symbol") == "S00")).then(WEEKS[1]).otherwise("known_on")
    )
    early = joined.filter(~(last_day & (pl.col("symbol") == "S00")))
    one, other = (feature_importance(rows, None, weeks=WEEKS[:1], rules=RULES) for rows in (late, early))
    assert one.equals(other)


def test_an_increasing_rescaling_of_scores_or_of_the_returns_of_a_day_changes_nothing(joined, weekly):
    rescaled = joined.with_columns(
        useful=pl.col("useful").sqrt(),
        forward_return=pl.col("forward_return") * pl.col("entry_date").dt.day() + pl.col("entry_date").dt.month(),
    )
    found = feature_importance(rescaled, None, weeks=WEEKS[:1], rules=RULES)
    assert found.equals(weekly.filter(known_on=WEEKS[0]))


def test_the_coefficient_beside_it_is_the_mean_of_the_daily_ones(joined, weekly):
    window = joined.filter(pl.col("known_on").is_between(WEEKS[-1] - timedelta(days=299), WEEKS[-1]))
    daily = window.group_by("entry_date").agg(pl.corr("useful", "forward_return", method="spearman")).sort("entry_date")
    expected = mean_inference(daily["useful"].to_numpy(), overlap_sessions=1)
    row = of(weekly, "useful")
    assert row["mean_information_coefficient"] == pytest.approx(expected.estimate, abs=1e-9)
    assert row["mean_information_coefficient_ci_low"] == pytest.approx(expected.ci_low, abs=1e-9)
    assert (row["n_days"], row["n_scored_days"], row["n_pairs"]) == (expected.n, expected.n, window.height)


def test_change_is_against_the_week_before_and_without_one_there_is_none(weekly):
    first, second = (weekly.filter(known_on=week) for week in WEEKS[:2])
    assert first["previous_week"].null_count() == first.height
    assert second["previous_week"].to_list() == [WEEKS[0]] * 2
    expected = (second["importance"] - first["importance"]).to_list()
    assert second["change"].to_list() == pytest.approx(expected, abs=1e-9)
    assert not second["is_change_beyond_noise"].any()


def test_another_window_is_not_compared_with(joined, weekly):
    longer = replace(RULES, window_days=280)
    found = feature_importance(joined, weekly.filter(known_on=WEEKS[0]), weeks=WEEKS[1:2], rules=longer)
    assert found["previous_week"].null_count() == found.height


def test_an_effect_that_ends_for_good_is_a_change_beyond_noise(joined):
    stopped = pl.concat([joined.filter(pl.col("known_on") <= WEEKS[0]), outcomes(effect=0.0, seed=8)])
    later = WEEKS[0] + timedelta(weeks=1)
    shifted = stopped.with_columns(moved=pl.int_range(pl.len()) >= joined.filter(pl.col("known_on") <= WEEKS[0]).height)
    renewed = shifted.with_columns(
        pl.when("moved").then(pl.col(name).dt.offset_by("371d")).otherwise(name) for name in ("known_on", "entry_date")
    )
    before = feature_importance(renewed, None, weeks=[WEEKS[0]], rules=RULES)
    after = feature_importance(renewed, before, weeks=[later + timedelta(weeks=52)], rules=RULES)
    assert of(after, "useful")["is_change_beyond_noise"]
    assert of(after, "useful")["change"] < 0


def test_q_values_are_one_family_over_components_and_horizons(joined):
    both = pl.concat([joined, outcomes(seed=6, effect=0.1, horizon="7d")])
    rules = replace(RULES, horizons={"1d": 1, "7d": 5})
    rows = feature_importance(both, None, weeks=WEEKS[:1], rules=rules)
    assert rows["q_value"].to_numpy() == pytest.approx(false_discovery_adjusted(rows["p_value"].to_numpy()))
    assert rows["is_beyond_noise"].to_list() == (rows["q_value"] < 0.05).to_list()


def test_too_few_days_and_no_days_are_counted_not_estimated(joined):
    rules = replace(RULES, horizons={"1d": 1, "7d": 5}, window_days=100)
    rows = feature_importance(joined, None, weeks=WEEKS[:1], rules=rules)
    assert set(rows["evidence"]) == {"insufficient_days"}
    assert rows["importance"].null_count() == rows["is_beyond_noise"].null_count() == rows.height
    assert of(rows, "useful")["n_days"] == 72  # knowledge days of 100 calendar days that end on a Friday
    assert of(rows, "useful", "7d")["n_days"] == 0
    assert of(rows, "useful", "7d")["tested_from"] is None


def test_a_constant_component_has_no_contrast_and_no_rank(joined):
    rows = feature_importance(joined.with_columns(useless=50.0), None, weeks=WEEKS[:1], rules=RULES)
    row = of(rows, "useless")
    assert row["evidence"] == "no_contrast"
    assert (row["rank"], row["p_value"], row["is_beyond_noise"]) == (None, None, None)


def test_a_component_never_scored_has_no_contrast_and_one_rarely_scored_is_measured_with_its_share(joined):
    unscored = joined.with_columns(useless=pl.lit(None, pl.Float64))
    assert of(feature_importance(unscored, None, weeks=WEEKS[:1], rules=RULES), "useless")["evidence"] == "no_contrast"
    rarely = pl.when(pl.col("symbol") == "S03").then("useless")
    row = of(feature_importance(joined.with_columns(useless=rarely), None, weeks=WEEKS[:1], rules=RULES), "useless")
    assert row["share_scored"] == pytest.approx(1 / 12)
    assert row["evidence"] == "sufficient"
    assert (row["n_scored_days"], row["mean_information_coefficient"]) == (0, None)


def test_of_two_copies_each_alone_looks_smaller_than_both_together(joined):
    generator = np.random.default_rng(2)
    twin = joined.with_columns(useless=pl.col("useful") + pl.Series(generator.normal(0, 10, joined.height)))
    rows = feature_importance(twin, None, weeks=WEEKS[:1], rules=RULES)
    useful, copy = of(rows, "useful"), of(rows, "useless")
    assert (useful["correlated_with"], copy["correlated_with"]) == ("useless", "useful")
    assert useful["group_importance"] == copy["group_importance"] > useful["importance"]
    # The copy steps in for what is left out, so that a refit loses little of what the two carry.
    assert useful["refit_loss"] < useful["group_importance"] / 2


def test_components_apart_are_in_no_group(weekly):
    assert weekly["correlated_with"].null_count() == weekly["group_importance"].null_count() == weekly.height


def test_no_week_is_an_empty_table(joined):
    assert feature_importance(joined, None, weeks=[], rules=RULES).is_empty()
