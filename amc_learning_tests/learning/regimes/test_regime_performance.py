"""How scores do per regime: against plain means and scipy, point in time, and multipliers that stay 1 on noise."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from scipy.stats import ttest_ind

from amc_learning.learning.inference import mean_inference
from amc_learning.learning.regimes import EXTRA_READ_DAYS, MultiplierRules, regime_multipliers
from amc_learning.learning.regimes.multipliers import HIGHEST, LOWEST, gate_deviate, shrunk_multipliers
from amc_learning.learning.regimes.regime_performance import review_day
from amc_learning_tests.truth.regime_study import COMPONENTS, CoefficientWorld, performance_of, yearly_multipliers

FEATURES = (*COMPONENTS, "total_score")
PLANTED = CoefficientWorld(difference=0.08)


@pytest.fixture(scope="module")
def world():
    return PLANTED.simulate(np.random.default_rng(2))


@pytest.fixture(scope="module")
def performance(world):
    statistics, regimes, reviews = world
    return performance_of(statistics, regimes, reviews, horizons={"1d": 1}, features=FEATURES)


def days_of(world, review, regime):
    """The first component's coefficients of the three years before a review, by plain joins on the evening before."""
    statistics, regimes, _ = world
    # The simulated days are consecutive weekdays: the regime known before an entry is that of the weekday before.
    evening = regimes.sort("known_on").with_columns(entry_date=pl.col("known_on").shift(-1))
    return (
        statistics.filter(pl.col("feature") == COMPONENTS[0], pl.col("known_on") <= review)
        .filter(pl.col("known_on") > review - timedelta(days=1095))
        .join(evening.select("entry_date", "regime"), on="entry_date")
        .filter(pl.col("regime") == regime)
        .sort("known_on")["information_coefficient"]
        .to_numpy()
    )


@pytest.mark.parametrize("regime", ["calm", "turbulent"])
def test_means_and_intervals_are_those_of_the_days_of_the_regime_put_end_to_end(world, performance, regime):
    review = world[2][-1]
    row = performance.filter(known_on=review, basis="index", regime=regime, feature=COMPONENTS[0]).row(0, named=True)
    expected = mean_inference(days_of(world, review, regime), overlap_sessions=1)
    assert (row["n_days"], row["mean_information_coefficient"]) == (expected.n, expected.estimate)
    assert (row["ci_low"], row["ci_high"]) == (expected.ci_low, expected.ci_high)


def test_the_difference_is_judged_much_as_by_welch_where_days_are_independent(world, performance):
    review = world[2][-1]
    noise = performance.filter(known_on=review, basis="index", regime="calm", feature=COMPONENTS[0]).row(0, named=True)
    calm, turbulent = days_of(world, review, "calm"), days_of(world, review, "turbulent")
    assert noise["mean_difference"] == pytest.approx(calm.mean() - turbulent.mean())
    welch = ttest_ind(calm, turbulent, equal_var=False)
    # Ours estimates each variance from the lowest quarter of frequencies: the t ratios agree within a fifth or so.
    ours = abs(noise["mean_difference"]) / (noise["ci_high"] - noise["mean_information_coefficient"])
    theirs = (
        abs(welch.statistic)
        / 1.96
        / np.sqrt(calm.var() / len(calm) / (calm.var() / len(calm) + turbulent.var() / len(turbulent)))
    )
    assert ours == pytest.approx(theirs, rel=0.3)


def test_a_difference_has_one_p_value_seen_from_either_side(performance):
    sides = performance.filter(basis="index").pivot(
        "regime", index=["known_on", "feature"], values="difference_p_value"
    )
    assert sides["calm"].to_list() == pytest.approx(sides["turbulent"].to_list(), nan_ok=True)


def test_a_night_repeats_what_was_known_at_the_start_of_its_month(world, performance):
    statistics, regimes, reviews = world
    night = reviews[-2] + timedelta(days=9)
    assert review_day(night) == reviews[-2]
    spoiled = statistics.with_columns(
        information_coefficient=pl.when(pl.col("known_on") > reviews[-2]).then(0.9).otherwise("information_coefficient")
    )
    rows = performance_of(spoiled, regimes, [night], horizons={"1d": 1}, features=FEATURES)
    on_review = performance.filter(known_on=reviews[-2])
    assert rows.drop("known_on", "is_current").equals(on_review.drop("known_on", "is_current"))


