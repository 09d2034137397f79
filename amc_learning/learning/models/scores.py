"""How good predictions were on days their models had not seen: scores with intervals, calibration, importance.

Belongs here: numbers of a model's card. Not here: comparing kinds (evidence.py), which predictions there are.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amc_learning.learning.inference import MeanInference, mean_inference
from amc_learning.learning.information_coefficient import information_coefficients, ranked_pairs
from amc_learning.learning.models.cases import Cases
from amc_learning.learning.models.fitted import Model
from amc_learning.learning.theses.reliability import pool_adjacent_violators, reliability

Floats = npt.NDArray[np.float64]
Days = npt.NDArray[np.int64]

MAX_PERMUTED = 4000
"""Cases on which importance is measured; the newest of them. More would make it surer than the days are."""

NOTHING = MeanInference(None, None, None, None, 0, None)


@dataclass(frozen=True)
class Scores:
    """Scores of one kind on one target; what cannot be said is None in the estimates.

    Attributes:
        area_under_curve: over all pairs of cases; not of returns, nor of predictions that never vary within a day.
        mean_information_coefficient: of days.
        skill: 1 minus squared error over that of the baseline.
        brier: score, miscalibration, discrimination and uncertainty; None of returns.
        curve: blocks of the calibration curve: mean prediction, share that came true, cases; none of returns.
    """

    area_under_curve: MeanInference
    mean_information_coefficient: MeanInference
    skill: MeanInference
    brier: tuple[float, float, float, float] | None
    curve: tuple[tuple[float, float, int], ...]


def score_predictions(
    days: Days, truth: Floats, predicted: Floats, baseline: Floats, *, is_probability: bool, overlap_sessions: int
) -> Scores:
    """Scores of predictions of cases whose models had not seen them.

    Intervals take days as clusters and allow for labels that overlap; see `inference.mean_inferences`.

    Args:
        days: entry session of each case, ascending.
        truth: 0 or 1, or a return.
        predicted: of the kind scored.
        baseline: of the baseline, on the same cases.
        is_probability: whether truth is 0 or 1.
        overlap_sessions: sessions a label spans.
    """
    if not len(days):
        return Scores(NOTHING, NOTHING, NOTHING, None, ())
    coefficients = mean_inference(daily_coefficients(days, truth, predicted), overlap_sessions=overlap_sessions)
    area, brier = NOTHING, None
    curve: tuple[tuple[float, float, int], ...] = ()
    if is_probability:
        # What says the same of all of a day only differs from fit to fit: that is no order of candidates.
        if coefficients.n:
            area = area_under_curve(days, truth, predicted, overlap_sessions=overlap_sessions)
        found = reliability(predicted, truth)
        parts = (found.brier_score, found.miscalibration, found.discrimination, found.uncertainty)
        brier = tuple(float(part[0]) for part in parts)
        blocks = pool_adjacent_violators(predicted, truth)
        curve = tuple(
            zip(
                blocks.mean_confidence.tolist(),
                blocks.calibrated_confidence.tolist(),
                blocks.n.tolist(),
                strict=True,
            )
        )
    return Scores(
        area_under_curve=area,
        mean_information_coefficient=coefficients,
        skill=_skill(days, truth, predicted, baseline, overlap_sessions=overlap_sessions),
        brier=brier,  # type: ignore[arg-type]
        curve=curve,
    )


def daily_coefficients(days: Days, truth: Floats, predicted: Floats) -> Floats:
    """Rank correlation of prediction and truth day by day, days ascending; NaN where either is constant."""
    return np.array(
        [
            float(information_coefficients(ranked_pairs(predicted[rows][None, :], truth[rows], np.ones(len(rows))))[0])
            for rows in _rows_by_day(days)
        ]
    )


def area_under_curve(days: Days, truth: Floats, predicted: Floats, *, overlap_sessions: int) -> MeanInference:
    """Chance that a case that came true was given more than one that did not, over all pairs, whatever their days.

    The interval is that of a mean of days: each day's share in the area is what its cases, against all others, move it
    (placement values). So cases of one day count as one cluster, and neighbouring days as dependent.

    Source: Hanley and McNeil 1982; DeLong et al. 1988 (placement values); Obuchowski 1997 (clusters).
    """
    is_true = truth > 0
    n_true, n_false = int(is_true.sum()), int((~is_true).sum())
    if not n_true or not n_false:
        return NOTHING
    of_true, of_false = np.sort(predicted[is_true]), np.sort(predicted[~is_true])

    def below(values: Floats, others: Floats) -> Floats:
        placed: Floats = (np.searchsorted(others, values, "left") + np.searchsorted(others, values, "right")) / 2
        return placed / len(others)

    placement = np.empty(len(truth))
    placement[is_true] = below(predicted[is_true], of_false)
    placement[~is_true] = 1 - below(predicted[~is_true], of_true)
    area = float(placement[is_true].mean())
    moved = (placement - area) * np.where(is_true, 1 / n_true, 1 / n_false)
    by_day = np.array([moved[rows].sum() for rows in _rows_by_day(days)])
    return mean_inference(area + by_day * len(by_day), overlap_sessions=overlap_sessions)


def _skill(days: Days, truth: Floats, predicted: Floats, baseline: Floats, *, overlap_sessions: int) -> MeanInference:
    """Gain in squared error over the baseline's squared error; the latter is taken as known in the interval."""
    gain = (baseline - truth) ** 2 - (predicted - truth) ** 2
    scale = float(((baseline - truth) ** 2).mean())
    if scale == 0:
        return NOTHING
    # Days weigh as their cases: the mean of these is the skill over all cases.
    weight = len(np.unique(days)) / (len(days) * scale)
    by_day = np.array([gain[rows].sum() for rows in _rows_by_day(days)]) * weight
    return mean_inference(by_day, overlap_sessions=overlap_sessions)


