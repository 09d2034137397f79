from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from amc_learning.learning.inference import mean_inference
from amc_learning.learning.replay.judgements import cumulative_curve, judge, movement

FIRST = date(2014, 1, 6)


def daily(**coefficients):
    """Daily rows of contenders at 1d from their coefficients; lists of nobody."""
    parts = []
    for contender, values in coefficients.items():
        n = len(values)
        days = [FIRST + timedelta(days=at) for at in range(n)]
        parts.append(
            pl.DataFrame(
                {
                    "horizon": ["1d"] * n,
                    "decided_on": days,
                    "contender": [contender] * n,
                    "coefficient": np.asarray(values, dtype=float),
                    "top_return": [None] * n,
                    "success_rate": [None] * n,
                    "control_return": [None] * n,
                },
                schema_overrides=dict.fromkeys(("top_return", "success_rate", "control_return"), pl.Float64),
            )
        )
    return pl.concat(parts)


def test_regret_and_difference_are_means_of_daily_numbers():
    rng = np.random.default_rng(1)
    static, adaptive, best = rng.standard_normal((3, 50)) * 0.1 + np.array([[0.0], [0.02], [0.05]])
    found = {
        one.contender: one
        for one in judge(daily(adaptive=adaptive, static=static, best_fixed=best), horizon="1d", sessions=1)
    }
    assert found["adaptive"].regret == pytest.approx(best.mean() - adaptive.mean())
    assert found["adaptive"].coefficient_over_static == mean_inference(adaptive - static, overlap_sessions=1)
    assert found["adaptive"].top_return.estimate is None
    assert found["static"].n_days == 50


def test_the_curve_ends_at_the_sum_of_the_differences_and_before_the_first_one_nothing_is_uncertain():
    rng = np.random.default_rng(2)
    static = rng.standard_normal(120) * 0.1
    differences = np.concatenate([np.zeros(40), rng.standard_normal(80) * 0.05])
    curve = cumulative_curve(daily(adaptive=static + differences, static=static), horizon="1d", sessions=1)
    assert [point.decided_on for point in curve] == [FIRST + timedelta(days=at) for at in range(120)]
    assert curve[-1].cumulative_over_static == pytest.approx(differences.sum())
    alone = mean_inference(differences[40:], overlap_sessions=1)
    assert curve[-1].ci_high == pytest.approx(alone.ci_high * 80)
    assert {(point.ci_low, point.ci_high) for point in curve[:40]} == {(0.0, 0.0)}


def test_weights_that_never_differ_leave_a_flat_curve_without_a_band():
    values = np.random.default_rng(3).standard_normal(30)
    curve = cumulative_curve(daily(adaptive=values, static=values), horizon="1d", sessions=1)
    assert {(point.cumulative_over_static, point.ci_low, point.ci_high) for point in curve} == {(0.0, 0.0, 0.0)}


def test_turnover_is_the_sum_of_absolute_changes_a_year():
    default = np.array([0.5, 0.5])
    vectors = np.array([[0.5, 0.5], [0.6, 0.4], [0.6, 0.4], [0.5, 0.5]])
    # 0.2 out and 0.2 back over one year.
    found = movement([FIRST, FIRST + timedelta(days=1), FIRST + timedelta(days=2), date(2015, 1, 5)], vectors, default)
    assert (found.n_nights, found.n_nights_moved) == (4, 2)
    assert found.turnover_per_year == pytest.approx(0.4 * 365.25 / 365)
