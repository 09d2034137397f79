from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amc_learning.contracts.tables import catalogue
from amc_learning.learning.weights import FeatureWeights, Overlay, StandingWeights, WeightRules, decide_weights
from amc_learning.learning.weights.evidence import Evidence
from amc_learning_tests.learning.weights.worlds import (
    DEFAULT,
    NAMES,
    evidence_of,
    joined_table,
    no_candidates,
    order,
    random_evidence,
    scores_and_returns,
    slopes_for,
    statistics_table,
    weekdays,
)

FEATURES = FeatureWeights(NAMES, DEFAULT)
RULES = WeightRules(horizons={"1d": 1})
TABLE = catalogue(NAMES)["weight_decisions"]
STRONG = slopes_for([0, 0, 0, 0, 1, 3], 0.3)
DAYS = weekdays(120)


def decide(statistics, as_of, joined=None, rules=RULES, **options):
    return decide_weights(
        statistics,
        no_candidates() if joined is None else joined,
        as_of=as_of,
        features=FEATURES,
        rules=rules,
        **options,
    )


def vectors(decisions):
    """(nights, components) in the order of the table."""
    return decisions["weight"].to_numpy().reshape(-1, len(NAMES))


def one_by_one(statistics, as_of, joined=None, rules=RULES, **options):
    done = TABLE.empty()
    for night in as_of:
        longest = max(rules.evidence_windows_days)
        known = (pl.col("known_on") <= night) & (pl.col("known_on") > night - timedelta(days=longest))
        done = pl.concat(
            [done, decide(statistics.filter(known), [night], joined, rules, earlier_decisions=done, **options)]
        )
    return done


@pytest.fixture(scope="module")
def planted():
    scores, returns = scores_and_returns(np.random.default_rng(11), 120, slopes=STRONG)
    return statistics_table(evidence_of(scores, returns, DAYS)), joined_table(scores, returns, DAYS)


@pytest.fixture(scope="module")
def learned(planted):
    return decide(planted[0], DAYS, planted[1])


def test_the_result_is_the_declared_table(learned):
    assert learned.schema == TABLE.schema
    assert learned.select("known_on", "component").is_unique().all()
    for column in TABLE.columns:
        assert column.is_nullable or not learned[column.name].null_count(), column.name


def test_a_strong_planted_truth_moves_the_weights_to_where_it_is(learned):
    last = dict(learned.filter(pl.col("known_on") == DAYS[-1]).select("component", "weight").iter_rows())
    assert last["technical"] > 0.5
    assert last["squeeze"] < 0.1
    assert learned.filter(pl.col("status") == "active")["known_on"].n_unique() > 20


def test_the_promises_of_a_real_improvement_are_positive(learned):
    first = learned.filter(pl.col("status") == "active").head(1)
    for promise in ("expected_improvement", "expected_improvement_ci_low", "expected_top_return_change"):
        assert first[promise].item() > 0
    assert first["expected_success_rate_change"].item() > 0
    assert first["confidence"].item() > 0.99


