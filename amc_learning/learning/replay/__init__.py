"""Replay: the nights of any range decided again from the default weights, and judged on the days that followed.

`replay_weights` is the whole of it. The nights are those of `learning.weights`: no rule is written here a second time.
"""

from amc_learning.learning.replay.judgements import Judgement
from amc_learning.learning.replay.replay import Replay, replay_weights

__all__ = ["Judgement", "Replay", "replay_weights"]
