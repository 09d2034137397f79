import numpy as np
import pytest
from arch.bootstrap import SPA
from purgedcv import deflated_sharpe_ratio as purged_deflated_sharpe_ratio

from amc_learning.learning.exits.superiority import (
    N_ROTATIONS,
    adjusted_p_values,
    block_counts,
    block_indices,
    deflated_sharpe_ratio,
    superior_predictive_ability,
    superiority,
)
from amc_learning.learning.inference import mean_inferences

N_DAYS, N_SETTINGS = 400, 30


def gains_of(seed, *, best=0.0, n_days=N_DAYS, n_settings=N_SETTINGS):
    """Correlated settings with autocorrelated days; the first is better by `best`."""
    generator = np.random.default_rng(seed)
    noise = generator.standard_normal((n_days + 4, n_settings)) + generator.standard_normal((n_days + 4, 1))
    gains = sum(noise[lag : n_days + lag] for lag in range(5)) / 5
    gains[:, 0] += best
    return gains


class TestHansensTest:
    @pytest.mark.parametrize("best", [0.0, 0.1, 0.2, 0.4])
    @pytest.mark.parametrize("seed", [1, 2])
    def test_gives_the_p_values_of_an_independent_library(self, seed, best):
        gains = gains_of(seed, best=best)
        gains[:, 1] -= 0.3  # a bad setting: the consistent p-value disregards it, the reality check does not
        ours = superior_predictive_ability(gains, mean_block=10, generator=np.random.default_rng(3), n_resamples=4000)
        spa = SPA(np.zeros(N_DAYS), -gains, block_size=10, reps=4000, bootstrap="stationary", seed=4)
        spa.compute()
        # Two Monte-Carlo shares of 4000 differ by less than four of their standard errors.
        for mine, theirs in zip(ours, (spa.pvalues["consistent"], spa.pvalues["upper"]), strict=True):
            assert mine == pytest.approx(theirs, abs=4 * np.sqrt(2 * max(theirs, 1e-3) / 4000))

    def test_settings_that_never_differ_cannot_win(self):
        assert superior_predictive_ability(np.zeros((50, 3)), mean_block=5, generator=np.random.default_rng(1)) == (
            1,
            1,
        )


class TestAdjustedPValues:
    def test_of_one_setting_are_those_of_the_t_ratio(self):
        for seed in range(5):
            gains = gains_of(seed, best=0.15, n_settings=1)
            found = mean_inferences(gains, overlap_sessions=5)
            one_sided = found.p_value[0] / 2 if found.estimate[0] > 0 else 1 - found.p_value[0] / 2
            adjusted = adjusted_p_values(
                gains, overlap_sessions=5, generator=np.random.default_rng(seed), n_rotations=20_000
            )
            assert adjusted[0] == pytest.approx(one_sided, abs=0.012)

    def test_of_copies_of_one_setting_pay_nothing_for_their_number(self):
        gains = gains_of(3, best=0.2, n_settings=1)
        alone, copied = (
            adjusted_p_values(np.repeat(gains, n, axis=1), overlap_sessions=5, generator=np.random.default_rng(1))
            for n in (1, 50)
        )
        assert copied == pytest.approx(np.repeat(alone, 50))

    def test_grow_with_the_number_of_different_settings(self):
        gains = gains_of(3, best=0.2)
        few, many = (
            adjusted_p_values(gains[:, :n], overlap_sessions=5, generator=np.random.default_rng(1))[0]
            for n in (2, N_SETTINGS)
        )
        assert few < many

    def test_order_settings_as_their_t_ratios_do(self):
        gains = gains_of(4)
        found = mean_inferences(gains, overlap_sessions=5)
        ratio = found.estimate / (found.ci_high - found.estimate)
        adjusted = adjusted_p_values(gains, overlap_sessions=5, generator=np.random.default_rng(1))
        assert (np.diff(adjusted[np.argsort(-ratio)]) >= 0).all()

    def test_do_not_depend_on_the_unit_of_a_setting(self):
        gains = gains_of(5, best=0.2)
        scaled = gains * np.linspace(0.5, 20, N_SETTINGS)
        first, second = (
            adjusted_p_values(values, overlap_sessions=5, generator=np.random.default_rng(1))
            for values in (gains, scaled)
        )
        assert first == pytest.approx(second)

    def test_too_few_days_say_nothing(self):
        found = adjusted_p_values(gains_of(1, n_days=100), overlap_sessions=30, generator=np.random.default_rng(1))
        assert np.isnan(found).all()

    def test_settings_that_never_differ_have_no_claim(self):
        gains = gains_of(1)
        gains[:, 3] = 0.0
        assert adjusted_p_values(gains, overlap_sessions=5, generator=np.random.default_rng(1))[3] == 1


