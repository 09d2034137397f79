"""Is a challenger better than the champion? Evidence that may be looked at every week without erring more often for it.

Belongs here: daily differences of two kinds, and the e-process on them. Not here: what is done about it (promotion.py).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amc_learning.learning.effectiveness.interval import confidence_sequence
from amc_learning.learning.effectiveness.monitor import FIRST_SHARE, SESSIONS_BETWEEN_STARTS
from amc_learning.learning.inference import mean_inference
from amc_learning.learning.information_coefficient import information_coefficients, ranked_pairs

Floats = npt.NDArray[np.float64]

STAKES = (0.05, 0.2, 0.5, 0.9)
"""Shares of the worst loss of a day that are bet, mixed evenly. None is 1: one worst day would end the bet for good."""

SYMMETRIC_STAKES = (0.2, 0.4, 0.8)
"""Bets on differences in coefficient, in units of their typical size, as effectiveness.monitor makes them."""

PRIOR_SIZE, PRIOR_DAYS = 0.12, 5.0
"""Typical size of a difference in coefficient before any is known, as there."""


@dataclass(frozen=True)
class DailyDifferences:
    """By how much one kind beat another, per entry session in order.

    Attributes:
        days: entry sessions, as days since 1970.
        values: mean squared error of the other less that of this one; of returns, coefficient less coefficient.
        worst: the most that could have been lost on the day, known when it was predicted; infinite where nothing bounds
            it (coefficients).
    """

    days: npt.NDArray[np.int64]
    values: Floats
    worst: Floats


@dataclass(frozen=True)
class Evidence:
    """What the days say about 'this kind is better than that one'.

    Attributes:
        n_days: entry sessions compared.
        mean: mean difference; None without days.
        interval: confidence sequence of the mean; None for want of days.
        e_value: 1 is none; it rarely grows when the statement is false. Once settled, what it was when it did.
        is_settled: whether e_value has reached one over the level, with every label known that was open then.
    """

    n_days: int
    mean: float | None
    interval: tuple[float, float] | None
    e_value: float
    is_settled: bool


def squared_error_differences(
    days: npt.NDArray[np.int64], truth: Floats, *, one: Floats, other: Floats
) -> DailyDifferences:
    """Mean over the day of squared error of `other` less that of `one`, and the worst it could have been.

    Args:
        days: entry session of each prediction.
        truth: 0 or 1.
        one: probabilities of the kind asked about.
        other: probabilities of the kind it is compared with.
    """
    distinct, day_of = np.unique(days, return_inverse=True)
    n = np.bincount(day_of)
    gain = (other - one) * (other + one - 2 * truth)
    at_worst = np.minimum((other - one) * (other + one), (other - one) * (other + one - 2))
    values, lowest = (np.bincount(day_of, weights=each) / n for each in (gain, at_worst))
    return DailyDifferences(distinct, values, -lowest)


def coefficient_differences(
    days: npt.NDArray[np.int64], truth: Floats, *, one: Floats, other: Floats
) -> DailyDifferences:
    """Rank correlation with the truth of `one` less that of `other`, day by day; a constant prediction has 0."""
    distinct, values = np.unique(days), []
    for day in distinct:
        rows = days == day
        pairs = ranked_pairs(np.vstack([one[rows], other[rows]]), truth[rows], np.ones(int(rows.sum())))
        found = np.nan_to_num(information_coefficients(pairs))
        values.append(float(found[0] - found[1]))
    return DailyDifferences(distinct, np.array(values), np.full(len(distinct), np.inf))


def judge(differences: DailyDifferences, *, n_first: int = 0, overlap_sessions: int, level: float) -> Evidence:
    """Test 'no better' against 'better', at every number of days at once.

    The days of the first record are looked at once, as they are known all at once: their one-sided p-value, which
    allows for overlap, becomes an e-value by a calibrator. What comes later multiplies it, day by day.

    Null: given what was known at its entry, the expected difference of a day is not above zero; of coefficients,
    besides, it is distributed symmetrically about its mean (effectiveness.monitor says when that is exact).
    Differences of squared errors: with z = difference / worst loss, at least -1, the factor 1 + stake z has conditional
    expectation at most 1 under the null, whatever the distribution: rare truths make it as skewed as can be.
    Coefficients: the factor exp(b z - b^2 z^2 / 2) of that module. Products over days, mixed over stakes and over
    starts a month apart, are e-processes; labels that span h sessions make h of them, of every h-th day, averaged.
    The average proves nothing while labels are open, so from the day it reaches 1 / `level` no bet is made until the
    h - 1 open ones are known, and what it is then decides.

    Args:
        differences: of days in order of entry.
        n_first: days of the first record, at the beginning; 0 where there is none.
        overlap_sessions: sessions a label spans, h.
        level: chance of ever calling a kind better that is not, over all weeks together.

    Source: Choe and Ramdas 2023, Comparing sequential forecasters; Waudby-Smith and Ramdas 2024, Estimating means of
    bounded random variables by betting; Ville 1939; Henzi and Ziegel 2022 with corrigendum (lagged labels); Vovk and
    Wang 2021, E-values: calibration, combination and applications (the calibrator).

    >>> days = np.arange(60)
    >>> better = DailyDifferences(days, np.full(60, 0.02), np.full(60, 0.2))
    >>> judge(better, overlap_sessions=1, level=0.05).is_settled
    True
    >>> even = DailyDifferences(days, np.tile([0.02, -0.02], 30), np.full(60, 0.2))
    >>> judge(even, overlap_sessions=1, level=0.05).is_settled
    False
    """
    n = len(differences.days)
    if not n:
        return Evidence(0, None, None, 1.0, is_settled=False)
    first = mean_inference(differences.values[:n_first], overlap_sessions=overlap_sessions)
    start = calibrated(first.estimate, first.p_value)
    factors = _log_factors(differences, overlap_sessions)[:, n_first:]
    is_settled, e_value = _settled(factors, overlap_sessions, level, start)
    return Evidence(
        n_days=n,
        mean=float(differences.values.mean()),
        interval=confidence_sequence(differences.values, overlap_sessions=overlap_sessions),
        e_value=e_value,
        is_settled=is_settled,
    )


def calibrated(estimate: float | None, two_sided: float | None) -> float:
    """The e-value of a one-sided p-value of 'not above zero': the integral over all power calibrators.

    Args:
        estimate: the mean; its sign says which side.
        two_sided: p-value; None where the days do not say.

    Source: Vovk and Wang 2021, equation 2.

    >>> round(calibrated(0.02, 2e-4), 1), calibrated(0.02, None), calibrated(-0.02, 1e-9)
    (117.8, 1.0, 0.5)
    """
    if estimate is None or two_sided is None:
        return 1.0
    p = max(two_sided / 2 if estimate > 0 else 1 - two_sided / 2, 1e-12)
    if p > 1 - 1e-6:
        return 0.5
    return float((1 - p + p * np.log(p)) / (p * np.log(p) ** 2))


def _log_factors(differences: DailyDifferences, overlap_sessions: int) -> Floats:
    """Logarithm of each day's factor, stakes by days."""
    if np.isinf(differences.worst).all():
        known = np.arange(len(differences.values)) - overlap_sessions + 1
        squares = np.concatenate([[0.0], np.cumsum(differences.values**2)])[known.clip(min=0)]
        sizes = np.sqrt((PRIOR_DAYS * PRIOR_SIZE**2 + squares) / (PRIOR_DAYS + known.clip(min=0)))
        scaled, stakes = differences.values / sizes, np.array(SYMMETRIC_STAKES)[:, None]
        symmetric: Floats = stakes * scaled - stakes**2 * scaled**2 / 2
        return symmetric
    # Where both kinds say the same, nothing can be lost and nothing is bet.
    is_bet = differences.worst > 0
    shares = np.where(is_bet, differences.values / np.where(is_bet, differences.worst, 1.0), 0.0)
    logs: Floats = np.log1p(np.array(STAKES)[:, None] * np.maximum(shares, -1.0))
    return logs


