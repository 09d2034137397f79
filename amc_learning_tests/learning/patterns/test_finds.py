"""From many findings to those that say something of their own."""

import numpy as np
import pytest
import statsmodels.api as sm

from amc_learning.learning.patterns.contrasts import section_starts
from amc_learning.learning.patterns.finds import _Beside, finds_of
from amc_learning.learning.patterns.window import history_of, window_of
from amc_learning_tests.learning.patterns.worlds import PLANTED, RULES, Planted, sessions, simulated

WEEK = sessions(760)[-1]


@pytest.fixture(scope="module")
def window():
    world = simulated(np.random.default_rng(51), planted=Planted(0.03))
    return window_of(history_of(world.cases()), WEEK, RULES)


def finds(window, *known):
    numbers = [window.numbers[pattern] for pattern in known]
    return finds_of(window.found, window.searched_cases, window.space, known=numbers, rules=RULES)


def test_one_planted_effect_is_one_finding_however_many_rules_share_it(window):
    found = finds(window)
    assert found.n_found > 10
    assert [window.space.text(int(window.found.tried[place])) for place in found.own] == [PLANTED]
    assert found.n_explained == found.n_found - 1


def test_a_known_pattern_explains_its_neighbours_and_is_itself_no_new_finding(window):
    found = finds(window, PLANTED)
    assert found.own == ()
    assert found.n_explained == found.n_found - 1


def test_a_known_pattern_that_has_nothing_to_do_with_it_explains_nothing(window):
    assert finds(window, "catalyst=0-20").own == finds(window).own


def test_two_effects_are_two_findings():
    world = simulated(np.random.default_rng(52), planted=Planted(0.03))
    volume = world.scores[0]
    world.returns[volume < 20] -= 0.02
    window = window_of(history_of(world.cases()), WEEK, RULES)
    own = [window.space.text(int(window.found.tried[place])) for place in finds(window).own]
    assert len(own) == 2
    assert PLANTED in own
    # Low volume scores hardly ever come with a high mean score, so its tag is part of the same effect.
    assert any(text.startswith("volume_momentum=0-20") for text in own)


def test_what_is_left_beside_others_is_the_coefficient_of_a_regression_on_all_of_them(window):
    cases = window.searched_cases.rows(slice(0, 1000))
    first, second, third = (
        window.space.holds(cases, window.numbers[name]) for name in (PLANTED, "catalyst=0-40", "options=60-100")
    )
    day = np.searchsorted(np.unique(cases.entry_days), cases.entry_days)
    design = np.column_stack([first, second, third, np.eye(20)[day]]).astype(float)
    fitted = sm.OLS(cases.bounded_micro, design).fit().params[0]
    starts = section_starts(cases)
    beside = _Beside(cases, RULES)
    beside.add(second)
    beside.add(third)
    left = beside._left_of(first)
    assert (left * beside._returns).sum() / (left * left).sum() == pytest.approx(fitted)
    assert np.abs(np.add.reduceat(left, starts)).max() < 1e-9


def test_nothing_is_left_of_a_rule_beside_itself(window):
    members = window.space.holds(window.searched_cases, window.numbers[PLANTED])
    beside = _Beside(window.searched_cases, RULES)
    assert beside.statistic(members) == pytest.approx(window.searched_for(PLANTED).statistic)
    beside.add(members)
    assert beside.statistic(members) == 0.0
