"""Are planted switches of volatility found in time, do labels survive refitting, and do multipliers stay 1 on noise?

Run by hand (`python -m amc_learning_tests.truth.regime_study switches|multipliers`); prints one line per world.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from itertools import pairwise
from time import perf_counter
from typing import Any

import numpy as np
import polars as pl

from amc_learning.learning.regimes import (
    fit_regime_models,
    market_regimes,
    regime_multipliers,
    regime_performance,
    regime_reviews,
    review_day,
)
from amc_learning.learning.regimes.models import CALM, TURBULENT
from amc_learning_tests.truth.guarantees import Effort, Guarantee, Measurement, PowerCurve, exact, share

START = date(2004, 1, 5)
SESSIONS_PER_YEAR = 252

NO_CANDIDATES = pl.DataFrame(
    schema={
        "known_on": pl.Date,
        "decision_id": pl.String,
        "symbol": pl.String,
        "is_selected": pl.Boolean,
        "is_late": pl.Boolean,
        "decided_at": pl.Datetime("us", "UTC"),
        "total_score": pl.Float64,
    }
)


def weekdays(count: int) -> list[date]:
    """The first weekdays from a Monday on."""
    return [START + timedelta(days=7 * (at // 5) + at % 5) for at in range(count)]


@dataclass(frozen=True)
class SwitchingWorld:
    """Returns with two annualised volatilities and drifts; three years of history, then calm, turbulent, calm again.

    The history switches by chance (calm spells of 100 sessions, turbulent ones of 50, the first year holding both);
    then follow 60 calm, 60 turbulent and 60 calm sessions: two planted switches whose dates are known.
    """

    calm_volatility: float = 0.12
    turbulent_volatility: float = 0.40
    degrees_of_freedom: float = np.inf
    history: int = 756
    spell: int = 60

    def simulate(self, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Log returns and whether each session is turbulent."""
        is_turbulent = [False]
        while len(is_turbulent) < self.history:
            leaves = generator.random() < (1 / 50 if is_turbulent[-1] else 1 / 100)
            # History as a young system has it: both kinds of market within its first year.
            is_turbulent.append(is_turbulent[-1] ^ bool(leaves) if len(is_turbulent) != 120 else True)
        planted = np.repeat([False, True, False], self.spell)
        state = np.concatenate([is_turbulent, planted])
        volatility = np.where(state, self.turbulent_volatility, self.calm_volatility) / np.sqrt(SESSIONS_PER_YEAR)
        drift = np.where(state, -0.0010, 0.0006)
        if np.isinf(self.degrees_of_freedom):
            shocks = generator.standard_normal(len(state))
        else:
            freedom = self.degrees_of_freedom
            shocks = generator.standard_t(freedom, len(state)) * np.sqrt((freedom - 2) / freedom)
        return drift + volatility * shocks, state


def labels(returns: np.ndarray, *, first: int = 0) -> list[str | None]:
    """Our label of each session from the first asked for on, read night after night with a refit every quarter."""
    days = weekdays(len(returns) + 1)
    closes = pl.DataFrame(
        {"known_on": days, "series": "sp500", "close_points": 1000 * np.exp(np.concatenate([[0], np.cumsum(returns)]))}
    )
    nights = days[1 + first :]
    models = fit_regime_models(closes, as_of=nights)
    read = market_regimes(closes, models, NO_CANDIDATES, as_of=nights)
    return read.filter(basis="index").sort("known_on")["regime"].to_list()


def switch_delays(world: SwitchingWorld, generator: np.random.Generator) -> tuple[int, int, float]:
    """Sessions until the planted onset and end are labelled (their first session is 1), and share labelled right."""
    returns, state = world.simulate(generator)
    # Sixty sessions before the first planted switch is enough for a first fit and a settled label.
    found = labels(returns, first=world.history)

    def delay(first: int, regime: str) -> int:
        after = found[first : first + world.spell]
        return after.index(regime) + 1 if regime in after else world.spell + 1

    names = np.where(state, TURBULENT, CALM)[world.history :]
    read = [(name, label) for name, label in zip(names, found, strict=True) if label is not None]
    onset = world.spell
    return (
        delay(onset, TURBULENT),
        delay(onset + world.spell, CALM),
        float(np.mean([name == label for name, label in read])),
    )


