"""Does learning weights on what a score selected go wrong, where no control says how the rest of the universe did?

Run by hand; every line has its Monte-Carlo error:

    python -m amc_learning_tests.truth.selection_weights_study --simulations 24 --nights 252

Every night discovery selects the best by the weights in force then, so what is learned changes what is seen. Weights
are decided by the code of the night, once on the selected and once on selected and controls weighted to the universe.
What a vector is worth is its coefficient over the universe, in closed form. The quick version runs in the tests.
"""

# ruff: noqa: T201 - a study reports to the terminal.

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache

import numpy as np
from numpy.typing import NDArray

from amc_learning.learning.weights.decision import NightEvidence, decide_night
from amc_learning.learning.weights.evidence import Evidence, days_since_epoch
from amc_learning.learning.weights.record import ACTIVE, DecisionHistory, PastDecision
from amc_learning.learning.weights.rules import WeightRules
from amc_learning.simulation.effects import information_coefficients, total_coefficients
from amc_learning.simulation.rules import MarketRules
from amc_learning.simulation.scores import latent_scores, return_shocks, shown_scores
from amc_learning.simulation.truths import CorrelatedComponents, ThresholdEffect
from amc_learning_tests.learning.weights.worlds import DEFAULT_VECTOR, weekdays
from amc_learning_tests.truth.guarantees import Effort, Guarantee, Measurement

Vector = NDArray[np.float64]

N_SYMBOLS, N_SELECTED, N_CONTROLS = 240, 50, 50
RULES = WeightRules(horizons={"1d": 1})
NEGLIGIBLE = 0.002
"""A loss of coefficient below this is none."""


@dataclass(frozen=True)
class World:
    """What is planted."""

    planted: tuple[tuple[str, float], ...] = ()
    correlated: tuple[CorrelatedComponents, ...] = ()
    steps: tuple[ThresholdEffect, ...] = ()

    def rules(self, seed: int, n_nights: int) -> MarketRules:
        """The rules of the market."""
        return MarketRules(
            seed=seed,
            first_session=date(2010, 1, 4),
            n_sessions=n_nights,
            n_symbols=N_SYMBOLS,
            component_information_coefficients=dict(self.planted),
            correlated_components=self.correlated,
            threshold_effects=self.steps,
            share_missing_scores=0.0,
        )


WORLDS: Mapping[str, World] = {
    "default weights are right": World(
        (
            ("volume_momentum", 0.09),
            ("squeeze", 0.075),
            ("catalyst", 0.06),
            ("sentiment", 0.03),
            ("options", 0.024),
            ("technical", 0.021),
        )
    ),
    "leading works, one wrong sign, one borrows": World(
        (("volume_momentum", 0.12), ("squeeze", 0.01), ("sentiment", -0.08)),
        (CorrelatedComponents(one="volume_momentum", other="technical", correlation=0.5),),
    ),
    "one strong wrong sign alone": World((("sentiment", -0.15),)),
    "the leading one has the wrong sign": World((("volume_momentum", -0.12),)),
    "wrong sign that others share": World(
        (("sentiment", -0.15), ("volume_momentum", 0.08)),
        (
            CorrelatedComponents(one="sentiment", other="catalyst", correlation=0.5),
            CorrelatedComponents(one="sentiment", other="squeeze", correlation=0.3),
        ),
    ),
    "pays only from a score on": World(
        (("catalyst", 0.05),), steps=(ThresholdEffect(component="volume_momentum", score=60.0, lift=0.4),)
    ),
    "level among the selected, pays below": World(
        (("catalyst", 0.05),), steps=(ThresholdEffect(component="volume_momentum", score=25.0, lift=0.4),)
    ),
    "level among the selected, pays much below": World(
        (("catalyst", 0.05),), steps=(ThresholdEffect(component="volume_momentum", score=25.0, lift=0.8),)
    ),
}
"""From harmless to what selection could be expected to get wrong most."""


def _covariances(scores: Vector, returns: Vector, weights: Vector) -> tuple[Vector, Vector]:
    """Weighted covariances of scores (rows by components) with the unit-variance return rank and each other."""
    shares = weights / weights.sum()
    order = np.argsort(returns)
    ranks = np.empty(len(returns))
    ranks[order] = np.cumsum(shares[order]) - shares[order] / 2
    ranks = (ranks - shares @ ranks) / np.sqrt(shares @ (ranks - shares @ ranks) ** 2)
    centred = scores - shares @ scores
    return centred.T @ (shares * ranks), (centred.T * shares) @ centred


