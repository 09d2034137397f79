"""How often does the 5 % test of a mean daily information coefficient reject, under the null and under weak signals?

Run by hand (`python -m amc_learning_tests.truth.overlap_size_study --simulations 2000`); prints one line per world with
its Monte-Carlo error.
"""

import argparse
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.stats import ttest_1samp

from amc_learning.learning.inference import false_discovery_adjusted, mean_inference
from amc_learning_tests.truth.guarantees import Effort, Guarantee, Measurement, PowerCurve, mean, share


@dataclass(frozen=True)
class World:
    """A market of names with AR(1) features of given persistence, looked at daily with labels of `horizon` sessions."""

    horizon: int
    n_days: int = 500
    n_names: int = 100
    persistence: float = 0.98
    transient_share: float = 0.0
    daily_effect: float = 0.0
    is_heavy_tailed: bool = False


WORLDS = (
    *(World(horizon) for horizon in (1, 5, 7, 21, 30)),
    *(World(horizon, n_days=250) for horizon in (1, 5, 21, 30)),
    *(World(horizon, n_days=62) for horizon in (1, 5, 7)),
    *(World(horizon, persistence=0.5) for horizon in (5, 21)),
    *(World(horizon, persistence=1.0) for horizon in (5, 21)),
    *(World(horizon, transient_share=0.5) for horizon in (5, 21)),
    *(World(horizon, is_heavy_tailed=True) for horizon in (1, 5, 21)),
    *(World(horizon, daily_effect=effect) for effect in (1.2e-4, 2e-4) for horizon in (1, 5, 7, 21, 30)),
)


def simulated_information_coefficients(world: World, generator: np.random.Generator) -> np.ndarray:
    n_days, n_names, horizon = world.n_days, world.n_names, world.horizon
    shocks = generator.standard_normal((n_days, n_names))
    feature = np.empty((n_days, n_names))
    feature[0] = shocks[0]
    fresh = np.sqrt(1 - world.persistence**2)
    for day in range(1, n_days):
        feature[day] = world.persistence * feature[day - 1] + fresh * shocks[day]
    daily = 0.02 * generator.standard_normal((n_days + horizon, n_names))
    if world.is_heavy_tailed:
        volatility = np.exp(np.cumsum(0.1 * generator.standard_normal(n_days + horizon)) / 2)
        market = generator.standard_t(4, (n_days + horizon, 1))
        daily = volatility[:, None] * (0.02 * generator.standard_t(4, daily.shape) + 0.01 * market)
    daily[1 : n_days + 1] += world.daily_effect * feature
    level = np.vstack([np.zeros(n_names), np.cumsum(daily, axis=0)])
    label = level[1 + horizon : 1 + horizon + n_days] - level[1 : 1 + n_days]
    noise = generator.standard_normal(feature.shape)
    seen = np.sqrt(1 - world.transient_share) * feature + np.sqrt(world.transient_share) * noise
    score_ranks, label_ranks = (_ranks(side) - (n_names - 1) / 2 for side in (seen, label))
    return (score_ranks * label_ranks).sum(axis=1) / (n_names * (n_names**2 - 1) / 12)


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 0 along each row; values are continuous, so that none are tied."""
    ranks = np.empty(values.shape)
    np.put_along_axis(ranks, values.argsort(axis=1), np.arange(values.shape[1], dtype=float)[None], axis=1)
    return ranks


@dataclass(frozen=True)
class Looks:
    """What every simulation of a world came to, each of shape (n simulations,); NaN for want of days."""

    estimate: np.ndarray
    ci_low: np.ndarray
    ci_high: np.ndarray
    p_value: np.ndarray
    p_value_every_h_th_day: np.ndarray
    p_value_iid: np.ndarray


@cache
def looks(world: World, *, simulations: int, seed: int = 0) -> Looks:
    """Every simulation once: our inference, and t-tests on every h-th day and on every day."""
    generator = np.random.default_rng(seed)
    rows = []
    for _ in range(simulations):
        series = simulated_information_coefficients(world, generator)
        ours = mean_inference(series, overlap_sessions=world.horizon)
        others = ttest_1samp(series[:: world.horizon], 0).pvalue, ttest_1samp(series, 0).pvalue
        known = (ours.estimate, ours.ci_low, ours.ci_high, ours.p_value)
        rows.append([np.nan if one is None else one for one in known] + list(others))
    return Looks(*np.array(rows).T)


def rejection_rates(world: World, *, simulations: int, seed: int = 0) -> dict[str, float]:
    """Share of simulations in which each test calls the mean different from zero at 5 %."""
    found = looks(world, simulations=simulations, seed=seed)
    p_values = {"ours": found.p_value, "every_h_th_day": found.p_value_every_h_th_day, "iid": found.p_value_iid}
    return {name: float((values < 0.05).mean()) for name, values in p_values.items()}


SIMULATIONS = {Effort.QUICK: 60, Effort.LONG: 2000}
SESSIONS = {"1d": 1, "7d": 5, "30d": 21}
WEAK_EFFECT = 2e-4
"""Daily return per standard deviation of the score: a coefficient of .01 with the next session's return."""


