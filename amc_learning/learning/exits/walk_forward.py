"""A setting chosen on earlier days and judged on later ones, again and again.

Belongs here: the stretches of time, the choice, the judgement. Not here: tests over all settings (superiority.py).
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from amc_learning.learning.exits.daily_gains import EntryDays, Floats, Integers, daily_series
from amc_learning.learning.inference import MeanInference, mean_inference, mean_inferences

N_FOLDS = 5
FIRST_TRAINING_SHARE = 1 / 3
"""Days before the first stretch that is judged; what is left is judged in `N_FOLDS` stretches."""


@dataclass(frozen=True)
class WalkForward:
    """What the setting chosen on earlier days gained over what was done, on later days.

    Attributes:
        gain: mean gain per trade with its interval; its estimate is None when no stretch could be judged.
        chosen: index of the setting chosen before each stretch.
        is_judged: per entry day, whether it lies in one of the stretches.
    """

    gain: MeanInference
    chosen: tuple[int, ...]
    is_judged: npt.NDArray[np.bool_]


def folds(n_days: int) -> list[tuple[int, int]]:
    """The stretches [start, stop) of entry days that are judged, in order of time.

    >>> folds(30)
    [(10, 14), (14, 18), (18, 22), (22, 26), (26, 30)]
    """
    edges = np.linspace(int(n_days * FIRST_TRAINING_SHARE), n_days, N_FOLDS + 1).astype(int).tolist()
    return list(pairwise(edges))


def choose(sums: Floats, n_trades: Integers, *, overlap_sessions: int) -> int | None:
    """The setting whose gain is surest: the highest lower end of its 95 % interval; None without evidence enough.

    The highest mean would choose the wildest setting, the highest t ratio one that hardly differs.
    """
    if len(n_trades) == 0:
        return None
    low = mean_inferences(daily_series(sums, n_trades), overlap_sessions=overlap_sessions).ci_low
    return None if np.isnan(low).all() else int(np.nanargmax(low))


def walk_forward(gains: Floats, days: EntryDays, is_over_by: Integers, *, overlap_sessions: int) -> WalkForward:
    """Choose on the trades that were over before a stretch, judge on the trades entered in it.

    Args:
        gains: shape (settings, trades): return less that of what was done, in order of entry.
        days: the entry days of these trades.
        is_over_by: per trade, the session on which it was over under every setting and as done.
        overlap_sessions: sessions a trade spans.
    """
    sums = days.sums(gains)
    session = np.repeat(days.session, days.n_trades)
    out_of_sample, is_judged, chosen = np.zeros(len(days)), np.zeros(len(days), dtype=bool), []
    for start, stop in folds(len(days)):
        if start == stop:
            continue
        known = is_over_by < days.session[start]
        if not known.any():
            continue
        earlier = EntryDays.of(session[known])
        best = choose(earlier.sums(gains[:, known]), earlier.n_trades, overlap_sessions=overlap_sessions)
        if best is None:
            continue
        chosen.append(best)
        out_of_sample[start:stop] = sums[start:stop, best]
        is_judged[start:stop] = True
    if not chosen:
        return WalkForward(MeanInference(None, None, None, None, 0, None), (), is_judged)
    series = daily_series(out_of_sample[is_judged, None], days.n_trades[is_judged])[:, 0]
    return WalkForward(mean_inference(series, overlap_sessions=overlap_sessions), tuple(chosen), is_judged)
