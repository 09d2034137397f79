from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amc_learning.learning.theses.judged import LABELS, counted, judged_theses, window_of
from amc_learning_tests.learning.theses.simulated_theses import outcome_rows, simulated_outcomes, weekdays


@given(st.lists(st.integers(0, 60), max_size=30), st.integers(0, 80), st.integers(1, 40))
def test_a_window_holds_exactly_the_days_after_its_start_up_to_its_end(days, last, window_days):
    known_on = np.array(sorted(days), dtype=np.int64)
    held = known_on[window_of(known_on, date.fromordinal(date(1970, 1, 1).toordinal() + last), window_days)]
    assert held.tolist() == [day for day in sorted(days) if last - window_days < day <= last]


def test_every_thesis_is_in_one_group_of_each_kind():
    outcomes = simulated_outcomes(10, 8, seed=2)
    theses = judged_theses(outcomes, horizon="7d", kinds=tuple(LABELS))
    rows = counted(outcomes, horizon="7d")
    for place, kind in enumerate(LABELS):
        assert {theses.groups[number][0] for number in theses.member_of[:, place]} == {kind}
    sources = [theses.groups[number][1] for number in theses.member_of[:, list(LABELS).index("source")]]
    assert sources == rows["source"].to_list()


def test_an_unstated_confidence_is_not_a_number_and_an_unknown_regime_a_group():
    theses = judged_theses(outcome_rows([{"confidence": None}]), horizon="7d", kinds=("regime",))
    assert np.isnan(theses.confidence).tolist() == [True] and theses.groups == (("regime", "unknown"),)


@pytest.mark.parametrize("order", [1, -1])
def test_theses_are_in_order_of_time_whatever_order_they_come_in(order):
    outcomes = outcome_rows([{"known_on": day, "confidence": place / 10} for place, day in enumerate(weekdays(5))])
    theses = judged_theses(outcomes[::order], horizon="7d", kinds=("overall",))
    assert theses.confidence.tolist() == [0.0, 0.1, 0.2, 0.3, 0.4] and theses.day.tolist() == [0, 1, 2, 3, 4]
