"""How right the theses of the shared feed were, whether their confidence meant it, and how long looking takes.

Run by hand (`python -m amc_learning_tests.truth.thesis_accuracy_study`) where the shared market data is.
"""

# ruff: noqa: T201 - a study reports to the terminal.

import time
from collections.abc import Callable
from datetime import date
from functools import cache

import numpy as np
import polars as pl
from scipy.special import stdtrit

from amc_learning.learning.outcomes import OutcomeRules
from amc_learning.learning.theses.accuracy import effective_theses, thesis_accuracy
from amc_learning.learning.theses.comparison import source_comparisons
from amc_learning.learning.theses.curves import reliability_curves
from amc_learning.learning.theses.outcomes import JudgementRules
from amc_learning.learning.theses.wilson import wilson_interval
from amc_learning_tests.learning.theses.real_theses import LAST, real_outcomes
from amc_learning_tests.truth.guarantees import Effort, Guarantee, Measurement, share

SESSIONS = {"1d": 1, "7d": 5, "30d": 21}
RULES = OutcomeRules(SESSIONS, "next_open", 0.25, -0.10)
JUDGEMENTS = {
    "as the methods say (BUY_MORE above the band, LIQUIDATE below it)": JudgementRules(),
    "by direction (BUY_MORE above 0, LIQUIDATE below 0)": JudgementRules(buy_more_above=0.0, liquidate_below=0.0),
}
SHOWN = (
    "group",
    "n_days",
    "n_theses",
    "accuracy",
    "ci_low",
    "ci_high",
    "n_effective",
    "clustered_ci_low",
    "clustered_ci_high",
    "mean_confidence",
    "brier_score",
    "miscalibration",
    "discrimination",
    "uncertainty",
    "expected_calibration_error",
)


def timed(name: str, work: Callable[[], pl.DataFrame]) -> pl.DataFrame:
    """The work's result, and how long it took, on the screen."""
    began = time.perf_counter()
    result = work()
    print(f"{name}: {result.height} rows in {time.perf_counter() - began:.2f} s")
    return result


@cache
def interval_coverage(
    *, day_effect: float, sessions: int, n_days: int = 62, per_day: int = 10, n_simulations: int = 2_000
) -> tuple[float, float]:
    """How often the plain and the clustered 95 % interval hold the true accuracy of 0.4.

    Theses of a day share its luck, of this standard deviation; a label of h sessions averages the luck of h days.
    """
    generator = np.random.default_rng([sessions, int(100 * day_effect)])
    covered = np.zeros(2)
    for _ in range(n_simulations):
        luck = np.convolve(generator.normal(size=n_days + sessions - 1), np.ones(sessions) / np.sqrt(sessions), "valid")
        right = generator.binomial(per_day, np.clip(0.4 + day_effect * luck, 0, 1))
        n, freedom = effective_theses(np.full(n_days, per_day), right, sessions=sessions)
        share = right.sum() / (per_day * n_days)
        ends = (
            wilson_interval(share, per_day * n_days),
            wilson_interval(share, n, quantile=stdtrit(max(freedom, 1), 0.975)),
        )
        covered += [bool(low <= 0.4 <= high) for low, high in ends]
    plain, clustered = covered / n_simulations
    return float(plain), float(clustered)


def coverage(*, sessions: int, day_effect: float, effort: Effort) -> Measurement:
    """Per cent of clustered 95 % intervals that hold the true accuracy."""
    n = 200 if effort is Effort.QUICK else 4_000
    _, clustered = interval_coverage(day_effect=day_effect, sessions=sessions, n_simulations=n)
    return share(round(n * clustered), n)


GUARANTEES: tuple[Guarantee, ...] = tuple(
    Guarantee(
        "Accuracy of theses",
        f"{horizon}, 62 days of 10 theses, {luck}: the clustered 95 % interval holds the true accuracy in",
        92.5,
        True,
        lambda effort, sessions=sessions, day_effect=day_effect: coverage(
            sessions=sessions, day_effect=day_effect, effort=effort
        ),
        "%",
    )
    for horizon, sessions in (("1d", 1), ("7d", 5))
    for day_effect, luck in (
        (0.0, "independent"),
        (0.06, "days share their luck (6 points)"),
        (0.12, "days share their luck (12 points)"),
    )
)


def main() -> None:
    """Print the figures that docs and reports quote."""
    pl.Config.set_tbl_rows(-1).set_tbl_cols(-1).set_tbl_width_chars(260).set_float_precision(4)
    for name, judgement in JUDGEMENTS.items():
        outcomes = real_outcomes(RULES, judgement=judgement).filter(pl.col("known_on") >= date(2013, 1, 1))
        print(f"\n2013-2014 at 7d, {name}")
        found = thesis_accuracy(outcomes, as_of=[LAST], window_days=730, horizons={"7d": 5})
        print(found.filter(pl.col("group_kind") != "regime").select(SHOWN))
        compared = source_comparisons(outcomes, as_of=[LAST], window_days=730, horizons={"7d": 5})
        print(compared.select("n_days", pl.col("^(accuracy|brier)_(difference|ci_low|ci_high)$")))
    print("\nOne backfill, window of 90 days")
    outcomes = timed("thesis_outcomes", lambda: real_outcomes(RULES))
    nights = outcomes["known_on"].unique().sort().to_list()
    print(f"{len(nights)} nights")
    timed("thesis_accuracy", lambda: thesis_accuracy(outcomes, as_of=nights, window_days=90, horizons=SESSIONS))
    timed("reliability_curves", lambda: reliability_curves(outcomes, as_of=nights, window_days=90, horizon="7d"))
    timed("source_comparisons", lambda: source_comparisons(outcomes, as_of=nights, window_days=90, horizons=SESSIONS))
    print("\nCoverage of 95 % intervals, 62 days of 10 theses")
    for sessions in (1, 5):
        for day_effect in (0.0, 0.06, 0.12):
            plain, clustered = interval_coverage(day_effect=day_effect, sessions=sessions)
            print(f"overlap {sessions}, day effect {day_effect}: plain {plain:.3f}, clustered {clustered:.3f}")


if __name__ == "__main__":
    main()
