"""Weights in shadow: decided and judged as ever, while what discovery was last told stays; and the walk after it."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amc_learning.contracts.tables import catalogue
from amc_learning.learning.effectiveness.table import learning_effectiveness
from amc_learning.learning.modes import ACTIVE, SHADOW
from amc_learning.learning.weights import FeatureWeights, Overlay, StandingWeights, WeightRules, decide_weights
from amc_learning.learning.weights.record import DECISION_COLUMNS
from amc_learning_tests.learning.effectiveness.forced import forced_change
from amc_learning_tests.learning.weights.worlds import (
    DEFAULT,
    DEFAULT_VECTOR,
    NAMES,
    no_candidates,
    order,
    random_evidence,
    slopes_for,
    statistics_table,
    weekdays,
)

FEATURES = FeatureWeights(NAMES, DEFAULT)
RULES = WeightRules(horizons={"1d": 1})
DAYS = weekdays(110)
TRUTH, HARMFUL = np.array([0, 0, 0, 0, 0.4, 0.6]), np.array([0.4, 0.3, 0.3, 0, 0, 0])
STATISTICS = statistics_table(random_evidence(np.random.default_rng(3), 110, slopes=slopes_for(TRUTH, 0.2), names=100))
NO_STATISTICS = STATISTICS.clear()
ACTIONS = catalogue(NAMES)["operator_actions"].schema


def decide(modes, *, as_of=DAYS, statistics=STATISTICS, **options):
    return decide_weights(
        statistics,
        no_candidates(),
        as_of=as_of,
        features=FEATURES,
        rules=options.pop("rules", RULES),
        modes=modes,
        **options,
    )


def one_by_one(modes, **options):
    done, earlier = [], None
    for night in DAYS:
        known = STATISTICS.filter(pl.col("known_on") <= night)
        done.append(decide(modes, as_of=[night], statistics=known, earlier_decisions=earlier, **options))
        rows = done[-1].select(DECISION_COLUMNS)
        earlier = rows if earlier is None else pl.concat([earlier, rows])
    return pl.concat(done)


def vectors(decisions, column="weight"):
    return decisions.pivot("component", index="known_on", values=column).select(NAMES).to_numpy()


def named(vector):
    return dict(zip(NAMES, np.asarray(vector).tolist(), strict=True))


def all_in(mode):
    return dict.fromkeys(DAYS, mode)


def from_to(first, last, mode=SHADOW):
    return {**all_in(ACTIVE), **dict.fromkeys(DAYS[first:last], mode)}


@pytest.fixture(scope="module")
def active():
    return decide(all_in(ACTIVE))


@pytest.fixture(scope="module")
def shadow():
    return decide(all_in(SHADOW))


def test_in_shadow_nothing_in_force_moves_and_the_shadow_is_what_would_be_in_force(active, shadow):
    assert np.ptp(vectors(active), axis=0).max() > 0.1, "the evidence has to move something"
    assert vectors(shadow).tolist() == [DEFAULT_VECTOR.tolist()] * len(DAYS)
    assert shadow["change"].abs().max() == 0
    assert shadow["told_on"].null_count() == shadow.height
    assert vectors(shadow, "shadow_weight").tolist() == vectors(active).tolist()
    assert active["shadow_weight"].null_count() == active.height
    assert active["told_on"].to_list() == active["known_on"].to_list()


def test_what_is_learned_and_why_is_the_same_in_shadow(active, shadow):
    same = ["learned_weight_before", "learned_weight", "is_learning", "status", "expected_improvement", "confidence"]
    assert shadow.select(same).equals(active.select(same))
    assert shadow["reason"].str.ends_with("; in shadow: discovery keeps what it was last told").all()


def test_changes_in_shadow_are_judged_to_the_same_numbers(active, shadow):
    judged = [
        learning_effectiveness(STATISTICS, one, as_of=DAYS, components=NAMES, rules=RULES) for one in (active, shadow)
    ]
    assert judged[0].height > 0
    assert judged[1].equals(judged[0])


def test_harm_is_taken_back_in_shadow_too():
    forced = forced_change(DAYS[0], TRUTH, HARMFUL)
    modes = all_in(SHADOW)
    decisions = decide(modes, as_of=DAYS[1:], earlier_decisions=forced)
    rolled = decisions.filter(pl.col("taken_back_change").is_not_null())
    assert set(rolled["status"]) == {"rolled_back"}
    np.testing.assert_allclose(vectors(rolled, "shadow_weight")[-1], TRUTH, atol=2e-6)
    assert vectors(decisions).tolist() == [HARMFUL.tolist()] * (len(DAYS) - 1)


def test_when_promoted_the_weights_walk_from_what_was_told_to_what_was_learned_within_the_limit(shadow):
    decisions = decide({**all_in(SHADOW), **from_to(0, 90)})
    walked = np.vstack([DEFAULT_VECTOR, vectors(decisions)[90:]])
    steps = np.abs(np.diff(walked, axis=0)).max(axis=1)
    assert steps[0] == pytest.approx(RULES.daily_limit), "the limit holds on the very day of the promotion"
    assert steps.max() <= RULES.daily_limit + 1e-9
    assert walked[-1].tolist() == vectors(decisions, "learned_weight")[-1].tolist()
    first = decisions.filter(known_on=DAYS[90])
    assert first["status"][0] == "active"
    assert "the weights in force go to the learned ones" in first["reason"][0]
    assert first["previous_weight"].to_list() == decisions.filter(known_on=DAYS[89])["weight"].to_list()
    assert vectors(decisions, "learned_weight").tolist() == vectors(shadow, "learned_weight").tolist()


def test_when_demoted_in_the_middle_of_the_walk_the_weights_stay_where_they_are():
    decisions = decide({**from_to(0, 80), **from_to(82, len(DAYS))} | dict.fromkeys(DAYS[:80], SHADOW))
    told = vectors(decisions)[81]
    assert np.abs(told - DEFAULT_VECTOR).max() > 0.1
    assert vectors(decisions)[82:].tolist() == [told.tolist()] * (len(DAYS) - 82)
    assert set(decisions.filter(pl.col("known_on") >= DAYS[82])["told_on"]) == {DAYS[81]}
    assert np.abs(np.diff(np.vstack([told, vectors(decisions, "shadow_weight")[82:]]), axis=0)).max() <= 0.1 + 1e-9


@given(
    st.lists(st.sampled_from([ACTIVE, SHADOW]), min_size=12, max_size=12),
    st.permutations(range(6)),
    st.sampled_from([0.001, 0.05, 0.1, 0.6]),
    st.lists(st.dictionaries(st.sampled_from(NAMES), st.floats(0.5, 2.0), max_size=3), min_size=12, max_size=12),
)
@settings(max_examples=60, deadline=None)
def test_every_bound_holds_on_every_day_of_any_pattern_of_promotions_and_demotions(pattern, places, limit, factors):
    """The vectors lie as far apart as the cap lets them: all on two components in force, all on two others learned."""
    in_force, learned = np.zeros(6), np.zeros(6)
    in_force[list(places[:2])] = 0.6, 0.4
    learned[list(places[2:4])] = 0.4, 0.6
    days, rules = DAYS[:12], WeightRules(horizons={"1d": 1}, daily_limit=limit)
    decisions = decide(
        dict(zip(days, pattern, strict=True)),
        as_of=days,
        statistics=NO_STATISTICS,
        rules=rules,
        standing=StandingWeights(DAYS[0], named(in_force), named(learned), named(in_force), DAYS[0]),
        overlays={day: Overlay("calm", one, {}) for day, one in zip(days, factors, strict=True)},
    )
    told = np.vstack([in_force, vectors(decisions)])
    would_be = np.where(np.isnan(vectors(decisions, "shadow_weight")), told[1:], vectors(decisions, "shadow_weight"))
    for path in (told, np.vstack([in_force, would_be])):
        np.testing.assert_allclose(path.sum(axis=1), 1, atol=1e-9)
        assert path.min() >= 0
        assert path.max() <= rules.cap + 1e-9
    assert np.abs(np.diff(told, axis=0)).max() <= limit + 1e-9
    is_shadow = np.array([mode == SHADOW for mode in pattern])
    assert np.abs(np.diff(told, axis=0))[is_shadow].sum() == 0
    before = np.vstack([in_force, would_be[:-1]])
    assert np.abs(would_be - before)[is_shadow].max(initial=0) <= limit + 1e-9


def test_nights_one_by_one_equal_the_range_bit_for_bit_with_a_promotion_and_a_demotion_in_it():
    modes = {**all_in(SHADOW), **dict.fromkeys(DAYS[60:95], ACTIVE)}
    assert one_by_one(modes).equals(decide(modes))


def test_what_is_ordered_later_changes_no_earlier_night():
    modes = {**all_in(SHADOW), **dict.fromkeys(DAYS[60:], ACTIVE)}
    known = STATISTICS.filter(pl.col("known_on") <= DAYS[59])
    assert decide(modes, as_of=DAYS[:60], statistics=known).equals(
        decide(all_in(SHADOW)).filter(pl.col("known_on") < DAYS[60])
    )


def test_a_rollback_that_is_ordered_in_shadow_acts_in_shadow(shadow):
    actions = pl.DataFrame([order(DAYS[100], "rollback", DAYS[0])], schema=ACTIONS)
    decisions = decide(all_in(SHADOW), actions=actions)
    assert vectors(decisions).tolist() == [DEFAULT_VECTOR.tolist()] * len(DAYS)
    assert vectors(decisions, "shadow_weight")[-1] == pytest.approx(vectors(shadow, "shadow_weight")[0], abs=2e-6)
    assert decisions["status"][-1] == "rolled_back"
