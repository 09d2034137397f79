from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from amc_learning.contracts.tables import catalogue
from amc_learning.learning.effectiveness.table import evidence_needed_from, learning_effectiveness
from amc_learning.learning.weights import FeatureWeights, Overlay, StandingWeights, WeightRules, decide_weights
from amc_learning.learning.weights.record import DECISION_COLUMNS
from amc_learning_tests.learning.effectiveness.forced import forced_change, forced_night, forced_nights
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
DAYS = weekdays(140)
TRUTH, HARMFUL = np.array([0, 0, 0, 0, 0.4, 0.6]), np.array([0.4, 0.3, 0.3, 0, 0, 0])
STATISTICS = statistics_table(
    random_evidence(np.random.default_rng(3), len(DAYS), slopes=slopes_for(TRUTH, 0.2), names=100)
)
FORCED = forced_change(DAYS[0], TRUTH, HARMFUL)
ACTIONS = catalogue(NAMES)["operator_actions"].schema


def decide(as_of=DAYS[1:], statistics=STATISTICS, earlier=FORCED, **options):
    return decide_weights(
        statistics,
        no_candidates(),
        as_of=as_of,
        features=FEATURES,
        rules=RULES,
        earlier_decisions=earlier,
        **options,
    )


def one_by_one(as_of=DAYS[1:], earlier=FORCED, **options):
    done = []
    for night in as_of:
        known = STATISTICS.filter(pl.col("known_on") <= night)
        done.append(decide([night], known, earlier, **options))
        earlier = pl.concat([earlier, done[-1].select(DECISION_COLUMNS)])
    return pl.concat(done)


def vectors(decisions, column="learned_weight"):
    return decisions.pivot("component", index="known_on", values=column).select(NAMES).to_numpy()


def judged(decisions, as_of, statistics=STATISTICS, forced=FORCED):
    earlier = pl.concat([forced, decisions.select(DECISION_COLUMNS)])
    return learning_effectiveness(statistics, earlier, as_of=as_of, components=NAMES, rules=RULES)


@pytest.fixture(scope="module")
def decisions():
    return decide()


@pytest.fixture(scope="module")
def rolled(decisions):
    return decisions.filter(pl.col("taken_back_change").is_not_null())


def test_a_harmful_change_is_taken_back_within_the_daily_limit_until_the_weights_before_it(decisions, rolled):
    nights = rolled["known_on"].unique().sort().to_list()
    first, last = DAYS.index(nights[0]), DAYS.index(nights[-1])
    assert 2 < first <= 30
    assert nights == DAYS[first : last + 1]
    assert set(rolled["status"]) == {"rolled_back"}
    assert set(rolled["taken_back_change"]) == {DAYS[0]}
    assert not rolled["is_learning"].any()
    path = np.vstack([HARMFUL, vectors(rolled)])
    assert np.abs(np.diff(path, axis=0)).max() <= RULES.daily_limit + 1e-9
    np.testing.assert_allclose(path[-1], TRUTH, atol=2e-6)
    np.testing.assert_allclose(vectors(rolled).sum(axis=1), 1, atol=1e-12)
    assert decisions.filter(pl.col("known_on") < nights[0])["change"].abs().sum() == 0


def test_the_reason_carries_the_numbers(rolled):
    first = rolled["reason"][0]
    assert first.startswith(f"rolled back: the change of {DAYS[0]} harmed: 1d coefficient -0.")
    assert "days decided under it" in first
    assert "where 40 is needed" in first
    assert "per weight to go" in first
    assert rolled["reason"][-1].endswith("back at the weights before it")


def test_it_is_taken_back_once_and_its_evidence_is_set_aside(decisions, rolled):
    last = DAYS.index(rolled["known_on"].max())
    after = decisions.filter(pl.col("known_on") > DAYS[last])
    assert after["taken_back_change"].null_count() == after.height
    assert after["status"][0] != "rolled_back"
    assert "taught a change that harmed and is set aside" in after["reason"][0]


def test_nights_one_by_one_equal_the_range_bit_for_bit(decisions):
    assert one_by_one().equals(decisions)


def test_what_becomes_known_later_changes_nothing(decisions, rolled):
    cut = rolled["known_on"].min()
    nights = [day for day in DAYS[1:] if day <= cut]
    known = STATISTICS.filter(pl.col("known_on") <= cut)
    assert decide(nights, known).equals(decisions.filter(pl.col("known_on") <= cut))


