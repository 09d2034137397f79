"""What changes of regime changed: against plain means and scipy, point in time, and silent on noise."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as student
from statsmodels.stats.multitest import multipletests

from amc_learning.learning.inference import degrees_of_freedom, mean_inference
from amc_learning.learning.regimes import EXTRA_READ_DAYS, regime_changes
from amc_learning.learning.regimes.multipliers import MIN_REGIME_DAYS
from amc_learning.learning.regimes.regime_changes import HELD_SESSIONS, LEVEL, LISTED_DAYS, holm_adjusted
from amc_learning_tests.truth.regime_changes_study import NOISE, PLANTED, weeks_of_last_year, with_spells
from amc_learning_tests.truth.regime_study import COMPONENTS

STRONG = replace(PLANTED, difference=0.08, calm_spell=80, turbulent_spell=80)
FIRST = COMPONENTS[0]


@pytest.fixture(scope="module")
def world():
    statistics, regimes, _ = STRONG.simulate(np.random.default_rng(4))
    return statistics, with_spells(regimes)


@pytest.fixture(scope="module")
def weeks(world):
    return weeks_of_last_year(world[0])


def changes_of(statistics, regimes, weeks, **options):
    arguments = {"horizon": "1d", "sessions": 1, "components": COMPONENTS}
    return regime_changes(statistics, regimes, as_of=weeks, **{**arguments, **options})


@pytest.fixture(scope="module")
def changes(world, weeks):
    return changes_of(*world, weeks)


def coefficients(world, week, keep):
    """The first component's coefficients of the window by plain filters; `keep` says which entry days."""
    statistics, regimes = world
    evening = regimes.sort("known_on").with_columns(entry_date=pl.col("known_on").shift(-1))
    rows = (
        statistics.filter(pl.col("feature") == FIRST, pl.col("known_on") <= week)
        .filter(pl.col("known_on") > week - timedelta(days=1095))
        .join(evening.select("entry_date", "regime"), on="entry_date", how="left")
        .sort("known_on")
    )
    return rows.filter(keep)["information_coefficient"].to_numpy()


def last_ended(changes):
    """A change of the last week that has ended, of the first component."""
    ended = changes.filter(pl.col("ended_on").is_not_null(), component=FIRST)
    return ended.filter(pl.col("known_on") == changes["known_on"].max()).sort("changed_on").row(-1, named=True)


def test_means_are_those_of_the_days_entered_in_each_spell(world, changes):
    row = last_ended(changes)
    week, entry = row["known_on"], pl.col("entry_date")
    since = coefficients(world, week, (entry > row["changed_on"]) & (entry <= row["ended_on"]))
    assert (row["n_days_since"], row["mean_since"]) == (len(since), pytest.approx(since.mean()))
    earlier = world[1].filter("is_change", pl.col("known_on") < row["changed_on"])["known_on"].max()
    before = coefficients(world, week, (entry > earlier) & (entry <= row["changed_on"]))
    assert (row["n_days_before"], row["mean_before"]) == (len(before), pytest.approx(before.mean()))
    history = mean_inference(coefficients(world, week, pl.lit(value=True)), overlap_sessions=1)
    assert (row["mean_history"], row["history_ci_low"]) == (history.estimate, history.ci_low)


def test_the_difference_of_regimes_is_welchs_of_all_their_days(world, changes):
    row = last_ended(changes)
    new, old = (
        coefficients(world, row["known_on"], pl.col("regime") == row[name]) for name in ("regime", "previous_regime")
    )
    assert row["regime_difference"] == pytest.approx(new.mean() - old.mean())
    one, other = (mean_inference(values, overlap_sessions=1) for values in (new, old))
    freedoms = [degrees_of_freedom(len(values), overlap_sessions=1) for values in (new, old)]
    errors = [
        (found.ci_high - found.estimate) / student.ppf(0.975, freedom)
        for found, freedom in zip((one, other), freedoms, strict=True)
    ]
    total = errors[0] ** 2 + errors[1] ** 2
    freedom = total**2 / (errors[0] ** 4 / freedoms[0] + errors[1] ** 4 / freedoms[1])
    half = student.ppf(0.975, freedom) * np.sqrt(total)
    assert row["regime_difference_ci_high"] == pytest.approx(row["regime_difference"] + half)
    expected = 2 * student.sf(abs(row["regime_difference"]) / np.sqrt(total), freedom)
    assert row["regime_difference_p_value"] == pytest.approx(expected)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holm_equals_statsmodels(p_values):
    ours = holm_adjusted(np.array([*p_values, np.nan]))
    assert ours[:-1] == pytest.approx(multipletests(p_values, method="holm")[1])
    assert np.isnan(ours[-1])


