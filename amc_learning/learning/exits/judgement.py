"""Is any setting better than what was done? All tests of one sample, and the advice that follows from them.

Belongs here: the order of gains, tests, walk-forward and decision. Not here: each of these (superiority.py,
walk_forward.py, advice.py), what a setting earned beside its gain (measures.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from amc_learning.learning.exits.advice import Advice, advise
from amc_learning.learning.exits.daily_gains import EntryDays, daily_series
from amc_learning.learning.exits.measures import overlap_of
from amc_learning.learning.exits.sample import ExitSample
from amc_learning.learning.exits.simulation import ExitRule, Exits
from amc_learning.learning.exits.superiority import Superiority, superiority
from amc_learning.learning.exits.walk_forward import WalkForward, choose, walk_forward
from amc_learning.learning.inference import MeanInferences, mean_inferences

DIFFERENT_RETURN, DIFFERENT_SHARE = 1e-4, 0.05
"""A setting that changes the return of fewer than one trade in twenty by a basis point is what was done, in rounded
prices and with an odd trade out. It counts as tried, and is no change that could be advised."""


@dataclass(frozen=True)
class Judgement:
    """Settings against what was done on the same trades.

    Attributes:
        n_days: entry days of the trades.
        overlap_sessions: sessions a trade shares with its neighbours.
        gains: mean return per trade less that of what was done, per setting.
        tests: over all settings together.
        forward: the setting chosen on earlier days, judged on later ones.
        surest: index of the setting chosen on all days; None without evidence enough.
        advice: what follows.
    """

    n_days: int
    overlap_sessions: int
    gains: MeanInferences
    tests: Superiority
    forward: WalkForward
    surest: int | None
    advice: Advice


def judge_exits(
    sample: ExitSample, exits: Exits, rules: Sequence[ExitRule], *, generator: np.random.Generator
) -> Judgement:
    """Judge every setting against what was done, and decide.

    Args:
        sample: trades that every setting closes.
        exits: of these trades under every setting.
        rules: the settings tried.
        generator: seeded.
    """
    entered = sample.entries.session
    days = EntryDays.of(entered)
    overlap = overlap_of(sample.actual_exit_session - entered + 1)
    gains = exits.returns - sample.actual_return
    sums = days.sums(gains)
    series = daily_series(sums, days.n_trades)
    inferred = mean_inferences(series, overlap_sessions=overlap)
    is_different = (np.abs(gains) > DIFFERENT_RETURN).mean(axis=1) >= DIFFERENT_SHARE
    different = np.flatnonzero(is_different)
    tests = superiority(
        series,
        can_win=is_different,
        overlap_sessions=overlap,
        n_effective=inferred.n_effective,
        generator=generator,
    )
    longest = max(rule.max_sessions for rule in rules)
    is_over_by = np.maximum(entered + longest - 1, sample.actual_exit_session)
    forward = walk_forward(gains[different], days, is_over_by, overlap_sessions=overlap)
    forward = replace(forward, chosen=tuple(int(different[at]) for at in forward.chosen))
    surest = choose(sums[:, different], days.n_trades, overlap_sessions=overlap)
    surest = None if surest is None else int(different[surest])
    advice = advise(
        [rule.text for rule in rules],
        surest=surest,
        gains=inferred,
        adjusted_p_values=tests.adjusted_p_values,
        n_different=len(different),
        forward=forward.gain,
        n_trades=len(entered),
        n_days=len(days),
        overlap_sessions=overlap,
        basis=sample.basis,
    )
    return Judgement(len(days), overlap, inferred, tests, forward, surest, advice)