def test_a_change_that_helps_stays():
    kept = decide(earlier=forced_change(DAYS[0], HARMFUL, TRUTH))
    assert kept["taken_back_change"].null_count() == kept.height
    assert judged(kept, [DAYS[-1]], forced=forced_change(DAYS[0], HARMFUL, TRUTH))["verdict"].to_list()[0] == "helped"


def test_a_persons_order_wins_over_a_rollback_and_is_not_resumed_after_release(rolled):
    start = DAYS.index(rolled["known_on"].min())
    actions = pl.DataFrame(
        [order(DAYS[start + 1], "rollback", DAYS[0]), order(DAYS[start + 5], "release")], schema=ACTIONS
    )
    decisions = decide(actions=actions)
    ordered = decisions.filter(pl.col("known_on").is_between(DAYS[start + 1], DAYS[start + 4]))
    assert "the desk asked" in ordered["reason"][0]
    assert ordered["taken_back_change"].null_count() == ordered.height
    np.testing.assert_allclose(vectors(ordered)[-1], HARMFUL, atol=2e-6)
    released = decisions.filter(pl.col("known_on") == DAYS[start + 5])
    assert set(released["status"]) != {"rolled_back"}
    assert one_by_one(actions=actions).equals(decisions)


def test_an_order_before_the_verdict_keeps_the_harmful_weights_for_as_long_as_it_holds():
    actions = pl.DataFrame([order(DAYS[2], "rollback", DAYS[0])], schema=ACTIONS)
    decisions = decide(actions=actions)
    assert decisions["taken_back_change"].null_count() == decisions.height
    np.testing.assert_allclose(vectors(decisions)[-1], HARMFUL, atol=2e-6)


def test_taking_back_ends_where_a_lowered_cap_keeps_the_weights_before_the_change_out_of_reach():
    decisions = decide_weights(
        STATISTICS,
        no_candidates(),
        as_of=DAYS[1:],
        features=FEATURES,
        rules=WeightRules(horizons={"1d": 1}, cap=0.5),
        earlier_decisions=FORCED,
    )
    back = decisions.filter(pl.col("taken_back_change").is_not_null())
    # The farthest way is that of the heaviest weight, from 0 to the cap.
    assert 0 < back["known_on"].n_unique() <= np.ceil(0.5 / RULES.daily_limit) + 1
    assert decisions["status"][-1] != "rolled_back"


def test_factors_stay_laid_over_while_a_change_is_taken_back(rolled):
    overlay = Overlay("turbulent", {"technical": 0.5}, {})
    decisions = decide(overlays=dict.fromkeys(DAYS, overlay))
    nights = decisions.filter(pl.col("taken_back_change").is_not_null())
    assert set(nights["status"]) == {"rolled_back"}
    assert vectors(nights).tolist() == vectors(rolled).tolist()
    assert nights["regime_multiplier"].min() == 0.5
    assert nights["reason"].str.contains("regime turbulent: technical x0.50").all()
    assert nights["change"].abs().max() <= RULES.daily_limit + 1e-9


def test_the_table_says_harmed_on_the_night_that_takes_back_and_taken_back_after_it(decisions, rolled):
    first = rolled["known_on"].min()
    table = judged(decisions, DAYS[1:])
    assert table.schema == catalogue(NAMES)["learning_effectiveness"].schema
    one = table.filter(pl.col("began_on") == DAYS[0])
    assert one.filter(pl.col("verdict") == "harmed")["known_on"].min() == first
    after = one.filter(pl.col("known_on") > first)
    assert (set(after["state"]), set(after["ended_on"]), set(after["verdict"])) == ({"taken_back"}, {first}, {"harmed"})
    assert one["n_days"].max() == DAYS.index(first), (
        "entries 2 to that after the night, for whose decisions it still was in force"
    )


def test_the_table_of_a_night_equals_its_rows_of_the_range_and_knows_nothing_later(decisions):
    table = judged(decisions, DAYS[1:])
    for night in DAYS[5::20]:
        known = STATISTICS.filter(pl.col("known_on").is_between(evidence_needed_from(night), night))
        decided = decisions.filter(pl.col("known_on") < night)
        assert judged(decided, [night], known).equals(table.filter(pl.col("known_on") == night))


