from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amc_learning.learning.windows import panel
from amc_learning_tests.learning.simulated_statistics import keyed, simulated_statistics, statistics_frame, weekdays

SERIES = [("technical", "all"), ("absent", "all"), ("total_score", "monitor")]
COLUMNS = ["n_pairs", "information_coefficient", "bin_n"]


def seen(statistics):
    return panel(statistics, population="selected", horizon="7d", series=SERIES, columns=COLUMNS)


@given(st.integers(-5, 40), st.integers(1, 40))
def test_a_window_holds_exactly_the_days_after_as_of_minus_window_up_to_as_of(shift, window_days):
    days = weekdays(20)
    statistics = statistics_frame([keyed(day, np.arange(6.0), np.arange(6.0), horizon="7d") for day in days])
    as_of = days[0] + timedelta(days=shift)
    expected = [day for day in days if as_of - timedelta(days=window_days) < day <= as_of]
    found = seen(statistics)
    assert [
        date(1970, 1, 1) + timedelta(days=int(day)) for day in found.known_on[found.window(as_of, window_days)]
    ] == expected


def test_the_order_of_rows_changes_nothing():
    statistics = simulated_statistics(10)
    here, there = seen(statistics), seen(statistics.sample(fraction=1.0, shuffle=True, seed=1))
    for column in ("n_pairs", "bin_n"):
        assert (here.integers(column) == there.integers(column)).all()
    assert np.array_equal(
        here.floats("information_coefficient"), there.floats("information_coefficient"), equal_nan=True
    )


def test_a_series_without_rows_is_zero_pairs_and_no_number():
    found = seen(simulated_statistics(4))
    assert (found.integers("n_pairs")[:, 1] == 0).all()
    assert np.isnan(found.floats("information_coefficient")[:, 1]).all()
    assert found.integers("bin_n").shape == (4, 3, 101)


def test_nothing_at_all_has_no_days_and_keeps_its_width():
    found = seen(simulated_statistics(1).clear())
    assert found.integers("bin_n").shape == (0, 3, 101)
    assert found.window(date(2012, 1, 2), 90) == slice(0, 0)


def test_two_rows_for_one_cross_section_are_refused():
    statistics = simulated_statistics(2)
    with pytest.raises(ValueError, match="two rows for one cross-section"):
        seen(statistics.vstack(statistics))
