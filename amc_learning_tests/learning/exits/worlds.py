"""Small markets whose truth about exits is known: random walks, and prices that come back or carry on.

In a random walk of prices without drift no rule of exit earns anything: whatever is better is luck. Highs and lows are
drawn from the exact law of a Brownian path between open and close, so that a stop is hit as often as it should be.
"""

from dataclasses import dataclass

import numpy as np

from amc_learning.learning.exits.sample import REACH_SESSIONS, TRADES, ExitSample
from amc_learning.learning.exits.simulation import Entries, ExitReason, ExitRule, simulate_exits
from amc_learning.learning.price_panel import PricePanel

AS_DONE = ExitRule(0.08, 0.15, 30)


@dataclass(frozen=True)
class World:
    """A market and a trader in it.

    `reversion` is the share of its distance from the market that a share makes good each night; `carry` the daily drift
    that a share keeps for about 30 sessions, as a standard deviation. `spread` widens the volatilities of shares: they
    lie between 1/spread and spread times `own`. `clusters` lets the volatility of all of them swell and fade over
    about 50 sessions, as the standard deviation of its logarithm.
    """

    n_days: int = 750
    trades_per_day: int = 5
    n_symbols: int = 60
    market: float = 0.010
    own: float = 0.020
    overnight: float = 0.3
    reversion: float = 0.0
    carry: float = 0.0
    spread: float = 1.0
    clusters: float = 0.0


def persistent(n_sessions: int, memory: int, generator: np.random.Generator, *, n: int = 1) -> np.ndarray:
    """Standard normal numbers that fade over `memory` sessions; shape (n, n_sessions)."""
    kept = np.exp(-1 / memory)
    numbers = generator.standard_normal((n, n_sessions))
    numbers[:, 1:] *= np.sqrt(1 - kept**2)
    for session in range(1, n_sessions):
        numbers[:, session] += kept * numbers[:, session - 1]
    return numbers


def prices(world: World, generator: np.random.Generator) -> PricePanel:
    n_sessions = REACH_SESSIONS + world.n_days + AS_DONE.max_sessions
    shape = (world.n_symbols, n_sessions)
    own = world.own * world.spread ** np.linspace(-1, 1, world.n_symbols)
    level = np.exp(world.clusters * persistent(n_sessions, 50, generator)) if world.clusters else np.ones(n_sessions)
    variance = (world.market**2 + own**2)[:, None] * level**2

    def move(share: float) -> np.ndarray:
        common = generator.standard_normal(n_sessions) * world.market * level * np.sqrt(share)
        mine = generator.standard_normal(shape) * own[:, None] * level * np.sqrt(share)
        return common + mine - variance * share / 2

    gap, day = move(world.overnight), move(1 - world.overnight)
    if world.carry:
        gap = gap + world.carry * persistent(n_sessions, 30, generator, n=world.n_symbols)
    if world.reversion:
        distance = np.zeros(world.n_symbols)
        common = (gap + day).mean(axis=0)
        for session in range(n_sessions):
            gap[:, session] -= world.reversion * distance
            distance = distance + (gap + day)[:, session] - common[session]
    close = np.cumsum(gap + day, axis=1)
    opened = close - day
    within = 2 * variance * (1 - world.overnight)

    def furthest(sign: int) -> np.ndarray:
        moved = sign * day
        return (moved + np.sqrt(moved**2 - within * np.log(generator.random(shape)))) / 2

    high, low = opened + furthest(1), opened - furthest(-1)
    opened, high, low, close = (100 * np.exp(logarithm) for logarithm in (opened, high, low, close))
    return PricePanel(0, opened, high, low, close, np.ones(n_sessions, dtype=bool))


def sample(world: World, generator: np.random.Generator, *, rule: ExitRule = AS_DONE) -> ExitSample:
    """Trades bought at the open of every session in random shares, and sold by a rule."""
    panel = prices(world, generator)
    session = REACH_SESSIONS + np.repeat(np.arange(world.n_days), world.trades_per_day)
    code = generator.integers(0, world.n_symbols, len(session))
    entries = Entries(code, session, panel.opens[code, session], np.ones(len(session), dtype=bool))
    done = simulate_exits(entries, panel, [rule])
    return ExitSample(
        TRADES,
        entries,
        panel,
        done.returns[0],
        session + done.held_sessions[0] - 1,
        done.price_usd[0],
        done.reason[0] == ExitReason.STOP_LOSS,
        np.zeros(len(session), dtype=bool),
        0,
        0,
    )
