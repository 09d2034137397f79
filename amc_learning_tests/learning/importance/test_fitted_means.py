"""Why means of cross-validated numbers need wider intervals: the two cases of the argument, simulated."""

import numpy as np
import pytest

from amc_learning.learning.importance.fitted_means import (
    NOTHING_CARRIED,
    SOMETHING_CARRIED,
    fitted_mean_inferences,
    standard_errors,
)
from amc_learning.learning.inference import mean_inferences

N_BLOCKS, BLOCK_DAYS, N_SERIES = 5, 60, 600


def cross_validated(truth):
    """Daily numbers c_k * a_d of many series: c_k is the mean of the days outside the block of day d."""
    days = truth + np.random.default_rng(0).standard_normal((N_BLOCKS, BLOCK_DAYS, N_SERIES))
    of_block = days.sum(axis=1)
    fits = (of_block.sum(axis=0) - of_block) / ((N_BLOCKS - 1) * BLOCK_DAYS)
    return (fits[:, np.newaxis] * days).reshape(-1, N_SERIES)


@pytest.mark.parametrize(("truth", "factor"), [(0.0, NOTHING_CARRIED), (1.0, SOMETHING_CARRIED)])
def test_the_means_vary_more_than_their_days_show_by_the_factor(truth, factor):
    daily = cross_validated(truth)
    plain = mean_inferences(daily, overlap_sessions=1)
    shown = np.sqrt(np.mean(standard_errors(plain, overlap_sessions=1) ** 2))
    # The deviation of 600 means is known within 3 % (normal); of products, whose tails are heavier, within about 5 %.
    assert plain.estimate.std() / shown == pytest.approx(factor, rel=0.15)


def test_widening_scales_standard_errors_and_nothing_else():
    daily = np.random.default_rng(1).standard_normal((200, 3)) + 0.1
    plain, wide = (
        mean_inferences(daily, overlap_sessions=1),
        fitted_mean_inferences(daily, overlap_sessions=1, factor=2),
    )
    assert wide.estimate.tolist() == plain.estimate.tolist()
    assert standard_errors(wide, overlap_sessions=1) == pytest.approx(2 * standard_errors(plain, overlap_sessions=1))
    unwidened = fitted_mean_inferences(daily, overlap_sessions=1, factor=1)
    assert unwidened.p_value == pytest.approx(plain.p_value)
    assert (wide.p_value > plain.p_value).all()


def test_what_has_no_interval_keeps_none():
    daily = np.column_stack([np.zeros(200), np.r_[np.ones(5), np.full(195, np.nan)]])
    found = fitted_mean_inferences(daily, overlap_sessions=1, factor=2)
    assert np.isnan(found.ci_low).all()
    assert np.isnan(found.p_value).all()
