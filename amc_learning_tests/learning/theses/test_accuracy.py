from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from amc_learning.learning.theses.accuracy import TABLE, effective_theses, thesis_accuracy
from amc_learning.learning.theses.judged import MIN_THESES
from amc_learning.learning.theses.reliability import reliability
from amc_learning_tests.learning.theses.simulated_theses import outcome_rows, simulated_outcomes, weekdays

HORIZONS = {"7d": 5}
NIGHT = date(2024, 3, 29)


def accuracy(outcomes, *, as_of=(NIGHT,), window_days=90, horizons=HORIZONS):
    return thesis_accuracy(outcomes, as_of=as_of, window_days=window_days, horizons=horizons)


def overall(outcomes, **options):
    return accuracy(outcomes, **options).filter(group_kind="overall").row(0, named=True)


@pytest.fixture(scope="module")
def outcomes():
    return simulated_outcomes(60, 12, seed=1)


def test_every_group_is_counted_as_by_hand(outcomes):
    found = accuracy(outcomes, as_of=(date(2024, 3, 22),))
    judged = outcomes.filter(pl.col("is_counted"), pl.col("is_right").is_not_null())
    labels = {
        "overall": pl.lit("all"),
        "recommendation": pl.col("recommendation"),
        "source": pl.col("source"),
        "regime": pl.col("market_regime").fill_null("unknown"),
        "source_recommendation": pl.col("source") + "/" + pl.col("recommendation"),
    }
    expected = pl.concat(
        judged.group_by(group_kind=pl.lit(kind), group=label).agg(
            n_days=pl.col("known_on").n_unique().cast(pl.Int64),
            n_theses=pl.len().cast(pl.Int64),
            n_right=pl.col("is_right").sum().cast(pl.Int64),
            n_with_confidence=pl.col("confidence").count().cast(pl.Int64),
        )
        for kind, label in labels.items()
    ).sort("group_kind", "group")
    assert found.select(expected.columns).equals(expected)
    assert found.schema == TABLE.schema
    assert found["group"].n_unique() == 1 + 4 + 2 + 3 + 8


def test_numbers_are_those_of_the_statistics_of_one_set(outcomes):
    found = accuracy(outcomes, as_of=(date(2024, 3, 22),)).filter(group_kind="source", group="ai").row(0, named=True)
    judged = outcomes.filter(pl.col("is_counted"), pl.col("is_right").is_not_null(), source="ai")
    stated = judged.drop_nulls("confidence")
    theirs = reliability(stated["confidence"].to_numpy(), stated["is_right"].to_numpy())
    for name in ("brier_score", "miscalibration", "discrimination", "uncertainty", "expected_calibration_error"):
        assert found[name] == getattr(theirs, name).item()
    assert found["accuracy"] == pytest.approx(judged["is_right"].mean())
    assert found["confidence_multiplier"] == pytest.approx(stated["is_right"].mean() / stated["confidence"].mean())
    low, high = proportion_confint(judged["is_right"].sum(), judged.height, method="wilson")
    assert (found["ci_low"], found["ci_high"]) == pytest.approx((low, high), abs=1e-12)
    assert found["evidence"] == "sufficient"


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 59), st.integers(0, 99))
def test_a_night_equals_its_part_of_the_range_to_the_last_bit(place, seed):
    outcomes, days = simulated_outcomes(60, 8, seed=3), weekdays(60)
    whole = accuracy(outcomes, as_of=days, window_days=40)
    in_window = pl.col("known_on").is_between(days[place], days[place], closed="both") | (
        (pl.col("known_on") <= days[place]) & (pl.col("known_on") > days[place] - pl.duration(days=40))
    )
    alone = accuracy(
        outcomes.filter(in_window).sample(fraction=1, shuffle=True, seed=seed), as_of=[days[place]], window_days=40
    )
    assert alone.equals(whole.filter(known_on=days[place]))


def test_the_window_is_open_at_its_start_and_closed_at_its_end():
    days = weekdays(8)
    outcomes = outcome_rows([{"known_on": day} for day in days])
    # 10 January less 7 days is 3 January, which is out: 4, 5, 8, 9 and 10 January are in.
    assert overall(outcomes, as_of=(date(2024, 1, 10),), window_days=7)["n_theses"] == 5


def test_only_counted_and_judged_theses_of_the_horizon_enter():
    rows = [{}, {"is_counted": False}, {"is_right": None}, {"horizon": "1d"}, {"is_right": False}]
    found = overall(outcome_rows(rows))
    assert (found["n_theses"], found["n_right"], found["accuracy"]) == (2, 1, 0.5)


def test_accuracy_needs_no_confidence_but_calibration_does():
    enough = [{"confidence": 0.5, "is_right": place < 15} for place in range(MIN_THESES)]
    silent = [{"confidence": None, "is_right": False}] * 10
    found = overall(outcome_rows([*enough, *silent]))
    assert (found["n_theses"], found["n_with_confidence"], found["accuracy"]) == (30, 20, 0.5)
    # Of those with a confidence 15 of 20 were right: 0.75 over 0.5.
    assert found["confidence_multiplier"] == pytest.approx(1.5)


def test_too_few_theses_are_counted_not_calibrated():
    found = overall(outcome_rows([{"is_right": place % 2 == 0} for place in range(MIN_THESES - 1)]))
    assert (found["evidence"], found["n_theses"], found["n_right"]) == ("insufficient_evidence", 19, 10)
    assert found["accuracy"] == pytest.approx(10 / 19) and found["ci_low"] < 10 / 19 < found["ci_high"]
    assert found["confidence_multiplier"] is None and found["brier_score"] is None and found["miscalibration"] is None


