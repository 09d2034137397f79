"""How often is a planted step in returns found within 5 points, and how often is one found where there is none?

Run by hand (`python -m amc_learning_tests.truth.threshold_power_study --series 400`); prints one line per world.
The quick version runs in the tests.
"""

import argparse
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from amc_learning.learning.threshold_search import ThresholdRules, search_thresholds


@dataclass(frozen=True)
class StepWorld:
    """Persistent scores whose returns step up by `strength` standard deviations of the return from `step_at` on."""

    horizon: int
    strength: float
    step_at: int = 60
    n_days: int = 62
    n_names: int = 100
    persistence: float = 0.98
    is_bell_shaped: bool = False
    is_more_volatile_above: bool = False
    is_heavy_tailed: bool = False


WORLDS = (
    *(StepWorld(horizon, 0.0) for horizon in (1, 5)),
    StepWorld(21, 0.0, n_days=250),
    StepWorld(1, 0.0, n_names=20),
    StepWorld(5, 0.0, n_names=20),
    StepWorld(5, 0.0, is_bell_shaped=True),
    StepWorld(5, 0.0, is_more_volatile_above=True),
    StepWorld(5, 0.0, is_heavy_tailed=True),
    *(StepWorld(1, strength, step_at) for step_at in (60, 80) for strength in (0.1, 0.15, 0.2, 0.3)),
    *(StepWorld(5, strength, step_at) for step_at in (60, 80) for strength in (0.1, 0.2, 0.3, 0.4, 0.5)),
    *(StepWorld(5, 0.4, step_at, is_more_volatile_above=True) for step_at in (60, 80)),
    StepWorld(5, 0.4, is_heavy_tailed=True),
    *(StepWorld(21, strength, n_days=250) for strength in (0.1, 0.2, 0.3)),
)


def simulated_counts(world: StepWorld, n_series: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Pairs and excess returns (millionths) at or above each bin, shape (n days, n series, bins)."""
    shape = (world.n_days, n_series, world.n_names)
    shocks = generator.standard_normal(shape)
    feature = np.empty(shape)
    feature[0] = shocks[0]
    fresh = np.sqrt(1 - world.persistence**2)
    for day in range(1, world.n_days):
        feature[day] = world.persistence * feature[day - 1] + fresh * shocks[day]
    scores = np.clip(55 + 12 * feature, 0, 100) if world.is_bell_shaped else 100 * ndtr(feature)
    steps_shape = (world.n_days + world.horizon, *shape[1:])
    daily = (
        generator.standard_t(3, steps_shape) / np.sqrt(3)
        if world.is_heavy_tailed
        else generator.normal(size=steps_shape)
    )
    level = np.concatenate([np.zeros((1, *shape[1:])), np.cumsum(0.02 * daily, axis=0)])
    returns = level[world.horizon : world.horizon + world.n_days] - level[: world.n_days]
    if world.is_more_volatile_above:
        returns *= 0.5 + scores / 100
    returns += world.strength * 0.02 * np.sqrt(world.horizon) * (scores >= world.step_at)
    excess = np.rint(1e6 * (returns - returns.mean(axis=2, keepdims=True)))
    day, series = np.ogrid[: world.n_days, :n_series]
    places = ((day * n_series + series)[..., None] * 101 + scores.astype(int)).ravel()

    def above(weights: np.ndarray | None) -> np.ndarray:
        bins = np.bincount(places, weights, minlength=world.n_days * n_series * 101).reshape(
            world.n_days, n_series, 101
        )
        return np.ascontiguousarray(bins[..., ::-1].cumsum(axis=-1)[..., ::-1]).astype(np.int64)

    return above(None), above(excess.ravel())


def rates(world: StepWorld, *, n_series: int, seed: int = 0, batch: int = 40) -> dict[str, float]:
    """Shares of series with a threshold found, found within 5 points, and whose interval holds the step when found."""
    generator = np.random.default_rng(seed)
    found, close, covered = [], [], []
    for _ in range(n_series // batch):
        above_n, above_sum = simulated_counts(world, batch, generator)
        search = search_thresholds(above_n, above_sum, overlap_sessions=world.horizon, rules=ThresholdRules())
        found.append(search.is_found)
        close.append(search.is_found & (np.abs(search.threshold - world.step_at) <= 5))
        covered.append(((search.ci_low <= world.step_at) & (world.step_at <= search.ci_high))[search.is_found])
    coverage = np.concatenate(covered)
    return {
        "found": float(np.mean(found)),
        "found_within_5": float(np.mean(close)),
        "interval_holds_step": float(coverage.mean()) if coverage.size else float("nan"),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=400)
    n_series = parser.parse_args().series
    for world in WORLDS:
        shares = rates(world, n_series=n_series)
        error = 100 * np.sqrt(shares["found_within_5"] * (1 - shares["found_within_5"]) / n_series)
        shown = {name: round(share, 3) for name, share in shares.items()}
        print(world, shown, f"s.e. {error:.1f} points", flush=True)  # noqa: T201
