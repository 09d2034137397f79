import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amc_learning.simulation.truths import (
    ConstantComponent,
    CorrelatedComponents,
    DecayingEffect,
    Delistings,
    RegimeEffect,
    ReversingEffect,
    StudentReturns,
    ThresholdEffect,
    correlation_matrix,
)


@pytest.mark.parametrize(
    ("truth", "values", "complaint"),
    [
        (ThresholdEffect, {"component": "a", "score": 100.0, "lift": 0.1}, "threshold score of a is 100.0"),
        (ThresholdEffect, {"component": "a", "score": 50.0, "lift": float("nan")}, "threshold lift of a is nan"),
        (RegimeEffect, {"component": "a", "turbulent_information_coefficient": 1.0}, "must lie in"),
        (DecayingEffect, {"component": "a", "shape": "sudden", "n_sessions": 5}, "shape 'sudden'"),
        (DecayingEffect, {"component": "a", "shape": "linear", "n_sessions": 0}, "takes 0 sessions"),
        (DecayingEffect, {"component": "a", "shape": "linear", "n_sessions": 5, "first_session": -1}, "session -1"),
        (ReversingEffect, {"component": "a", "session": -1}, "reverses on session -1"),
        (CorrelatedComponents, {"one": "a", "other": "a", "correlation": 0.5}, "a and a are one"),
        (CorrelatedComponents, {"one": "a", "other": "b", "correlation": 1.0}, "a and b is 1.0"),
        (ConstantComponent, {"component": "a", "score": 101.0}, "constant score of a is 101.0"),
        (ConstantComponent, {"component": "a", "first_session": -1}, "from session -1"),
        (StudentReturns, {"degrees_of_freedom": 2.0}, "must exceed 2"),
        (Delistings, {"share_a_year": 0.0}, "share_a_year is 0.0"),
    ],
)
def test_values_outside_their_bounds_are_refused_with_a_sentence(truth, values, complaint):
    with pytest.raises(ValueError, match=complaint):
        truth(**values)


@given(st.floats(0.01, 0.9))
def test_the_stated_share_of_symbols_has_ended_after_a_year(share):
    draws = (np.arange(10_000) + 0.5) / 10_000
    listed = Delistings(share_a_year=share).n_sessions_listed(draws)
    assert listed.min() >= 1
    # a bar on session 252, the first of the second year, takes 253 sessions of listing
    assert (listed <= 252).mean() == pytest.approx(share, abs=2e-4)
    assert (listed <= 504).mean() == pytest.approx(1 - (1 - share) ** 2, abs=2e-4)


def test_an_exponential_decay_halves_after_its_sessions_and_starts_when_told():
    factors = DecayingEffect(component="a", shape="exponential", n_sessions=10, first_session=5).factors(n_sessions=40)
    assert factors[:6].tolist() == [1.0] * 6
    assert factors[[15, 25, 35]] == pytest.approx([0.5, 0.25, 0.125])


def test_correlations_are_symmetric_whatever_the_order_of_a_pair():
    pair = CorrelatedComponents(one="c", other="a", correlation=-0.3)
    matrix = correlation_matrix(["a", "b", "c"], [pair])
    assert matrix.tolist() == [[1, 0, -0.3], [0, 1, 0], [-0.3, 0, 1]]
