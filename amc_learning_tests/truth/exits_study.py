"""Is a change of exits advised where none is better, and found where one is? And sizes?

Run by hand (`python -m amc_learning_tests.truth.exits_study --simulations 120`); prints one line per world. With
`--year` it looks every fourth week for a year at random walks, as a weekly cycle would.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache

import numpy as np

from amc_learning.learning.exits import ExitRule, ExitSample, judge_exits, simulate_exits, size_rows
from amc_learning.learning.exits.advice import CHANGE, LEVEL
from amc_learning.learning.exits.grid import CANDIDATE_STOP, GRID, HOLD_TO_THE_LIMIT
from amc_learning.learning.exits.simulation import ExitReason
from amc_learning_tests.learning.exits.worlds import World, sample
from amc_learning_tests.truth.guarantees import Effort, Guarantee, Measurement, PowerCurve, share

SECTION = "Exits and position sizes"
WALK = World()
CLUSTERED = World(clusters=0.5)
COMES_BACK = World(reversion=0.05)
CARRIES_ON = World(carry=0.004)
ALIKE = World(n_symbols=60)
UNLIKE = World(spread=2.0)
WEEK = date(2014, 12, 12)
N_LOOKS, SESSIONS_BETWEEN_LOOKS = 13, 20


@dataclass(frozen=True)
class Found:
    """What one history was told: whether to change, what, and what the tests alone would have said."""

    is_change: bool
    surest: int | None
    is_beyond_chance: bool
    is_superior_by_bootstrap: bool
    gains: np.ndarray


def judged(history: ExitSample, seed: int) -> Found:
    exits = simulate_exits(history.entries, history.panel, GRID)
    found = judge_exits(history, exits, GRID, generator=np.random.default_rng([seed, 1]))
    return Found(
        found.advice.decision == CHANGE,
        found.surest,
        bool(found.tests.adjusted_p_values.min() <= LEVEL),
        found.tests.spa_p_value is not None and found.tests.spa_p_value <= LEVEL,
        found.gains.estimate,
    )


@lru_cache(maxsize=8)
def histories(world: World, n_simulations: int) -> tuple[Found, ...]:
    return tuple(judged(sample(world, np.random.default_rng([seed, 2])), seed) for seed in range(n_simulations))


def changes(world: World, n_simulations: int) -> Measurement:
    return share(sum(found.is_change for found in histories(world, n_simulations)), n_simulations)


def beyond_chance(world: World, n_simulations: int) -> Measurement:
    return share(sum(found.is_beyond_chance for found in histories(world, n_simulations)), n_simulations)


def superior_by_bootstrap(world: World, n_simulations: int) -> Measurement:
    return share(sum(found.is_superior_by_bootstrap for found in histories(world, n_simulations)), n_simulations)


def truth(world: World, n_simulations: int) -> tuple[float, float]:
    """True gain of the best setting and of those advised, in per cent a trade: means over all histories."""
    found = histories(world, n_simulations)
    gains = np.mean([one.gains for one in found], axis=0)
    advised = [gains[one.surest] for one in found if one.is_change]
    return 100 * float(gains.max()), 100 * float(np.mean(advised)) if advised else float("nan")


def share_of_truth(world: World, n_simulations: int) -> Measurement:
    """True gain of the settings advised over that of the best setting, in per cent."""
    best, advised = truth(world, n_simulations)
    return Measurement(0.0 if np.isnan(advised) else 100 * advised / best, 0.0, n_simulations)


def held(world: World, generator: np.random.Generator) -> ExitSample:
    """Trades held to the limit; stopped out are those that fell as far as a stop would have been."""
    history = sample(world, generator, rule=HOLD_TO_THE_LIMIT)
    fell = simulate_exits(history.entries, history.panel, [CANDIDATE_STOP]).reason[0] == ExitReason.STOP_LOSS
    return replace(history, is_stopped_out=fell)


def sizes(make: Callable[[np.random.Generator], ExitSample], n_simulations: int) -> Measurement:
    advised = 0
    for seed in range(n_simulations):
        history = make(np.random.default_rng([seed, 3]))
        advised += bool(size_rows(history, WEEK, seed=[seed])["is_advised"].any())
    return share(advised, n_simulations)


def null_years(n_years: int) -> tuple[Measurement, Measurement]:
    """Share of looks, and of years of looks, in which a change was advised on a random walk."""
    longer = replace(WALK, n_days=WALK.n_days + (N_LOOKS - 1) * SESSIONS_BETWEEN_LOOKS)
    n_changes = n_changed_years = 0
    for seed in range(n_years):
        history = sample(longer, np.random.default_rng([seed, 4]))
        first = history.entries.session.min()
        looks = []
        for look in range(N_LOOKS):
            start = first + look * SESSIONS_BETWEEN_LOOKS
            inside = (history.entries.session >= start) & (history.entries.session < start + WALK.n_days)
            looks.append(judged(history.only(inside), seed * N_LOOKS + look).is_change)
        n_changes += sum(looks)
        n_changed_years += any(looks)
    return share(n_changes, n_years * N_LOOKS), share(n_changed_years, n_years)


def _n(effort: Effort, n: int = 120) -> int:
    return 2 if effort is Effort.QUICK else n


GUARANTEES = (
    Guarantee(
        SECTION,
        "Exits: prices are a random walk, where no rule earns anything: a change is advised in",
        5.0,
        False,
        lambda effort: changes(WALK, _n(effort)),
        "%",
    ),
    Guarantee(
        SECTION,
        "Exits: the same with volatility in clusters: a change is advised in",
        5.0,
        False,
        lambda effort: changes(CLUSTERED, _n(effort)),
        "%",
    ),
    Guarantee(
        SECTION,
        "Exits: on random walks some setting of 212 has an adjusted p-value of 5 % or less in",
        7.5,
        False,
        lambda effort: beyond_chance(WALK, _n(effort)),
        "%",
        "The size of the inference it rests on is promised to 7.5 %; a change also has to hold on later days.",
    ),
    Guarantee(
        SECTION,
        "Exits: prices come back, the best setting truly earns 1.5 % a trade over what was done: a change is advised",
        75.0,
        True,
        lambda effort: changes(COMES_BACK, _n(effort, 80)),
        "%",
    ),
    Guarantee(
        SECTION,
        "Exits: there, the settings advised truly earn of the best possible gain",
        80.0,
        True,
        lambda effort: share_of_truth(COMES_BACK, _n(effort, 80)),
        "%",
    ),
    Guarantee(
        SECTION,
        "Sizes: all shares are alike in volatility: other sizes are advised in",
        5.0,
        False,
        lambda effort: sizes(lambda generator: held(ALIKE, generator), _n(effort)),
        "%",
    ),
    Guarantee(
        SECTION,
        "Sizes: volatilities differ fourfold and nothing caps losses: other sizes are advised in",
        90.0,
        True,
        lambda effort: sizes(lambda generator: held(UNLIKE, generator), _n(effort)),
        "%",
    ),
    Guarantee(
        SECTION,
        "Sizes: volatilities differ fourfold and a stop caps losses alike: other sizes, which would raise the worst "
        "losses, are advised in",
        5.0,
        False,
        lambda effort: sizes(lambda generator: sample(UNLIKE, generator), _n(effort)),
        "%",
    ),
)

POWER_CURVES = (
    PowerCurve(
        SECTION,
        "Exits: prices come back (0.03 is worth 1.0 % a trade to the best setting, 0.05 1.5 %): a change is advised",
        "share of its distance from the market that a share makes good each night",
        (0.01, 0.02, 0.03, 0.05, 0.08),
        lambda effect, effort: changes(World(reversion=effect), _n(effort, 60)),
    ),
)


def main() -> None:
    """Print what every world measures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulations", type=int, default=120)
    parser.add_argument("--year", type=int, default=0, help="years of looks at random walks")
    arguments = parser.parse_args()
    n = arguments.simulations
    if arguments.year:
        print("null year: per look, per year", *null_years(arguments.year), flush=True)  # noqa: T201
        return
    worlds = {"walk": WALK, "clustered": CLUSTERED, "comes back": COMES_BACK, "carries on": CARRIES_ON}
    for name, world in worlds.items():
        print(name, "change", changes(world, n), "max-T", beyond_chance(world, n), flush=True)  # noqa: T201
        print(name, "bootstrap", superior_by_bootstrap(world, n), "best, advised", truth(world, n), flush=True)  # noqa: T201
    for curve in POWER_CURVES:
        for effect in curve.effects:
            world = World(reversion=effect)
            print("reversion", effect, changes(world, 60), "best, advised", truth(world, 60), flush=True)  # noqa: T201
    for name, make in (
        ("held alike", lambda generator: held(ALIKE, generator)),
        ("held unlike", lambda generator: held(UNLIKE, generator)),
        ("stopped unlike", lambda generator: sample(UNLIKE, generator)),
        ("wide stop unlike", lambda generator: sample(UNLIKE, generator, rule=ExitRule(0.25, None, 30))),
    ):
        print("sizes", name, sizes(make, n), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
