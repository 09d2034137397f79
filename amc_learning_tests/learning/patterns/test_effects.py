"""The effect of a rule with its interval, and the numbers beside it."""

import numpy as np
import pytest

from amc_learning.learning.patterns.contrasts import daily_contrasts, mean_effect
from amc_learning.learning.patterns.effects import Effect, daily_effects, effect_of, effect_since, plain_numbers
from amc_learning.learning.patterns.literals import MICRO, rule_space
from amc_learning_tests.learning.patterns.worlds import PLANTED, Planted, simulated


@pytest.fixture(scope="module")
def world():
    cases = simulated(np.random.default_rng(11), n_sessions=400, planted=Planted(0.02)).cases()
    space = rule_space(cases)
    rule = next(number for number in range(len(space.first)) if space.text(number) == PLANTED)
    return cases, space, daily_contrasts(cases, space), rule


def test_the_mean_of_the_daily_numbers_is_the_effect(world):
    _, _, contrasts, rule = world
    effect = float(mean_effect(contrasts.excess[:, rule], contrasts.weights[:, rule]))
    assert daily_effects(contrasts, rule).mean() == pytest.approx(effect, abs=1e-12)
    assert effect_of(contrasts, rule, overlap_sessions=5).estimate == pytest.approx(effect, abs=1e-12)


def test_the_interval_holds_what_was_planted_and_that_for_many_looks_is_wider(world):
    _, _, contrasts, rule = world
    once, often = (f(contrasts, rule, overlap_sessions=5) for f in (effect_of, effect_since))
    assert once.ci_low < 0.02 < once.ci_high
    assert often.ci_low < once.ci_low
    assert often.ci_high > once.ci_high
    assert once.n_days == (contrasts.weights[:, rule] > 0).sum()


def test_one_sided_chances_of_both_directions_add_up():
    effect = Effect(0.01, 0.0, 0.02, 0.04, 100)
    assert effect.one_sided(1.0) == pytest.approx(0.02)
    assert effect.one_sided(1.0) + effect.one_sided(-1.0) == pytest.approx(1.0)
    assert Effect(None, None, None, None, 0).one_sided(1.0) == 1.0


def test_plain_numbers_are_those_of_the_candidates(world):
    cases, space, contrasts, rule = world
    members = space.holds(cases, rule)
    numbers = plain_numbers(cases, members, contrasts.excess[:, rule])
    assert numbers.n_cases == members.sum()
    assert numbers.support == pytest.approx(members.mean())
    assert numbers.success_rate == pytest.approx((cases.returns[members] >= 0.25).mean())
    assert numbers.mean_return_rest == pytest.approx(cases.returns[~members].mean())
    assert numbers.quality == pytest.approx(contrasts.excess[:, rule].sum() / MICRO / len(cases.returns))


def test_too_few_days_have_an_estimate_without_interval(world):
    _, _, contrasts, rule = world
    few = contrasts.days(slice(0, 20))
    assert effect_of(few, rule, overlap_sessions=5).p_value is None
    assert effect_since(few, rule, overlap_sessions=5).ci_low is None
    assert effect_of(few, rule, overlap_sessions=5).estimate is not None