@dataclass(frozen=True)
class Learned:
    """What a run of nights came to: weights, and the components without a negative coefficient it advised to drop."""

    weights: Vector
    wrongly_advised: frozenset[str]


@cache
def learned(name: str, seed: int, *, n_nights: int, population: str) -> Learned:
    """After nights that start from nothing, each candidate list being the best by the weights in force."""
    world = WORLDS[name]
    rules = world.rules(seed, n_nights)
    latent = latent_scores(rules, n_sessions=n_nights + 1)
    shocks = return_shocks(rules, latent)
    scores = shown_scores(latent)[:, :n_nights]
    draws = np.random.default_rng([seed, 5])
    nights, history, in_force = weekdays(n_nights), DecisionHistory(), DEFAULT_VECTOR
    known = np.array([days_since_epoch(night) for night in nights], dtype=np.int64)
    truth = dict(zip(rules.components, information_coefficients(rules)[:, 0], strict=True))
    wrongly_advised: set[str] = set()
    with_returns, with_scores = np.empty((n_nights, 6)), np.empty((n_nights, 6, 6))
    for day, night in enumerate(nights):
        ranked = np.argsort(-(in_force @ scores[:, day]), kind="stable")
        drawn = draws.permutation(ranked[N_SELECTED:])[:N_CONTROLS]
        rows, weights = ranked[:N_SELECTED], np.ones(N_SELECTED)
        if population == "universe":
            rows = np.concatenate([rows, drawn])
            weights = np.concatenate([weights, np.full(N_CONTROLS, (N_SYMBOLS - N_SELECTED) / N_CONTROLS)])
        with_returns[day], with_scores[day] = _covariances(scores[:, day, rows].T, shocks[day + 1, rows], weights)
        seen = Evidence(known[: day + 1], with_returns[: day + 1], with_scores[: day + 1])
        record = decide_night(
            NightEvidence(night, {"1d": seen.window(night, max(RULES.evidence_windows_days))}),
            in_force,
            RULES,
            names=rules.components,
            campaign_start=history.campaign_start(night, days=RULES.campaign_days),
        )
        history.add(PastDecision(night, in_force, record.weights, record.weights, record.status == ACTIVE))
        in_force = record.weights
        advice = record.reason.partition("consider inverting or dropping ")[2].partition(";")[0]
        wrongly_advised |= {one for one, coefficient in truth.items() if one in advice and coefficient >= 0}
    return Learned(in_force, frozenset(wrongly_advised))


def gains(name: str, simulations: int, n_nights: int, population: str) -> Vector:
    """Per simulation, the coefficient over the universe of what was learned minus that of the default weights."""
    rules = WORLDS[name].rules(0, 1)

    def worth(weights: Vector) -> float:
        return float(total_coefficients(rules, dict(zip(rules.components, weights, strict=True)))[0])

    runs = [learned(name, seed, n_nights=n_nights, population=population) for seed in range(simulations)]
    return np.array([worth(run.weights) - worth(DEFAULT_VECTOR) for run in runs])


def _mean_gain(name: str, effort: Effort) -> Measurement:
    simulations, n_nights = (2, 70) if effort is Effort.QUICK else (12, 252)
    found = gains(name, simulations, n_nights, "selected")
    return Measurement(
        round(float(found.mean()), 5), round(float(found.std(ddof=1) / np.sqrt(simulations)), 5), simulations
    )


GUARANTEES: tuple[Guarantee, ...] = tuple(
    Guarantee(
        "Selection effects",
        f"Weights learned on the selected alone lose nothing over the universe: {name}",
        -NEGLIGIBLE,
        True,
        lambda effort, name=name: _mean_gain(name, effort),
    )
    for name in WORLDS
)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=24)
    parser.add_argument("--nights", type=int, default=252)
    arguments = parser.parse_args()
    for name in WORLDS:
        for population in ("selected", "universe"):
            found = gains(name, arguments.simulations, arguments.nights, population)
            error = found.std(ddof=1) / np.sqrt(len(found))
            n_advised = sum(
                bool(learned(name, seed, n_nights=arguments.nights, population=population).wrongly_advised)
                for seed in range(arguments.simulations)
            )
            print(
                f"{name}, learned on the {population}: gain {found.mean():+.4f} (se {error:.4f}), moved in "
                f"{100 * (found != 0).mean():.0f} %, worse by {NEGLIGIBLE} or more in "
                f"{100 * (found <= -NEGLIGIBLE).mean():.0f} %, worst {found.min():+.4f}; advised to invert or drop "
                f"what is not the wrong way round in {100 * n_advised / arguments.simulations:.0f} %",
                flush=True,
            )
