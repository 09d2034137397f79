import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amc_learning.learning.calibration.maps import (
    BREAKPOINT_TOLERANCE,
    NODES,
    BetaMap,
    IdentityMap,
    LogitLinearMap,
    PiecewiseLinearMap,
    kept_nodes,
)

ANY_CONFIDENCE = np.linspace(0, 1, 2001)


@given(st.floats(-3, 3), st.floats(0.25, 4))
def test_breakpoints_joined_by_lines_are_within_half_a_percent_of_the_map(intercept, slope):
    smooth = LogitLinearMap(intercept, slope)
    values = smooth.apply(NODES)
    kept = kept_nodes(values[None])[0]
    between = ANY_CONFIDENCE[(ANY_CONFIDENCE >= 0.005) & (ANY_CONFIDENCE <= 0.995)]
    assert np.abs(np.interp(between, NODES[kept], values[kept]) - smooth.apply(between)).max() <= 0.005


@given(st.lists(st.floats(0, 1), min_size=len(NODES), max_size=len(NODES)))
def test_at_the_nodes_breakpoints_are_within_their_tolerance_of_any_map(values):
    ascending = np.sort(values)
    kept = kept_nodes(ascending[None])[0]
    assert np.abs(np.interp(NODES, NODES[kept], ascending[kept]) - ascending).max() <= BREAKPOINT_TOLERANCE + 1e-12


@pytest.mark.parametrize(
    "one",
    [IdentityMap(), LogitLinearMap(-1.0, 0.3), BetaMap(0.1, 0.5, 2.0), PiecewiseLinearMap((0.2, 0.8), (0.1, 0.6))],
)
def test_every_map_is_non_decreasing_within_bounds(one):
    values = one.apply(ANY_CONFIDENCE)
    assert (np.diff(values) >= 0).all()
    assert values.min() >= 0 and values.max() <= 1


def test_a_map_that_turns_the_order_around_is_refused():
    with pytest.raises(ValueError, match="order"):
        LogitLinearMap(0.0, -0.1)
    with pytest.raises(ValueError, match="order"):
        BetaMap(0.0, -0.1, 1.0)
    with pytest.raises(ValueError, match="values must not fall"):
        PiecewiseLinearMap((0.1, 0.2), (0.5, 0.4))
