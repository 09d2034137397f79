import cProfile
import math
import pstats
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata, spearmanr

from amc_learning.contracts.tables import catalogue
from amc_learning.learning.daily_statistics import daily_statistics

COMPONENTS = ("technical", "squeeze")
TABLES = catalogue(COMPONENTS)
FIRST_DAY = date(2024, 1, 1)


def day_frame(rows, *, day=0, horizon="1d"):
    """Rows of (is selected, tag, total_score, technical, squeeze, forward_return), as table feature_outcomes."""
    on = FIRST_DAY + timedelta(day)
    names = ["is_selected", "action_tag", "total_score", *COMPONENTS, "forward_return"]
    frame = pl.DataFrame(
        rows,
        schema=dict.fromkeys(names, pl.Float64) | {"is_selected": pl.Boolean, "action_tag": pl.String},
        orient="row",
    ).with_columns(
        known_on=pl.lit(on),
        entry_date=pl.lit(on),
        horizon=pl.lit(horizon),
        decision_id=pl.int_range(pl.len()).cast(pl.String),
        is_in_cross_section=pl.lit(True),
        n_universe=pl.lit(100, pl.Int64),
        is_winner=pl.col("forward_return") >= 0.25,
        is_loser=pl.col("forward_return") <= -0.10,
    )
    table = TABLES["feature_outcomes"]
    return pl.concat([table.empty(), frame], how="diagonal").select(table.column_names)


def measured(frame):
    return daily_statistics(frame, components=COMPONENTS)


def row_of(statistics, feature, population="selected", scope="all"):
    found = statistics.filter(feature=feature, population=population, scope=scope)
    assert found.height == 1
    return found.row(0, named=True)


score = st.one_of(st.none(), st.integers(0, 12).map(lambda tenth: tenth * 8.5), st.floats(-5, 120))
forward_return = st.one_of(st.none(), st.integers(-8, 12).map(lambda part: part / 20), st.floats(-0.9, 3))
tag = st.sampled_from([None, "monitor", "trade_ready"])
decisions = st.lists(st.tuples(st.booleans(), tag, score, score, score, forward_return), min_size=1, max_size=40)


@settings(deadline=None)
@given(decisions)
def test_counts_bins_deciles_and_sums_add_up(rows):
    statistics = measured(day_frame(rows))
    assert statistics.schema == TABLES["daily_statistics"].schema
    for row in statistics.iter_rows(named=True):
        assert row["n_pairs"] <= row["n_decisions"] - max(row["n_missing_scores"], row["n_missing_outcomes"])
        assert sum(row["bin_n"]) == sum(row["quantile_n"]) == row["n_pairs"]
        assert sum(row["bin_n_winners"]) == row["n_winners"]
        assert sum(row["bin_sum_return_micro"]) == sum(row["quantile_sum_return_micro"]) == row["sum_return_micro"]
        if row["scope"] == "all":
            assert abs(sum(row["bin_sum_excess_return_micro"])) <= row["n_pairs"]


@settings(deadline=None)
@given(decisions)
def test_selected_statistics_equal_independent_ones(rows):
    statistics = measured(day_frame(rows))
    for position, feature in enumerate(("total_score", *COMPONENTS), start=2):
        chosen = [row for row in rows if row[0]]
        if not chosen:
            assert statistics.filter(population="selected").is_empty()
            return
        found = row_of(statistics, feature)
        pairs = [(row[position], row[5]) for row in chosen if row[position] is not None and row[5] is not None]
        assert (found["n_decisions"], found["n_pairs"]) == (len(chosen), len(pairs))
        assert found["n_missing_scores"] == sum(row[position] is None for row in chosen)
        assert found["n_missing_outcomes"] == sum(row[5] is None for row in chosen)
        assert found["is_constant"] == (len({row[position] for row in chosen} - {None}) <= 1)
        assert found["n_winners"] == sum(value >= 0.25 for _, value in pairs)
        assert found["n_losers"] == sum(value <= -0.10 for _, value in pairs)
        assert found["sum_return_micro"] == sum(round(value * 1e6) for _, value in pairs)
        sides = list(zip(*pairs, strict=True))
        if len(pairs) < 5 or any(len(set(side)) == 1 for side in sides):
            assert found["information_coefficient"] is None
        else:
            assert found["information_coefficient"] == pytest.approx(spearmanr(*sides).statistic, abs=1e-12)
        bins, deciles = [0] * 101, [0] * 10
        for value, rank in zip(sides[0], rankdata(sides[0]), strict=True) if pairs else ():
            bins[min(max(math.floor(value), 0), 100)] += 1
            spread = len(pairs) - 1
            deciles[max(1, math.ceil(round(10 * (rank - 1) / spread, 9))) - 1 if spread else 0] += 1
        assert found["bin_n"] == bins
        assert found["quantile_n"] == deciles


