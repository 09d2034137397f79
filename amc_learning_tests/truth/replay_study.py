"""Does the replay of the daily loop find nothing where there is nothing, and the gain where something is planted?

Whole replays over simulated markets: decided night by night, judged on the candidates of the next day.
"""

from functools import cache

import numpy as np

from amc_learning.learning.replay import Replay, replay_weights
from amc_learning.learning.weights import FeatureWeights, WeightRules
from amc_learning_tests.learning.replay.worlds import market
from amc_learning_tests.learning.weights.worlds import DEFAULT, NAMES, slopes_for
from amc_learning_tests.truth.guarantees import Effort, Guarantee, Measurement, mean, share
from amc_learning_tests.truth.weights_study import POWER_DIRECTION

SECTION = "Replay"
RULES = WeightRules(horizons={"1d": 1, "7d": 5})
SIMULATIONS = {Effort.QUICK: 1, Effort.LONG: 40}
N_DAYS = 130


@cache
def replays(coefficient: float, n: int) -> list[Replay]:
    """Replays of half a year of nights from nothing, one per market."""
    slopes = slopes_for(POWER_DIRECTION, coefficient) if coefficient else None
    found = []
    for seed in range(n):
        statistics, joined, nights = market(seed, N_DAYS, slopes=slopes, horizons=tuple(RULES.horizons.items()))
        features = FeatureWeights(NAMES, DEFAULT)
        found.append(replay_weights(statistics, joined, as_of=nights, features=features, rules=RULES))
    return found


def told_apart_on_noise(horizon: str, effort: Effort) -> Measurement:
    """Per cent of replays of noise whose difference to static lies outside its own 95 % interval of 0."""
    found = [one.judgement(horizon, "adaptive").coefficient_over_static for one in replays(0.0, SIMULATIONS[effort])]
    outside = [it.estimate != 0 and it.ci_low is not None and not it.ci_low <= 0 <= it.ci_high for it in found]
    return share(sum(outside), len(outside))


def loss_on_noise(horizon: str, effort: Effort) -> Measurement:
    """Mean coefficient of static weights minus that of the adaptive ones, on noise."""
    found = [one.judgement(horizon, "adaptive").coefficient_over_static for one in replays(0.0, SIMULATIONS[effort])]
    return mean([-it.estimate for it in found], digits=6)


def turnover_on_noise(effort: Effort) -> Measurement:
    """Sum of absolute changes of the weights in force, a year."""
    return mean([one.movement.turnover_per_year for one in replays(0.0, SIMULATIONS[effort])])


def seen_to_pay(effort: Effort) -> Measurement:
    """Per cent of replays of a planted truth whose interval of the difference to static lies above 0."""
    found = [one.judgement("1d", "adaptive").coefficient_over_static for one in replays(0.3, SIMULATIONS[effort])]
    return share(sum(it.ci_low is not None and it.ci_low > 0 for it in found), len(found))


def regret_saved(effort: Effort) -> Measurement:
    """Per cent of the static default's regret, against the best fixed weights in hindsight, that learning saves."""
    pairs = np.array(
        [
            [one.judgement("1d", contender).regret for contender in ("adaptive", "static")]
            for one in replays(0.3, SIMULATIONS[effort])
        ]
    )
    return mean(100 * (1 - pairs[:, 0] / pairs[:, 1]), digits=2)


GUARANTEES: tuple[Guarantee, ...] = (
    *(
        guarantee
        for horizon in RULES.horizons
        for guarantee in (
            Guarantee(
                SECTION,
                f"Noise, {horizon}: the difference to static lies outside its own 95 % interval of 0 in",
                5.0,
                False,
                lambda effort, horizon=horizon: told_apart_on_noise(horizon, effort),
                "%",
            ),
            Guarantee(
                SECTION,
                f"Noise, {horizon}: mean coefficient lost against static",
                0.0,
                False,
                lambda effort, horizon=horizon: loss_on_noise(horizon, effort),
            ),
        )
    ),
    Guarantee(SECTION, "Noise: turnover of weights a year (a daily limit is 0.1)", 0.1, False, turnover_on_noise),
    Guarantee(
        SECTION,
        "Planted coefficient .3, half a year from nothing: the gain over static is told from 0 in",
        95.0,
        True,
        seen_to_pay,
        "%",
    ),
    Guarantee(
        SECTION,
        "Planted coefficient .3, half a year from nothing: regret of the static default that learning saves, on "
        "average",
        50.0,
        True,
        regret_saved,
        "%",
    ),
)
