"""Every scenario holds what it says, estimated from its frames, and nothing else."""

import json
from dataclasses import replace
from datetime import date, datetime

import numpy as np
import polars as pl
import pytest
from scipy.stats import kurtosis, t

from amc_learning.simulation.market import simulate_market
from amc_learning.simulation.rules import SAMPLE
from amc_learning.simulation.scenarios import SCENARIOS, described, sample
from amc_learning.simulation.truths import StudentReturns

from .conftest import weekdays
from .estimates import daily_information_coefficients, mean_and_error, scores_and_next_returns

N_SESSIONS, N_SYMBOLS = 300, 400


@pytest.fixture(scope="module")
def markets():
    """Each scenario once, larger than by default so that effects stand out of their errors."""
    made = {}

    def market(name: str):
        if name not in made:
            rules = SCENARIOS[name](seed=3, n_sessions=N_SESSIONS, n_symbols=N_SYMBOLS)
            made[name] = rules, simulate_market(rules, weekdays(rules))
        return made[name]

    return market


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_truth_of_every_scenario_is_the_same_after_json(markets, name):
    rules, market = markets(name)
    assert json.loads(json.dumps(market.truth, allow_nan=False)) == market.truth
    assert market.truth["is_simulated"] is True
    assert market.truth["seed"] == rules.seed == 3
    assert market.truth["selection"]["by"] == "total_score"
    assert all(sentence.endswith(".") for sentence in market.truth["planted"])
    assert 20 < len(described(SCENARIOS[name])) < 120


@pytest.mark.parametrize("name", SCENARIOS)
def test_same_seed_same_market_and_another_seed_another(name):
    one, again, other = (SCENARIOS[name](seed=seed, n_sessions=12, n_symbols=110) for seed in (5, 5, 6))
    first, second, third = (simulate_market(rules, weekdays(rules)) for rules in (one, again, other))
    assert first.bars.equals(second.bars)
    assert (first.discovery_results, first.theses, first.trades) == (
        second.discovery_results,
        second.theses,
        second.trades,
    )
    assert first.truth == second.truth
    assert not first.bars.equals(third.bars)


def test_the_sample_is_the_market_of_the_demo_and_the_others_are_in_its_past():
    assert sample() == SAMPLE
    assert all(SCENARIOS[name](seed=1).first_session == date(2012, 1, 3) for name in SCENARIOS if name != "sample")


def planted_paths(market, rules):
    """Component to its stated coefficient on every session, from the breakpoints of the truth alone; null as NaN."""
    paths = {name: np.full(rules.n_sessions, np.nan) for name in rules.components}
    for entry in market.truth["information_coefficients_by_session"]:
        for name, value in entry["information_coefficients"].items():
            paths[name][entry["session"] :] = np.nan if value is None else value
    return paths


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_component_orders_returns_as_the_truth_states_session_by_session(markets, name):
    rules, market = markets(name)
    for component, path in planted_paths(market, rules).items():
        usable = ~np.isnan(path[:-1])
        if not usable.any():
            continue
        days = pl.Series(market.index["date"][:-1]).filter(pl.Series(usable))
        pairs = scores_and_next_returns(market).filter(pl.col("date").is_in(days.to_list()))
        ranks = pairs.select("date", component, "forward_return").drop_nulls()
        daily = (
            ranks.with_columns(pl.col(component, "forward_return").rank().over("date"))
            .group_by("date", maintain_order=True)
            .agg(pl.corr(component, "forward_return"))[component]
            .to_numpy()
        )
        assert len(daily) == usable.sum()
        mean, error = mean_and_error(daily - path[:-1][usable])
        # coefficients that change little hide in the mean: the larger half of the stated ones is looked at apart
        assert abs(mean) < 4 * error < 0.02, component
        large = np.abs(path[:-1][usable]) > np.median(np.abs(path[:-1][usable]))
        if large.sum() > 30:
            mean, error = mean_and_error((daily - path[:-1][usable])[large])
            assert abs(mean) < 4 * error < 0.03, component


def test_a_market_in_which_nothing_is_planted_shows_nothing_and_errs_no_more_than_chance(markets):
    rules, market = markets("null")
    ratios = []
    for component in rules.components:
        mean, error = mean_and_error(daily_information_coefficients(market, component))
        ratios.append(mean / error)
    assert max(map(abs, ratios)) < 3.5
    assert 0.3 < np.sqrt(np.mean(np.square(ratios))) < 1.9


