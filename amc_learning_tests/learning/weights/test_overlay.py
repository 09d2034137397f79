import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amc_learning.learning.weights import Overlay
from amc_learning.learning.weights.overlay import NO_OVERLAY, laid_over
from amc_learning.learning.weights.projection import project_bounded
from amc_learning.learning.weights.record import ACTIVE, HELD, NightRecord
from amc_learning.learning.weights.rules import WeightRules
from amc_learning_tests.learning.weights.worlds import NAMES

RULES = WeightRules()
EQUAL = project_bounded(np.full(len(NAMES), 1 / len(NAMES)), np.full(len(NAMES), 1 / len(NAMES)), daily_limit=1, cap=1)
SHARES = st.lists(st.floats(0.01, 1.0), min_size=len(NAMES), max_size=len(NAMES))
FACTORS = st.dictionaries(st.sampled_from(NAMES), st.floats(0.5, 2.0))


def held(weights):
    return NightRecord(HELD, "held", weights, weights)


def vector(shares):
    return project_bounded(np.array(shares) / sum(shares), np.array(shares) / sum(shares), daily_limit=1.0, cap=0.6)


@given(SHARES, SHARES, FACTORS, FACTORS)
def test_every_bound_holds_for_any_factors(learned, in_force, regime, corrections):
    before = vector(in_force)
    laid = laid_over(held(vector(learned)), before, Overlay("calm", regime, corrections), RULES, names=NAMES)
    assert laid.weights.sum() == pytest.approx(1, abs=1e-12)
    assert (laid.weights >= 0).all()
    assert (laid.weights <= RULES.cap + 1e-12).all()
    assert np.abs(laid.weights - before).max() <= RULES.daily_limit + 1e-9


def test_without_factors_the_learned_vector_is_in_force_untouched():
    laid = laid_over(held(EQUAL), EQUAL, NO_OVERLAY, RULES, names=NAMES)
    assert laid.weights is laid.learned
    assert laid.reason == "held"


def test_a_factor_that_ends_gives_back_what_it_took():
    during = laid_over(held(EQUAL), EQUAL, Overlay(correction_factors={NAMES[0]: 0.5}), RULES, names=NAMES)
    # 1/6 halved is 1/12; the six then sum to 11/12, so the first is 1/11 and the others 2/11
    assert during.weights[0] == pytest.approx(1 / 11, abs=1e-6)
    assert during.status == ACTIVE
    after = laid_over(held(EQUAL), during.weights, NO_OVERLAY, RULES, names=NAMES)
    assert after.weights.tolist() == EQUAL.tolist()
    assert after.reason.startswith(f"active: the weights in force go to the learned ones: {NAMES[0]} 0.091 -> 0.167")


def test_factors_of_unknown_components_are_refused():
    with pytest.raises(ValueError, match="correction factors"):
        laid_over(held(EQUAL), EQUAL, Overlay(correction_factors={"astrology": 0.5}), RULES, names=NAMES)
