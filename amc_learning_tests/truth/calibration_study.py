"""How much does a calibrated confidence miss the truth by, and what does each way of choosing a map cost?

Run by hand; every study prints its Monte-Carlo error:

    python -m amc_learning_tests.truth.calibration_study worlds --simulations 300
    python -m amc_learning_tests.truth.calibration_study clustered --simulations 200
    python -m amc_learning_tests.truth.calibration_study planted --simulations 100

The worlds of anchors.md, section 4b(b), as read from its text: confidences are Beta(5, 2), which reproduces both of its
figures for the confidence as sent (117 and 267) and, with many theses, those of the described multiplier (19 and 50
against its 21 and 54 at n = 1000). Theses are independent, one a day. The truth has log odds intercept + slope x log
odds. Excess Brier score = mean squared distance between the calibrated confidence and the truth, x 10,000.

`clustered` has what the worlds leave out: ten theses a day that share the day's luck, over labels of five sessions.
"""

# ruff: noqa: T201 - a study reports to the terminal.

import argparse
from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache

import numpy as np
import polars as pl

from amc_learning.learning.calibration.decision import decide_calibration
from amc_learning.learning.calibration.evidence import Evidence, evidence
from amc_learning.learning.calibration.hierarchy import group_fits, theses_per_independent_one
from amc_learning.learning.calibration.logistic import probability
from amc_learning.learning.calibration.maps import NODES, log_odds
from amc_learning.learning.calibration.review import METHODS, choose, linear_values, node_values, unseen_losses
from amc_learning.learning.calibration.rules import CalibrationRules
from amc_learning.learning.inference import mean_inference
from amc_learning.learning.theses.reliability import reliability
from amc_learning_tests.truth.guarantees import Effort, Guarantee, Measurement, PowerCurve, exact, mean, share

WORLDS = {
    "overconfident": (0.0, 0.5),
    "shifted": (-0.8, 1.0),
    "half shifted": (-0.4, 1.0),
    "calibrated": (0.0, 1.0),
}
LAST = date(2013, 12, 31)
"""A night that ends a month: the night after it fits to what its review looked at."""

PROBE = np.random.default_rng(7).beta(5, 2, 4_000)
"""Confidences at which the excess is measured."""


