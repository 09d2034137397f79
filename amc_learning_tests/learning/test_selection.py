from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from amc_learning.contracts.tables import catalogue
from amc_learning.learning.inference import mean_inference
from amc_learning.learning.selection import selection_effects
from amc_learning_tests.learning.simulated_statistics import keyed, simulated_statistics, statistics_frame, weekdays

HORIZONS = {"1d": 1, "7d": 5}
NIGHTS = weekdays(70)[45:]


def effects(statistics, as_of=NIGHTS, window_days=60):
    return selection_effects(statistics, as_of=as_of, window_days=window_days, horizons=HORIZONS)


def paired(lifts, n_selected=8, n_controls=12):
    rows = []
    for day, lift in zip(weekdays(len(lifts)), lifts, strict=True):
        for population, n, mean in (("selected", n_selected, 0.01 + lift), ("controls", n_controls, 0.01)):
            rows.append(keyed(day, np.linspace(0, 100, n), np.full(n, mean), population=population))
    return statistics_frame(rows)


def test_the_table_is_as_declared_with_one_row_per_night_and_horizon():
    declared = catalogue(())["selection_effects"]
    table = effects(simulated_statistics())
    assert table.schema == declared.schema
    assert table.height == len(NIGHTS) * len(HORIZONS)
    assert table.equals(table.sort("known_on", *declared.key))


def test_the_lift_is_the_mean_of_daily_differences_each_day_counting_once():
    lifts = np.random.default_rng(2).normal(0.004, 0.01, 40).round(6)
    found = effects(paired(lifts), as_of=[weekdays(40)[-1]], window_days=90).filter(horizon="1d").row(0, named=True)
    expected = mean_inference(lifts, overlap_sessions=1)
    assert found["mean_lift"] == pytest.approx(lifts.mean())
    assert (found["ci_low"], found["ci_high"]) == pytest.approx((expected.ci_low, expected.ci_high))
    assert found["mean_return_controls"] == pytest.approx(0.01)
    assert (found["n_days"], found["n_selected"], found["n_controls"]) == (40, 320, 480)
    assert found["evidence"] == "sufficient"


def test_days_with_one_side_only_drop_out():
    statistics = paired([0.01] * 30)
    lonely = statistics.filter((pl.col("population") == "selected") | (pl.col("known_on") > weekdays(30)[9]))
    assert effects(lonely, as_of=[weekdays(30)[-1]])["n_days"].to_list() == [20, 0]


@pytest.mark.parametrize("night", [NIGHTS[0], NIGHTS[-1]])
def test_a_night_alone_with_only_its_window_equals_the_night_in_a_range(night):
    statistics = simulated_statistics()
    is_in_window = pl.col("known_on").is_between(night - timedelta(days=59), night)
    shuffled = statistics.filter(is_in_window).sample(fraction=1.0, shuffle=True, seed=2)
    assert effects(shuffled, as_of=[night]).equals(effects(statistics).filter(known_on=night))


def test_without_controls_the_answer_is_insufficient_evidence():
    table = effects(simulated_statistics().filter(pl.col("population") != "controls"))
    assert set(table["evidence"]) == {"insufficient_evidence"}
    assert table["mean_lift"].null_count() == table["mean_return_selected"].null_count() == table.height
    assert table["n_days"].sum() == 0
