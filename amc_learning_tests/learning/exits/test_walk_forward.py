from itertools import pairwise

import numpy as np
import pytest

from amc_learning.learning.exits.daily_gains import EntryDays, daily_series
from amc_learning.learning.exits.walk_forward import choose, folds, walk_forward


def trades(n_days=300, per_day=2, n_settings=4, seed=1):
    generator = np.random.default_rng(seed)
    session = np.repeat(np.arange(n_days), per_day)
    gains = generator.standard_normal((n_settings, len(session))) * 0.05
    gains[0] = 0.0
    return session, gains


def judged(session, gains, *, held=5):
    return walk_forward(gains, EntryDays.of(session), session + held - 1, overlap_sessions=held)


class TestDailySeries:
    def test_have_the_mean_over_trades_however_many_a_day_has(self):
        generator = np.random.default_rng(1)
        session = np.sort(generator.integers(0, 30, 200))
        returns = generator.standard_normal((3, 200))
        days = EntryDays.of(session)
        series = daily_series(days.sums(returns), days.n_trades)
        assert series.mean(axis=0) == pytest.approx(returns.mean(axis=1))

    def test_refuse_trades_out_of_order(self):
        with pytest.raises(ValueError, match="in the order"):
            EntryDays.of(np.array([2, 1]))


class TestFolds:
    @pytest.mark.parametrize("n_days", [0, 1, 7, 100, 751])
    def test_follow_each_other_to_the_last_day(self, n_days):
        stretches = folds(n_days)
        assert stretches[0][0] == n_days // 3
        assert stretches[-1][1] == n_days
        assert all(before[1] == after[0] for before, after in pairwise(stretches))


def test_the_future_changes_no_choice():
    session, gains = trades()
    changed = gains.copy()
    start, _ = folds(300)[2]
    changed[:, session >= start] = np.random.default_rng(9).standard_normal((4, int((session >= start).sum())))
    before, after = judged(session, gains), judged(session, changed)
    assert before.chosen[:3] == after.chosen[:3]


def test_trades_not_over_before_a_stretch_have_no_say_in_what_is_chosen_for_it():
    session, gains = trades()
    start, _ = folds(300)[0]
    # Entered before the first stretch, over in it: however good, they choose nothing.
    overlapping = (session < start) & (session + 5 - 1 >= start)
    changed = gains.copy()
    changed[3, overlapping] = 10.0
    assert judged(session, gains).chosen[0] == judged(session, changed).chosen[0]


def test_a_setting_that_is_always_better_is_chosen_and_its_gain_is_measured():
    session, gains = trades()
    gains[2] += 0.03
    found = judged(session, gains)
    assert found.chosen == (2,) * 5
    start = folds(300)[0][0]
    assert found.gain.estimate == pytest.approx(gains[2, session >= start].mean())
    assert found.gain.ci_low > 0
    assert found.is_judged.sum() == 200


def test_a_setting_that_was_only_good_early_gains_nothing_later():
    session, gains = trades()
    gains[1, session < 100] += 0.05
    gains[1, session >= 100] -= 0.02
    assert judged(session, gains).gain.estimate < 0


def test_of_two_equal_means_the_surer_is_chosen():
    generator = np.random.default_rng(3)
    gains = np.stack([0.01 + 0.2 * generator.standard_normal(400), 0.01 + 0.01 * generator.standard_normal(400)])
    gains += 0.01 - gains.mean(axis=1, keepdims=True)
    days = EntryDays.of(np.arange(400))
    assert choose(days.sums(gains), days.n_trades, overlap_sessions=5) == 1


def test_too_short_a_history_chooses_nothing():
    session, gains = trades(n_days=60)
    found = judged(session, gains, held=30)
    assert found.chosen == ()
    assert found.gain.estimate is None
    assert not found.is_judged.any()
