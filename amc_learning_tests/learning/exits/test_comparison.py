from datetime import date

import numpy as np
import polars as pl
import pytest

from amc_learning.contracts.declared.exits import exit_advice, exit_strategies
from amc_learning.learning.exits import ExitRule, advice_row, compare_exits, strategy_rows
from amc_learning.learning.exits.advice import advise
from amc_learning.learning.exits.grid import GRID, HOLD_TO_THE_LIMIT
from amc_learning_tests.learning.exits.worlds import AS_DONE, World, sample
from amc_learning_tests.truth.exits_study import COMES_BACK

WEEK = date(2014, 12, 12)


def compared(world, seed=1, **options):
    return compare_exits(sample(world, np.random.default_rng(seed), **options), seed=[seed])


@pytest.fixture(scope="module")
def reverting():
    return compared(COMES_BACK)


@pytest.fixture(scope="module")
def walk():
    return compared(World())


class TestTheGrid:
    def test_holds_every_setting_once_and_the_rule_of_the_feed(self):
        assert len({rule.text for rule in GRID}) == len(GRID) == 212
        assert AS_DONE in GRID


class TestRows:
    def test_are_those_of_the_declared_tables(self, walk):
        assert strategy_rows(walk, WEEK).schema == exit_strategies().schema
        assert advice_row(walk, WEEK).schema == exit_advice().schema

    def test_the_rule_that_was_followed_differs_in_nothing(self, walk):
        row = strategy_rows(walk, WEEK).row(by_predicate=pl.col("setting") == AS_DONE.text, named=True)
        done = strategy_rows(walk, WEEK).row(by_predicate=pl.col("setting") == "as done", named=True)
        assert row["difference"] == 0
        assert row["adjusted_p_value"] == 1
        for name in (
            "expectancy",
            "expectancy_ci_low",
            "win_rate",
            "stop_rate",
            "mean_holding_sessions",
            "max_drawdown",
        ):
            assert row[name] == done[name]
        advice = advice_row(walk, WEEK).row(0, named=True)
        assert advice["reproducing_setting"] == AS_DONE.text
        assert advice["n_trades_reproduced"] == advice["n_trades"] == 3750

    def test_no_adjusted_p_value_is_below_its_own(self, walk):
        rows = strategy_rows(walk, WEEK).drop_nulls("p_value")
        # The rotations leave half a per cent of error.
        assert (rows["adjusted_p_value"] >= rows["p_value"] - 0.005).all()

    def test_one_setting_is_the_best_of_the_sample(self, walk):
        rows = strategy_rows(walk, WEEK)
        best = rows.filter("is_best_in_sample")
        assert best.height == 1
        assert best["expectancy"].item() == rows.filter(pl.col("setting") != "as done")["expectancy"].max()


class TestAdvice:
    def test_prices_that_come_back_advise_to_drop_the_stop(self, reverting):
        advice = advice_row(reverting, WEEK).row(0, named=True)
        assert advice["decision"] == "change"
        assert advice["stop_loss"] is None or advice["stop_loss"] > 0.08
        assert advice["out_of_sample_difference_ci_low"] > 0
        assert strategy_rows(reverting, WEEK).filter("is_recommended")["setting"].to_list() == [
            advice["recommended_setting"]
        ]
        assert advice["reason"].startswith("Change:")

    def test_a_chance_too_small_to_count_is_said_to_be_below_a_bound(self, reverting):
        judged = reverting.judgement
        advice = advise(
            [rule.text for rule in GRID],
            surest=judged.surest,
            gains=judged.gains,
            adjusted_p_values=np.full(len(GRID), 0.0005),
            n_different=len(GRID),
            forward=judged.forward.gain,
            n_trades=3750,
            n_days=judged.n_days,
            overlap_sessions=judged.overlap_sessions,
            basis="trades",
        )
        assert "(p < 0.001 after 212 settings tried)" in advice.reason

    def test_a_random_walk_advises_to_keep_what_is_done(self, walk):
        advice = advice_row(walk, WEEK).row(0, named=True)
        assert advice["decision"] == "keep"
        assert advice["recommended_setting"] is None
        assert not strategy_rows(walk, WEEK)["is_recommended"].any()

    def test_half_a_year_is_not_enough_and_the_reason_says_how_many_days_are(self):
        found = compared(World(n_days=120))
        advice = advice_row(found, WEEK).row(0, named=True)
        assert advice["decision"] == "insufficient_evidence"
        assert "about 450 are needed" in advice["reason"]
        rows = strategy_rows(found, WEEK)
        assert rows["expectancy"].null_count() == 0
        assert rows["adjusted_p_value"].null_count() == rows.height


