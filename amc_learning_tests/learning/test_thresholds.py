from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from amc_learning.contracts.tables import catalogue
from amc_learning.learning.thresholds import ThresholdRules, threshold_tables
from amc_learning_tests.learning.simulated_statistics import keyed, simulated_statistics, statistics_frame, weekdays

FEATURES = ("squeeze", "technical", "total_score")
HORIZONS = {"1d": 1, "7d": 5}
NIGHTS = weekdays(70)[60:]
STRONG = 0.06


def tables(statistics, as_of=NIGHTS, window_days=80, horizons=HORIZONS, **bounds):
    return threshold_tables(
        statistics,
        as_of=as_of,
        window_days=window_days,
        horizons=horizons,
        features=FEATURES,
        rules=ThresholdRules(**bounds),
    )


def test_the_table_is_as_declared_sorted_and_free_of_nan():
    declared = catalogue(())["threshold_table"]
    table = tables(simulated_statistics(step=STRONG))
    assert table.schema == declared.schema
    assert table.equals(table.sort("known_on", *declared.key))
    assert table.select("known_on", *declared.key).is_duplicated().sum() == 0
    assert set(table.filter(feature="total_score")["scope"]) == {"all", "trade_ready", "monitor"}
    assert not any(table[name].is_nan().any() for name in table.columns if table.schema[name] == pl.Float64)
    assert set(table["decision"]) <= {"found", "none", "insufficient_evidence"}


def test_a_planted_step_is_found_with_numbers_that_can_be_checked_by_hand():
    statistics, night = simulated_statistics(step=STRONG), NIGHTS[5]
    found = tables(statistics).filter(known_on=night, horizon="1d", feature="technical").row(0, named=True)
    assert found["decision"] == "found"
    assert 55 <= found["threshold"] <= 65
    assert found["threshold_ci_low"] <= found["threshold"] <= found["threshold_ci_high"]
    assert 0 < found["lift_ci_low"] < found["lift"] < found["lift_ci_high"]
    # The step lifts 40 % of the names by 6 %; against the mean of all names that is 0.6 x 6 %.
    assert found["lift"] == pytest.approx(0.6 * STRONG, abs=0.01)
    window = statistics.filter(
        pl.col("known_on").is_between(night - timedelta(days=79), night),
        horizon="1d",
        population="selected",
        feature="technical",
    )
    above = int(found["threshold"])
    n_above, winners = (window[name].to_numpy()[:, above:].sum() for name in ("bin_n", "bin_n_winners"))
    assert found["n_above"] == n_above
    assert found["n_pairs"] == window["n_pairs"].sum()
    assert found["coverage"] == pytest.approx(n_above / found["n_pairs"])
    assert found["success_rate_above"] == pytest.approx(winners / n_above)
    assert f"{above}" in found["reason"]
    assert f"{n_above:,}" in found["reason"]


def test_a_feature_without_a_step_has_none_and_says_what_its_best_brings():
    table = tables(simulated_statistics(step=STRONG)).filter(feature="squeeze", horizon="7d")
    assert table.filter(decision="none").height >= 0.9 * table.height
    none = table.filter(decision="none")
    assert none["threshold"].null_count() == none["coverage"].null_count() == none.height
    assert none["lift"].null_count() == 0
    assert none["reason"].str.contains("No score pays reliably").all()


@pytest.mark.parametrize("night", [NIGHTS[0], NIGHTS[-1]])
def test_a_night_alone_with_only_its_window_equals_the_night_in_a_range(night):
    statistics = simulated_statistics(step=0.02)
    is_in_window = pl.col("known_on").is_between(night - timedelta(days=79), night)
    shuffled = statistics.filter(is_in_window).sample(fraction=1.0, shuffle=True, seed=2)
    assert tables(shuffled, as_of=[night]).equals(tables(statistics).filter(known_on=night))


