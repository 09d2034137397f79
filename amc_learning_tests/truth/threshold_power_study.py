"""How often is a planted step in returns found within 5 points, and how often is one found where there is none?

Run by hand (`python -m amc_learning_tests.truth.threshold_power_study --series 400`); prints one line per world.
"""

import argparse
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from scipy.special import ndtr

from amc_learning.learning.threshold_search import ThresholdRules, search_thresholds
from amc_learning_tests.truth.guarantees import Effort, Guarantee, Measurement, PowerCurve, share


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


@dataclass(frozen=True)
class Searched:
    """Of every series of a world: whether a threshold was found, which one, and its interval; shape (n series,)."""

    is_found: np.ndarray
    threshold: np.ndarray
    ci_low: np.ndarray
    ci_high: np.ndarray


@cache
def searched(world: StepWorld, *, n_series: int, seed: int = 0, batch: int = 40) -> Searched:
    """Searches of `n_series` series, in batches."""
    generator = np.random.default_rng(seed)
    parts = []
    for _ in range(n_series // batch):
        above_n, above_sum = simulated_counts(world, batch, generator)
        search = search_thresholds(above_n, above_sum, overlap_sessions=world.horizon, rules=ThresholdRules())
        parts.append([search.is_found, search.threshold, search.ci_low, search.ci_high])
    return Searched(*(np.concatenate(values) for values in zip(*parts, strict=True)))


def is_close(found: Searched, world: StepWorld) -> np.ndarray:
    """Whether a threshold was found, and lies within 5 points of the planted step."""
    return found.is_found & (np.abs(found.threshold - world.step_at) <= 5)


def holds_step(found: Searched, world: StepWorld) -> np.ndarray:
    """Of the series with a threshold, whether its interval holds the planted step."""
    return ((found.ci_low <= world.step_at) & (world.step_at <= found.ci_high))[found.is_found]


def rates(world: StepWorld, *, n_series: int, seed: int = 0) -> dict[str, float]:
    """Shares of series with a threshold found, found within 5 points, and whose interval holds the step when found."""
    found = searched(world, n_series=n_series, seed=seed)
    held = holds_step(found, world)
    return {
        "found": float(found.is_found.mean()),
        "found_within_5": float(is_close(found, world).mean()),
        "interval_holds_step": float(held.mean()) if held.size else float("nan"),
    }


SERIES = {Effort.QUICK: 80, Effort.LONG: 800}


def nothing_found(world: StepWorld, effort: Effort) -> Measurement:
    """Per cent of series without a threshold."""
    found = searched(world, n_series=SERIES[effort], seed=1)
    return share(int((~found.is_found).sum()), SERIES[effort])


def found_close(world: StepWorld, effort: Effort) -> Measurement:
    """Per cent of series whose threshold is found within 5 points of the step."""
    found = searched(world, n_series=SERIES[effort])
    return share(int(is_close(found, world).sum()), SERIES[effort])


def interval_coverage(world: StepWorld, effort: Effort) -> Measurement:
    """Per cent of found thresholds whose nominal 90 % interval holds the step."""
    held = holds_step(searched(world, n_series=SERIES[effort]), world)
    return share(int(held.sum()), len(held))


SECTION = "Thresholds"
NOISE = {
    "1d": StepWorld(1, 0.0),
    "7d": StepWorld(5, 0.0),
    "30d, 250 days": StepWorld(21, 0.0, n_days=250),
    "7d, 20 names": StepWorld(5, 0.0, n_names=20),
    "7d, heavy tails": StepWorld(5, 0.0, is_heavy_tailed=True),
    "7d, returns more volatile the higher the score": StepWorld(5, 0.0, is_more_volatile_above=True),
}
STEPS = {
    "1d": StepWorld(1, 0.3),
    "7d": StepWorld(5, 0.3),
    "30d, 250 days": StepWorld(21, 0.3, n_days=250),
}
_WEAK_STEP = (
    "The guarantee names no size of step, and no method finds every one: it is measured here at .3 standard "
    "deviations. In 62 days there are about 12 labels of 5 sessions that do not overlap, and above 80 lies a fifth of "
    "the names. From a step of .4 on it holds there too (power curves below)."
)
_NARROW = (
    "The method is wrong here: the interval is made of resampled blocks of days, 4 or 5 of them, and so few blocks "
    "scatter less than the choice itself does. It is too narrow where the evidence is weak, which its limits say; "
    "what is published acts on the threshold and the held-out lift, not on this interval."
)

GUARANTEES: tuple[Guarantee, ...] = (
    *(
        Guarantee(
            SECTION,
            f"Noise, {name}: the answer is none in",
            90.0,
            True,
            lambda effort, world=world: nothing_found(world, effort),
            "%",
        )
        for name, world in NOISE.items()
    ),
    *(
        Guarantee(
            SECTION,
            f"{name}, a step of .3 standard deviations at {step_at}: found within 5 points in",
            90.0,
            True,
            lambda effort, world=world, step_at=step_at: found_close(replace(world, step_at=step_at), effort),
            "%",
            _WEAK_STEP,
        )
        for name, world in STEPS.items()
        for step_at in (60, 80)
    ),
    *(
        Guarantee(
            SECTION,
            f"{name}, a step of {strength:g} standard deviations at 60 that was found: the 90 % interval of the "
            "threshold holds it in",
            90.0,
            True,
            lambda effort, world=world, strength=strength: interval_coverage(replace(world, strength=strength), effort),
            "%",
            _NARROW,
        )
        for name, world in STEPS.items()
        for strength in (0.15, 0.3)
    ),
)

POWER_CURVES: tuple[PowerCurve, ...] = tuple(
    PowerCurve(
        SECTION,
        f"{name}, 100 names, step at {step_at}: found within 5 points",
        "standard deviations of the return",
        (0.1, 0.15, 0.2, 0.3, 0.4, 0.5),
        lambda effect, effort, world=world, step_at=step_at: found_close(
            replace(world, strength=effect, step_at=step_at), effort
        ),
    )
    for name, world, step_at in (
        ("1d, 62 days", STEPS["1d"], 60),
        ("1d, 62 days", STEPS["1d"], 80),
        ("7d, 62 days", STEPS["7d"], 60),
        ("7d, 62 days", STEPS["7d"], 80),
        ("30d, 250 days", STEPS["30d, 250 days"], 60),
    )
)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=400)
    n_series = parser.parse_args().series
    for world in WORLDS:
        shares = rates(world, n_series=n_series)
        error = 100 * np.sqrt(shares["found_within_5"] * (1 - shares["found_within_5"]) / n_series)
        shown = {name: round(share, 3) for name, share in shares.items()}
        print(world, shown, f"s.e. {error:.1f} points", flush=True)  # noqa: T201
