import numpy as np
import pytest

from amc_learning.learning.exits import Entries, ExitRule, simulate_exits
from amc_learning.learning.exits.measures import drawdowns, measures, reproduced
from amc_learning_tests.learning.exits.worlds import World, sample


def fall(returns, sessions):
    found = drawdowns(
        np.array([returns], float), np.array([sessions]), mean_block=5, generator=np.random.default_rng(1)
    )
    return found.estimate[0]


class TestDrawdowns:
    def test_are_the_deepest_fall_from_the_highest_sum_before(self):
        # Sums 0.1, -0.1, 0.2, -0.2, 0.0: deepest from 0.2 to -0.2.
        assert fall([0.1, -0.2, 0.3, -0.4, 0.2], [1, 2, 3, 4, 5]) == pytest.approx(0.4)

    def test_count_a_loss_at_the_start(self):
        assert fall([-0.2, 0.5], [1, 2]) == pytest.approx(0.2)

    def test_of_gains_alone_are_nothing(self):
        assert fall([0.1, 0.2], [1, 2]) == 0

    def test_follow_the_session_of_the_exit_not_the_order_of_trades(self):
        # Sold together, the gain covers the loss.
        assert fall([-0.2, 0.5], [3, 3]) == 0

    def test_have_no_interval_over_a_few_sessions_and_one_around_long_histories(self):
        few = drawdowns(np.ones((1, 3)), np.array([[1, 2, 3]]), mean_block=5, generator=np.random.default_rng(1))
        assert np.isnan(few.ci_low).all()
        returns = np.random.default_rng(2).standard_normal((1, 300)) * 0.05
        long = drawdowns(returns, np.arange(300)[None], mean_block=5, generator=np.random.default_rng(1))
        assert 0 < long.ci_low[0] < long.ci_high[0]


def test_measures_are_plain_means_over_trades():
    history = sample(World(n_days=300, trades_per_day=3), np.random.default_rng(1))
    exits = simulate_exits(history.entries, history.panel, [ExitRule(0.08, 0.15, 30), ExitRule(None, None, 5)])
    entered = history.entries.session
    found = measures(
        exits.returns,
        entered + exits.held_sessions - 1,
        entered,
        overlap_sessions=30,
        generator=np.random.default_rng(1),
    )
    assert found.expectancy.estimate == pytest.approx(exits.returns.mean(axis=1))
    assert found.win_rate.estimate == pytest.approx((exits.returns > 0).mean(axis=1))
    assert found.mean_holding_sessions == pytest.approx(exits.held_sessions.mean(axis=1))
    assert found.mean_holding_sessions[1] == 5
    assert (found.expectancy.ci_low < found.expectancy.estimate).all()


def test_the_rule_that_was_followed_gives_back_every_trade():
    history = sample(World(n_days=100), np.random.default_rng(1), rule=ExitRule(0.06, 0.10, 20))
    rules = [ExitRule(0.08, 0.15, 30), ExitRule(0.06, 0.10, 20)]
    exits = simulate_exits(history.entries, history.panel, rules)
    found = reproduced(exits, history.entries.session, history.actual_exit_session, history.actual_exit_price_usd)
    assert found[1] == len(history.entries) == 500
    assert found[0] < 250


def test_entries_can_be_chosen_from():
    entries = Entries(np.arange(3), np.arange(3), np.ones(3), np.ones(3, dtype=bool))
    assert len(entries.only(np.array([True, False, True]))) == 2