@pytest.mark.parametrize("name", ["null", "miscalibrated", "failing"])
def test_scenarios_about_theses_plant_nothing_in_scores_and_leave_the_market_as_it_was(markets, name):
    _, market = markets(name)
    _, plain = markets("null")
    assert set(market.truth["information_coefficients"].values()) == {0.0}
    assert market.truth["planted"][0] == "No score says anything about returns."
    assert market.bars.equals(plain.bars)
    assert market.discovery_results == plain.discovery_results


def test_returns_step_up_at_the_planted_thresholds_and_are_level_on_either_side(markets):
    _, market = markets("threshold")
    for planted in market.truth["threshold_effects"]:
        component, score, lift = planted["component"], planted["score"], planted["lift"]
        pairs = scores_and_next_returns(market).drop_nulls([component, "forward_return"])
        centred = pl.col("forward_return") - pl.col("forward_return").mean().over("date")
        # every session in units of its own spread, which the step itself widens by less than 2 %
        scaled = pairs.select(
            score=pl.col(component), scaled=centred / pl.col("forward_return").std().over("date")
        ).to_numpy()
        points, outcome = scaled.T
        is_above = points >= score
        assert is_above.mean() == pytest.approx(planted["share_above"], abs=0.01)

        def lift_between(one, other, outcome=outcome):
            error = np.sqrt(outcome[one].var() / one.sum() + outcome[other].var() / other.sum())
            return outcome[one].mean() - outcome[other].mean(), error

        seen, error = lift_between(is_above, ~is_above)
        assert seen == pytest.approx(lift, abs=4 * error + 0.03 * lift)
        at_the_step, error = lift_between(is_above & (points < score + 5), ~is_above & (points >= score - 5))
        assert at_the_step == pytest.approx(lift, abs=4 * error)
        for low, middle, high in ((0, score / 2, score), (score, (score + 100) / 2, 101)):
            upper, lower = (points >= middle) & (points < high), (points >= low) & (points < middle)
            slope, error = lift_between(upper, lower)
            assert abs(slope) < 4 * error


def test_effects_differ_between_turbulent_and_calm_sessions_as_planted_and_the_index_shows_which(markets):
    _, market = markets("regime")
    turbulent = {date.fromisoformat(day) for day in market.truth["turbulent_sessions"]}
    # stretches of 40 from session 40 on, every 100 of 300
    assert len(turbulent) == 120
    days = scores_and_next_returns(market)["date"].unique().sort().to_list()
    is_turbulent = np.array([day in turbulent for day in days])
    for component, in_turbulence, in_calm in (("technical", -0.10, 0.10), ("options", 0.12, 0.0)):
        daily = daily_information_coefficients(market, component)
        for sessions, planted in ((is_turbulent, in_turbulence), (~is_turbulent, in_calm)):
            mean, error = mean_and_error(daily[sessions])
            assert abs(mean - planted) < 4 * error
    vix = market.index.select(pl.col("vix_close"), shaken=pl.col("date").is_in(list(turbulent)))
    medians = dict(vix.group_by("shaken").agg(pl.col("vix_close").median()).iter_rows())
    # three times, but for the calm and nervous stretches that the volatility has anyway
    assert 2 < medians[True] / medians[False] < 4.5


def test_decaying_effects_are_gone_or_halved_when_the_truth_says(markets):
    _, market = markets("decaying")
    for component, quarters in (
        ("technical", [0.12 * left for left in (0.875, 0.625, 0.375, 0.125)]),  # linear over all 300 sessions
        # halved every 75: the mean over a quarter is the value at its start times (1 - 1/2) / ln 2 = 0.721
        ("options", [0.12 * 0.721 * left for left in (1.0, 0.5, 0.25, 0.125)]),
    ):
        daily = daily_information_coefficients(market, component)
        for place, planted in enumerate(quarters):
            mean, error = mean_and_error(daily[75 * place : 75 * (place + 1)])
            assert abs(mean - planted) < 4 * error


def test_reversing_effects_have_one_sign_before_and_the_other_from_the_stated_session_on(markets):
    _, market = markets("reversing")
    for planted in market.truth["reversing_effects"]:
        session = planted["session"]
        assert market.index["date"][session].isoformat() == planted["date"]
        daily = daily_information_coefficients(market, planted["component"])
        sign = 1 if planted["component"] == "technical" else -1
        for half, expected in ((daily[:session], 0.10 * sign), (daily[session:], -0.10 * sign)):
            mean, error = mean_and_error(half)
            assert abs(mean - expected) < 4 * error
        # sharp: 40 sessions on either side already tell
        assert sign * daily[session - 40 : session].mean() > 0.05
        assert sign * daily[session : session + 40].mean() < -0.05