def _settled(factors: Floats, overlap_sessions: int, level: float, start: float) -> tuple[bool, float]:
    """Whether 1 / `level` was reached and held when the labels open then were known; the value then, or the last."""
    n = factors.shape[1]
    if not n or start >= 1 / level:
        # Every label of the first record is known: there is nothing to wait for.
        return start >= 1 / level, start
    is_bet = np.ones(n, dtype=bool)
    looked_at = 0
    while True:
        path = start * e_process(np.where(is_bet, factors, 0.0), overlap_sessions)
        above = np.flatnonzero(path[looked_at:] >= 1 / level)
        settled = looked_at + int(above[0]) + overlap_sessions - 1 if len(above) else n
        if settled >= n or path[settled] >= 1 / level:
            return settled < n, float(path[min(settled, n - 1)])
        looked_at = settled + 1
        is_bet[looked_at : settled + overlap_sessions] = False


def e_process(factors: Floats, overlap_sessions: int) -> Floats:
    """Average of the interleaved products after each day, each mixed over starts and stakes.

    Args:
        factors: logarithms of factors, stakes by days.
        overlap_sessions: number of products.
    """
    n_stakes, n = factors.shape
    lanes = overlap_sessions
    rows = -(-n // lanes)
    padded = np.zeros((n_stakes, rows * lanes))
    padded[:, :n] = factors
    # Sums over a lane up to each row, and before each start: their difference is the sum since that start.
    sums = padded.reshape(n_stakes, rows, lanes).cumsum(axis=1)
    before = np.concatenate([np.zeros((n_stakes, 1, lanes)), sums], axis=1)
    starts = np.arange(0, n, SESSIONS_BETWEEN_STARTS)
    numbers = np.arange(2, len(starts) + 1)
    shares = np.concatenate([[FIRST_SHARE], (1 - FIRST_SHARE) / (numbers * (numbers - 1))])
    # Starts still to come hold their share at the value 1.
    mixed = np.full((rows, lanes), (1 - FIRST_SHARE) / len(starts))
    for start, share in zip(starts.tolist(), shares.tolist(), strict=True):
        first_row = np.maximum(-(-(start - np.arange(lanes)) // lanes), 0)
        since = sums - before[:, first_row, np.arange(lanes)][:, None, :]
        has_begun = np.arange(rows)[:, None] >= first_row
        mixed += share * np.exp(np.where(has_begun, since, 0.0)).mean(axis=0)
    lanes_known = np.vstack([np.ones((1, lanes)), mixed])
    reached = (np.arange(n)[:, None] - np.arange(lanes)) // lanes + 1
    averaged: Floats = lanes_known[reached, np.arange(lanes)].mean(axis=1)
    return averaged
