"""Simulated markets of which only the best by total score and some controls are seen, and what the night says of them.

Belongs here: the worlds, what is shown of them, the night's estimates, and the truth, from the rules in closed form and
from every scored symbol. Not here: what is concluded over many of them (selection_study.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import rankdata

from amc_learning.contracts.tables import TOTAL_SCORE
from amc_learning.learning.correlation import correlation_tables
from amc_learning.learning.daily_statistics import daily_statistics
from amc_learning.learning.selection import selection_effects
from amc_learning.simulation.discovery import ranking
from amc_learning.simulation.effects import loadings
from amc_learning.simulation.rules import MarketRules
from amc_learning.simulation.scores import latent_scores, missing_scores, return_shocks, shown_scores, total_scores
from amc_learning.simulation.truths import CorrelatedComponents, correlation_matrix

Vector = NDArray[np.float64]

HORIZONS = {"1d": 1, "7d": 5}
VOLATILITY, MARKET_VOLATILITY = 0.02, 0.01
"""Standard deviations of a symbol's own session and of the session common to all, as fractions."""

LEADING, WEAK, USELESS, WRONG_SIGN, BORROWED = "volume_momentum", "squeeze", "catalyst", "sentiment", "technical"
PLANTED: Mapping[str, float] = {LEADING: 0.12, WEAK: 0.01, WRONG_SIGN: -0.08}
"""What leads the total score works; a second large component works a little; one works the wrong way round."""

FOLLOWS = (CorrelatedComponents(one=LEADING, other=BORROWED, correlation=0.5),)
"""One component has no effect of its own and borrows that of the leading one."""


