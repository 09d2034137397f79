import numpy as np
import polars as pl
import pytest

from amc_learning.learning.inference import mean_inference
from amc_learning.learning.weights.evidence import days_since_epoch
from amc_learning.learning.weights.improvement import REUSE_WIDENING
from amc_learning.learning.weights.projection import project_bounded
from amc_learning.learning.weights.promise import MIN_WINNERS, change_promise, lost_winners
from amc_learning.learning.weights.suggestion import suggest_weights
from amc_learning.learning.weights.top_lists import CandidateLists
from amc_learning_tests.learning.weights.worlds import (
    DEFAULT_VECTOR,
    NAMES,
    evidence_of,
    joined_table,
    no_candidates,
    scores_and_returns,
    slopes_for,
    weekdays,
)

DAYS = weekdays(100)
SCORES, RETURNS = scores_and_returns(np.random.default_rng(1), 100, slopes=slopes_for([0, 0, 0, 0, 1, 3], 0.2))
WINDOW = evidence_of(SCORES, RETURNS, DAYS)
SUGGESTION = suggest_weights(WINDOW, DEFAULT_VECTOR, overlap_sessions=1, cap=0.6)
FROM = 60


def step_toward(wanted):
    return project_bounded(wanted, DEFAULT_VECTOR, daily_limit=0.1, cap=0.6)


def promise(joined, step=step_toward):
    return change_promise(
        WINDOW,
        SUGGESTION,
        DEFAULT_VECTOR,
        as_far_as_now=step,
        candidates=CandidateLists(joined, components=NAMES),
        horizon="1d",
        overlap_sessions=1,
        known_after=days_since_epoch(DAYS[FROM - 1]),
        top_k=10,
    )


def test_the_promise_is_the_held_out_effect_of_the_bounded_step_computed_by_hand():
    found = promise(joined_table(SCORES, RETURNS, DAYS))
    steps = [step_toward(weights) for weights in SUGGESTION.fold_weights]
    day_steps = [steps[fold] for fold in SUGGESTION.folds]
    differences = np.array(
        [
            WINDOW.coefficients(step)[day] - WINDOW.coefficients(DEFAULT_VECTOR)[day]
            for day, step in enumerate(day_steps)
        ]
    )
    assert found.improvement.estimate == pytest.approx(differences.mean(), abs=1e-12)
    plain = mean_inference(differences, overlap_sessions=1)
    width = found.improvement.ci_high - found.improvement.ci_low
    assert width == pytest.approx(REUSE_WIDENING * (plain.ci_high - plain.ci_low))
    returns, successes = [], []
    for day in range(FROM, 100):
        new, old = (np.argsort(SCORES[day] @ one)[-10:] for one in (day_steps[day], DEFAULT_VECTOR))
        returns.append(RETURNS[day][new].mean() - RETURNS[day][old].mean())
        successes.append((RETURNS[day][new] > 0.02).mean() - (RETURNS[day][old] > 0.02).mean())
    assert found.top_return_change == pytest.approx(np.mean(returns))
    assert found.success_rate_change == pytest.approx(np.mean(successes))


def test_a_bounded_step_promises_less_than_the_whole_way():
    joined = joined_table(SCORES, RETURNS, DAYS)
    step, whole = promise(joined), promise(joined, step=lambda wanted: wanted)
    assert 0 < step.improvement.estimate < whole.improvement.estimate


@pytest.mark.parametrize(("n_winners", "is_promised"), [(MIN_WINNERS - 1, False), (MIN_WINNERS, True)])
def test_too_few_winners_promise_no_success_rate_but_a_return(n_winners, is_promised):
    joined = joined_table(SCORES, RETURNS, DAYS).with_row_index("at")
    last = joined.height - n_winners
    found = promise(joined.with_columns(is_winner=pl.col("at") >= last).drop("at"))
    assert (found.success_rate_change is not None) == is_promised
    assert found.top_return_change is not None


def test_no_candidates_at_hand_promise_nothing_about_lists():
    found = promise(no_candidates())
    assert (found.success_rate_change, found.top_return_change) == (None, None)
    assert found.improvement.is_sufficient


def lost(joined, weights, **options):
    first, last = (days_since_epoch(DAYS[at]) for at in (0, -1))
    return lost_winners(
        CandidateLists(joined, components=NAMES),
        weights,
        DEFAULT_VECTOR,
        **({"horizons": {"1d": 1, "7d": 5}, "known_after": first - 1, "known_until": last} | options),
        top_k=10,
        level=0.05,
    )


BETTER, WORSE = np.eye(6)[5], np.eye(6)[0]


def test_lost_winners_are_named_with_horizon_and_figures():
    joined = joined_table(SCORES, RETURNS, DAYS, horizon="7d")
    assert lost(joined, BETTER) == ""
    reason = lost(joined, WORSE)
    assert "success rate of the top 10 at 7d is worse" in reason
    assert f"over 100 days with {(RETURNS > 0.02).sum()} winners" in reason


def test_too_few_winners_and_other_days_veto_nothing():
    joined = joined_table(SCORES, RETURNS, DAYS)
    rare = joined.with_columns(is_winner=pl.col("is_winner") & (pl.col("known_on") == DAYS[0]))
    assert 0 < rare["is_winner"].sum() < MIN_WINNERS
    assert lost(rare, WORSE) == ""
    assert lost(joined, WORSE, known_after=days_since_epoch(DAYS[-1])) == ""