@settings(deadline=None)
@given(st.lists(decisions, min_size=2, max_size=4), st.randoms())
def test_a_days_bits_depend_on_its_own_decisions_only(days, random):
    frames = [day_frame(rows, day=day) for day, rows in enumerate(days)]
    whole = pl.concat(frames)
    order = list(range(whole.height))
    random.shuffle(order)
    assert pl.concat([measured(frame) for frame in frames]).equals(measured(whole[order]))


def equally_wide_days(n_days, *, n_selected=20, n_controls=12, n_unknown=0):
    """Days of one shape: their statistics are computed side by side."""
    generator = np.random.default_rng(11)
    n = n_selected + n_controls
    frames = []
    for day in range(n_days):
        scores, returns = generator.integers(0, 100, (n, 3)).astype(float), generator.normal(scale=0.2, size=n)
        unknown = generator.permutation(n)[:n_unknown]
        rows = [
            (place < n_selected, ("monitor", None)[place % 2], *score, None if place in unknown else float(value))
            for place, (score, value) in enumerate(zip(scores.tolist(), returns, strict=True))
        ]
        frames.append(day_frame(rows, day=day))
    return frames


@pytest.mark.parametrize("n_unknown", [0, 1, 9])
def test_days_computed_side_by_side_have_the_bits_each_has_alone(n_unknown):
    frames = equally_wide_days(30, n_unknown=n_unknown)
    assert pl.concat([measured(frame) for frame in frames]).equals(measured(pl.concat(frames)))


def n_calls(action):
    """Python functions entered; the same in every run, unlike the time it takes."""
    with cProfile.Profile() as profile:
        action()
    return sum(calls for _, calls, *_ in pstats.Stats(profile).stats.values())


def test_more_days_of_one_shape_take_hardly_more_steps():
    few, many = (pl.concat(equally_wide_days(n_days)) for n_days in (20, 60))
    measured(few)
    # Three times the days: a day computed by itself cost 1,200 calls; side by side it costs the cutting of its rows.
    assert n_calls(lambda: measured(many)) - n_calls(lambda: measured(few)) < 40 * 150


SMALL = [
    (True, "trade_ready", 80.0, 90.0, None, 0.30),
    (True, "trade_ready", 76.0, 60.0, 10.0, 0.05),
    (True, "monitor", 50.0, 40.0, 30.0, -0.20),
    (True, "monitor", 40.0, 55.0, 20.0, 0.10),
    (True, None, 30.0, 20.0, 70.0, 0.02),
    (True, None, 20.0, 15.0, 60.0, None),
    (False, None, 25.0, 35.0, 45.0, 0.07),
    (False, None, 10.0, 5.0, 50.0, -0.05),
    (False, None, 15.0, 45.0, 15.0, 0.01),
    (False, None, 5.0, 25.0, 35.0, -0.02),
    (False, None, 18.0, 10.0, 25.0, 0.04),
]
"""Of 100 scored, 6 selected (5 with a return, so each stands for 1.2) and 5 controls (each for 94 / 5 = 18.8)."""


@pytest.mark.parametrize("population", ["selected", "universe"])
def test_covariances_are_the_linear_algebra_of_reweighting(population):
    statistics = measured(day_frame(SMALL))
    known = [row for row in SMALL if row[5] is not None and (row[0] or population == "universe")]
    weights = np.array([1.2 if row[0] else 18.8 for row in known])
    scores = np.array([[np.nan if value is None else value for value in row[3:5]] for row in known])
    means = [np.average(side[~np.isnan(side)], weights=weights[~np.isnan(side)]) for side in scores.T]
    imputed = np.where(np.isnan(scores), means, scores)
    returns = np.array([row[5] for row in known])
    ranks = np.array([weights[returns < value].sum() + weights[returns == value].sum() / 2 for value in returns])
    rows = [row_of(statistics, component, population) for component in COMPONENTS]
    c = np.array([row["return_rank_covariance"] for row in rows])
    g = np.array([row["score_covariances"] for row in rows])
    np.testing.assert_allclose(g, np.cov(imputed.T, aweights=weights, ddof=0), rtol=1e-12)
    np.testing.assert_array_equal(g, g.T)
    for w in ([1, 0], [0.5, 0.5], [0.2, 0.8]):
        matrix = np.cov(imputed @ w, ranks, aweights=weights)
        expected = matrix[0, 1] / np.sqrt(matrix[0, 0] * matrix[1, 1])
        assert (w @ c) / np.sqrt(w @ g @ w) == pytest.approx(expected, rel=1e-12)