def test_scores_are_correlated_as_the_matrix_of_the_truth_says(markets):
    rules, market = markets("correlated")
    scores = market.scores.drop_nulls().select(rules.components).to_numpy()
    seen = np.corrcoef(scores, rowvar=False)
    for place, one in enumerate(rules.components):
        for other_place, other in enumerate(rules.components):
            latent = market.truth["score_correlations"][one][other]
            # uniform scores of normal variables: 6 / pi arcsin(r / 2); AR(1) 0.9 leaves 1 / 19 of the sessions
            planted = 6 / np.pi * np.arcsin(latent / 2)
            error = 1 / np.sqrt(N_SYMBOLS * N_SESSIONS / 19)
            assert seen[place, other_place] == pytest.approx(planted, abs=4.5 * error)


def test_correlating_components_changes_neither_prices_nor_the_first_of_them(markets):
    rules, market = markets("correlated")
    plain_rules = replace(rules, correlated_components=())
    plain = simulate_market(plain_rules, weekdays(plain_rules))
    assert plain.scores["volume_momentum"].equals(market.scores["volume_momentum"])
    assert plain.index.equals(market.index)
    assert plain.bars["volume"].len() == market.bars["volume"].len()


def test_constant_components_are_one_number_from_the_stated_session_on_and_vary_before(markets):
    _, market = markets("constant")
    for planted in market.truth["constant_components"]:
        daily = market.scores.group_by("date").agg(pl.col(planted["component"]).drop_nulls().n_unique(), pl.len())
        from_day = date.fromisoformat(planted["date"])
        before = daily.filter(pl.col("date") < from_day)[planted["component"]]
        after = market.scores.filter(pl.col("date") >= from_day)[planted["component"]].drop_nulls()
        assert after.unique().to_list() == [planted["score"]]
        assert before.is_empty() or before.min() > 200
    last = market.truth["information_coefficients_by_session"][-1]["information_coefficients"]
    assert (last["catalyst"], last["sentiment"], last["technical"]) == (None, None, 0.10)


def session_residuals(market):
    """Log returns from open to close, less the session's median, over the session's spread; sessions pooled."""
    spread = 0.5 * (pl.col("r").quantile(0.75) - pl.col("r").quantile(0.25)).over("date")
    returns = market.bars.select("date", r=(pl.col("close") / pl.col("open")).log())
    return returns.select((pl.col("r") - pl.col("r").median().over("date")) / spread).to_series().to_numpy()


def test_own_returns_have_the_tails_of_students_t_and_the_usual_variance(markets):
    _, heavy = markets("heavy_tails")
    rules, usual = markets("linear")
    assert heavy.truth["student_returns"] == {"degrees_of_freedom": 3.0}
    assert usual.truth["student_returns"] is None
    residuals = session_residuals(heavy)
    n = len(residuals)
    # spread is half the interquartile range, that of t with 3 degrees of freedom is 0.765
    for probability in (0.01, 0.001, 0.0001):
        expected = t.isf(probability, 3) / t.isf(0.25, 3)
        share = (np.abs(residuals) > expected).mean() / 2
        assert share == pytest.approx(probability, rel=4 / np.sqrt(2 * n * probability) + 0.05)
    assert kurtosis(residuals) > 4 * kurtosis(session_residuals(usual)) > 8
    bounded = replace(rules, student_returns=StudentReturns(degrees_of_freedom=8.0))
    moderate = simulate_market(bounded, weekdays(bounded)).bars
    variances = [
        frame.select(((pl.col("close") / pl.col("open")).log()).var().over("date", mapping_strategy="explode")).mean()
        for frame in (moderate, usual.bars)
    ]
    assert variances[0].item() == pytest.approx(variances[1].item(), rel=0.03)