def test_a_night_without_theses_still_reports_what_is_always_asked_for():
    found = accuracy(outcome_rows([]))
    assert found["group"].to_list() == ["all", "BUY_MORE", "HOLD", "LIQUIDATE", "TRIM", "ai", "rule_based"]
    assert set(found["evidence"]) == {"insufficient_evidence"} and set(found["n_theses"]) == {0}
    assert found["accuracy"].null_count() == found["ci_low"].null_count() == found["mean_confidence"].null_count() == 7


@pytest.mark.parametrize(
    ("confidence", "n_right", "multiplier"), [(0.9, 0, 0.5), (0.2, 20, 2.0), (0.0, 5, 2.0), (0.0, 0, None)]
)
def test_the_multiplier_is_clamped_and_null_where_it_has_no_meaning(confidence, n_right, multiplier):
    rows = [{"confidence": confidence, "is_right": place < n_right} for place in range(20)]
    assert overall(outcome_rows(rows))["confidence_multiplier"] == multiplier


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 5))
def test_no_table_holds_nan(seed):
    found = accuracy(simulated_outcomes(3, 4, seed=seed), horizons={"1d": 1, "7d": 5, "30d": 21})
    floats = [name for name, dtype in found.schema.items() if dtype == pl.Float64]
    assert not found.select(pl.any_horizontal(pl.col(floats).is_nan().fill_null(False)).any()).item()


def test_days_that_stand_or_fall_together_are_worth_one_thesis_each():
    # 10 theses a day, all right or all wrong by the toss of a coin: 400 days are worth about 400 theses.
    coin = np.random.default_rng(7).integers(0, 2, 400)
    n, _ = effective_theses(np.full(400, 10), 10 * coin, sessions=1)
    assert n == pytest.approx(400, rel=0.35)


def test_independent_theses_are_worth_about_what_they_are():
    generator = np.random.default_rng(8)
    found = [effective_theses(np.full(400, 10), generator.binomial(10, 0.3, 400), sessions=1)[0] for _ in range(30)]
    assert 3_200 < np.median(found) <= 4_000


def test_days_that_balance_each_other_are_never_worth_more_than_the_theses_they_hold():
    # 4 or 6 of 10 right in turn: the accuracy is steadier than 400 tosses of a coin would be.
    n, _ = effective_theses(np.full(40, 10), np.tile([4, 6], 20), sessions=1)
    assert n == 400


@pytest.mark.parametrize(
    ("daily_n", "daily_right", "sessions"),
    [
        (np.full(19, 10), np.arange(19) % 10, 1),  # under 20 days
        (np.full(29, 10), np.arange(29) % 10, 5),  # under 6 overlaps
        (np.full(60, 10), np.full(60, 10), 1),  # all right
        (np.full(60, 10), np.full(60, 4), 1),  # nothing varies
        (np.zeros(60, dtype=np.int64), np.zeros(60, dtype=np.int64), 1),
    ],
)
def test_days_that_do_not_carry_it_give_no_effective_count(daily_n, daily_right, sessions):
    n, freedom = effective_theses(daily_n, daily_right, sessions=sessions)
    assert np.isnan(n) and freedom == 0


def test_the_clustered_interval_covers_where_the_plain_one_does_not():
    # Each day's luck moves the share of 10 theses; a 5-session label averages 5 days' luck: neighbours share 4.
    generator, n_simulations, covered, plainly_covered = np.random.default_rng(9), 400, 0, 0
    for _ in range(n_simulations):
        luck = np.convolve(generator.normal(size=66), np.ones(5) / np.sqrt(5), mode="valid")
        right = generator.binomial(10, np.clip(0.4 + 0.12 * luck, 0, 1))
        rows = pl.DataFrame({"known_on": weekdays(62), "right": right}).with_columns(n=10)
        n, freedom = effective_theses(rows["n"].to_numpy(), rows["right"].to_numpy(), sessions=5)
        low, high = _student_interval(right.sum() / 620, n, freedom)
        covered += low <= 0.4 <= high
        plain_low, plain_high = proportion_confint(right.sum(), 620, method="wilson")
        plainly_covered += plain_low <= 0.4 <= plain_high
    assert covered / n_simulations > 0.90
    assert plainly_covered / n_simulations < 0.75


def _student_interval(share, n, freedom):
    from scipy.stats import t  # noqa: PLC0415

    quantile = t.ppf(0.975, freedom)
    # The score equation solved as a quadratic in p: (share - p)^2 = quantile^2 p (1 - p) / n.
    a, b, c = 1 + quantile**2 / n, -(2 * share + quantile**2 / n), share**2
    root = np.sqrt(b * b - 4 * a * c)
    return (-b - root) / (2 * a), (-b + root) / (2 * a)


def test_the_tables_clustered_interval_solves_the_score_equation_at_the_effective_count(outcomes):
    found = overall(outcomes, as_of=(date(2024, 3, 22),))
    judged = outcomes.filter(pl.col("is_counted"), pl.col("is_right").is_not_null())
    daily = (
        judged.group_by("known_on")
        .agg(n=pl.len().cast(pl.Int64), right=pl.col("is_right").sum().cast(pl.Int64))
        .sort("known_on")
    )
    n, freedom = effective_theses(daily["n"].to_numpy(), daily["right"].to_numpy(), sessions=5)
    assert found["n_effective"] == pytest.approx(n)
    low, high = _student_interval(found["accuracy"], n, freedom)
    assert (found["clustered_ci_low"], found["clustered_ci_high"]) == pytest.approx((low, high), abs=1e-12)