def report_switches(n_simulations: int) -> None:
    """Share of planted switches found within 10 sessions, per world."""
    for world in (
        SwitchingWorld(),
        SwitchingWorld(turbulent_volatility=0.36),
        SwitchingWorld(turbulent_volatility=0.30),
        SwitchingWorld(degrees_of_freedom=5),
    ):
        generator = np.random.default_rng(0)
        delays = np.array([switch_delays(world, generator) for _ in range(n_simulations)])
        within = (delays[:, :2] <= 10).mean(axis=0)
        print(  # noqa: T201
            world,
            f"onset within 10: {within[0]:.3f}, end within 10: {within[1]:.3f}, both together {within.mean():.3f}, "
            f"median delays {np.median(delays[:, :2], axis=0)}, sessions labelled right {delays[:, 2].mean():.3f}",
            flush=True,
        )
    generator = np.random.default_rng(1)
    steady = [labels(0.0004 + 0.01 * generator.standard_normal(1200), first=300) for _ in range(n_simulations)]
    changes = [sum(a != b for a, b in pairwise(it) if a and b) for it in steady]
    share = np.mean([label is not None for it in steady for label in it])
    yearly = np.mean(changes) / (900 / SESSIONS_PER_YEAR)
    print(f"no switch at all: labelled {share:.3f} of sessions, {yearly:.2f} changes a year")  # noqa: T201


COMPONENTS = tuple(f"component_{at}" for at in range(6))


@dataclass(frozen=True)
class CoefficientWorld:
    """Daily coefficients of six components, correlated 0.3, over years of calm and turbulent spells.

    `difference` is what the first component's mean gains in calm markets, and loses in turbulent ones.
    `memory` is the autocorrelation of the coefficients from day to day.
    """

    mean: float = 0.02
    difference: float = 0.0
    deviation: float = 0.15
    turbulent_deviation: float = 0.20
    memory: float = 0.0
    years_before: int = 3
    calm_spell: int = 120
    turbulent_spell: int = 60

    def simulate(self, generator: np.random.Generator) -> tuple[pl.DataFrame, pl.DataFrame, list[date]]:
        """Daily statistics, regimes, and the review days of the last year."""
        n_days = SESSIONS_PER_YEAR * (self.years_before + 1)
        days = weekdays(n_days + 2)
        state = [False]
        while len(state) < n_days:
            state.append(
                state[-1] ^ bool(generator.random() < 1 / (self.turbulent_spell if state[-1] else self.calm_spell))
            )
        is_turbulent = np.array(state)
        shocks = generator.standard_normal((n_days, 6)) @ np.linalg.cholesky(0.3 + 0.7 * np.eye(6)).T
        for day in range(1, n_days if self.memory else 1):
            shocks[day] = self.memory * shocks[day - 1] + np.sqrt(1 - self.memory**2) * shocks[day]
        spread = np.where(is_turbulent, self.turbulent_deviation, self.deviation)[:, None]
        coefficients = self.mean + spread * shocks
        coefficients[:, 0] += self.difference * np.where(is_turbulent, -1, 1)
        regimes = pl.DataFrame(
            {"known_on": days[:n_days], "basis": "index", "regime": np.where(is_turbulent, TURBULENT, CALM)}
        )
        # Entered on the session after the regime was read, known on that session's close.
        statistics = pl.DataFrame(
            {
                "known_on": np.repeat(np.array(days[1 : n_days + 1], dtype="datetime64[D]"), 6),
                "feature": list(COMPONENTS) * n_days,
                "information_coefficient": np.tanh(coefficients).ravel(),
            }
        ).with_columns(
            entry_date="known_on",
            horizon=pl.lit("1d"),
            population=pl.lit("selected"),
            scope=pl.lit("all"),
            n_pairs=pl.lit(50),
            n_winners=pl.lit(1),
            sum_return_micro=pl.lit(0),
        )
        reviews = sorted({review_day(day) for day in days[n_days - SESSIONS_PER_YEAR :]})
        return statistics, regimes, reviews