def test_delisted_symbols_end_at_the_stated_rate_and_what_hangs_on_them_goes_missing(markets):
    _, market = markets("delistings")
    sessions = market.index["date"].to_list()
    ends = {symbol: date.fromisoformat(day) for symbol, day in market.truth["delistings"]["last_sessions"].items()}
    share = 1 - 0.9 ** ((N_SESSIONS - 1) / 252)
    assert len(ends) / N_SYMBOLS == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / N_SYMBOLS))
    last_bars = dict(market.bars.group_by("symbol").agg(pl.col("date").max()).iter_rows())
    place = {day: number for number, day in enumerate(sessions)}
    for symbol, last in last_bars.items():
        end = ends.get(symbol, sessions[-1])
        assert last <= end
        assert place[end] - place[last] < 5  # one bar of a hundred is missing anyway
    scored_after = market.scores.filter(
        pl.col("date") > pl.col("symbol").replace_strict(ends, default=sessions[-1], return_dtype=pl.Date)
    )
    assert scored_after.is_empty()
    opened = {m["change_data"]["trade_id"]: m for m in market.trades if m["change_type"] == "OPEN"}
    closed = {m["change_data"]["trade_id"] for m in market.trades if m["change_type"] == "CLOSE"}
    left_open = [m for trade, m in opened.items() if trade not in closed]
    stuck = [m for m in left_open if datetime.fromisoformat(m["timestamp"]).date() < sessions[-20]]
    assert stuck
    assert {m["symbol"] for m in stuck} <= set(ends)


def test_symbols_that_are_delisted_leave_the_others_as_they_were(markets):
    rules, market = markets("delistings")
    immortal_rules = replace(rules, delistings=None)
    immortal = simulate_market(immortal_rules, weekdays(immortal_rules))
    common = immortal.bars.join(market.bars.select("symbol", "date"), on=["symbol", "date"], how="semi")
    assert common.equals(market.bars)
    assert immortal.index.equals(market.index)


def shares_right(market, rules):
    """(is AI, from the middle on, confidence, whether right) of every thesis whose five sessions are in the frame."""
    sessions = market.index["date"].to_list()
    number = {day: place for place, day in enumerate(sessions)}
    price = {(symbol, day): (opened, close) for symbol, day, opened, _, _, close, _ in market.bars.iter_rows()}
    for message in market.theses:
        thesis = message["thesis"]
        place = number[datetime.fromisoformat(thesis["generated_at"]).date()]
        if place + 5 >= len(sessions):
            continue
        moved = round(
            price[message["symbol"], sessions[place + 5]][1] / price[message["symbol"], sessions[place + 1]][0] - 1, 9
        )
        right = {"BUY_MORE": moved > 0.05, "HOLD": abs(moved) <= 0.05, "TRIM": moved < 0, "LIQUIDATE": moved < -0.05}
        yield thesis["ai_generated"], place >= rules.n_sessions // 2, thesis, right[thesis["recommendation"]]


def assert_right_as_often_as(chances, rights):
    chances, rights = np.array(chances), np.array(rights)
    assert len(chances) > 60
    assert abs(rights.sum() - chances.sum()) < 4 * np.sqrt((chances * (1 - chances)).sum())


def test_theses_are_calibrated_unless_the_scenario_says_otherwise(markets):
    for name, ai_overstates, rules_overstate in (("null", 0.0, 0.0), ("miscalibrated", 0.20, -0.10)):
        rules, market = markets(name)
        rows = list(shares_right(market, rules))
        for is_ai, overstates in ((True, ai_overstates), (False, rules_overstate)):
            of_source = [(thesis["confidence"] - overstates, right) for ai, _, thesis, right in rows if ai is is_ai]
            assert_right_as_often_as(*zip(*of_source, strict=True))


def test_the_planted_failure_is_there_from_the_middle_on_and_nowhere_else(markets):
    rules, market = markets("failing")
    failing, sound = [], []
    for is_ai, is_late, thesis, right in shares_right(market, rules):
        fails = is_ai and is_late and thesis["recommendation"] == "BUY_MORE" and thesis["confidence"] >= 0.7
        (failing if fails else sound).append((0.05 if fails else thesis["confidence"], right))
    assert_right_as_often_as(*zip(*failing, strict=True))
    assert_right_as_often_as(*zip(*sound, strict=True))


@pytest.mark.parametrize("name", ["threshold", "regime", "decaying", "reversing", "constant", "heavy_tails"])
def test_a_truth_about_returns_changes_no_random_number_of_anything_else(markets, name):
    _, market = markets(name)
    _, plain = markets("null")
    untouched = {"threshold": plain.scores.columns, "decaying": plain.scores.columns}.get(
        name, ["date", "symbol", "technical", "options"]
    )
    assert market.scores.select(untouched).equals(plain.scores.select(untouched))
    assert market.bars.select("symbol", "date").equals(plain.bars.select("symbol", "date"))
    if name != "regime":
        assert market.index.equals(plain.index)
