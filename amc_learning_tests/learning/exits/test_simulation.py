import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amc_learning.learning.exits import Entries, ExitReason, ExitRule, simulate_exits
from amc_learning.learning.exits.grid import GRID
from amc_learning.learning.price_panel import PricePanel
from amc_learning_tests.learning.exits.reference import walked

MISSING = (np.nan, np.nan, np.nan, np.nan)
RULE = ExitRule(0.08, 0.15, 3)
FLAT = (100.0, 101.0, 99.0, 100.0)


def panel_of(*bars):
    columns = np.array(bars, dtype=float).T[:, None, :]
    return PricePanel(0, *columns, np.ones(len(bars), dtype=bool))


def bought(price=100.0, *, session=0, is_from_open=True):
    return Entries(np.array([0]), np.array([session]), np.array([price]), np.array([is_from_open]))


def sold(*bars, rule=RULE, entries=None):
    exits = simulate_exits(entries or bought(), panel_of(*bars), [rule])
    return ExitReason(exits.reason[0, 0]), int(exits.held_sessions[0, 0]), float(exits.price_usd[0, 0])


class TestWithinABar:
    def test_a_low_at_the_stop_sells_at_the_stop(self):
        assert sold(FLAT, (100, 101, 92, 95), FLAT) == (ExitReason.STOP_LOSS, 2, 92.0)

    def test_a_high_at_the_target_sells_at_the_target(self):
        assert sold(FLAT, (100, 115, 99, 110), FLAT) == (ExitReason.PROFIT_TARGET, 2, pytest.approx(115))

    def test_both_in_one_bar_are_the_stop(self):
        assert sold(FLAT, (100, 120, 90, 100), FLAT) == (ExitReason.STOP_LOSS, 2, 92.0)

    def test_the_entry_session_can_already_stop_out(self):
        assert sold((100, 101, 91, 95), FLAT, FLAT) == (ExitReason.STOP_LOSS, 1, 92.0)

    def test_neither_sells_at_the_close_of_the_last_session(self):
        assert sold(FLAT, FLAT, (100, 103, 99, 102)) == (ExitReason.TIME_EXIT, 3, 102.0)

    def test_a_level_on_the_last_session_comes_before_its_close(self):
        assert sold(FLAT, FLAT, (100, 103, 91, 102)) == (ExitReason.STOP_LOSS, 3, 92.0)


class TestGaps:
    def test_below_the_stop_fill_at_the_open(self):
        assert sold(FLAT, (85, 120, 80, 110), FLAT) == (ExitReason.STOP_LOSS, 2, 85.0)

    def test_above_the_target_fill_at_the_open(self):
        assert sold(FLAT, (120, 121, 118, 119), FLAT) == (ExitReason.PROFIT_TARGET, 2, 120.0)

    def test_above_the_target_sell_before_the_stop_of_the_same_bar(self):
        assert sold(FLAT, (120, 121, 90, 95), FLAT) == (ExitReason.PROFIT_TARGET, 2, 120.0)


class TestMissingBars:
    def test_sell_nothing_and_are_counted(self):
        assert sold(FLAT, MISSING, (90, 91, 89, 90)) == (ExitReason.STOP_LOSS, 3, 90.0)
        exits = simulate_exits(bought(), panel_of(FLAT, MISSING, FLAT), [RULE])
        assert exits.n_missing_bars.item() == 1

    def test_on_the_limit_leave_no_price_rather_than_another_days(self):
        reason, held, price = sold(FLAT, FLAT, MISSING, FLAT)
        assert (reason, held) == (ExitReason.MISSING_EXIT_BAR, 0)
        assert np.isnan(price)

    def test_after_a_delisting_every_limit_is_flagged(self):
        exits = simulate_exits(bought(), panel_of(FLAT, *[MISSING] * 39), GRID)
        assert (exits.reason == ExitReason.MISSING_EXIT_BAR).all()
        assert np.isnan(exits.price_usd).all()


class TestTheEndOfKnowledge:
    def test_a_trade_whose_limit_lies_behind_it_is_open(self):
        assert sold(FLAT, FLAT)[:2] == (ExitReason.OPEN, 0)

    def test_a_trade_stopped_out_before_is_closed(self):
        assert sold(FLAT, (91, 92, 90, 91)) == (ExitReason.STOP_LOSS, 2, 91.0)

    def test_what_comes_after_the_exit_changes_nothing(self):
        generator = np.random.default_rng(1)
        bars = [random_bar(generator) for _ in range(40)]
        whole = simulate_exits(bought(), panel_of(*bars), GRID)
        held = whole.held_sessions[:, 0]
        for row, rule in enumerate(GRID):
            if held[row]:
                known = bars[: held[row]]
                assert sold(*known, rule=rule) == sold(*bars, rule=rule)


