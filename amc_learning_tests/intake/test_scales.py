import pytest
from hypothesis import given
from hypothesis import strategies as st

from amc_learning.intake.scales import FRACTION, MIXED, NONE, PERCENT, POINTS, UNBOUNDED, settle_field, settle_run

scores = st.lists(st.integers(200, 10_000).map(lambda cents: cents / 100), min_size=1, max_size=40)


def points(values, **options):
    scale = settle_field("score", values, **options)
    return [scale.points(value) for value in values]


@given(scores)
def test_the_same_scores_as_fractions_and_out_of_100_mean_the_same(values):
    assert points(values) == values
    assert points([value / 100 for value in values]) == values


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20), st.sampled_from([None, FRACTION, PERCENT]))
def test_order_is_kept_and_equal_scores_stay_equal(values, declared):
    settled = [(value, point) for value, point in zip(values, points(values, declared=declared), strict=True)]
    known = sorted((value, point) for value, point in settled if point is not None)
    assert [point for _, point in known] == sorted(point for _, point in known)


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ([], NONE),
        ([0.0, 0.0], PERCENT),
        ([0.3, 0.5, 1.02], FRACTION),
        ([1.0, 1.0], FRACTION),
        ([72.0, 65.0], PERCENT),
        ([50.0, 150.0], PERCENT),
        ([17103.0, 850.0, 60.0], UNBOUNDED),
        ([101.0, 150.0], UNBOUNDED),
        ([-1.2, -0.3, 0.8], UNBOUNDED),
        ([0.72, 68.0, 55.0], MIXED),
    ],
)
def test_the_values_of_a_run_show_its_scale(values, scale):
    assert settle_field("score", values).scale == scale


def test_of_a_field_sent_on_two_scales_only_what_is_certain_is_kept():
    scale = settle_field("score", [0.72, 68.0, 55.0])
    assert [scale.points(value) for value in (0.72, 68.0, 0.0)] == [None, 68.0, 0.0]
    assert scale.warning is not None


def test_a_known_engine_may_send_small_values_out_of_100():
    run = settle_run([40.0, 50.0], {"options": [0.5, 0.2], "technical": [60, 70]}, declared=PERCENT, maximum_points={})
    assert run.components["options"].points(0.5) == 0.5
    assert run.warnings == ()


def test_components_that_happen_not_to_add_up_are_no_points():
    parts = {"squeeze": [25.0, 20.0], "technical": [35.0, 22.0]}
    assert settle_run([60.0, 42.0], parts, declared=None, maximum_points={}).components["squeeze"].scale == POINTS
    assert settle_run([60.0, 45.0], parts, declared=None, maximum_points={}).components["squeeze"].scale == PERCENT