@pytest.mark.parametrize(("n_days", "decision"), [(430, "insufficient_evidence"), (450, "keep")])
def test_there_is_an_answer_from_as_many_days_as_the_reason_names(n_days, decision):
    assert compared(World(n_days=n_days, trades_per_day=2)).judgement.advice.decision == decision


def test_settings_that_hardly_differ_are_tried_and_no_change():
    history = sample(World(n_days=500, trades_per_day=2), np.random.default_rng(1), rule=HOLD_TO_THE_LIMIT)
    judged_alone = compare_exits(history, seed=[1], rules=[ExitRule(0.08, None, 30)]).judgement
    # Of shares that move 12 % in 30 sessions, few lose a quarter.
    hardly = [ExitRule(stop, None, 30) for stop in (0.26, 0.28, 0.3, 0.32)]
    judged = compare_exits(history, seed=[1], rules=[ExitRule(0.08, None, 30), *hardly]).judgement
    gains = judged.gains.standard_deviation[1:]
    assert (gains > 0).any()
    assert (judged.tests.adjusted_p_values[1:] == 1).all()
    assert judged.tests.adjusted_p_values[0] > judged_alone.tests.adjusted_p_values[0]
    assert judged.forward.chosen == judged_alone.forward.chosen


@pytest.mark.parametrize(
    ("n_days", "decision", "said"), [(500, "keep", "none of 2"), (120, "insufficient_evidence", "about 450 are needed")]
)
def test_without_a_setting_that_differs_days_are_missing_only_where_there_are_too_few(n_days, decision, said):
    history = sample(World(n_days=n_days, trades_per_day=2), np.random.default_rng(1), rule=HOLD_TO_THE_LIMIT)
    found = compare_exits(history, seed=[1], rules=[HOLD_TO_THE_LIMIT, ExitRule(0.9, None, 30)]).judgement.advice
    assert found.decision == decision
    assert said in found.reason


def test_the_same_sample_gives_the_same_rows():
    first, second = (strategy_rows(compared(World(n_days=200), seed=5), WEEK) for _ in range(2))
    assert first.equals(second)


def test_a_trade_one_setting_has_no_price_for_is_left_out_of_all():
    history = sample(World(n_days=60), np.random.default_rng(1))
    trade = 7
    # No bar on the fifth session held: only settings with a limit of five sessions miss their exit.
    code, session = history.entries.code[trade], history.entries.session[trade] + 4
    for prices in (history.panel.opens, history.panel.highs, history.panel.lows, history.panel.closes):
        prices[code, session] = np.nan
    found = compare_exits(history, seed=[1])
    n_hit = int(((history.entries.code == code) & (history.entries.session + 4 == session)).sum())
    assert found.sample.n_unusable >= n_hit
    assert len(found.sample.entries) + found.sample.n_unusable == 300


def test_a_single_trade_is_measured_and_judged_by_nothing():
    found = compared(World(n_days=1, trades_per_day=1))
    rows, advice = strategy_rows(found, WEEK), advice_row(found, WEEK).row(0, named=True)
    assert rows["expectancy"].null_count() == 0
    assert rows["expectancy_ci_low"].null_count() == rows.height == 213
    assert (advice["decision"], advice["n_trades"], advice["n_folds"]) == ("insufficient_evidence", 1, 0)


def test_any_rules_can_be_compared():
    history = sample(World(n_days=250), np.random.default_rng(1))
    found = compare_exits(history, seed=[1], rules=[ExitRule(0.05, 0.05, 10), ExitRule(None, None, 20, 0.1)])
    assert strategy_rows(found, WEEK)["setting"].to_list() == [
        "as done",
        "stop 5 %, target 5 %, 10 sessions",
        "trailing stop 10 %, no target, 20 sessions",
    ]
