"""How often discovery finds a winner: the share over a window, with an interval that allows for shared days.

Belongs here: one share and its interval, from daily statistics. Not here: what a winner is (outcomes.py), which scores
find them (correlation.py), the effective number and the interval themselves (theses).
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from amc_learning.learning.theses.accuracy import effective_theses
from amc_learning.learning.theses.wilson import wilson_interval
from amc_learning.learning.windows import ALL, EPOCH, IntArray


@dataclass(frozen=True)
class SuccessRate:
    """Share of winners among the selected of a window; None for want of evidence.

    Attributes:
        share: winners over candidates.
        ci_low: lower end of the 95 % interval.
        ci_high: upper end of the 95 % interval.
        n: candidates with an outcome.
    """

    share: float | None
    ci_low: float | None
    ci_high: float | None
    n: int


@dataclass(frozen=True)
class SuccessHistory:
    """Cross-sections of the selected in order of time; see `success_history`.

    Attributes:
        known_on: shape (n days,), days since 1970-01-01, ascending.
        counts: shape (n days, 2): candidates with an outcome, and winners among them.
        sessions: sessions that a label of the horizon spans.
    """

    known_on: IntArray
    counts: IntArray
    sessions: int

    def rate(self, as_of: date, window_days: int) -> SuccessRate:
        """Share of winners among the selected that matured with as_of - window_days < known_on <= as_of.

        The candidates of a day rise and fall with its market, and labels of neighbouring days overlap. The interval is
        Wilson's at the number of independent candidates that would leave the share as uncertain as its long-run
        variance over days says, with Student's quantile; None with too few days, or without both winners and others.

        Source: see `effective_theses` and `wilson_interval`.
        """
        from scipy.special import stdtrit  # noqa: PLC0415

        last = (as_of - EPOCH).days
        first, end = np.searchsorted(self.known_on, [last - window_days, last], side="right")
        window = self.counts[first:end]
        n, n_winners = (int(total) for total in window.sum(axis=0))
        if n == 0:
            return SuccessRate(None, None, None, 0)
        n_effective, freedom = effective_theses(window[:, 0], window[:, 1], sessions=self.sessions)
        low, high = wilson_interval(n_winners / n, n_effective, quantile=stdtrit(max(freedom, 1), 0.975))
        return SuccessRate(n_winners / n, _known(low), _known(high), n)


def success_history(statistics: pl.DataFrame, *, horizon: str, sessions: int) -> SuccessHistory:
    """Candidates with an outcome and winners among them, per cross-section of the selected.

    Whatever their scores: of a day's features the one with the most pairs speaks for it.

    Args:
        statistics: table `daily_statistics` covering every window, in any order (`known_on`, `horizon`, `entry_date`,
            `population`, `feature`, `scope`, `n_pairs`, `n_winners`).
        horizon: name of the horizon.
        sessions: sessions its label spans.

    >>> day = {"known_on": [date(2024, 1, 3)], "entry_date": [date(2024, 1, 2)], "horizon": ["1d"], "scope": ["all"],
    ...        "population": ["selected"], "feature": ["technical"], "n_pairs": [8], "n_winners": [2]}
    >>> success_history(pl.DataFrame(day), horizon="1d", sessions=1).rate(date(2024, 1, 3), 90)
    SuccessRate(share=0.25, ci_low=None, ci_high=None, n=8)
    """
    days = (
        statistics.filter(
            pl.col("horizon") == horizon,
            pl.col("population") == "selected",
            pl.col("scope") == ALL,
            pl.col("n_pairs") > 0,
        )
        .select("known_on", "entry_date", "feature", "n_pairs", "n_winners")
        .sort("n_pairs", "feature", descending=[True, False])
        .group_by("known_on", "entry_date", maintain_order=True)
        .first()
        .sort("known_on", "entry_date")
    )
    return SuccessHistory(
        days["known_on"].to_physical().to_numpy().astype(np.int64),
        days.select("n_pairs", "n_winners").to_numpy().reshape(-1, 2),
        sessions,
    )


def _known(end: npt.ArrayLike) -> float | None:
    return float(np.asarray(end)) if np.isfinite(end) else None
