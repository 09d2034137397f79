import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from amc_learning.learning.weights.projection import GRID, project_bounded, project_capped_simplex

sizes = st.integers(2, 8)
limits = st.sampled_from([0.01, 0.05, 0.1, 0.3, 1.0])
caps = st.sampled_from([0.6, 0.75, 1.0])


@st.composite
def bounded_problems(draw):
    size = draw(sizes)
    cap = draw(caps)
    raw = np.array(draw(st.lists(st.floats(0.01, 1), min_size=size, max_size=size)))
    previous = project_bounded(raw / raw.sum(), raw / raw.sum(), daily_limit=1.0, cap=cap)
    target = np.array(draw(st.lists(st.floats(-1, 2), min_size=size, max_size=size)))
    return target, previous, draw(limits), cap


@given(bounded_problems())
def test_every_bound_and_the_sum_hold_in_whole_millionths(problem):
    target, previous, limit, cap = problem
    weights = project_bounded(target, previous, daily_limit=limit, cap=cap)
    units = np.round(weights * GRID)
    assert units.sum() == GRID
    np.testing.assert_array_equal(units / GRID, weights)
    assert (units >= 0).all()
    assert (units <= round(cap * GRID)).all()
    assert (np.abs(units - np.round(previous * GRID)) <= round(limit * GRID)).all()


@settings(max_examples=60)
@given(bounded_problems())
def test_is_the_nearest_vector_within_the_bounds(problem):
    target, previous, limit, cap = problem
    weights = project_bounded(target, previous, daily_limit=limit, cap=cap)
    found = minimize(
        lambda w: ((w - target) ** 2).sum(),
        previous,
        jac=lambda w: 2 * (w - target),
        bounds=[(max(p - limit, 0), min(p + limit, cap)) for p in previous],
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like},
        method="SLSQP",
        options={"maxiter": 500, "ftol": 1e-14},
    )
    assume(found.success)
    np.testing.assert_allclose(weights, found.x, atol=5e-6)


@given(bounded_problems(), st.randoms(use_true_random=False))
def test_permuting_the_components_permutes_the_result(problem, random):
    target, previous, limit, cap = problem
    assume(len({(round(t * GRID, 3), p) for t, p in zip(target, previous, strict=True)}) == len(target))
    order = np.array(random.sample(range(len(target)), len(target)))
    weights = project_bounded(target, previous, daily_limit=limit, cap=cap)
    permuted = project_bounded(target[order], previous[order], daily_limit=limit, cap=cap)
    # Components whose remainders tie may take turns in the last millionth, nothing more.
    np.testing.assert_allclose(permuted, weights[order], atol=1.01 / GRID)


@given(bounded_problems())
def test_wanting_what_is_in_force_changes_nothing(problem):
    _, previous, limit, cap = problem
    np.testing.assert_array_equal(project_bounded(previous, previous, daily_limit=limit, cap=cap), previous)


@given(bounded_problems())
def test_projecting_twice_changes_nothing(problem):
    target, previous, limit, cap = problem
    once = project_bounded(target, previous, daily_limit=limit, cap=cap)
    np.testing.assert_array_equal(project_bounded(once, previous, daily_limit=limit, cap=cap), once)


def test_a_lowered_cap_is_reached_by_the_daily_limit_night_by_night():
    weights = np.array([0.7, 0.2, 0.1])
    heaviest = []
    for _ in range(4):
        weights = project_bounded(weights, weights, daily_limit=0.1, cap=0.45)
        heaviest.append(weights[0])
        assert round(weights.sum(), 9) == 1
    assert heaviest == [0.6, 0.5, 0.45, 0.45]


def test_weights_off_the_grid_move_onto_it():
    third = np.full(3, 1 / 3)
    weights = project_bounded(third, third, daily_limit=0.1, cap=0.6)
    assert sorted(weights.tolist()) == [0.333333, 0.333333, 0.333334]


@pytest.mark.parametrize(
    ("target", "previous", "limit", "cap", "message"),
    [
        ([1.0, 0.0], [0.5, 0.5], 0.1, 0.4, "leave no room"),
        ([1.0, 0.0], [0.5, 0.5], 0.0, 0.6, "leave no room"),
        ([np.nan, 0.0], [0.5, 0.5], 0.1, 0.6, "finite"),
        ([1.0, 0.0], [0.2, 0.2], 0.1, 0.6, "no weights sum to 1"),
        ([1.0], [0.5, 0.5], 0.1, 0.6, "one length"),
    ],
)
def test_what_cannot_be_projected_is_said(target, previous, limit, cap, message):
    with pytest.raises(ValueError, match=message):
        project_bounded(np.array(target), np.array(previous), daily_limit=limit, cap=cap)


@given(st.integers(0, 1000))
def test_capped_simplex_rows_are_projected_independently(seed):
    rng = np.random.default_rng(seed)
    wanted = rng.normal(size=(4, 3, 5))
    together = project_capped_simplex(wanted, cap=0.5)
    np.testing.assert_allclose(together.sum(axis=-1), 1, atol=1e-12)
    assert together.min() >= 0
    assert together.max() <= 0.5 + 1e-12
    np.testing.assert_array_equal(together[2, 1], project_capped_simplex(wanted[2, 1], cap=0.5))