@dataclass(frozen=True)
class World:
    """A market of which discovery shows the best by total score, and controls."""

    name: str
    planted: tuple[tuple[str, float], ...] = tuple(PLANTED.items())
    correlated: tuple[CorrelatedComponents, ...] = FOLLOWS
    n_days: int = 125
    n_symbols: int = 240
    n_selected: int = 50
    n_controls: int = 50

    def rules(self, seed: int) -> MarketRules:
        """The rules of the market, which say everything but the controls drawn here."""
        return MarketRules(
            seed=seed,
            first_session=date(2012, 1, 2),
            n_sessions=self.n_days,
            n_symbols=self.n_symbols,
            component_information_coefficients=dict(self.planted),
            correlated_components=self.correlated,
        )

    @property
    def features(self) -> tuple[str, ...]:
        """Components and total score."""
        return (*self.rules(0).components, TOTAL_SCORE)

    @property
    def days(self) -> list[date]:
        """One weekday per session."""
        return [date(2012, 1, 2) + timedelta(days=7 * (day // 5) + day % 5) for day in range(self.n_days)]


SELECTION = World("selection")
LARGE = World("one of seventeen selected", n_symbols=861)
NULL = World("null", planted=(), correlated=())


@dataclass(frozen=True)
class Universe:
    """Every scored symbol: `scores` is (features, days, symbols), NaN where missing; returns (days, symbols)."""

    scores: Vector
    returns: Mapping[str, Vector]


def simulated_universe(world: World, seed: int) -> Universe:
    """Scores of every session, and the return from the next session on over each horizon."""
    rules, longest = world.rules(seed), max(HORIZONS.values())
    latent = latent_scores(rules, n_sessions=world.n_days + longest)
    shocks = VOLATILITY * return_shocks(rules, latent)
    shocks += MARKET_VOLATILITY * np.random.default_rng([seed, 1]).standard_normal((len(shocks), 1))
    shown = shown_scores(latent)[:, : world.n_days]
    is_missing = missing_scores(rules, n_sessions=world.n_days)
    total = total_scores(rules, shown, is_missing)
    level = np.vstack([np.zeros(world.n_symbols), np.cumsum(shocks, axis=0)])
    returns = {
        horizon: level[1 + sessions : 1 + sessions + world.n_days] - level[1 : 1 + world.n_days]
        for horizon, sessions in HORIZONS.items()
    }
    return Universe(np.concatenate([np.where(is_missing, np.nan, shown), total[None]]), returns)


def shown_decisions(world: World, universe: Universe, generator: np.random.Generator) -> pl.DataFrame:
    """What discovery sends of the universe, joined with its outcomes: table feature_outcomes."""
    places = []
    for total in universe.scores[-1]:
        ranked = ranking(total)
        unselected = generator.permutation(ranked[world.n_selected :])
        places.append(np.concatenate([ranked[: world.n_selected], unselected[: world.n_controls]]))
    rows = np.array(places)
    n_rows = rows.shape[1]
    scores = {
        feature: pl.Series(np.take_along_axis(values, rows, axis=1).ravel()).fill_nan(None)
        for feature, values in zip(world.features, universe.scores, strict=True)
    }
    days = pl.Series(np.repeat(np.array(world.days, dtype="datetime64[D]"), n_rows))
    one = pl.DataFrame(
        {
            "known_on": days,
            "entry_date": days,
            "decision_id": [f"{place:07d}" for place in range(rows.size)],
            "is_selected": np.tile(np.arange(n_rows) < world.n_selected, len(rows)),
            **scores,
        }
    ).with_columns(
        is_in_cross_section=pl.lit(True), action_tag=pl.lit(None, pl.String), n_universe=pl.lit(world.n_symbols)
    )
    joined = [
        one.with_columns(
            horizon=pl.lit(horizon), forward_return=pl.Series(np.take_along_axis(returns, rows, axis=1).ravel())
        )
        for horizon, returns in universe.returns.items()
    ]
    return pl.concat(joined).with_columns(
        is_winner=pl.col("forward_return") >= 0.25, is_loser=pl.col("forward_return") <= -0.10
    )


@dataclass(frozen=True)
class Estimates:
    """What the night says of one simulated feed, and what holds for every symbol of it.

    `coefficients` is (features, [mean, ci_low, ci_high, p_value]) by population and horizon, `lift` the same four
    numbers by horizon; `of_everyone` and `lift_of_everyone` are over all scored symbols.
    """

    coefficients: Mapping[tuple[str, str], Vector]
    lift: Mapping[str, Vector]
    of_everyone: Mapping[str, Vector]
    lift_of_everyone: Mapping[str, float]


@cache
def estimates(world: World, seed: int) -> Estimates:
    """Simulate a market and let the night estimate from what discovery shows of it."""
    universe = simulated_universe(world, seed)
    decisions = shown_decisions(world, universe, np.random.default_rng([seed, world.n_controls]))
    statistics = daily_statistics(decisions, components=world.features[:-1])
    nights, window_days = world.days[-1:], 2 * world.n_days
    table = correlation_tables(
        statistics, as_of=nights, window_days=window_days, horizons=HORIZONS, features=world.features
    )
    columns = ("mean_information_coefficient", "ci_low", "ci_high", "p_value")
    coefficients = {}
    for population in table["population"].unique():
        for horizon in HORIZONS:
            found = {row["feature"]: row for row in table.filter(population=population, horizon=horizon).to_dicts()}
            rows = [[found[feature][name] for name in columns] for feature in world.features]
            coefficients[population, horizon] = np.array(rows, dtype=float)
    effects = selection_effects(statistics, as_of=nights, window_days=window_days, horizons=HORIZONS)
    lift = {
        row["horizon"]: np.array([row[name] for name in ("mean_lift", *columns[1:])], dtype=float)
        for row in effects.to_dicts()
    }
    return Estimates(coefficients, lift, *_of_everyone(replace(world, n_controls=0), seed))


@cache
def _of_everyone(world: World, seed: int) -> tuple[dict[str, Vector], dict[str, float]]:
    """Mean daily coefficients and lift over every scored symbol, by horizon; the controls drawn change nothing."""
    universe = simulated_universe(world, seed)
    coefficients, lifts = {}, {}
    for horizon, returns in universe.returns.items():
        daily = [
            [_rank_correlation(scores[day], returns[day]) for scores in universe.scores] for day in range(world.n_days)
        ]
        coefficients[horizon] = np.mean(daily, axis=0)
        ordered = np.array([returns[day, ranking(universe.scores[-1, day])] for day in range(world.n_days)])
        lifts[horizon] = float((ordered[:, : world.n_selected].mean(1) - ordered[:, world.n_selected :].mean(1)).mean())
    return coefficients, lifts


def _rank_correlation(scores: Vector, returns: Vector) -> float:
    is_scored = ~np.isnan(scores)
    return float(np.corrcoef(rankdata(scores[is_scored]), rankdata(returns[is_scored]))[0, 1])


def true_coefficients(world: World, sessions: int) -> Vector:
    """Population rank correlation of every component with the return over the next sessions, in closed form.

    Scores z and shocks are jointly normal. The shock of session t + 1 + k is b'z of session t + k plus noise, and
    scores have autocorrelation phi^k, so the covariance of z with the sum of h shocks is R b (1 + phi + ... +
    phi^(h-1)), and the variance of the sum h + 2 b'Rb sum over k < l of phi^(l-k). Spearman's coefficient is
    6 / pi arcsin(r / 2).
    """
    rules = world.rules(0)
    matrix = correlation_matrix(rules.components, rules.correlated_components)
    slopes, phi = loadings(rules)[:, 0], rules.score_persistence
    lags = np.arange(1, sessions)
    variance = sessions + 2 * (slopes @ matrix @ slopes) * ((sessions - lags) * phi**lags).sum()
    correlation = matrix @ slopes * (phi ** np.arange(sessions)).sum() / np.sqrt(variance)
    coefficients: Vector = 6 / np.pi * np.arcsin(correlation / 2)
    return coefficients


def many(world: World, simulations: int) -> list[Estimates]:
    """Estimates of independent markets."""
    return [estimates(world, seed) for seed in range(simulations)]