def test_a_change_that_was_not_the_last_of_many_needs_more_evidence(rolled):
    """Two changes there and back before it: it is the third of the year, and taken back later or never."""
    days = [DAYS[0] - timedelta(weeks=weeks) for weeks in (9, 5)]
    moves = [(TRUTH, HARMFUL), (HARMFUL, TRUTH)]
    nights = [
        *((day, forced_night(before, after)) for day, (before, after) in zip(days, moves, strict=True)),
        (DAYS[0], forced_night(TRUTH, HARMFUL)),
    ]
    nights.insert(1, (days[0] + timedelta(days=1), forced_night(HARMFUL, HARMFUL, is_learning=False)))
    nights.insert(3, (days[1] + timedelta(days=1), forced_night(TRUTH, TRUTH, is_learning=False)))
    later = decide(earlier=forced_nights(nights).select(DECISION_COLUMNS))
    back = later.filter(pl.col("taken_back_change") == DAYS[0])
    assert "where 240 is needed" in back["reason"][0]
    assert back["known_on"].min() > rolled["known_on"].min()


def test_a_tiny_next_change_frees_a_harmful_one_from_nothing(rolled):
    """The step of .001 two nights later belongs to the change, which is taken back as if it had not been."""
    tiny = HARMFUL + np.array([0.001, -0.001, 0, 0, 0, 0])
    earlier = forced_nights(
        [
            (DAYS[0], forced_night(TRUTH, HARMFUL)),
            (DAYS[1], forced_night(HARMFUL, HARMFUL, is_learning=False)),
            (DAYS[2], forced_night(HARMFUL, tiny)),
        ]
    )
    decisions = decide(DAYS[3:], earlier=earlier.select(DECISION_COLUMNS))
    back = decisions.filter(pl.col("taken_back_change").is_not_null())
    assert set(back["taken_back_change"]) == {DAYS[0]}
    assert abs(DAYS.index(back["known_on"].min()) - DAYS.index(rolled["known_on"].min())) <= 1
    np.testing.assert_allclose(vectors(back)[-1], TRUTH, atol=2e-6)


def test_a_run_that_goes_on_with_a_change_promises_against_the_weights_that_change_began_from():
    """A forced change from HARMFUL on the default weights, a night without learning, then the evidence moves: what it
    promises is held against HARMFUL from the first night of the new run on, as what is realised is. The one step of it
    that a night can go is worth far less than the whole way from HARMFUL."""
    nights = DAYS[60:64]
    earlier = forced_nights(
        [
            (DAYS[50], forced_night(HARMFUL, DEFAULT_VECTOR)),
            (DAYS[51], forced_night(DEFAULT_VECTOR, DEFAULT_VECTOR, is_learning=False)),
        ]
    ).select(DECISION_COLUMNS)
    known = STATISTICS.filter(pl.col("known_on") <= nights[-1])
    promised = decide(nights, known, earlier).unique("known_on").sort("known_on")["expected_improvement"].to_list()
    alone = decide(nights, known, None, standing=StandingWeights(DAYS[59], DEFAULT)).unique("known_on").sort("known_on")
    step_of_a_night = alone["expected_improvement"][0]
    assert promised[0] == pytest.approx(promised[1], abs=step_of_a_night)
    assert promised[0] > 2 * step_of_a_night


def test_a_lowered_cap_ends_no_watch():
    rules = WeightRules(horizons={"1d": 1}, cap=0.35)
    decisions = decide_weights(
        STATISTICS,
        no_candidates(),
        as_of=DAYS[1:],
        features=FEATURES,
        rules=rules,
        earlier_decisions=FORCED,
    )
    assert vectors(decisions).max() <= rules.cap + 1e-9
    table = judged(decisions, [DAYS[40]])
    assert table.filter(pl.col("began_on") == DAYS[0])["state"].to_list() == ["taken_back"]


def test_a_change_that_outlasts_its_campaign_still_promises_against_the_weights_it_is_judged_against():
    days = weekdays(115)
    statistics = statistics_table(
        random_evidence(np.random.default_rng(11), 260, slopes=slopes_for(TRUTH, 0.2))
    ).filter(pl.col("known_on") <= days[-1])
    decisions = decide(days, statistics, earlier=None)
    promised = decisions.drop_nulls("expected_improvement").unique("known_on").sort("known_on")
    began, last = promised["known_on"][0], promised["known_on"][-1]
    assert (last - began).days > RULES.campaign_days
    # One more small step does not change what the whole change is worth; against the weights of 90 days ago it is .014.
    before, after = promised["expected_improvement"].to_list()[-2:]
    assert after == pytest.approx(before, abs=0.01)


def test_noise_takes_back_no_forced_change():
    noise = statistics_table(random_evidence(np.random.default_rng(8), len(DAYS), names=100))
    decisions = decide(statistics=noise, earlier=forced_change(DAYS[0], DEFAULT_VECTOR, np.full(6, 1 / 6)))
    assert decisions["taken_back_change"].null_count() == decisions.height
