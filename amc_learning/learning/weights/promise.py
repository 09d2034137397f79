"""What the change under way is expected to bring, and whether all of it costs winners.

Belongs here: the held-out effect of the change as far as it has come, the veto of the success rate.
Not here: whether the evidence is good enough to move (decision), how lists are re-ranked (top_lists).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from amc_learning.learning.inference import MeanInference, mean_inference
from amc_learning.learning.weights.evidence import Evidence
from amc_learning.learning.weights.improvement import held_out_inference, one_sided
from amc_learning.learning.weights.suggestion import Suggestion
from amc_learning.learning.weights.top_lists import CandidateLists, top_changes

Vector = NDArray[np.float64]

MIN_WINNERS = 20
"""With fewer winners among all candidates a difference in success rate is a count of accidents."""


@dataclass(frozen=True)
class Promise:
    """Effect of the change, as far as it has come by tonight, on days it was not fitted to.

    Attributes:
        improvement: mean daily information coefficient, the change minus the weights it began from.
        success_rate_change: change in the share of winners of the top k; None with fewer than `MIN_WINNERS` winners.
        top_return_change: change in the mean return of the top k; None without candidates to compare.
    """

    improvement: MeanInference
    success_rate_change: float | None
    top_return_change: float | None


def change_promise(
    window: Evidence,
    suggestion: Suggestion,
    reference: Vector,
    *,
    as_far_as_now: Callable[[Vector], Vector],
    candidates: CandidateLists,
    horizon: str,
    overlap_sessions: int,
    known_after: int,
    top_k: int,
) -> Promise:
    """What a change like this one did on days it was not fitted to: every block by its own suggestion.

    Both sides are held out: the weights the change began from were chosen before it, and every block is judged by a
    suggestion that did not see it, carried as far as the change has come. The step of one night against the night
    before could not be judged so: those weights have already moved on the very days that judge them, and a change that
    helps would seem to harm at each of its later steps.

    Args:
        window: the window the suggestion was fitted to.
        suggestion: suggested weights with their fits per held-out block.
        reference: weights the change began from.
        as_far_as_now: where the change would be by tonight if these weights were suggested.
        candidates: past lists to re-rank; days outside the window are not looked at.
        horizon: horizon of the evidence.
        overlap_sessions: sessions its label spans.
        known_after: only lists known after this day count (days since 1970-01-01).
        top_k: length of the list.
    """
    changes = [as_far_as_now(weights) for weights in suggestion.fold_weights]
    coefficients = np.array([window.coefficients(change) for change in changes])
    differences = coefficients[suggestion.folds, np.arange(len(window))] - window.coefficients(reference)
    fold_of = {int(day): int(fold) for day, fold in zip(window.known_on, suggestion.folds, strict=True)}
    last = int(window.known_on.max())
    sections = [
        one for one in candidates.between(horizon, known_after=known_after, known_until=last) if one.known_on in fold_of
    ]
    top = top_changes(sections, [changes[fold_of[one.known_on]] for one in sections], reference, top_k=top_k)
    return Promise(
        held_out_inference(differences, overlap_sessions=overlap_sessions),
        float(top.success_rate.mean()) if top.n_winners >= MIN_WINNERS else None,
        float(top.mean_return.mean()) if len(top) else None,
    )


def lost_winners(
    candidates: CandidateLists,
    weights: Vector,
    reference: Vector,
    *,
    horizons: Mapping[str, int],
    known_after: int,
    known_until: int,
    top_k: int,
    level: float,
) -> str:
    """Why the success rate forbids the change, with horizon and figures; empty when it does not.

    The whole change is judged, from the weights it began from to where it leads, on the daily difference in the
    share of winners of the re-ranked top k: judged step by step, a harmful change would creep past. Winners are what
    the lists are for; an order may gain correlation and lose them.

    Args:
        candidates: past lists to re-rank.
        weights: where the change leads once the daily limit no longer holds it back.
        reference: weights the change began from.
        horizons: horizon name to sessions its label spans; one with fewer than `MIN_WINNERS` winners is not judged.
        known_after: only lists known after this day count (days since 1970-01-01).
        known_until: and up to this day.
        top_k: length of the list.
        level: one-sided p-value up to which a loss is reliable.
    """
    for horizon, sessions in horizons.items():
        sections = candidates.between(horizon, known_after=known_after, known_until=known_until)
        changes = top_changes(sections, [weights] * len(sections), reference, top_k=top_k)
        if changes.n_winners < MIN_WINNERS:
            continue
        inference = mean_inference(changes.success_rate, overlap_sessions=sessions)
        if inference.is_sufficient and 1 - one_sided(inference) <= level:
            return (
                f"the success rate of the top {top_k} at {horizon} is worse than before the change: "
                f"{inference.estimate:+.4f} ({inference.ci_low:+.4f} to {inference.ci_high:+.4f}) over {len(changes)} "
                f"days with {changes.n_winners} winners"
            )
    return ""
