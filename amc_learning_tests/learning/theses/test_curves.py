from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression
from statsmodels.stats.proportion import proportion_confint

from amc_learning.learning.theses.curves import TABLE, reliability_curves
from amc_learning.learning.theses.judged import MIN_THESES
from amc_learning_tests.learning.theses.simulated_theses import outcome_rows, simulated_outcomes, weekdays

NIGHT = date(2024, 3, 29)


def curves(outcomes, *, as_of=(NIGHT,), window_days=90):
    return reliability_curves(outcomes, as_of=as_of, window_days=window_days, horizon="7d")


@pytest.fixture(scope="module")
def outcomes():
    return simulated_outcomes(60, 12, seed=1)


def test_blocks_are_the_steps_of_scikit_learns_fit(outcomes):
    found = curves(outcomes, as_of=(date(2024, 3, 22),)).filter(group_kind="recommendation", group="TRIM")
    stated = outcomes.filter(
        pl.col("is_counted"),
        pl.col("is_right").is_not_null(),
        pl.col("confidence").is_not_null(),
        recommendation="TRIM",
    )
    confidence, is_right = stated["confidence"].to_numpy(), stated["is_right"].cast(float).to_numpy()
    fitted = IsotonicRegression().fit(confidence, is_right).predict(confidence)
    expected = (
        stated.with_columns(step=pl.Series(fitted).round(12))
        .group_by("step")
        .agg(
            confidence_low=pl.col("confidence").min(),
            confidence_high=pl.col("confidence").max(),
            n_theses=pl.len().cast(pl.Int64),
            n_right=pl.col("is_right").sum().cast(pl.Int64),
        )
        .sort("step")
    )
    assert found.select(expected.columns[1:]).equals(expected.drop("step"))
    assert found["calibrated_confidence"].to_list() == pytest.approx(expected["step"].to_list(), abs=1e-12)
    assert found["block"].to_list() == list(range(expected.height)) and expected.height > 3


def test_intervals_equal_statsmodels_per_block(outcomes):
    found = curves(outcomes)
    low, high = proportion_confint(found["n_right"].to_numpy(), found["n_theses"].to_numpy(), method="wilson")
    assert found["ci_low"].to_numpy() == pytest.approx(low, abs=1e-12)
    assert found["ci_high"].to_numpy() == pytest.approx(high, abs=1e-12)


def test_every_group_is_drawn_and_parts_add_up(outcomes):
    found = curves(outcomes)
    totals = found.group_by("group_kind").agg(pl.col("n_theses", "n_right").sum())
    assert found.schema == TABLE.schema
    assert totals.height == 3 and totals["n_theses"].n_unique() == totals["n_right"].n_unique() == 1


def test_a_group_with_too_few_theses_is_not_drawn():
    rows = [{"source": "rule_based" if place == 0 else "ai"} for place in range(MIN_THESES)]
    assert set(curves(outcome_rows(rows))["group"]) == {"all", "BUY_MORE"}
    assert curves(outcome_rows(rows[1:])).is_empty()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 59), st.integers(0, 99))
def test_a_night_equals_its_part_of_the_range_to_the_last_bit(place, seed):
    outcomes, days = simulated_outcomes(60, 8, seed=3), weekdays(60)
    whole = curves(outcomes, as_of=days, window_days=40)
    in_window = (pl.col("known_on") <= days[place]) & (pl.col("known_on") > days[place] - pl.duration(days=40))
    shuffled = outcomes.filter(in_window).sample(fraction=1, shuffle=True, seed=seed)
    assert curves(shuffled, as_of=[days[place]], window_days=40).equals(whole.filter(known_on=days[place]))
