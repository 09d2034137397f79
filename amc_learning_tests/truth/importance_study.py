"""Does purging matter, and does importance say what was planted and nothing more?

Worlds are made of scores that persist (AR(1), 0.98 from session to session) and of labels that overlap, like real ones.
Run by hand: `python -m amc_learning_tests.truth.importance_study`.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import polars as pl
from sklearn.model_selection import KFold
from sklearn.neighbors import KNeighborsRegressor

from amc_learning.learning.importance import ImportanceRules
from amc_learning.learning.importance.change import change_since
from amc_learning.learning.importance.estimates import importance_of
from amc_learning.learning.importance.fitted_means import NOTHING_CARRIED, fitted_mean_inferences
from amc_learning.learning.importance.noise import persistent_noise
from amc_learning.learning.importance.panel import NOISE, Panel, centred_ranks, ranked_panel
from amc_learning.learning.importance.rows import estimated_rows
from amc_learning.learning.splits import purged_folds
from amc_learning_tests.truth.guarantees import Effort, Guarantee, Measurement, share

SECTION = "Feature importance"
COMPONENTS = ("strong", "middling", "weak", "useless_1", "useless_2", "useless_3")
PLANTED = (0.12, 0.08, 0.04, 0.0, 0.0, 0.0)
"""Daily coefficients; those of real feeds are a fifth to a half of them, over three times as many days."""
NOTHING = (0.0,) * 6
PERSISTENCE = 0.98
N_NEIGHBOURS = 5


@dataclass(frozen=True)
class World:
    """Scores and returns of one simulated stretch of sessions: `scores` is components x days x names."""

    scores: np.ndarray
    returns: np.ndarray
    horizon: int
    number: int
    """Of the first symbol: no two worlds share one, so that each has noise of its own."""

    @property
    def entry_days(self) -> np.ndarray:
        """One session per calendar day: only their order and distance count."""
        return np.arange(len(self.returns), dtype=np.int64) + 15_000

    @property
    def matured_days(self) -> np.ndarray:
        return self.entry_days + self.horizon - 1

    def days(self, chosen: slice) -> Panel:
        """Some of the days as a panel, noise baseline included."""
        n_days, n_names = self.returns.shape
        names = np.tile(np.array([f"N{self.number + name}" for name in range(n_names)], dtype=object), n_days)
        noise = persistent_noise(names, np.repeat(self.entry_days, n_names)).reshape(n_days, n_names)
        scores = np.concatenate([self.scores, noise[np.newaxis]])[:, chosen]
        return ranked_panel(
            (*COMPONENTS, NOISE), scores, self.returns[chosen], self.entry_days[chosen], self.matured_days[chosen]
        )


def simulated(
    generator: np.random.Generator,
    *,
    effects: tuple[float, ...] = NOTHING,
    interaction: float = 0.0,
    n_days: int = 500,
    n_names: int = 50,
    horizon: int = 1,
) -> World:
    """Persistent scores, daily returns that follow them by `effects` and the product of the last two, labels summed."""
    shape = (len(effects), n_days + horizon, n_names)
    shocks = generator.standard_normal(shape)
    scores = np.empty(shape)
    scores[:, 0] = shocks[:, 0]
    for day in range(1, shape[1]):
        scores[:, day] = PERSISTENCE * scores[:, day - 1] + np.sqrt(1 - PERSISTENCE**2) * shocks[:, day]
    followed = np.einsum("j,jdn->dn", np.array(effects), scores) + interaction * scores[-1] * scores[-2]
    daily = generator.standard_normal(shape[1:]) + followed
    level = np.concatenate([np.zeros((1, n_names)), daily.cumsum(axis=0)])
    return World(
        scores[:, :n_days], level[horizon : horizon + n_days] - level[:n_days], horizon, int(generator.integers(10**12))
    )


def rules(horizon: int, n_shuffles: int = 5) -> ImportanceRules:
    return ImportanceRules(components=COMPONENTS, horizons={"h": horizon}, n_shuffles=n_shuffles)


# --- purging -----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=2)
def skills(n_worlds: int, horizon: int = 21) -> dict[str, np.ndarray]:
    """Mean daily rank coefficient out of sample where there is nothing to find, per way of splitting and world.

    The model is the plainest one that can remember: the mean label of the nearest rows by scores.
    """
    found: dict[str, list[float]] = {"shuffled": [], "contiguous": [], "purged": [], "purged_sees_skill": []}
    for world_number in range(n_worlds):
        world = simulated(np.random.default_rng((61, world_number)), n_days=150, n_names=30, horizon=horizon)
        n_days, n_names = world.returns.shape
        features = world.scores.reshape(len(world.scores), -1).T
        labels = centred_ranks(world.returns).ravel()
        entries, matured = (np.repeat(days, n_names) for days in (world.entry_days, world.matured_days))
        ways = {
            "shuffled": KFold(5, shuffle=True, random_state=0).split(features),
            "contiguous": KFold(5).split(features),
            "purged": ((fold.train, fold.test) for fold in purged_folds(entries, matured, n_folds=5, embargo_days=7)),
        }
        for way, folds in ways.items():
            predicted = np.empty(len(labels))
            for train, test in folds:
                model = KNeighborsRegressor(N_NEIGHBOURS).fit(features[train], labels[train])
                predicted[test] = model.predict(features[test])
            ranks, returns = centred_ranks(predicted.reshape(n_days, n_names)), centred_ranks(world.returns)
            daily = (ranks * returns).sum(axis=1) / np.sqrt((ranks**2).sum(axis=1) * (returns**2).sum(axis=1))
            found[way].append(float(daily.mean()))
            if way == "purged":
                inference = fitted_mean_inferences(
                    daily[:, np.newaxis], overlap_sessions=horizon, factor=NOTHING_CARRIED
                )
                found["purged_sees_skill"].append(float(inference.ci_low[0] > 0))
    return {way: np.array(values) for way, values in found.items()}


def mean_skill(way: str, effort: Effort) -> Measurement:
    values = skills(200 if effort is Effort.LONG else 4)[way]
    return Measurement(float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values))), len(values))


def purged_sees_skill(effort: Effort) -> Measurement:
    values = skills(200 if effort is Effort.LONG else 4)["purged_sees_skill"]
    return share(int(values.sum()), len(values))


# --- importance --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Judged:
    """What importance said of one world: estimates, intervals, one-sided p-values in the order of components."""

    estimates: np.ndarray
    ci_low: np.ndarray
    ci_high: np.ndarray
    p_values: np.ndarray
    change_p_values: np.ndarray


@lru_cache(maxsize=8)
def judged(
    effects: tuple[float, ...], interaction: float, horizon: int, n_worlds: int, seed: int
) -> tuple[Judged, ...]:
    """Importance in 500 days of each world, and its change once five days more have entered and left."""
    n_days = 500
    found = []
    for world_number in range(n_worlds):
        world = simulated(
            np.random.default_rng((seed, world_number)),
            effects=effects,
            interaction=interaction,
            n_days=n_days + 5,
            horizon=horizon,
        )
        ruled = rules(horizon)
        before, now = (world.days(slice(start, start + n_days)) for start in (0, 5))
        earlier = importance_of(before, overlap_sessions=horizon, rules=ruled)
        rows = estimated_rows("h", before, earlier, None, COMPONENTS).with_columns(
            window_days=pl.lit(ruled.window_days, pl.Int64)
        )
        falls = importance_of(now, overlap_sessions=horizon, rules=ruled).falls
        change = change_since(rows, "h", falls, now, overlap_sessions=horizon, rules=ruled)
        found.append(
            Judged(
                *(rows[name].to_numpy() for name in ("importance", "importance_ci_low", "importance_ci_high")),
                rows["p_value"].to_numpy(),
                np.full(len(COMPONENTS), np.nan) if change is None else change.p_value,
            )
        )
    return tuple(found)


def planted_worlds(effort: Effort) -> tuple[Judged, ...]:
    return judged(PLANTED, 0.0, 1, 60 if effort is Effort.LONG else 2, 62)


def null_worlds(horizon: int, effort: Effort) -> tuple[Judged, ...]:
    return judged(NOTHING, 0.0, horizon, 60 if effort is Effort.LONG else 2, 63)


def order_recovered(effort: Effort) -> Measurement:
    worlds = planted_worlds(effort)
    return share(sum(in_planted_order(world.estimates) for world in worlds), len(worlds))


def in_planted_order(estimates: np.ndarray) -> bool:
    return bool(estimates[0] > estimates[1] > estimates[2] > estimates[3:].max())


def useless_cleared(effort: Effort) -> Measurement:
    """Share of useless components beside useful ones that are not beyond noise."""
    p_values = np.array([world.p_values[3:] for world in planted_worlds(effort)])
    return clustered_share(p_values >= 0.05)


def intervals_hold(effort: Effort) -> Measurement:
    """Share of intervals that hold the mean importance over all worlds, useful components and useless ones."""
    worlds = planted_worlds(effort)
    truth = np.mean([world.estimates for world in worlds], axis=0)
    return clustered_share(np.array([(world.ci_low <= truth) & (truth <= world.ci_high) for world in worlds]))


def null_cleared(horizon: int, effort: Effort) -> Measurement:
    p_values = np.array([world.p_values for world in null_worlds(horizon, effort)])
    return clustered_share(p_values >= 0.05)


def change_cleared(effort: Effort) -> Measurement:
    n_worlds = 40 if effort is Effort.LONG else 1
    worlds = [*judged(NOTHING, 0.0, 5, n_worlds, 73), *judged(PLANTED, 0.0, 1, n_worlds, 72)]
    return clustered_share(np.array([world.change_p_values for world in worlds]) >= 0.05)


def interaction_found(effort: Effort) -> Measurement:
    """Share of worlds in which both components of a pure product are beyond noise."""
    worlds = judged(NOTHING, 0.08, 1, 40 if effort is Effort.LONG else 2, 64)
    return share(sum(bool((world.p_values[-2:] < 0.05).all()) for world in worlds), len(worlds))


def clustered_share(is_cleared: np.ndarray) -> Measurement:
    """A share in percent over components of many worlds; the standard error counts a world once."""
    per_world = 100 * is_cleared.mean(axis=1)
    error = max(float(per_world.std(ddof=1) / np.sqrt(len(per_world))), 100 / (is_cleared.size + 2))
    return Measurement(float(per_world.mean()), round(error, 3), len(per_world))


GUARANTEES: tuple[Guarantee, ...] = (
    Guarantee(
        "Splits",
        "Nothing to find, 21-session labels, persistent scores: skill (mean daily coefficient) that shuffled K-fold "
        "reports",
        0.20,
        True,
        lambda effort: mean_skill("shuffled", effort),
    ),
    Guarantee(
        "Splits",
        "The same without purging, by contiguous K-fold",
        0.03,
        True,
        lambda effort: mean_skill("contiguous", effort),
    ),
    Guarantee(
        "Splits",
        "The same by our purged, embargoed folds",
        0.005,
        False,
        lambda effort: mean_skill("purged", effort),
    ),
    Guarantee(
        "Splits",
        "Worlds with nothing to find in which the 95 % interval of our skill lies above 0",
        5.0,
        False,
        purged_sees_skill,
        "%",
    ),
    Guarantee(
        SECTION,
        "Planted coefficients 0.12, 0.08, 0.04 and three of 0 over 500 days of 50: importance in that order",
        90.0,
        True,
        order_recovered,
        "%",
    ),
    Guarantee(
        SECTION,
        "Useless components beside those: not beyond noise (p at or above 5 %)",
        95.0,
        True,
        useless_cleared,
        "%",
    ),
    Guarantee(
        SECTION, "95 % intervals there: hold the mean importance over all worlds", 95.0, True, intervals_hold, "%"
    ),
    *(
        Guarantee(
            SECTION,
            f"Nothing planted, {horizon}-session labels: components not beyond noise",
            95.0,
            True,
            lambda effort, horizon=horizon: null_cleared(horizon, effort),  # type: ignore[misc]
            "%",
        )
        for horizon in (1, 5, 21)
    ),
    Guarantee(
        SECTION,
        "Two components that act only through their product (0.08; by themselves 0): both beyond noise",
        90.0,
        True,
        interaction_found,
        "%",
    ),
    Guarantee(
        SECTION,
        "Five of 500 days replaced and nothing changed: changes not beyond noise (p at or above 5 %)",
        95.0,
        True,
        change_cleared,
        "%",
    ),
)


if __name__ == "__main__":
    for guarantee in GUARANTEES:
        measured = guarantee.measure(Effort.LONG)
        print(guarantee.statement, measured, guarantee.verdict(measured), flush=True)  # noqa: T201