def test_a_kind_of_change_counts_once_in_the_family_however_often_it_came(changes):
    for _, week in changes.group_by("known_on"):
        of_kind = week.filter(pl.col("regime_difference_p_value").is_not_null()).unique("component")
        of_spell = week.filter(pl.col("difference_p_value").is_not_null())
        family = [*of_kind["regime_difference_p_value"], *of_spell["difference_p_value"]]
        if family:
            smallest = week.select(pl.min_horizontal(pl.col("^.*adjusted_p_value$").min())).item()
            assert smallest == pytest.approx(min(1.0, min(family) * len(family)))


def test_a_planted_difference_is_found_and_named_for_its_component_only(changes):
    last = changes.filter(pl.col("known_on") == changes["known_on"].max())
    assert last.height
    assert set(last.filter("is_beyond_noise")["component"]) == {FIRST}
    signs = last.filter("is_beyond_noise").select(pl.col("regime") == "calm", pl.col("regime_difference") > 0)
    assert all(is_calm == is_better for is_calm, is_better in signs.iter_rows())


def test_a_component_is_beyond_noise_exactly_when_an_adjusted_p_value_says_so(changes):
    adjusted = pl.min_horizontal("difference_adjusted_p_value", "regime_difference_adjusted_p_value")
    told = changes.select(is_told="is_beyond_noise", expected=adjusted < LEVEL, is_tested=adjusted.is_not_null())
    assert told["is_told"].to_list() == told["expected"].to_list()
    assert (changes["evidence"] == "sufficient").to_list() == told["is_tested"].to_list()


def test_few_days_on_a_side_are_shown_and_not_tested(changes):
    few = changes.filter(pl.min_horizontal("n_days_since", "n_days_before") < MIN_REGIME_DAYS)
    assert few.height
    assert few["difference_p_value"].null_count() == few.height
    few = changes.filter(pl.min_horizontal("n_days_regime", "n_days_previous_regime") < MIN_REGIME_DAYS)
    assert few["regime_difference_p_value"].null_count() == few.height


def test_regimes_that_came_once_are_not_compared(world, weeks):
    """One period of time may have differed for any reason: here the last change is the first ever."""
    statistics, regimes = world
    at = regimes.height - 100
    once = with_spells(
        regimes.select("known_on", "basis").with_columns(
            regime=pl.when(pl.int_range(pl.len()) < at).then(pl.lit("calm")).otherwise(pl.lit("turbulent"))
        )
    )
    rows = changes_of(statistics, once, weeks[-1:])
    assert rows.height == len(COMPONENTS)
    assert rows["n_days_regime"].min() >= MIN_REGIME_DAYS
    assert rows["regime_difference_p_value"].null_count() == rows.height


def test_a_week_alone_reads_only_its_window_and_later_days_change_nothing(world, weeks, changes):
    statistics, regimes = world
    week = weeks[-10]
    first = week - timedelta(days=1095)
    alone = changes_of(
        statistics.filter(pl.col("known_on").is_between(first, week)).sample(fraction=1.0, shuffle=True, seed=1),
        regimes.filter(pl.col("known_on").is_between(first - timedelta(days=EXTRA_READ_DAYS), week)),
        [week],
    )
    assert alone.height
    assert alone.equals(changes.filter(known_on=week))


def test_a_change_is_too_early_until_it_held_or_flickered(world, changes):
    regimes = world[1]
    for row in changes.filter(component=FIRST).iter_rows(named=True):
        end = row["ended_on"] or row["known_on"] + timedelta(days=1)
        read = regimes.filter(pl.col("known_on").is_between(row["changed_on"], end, closed="left"))
        assert row["n_sessions"] == read.height
        state = "held" if read.height >= HELD_SESSIONS else "too_early" if row["ended_on"] is None else "flickered"
        assert row["state"] == state
        assert row["changed_on"] > row["known_on"] - timedelta(days=LISTED_DAYS)
    assert set(changes["state"]) >= {"held", "too_early"}


def test_noise_is_blamed_on_nothing():
    statistics, regimes, _ = NOISE.simulate(np.random.default_rng(3))
    rows = changes_of(statistics, with_spells(regimes), weeks_of_last_year(statistics)[-1:])
    assert rows.height
    assert rows.filter("is_beyond_noise").is_empty()


def test_without_changes_statistics_or_weeks_there_are_no_rows(world, weeks):
    statistics, regimes = world
    calm = with_spells(regimes.select("known_on", "basis").with_columns(regime=pl.lit("calm")))
    assert changes_of(statistics, calm, weeks[-1:]).is_empty()
    assert changes_of(statistics, regimes, []).is_empty()
    without = changes_of(statistics.clear(), regimes, weeks[-1:])
    assert without.height
    assert set(without["evidence"]) == {"insufficient_evidence"}
    assert without["n_days_since"].sum() == 0
