"""Has a change done harm? A test that may be looked at every night without erring more often for it.

Belongs here: e-processes on daily differences and what they decide. Not here: which days count (judgement), what is
done about harm (learning.weights).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

SESSIONS_BETWEEN_STARTS = 21
"""The test begins anew every month, beside the older ones: harm that comes late is not drowned by earlier benefit."""

FIRST_SHARE = 0.75
"""Share of the first start; the k-th of the others has 1/(k (k - 1)) of the rest, so all of them sum to 1."""

STAKES = (0.2, 0.4, 0.8)
"""Bets in units of the typical size of a difference, mixed evenly. The best one is mean over root mean square: for
ratios from 0.2 to 1 one of these grows within a tenth of it. Smaller ratios could not be decided within a year."""

PRIOR_SIZE, PRIOR_DAYS = 0.12, 5.0
"""Typical size of a scaled difference before any is known: 1/sqrt(70), between 50 and 100 unrelated names."""


@dataclass(frozen=True)
class Watch:
    """What the monitor says after the last day.

    Attributes:
        e_harm: evidence against 'it never harmed': 1 is none, and it rarely grows when that is true.
        e_help: the same against 'it never helped'.
        harmed_at: position of the day on which harm was decided; None while it is not.
        helped_at: likewise for benefit.
    """

    e_harm: float
    e_help: float
    harmed_at: int | None
    helped_at: int | None


def watch(differences: Vector, bounds: Vector, *, overlap_sessions: int, level: float) -> Watch:
    """E-processes for harm and for benefit on daily differences in coefficient, new weights minus old.

    Null of harm: given what was known before it, each difference is distributed symmetrically about a mean that is not
    below zero; means, sizes and tails may change from day to day in any way. Let z = difference / bound and s its root
    mean square over the days known before. For every stake b, exp(-b z/s - b^2 z^2 / 2 s^2) then has conditional
    expectation at most 1: cosh(u) exp(-u^2 / 2) <= 1, and a mean above zero only lowers it. Products over days, mixed
    over stakes and starts with fixed weights, are an e-process: under the null the chance that it ever reaches
    1 / `level` is at most `level`, however often somebody looks.

    Symmetry is exact where returns are exchangeable between names (reversing all ranks is as likely as not), and where
    common factors are as likely to rise as to fall. No bound on a difference is assumed; a test that only uses that
    z lies in [-1, 1] cannot stake more than one and would take several times as long.

    Labels that span h > 1 sessions make h products, of every h-th day, which are averaged. The average is no
    e-process while labels are outstanding, so no day is bet on from the moment it reaches 1 / `level` until the
    h - 1 outstanding ones are known, and what it is then decides. Below the line, betting goes on.

    Args:
        differences: per cross-section in order of entry; entry i + h follows when label i is known.
        bounds: largest possible size of each, known before it: positive.
        overlap_sessions: sessions a label spans, h.
        level: chance of a false decision, over all looks together.

    Source: de la Pena 1999 (exponential inequality for symmetric differences); Ville 1939; Choe and Ramdas 2023,
    Comparing sequential forecasters (e-processes on score differences); Henzi and Ziegel 2022, with corrigendum, and
    Arnold, Henzi and Ziegel 2023 (interleaved products for lagged labels, decision shifted by h - 1).

    >>> watch(np.full(30, -0.1), np.full(30, 1.0), overlap_sessions=1, level=0.025).harmed_at
    10
    >>> watch(np.tile([0.1, -0.1], 100), np.full(200, 1.0), overlap_sessions=1, level=0.025).harmed_at is None
    True
    """
    if not len(differences):
        return Watch(1.0, 1.0, None, None)
    scaled = _by_typical_size(differences / bounds, overlap_sessions)
    harmed_at, e_harm = _decided_at(-scaled, overlap_sessions, level)
    helped_at, e_help = _decided_at(scaled, overlap_sessions, level)
    return Watch(e_harm, e_help, harmed_at, helped_at)


def _by_typical_size(values: Vector, overlap_sessions: int) -> Vector:
    """Each value over the root mean square of those whose labels were known before its entry."""
    known = np.arange(len(values)) - overlap_sessions + 1
    squares = np.concatenate([[0.0], np.cumsum(values * values)])[known.clip(min=0)]
    sizes = np.sqrt((PRIOR_DAYS * PRIOR_SIZE**2 + squares) / (PRIOR_DAYS + known.clip(min=0)))
    scaled: Vector = values / sizes
    return scaled


def _decided_at(values: Vector, overlap_sessions: int, level: float) -> tuple[int | None, float]:
    """Position at which the mean of `values` is known to exceed zero, if ever, and the last value of the e-process."""
    is_bet = np.ones(len(values), dtype=bool)
    looked_at = 0
    while True:
        path = _e_process(np.where(is_bet, values, 0.0), overlap_sessions)
        above = np.flatnonzero(path[looked_at:] >= 1 / level)
        settled = looked_at + int(above[0]) + overlap_sessions - 1 if len(above) else len(values)
        if settled >= len(values):
            return None, float(path[-1])
        if path[settled] >= 1 / level:
            return settled, float(path[-1])
        looked_at = settled + 1
        is_bet[looked_at : settled + overlap_sessions] = False


def _e_process(values: Vector, overlap_sessions: int) -> Vector:
    """Average of the interleaved products after each day, each mixed over starts and stakes."""
    n, lanes = len(values), overlap_sessions
    starts = np.arange(0, n, SESSIONS_BETWEEN_STARTS)
    rows = -(-n // lanes)
    padded = np.zeros((len(starts), rows * lanes))
    padded[:, :n] = np.where(np.arange(n) >= starts[:, None], values, 0.0)
    by_lane = padded.reshape(len(starts), rows, lanes)
    sums, squares = by_lane.cumsum(axis=1), (by_lane * by_lane).cumsum(axis=1)
    products = sum(np.exp(stake * sums - stake * stake / 2 * squares) for stake in STAKES) / len(STAKES)
    numbers = np.arange(2, len(starts) + 1)
    shares = np.concatenate([[FIRST_SHARE], (1 - FIRST_SHARE) / (numbers * (numbers - 1))])
    # Starts still to come hold their share at the value 1.
    mixed = np.tensordot(shares, products, axes=1) + (1 - FIRST_SHARE) / len(starts)
    lanes_known = np.vstack([np.ones((1, lanes)), mixed])
    reached = (np.arange(n)[:, None] - np.arange(lanes)) // lanes + 1
    averaged: Vector = lanes_known[reached, np.arange(lanes)].mean(axis=1)
    return averaged