class TestBlocks:
    def test_have_the_mean_length_asked_for_and_wrap_around(self):
        indices = block_indices(500, 20, 200, np.random.default_rng(1))
        follows = (indices[:, 1:] - indices[:, :-1]) % 500 == 1
        # A new block starts on 1 of 20 days, and by chance follows the old one on 1 of 500 of these.
        assert 1 - follows.mean() == pytest.approx(1 / 20 * (1 - 1 / 500), rel=0.05)
        assert indices.min() == 0
        assert indices.max() == 499

    def test_counts_hold_as_many_days_as_there_are(self):
        assert (block_counts(37, 5, 11, np.random.default_rng(2)).sum(axis=1) == 37).all()


class TestTheDeflatedSharpeRatio:
    def test_of_a_worthless_best_is_a_coin_or_less(self):
        generator = np.random.default_rng(1)
        found = []
        for _ in range(50):
            tried = generator.standard_normal((250, 100)).mean(axis=0)
            found.append(
                deflated_sharpe_ratio(
                    tried.max(),
                    deviation_over_trials=tried.std(ddof=1),
                    n_tried=100,
                    n_effective=250,
                    skewness=0,
                    kurtosis=3,
                )
            )
        assert np.mean(found) == pytest.approx(0.5, abs=0.1)

    @pytest.mark.parametrize("n_tried", [2, 20, 212])
    def test_is_that_of_an_independent_library(self, n_tried):
        returns = np.random.default_rng(n_tried).standard_t(4, 500) * 0.01 + 0.001
        standard = (returns - returns.mean()) / returns.std()
        ours = deflated_sharpe_ratio(
            returns.mean() / returns.std(ddof=1),
            deviation_over_trials=0.02,
            n_tried=n_tried,
            n_effective=500,
            skewness=(standard**3).mean(),
            kurtosis=(standard**4).mean(),
        )
        # Whether moments divide by n or n - 1 moves the third decimal.
        assert ours == pytest.approx(purged_deflated_sharpe_ratio(returns, n_tried, 0.02**2), abs=1e-3)

    def test_falls_as_more_are_tried(self):
        arguments = {"deviation_over_trials": 0.05, "n_effective": 250, "skewness": 0, "kurtosis": 3}
        few, many = (deflated_sharpe_ratio(0.15, n_tried=n, **arguments) for n in (2, 1000))
        assert few > many
        assert deflated_sharpe_ratio(0.15, n_tried=1, **arguments) is None


def all_tests(gains, can_win):
    return superiority(
        gains,
        can_win=can_win,
        overlap_sessions=5,
        n_effective=np.full(gains.shape[1], 80.0),
        generator=np.random.default_rng(1),
    )


class TestSettingsThatCannotWin:
    def test_count_as_tried_in_every_test(self):
        gains = gains_of(3, best=0.2)
        few, many = (all_tests(gains[:, :n], np.arange(n) < 3) for n in (3, N_SETTINGS))
        assert few.adjusted_p_values[0] < many.adjusted_p_values[0]
        assert few.spa_p_value <= many.spa_p_value
        assert few.deflated_sharpe_ratio > many.deflated_sharpe_ratio

    def test_claim_nothing_however_good_they_look(self):
        gains = gains_of(3)
        gains[:, 7] += 5.0
        found, every = (
            all_tests(gains, can_win) for can_win in (np.arange(N_SETTINGS) != 7, np.full(N_SETTINGS, True))
        )
        assert every.adjusted_p_values[7] == 1 / (1 + N_ROTATIONS)
        assert found.adjusted_p_values[7] == 1
        assert found.spa_p_value > every.spa_p_value == 0
        # Were the setting that cannot win taken for the best, this would be 1.
        assert found.deflated_sharpe_ratio < 0.5 < every.deflated_sharpe_ratio

    def test_alone_leave_nothing_to_find(self):
        found = all_tests(gains_of(3, best=0.5), np.zeros(N_SETTINGS, dtype=bool))
        assert (found.adjusted_p_values == 1).all()
        assert (found.spa_p_value, found.reality_check_p_value, found.deflated_sharpe_ratio) == (1, 1, None)


def test_without_evidence_all_tests_are_silent():
    gains = gains_of(1, n_days=100)
    found = superiority(
        gains,
        can_win=np.ones(N_SETTINGS, dtype=bool),
        overlap_sessions=30,
        n_effective=np.full(N_SETTINGS, np.nan),
        generator=np.random.default_rng(1),
    )
    assert np.isnan(found.adjusted_p_values).all()
    assert (found.spa_p_value, found.reality_check_p_value, found.deflated_sharpe_ratio) == (None, None, None)
