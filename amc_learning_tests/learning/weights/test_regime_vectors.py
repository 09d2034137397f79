import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amc_learning.contracts.tables import catalogue
from amc_learning.learning.publication import weight_violations
from amc_learning.learning.weights import Overlay, decided_night, regime_vectors
from amc_learning.learning.weights.overlay import laid_over
from amc_learning.learning.weights.projection import project_bounded
from amc_learning.learning.weights.record import HELD, ROLLED_BACK, NightRecord, decisions_table
from amc_learning.learning.weights.rules import WeightRules
from amc_learning_tests.learning.weights.worlds import NAMES, weekdays

RULES = WeightRules()
(NIGHT,) = weekdays(1)
SHARES = st.lists(st.floats(0.01, 1.0), min_size=len(NAMES), max_size=len(NAMES))
FACTORS = st.dictionaries(st.sampled_from(NAMES), st.floats(0.5, 2.0))


def vector(shares):
    return project_bounded(np.array(shares) / sum(shares), np.array(shares) / sum(shares), daily_limit=1.0, cap=0.6)


def stored(record):
    """The night as it comes back from the table."""
    table = decisions_table(
        [(NIGHT, record)],
        names=NAMES,
        schema=catalogue(NAMES)["weight_decisions"].schema,
        horizon="1d",
        population="selected",
    )
    return decided_night({row["component"]: row for row in table.to_dicts()}, names=NAMES)


def named(weights):
    return dict(zip(NAMES, weights.tolist(), strict=True))


@given(SHARES, SHARES, FACTORS, FACTORS, FACTORS)
def test_the_vector_of_a_regime_is_what_the_night_would_have_decided_in_it(learned, in_force, calm, wild, corrections):
    before, night = vector(in_force), NightRecord(HELD, "held", vector(learned), vector(learned))
    decided = {
        regime: laid_over(night, before, Overlay(regime, factors, corrections), RULES, names=NAMES)
        for regime, factors in (("calm", calm), ("turbulent", wild))
    }
    for record in decided.values():
        found = regime_vectors(stored(record), {"calm": calm, "turbulent": wild}, RULES, names=NAMES)
        assert {regime: weights.tolist() for regime, weights in found.items()} == {
            regime: other.weights.tolist() for regime, other in decided.items()
        }


@given(SHARES, SHARES, FACTORS, FACTORS, FACTORS)
def test_no_vector_breaks_a_bound(learned, in_force, calm, wild, corrections):
    before, night = vector(in_force), NightRecord(HELD, "held", vector(learned), vector(learned))
    decided = laid_over(night, before, Overlay("calm", calm, corrections), RULES, names=NAMES)
    for weights in regime_vectors(stored(decided), {"calm": calm, "turbulent": wild}, RULES, names=NAMES).values():
        assert weight_violations(named(weights), named(before), daily_limit=RULES.daily_limit, cap=RULES.cap) == []


@given(SHARES, SHARES, FACTORS)
def test_what_a_person_ordered_is_in_force_in_every_regime(ordered, in_force, wild):
    record = NightRecord(ROLLED_BACK, "rolled back", vector(in_force), vector(ordered))
    found = regime_vectors(stored(record), {"calm": {}, "turbulent": wild}, RULES, names=NAMES)
    assert found["calm"].tolist() == found["turbulent"].tolist() == record.weights.tolist()


def test_a_factor_moves_the_weight_of_its_component_and_the_others_give_way():
    equal = vector([1.0] * len(NAMES))
    found = regime_vectors(
        stored(NightRecord(HELD, "held", equal, equal)), {"turbulent": {NAMES[0]: 0.5}}, RULES, names=NAMES
    )
    # 1/6 halved is 1/12; the six then sum to 11/12, so the first is 1/11 and the others 2/11
    assert found["turbulent"] == pytest.approx([1 / 11] + [2 / 11] * 5, abs=2e-6)


def test_factors_of_unknown_components_are_refused():
    equal = vector([1.0] * len(NAMES))
    night = stored(NightRecord(HELD, "held", equal, equal))
    with pytest.raises(ValueError, match="factors of calm"):
        regime_vectors(night, {"calm": {"astrology": 0.5}}, RULES, names=NAMES)


def test_a_night_of_another_feature_set_is_refused():
    night = decisions_table(
        [(NIGHT, NightRecord(HELD, "held", vector([1.0] * 6), vector([1.0] * 6)))],
        names=NAMES,
        schema=catalogue(NAMES)["weight_decisions"].schema,
        horizon="1d",
        population="selected",
    )
    rows = {row["component"]: row for row in night.to_dicts()}
    with pytest.raises(ValueError, match="feature set"):
        decided_night(rows, names=(NAMES[0], "astrology"))