def test_every_step_obeys_every_bound(learned):
    steps = np.diff(np.vstack([[DEFAULT[name] for name in sorted(NAMES)], vectors(learned)]), axis=0)
    assert np.abs(steps).max() <= 0.1 + 1e-9
    assert vectors(learned).min() >= 0
    assert vectors(learned).max() <= 0.6
    np.testing.assert_allclose(vectors(learned).sum(axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(steps.ravel(), learned["change"], atol=1e-12)
    moving = learned.filter(pl.col("is_at_daily_limit"))
    assert len(moving)
    assert (moving["change"].abs() - 0.1).abs().max() < 2e-6


def test_nights_one_by_one_equal_the_range_bit_for_bit(planted, learned):
    assert one_by_one(planted[0], DAYS, planted[1]).equals(learned)


def test_a_night_run_again_moves_nothing_a_second_time(planted, learned):
    night = learned.filter(pl.col("status") == "active")["known_on"].min() + timedelta(days=1)
    night = min(day for day in DAYS if day >= night)
    earlier = learned.filter(pl.col("known_on") < night)
    again = decide(planted[0], [night], planted[1], earlier_decisions=earlier)
    assert again.equals(learned.filter(pl.col("known_on") == night))


def test_what_becomes_known_later_changes_nothing(planted, learned):
    cut = DAYS[80]
    known = planted[0].filter(pl.col("known_on") <= cut)
    until = [day for day in DAYS if day <= cut]
    assert decide(known, until, planted[1]).equals(learned.filter(pl.col("known_on") <= cut))


def test_no_evidence_moves_nothing():
    decisions = decide(statistics_table(random_evidence(np.random.default_rng(1), 1)).clear(), DAYS[:5])
    assert set(decisions["status"]) == {"insufficient_evidence"}
    assert (decisions["change"] == 0).all()
    assert decisions["suggested_weight"].null_count() == len(decisions)
    assert decisions["expected_improvement"].null_count() == len(decisions)


def test_constant_components_are_insufficient_evidence(planted):
    evidence = planted[0].with_columns(
        return_rank_covariance=pl.when(pl.col("feature") == "technical").then(pl.col("return_rank_covariance"))
    )
    decisions = decide(evidence, [DAYS[-1]])
    assert set(decisions["status"]) == {"insufficient_evidence"}
    assert "1 components that vary" in decisions["reason"][0]


def test_noise_is_looked_at_and_held():
    decisions = decide(statistics_table(random_evidence(np.random.default_rng(2), 120)), DAYS)
    assert set(decisions["status"]) == {"insufficient_evidence", "held"}
    assert (decisions["change"] == 0).all()
    assert decisions.tail(1)["n_days"].item() > 60


def test_harm_at_another_horizon_stops_the_change(planted):
    evidence = random_evidence(np.random.default_rng(3), 120, slopes=-STRONG)
    both = pl.concat([planted[0], statistics_table(evidence, horizon="7d")])
    decisions = decide(both, DAYS, rules=replace(RULES, horizons={"1d": 1, "7d": 5}))
    assert (decisions["change"] == 0).all()
    assert "worse at 7d" in decisions["reason"][-1]
    assert decisions["status"][-1] == "held"


def test_a_change_that_costs_winners_is_held_with_the_figures(planted, learned):
    """Ranks improve, but the winners are those the planted truth ranks last."""
    scores, returns = scores_and_returns(np.random.default_rng(11), 120, slopes=STRONG)
    backward = joined_table(scores, returns, DAYS).with_columns(is_winner=pl.col("forward_return") < -0.02)
    decisions = decide(planted[0], DAYS, backward)
    # The harm is near its level: some nights cannot tell it.
    assert decisions["change"].abs().sum() < learned["change"].abs().sum() / 2
    assert (decisions.tail(6 * 30)["change"] == 0).all()
    vetoed = decisions.filter(pl.col("reason").str.contains("the success rate of the top 10 at 1d is worse"))
    assert set(vetoed["status"]) == {"held"}
    assert len(vetoed)
    assert vetoed["reason"].str.contains(r"over \d+ days with \d+ winners").all()


def test_candidates_are_read_only_by_nights_that_would_move(planted, learned):
    reads = []

    def joined():
        reads.append(1)
        return planted[1]

    noise = statistics_table(random_evidence(np.random.default_rng(2), 120))
    assert (decide(noise, DAYS, joined)["change"] == 0).all()
    assert not reads
    assert decide(planted[0], DAYS, joined).equals(learned)
    assert len(reads) == 1


PROMISES = ("confidence", *(name for name in (column.name for column in TABLE.columns) if name.startswith("expected_")))


def test_only_a_night_that_moves_promises_something(learned):
    moves = learned.with_columns(moves=(pl.col("change") != 0).any().over("known_on"))
    assert len(PROMISES) == 6
    for promise in PROMISES:
        assert moves.filter(~pl.col("moves"))[promise].null_count() == len(moves.filter(~pl.col("moves")))
        assert moves.filter("moves")[promise].null_count() == 0
    assert learned.filter(pl.col("status") == "held")["evidence_window_days"].null_count() == 0


def test_promises_are_written_to_nine_decimals(learned):
    for promise in PROMISES:
        values = learned[promise].drop_nulls()
        assert (values == values.round(9)).all()


def test_a_backward_component_is_named_and_loses_its_weight():
    slopes = np.array([-0.25, 0.1, 0.1, 0.1, 0.1, 0.1])
    decisions = decide(statistics_table(random_evidence(np.random.default_rng(4), 120, rho=0.0, slopes=slopes)), DAYS)
    component = decisions.filter(pl.col("component") == "volume_momentum")
    assert component.tail(1)["weight"].item() == 0
    advised = component.filter(pl.col("reason").str.contains("inverting or dropping volume_momentum"))
    assert set(advised["status"]) == {"active", "held"}
    assert (advised["suggested_weight"] == 0).all()


def test_a_backward_component_is_named_on_vetoed_nights_too():
    slopes = np.array([-0.25, 0.1, 0.1, 0.1, 0.1, 0.1])
    harm = random_evidence(np.random.default_rng(5), 120, rho=0.0, slopes=-slopes)
    evidence = random_evidence(np.random.default_rng(4), 120, rho=0.0, slopes=slopes)
    decisions = decide(
        pl.concat([statistics_table(evidence), statistics_table(harm, horizon="7d")]),
        DAYS,
        rules=replace(RULES, horizons={"1d": 1, "7d": 5}),
    )
    vetoed = decisions.filter(pl.col("reason").str.contains("worse at 7d"))
    assert set(vetoed["status"]) == {"held"}
    assert vetoed["reason"].str.contains("inverting or dropping volume_momentum").any()


def test_a_rollback_is_approached_within_the_daily_limit_and_held_until_release(planted, learned):
    actions = pl.DataFrame(
        [order(DAYS[90], "rollback", DAYS[10]), order(DAYS[110], "release")],
        schema=catalogue(NAMES)["operator_actions"].schema,
    )
    decisions = decide(*planted[:1], DAYS, planted[1], actions=actions)
    pinned = decisions.filter(pl.col("known_on").is_between(DAYS[90], DAYS[109]))
    assert set(pinned["status"]) == {"rolled_back"}
    assert np.abs(np.diff(vectors(pinned), axis=0)).max() <= 0.1 + 1e-9
    np.testing.assert_allclose(vectors(pinned)[-1], vectors(learned)[10], atol=1e-9)
    assert "the desk asked" in pinned["reason"][0]
    assert set(decisions.filter(pl.col("known_on") >= DAYS[110])["status"]) <= {"active", "held"}
    assert one_by_one(planted[0], DAYS, planted[1], actions=actions).equals(decisions)


def test_a_rollback_under_factors_restores_what_was_learned_and_not_the_factors(planted):
    """Factors hold from the start; rolled back and released, then the factors end: nothing is left of them."""
    overlays = {night: Overlay("turbulent", {NAMES[0]: 0.5}, {}) for night in DAYS[:30]}
    actions = pl.DataFrame(
        [order(DAYS[10], "rollback", DAYS[8]), order(DAYS[20], "release")],
        schema=catalogue(NAMES)["operator_actions"].schema,
    )
    nothing = statistics_table(random_evidence(np.random.default_rng(5), 1)).clear()
    decisions = decide(nothing, DAYS[:40], actions=actions, overlays=overlays)
    first = pl.col("component") == NAMES[0]
    learned = decisions.filter(first)["learned_weight"].unique().to_list()
    assert learned == [DEFAULT[NAMES[0]]]
    in_force = dict(decisions.filter(first).select("known_on", "weight").iter_rows())
    assert in_force[DAYS[15]] == in_force[DAYS[8]] < DEFAULT[NAMES[0]]
    assert in_force[DAYS[25]] == in_force[DAYS[8]]
    assert in_force[DAYS[39]] == DEFAULT[NAMES[0]]
    assert decisions["change"].abs().max() <= 0.1 + 1e-9


def test_a_rollback_to_a_day_without_a_decision_is_said(planted):
    actions = pl.DataFrame([order(DAYS[5], "rollback", DAYS[0])], schema=catalogue(NAMES)["operator_actions"].schema)
    with pytest.raises(ValueError, match="no weights were decided on that day"):
        decide(planted[0], [DAYS[5]], actions=actions)


def test_factors_of_one_night_move_what_is_in_force_and_leave_what_was_learned(planted, learned):
    night = learned.filter(pl.col("status") == "active")["known_on"].min()
    overlay = Overlay("calm", {"technical": 2.0}, {"options": 0.5})
    decisions = decide(planted[0], DAYS, planted[1], overlays={night: overlay})
    plain, scaled = (frame.filter(pl.col("known_on") == night) for frame in (learned, decisions))
    assert dict(scaled.select("component", "regime_multiplier").iter_rows())["technical"] == 2.0
    assert dict(scaled.select("component", "correction_factor").iter_rows())["options"] == 0.5
    assert vectors(scaled).sum() == pytest.approx(1)
    assert np.abs(scaled["change"].to_numpy()).max() <= 0.1 + 1e-9
    assert not np.array_equal(vectors(plain), vectors(scaled))
    assert decisions["learned_weight"].equals(learned["learned_weight"])
    last = pl.col("known_on") == DAYS[-1]
    assert decisions.filter(last)["weight"].equals(learned.filter(last)["weight"])


def test_a_lowered_cap_is_obeyed_even_when_nothing_else_moves():
    statistics = statistics_table(random_evidence(np.random.default_rng(5), 1)).clear()
    decisions = decide(statistics, DAYS[:3], rules=replace(RULES, cap=0.25))
    assert vectors(decisions)[0].max() == 0.25


def test_permuting_the_components_permutes_the_decision(planted):
    shuffled = tuple(sorted(NAMES))
    positions = [NAMES.index(name) for name in shuffled]
    statistics = planted[0].with_columns(
        score_covariances=pl.Series(
            planted[0]["score_covariances"].to_numpy()[:, positions], dtype=pl.Array(pl.Float64, len(NAMES))
        )
    )
    decisions = decide_weights(
        statistics, no_candidates(), as_of=DAYS, features=FeatureWeights(shuffled, DEFAULT), rules=RULES
    )
    np.testing.assert_allclose(vectors(decisions), vectors(decide(planted[0], DAYS)), atol=1.01e-6)


@given(st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_bounds_hold_for_any_evidence_and_any_weights_in_force(seed):
    rng = np.random.default_rng(seed)
    raw = random_evidence(rng, 70, slopes=rng.normal(size=6) * 0.2)
    hidden = rng.random((70, 6)) < rng.choice([0.0, 0.3, 0.9])
    evidence = Evidence(
        raw.known_on,
        np.where(hidden, 0, raw.return_covariances),
        np.where(hidden[:, :, None] | hidden[:, None, :], 0, raw.score_covariances),
    )
    in_force = rng.dirichlet(np.ones(6))
    in_force = np.minimum(in_force, 0.5)
    in_force[np.argmin(in_force)] += 1 - in_force.sum()
    start = dict(zip(NAMES, in_force.tolist(), strict=True))
    rules = replace(RULES, daily_limit=float(rng.choice([0.01, 0.1, 0.5])), yearly_false_change_rate=0.5)
    decisions = decide(statistics_table(evidence), DAYS[50:70], standing=StandingWeights(in_force=start), rules=rules)
    found = np.vstack([[start[name] for name in sorted(NAMES)], vectors(decisions)])
    assert np.abs(np.diff(found, axis=0)).max() <= rules.daily_limit + 1e-9
    assert found[1:].min() >= 0
    assert found[1:].max() <= 0.6
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-9)


def test_weights_in_force_of_another_feature_set_are_said():
    with pytest.raises(ValueError, match="another feature set"):
        decide(
            statistics_table(random_evidence(np.random.default_rng(6), 1)),
            DAYS[:1],
            standing=StandingWeights(in_force={"a": 0.5, "b": 0.5}),
        )


def test_earlier_decisions_that_do_not_say_whether_they_learned_are_refused(learned):
    with pytest.raises(ValueError, match="earlier decisions lack is_learning"):
        decide(
            statistics_table(random_evidence(np.random.default_rng(6), 1)),
            DAYS[-1:],
            earlier_decisions=learned.drop("is_learning"),
        )
