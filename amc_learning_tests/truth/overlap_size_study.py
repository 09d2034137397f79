"""How often does the 5 % test of a mean daily information coefficient reject, under the null and under weak signals?

Run by hand (`python -m amc_learning_tests.truth.overlap_size_study --simulations 2000`); prints one line per world with
its Monte-Carlo error. The quick version runs in the tests.
"""

import argparse
from dataclasses import dataclass

import numpy as np
from scipy.stats import ttest_1samp

from amc_learning.learning.inference import mean_inference


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
    score_ranks, label_ranks = (side.argsort(axis=1).argsort(axis=1) - (n_names - 1) / 2 for side in (seen, label))
    return (score_ranks * label_ranks).sum(axis=1) / (n_names * (n_names**2 - 1) / 12)


def rejection_rates(world: World, *, simulations: int, seed: int = 0) -> dict[str, float]:
    """Share of simulations in which each test calls the mean different from zero at 5 %."""
    generator = np.random.default_rng(seed)
    rejections = {"ours": 0, "every_h_th_day": 0, "iid": 0}
    for _ in range(simulations):
        series = simulated_information_coefficients(world, generator)
        p_value = mean_inference(series, overlap_sessions=world.horizon).p_value
        rejections["ours"] += p_value is not None and p_value < 0.05
        rejections["every_h_th_day"] += ttest_1samp(series[:: world.horizon], 0).pvalue < 0.05
        rejections["iid"] += ttest_1samp(series, 0).pvalue < 0.05
    return {name: count / simulations for name, count in rejections.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulations", type=int, default=2000)
    simulations = parser.parse_args().simulations
    for world in WORLDS:
        rates = rejection_rates(world, simulations=simulations)
        error = 100 * np.sqrt(max(rates["ours"] * (1 - rates["ours"]), 1e-9) / simulations)
        print(world, {name: round(rate, 4) for name, rate in rates.items()}, f"s.e. {error:.2f} points", flush=True)  # noqa: T201
