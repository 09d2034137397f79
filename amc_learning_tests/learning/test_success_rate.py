from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from amc_learning.learning.success_rate import SuccessRate, success_history
from amc_learning.learning.theses.wilson import wilson_interval

FIRST = date(2024, 1, 1)


def statistics(n_pairs, n_winners, *, feature="technical", population="selected", horizon="7d", scope="all"):
    days = [FIRST + timedelta(days=at) for at in range(len(n_pairs))]
    return pl.DataFrame(
        {
            "known_on": days,
            "entry_date": days,
            "horizon": horizon,
            "population": population,
            "feature": feature,
            "scope": scope,
            "n_pairs": n_pairs,
            "n_winners": n_winners,
        },
        schema_overrides={"n_pairs": pl.Int64, "n_winners": pl.Int64},
    )


def rate(table, *, day=None, window_days=90, sessions=1):
    known = table["known_on"].max() if day is None else day
    return success_history(table, horizon="7d", sessions=sessions).rate(known, window_days)


def test_the_share_is_of_candidates_not_of_days():
    # 1 of 10 and 3 of 4: 4 of 14 candidates, where the mean of the days' shares would be 0.425
    found = rate(statistics([10, 4], [1, 3]))
    assert (found.share, found.n) == (4 / 14, 14)


def test_of_a_days_features_the_one_with_the_most_pairs_speaks_once():
    table = pl.concat(
        [
            statistics([10], [2]),
            statistics([7], [1], feature="squeeze"),
            statistics([10], [2], feature="total_score"),
            statistics([50], [50], population="controls"),
            statistics([50], [50], horizon="1d"),
            statistics([50], [50], scope="trade_ready", feature="total_score"),
        ]
    )
    assert rate(table) == SuccessRate(0.2, None, None, 10)


def test_only_the_window_counts():
    table = statistics([10] * 10, [0] * 9 + [10])
    last = FIRST + timedelta(days=9)
    assert rate(table, window_days=1) == SuccessRate(1.0, None, None, 10)
    assert rate(table, day=last - timedelta(days=1)) == SuccessRate(0.0, None, None, 90)
    assert rate(table, day=last + timedelta(days=90)) == SuccessRate(None, None, None, 0)


def test_the_answer_does_not_depend_on_what_else_is_known():
    rng = np.random.default_rng(3)
    table = statistics(rng.integers(5, 20, 120), rng.integers(0, 5, 120))
    day = FIRST + timedelta(days=99)
    alone = table.filter(pl.col("known_on") <= day, pl.col("known_on") > day - timedelta(days=60))
    assert rate(table.sample(fraction=1, shuffle=True, seed=1), day=day, window_days=60) == rate(alone, window_days=60)


def test_days_on_which_everything_wins_or_nothing_does_widen_the_interval():
    """Candidates that share their day's luck are worth fewer than they are."""
    rng = np.random.default_rng(5)
    lucky = rng.permutation(60) < 30
    together = rate(statistics([10] * 60, np.where(lucky, 10, 0)))
    apart = rate(statistics([10] * 60, np.where(lucky, 6, 4)))
    low, high = wilson_interval(0.5, 600)
    assert together.share == apart.share == 0.5
    assert together.ci_low < low < high < together.ci_high
    # days of 4 and 6 winners are no further apart than ten coins a day: sqrt(10) / 2 = 1.6 of them
    assert apart.ci_high - apart.ci_low < together.ci_high - together.ci_low


def test_the_interval_covers_the_true_rate_of_days_that_differ():
    rng = np.random.default_rng(11)
    covered = []
    for _ in range(300):
        daily = rng.beta(2, 6, 63)  # mean 1/4
        found = rate(statistics([20] * 63, rng.binomial(20, daily)))
        covered.append(found.ci_low <= 0.25 <= found.ci_high)
    # 95 % of 300 is 285; three standard errors below is 273.7
    assert np.mean(covered) > 0.912


@pytest.mark.parametrize("winners", [0, 10])
def test_no_winner_and_nothing_but_winners_have_no_interval(winners):
    found = rate(statistics([10] * 63, [winners] * 63))
    assert (found.share, found.ci_low, found.ci_high, found.n) == (winners / 10, None, None, 630)


def test_without_any_statistics_there_is_nothing_to_say():
    assert rate(statistics([], []), day=FIRST) == SuccessRate(None, None, None, 0)
