"""What a sample of trades earned under every rule, each number with its interval.

Belongs here: expectancy, win rate, drawdown, gain over what was done. Not here: which setting is advised (advice.py),
tests over all settings together (superiority.py).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amc_learning.learning.exits.daily_gains import EntryDays, Floats, Integers, daily_series
from amc_learning.learning.exits.grid import LONGEST_LIMIT
from amc_learning.learning.exits.simulation import ExitReason, Exits
from amc_learning.learning.exits.superiority import block_indices
from amc_learning.learning.inference import MIN_OBSERVATIONS, MeanInferences, mean_inferences

N_DRAWDOWNS = 200
"""Resampled curves behind the interval of a drawdown."""

OVERLAP_QUANTILE = 0.9
"""Trades count as overlapping over the holding that nine in ten stay within; a position of years would deny any."""


@dataclass(frozen=True)
class Drawdowns:
    """The deepest fall of each curve, and the middle 95 % of what the same sessions give in other orders."""

    estimate: Floats
    ci_low: Floats
    ci_high: Floats


@dataclass(frozen=True)
class Measures:
    """Numbers of several rules over the same trades: one entry per rule in every array.

    Attributes:
        expectancy: mean return per trade.
        win_rate: share of returns above 0.
        mean_holding_sessions: sessions from entry to exit, both counted.
        return_per_session: sum of returns over sum of sessions held.
        max_drawdown: of equal-sized trades by exit session, in position sizes.
    """

    expectancy: MeanInferences
    win_rate: MeanInferences
    mean_holding_sessions: Floats
    return_per_session: Floats
    max_drawdown: Drawdowns


def overlap_of(held_sessions: Integers) -> int:
    """Sessions that one trade shares with others: of the grid's longest limit or of what was done.

    Args:
        held_sessions: as done, per trade.

    >>> overlap_of(np.array([5, 5, 5])), overlap_of(np.array([40, 40, 40]))
    (30, 40)
    """
    return max(LONGEST_LIMIT, int(np.quantile(held_sessions, OVERLAP_QUANTILE, method="higher")))


def measures(
    returns: Floats,
    exit_session: Integers,
    entry_session: Integers,
    *,
    overlap_sessions: int,
    generator: np.random.Generator,
) -> Measures:
    """Measure every rule.

    Args:
        returns: shape (rules, trades), trades in the order of their entry.
        exit_session: same shape, position of the session of the exit.
        entry_session: per trade.
        overlap_sessions: sessions a trade spans.
        generator: seeded, for the drawdowns.
    """
    days = EntryDays.of(entry_session)

    def means(values: Floats) -> MeanInferences:
        return mean_inferences(daily_series(days.sums(values), days.n_trades), overlap_sessions=overlap_sessions)

    held = exit_session - entry_session + 1
    return Measures(
        means(returns),
        means((returns > 0).astype(np.float64)),
        held.mean(axis=1),
        returns.sum(axis=1) / held.sum(axis=1),
        drawdowns(returns, exit_session, mean_block=overlap_sessions, generator=generator),
    )


def drawdowns(returns: Floats, exit_session: Integers, *, mean_block: int, generator: np.random.Generator) -> Drawdowns:
    """The deepest fall of the sum of returns of equal-sized trades, counted on the session of the exit.

    The interval says how deep the same sessions would have fallen in another order, drawn in blocks: one order is all
    there was, and the deepest fall depends on it more than on anything else. NaN with fewer than `MIN_OBSERVATIONS`
    sessions.

    Args:
        returns: shape (rules, trades).
        exit_session: same shape.
        mean_block: mean length of the blocks in sessions.
        generator: seeded.
    """
    first, last = int(exit_session.min()), int(exit_session.max())
    n_sessions = last - first + 1
    earned: Floats = np.stack(
        [
            np.bincount(sessions - first, weights=values, minlength=n_sessions).astype(np.float64)
            for values, sessions in zip(returns, exit_session, strict=True)
        ]
    )
    estimate = _deepest_fall(earned)
    low, high = np.full(len(earned), np.nan), np.full(len(earned), np.nan)
    if n_sessions >= MIN_OBSERVATIONS:
        orders = block_indices(n_sessions, mean_block, N_DRAWDOWNS, generator)
        for rule, row in enumerate(earned):
            low[rule], high[rule] = np.quantile(_deepest_fall(row[orders]), (0.025, 0.975))
    return Drawdowns(estimate, low, high)


def _deepest_fall(earned: Floats) -> Floats:
    curve = np.cumsum(earned, axis=1)
    fall: Floats = np.maximum.accumulate(curve, axis=1)
    np.maximum(fall, 0.0, out=fall)
    fall -= curve
    deepest: Floats = fall.max(axis=1)
    return deepest


def share_of(exits: Exits, *reasons: ExitReason) -> Floats:
    """Share of trades that ended for one of these reasons, per rule."""
    share: Floats = np.isin(exits.reason, np.array(reasons, dtype=np.int8)).mean(axis=1)
    return share


def reproduced(exits: Exits, entry_session: Integers, exit_session: Integers, exit_price_usd: Floats) -> Integers:
    """Trades whose exit session and price each rule gives back, within half a cent or a twentieth of a per mille.

    Args:
        exits: of the rules.
        entry_session: per trade.
        exit_session: as done.
        exit_price_usd: as done; NaN = not closed, given back by none.
    """
    is_same_session = entry_session + exits.held_sessions - 1 == exit_session
    is_same_price: npt.NDArray[np.bool_] = np.abs(exits.price_usd - exit_price_usd) <= np.maximum(
        0.005, 5e-5 * exit_price_usd
    )
    count: Integers = (is_same_session & is_same_price).sum(axis=1)
    return count