def test_the_total_score_covaries_as_the_weighted_sum_of_its_components():
    drawn = np.random.default_rng(1).random((30, 3)).tolist()
    rows = [(True, None, 0.3 * a + 0.7 * b, a, b, known_return) for a, b, known_return in drawn]
    statistics = measured(day_frame(rows))
    technical, squeeze = (row_of(statistics, component) for component in COMPONENTS)
    total = row_of(statistics, "total_score")
    assert total["return_rank_covariance"] == pytest.approx(
        0.3 * technical["return_rank_covariance"] + 0.7 * squeeze["return_rank_covariance"]
    )
    assert total["score_covariances"] == pytest.approx(
        0.3 * np.array(technical["score_covariances"]) + 0.7 * np.array(squeeze["score_covariances"])
    )


@pytest.mark.parametrize("returns", [[0.1] * 6, [0.1, 0.2, 0.3, 0.4, None, None]], ids=["equal", "too few"])
def test_covariances_are_unknown_where_returns_allow_none(returns):
    rows = [(True, None, 1.0 * n, 2.0 * n, 3.0 * n, value) for n, value in enumerate(returns)]
    for row in measured(day_frame(rows)).iter_rows(named=True):
        assert row["return_rank_covariance"] is row["score_covariances"] is row["information_coefficient"] is None


def test_a_constant_component_is_said_to_be_constant_and_not_estimated():
    rows = [(True, None, 1.0 * n, 7.0, None, 0.01 * n) for n in range(8)]
    statistics = measured(day_frame(rows))
    for component, n_pairs in (("technical", 8), ("squeeze", 0)):
        row = row_of(statistics, component)
        assert (row["is_constant"], row["n_pairs"], row["information_coefficient"]) == (True, n_pairs, None)
        assert row["return_rank_covariance"] == 0
    assert row_of(statistics, "technical")["quantile_n"] == [0] * 4 + [8] + [0] * 5


def test_action_tags_have_their_own_rows_of_the_total_score():
    statistics = measured(day_frame(SMALL))
    tags = statistics.filter(pl.col("scope") != "all").select("population", "feature", "scope").rows()
    assert tags == [("selected", "total_score", "monitor"), ("selected", "total_score", "trade_ready")]
    ready = row_of(statistics, "total_score", scope="trade_ready")
    assert (ready["n_decisions"], ready["n_winners"], ready["sum_return_micro"]) == (2, 1, 350_000)
    # The mean of all five selected with a return is 0.054.
    assert (ready["bin_sum_excess_return_micro"][80], ready["bin_sum_excess_return_micro"][76]) == (246_000, -4_000)


def test_universe_estimates_weigh_controls_and_counts_do_not():
    universe = row_of(measured(day_frame(SMALL)), "total_score", "universe")
    assert (universe["n_decisions"], universe["n_pairs"], sum(universe["bin_n"])) == (11, 10, 10)
    # 1.2 against 18.8, in whole numbers
    repeated = [row for row in SMALL if row[5] is not None for _ in range(3 if row[0] else 47)]
    expected = spearmanr([row[2] for row in repeated], [row[5] for row in repeated]).statistic
    assert universe["information_coefficient"] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("n_scored_controls", "is_estimated"), [(0, False), (4, False), (5, True)])
def test_a_score_that_hardly_any_control_carries_has_no_coefficient_of_the_universe(n_scored_controls, is_estimated):
    """Controls sent with a total score only: a coefficient of the selected must not pass for one of the universe."""
    drawn = np.random.default_rng(3).random((26, 4)).tolist()
    rows = [
        (n < 20, None, total, technical if n < 20 + n_scored_controls else None, squeeze, 0.6 * known_return)
        for n, (total, technical, squeeze, known_return) in enumerate(drawn)
    ]
    statistics = measured(day_frame(rows))
    technical = row_of(statistics, "technical", "universe")
    assert (technical["information_coefficient"] is not None) == is_estimated
    assert (technical["area_under_curve"] is not None) == is_estimated
    assert (technical["return_rank_covariance"] is not None) == is_estimated
    assert (technical["score_covariances"] is not None) == is_estimated
    assert row_of(statistics, "squeeze", "universe")["information_coefficient"] is not None
    assert row_of(statistics, "technical")["information_coefficient"] is not None


def test_rows_outside_the_cross_section_count_nowhere():
    frame = day_frame(SMALL)
    doubled = pl.concat([frame, frame.with_columns(pl.col("decision_id") + "x", is_in_cross_section=pl.lit(False))])
    assert measured(doubled).equals(measured(frame))


def test_nothing_joined_is_an_empty_table():
    assert measured(TABLES["feature_outcomes"].empty()).schema == TABLES["daily_statistics"].schema
