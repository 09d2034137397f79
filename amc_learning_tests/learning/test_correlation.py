from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from scipy.stats import false_discovery_control

from amc_learning.contracts.tables import catalogue
from amc_learning.learning.correlation import correlation_tables
from amc_learning.learning.inference import mean_inference
from amc_learning_tests.learning.simulated_statistics import keyed, simulated_statistics, statistics_frame, weekdays

FEATURES = ("squeeze", "technical", "total_score")
HORIZONS = {"1d": 1, "7d": 5}
NIGHTS = weekdays(70)[45:]


def tables(statistics, as_of=NIGHTS, window_days=60, horizons=HORIZONS):
    return correlation_tables(statistics, as_of=as_of, window_days=window_days, horizons=horizons, features=FEATURES)


def one(table, **key):
    return table.filter(**key).row(0, named=True)


def test_the_table_is_as_declared_sorted_and_free_of_nan():
    declared = catalogue(())["correlation_table"]
    table = tables(simulated_statistics())
    assert table.schema == declared.schema
    assert_frame_equal(table, table.sort("known_on", *declared.key))
    assert table.select("known_on", *declared.key).is_duplicated().sum() == 0
    assert table.height == len(NIGHTS) * 2 * len(HORIZONS) * len(FEATURES)
    assert not any(table[name].is_nan().any() for name in table.columns if table.schema[name] == pl.Float64)
    assert not table["quantile_mean_return"].explode().is_nan().any()


def test_a_row_equals_the_window_read_by_hand():
    statistics, night = simulated_statistics(step=0.02), NIGHTS[10]
    rows = statistics.filter(
        pl.col("known_on").is_between(night - timedelta(days=59), night),
        horizon="7d",
        population="selected",
        feature="technical",
    ).sort("known_on")
    found = one(tables(statistics), known_on=night, horizon="7d", population="selected", feature="technical")
    coefficients = rows["information_coefficient"].to_numpy()
    inferred = mean_inference(coefficients, overlap_sessions=5)
    assert (found["n_days"], found["n_days_excluded"], found["n_pairs"]) == (rows.height, 0, rows["n_pairs"].sum())
    assert found["mean_information_coefficient"] == pytest.approx(coefficients.mean())
    assert (found["ci_low"], found["ci_high"], found["p_value"]) == (
        inferred.ci_low,
        inferred.ci_high,
        inferred.p_value,
    )
    assert found["information_ratio"] == pytest.approx(coefficients.mean() / coefficients.std(ddof=1))
    assert found["share_positive_days"] == pytest.approx((coefficients > 0).mean())
    assert found["mean_area_under_curve"] == pytest.approx(rows["area_under_curve"].mean())
    assert found["n_auc_days"] == rows["area_under_curve"].count()
    counts, sums = (rows[name].to_numpy().sum(axis=0) for name in ("quantile_n", "quantile_sum_return_micro"))
    assert found["quantile_mean_return"] == pytest.approx((sums / counts / 1e6).tolist())
    assert found["top_bottom_spread"] == pytest.approx((sums[-1] / counts[-1] - sums[0] / counts[0]) / 1e6)


def test_q_values_adjust_over_all_features_and_horizons_of_one_night_and_population():
    table = tables(simulated_statistics(step=0.01)).filter(known_on=NIGHTS[3], population="universe")
    assert table["q_value"].to_list() == pytest.approx(false_discovery_control(table["p_value"].to_list(), method="by"))


@pytest.mark.parametrize("night", [NIGHTS[0], NIGHTS[7], NIGHTS[-1]])
def test_a_night_alone_with_only_its_window_equals_the_night_in_a_range(night):
    statistics = simulated_statistics(step=0.01)
    is_in_window = pl.col("known_on").is_between(night - timedelta(days=59), night)
    shuffled = statistics.filter(is_in_window).sample(fraction=1.0, shuffle=True, seed=2)
    assert tables(shuffled, as_of=[night]).equals(tables(statistics).filter(known_on=night))


def test_what_becomes_known_later_changes_nothing():
    statistics, night = simulated_statistics(), NIGHTS[4]
    other_future = statistics.with_columns(
        pl.when(pl.col("known_on") > night)
        .then(-0.9)
        .otherwise("information_coefficient")
        .alias("information_coefficient")
    )
    assert tables(other_future, as_of=[night]).equals(tables(statistics, as_of=[night]))


def test_renaming_the_features_renames_the_rows_and_nothing_else():
    statistics = simulated_statistics(step=0.01)
    swap = {"squeeze": "technical", "technical": "squeeze"}
    swapped = tables(statistics.with_columns(pl.col("feature").replace(swap)))
    expected = tables(statistics).with_columns(pl.col("feature").replace(swap))
    assert_frame_equal(swapped, expected.sort("known_on", "population", "horizon", "feature"), check_exact=True)


def test_days_without_a_coefficient_are_counted_and_leave_no_other_trace():
    days = weekdays(40)
    generator = np.random.default_rng(0)
    rows = [keyed(day, generator.uniform(0, 100, 12), generator.normal(0, 0.1, 12)) for day in days]
    constant = [keyed(day, np.full(12, 50.0), np.full(12, 9.0)) for day in days[5:10]]
    table = tables(statistics_frame(rows[:5] + constant + rows[10:]), as_of=[days[-1]], window_days=90)
    found = one(table, horizon="1d", feature="technical")
    without = tables(statistics_frame(rows[:5] + rows[10:]), as_of=[days[-1]], window_days=90)
    assert (found["n_days"], found["n_days_excluded"]) == (35, 5)
    other = one(without, horizon="1d", feature="technical") | {"n_days_excluded": 5, "mean_area_under_curve": None}
    assert found | {"mean_area_under_curve": None} == other


def test_no_evidence_is_said_and_not_guessed():
    table = tables(simulated_statistics(10), as_of=[date(2012, 1, 6), date(2020, 1, 1)])
    assert set(table["evidence"]) == {"insufficient_evidence"}
    assert table["p_value"].null_count() == table["q_value"].null_count() == table.height
    nothing = table.filter(known_on=date(2020, 1, 1))
    assert set(nothing["population"]) == {"selected"}
    assert nothing["n_days"].to_list() == [0] * 6
    assert nothing["mean_information_coefficient"].null_count() == 6


def test_no_nights_and_no_statistics_give_an_empty_and_an_insufficient_table():
    assert tables(simulated_statistics(3), as_of=[]).height == 0
    assert set(tables(simulated_statistics(1).clear())["evidence"]) == {"insufficient_evidence"}
