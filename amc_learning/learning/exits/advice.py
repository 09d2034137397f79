"""Whether to change the exits: the decision, and why in a sentence.

Belongs here: the decision over numbers already made. Not here: making them (comparison.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amc_learning.learning.inference import MeanInference, MeanInferences
from amc_learning.learning.wording import p_value_text

LEVEL = 0.05
"""Of both tests a change has to pass."""

NEEDED_OVERLAPS = 15
"""Entry days, in overlaps, from which there is an answer: six to choose on, six to judge on, and stretches are not cut
where it would suit best."""

CHANGE, KEEP, INSUFFICIENT = "change", "keep", "insufficient_evidence"


@dataclass(frozen=True)
class Advice:
    """What to do about the exits.

    Attributes:
        decision: change, keep or insufficient_evidence.
        reason: why.
        recommended: index of the setting advised; None unless change.
        out_of_sample_p_value: one-sided, of no gain on later days.
    """

    decision: str
    reason: str
    recommended: int | None
    out_of_sample_p_value: float | None


def advise(
    settings: Sequence[str],
    *,
    surest: int | None,
    gains: MeanInferences,
    adjusted_p_values: npt.NDArray[np.float64],
    n_different: int,
    forward: MeanInference,
    n_trades: int,
    n_days: int,
    overlap_sessions: int,
    basis: str,
) -> Advice:
    """Advise the surest setting when it passes both tests, else say what is missing.

    A change needs (1) the surest setting of all days to be better than what was done with the error held over
    all settings tried, and (2) the settings chosen on earlier days to have gained on later ones. Either alone would be
    wrong too often: the first looks at the days it chose on, the second judges few of them.

    Args:
        settings: text of every setting tried.
        surest: index of the setting chosen on all days; None without evidence enough.
        gains: mean gain per trade of every setting over what was done.
        adjusted_p_values: of every setting, for the number tried.
        n_different: settings that are not what was done, give or take an odd trade.
        forward: gain on later days of what was chosen on earlier ones.
        n_trades: trades compared.
        n_days: entry days of these.
        overlap_sessions: sessions a trade spans.
        basis: trades or candidates.
    """
    what_was_done = "what was done" if basis == "trades" else "holding to the limit"
    p_value = one_sided(forward)
    if surest is None or p_value is None:
        n_needed = NEEDED_OVERLAPS * overlap_sessions
        if n_days < n_needed:
            return Advice(
                INSUFFICIENT,
                f"{n_trades:,} trades on {n_days:,} entry days say too little about holdings of {overlap_sessions} "
                "sessions: trades overlap, and what is chosen is judged on later days, so "
                f"about {n_needed:,} are needed.",
                None,
                p_value,
            )
        if not n_different:
            why = (
                f"none of {len(settings)} settings tried would have changed more than an odd one of {n_trades:,} trades"
            )
            return Advice(KEEP, f"Keep: {why}.", None, p_value)
        return Advice(
            INSUFFICIENT,
            f"{n_trades:,} trades on {n_days:,} entry days do not tell what was chosen on earlier days from "
            f"{what_was_done} on later ones.",
            None,
            p_value,
        )
    gain, adjusted = float(gains.estimate[surest]), float(adjusted_p_values[surest])
    found = (
        f"`{settings[surest]}` earned {_percent(gain)} a trade over {what_was_done} in the sample "
        f"({p_value_text(adjusted)} after {len(settings)} settings tried); chosen on earlier days, settings earned "
        f"{_percent(forward.estimate)} on later ones ({_percent(forward.ci_low)} to {_percent(forward.ci_high)})"
    )
    if adjusted <= LEVEL and p_value <= LEVEL and gain > 0:
        return Advice(CHANGE, f"Change: {found}. Costs are not included.", surest, p_value)
    if not (adjusted_p_values <= LEVEL).any():
        why = f"no setting is better than {what_was_done} beyond chance"
    elif adjusted > LEVEL:
        why = "the surest setting is not beyond chance"
    else:
        why = "what was chosen on earlier days did not hold on later ones"
    return Advice(KEEP, f"Keep: {why}; {found}.", None, p_value)


def one_sided(found: MeanInference) -> float | None:
    """The p-value of no gain, from the two-sided one; None without evidence enough.

    >>> one_sided(MeanInference(-0.01, -0.03, 0.01, 0.3, 500, 80.0))
    0.85
    """
    if found.p_value is None or found.estimate is None:
        return None
    return found.p_value / 2 if found.estimate > 0 else 1 - found.p_value / 2


def _percent(fraction: float | None) -> str:
    return "unknown" if fraction is None else f"{100 * fraction:+.2f} %"