def _rows_by_day(days: Days) -> list[npt.NDArray[np.intp]]:
    """Row indices of each day, days ascending."""
    order = np.argsort(days, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(days[order])) + 1)


def permutation_importance(
    model: Model, cases: Cases, groups: dict[str, str], *, seed: int
) -> tuple[tuple[str, float], ...]:
    """What the model loses when a group of features is shuffled among cases it had not seen, largest loss first.

    Features of a group are shuffled together, since they say much the same: alone, each would look dispensable. Cases
    are shuffled within their day, so that what all of a day share stays, except for a group that only differs between
    days: it is shuffled over all.

    Args:
        model: fitted on other cases.
        cases: of the target; the newest `MAX_PERMUTED` are used.
        groups: group of each feature, in the order of the features.
        seed: of the shuffles.

    Returns:
        Group and loss, in area under the curve, or in mean daily coefficient of returns.

    Source: Breiman 2001, Random forests, section 10; Fisher, Rudin and Dominici 2019.
    """
    used = cases.rows(np.arange(max(0, len(cases) - MAX_PERMUTED), len(cases)))
    generator = np.random.default_rng(seed)
    whole = _ranking_score(used, model.predict(used.features))
    if whole is None:
        return ()
    losses = []
    for group in dict.fromkeys(groups.values()):
        columns = [place for place, name in enumerate(groups.values()) if name == group]
        shuffled = used.features.copy()
        shuffled[:, columns] = used.features[_shuffle(used, columns, generator)][:, columns]
        score = _ranking_score(used, model.predict(shuffled))
        losses.append((group, whole - (whole if score is None else score)))
    return tuple(sorted(losses, key=lambda loss: (-loss[1], loss[0])))


def _shuffle(cases: Cases, columns: list[int], generator: np.random.Generator) -> npt.NDArray[np.intp]:
    by_day = _rows_by_day(cases.days)
    order = np.concatenate([generator.permutation(rows) for rows in by_day])
    found = np.empty(len(order), dtype=np.intp)
    found[np.concatenate(by_day)] = order
    values = np.nan_to_num(cases.features[:, columns], nan=-1e9)
    return found if (values[found] != values).any() else generator.permutation(len(cases))


def _ranking_score(cases: Cases, predicted: Floats) -> float | None:
    if cases.target == "return":
        found = daily_coefficients(cases.days, cases.truth, predicted)
        return None if np.isnan(found).all() else float(np.nanmean(found))
    return area_under_curve(cases.days, cases.truth, predicted, overlap_sessions=1).estimate
