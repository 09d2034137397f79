"""Which symbols there are, and on which sessions they are quoted.

Belongs here: names, ends of symbols, missing bars. Not here: prices (prices.py), frames (market.py).
"""

import numpy as np

from amc_learning.simulation.arrays import Array, Flags
from amc_learning.simulation.rules import MarketRules, random_stream


def symbols(rules: MarketRules) -> list[str]:
    """Invented symbols, in order."""
    return [f"SIM{number:04d}" for number in range(1, rules.n_symbols + 1)]


def n_sessions_listed(rules: MarketRules) -> Array:
    """For how many of the sessions shown each symbol is listed, shape (symbol,); all of them unless it is delisted."""
    if rules.delistings is None:
        return np.full(rules.n_symbols, float(rules.n_sessions))
    draws = random_stream(rules, "delistings").random(rules.n_symbols)
    return np.minimum(rules.delistings.n_sessions_listed(draws), rules.n_sessions)


def bars_there(rules: MarketRules) -> Flags:
    """Which symbols have a bar, shape (session, symbol): those listed, less what is missing at random."""
    shape = (rules.n_sessions, rules.n_symbols)
    is_there = random_stream(rules, "missing bars").random(shape) >= rules.share_missing_bars
    is_listed = np.arange(rules.n_sessions)[:, None] < n_sessions_listed(rules)
    return is_there & is_listed