def outcomes_of(
    confidence: np.ndarray, is_right: np.ndarray, *, per_day: int = 1, recommendation: str = "BUY_MORE"
) -> pl.DataFrame:
    """Theses of consecutive weekdays that end on `LAST`, in the columns calibration reads."""
    n_days = -(-len(confidence) // per_day)
    days = [day for back in range(2 * n_days + 7) if (day := LAST - timedelta(days=back)).weekday() < 5][:n_days]
    return pl.DataFrame(
        {
            "known_on": [day for day in reversed(days) for _ in range(per_day)][: len(confidence)],
            "horizon": "7d",
            "source": "ai",
            "recommendation": recommendation,
            "confidence": confidence,
            "is_right": is_right.astype(bool),
            "is_counted": True,
        }
    )


def world(rng: np.random.Generator, n: int, intercept: float, slope: float) -> pl.DataFrame:
    """Independent theses, one a day."""
    confidence = rng.beta(5, 2, n)
    return outcomes_of(confidence, rng.random(n) < probability(intercept + slope * log_odds(confidence)))


def clustered_world(rng: np.random.Generator, n_days: int, intercept: float, slope: float) -> pl.DataFrame:
    """Ten theses a day that all lean on what the five sessions from theirs on bring."""
    luck = np.convolve(rng.standard_normal(n_days + 4), np.ones(5) / np.sqrt(5), mode="valid")
    confidence = rng.beta(5, 2, (n_days, 10))
    # A logistic threshold on a shared and an own part: each thesis alone is right with the world's probability.
    from scipy.stats import norm  # noqa: PLC0415

    truth = probability(intercept + slope * log_odds(confidence))
    latent = np.sqrt(0.3) * luck[:, None] + np.sqrt(0.7) * rng.standard_normal((n_days, 10))
    is_right = latent < norm.ppf(truth)
    return outcomes_of(confidence.ravel(), is_right.ravel(), per_day=10)


def fitted_maps(theses: Evidence, *, overlap_sessions: int) -> np.ndarray:
    """Every method's map of the whole at the nodes, fitted to all theses; (n methods, n nodes)."""
    n_days = len(theses.known_on)
    per_independent = theses_per_independent_one(theses.daily(0, n_days), overlap_sessions=overlap_sessions)
    right, total = theses.counts(0, n_days)
    linear = group_fits((right / per_independent[:, None])[None], (total / per_independent[:, None])[None])
    flexible = [node_values(method, right[:1], total[:1])[0] for method in METHODS[2:]]
    return np.stack([NODES, linear_values(linear.parameters[0])[0], *flexible])


def choices(theses: Evidence, *, overlap_sessions: int) -> Mapping[str, int]:
    """Which method each rule of choice takes for the whole."""
    n_days = len(theses.known_on)
    daily = theses.daily(0, n_days)
    per_independent = theses_per_independent_one(daily, overlap_sessions=overlap_sessions)
    losses = unseen_losses(theses, slice(0, n_days), per_independent, overlap_sessions=overlap_sessions)[:, :, 0]
    mean = losses.mean(axis=1)
    gain = mean_inference(losses[1] - losses[0], overlap_sessions=overlap_sessions, confidence=0.6827)
    return {
        "ours": METHODS.index(choose(losses, daily[:, 1, 0], overlap_sessions=overlap_sessions).method),
        "lowest unseen score": int(np.nanargmin(mean)),
        "one standard error": int((gain.ci_high if gain.ci_high is not None else 1.0) < 0),
    }


def excess(values: np.ndarray, truth: np.ndarray) -> float:
    """Excess Brier score times 10,000."""
    return 1e4 * float(np.mean((np.interp(PROBE, NODES, values) - truth) ** 2))


def table_of_worlds(simulations: int, *, is_clustered: bool) -> None:
    overlap = 5 if is_clustered else 1
    make = clustered_world if is_clustered else world
    sizes = (30, 100, 250, 750) if is_clustered else (100, 300, 1000)
    for name, (intercept, slope) in WORLDS.items():
        truth = probability(intercept + slope * log_odds(PROBE))
        for n in sizes:
            rng = np.random.default_rng([n, len(name)])
            found: dict[str, list[float]] = {}
            for _ in range(simulations):
                outcomes = make(rng, n, intercept, slope)
                theses = evidence(outcomes, horizon="7d")
                maps = fitted_maps(theses, overlap_sessions=overlap)
                ratio = np.clip(outcomes["is_right"].mean() / outcomes["confidence"].mean(), 0.5, 2.0)
                row = {"described": excess(np.clip(NODES * ratio, 0, 1), truth)}
                row |= {method: excess(values, truth) for method, values in zip(METHODS, maps, strict=True)}
                row |= {rule: excess(maps[at], truth) for rule, at in choices(theses, overlap_sessions=overlap).items()}
                for key, value in row.items():
                    found.setdefault(key, []).append(value)
            cells = (
                f"{key} {np.mean(values):.1f}±{np.std(values) / np.sqrt(simulations):.1f}"
                for key, values in found.items()
            )
            print(f"{name}, {n} {'days of ten' if is_clustered else 'theses'}: " + ", ".join(cells), flush=True)


def published(outcomes: pl.DataFrame, confidence: np.ndarray, *, overlap_sessions: int) -> np.ndarray:
    """Confidences through the map that the night publishes for AI theses to buy more, as a reader applies it."""
    rules = CalibrationRules(overlap_sessions=overlap_sessions, window_days=1500)
    night = decide_calibration(outcomes, as_of=[LAST + timedelta(days=1)], rules=rules)
    row = night.row(by_predicate=(pl.col("source") == "ai") & (pl.col("recommendation") == "BUY_MORE"), named=True)
    return np.interp(confidence, row["confidence_points"], row["calibrated_points"])


@cache
def miscalibrations(name: str, simulations: int, n: int = 1000) -> np.ndarray:
    """Miscalibration (CORP) of unseen theses before and after the published map; shape (simulations, 2)."""
    intercept, slope = WORLDS[name]
    rng = np.random.default_rng(len(name))
    pairs = []
    for _ in range(simulations):
        outcomes = world(rng, n, intercept, slope)
        unseen = rng.beta(5, 2, 20_000)
        is_right = (rng.random(len(unseen)) < probability(intercept + slope * log_odds(unseen))).astype(np.int64)
        after = published(outcomes, unseen, overlap_sessions=1)
        pairs.append([np.asarray(reliability(c, is_right).miscalibration).item() for c in (unseen, after)])
    return np.array(pairs, dtype=float)


def planted(simulations: int, *, n: int = 1000) -> None:
    """Miscalibration of unseen theses before and after the published map, per world."""
    for name in WORLDS:
        before, left = miscalibrations(name, simulations, n).T
        removed = 1 - left / before
        print(
            f"{name}, {n} theses: miscalibration {before.mean():.5f} -> {left.mean():.5f} on unseen theses; "
            f"removed {1 - left.mean() / before.mean():.1%} "
            f"(worst {removed.min():.1%}, >= 80 % in {np.mean(removed >= 0.8):.0%})",
            flush=True,
        )


def excess_of_ours(name: str, n: int, effort: Effort) -> Measurement:
    """Excess Brier score times 10,000 of the map that our rule of choice takes."""
    intercept, slope = WORLDS[name]
    truth = probability(intercept + slope * log_odds(PROBE))
    rng, simulations = np.random.default_rng([n, len(name)]), 5 if effort is Effort.QUICK else 90_000 // n
    found = []
    for _ in range(min(simulations, 900)):
        theses = evidence(world(rng, n, intercept, slope), horizon="7d")
        chosen = choices(theses, overlap_sessions=1)["ours"]
        found.append(excess(fitted_maps(theses, overlap_sessions=1)[chosen], truth))
    return mean(found, digits=2)


def removed(name: str, effort: Effort) -> Measurement:
    """Per cent of the miscalibration of unseen theses that the published map removes."""
    before, left = miscalibrations(name, 2 if effort is Effort.QUICK else 100).T
    ratio = left.mean() / before.mean()
    # The error of a ratio of means (Cochran 1977, ch. 6).
    error = float(np.std(left - ratio * before, ddof=1) / np.sqrt(len(left)) / before.mean())
    return Measurement(round(100 * float(1 - ratio), 2), round(100 * error, 2), len(left))


def mostly_removed(shift: float, effort: Effort) -> Measurement:
    """Per cent of worlds, shifted by so many log odds, in which at least 80 % of the miscalibration is removed."""
    n, rng, hits = (2 if effort is Effort.QUICK else 60), np.random.default_rng(int(100 * shift)), 0
    for _ in range(n):
        outcomes = world(rng, 300, -shift, 1.0)
        unseen = rng.beta(5, 2, 20_000)
        is_right = (rng.random(len(unseen)) < probability(log_odds(unseen) - shift)).astype(np.int64)
        after = published(outcomes, unseen, overlap_sessions=1)
        before, left = (np.asarray(reliability(c, is_right).miscalibration).item() for c in (unseen, after))
        hits += left <= 0.2 * before
    return share(hits, n)


def order_broken(effort: Effort) -> Measurement:
    """Neighbouring confidences of a fine grid whose order a published map turns round, over random worlds."""
    n, rng, n_broken = (2 if effort is Effort.QUICK else 100), np.random.default_rng(3), 0
    grid = np.linspace(0, 1, 1001)
    for _ in range(n):
        outcomes = world(rng, int(rng.integers(50, 600)), float(rng.normal(0, 0.8)), float(rng.uniform(-0.5, 1.5)))
        n_broken += int((np.diff(published(outcomes, grid, overlap_sessions=1)) < 0).sum())
    return exact(n_broken, n * (len(grid) - 1))


SECTION = "Confidence calibration"
GUARANTEES: tuple[Guarantee, ...] = (
    *(
        Guarantee(
            SECTION,
            f"Overconfident theses (slope .5), {n} of them: excess Brier score over the truth, times 10,000",
            bound,
            False,
            lambda effort, n=n: excess_of_ours("overconfident", n, effort),
        )
        for n, bound in ((100, 30.0), (300, 14.0), (1000, 3.6))
    ),
    Guarantee(
        SECTION,
        "Theses already calibrated, 100 of them: the same",
        20.0,
        False,
        lambda effort: excess_of_ours("calibrated", 100, effort),
    ),
    *(
        Guarantee(
            SECTION,
            f"Planted, {what}, 1,000 theses: miscalibration removed on unseen theses",
            80.0,
            True,
            lambda effort, name=name: removed(name, effort),
            "%",
        )
        for name, what in (
            ("overconfident", "overconfidence (slope .5)"),
            ("shifted", "-0.8 log odds"),
            ("half shifted", "-0.4 log odds"),
        )
    ),
    Guarantee(
        SECTION,
        "Random worlds: neighbouring confidences whose order a published map turns round",
        0.0,
        False,
        order_broken,
    ),
)

POWER_CURVES: tuple[PowerCurve, ...] = (
    PowerCurve(
        SECTION,
        "300 theses: at least 80 % of the miscalibration of unseen theses is removed",
        "overstatement in log odds",
        (0.3, 0.5, 0.8, 1.2),
        mostly_removed,
    ),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", choices=("worlds", "clustered", "planted"))
    parser.add_argument("--simulations", type=int, default=300)
    chosen = parser.parse_args()
    if chosen.study == "planted":
        planted(chosen.simulations)
    else:
        table_of_worlds(chosen.simulations, is_clustered=chosen.study == "clustered")


if __name__ == "__main__":
    main()
