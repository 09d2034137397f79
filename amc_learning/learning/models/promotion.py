"""Which kind of model predicts: the champion stays until a challenger has beaten it beyond noise.

Belongs here: the decision and its sentence. Not here: the evidence (evidence.py), the models (fitting.py).

The first champion is the baseline, so a kind that is no better than the rate never predicts anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from amc_learning.learning.models.evidence import Evidence
from amc_learning.learning.wording import evidence_text

FIRST, KEPT, REPLACED = "first", "kept", "replaced"
PROMOTED, REFUSED, INSUFFICIENT = "promoted", "refused", "insufficient_evidence"

NAMES = {"baseline": "the baseline", "linear": "the linear model", "boosted": "the boosted trees"}


GAINS = {"brier_score": "Brier score saved", "information_coefficient": "information coefficient"}
"""What a positive difference is called."""


@dataclass(frozen=True)
class Comparison:
    """One challenger against the champion, on days that neither had seen.

    Attributes:
        better: evidence that the challenger is better.
        worse: evidence that the champion is better.
        n_new_days: days among them that this week added.
    """

    better: Evidence
    worse: Evidence
    n_new_days: int


@dataclass(frozen=True)
class KindDecision:
    """What was decided about one kind, and why."""

    kind: str
    decision: str
    reason: str


@dataclass(frozen=True)
class Promotion:
    """The champion from now on, whether it is a new one, and what was decided about each kind."""

    champion: str
    is_new: bool
    decisions: dict[str, KindDecision]


def decide_promotion(
    champion: str | None,
    comparisons: Mapping[str, Comparison],
    *,
    level: float,
    score: str,
    lack: str | None = None,
) -> Promotion:
    """Promote the best of the challengers whose evidence is settled; else keep the champion.

    Args:
        champion: kind in office; None in the first week, when the baseline takes it before anything is compared.
        comparisons: by challenger, all kinds but the champion (in the first week: but the baseline).
        level: chance, per challenger, that one no better is ever promoted; see `evidence.judge`.
        score: what differences are measured in, for the sentence.
        lack: why no model was fitted, or none can be judged, for the sentence; None where neither holds.

    Returns:
        One decision per kind. Of several settled challengers the one with the larger mean difference is promoted.

    >>> weak = Evidence(n_days=5, mean=0.01, interval=None, e_value=1.2, is_settled=False)
    >>> even = Evidence(n_days=5, mean=-0.01, interval=None, e_value=0.9, is_settled=False)
    >>> found = decide_promotion("baseline", {"linear": Comparison(weak, even, 5)}, level=0.025, score="brier_score")
    >>> found.champion, found.decisions["linear"].decision
    ('baseline', 'insufficient_evidence')
    """
    in_office = champion or "baseline"
    settled = [kind for kind, compared in comparisons.items() if compared.better.is_settled]
    best = max(settled, key=lambda kind: (comparisons[kind].better.mean or 0.0, kind), default=None)
    decisions = {
        kind: _of_challenger(kind, compared, in_office, best, level=level, score=score, lack=lack)
        for kind, compared in comparisons.items()
    }
    decisions[in_office] = _of_champion(in_office, best, comparisons, is_first=champion is None)
    return Promotion(best or in_office, best is not None, decisions)


def _of_challenger(
    kind: str,
    compared: Comparison,
    champion: str,
    best: str | None,
    *,
    level: float,
    score: str,
    lack: str | None,
) -> KindDecision:
    better, name, other = compared.better, NAMES[kind], NAMES[champion]
    days = f"{better.n_days} days neither had seen, {compared.n_new_days} of them new"
    if not better.n_days or better.mean is None:
        because = "" if lack is None else f": {lack}"
        return KindDecision(kind, INSUFFICIENT, f"no day yet on which {name} can be compared with {other}{because}")
    measured = f"{name} minus {other} {better.mean:+.5f} in {GAINS[score]} a day"
    if better.interval is not None:
        measured += f" ({better.interval[0]:+.5f} to {better.interval[1]:+.5f})"
    measured += f" over {days}"
    gathered = f"evidence {evidence_text(better.e_value)}, where promotion takes {evidence_text(1 / level)}"
    if kind == best:
        return KindDecision(kind, PROMOTED, f"promoted: {measured}; {gathered}")
    if better.is_settled and best is not None:
        return KindDecision(kind, REFUSED, f"refused: {measured}, but {NAMES[best]} gained more and is promoted")
    if compared.worse.is_settled:
        return KindDecision(kind, REFUSED, f"refused: {measured}; that {other} is better is beyond noise")
    if better.mean <= 0:
        return KindDecision(kind, INSUFFICIENT, f"not promoted: {measured}: no better so far; {gathered}")
    return KindDecision(kind, INSUFFICIENT, f"not promoted: {measured}: within noise; {gathered}")


def _of_champion(
    champion: str, best: str | None, comparisons: Mapping[str, Comparison], *, is_first: bool
) -> KindDecision:
    name = NAMES[champion]
    if best is not None:
        return KindDecision(champion, REPLACED, f"replaced: {NAMES[best]} beat {name} beyond noise")
    if is_first:
        return KindDecision(champion, FIRST, f"first: {name} predicts until a model has beaten it beyond noise")
    n_days = max((compared.better.n_days for compared in comparisons.values()), default=0)
    return KindDecision(champion, KEPT, f"kept: no challenger beat {name} beyond noise in {n_days} days of its reign")