def performance_of(
    statistics: pl.DataFrame, regimes: pl.DataFrame, as_of: Sequence[date], **asked: Any
) -> pl.DataFrame:
    """Table regime_performance of these nights, with the reviews of their months made first."""
    reviews = regime_reviews(statistics, regimes, reviewed_on=sorted({review_day(day) for day in as_of}), **asked)
    return regime_performance(reviews, regimes, as_of=as_of)


def yearly_multipliers(world: CoefficientWorld, generator: np.random.Generator) -> np.ndarray:
    """Multiplier of each component in either regime at each review of a year, shape (reviews, 2, 6)."""
    statistics, regimes, reviews = world.simulate(generator)
    performance = performance_of(
        statistics, regimes, reviews, horizons={"1d": 1}, features=(*COMPONENTS, "total_score")
    )
    nights = performance.partition_by("known_on", maintain_order=True)
    return np.array(
        [
            [list(regime_multipliers(night, components=COMPONENTS, regime=name).values()) for name in (CALM, TURBULENT)]
            for night in nights
        ]
    )


def report_multipliers(n_simulations: int) -> None:
    """Chance that any multiplier leaves 1 in a year of noise; chance and size where one should."""
    noise = CoefficientWorld()
    for world in (
        noise,
        replace(noise, mean=0.0),
        replace(noise, years_before=0),
        replace(noise, years_before=1),
        replace(noise, memory=0.2),
        replace(noise, calm_spell=250, turbulent_spell=100),
        replace(noise, difference=0.02),
        replace(noise, difference=0.03),
        replace(noise, difference=0.04),
    ):
        generator = np.random.default_rng(0)
        found = [yearly_multipliers(world, generator) for _ in range(n_simulations)]
        ever = np.mean([(year != 1).any() for year in found])
        others = np.mean([(year[:, :, 1:] != 1).any() for year in found])
        last = np.array([year[-1, :, 0] for year in found])
        print(  # noqa: T201
            world,
            f"ever not 1 in a year: any {ever:.4f}, of the five without a difference {others:.4f}; the first at the "
            f"year's end: not 1 in {(last != 1).any(axis=1).mean():.3f}, mean calm {last[:, 0].mean():.2f}, "
            f"turbulent {last[:, 1].mean():.2f}",
            flush=True,
        )


@cache
def delays_of(world: SwitchingWorld, n: int) -> np.ndarray:
    """Sessions until onset and end are labelled, per simulation; shape (n, 2)."""
    generator = np.random.default_rng(0)
    return np.array([switch_delays(world, generator)[:2] for _ in range(n)])


def found_within_10(
    world: SwitchingWorld, effort: Effort, *, side: int | None = None, n_long: int = 200
) -> Measurement:
    """Per cent of planted onsets (0), ends (1) or both together that are labelled within ten sessions."""
    found = delays_of(world, 2 if effort is Effort.QUICK else n_long)
    chosen = found if side is None else found[:, [side]]
    return share(int((chosen <= 10).sum()), chosen.size)


def labels_changed_by_the_future(effort: Effort) -> Measurement:
    """Labels of past days that differ when another future follows: other closes and other candidates from a day on."""
    n, n_changed, n_labels = (1, 0, 0) if effort is Effort.QUICK else (15, 0, 0)
    for seed in range(n):
        generator = np.random.default_rng([seed, 3])
        returns, _ = SwitchingWorld(history=300, spell=40).simulate(generator)
        days = weekdays(len(returns) + 1)
        closes = pl.DataFrame(
            {"known_on": days, "series": "sp500", "close_points": 1000 * np.exp([0, *returns.cumsum()])}
        )
        candidates = _candidates(days, generator)
        cut = days[int(generator.integers(330, len(days) - 20))]
        is_future = pl.col("known_on") > cut
        other_closes = closes.with_columns(
            close_points=pl.when(is_future)
            .then(pl.col("close_points") * generator.uniform(0.5, 2.0, len(days)))
            .otherwise("close_points")
        )
        others = candidates.with_columns(total_score=pl.when(is_future).then(1.0).otherwise("total_score"))
        before, after = (
            _read(days[260:], *world).filter(~is_future) for world in ((closes, candidates), (other_closes, others))
        )
        n_changed += int((before["regime"].ne_missing(after["regime"])).sum())
        n_labels += before["regime"].len() - before["regime"].null_count()
    return exact(n_changed, n_labels)