def test_a_night_alone_reads_only_its_window(world, performance):
    statistics, regimes, reviews = world
    day = reviews[-1]
    window_from = day - timedelta(days=1095)
    rows = performance_of(
        statistics.filter(pl.col("known_on") > window_from).sample(fraction=1.0, shuffle=True, seed=1),
        regimes.filter(pl.col("known_on") > window_from - timedelta(days=EXTRA_READ_DAYS)),
        [day],
        horizons={"1d": 1},
        features=FEATURES,
    )
    assert rows.equals(performance.filter(known_on=day))


def test_the_current_regime_is_that_of_the_evening(world, performance):
    regimes = world[1]
    for (day,), rows in performance.filter(pl.col("basis") == "index").group_by("known_on"):
        evening = regimes.filter(pl.col("known_on") == day)["regime"].to_list()
        current = rows.filter("is_current")["regime"].unique().to_list()
        assert current == evening or not evening
        assert rows["is_current"].sum() in (0, len(FEATURES))


def test_a_planted_difference_moves_its_component_only(performance):
    last = performance.filter(known_on=performance["known_on"].max())
    calm = regime_multipliers(last, components=COMPONENTS, regime="calm")
    turbulent = regime_multipliers(last, components=COMPONENTS, regime="turbulent")
    assert 1 < calm[COMPONENTS[0]] <= HIGHEST
    assert turbulent[COMPONENTS[0]] == LOWEST
    assert {calm[name] for name in COMPONENTS[1:]} | {turbulent[name] for name in COMPONENTS[1:]} == {1.0}
    assert (performance.filter(pl.col("basis") == "discovery")["multiplier"] == 1).all()


def test_noise_leaves_every_multiplier_at_exactly_one():
    generator = np.random.default_rng(3)
    years = [yearly_multipliers(replace(PLANTED, difference=0.0), generator) for _ in range(8)]
    # The study: some multiplier leaves 1 in about 1 % of years; two of eight have probability 0.003.
    assert sum((year != 1).any() for year in years) < 2


def multiplier(mean: float, p_value: float, *, overall: float = 0.02, is_judged: bool = True) -> float:
    (value,) = shrunk_multipliers(
        regime_mean=np.array([mean]),
        overall_mean=np.array([overall]),
        overall_error=np.array([0.01]),
        difference_p_value=np.array([p_value]),
        is_judged=np.array([is_judged]),
        gate=3.0,
    )
    return float(value)


def test_the_multiplier_leaves_one_at_the_gate_without_a_jump_and_stays_in_its_bounds():
    at_gate = 0.0027  # two-sided p of three standard errors
    assert multiplier(0.04, 1.001 * at_gate) == 1
    assert multiplier(0.04, 0.99 * at_gate) == pytest.approx(1, abs=0.01)
    # Six standard errors: 1 - (3/6)^2 of the way from 1 to the ratio 0.03 / 0.02.
    assert multiplier(0.03, 1.973e-9) == pytest.approx(1 + 0.75 * 0.5, abs=1e-3)
    assert multiplier(0.5, 1e-12) == HIGHEST
    assert multiplier(-0.5, 1e-12) == LOWEST
    assert multiplier(0.5, 1e-12, is_judged=False) == 1
    assert multiplier(float("nan"), 1e-12) == 1
    # An overall mean near zero counts as its standard error: 1 + share * 0.005 / 0.01.
    assert 1 < multiplier(0.005, 1e-12, overall=0.0) < 1.5


def test_the_gate_rises_with_the_number_of_components_and_falls_with_the_allowed_error():
    few, many = (gate_deviate(n_components=n, window_days=1095, rules=MultiplierRules()) for n in (2, 12))
    loose = gate_deviate(n_components=12, window_days=1095, rules=MultiplierRules(yearly_false_change_rate=0.05))
    assert few < many
    assert loose < many


def test_nothing_known_is_insufficient_evidence_and_factor_one(world):
    statistics, regimes, reviews = world
    rows = performance_of(
        statistics.clear(), regimes.clear(), reviews[:2], horizons={"1d": 1, "7d": 5}, features=FEATURES
    )
    assert rows.height == 2 * 2 * 7 * len(FEATURES)
    assert set(rows["evidence"]) == {"insufficient_evidence"}
    assert set(rows["multiplier"]) == {1.0}
    assert regime_multipliers(rows.clear(), components=COMPONENTS) == dict.fromkeys(COMPONENTS, 1.0)
    with pytest.raises(ValueError, match="one night"):
        regime_multipliers(rows, components=COMPONENTS)
