import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amc_learning.learning.publication import weight_violations
from amc_learning.learning.weights.projection import project_bounded

NAMES = ("a", "b", "c", "d")
EQUAL = dict.fromkeys(NAMES, 0.25)
LIMITS = {"daily_limit": 0.1, "cap": 0.6}

shares = st.lists(st.integers(0, 1000), min_size=4, max_size=4).filter(sum)


def vector(parts):
    return {name: part / sum(parts) for name, part in zip(NAMES, parts, strict=True)}


def test_the_vector_in_force_may_be_published_again():
    assert weight_violations(EQUAL, EQUAL, **LIMITS) == []


@given(shares, shares)
def test_violations_are_found_exactly_when_a_bound_is_broken(new, old):
    weights, previous = vector(new), vector(old)
    steps = [abs(weights[name] - previous[name]) for name in NAMES]
    ceilings = [max(0.6, previous[name] - 0.1) for name in NAMES]
    margins = [0.1 - max(steps), min(top - weights[name] for name, top in zip(NAMES, ceilings, strict=True))]
    if min(abs(margin) for margin in margins) < 1e-6:
        return  # on the border, where float noise decides
    assert (weight_violations(weights, previous, **LIMITS) == []) == (min(margins) > 0)


@pytest.mark.parametrize(
    ("weights", "complaint"),
    [
        ({"a": 0.3, "b": 0.3, "c": 0.3, "d": 0.2}, "sum to 1.1"),
        ({"a": -0.01, "b": 0.26, "c": 0.5, "d": 0.25}, "a has weight -0.01"),
        ({"a": 0.65, "b": 0.35, "c": 0.0, "d": 0.0}, "a has weight 0.65"),
        ({"a": 0.36, "b": 0.14, "c": 0.25, "d": 0.25}, "a moved by \\+0.11"),
        ({"a": 0.5, "b": 0.5}, "components differ"),
        ({"a": 0.25, "b": 0.25, "c": 0.25, "e": 0.25}, "components differ"),
        ({"a": math.nan, "b": 0.25, "c": 0.25, "d": 0.25}, "nan"),
        ({"a": math.inf, "b": 0.25, "c": 0.25, "d": 0.25}, "inf"),
    ],
)
def test_each_broken_bound_is_a_sentence_that_names_the_component(weights, complaint):
    found = weight_violations(weights, EQUAL, **LIMITS)
    assert found
    import re  # noqa: PLC0415

    assert any(re.search(complaint, sentence) for sentence in found)


@given(shares, shares)
def test_what_the_projection_gives_is_never_refused(new, old):
    import numpy as np  # noqa: PLC0415

    previous = np.round(np.array(list(vector(old).values())), 6)
    previous[previous.argmax()] += 1 - previous.sum()
    if previous.max() > 0.6:
        return
    projected = project_bounded(np.array(list(vector(new).values())), previous, daily_limit=0.1, cap=0.6)
    pairs = [dict(zip(NAMES, values.tolist(), strict=True)) for values in (projected, previous)]
    assert weight_violations(*pairs, **LIMITS) == []


def test_a_weight_above_a_lowered_cap_may_walk_down_by_the_daily_limit_but_not_stay():
    previous = {"a": 0.8, "b": 0.2}
    assert weight_violations({"a": 0.7, "b": 0.3}, previous, **LIMITS) == []
    assert weight_violations({"a": 0.75, "b": 0.25}, previous, **LIMITS)
