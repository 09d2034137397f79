"""Searched and held-out days, and the tests on the latter."""

from dataclasses import replace

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from amc_learning.learning.patterns.confirmation import confirm, holm, split_days
from amc_learning.learning.patterns.contrasts import daily_contrasts
from amc_learning.learning.patterns.literals import rule_space
from amc_learning_tests.learning.patterns.worlds import PLANTED, RULES, Planted, simulated


@pytest.fixture(scope="module")
def window():
    cases = simulated(np.random.default_rng(21), n_sessions=600, planted=Planted(0.03)).cases()
    space = rule_space(cases)
    rule = next(number for number in range(len(space.first)) if space.text(number) == PLANTED)
    return daily_contrasts(cases, space), rule


def test_no_label_of_a_searched_day_reaches_into_the_held_out_days(window):
    contrasts, _ = window
    split = split_days(contrasts, RULES)
    held_out_from = contrasts.entry_days[split.held_out.start]
    assert (contrasts.matured_days[split.searched] < held_out_from).all()
    # The next one would: labels of five sessions reach over four more.
    assert contrasts.matured_days[split.searched.stop] >= held_out_from
    assert split.n_purged == 4
    assert split.held_out == slice(450, 600)


def test_a_window_too_short_for_either_side_is_not_split(window):
    contrasts, _ = window
    # A quarter of 120 days are 30, six labels; of 116 days 29.
    assert split_days(contrasts.days(slice(0, 120)), RULES) is not None
    assert split_days(contrasts.days(slice(0, 116)), RULES) is None
    assert split_days(contrasts.days(slice(0, 0)), RULES) is None


@pytest.mark.parametrize("late", [445, 446, 449, 450, 451])
def test_a_session_known_on_two_days_lies_on_one_side(window, late):
    contrasts, _ = window
    # The session is there twice: some of its candidates became known a day later.
    twice = contrasts.days(np.sort(np.append(np.arange(600), late)))
    twice.matured_days[late + 1] += 1
    split = split_days(twice, RULES)
    sides = [set(twice.entry_days[side].tolist()) for side in (split.searched, split.held_out)]
    between = set(twice.entry_days[split.searched.stop : split.held_out.start].tolist())
    assert not sides[0] & sides[1]
    assert not between & (sides[0] | sides[1])
    assert (twice.matured_days[split.searched] < twice.entry_days[split.held_out.start]).all()


def test_days_are_confirmed_in_their_direction_only(window):
    contrasts, rule = window
    held_out = contrasts.days(slice(450, 600))
    assert confirm(held_out, [rule], [1.0], rules=RULES)[0].is_confirmed
    assert not confirm(held_out, [rule], [-1.0], rules=RULES)[0].is_confirmed


def test_too_few_held_out_days_confirm_nothing(window):
    contrasts, rule = window
    (tested,) = confirm(contrasts.days(slice(450, 470)), [rule], [1.0], rules=RULES)
    assert (tested.p_value, tested.is_confirmed) == (1.0, False)


def test_nothing_found_is_nothing_tested(window):
    assert confirm(window[0], [], [], rules=replace(RULES)) == []


@pytest.mark.parametrize("n_tests", [1, 2, 7, 20])
def test_holm_equals_statsmodels(n_tests):
    # Cubed, so that small ones occur; rounded, so that ties do.
    p_values = np.random.default_rng(n_tests).random(n_tests).round(2) ** 3
    np.testing.assert_allclose(holm(p_values), multipletests(p_values, method="holm")[1], atol=1e-12)
