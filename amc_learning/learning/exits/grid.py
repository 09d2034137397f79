"""The settings that are tried: every one of them counts in the correction for having tried many.

Belongs here: the grid. Not here: walking it along bars (simulation.py), judging it (comparison.py). It is written down
and no setting, because a grid that is changed after looking has more settings than it shows.
"""

from itertools import product

from amc_learning.learning.exits.simulation import ExitRule

STOP_LOSSES = (0.04, 0.06, 0.08, 0.10, 0.12, 0.16, None)
PROFIT_TARGETS = (0.06, 0.10, 0.15, 0.20, 0.25, 0.35, None)
TRAILING_STOPS = (0.06, 0.08, 0.12, 0.16)
HOLDING_LIMITS = (5, 10, 20, 30)

LONGEST_LIMIT = max(HOLDING_LIMITS)
"""Sessions until a trade is over under every setting."""

GRID: tuple[ExitRule, ...] = (
    *(ExitRule(stop, target, limit) for stop, target, limit in product(STOP_LOSSES, PROFIT_TARGETS, HOLDING_LIMITS)),
    *(ExitRule(None, None, limit, trailing) for trailing, limit in product(TRAILING_STOPS, HOLDING_LIMITS)),
)
"""Fixed stops and targets in every combination, and trailing stops without a target: 212 settings."""

HOLD_TO_THE_LIMIT = ExitRule(None, None, LONGEST_LIMIT)
"""What hypothetical entries of candidates are compared with: nothing was done with them, so they are held."""

CANDIDATE_STOP = ExitRule(0.08, None, LONGEST_LIMIT)
"""Where nothing was traded, a candidate counts as stopped out when it fell this far below its entry."""
