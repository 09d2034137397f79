"""Rows of table feature_importance for one week and horizon.

Belongs here: numbers into columns. Not here: the numbers (estimates.py, change.py), tests over all rows (weeks.py).
"""

from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from amc_learning.contracts.declared.importance import feature_importance
from amc_learning.learning.importance.change import EPOCH, Change
from amc_learning.learning.importance.estimates import Importance, coefficients_alone
from amc_learning.learning.importance.panel import Floats, Panel
from amc_learning.learning.inference import MeanInferences

DECIMALS = 12
"""Processors differ in the last bits of a sum; a figure that is written down does not."""


def unestimated_rows(horizon: str, panel: Panel, components: tuple[str, ...]) -> pl.DataFrame:
    """Rows of a horizon with too few days: counts, and nothing estimated."""
    n = len(components)
    return _framed(horizon, panel, components, {"n_days": [len(panel.n_pairs)] * n}, ["insufficient_days"] * n)


def estimated_rows(
    horizon: str, panel: Panel, importance: Importance, change: Change | None, components: tuple[str, ...]
) -> pl.DataFrame:
    """Rows of a horizon whose importance was measured.

    A component is `insufficient_days` where the days do not carry an interval, `no_contrast` where it never differs.
    """
    n = len(components)
    each, last = np.arange(n), np.full(n, n)
    falls = importance.falls
    has_interval = np.isfinite(falls.ci_low[:n])
    evidence = np.where(
        ~importance.has_contrast, "no_contrast", np.where(has_interval, "sufficient", "insufficient_days")
    )
    unknown = np.full(n, np.nan)
    columns: dict[str, object] = {
        "rank": _ranks(falls.estimate[:n], evidence == "sufficient"),
        **_interval("importance", falls, each),
        **_interval("noise_importance", falls, last),
        "p_value": _one_sided(importance.over_noise, importance.has_contrast),
        **_interval("mean_information_coefficient", importance.alone, each),
        **_interval("refit_loss", importance.refit_losses, each),
        "correlated_with": [
            ", ".join(components[other] for other in others) or None for others in importance.correlated_with
        ],
        **_interval("group_importance", importance.group_falls, each),
        **_interval("model_information_coefficient", importance.model, np.zeros(n, dtype=np.int64)),
        "previous_week": [None if change is None else change.week] * n,
        "previous_importance": _known(unknown if change is None else change.previous),
        "change": _known(unknown if change is None else change.change),
        "change_p_value": _known(unknown if change is None else change.p_value),
        "n_days": [int(importance.model.n[0])] * n,
        "n_effective_days": _known(falls.n_effective[:n]),
    }
    return _framed(horizon, panel, components, columns, evidence.tolist())


def _framed(
    horizon: str, panel: Panel, components: tuple[str, ...], columns: dict[str, object], evidence: list[str]
) -> pl.DataFrame:
    """The columns in the types of the table, with what a panel alone says; columns not given are null."""
    n = len(components)
    n_pairs = int(panel.n_pairs.sum())
    n_scored = panel.is_scored[:-1].sum(axis=(1, 2))
    first, last = (_date(panel, 0), _date(panel, -1))
    given = {
        "horizon": [horizon] * n,
        "component": list(components),
        "n_scored_days": [int(np.isfinite(coefficients_alone(panel, score)).sum()) for score in range(n)],
        "share_scored": _known(n_scored / max(n_pairs, 1)),
        "tested_from": [first] * n,
        "tested_to": [last] * n,
        "n_pairs": [n_pairs] * n,
        "evidence": evidence,
        **columns,
    }
    schema = feature_importance().schema
    return pl.DataFrame({name: given.get(name, [None] * n) for name in schema}, schema=schema)


def _date(panel: Panel, place: int) -> date | None:
    return date.fromordinal(EPOCH.toordinal() + int(panel.entry_days[place])) if len(panel.entry_days) else None


def _interval(name: str, found: MeanInferences, places: npt.NDArray[np.int64]) -> dict[str, list[float | None]]:
    return {
        name: _known(found.estimate[places]),
        f"{name}_ci_low": _known(found.ci_low[places]),
        f"{name}_ci_high": _known(found.ci_high[places]),
    }


def _known(values: Floats) -> list[float | None]:
    return [round(value, DECIMALS) + 0.0 if np.isfinite(value) else None for value in values.tolist()]


def _one_sided(found: MeanInferences, is_test: npt.NDArray[np.bool_]) -> list[float | None]:
    above = np.where(found.estimate > 0, found.p_value / 2, 1 - found.p_value / 2)
    return _known(np.where(is_test, above, np.nan))


def _ranks(estimates: Floats, is_ranked: npt.NDArray[np.bool_]) -> list[int | None]:
    order = [place for place in np.argsort(-estimates, kind="stable").tolist() if is_ranked[place]]
    ranks: list[int | None] = [None] * len(estimates)
    for rank, place in enumerate(order, start=1):
        ranks[place] = rank
    return ranks