def size(sessions: int, effort: Effort) -> Measurement:
    """Per cent of worlds without any power in which the 5 % test rejects."""
    n = SIMULATIONS[effort]
    return share(int((looks(World(sessions), simulations=n).p_value < 0.05).sum()), n)


def power_over_every_h_th_day(sessions: int, effort: Effort) -> Measurement:
    """Points of power at a weak effect above a t-test on every h-th day, on the same series."""
    found = looks(World(sessions, daily_effect=WEAK_EFFECT), simulations=SIMULATIONS[effort] // 2)
    rejected = (found.p_value < 0.05).astype(float) - (found.p_value_every_h_th_day < 0.05)
    return mean(100 * rejected, digits=2)


def coverage(sessions: int, effort: Effort) -> Measurement:
    """Per cent of 95 % intervals that hold the true mean coefficient, which is the mean over all simulations."""
    found = looks(World(sessions, daily_effect=WEAK_EFFECT), simulations=SIMULATIONS[effort] // 2)
    truth = found.estimate.mean()
    return share(int(((found.ci_low <= truth) & (truth <= found.ci_high)).sum()), len(found.estimate))


def false_families(effort: Effort) -> Measurement:
    """Per cent of families of 21 null tests, three horizons of seven features, in which some q is below 5 %."""
    generator, n = np.random.default_rng(11), 100 if effort is Effort.QUICK else 1000
    n_false = 0
    for _ in range(n):
        p_values = [
            mean_inference(
                simulated_information_coefficients(World(sessions, n_days=126, n_names=20), generator),
                overlap_sessions=sessions,
            ).p_value
            for sessions in SESSIONS.values()
            for _ in range(7)
        ]
        n_false += bool(np.nanmin(false_discovery_adjusted(np.array(p_values, dtype=float))) < 0.05)
    return share(n_false, n)


def power(world: World, coefficient: float, effort: Effort) -> Measurement:
    """Per cent of worlds in which the 5 % test sees a coefficient of this size with the next session's return."""
    n = 20 if effort is Effort.QUICK else 500
    planted = World(world.horizon, n_days=world.n_days, n_names=world.n_names, daily_effect=0.02 * coefficient)
    return share(int((looks(planted, simulations=n).p_value < 0.05).sum()), n)


SECTION = "Correlation with success"

GUARANTEES: tuple[Guarantee, ...] = (
    *(
        Guarantee(
            SECTION,
            f"{horizon}, no power, scores as persistent as AR(1) .98, 500 days: the 5 % test rejects in at "
            f"{'least' if is_at_least else 'most'}",
            bound,
            is_at_least,
            lambda effort, sessions=sessions: size(sessions, effort),
            "%",
        )
        for horizon, sessions in SESSIONS.items()
        for bound, is_at_least in ((3.5, True), (7.5, False))
    ),
    *(
        Guarantee(
            SECTION,
            f"{horizon}, coefficient .01, 500 days: power above that of a t-test on every h-th day",
            0.0,
            True,
            lambda effort, sessions=sessions: power_over_every_h_th_day(sessions, effort),
            "points",
            "The method is not wrong, and the guarantee asks for more than can be had where labels do not overlap: at "
            "1d 'every h-th day' is every day, and the plain t-test on all of them is the best valid test there is. "
            "Ours "
            "allows for serial dependence that this world does not have; its t has n/4 in place of n - 1 degrees of "
            "freedom, which costs about half a point.",
        )
        for horizon, sessions in SESSIONS.items()
    ),
    *(
        Guarantee(
            SECTION,
            f"{horizon}, coefficient .01, 500 days: the 95 % interval holds the true mean coefficient in",
            92.5,
            True,
            lambda effort, sessions=sessions: coverage(sessions, effort),
            "%",
        )
        for horizon, sessions in SESSIONS.items()
    ),
    Guarantee(
        SECTION,
        "Families of 21 null tests (7 features, 1d, 7d, 30d) in which some q falls below 5 %",
        5.0,
        False,
        false_families,
        "%",
    ),
)

POWER_CURVES: tuple[PowerCurve, ...] = tuple(
    PowerCurve(
        SECTION,
        f"{horizon}, {n_days} days of 50 names: the 5 % test sees the effect",
        "coefficient with the next session's return",
        (0.01, 0.02, 0.03, 0.05, 0.08),
        lambda effect, effort, sessions=sessions, n_days=n_days: power(
            World(sessions, n_days=n_days, n_names=50), effect, effort
        ),
    )
    for horizon, sessions, n_days in (("1d", 1, 62), ("7d", 5, 62), ("30d", 21, 250))
)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulations", type=int, default=2000)
    simulations = parser.parse_args().simulations
    for world in WORLDS:
        rates = rejection_rates(world, simulations=simulations)
        error = 100 * np.sqrt(max(rates["ours"] * (1 - rates["ours"]), 1e-9) / simulations)
        print(world, {name: round(rate, 4) for name, rate in rates.items()}, f"s.e. {error:.2f} points", flush=True)  # noqa: T201
