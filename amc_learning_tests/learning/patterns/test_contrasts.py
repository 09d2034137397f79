"""Daily sums of every rule, against the same sums one rule and one day at a time."""

import numpy as np
import pytest
import statsmodels.api as sm

from amc_learning.learning.patterns.contrasts import daily_contrasts, mean_effect, section_starts
from amc_learning.learning.patterns.literals import MICRO, rule_space
from amc_learning_tests.learning.patterns.worlds import Planted, simulated


@pytest.fixture(scope="module")
def world():
    cases = simulated(np.random.default_rng(1), n_sessions=30, n_names=20, planted=Planted(0.02)).cases()
    space = rule_space(cases)
    return cases, space, daily_contrasts(cases, space)


def test_sums_equal_those_of_one_rule_and_one_day_at_a_time(world):
    cases, space, contrasts = world
    for rule in range(0, len(space.first), 97):
        members = space.holds(cases, rule)
        for day in (0, 7, 29):
            rows = cases.entry_days == contrasts.entry_days[day]
            returns = np.clip(cases.returns[rows], -0.25, 0.25)
            expected = (returns - returns.mean())[members[rows]].sum()
            assert contrasts.excess[day, rule] / MICRO == pytest.approx(expected, abs=2e-5)
            assert contrasts.n_members[day, rule] == members[rows].sum()


def test_the_effect_is_the_coefficient_of_a_regression_on_membership_and_day(world):
    cases, space, contrasts = world
    rule = int(np.argmax(contrasts.weights.sum(axis=0)))
    days = np.searchsorted(contrasts.entry_days, cases.entry_days)
    design = np.column_stack([space.holds(cases, rule), np.eye(30)[days]]).astype(float)
    fitted = sm.OLS(cases.bounded_micro / MICRO, design).fit().params[0]
    effect = mean_effect(contrasts.excess[:, rule], contrasts.weights[:, rule])
    assert float(effect) == pytest.approx(fitted, abs=1e-12)


def test_a_move_of_the_whole_day_changes_no_contrast(world):
    cases, space, contrasts = world
    moved = cases.rows(slice(None))
    day = np.searchsorted(contrasts.entry_days, cases.entry_days)
    # Whole thousandths, so that rounding to millionths takes no part in it; bounds would, so they are left out.
    object.__setattr__(moved, "bounded_micro", cases.bounded_micro + 1000.0 * (day % 5))
    np.testing.assert_allclose(daily_contrasts(moved, space).excess, contrasts.excess, atol=1e-6)


def test_a_rule_that_holds_for_all_or_none_of_a_day_has_no_contrast(world):
    _, space, contrasts = world
    regime = [rule for rule in range(len(space.first)) if space.text(rule).startswith("market_regime=")]
    alone = [rule for rule in regime if " & " not in space.text(rule)]
    assert alone
    assert (contrasts.weights[:, alone] == 0).all()
    assert (contrasts.excess[:, alone] == 0).all()


def test_candidates_of_one_entry_known_on_two_days_are_two_cross_sections(world):
    cases, space, _ = world
    split = cases.rows(slice(0, 20))
    matured = split.matured_days.copy()
    matured[15:] += 1
    object.__setattr__(split, "matured_days", matured)
    assert section_starts(split).tolist() == [0, 15]
    assert daily_contrasts(split, space).entry_days.tolist() == [split.entry_days[0]] * 2