def test_a_tag_appears_only_where_the_window_holds_it():
    statistics = simulated_statistics()
    is_late = pl.col("known_on") > NIGHTS[4]
    late_tag = statistics.filter((pl.col("scope") != "monitor") | is_late)
    nights_with_tag = tables(late_tag).filter(scope="monitor")["known_on"].unique().sort().to_list()
    assert nights_with_tag == NIGHTS[5:]
    before = tables(late_tag.filter(~is_late), as_of=NIGHTS[:5])
    assert before.equals(tables(late_tag, as_of=NIGHTS[:5]))


def test_a_tag_that_is_better_as_a_whole_has_no_threshold_for_that():
    statistics = simulated_statistics()
    micro = pl.col("bin_sum_excess_return_micro")
    raised = pl.Series(statistics["bin_sum_excess_return_micro"].to_numpy() + 50_000 * statistics["bin_n"].to_numpy())
    is_tag = pl.col("scope") == "trade_ready"
    better = statistics.with_columns(
        bin_sum_excess_return_micro=pl.when(is_tag).then(raised.cast(pl.Array(pl.Int64, 101))).otherwise(micro)
    )
    assert tables(better).equals(tables(statistics))


def test_what_becomes_known_later_changes_nothing():
    statistics, night = simulated_statistics(step=0.02), NIGHTS[2]
    assert tables(statistics.filter(pl.col("known_on") <= night), as_of=[night]).equals(
        tables(statistics, as_of=[night])
    )


def test_controls_and_universe_have_no_say():
    statistics = simulated_statistics(step=0.02)
    assert tables(statistics.filter(population="selected")).equals(tables(statistics))


def test_constant_days_drop_out():
    generator = np.random.default_rng(0)
    days = weekdays(60)
    rows = [keyed(day, generator.uniform(0, 100, 15), generator.normal(0, 0.1, 15)) for day in days]
    constant = [keyed(day, np.full(15, 50.0), generator.normal(0, 0.1, 15)) for day in days[:20]]
    table = tables(statistics_frame(constant + rows[20:]), as_of=[days[-1]], window_days=120).filter(
        feature="technical"
    )
    assert table["n_days"].to_list() == [40, 0]
    assert table["n_pairs"].to_list() == [600, 0]


@pytest.mark.parametrize(("n_names", "n_days"), [(2, 0), (4, 0), (5, 60)])
def test_days_with_fewer_than_5_names_are_no_evidence_as_for_the_information_coefficient(n_names, n_days):
    generator = np.random.default_rng(5)
    rows = []
    for day in weekdays(60):
        scores = generator.uniform(0, 100, n_names)
        rows.append(keyed(day, scores, 0.2 * (scores >= 60)))
    table = tables(statistics_frame(rows), as_of=[weekdays(60)[-1]], window_days=90)
    row = table.filter(horizon="1d", feature="technical").row(0, named=True)
    assert (row["n_days"], row["n_pairs"]) == (n_days, n_days * n_names)
    assert (row["decision"] == "insufficient_evidence") == (n_days == 0)


def test_a_thin_day_among_others_changes_nothing_but_its_own_place():
    statistics, night = simulated_statistics(step=STRONG), NIGHTS[5]
    thin = weekdays(70)[30]
    generator = np.random.default_rng(6)
    others = statistics.filter(pl.col("known_on") != thin)
    outcomes = []
    for sign in (1.0, -1.0):
        row = keyed(thin, generator.uniform(0, 100, 4), sign * generator.uniform(0.5, 1.0, 4))
        outcomes.append(tables(pl.concat([others, statistics_frame([row])]), as_of=[night]).filter(horizon="1d"))
    assert outcomes[0].equals(outcomes[1])


def test_no_evidence_is_said_with_what_it_would_take():
    table = tables(simulated_statistics(30), as_of=[weekdays(30)[-1]])
    short = table.filter(horizon="7d", feature="technical").row(0, named=True)
    assert short["decision"] == "insufficient_evidence"
    assert short["lift"] is short["threshold"] is None
    assert short["reason"] == (
        "30 of 30 days have 5 names or more with scores that differ; with labels of 5 sessions it takes 40."
    )
    assert set(tables(simulated_statistics(1).clear())["decision"]) == {"insufficient_evidence"}
    assert tables(simulated_statistics(3), as_of=[]).height == 0
