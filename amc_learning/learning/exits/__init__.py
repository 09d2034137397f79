"""Exits: other stops, targets and holding limits on the same trades, and the size of a position by its risk.

`trades_as_of` and `trade_sample` say which trades; `compare_exits` tries every setting and decides; `size_rows` advises
sizes. `simulate_exits` walks trades along bars under any rule.
"""

from amc_learning.learning.exits.comparison import Comparison, advice_row, compare_exits, strategy_rows
from amc_learning.learning.exits.judgement import Judgement, judge_exits
from amc_learning.learning.exits.position_size import size_rows
from amc_learning.learning.exits.sample import (
    REACH_SESSIONS,
    ExitSample,
    candidate_sample,
    trade_sample,
    trades_as_of,
)
from amc_learning.learning.exits.simulation import Entries, ExitReason, ExitRule, Exits, simulate_exits

__all__ = [
    "REACH_SESSIONS",
    "Comparison",
    "Entries",
    "ExitReason",
    "ExitRule",
    "ExitSample",
    "Exits",
    "Judgement",
    "advice_row",
    "candidate_sample",
    "compare_exits",
    "judge_exits",
    "simulate_exits",
    "size_rows",
    "strategy_rows",
    "trade_sample",
    "trades_as_of",
]