def _candidates(days: list[date], generator: np.random.Generator) -> pl.DataFrame:
    """Ten candidates a day."""
    rows = len(days) * 10
    return pl.DataFrame(
        {
            "known_on": np.repeat(np.array(days, dtype="datetime64[D]"), 10),
            "decision_id": [f"d{at}" for at in range(rows)],
            "symbol": [f"S{at % 10}" for at in range(rows)],
            "is_selected": True,
            "is_late": False,
            "total_score": generator.normal(60, 8, rows),
            "squeeze": generator.normal(50, 10, rows),
        }
    ).with_columns(
        decided_at=pl.col("known_on").cast(pl.Datetime("us")).dt.replace_time_zone("UTC") + timedelta(hours=21)
    )


def _read(nights: list[date], closes: pl.DataFrame, candidates: pl.DataFrame) -> pl.DataFrame:
    models = fit_regime_models(closes, as_of=nights)
    return market_regimes(closes, models, candidates, as_of=nights).sort("known_on", "basis")


def multipliers_on_noise(effort: Effort) -> Measurement:
    """Per cent of years in which any multiplier of either regime leaves 1, where regimes make no difference."""
    n, generator = 5 if effort is Effort.QUICK else 500, np.random.default_rng(0)
    return share(sum(bool((yearly_multipliers(CoefficientWorld(), generator) != 1).any()) for _ in range(n)), n)


def multipliers_where_due(difference: float, effort: Effort) -> Measurement:
    """Per cent of years at whose end the multiplier of a component that differs by regime is not 1."""
    n, generator = 2 if effort is Effort.QUICK else 60, np.random.default_rng(0)
    world = CoefficientWorld(difference=difference)
    return share(sum(bool((yearly_multipliers(world, generator)[-1, :, 0] != 1).any()) for _ in range(n)), n)


SECTION = "Market regimes"
_HEAVY_TAILS = (
    "With tails as heavy as Student's t with 5 degrees of freedom a calm market has days that look turbulent, and the "
    "rule waits for a probability of 0.9."
)

GUARANTEES: tuple[Guarantee, ...] = (
    Guarantee(
        SECTION,
        "Other closes and candidates from a day on: labels of that day and before, index and discovery, that change",
        0.0,
        False,
        labels_changed_by_the_future,
    ),
    *(
        Guarantee(
            SECTION,
            f"Planted {what} of turbulence (40 against 12 % annualised volatility{tails}): labelled within 10 sessions "
            "in",
            90.0,
            True,
            lambda effort, world=world, side=side, n=n: found_within_10(world, effort, side=side, n_long=n),
            "%",
            _HEAVY_TAILS if tails else "",
        )
        for world, tails, n in (
            (SwitchingWorld(), "", 200),
            (SwitchingWorld(degrees_of_freedom=5), ", heavy tails", 60),
        )
        for side, what in enumerate(("onset", "end"))
    ),
    Guarantee(
        SECTION,
        "Year in which regimes make no difference to six components: some multiplier leaves 1 in",
        2.0,
        False,
        multipliers_on_noise,
        "%",
    ),
)

POWER_CURVES: tuple[PowerCurve, ...] = (
    PowerCurve(
        SECTION,
        "Onsets and ends of turbulence labelled within 10 sessions, calm 12 % annualised",
        "turbulent volatility, per cent annualised",
        (24.0, 30.0, 36.0, 50.0),
        lambda effect, effort: found_within_10(SwitchingWorld(turbulent_volatility=effect / 100), effort, n_long=30),
    ),
    PowerCurve(
        SECTION,
        "Multiplier of a component that is better in calm and worse in turbulent markets leaves 1 within a fourth year",
        "difference of its coefficient from its mean, in either regime",
        (0.02, 0.03, 0.04, 0.06),
        multipliers_where_due,
    ),
)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("switches", "multipliers"))
    parser.add_argument("--simulations", type=int, default=200)
    chosen = parser.parse_args()
    began = perf_counter()
    (report_switches if chosen.what == "switches" else report_multipliers)(chosen.simulations)
    print(f"{perf_counter() - began:.0f} s")  # noqa: T201