class TestTrailingStops:
    def test_follow_the_highs_of_earlier_sessions(self):
        rule = ExitRule(None, None, 5, trailing_stop=0.10)
        assert sold(FLAT, (101, 120, 100, 118), (118, 119, 107, 110), rule=rule) == (ExitReason.TRAILING_STOP, 3, 108.0)

    def test_do_not_know_whether_a_high_came_before_the_low_of_its_bar(self):
        rule = ExitRule(None, None, 2, trailing_stop=0.10)
        assert sold(FLAT, (101, 120, 100, 118), rule=rule) == (ExitReason.TIME_EXIT, 2, 118.0)

    def test_under_a_fixed_stop_the_higher_level_counts(self):
        rule = ExitRule(0.05, None, 5, trailing_stop=0.10)
        assert sold(FLAT, (100, 101, 94, 96), rule=rule) == (ExitReason.STOP_LOSS, 2, 95.0)


def test_of_a_session_bought_in_after_the_open_only_the_close_counts():
    late = bought(is_from_open=False)
    assert sold((100, 130, 80, 101), FLAT, (100, 103, 99, 102), entries=late) == (ExitReason.TIME_EXIT, 3, 102.0)


class TestTheEntrySession:
    """Bought at 100 in a session that opened at 120: nothing was sold at that open."""

    def test_a_target_below_its_open_is_filled_at_the_target(self):
        assert sold((120, 121, 99, 101), FLAT) == (ExitReason.PROFIT_TARGET, 1, pytest.approx(115.0))

    def test_a_stop_in_the_same_bar_comes_first(self):
        assert sold((120, 121, 91, 95), FLAT) == (ExitReason.STOP_LOSS, 1, pytest.approx(92.0))

    def test_bought_in_after_the_open_and_closed_above_the_target_is_filled_at_the_target(self):
        late = bought(is_from_open=False)
        assert sold((100, 121, 99, 120), FLAT, entries=late) == (ExitReason.PROFIT_TARGET, 1, pytest.approx(115.0))


@pytest.mark.parametrize(
    "levels", [(0.0, 0.1, 5), (1.0, 0.1, 5), (0.1, 0.0, 5), (0.1, 0.1, 0), (0.1, 0.1, 5, -0.1)], ids=str
)
def test_rules_that_cannot_be_meant_are_refused(levels):
    with pytest.raises(ValueError, match=r"stop|target|max_sessions"):
        ExitRule(*levels)


def test_entries_outside_the_panel_are_refused():
    with pytest.raises(ValueError, match="session of the panel"):
        simulate_exits(bought(session=3), panel_of(FLAT, FLAT), [RULE])
    with pytest.raises(ValueError, match="price paid"):
        simulate_exits(bought(0.0), panel_of(FLAT, FLAT), [RULE])


def random_bar(generator, share_missing=0.0):
    if generator.random() < share_missing:
        return MISSING
    opened, close = 100 * np.exp(0.08 * generator.standard_normal(2))
    return opened, max(opened, close) * 1.02, min(opened, close) * 0.98, close


LEVELS = st.sampled_from([None, 0.03, 0.08, 0.15])


@given(
    seed=st.integers(0, 10**6),
    rules=st.lists(st.builds(ExitRule, LEVELS, LEVELS, st.integers(1, 12), LEVELS), min_size=1, max_size=6),
)
@settings(max_examples=60, deadline=None)
def test_whole_grids_agree_with_one_trade_and_one_bar_at_a_time(seed, rules):
    generator = np.random.default_rng(seed)
    bars = [[random_bar(generator, 0.1) for _ in range(15)] for _ in range(4)]
    panel = PricePanel(100, *np.moveaxis(np.array(bars), -1, 0), np.ones(15, dtype=bool))
    code, session = generator.integers(0, 4, 20), generator.integers(0, 15, 20)
    price = 100 * np.exp(0.05 * generator.standard_normal(20))
    exits = simulate_exits(Entries(code, session + 100, price, np.ones(20, dtype=bool)), panel, rules)
    for row, rule in enumerate(rules):
        for trade in range(20):
            reason, held, paid = walked(price[trade], bars[code[trade]][session[trade] :], rule)
            assert ExitReason(exits.reason[row, trade]) == reason
            assert exits.held_sessions[row, trade] == held
            assert exits.price_usd[row, trade] == pytest.approx(paid, rel=1e-12, nan_ok=True)
