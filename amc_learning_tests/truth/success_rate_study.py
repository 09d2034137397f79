"""How often does the 95 % interval of the success rate hold the true one, when candidates share their day's luck?

Luck is a normal shift of every candidate's chance by day; a label of h sessions averages the luck of h days.
"""

from datetime import timedelta
from statistics import NormalDist

import numpy as np
import polars as pl
from scipy.special import ndtr

from amc_learning.learning.success_rate import success_history
from amc_learning_tests.learning.weights.worlds import weekdays
from amc_learning_tests.truth.guarantees import Effort, Guarantee, Measurement, share

N_DAYS, N_CANDIDATES = 62, 50


def coverage(rate_at_luck_zero: float, day_effect: float, sessions: int, effort: Effort) -> Measurement:
    """Per cent of intervals that hold the true success rate, of those that exist."""
    n = 100 if effort is Effort.QUICK else 2_000
    generator = np.random.default_rng([sessions, int(100 * day_effect)])
    quantile = NormalDist().inv_cdf(rate_at_luck_zero)
    # The chance on an average day is that of a normal variable of variance 1 + day_effect^2.
    truth = float(ndtr(quantile / np.sqrt(1 + day_effect**2)))
    days, held, n_known = weekdays(N_DAYS), 0, 0
    for _ in range(n):
        raw = generator.standard_normal(N_DAYS + sessions - 1)
        luck = np.convolve(raw, np.ones(sessions) / np.sqrt(sessions), mode="valid")
        winners = generator.binomial(N_CANDIDATES, ndtr(quantile + day_effect * luck))
        table = pl.DataFrame(
            {
                "known_on": days,
                "entry_date": days,
                "horizon": "7d",
                "population": "selected",
                "feature": "technical",
                "scope": "all",
                "n_pairs": N_CANDIDATES,
                "n_winners": winners,
            }
        )
        found = success_history(table, horizon="7d", sessions=sessions).rate(days[-1] + timedelta(days=1), 120)
        if found.ci_low is not None and found.ci_high is not None:
            n_known += 1
            held += found.ci_low <= truth <= found.ci_high
    return share(held, n_known)


GUARANTEES: tuple[Guarantee, ...] = tuple(
    Guarantee(
        "Success rate of discovery",
        f"{horizon}, 62 days of 50 candidates, about {100 * rate:g} % win, {luck}: the 95 % interval holds the true "
        "rate in",
        92.5,
        True,
        lambda effort, sessions=sessions, rate=rate, day_effect=day_effect: coverage(
            rate, day_effect, sessions, effort
        ),
        "%",
    )
    for horizon, sessions in (("1d", 1), ("7d", 5))
    for rate in (0.02, 0.2)
    for day_effect, luck in ((0.0, "independent"), (0.3, "days share their luck"))
)
