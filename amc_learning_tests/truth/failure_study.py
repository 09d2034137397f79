"""How often are planted failure modes found, and how often is something found where there is nothing?

Run by hand (`python -m amc_learning_tests.truth.failure_study --simulations 200`); prints one line per world.
What is promised is in failure_guarantees.py.
"""

import argparse
import time
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import polars as pl
from scipy.special import ndtr

from amc_learning.contracts.declared.failures import failure_cases
from amc_learning.learning.failures import FailureRules, failure_patterns
from amc_learning.learning.failures.blocks import Scorer, count_moments, exact_tail

RULES = FailureRules()

LEVELS = {
    "trade": {
        "action_tag": 3,
        "dominant_component": 6,
        "market_regime": 4,
        "discovery_regime": 3,
        "recommendation": 4,
        "source": 2,
        "confidence_band": 4,
        "price_band": 4,
    },
    "thesis": {
        "dominant_component": 6,
        "market_regime": 4,
        "discovery_regime": 3,
        "recommendation": 4,
        "source": 2,
        "confidence_band": 2,
        "price_band": 4,
        "sector": 8,
    },
    "candidate": {
        "action_tag": 2,
        "dominant_component": 6,
        "market_regime": 4,
        "discovery_regime": 3,
        "price_band": 4,
        "sector": 8,
    },
}
REGIME_SESSIONS = 20


@dataclass(frozen=True)
class World:
    """Cases of one kind whose labels depend on nothing but the day, and on a planted pattern."""

    name: str
    kind: str = "trade"
    n_days: int = 66
    cases_per_day: int = 5
    base: float = 0.15
    day_correlation: float = 0.0
    day_persistence: float = 0.0
    attribute_day_share: float = 0.0
    planted_rate: float | None = None
    n_planted: int = 0
    planted_days: int = 21
    repeats: int = 1
    recent_base: float | None = None
    rule_rates: tuple[float, ...] = ()


def weekdays(n_days: int) -> list[date]:
    return [date(2010, 1, 4) + timedelta(days=7 * (i // 5) + i % 5) for i in range(n_days)]


def simulated(world: World, generator: np.random.Generator) -> pl.DataFrame:
    """Cases of a world; `repeats` consecutive days carry the same symbol, attributes and nearly the same outcome."""
    days = weekdays(world.n_days)
    n_episodes = world.n_days * world.cases_per_day // world.repeats
    start = (
        np.sort(generator.integers(0, world.n_days, n_episodes))
        if world.repeats > 1
        else np.repeat(np.arange(world.n_days), world.cases_per_day)
    )
    day = (start[:, None] + np.arange(world.repeats)).ravel()
    episode = np.repeat(np.arange(len(start)), world.repeats)
    shock = np.empty(world.n_days + world.repeats)
    shock[0] = generator.standard_normal()
    fresh = np.sqrt(1 - world.day_persistence**2)
    for i in range(1, len(shock)):
        shock[i] = world.day_persistence * shock[i - 1] + fresh * generator.standard_normal()
    own = generator.standard_normal(len(start))[episode]
    latent = np.sqrt(world.day_correlation) * shock[day] + np.sqrt(1 - world.day_correlation) * own
    recent_base = world.base if world.recent_base is None else world.recent_base
    failed = ndtr(latent) < np.where(day >= world.n_days - 21, recent_base, world.base)
    kept = day < world.n_days
    values: dict[str, np.ndarray] = {}
    for name, levels in LEVELS[world.kind].items():
        chosen = generator.integers(0, levels, len(start))[episode]
        if name.endswith("regime"):
            chosen = generator.integers(0, levels, 1 + len(shock) // REGIME_SESSIONS)[day // REGIME_SESSIONS]
        elif world.attribute_day_share:
            of_day = generator.integers(0, levels, len(shock))[day]
            chosen = np.where(generator.random(len(day)) < world.attribute_day_share, of_day, chosen)
        values[name] = chosen
    if world.rule_rates:
        # The same news makes buying fail and selling right.
        side = np.where(values["recommendation"] < len(world.rule_rates) // 2, 1.0, -1.0)
        latent = side * np.sqrt(world.day_correlation) * shock[day] + np.sqrt(1 - world.day_correlation) * own
        failed = ndtr(latent) < np.array(world.rule_rates)[values["recommendation"]]
    cases = pl.DataFrame(
        {
            "known_on": [days[i] for i in day[kept]],
            "case_id": [f"{i:06d}" for i in np.flatnonzero(kept)],
            "symbol": [f"S{i}" for i in episode[kept]],
            "is_failure": failed[kept],
            "outcome_return": np.where(failed, -0.15, 0.02)[kept],
            **{name: [f"v{value}" for value in chosen[kept]] for name, chosen in values.items()},
        }
    ).with_columns(kind=pl.lit(world.kind))
    planted = _planted(world, cases, generator)
    absent = [pl.lit(None).alias(name) for name in failure_cases().column_names if name not in cases.columns]
    return planted.with_columns(absent).select(
        pl.col(name).cast(dtype) for name, dtype in failure_cases().schema.items()
    )


def _planted(world: World, cases: pl.DataFrame, generator: np.random.Generator) -> pl.DataFrame:
    """`n_planted` cases of the last days become source=ai & recommendation=BUY_MORE and fail at the planted rate.

    No other case has both values, so the pattern has exactly `n_planted` cases.
    """
    if world.planted_rate is None:
        return cases
    source = generator.choice(["ai", "rule_based"], cases.height)
    recommendation = generator.choice(["BUY_MORE", "HOLD", "TRIM", "LIQUIDATE"], cases.height)
    source = np.where((source == "ai") & (recommendation == "BUY_MORE"), "rule_based", source)
    last = np.array(weekdays(world.n_days)[-world.planted_days :])
    recent = np.flatnonzero(np.isin(cases["known_on"].to_numpy(), last.astype("datetime64[D]")))
    chosen = generator.choice(recent, world.n_planted, replace=False)
    failed = cases["is_failure"].to_numpy().copy()
    source[chosen], recommendation[chosen] = "ai", "BUY_MORE"
    failed[chosen] = generator.random(world.n_planted) < world.planted_rate
    return cases.with_columns(
        source=pl.Series(source),
        recommendation=pl.Series(recommendation),
        is_failure=pl.Series(failed),
        outcome_return=pl.Series(np.where(failed, -0.15, 0.02)),
    )


PLANTED = "source=ai & recommendation=BUY_MORE"


def power(world: World, n_simulations: int) -> dict[str, float]:
    """Share of simulations in which the planted pattern is systematic, and high or critical; other flags per run."""
    found = grave = critical = others = 0
    night = weekdays(world.n_days)[-1]
    for seed in range(n_simulations):
        cases = simulated(world, np.random.default_rng([seed, 1]))
        flags = failure_patterns(cases, as_of=[night], rules=RULES).filter(pl.col("status") == "systematic")
        # A value of the planted pair is the same failure told less precisely.
        hit = flags.filter(pl.col("pattern").is_in([PLANTED, *PLANTED.split(" & ")]))
        found += PLANTED in flags["pattern"]
        grave += hit["severity"].is_in(["high", "critical"]).any()
        critical += (hit["severity"] == "critical").any()
        others += flags.height - hit.height
    counts = {"found": found, "high_or_critical": grave, "critical": critical, "other_flags": others}
    return {name: value / n_simulations for name, value in counts.items()}


def null_flags(world: World, n_simulations: int) -> tuple[float, float, float]:
    """Flags per run, its standard error, and the share of runs with any, on the last night of null worlds."""
    night = weekdays(world.n_days)[-1]
    flags = np.array(
        [
            (
                failure_patterns(simulated(world, np.random.default_rng([seed, 2])), as_of=[night], rules=RULES)[
                    "status"
                ]
                == "systematic"
            ).sum()
            for seed in range(n_simulations)
        ],
        float,
    )
    return float(flags.mean()), float(flags.std() / np.sqrt(n_simulations)), float((flags > 0).mean())


def null_year(worlds: list[World], n_years: int, *, n_nights: int = 252) -> tuple[float, float, int, int]:
    """Years of so many nights over three kinds: flags per night, its s.e., years with high or critical, years."""
    rates, grave = [], 0
    for seed in range(n_years):
        cases = pl.concat(
            simulated(replace(world, n_days=66 + n_nights), np.random.default_rng([seed, 3, number]))
            for number, world in enumerate(worlds)
        )
        nights = weekdays(66 + n_nights)[66:]
        flags = failure_patterns(cases, as_of=nights, rules=RULES).filter(pl.col("status") == "systematic")
        rates.append(flags.height / len(nights))
        grave += bool(flags["severity"].is_in(["high", "critical"]).any())
    return float(np.mean(rates)), float(np.std(rates) / np.sqrt(n_years)), grave, n_years


def anchor_world(generator: np.random.Generator, *, is_planted: bool) -> pl.DataFrame:
    """anchors.md 4b(a): 250 trades, 8 three-level attributes, failing 45 %; one pair of values failing 85 %."""
    names = [*LEVELS["trade"]]
    names[2:4] = ["sector", "exit_reason"]  # the anchor's attributes vary within a day
    values = {name: generator.integers(0, 3, 250) for name in names}
    rate = np.full(250, 0.45)
    if is_planted:
        rate[(values["source"] == 0) & (values["recommendation"] == 0)] = 0.85
    days = weekdays(21)
    cases = pl.DataFrame(
        {
            "known_on": [days[i * 21 // 250] for i in range(250)],
            "kind": ["trade"] * 250,
            "case_id": [f"{i:03d}" for i in range(250)],
            "symbol": [f"S{i}" for i in range(250)],
            "is_failure": generator.random(250) < rate,
            **{name: [f"v{value}" for value in chosen] for name, chosen in values.items()},
        }
    )
    absent = [pl.lit(None).alias(name) for name in failure_cases().column_names if name not in cases.columns]
    return cases.with_columns(absent).select(pl.col(name).cast(kind) for name, kind in failure_cases().schema.items())


def anchor(n_simulations: int) -> tuple[float, float, float]:
    """Share of planted runs found, other flags per planted run, flags per null run."""
    night = weekdays(21)[-1]
    found = others = null = 0
    for seed in range(n_simulations):
        for is_planted in (True, False):
            cases = anchor_world(np.random.default_rng([seed, 4]), is_planted=is_planted)
            flags = failure_patterns(cases, as_of=[night], rules=RULES).filter(pl.col("status") == "systematic")
            if is_planted:
                hit = "source=v0 & recommendation=v0" in flags["pattern"]
                found += hit
                others += flags.height - hit
            else:
                null += flags.height
    return found / n_simulations, others / n_simulations, null / n_simulations


def tail_ratios(n_patterns: int) -> np.ndarray:
    """Exact tail over the tail that the statistic promises, where the statistic lies between 3.5 and 7."""
    generator = np.random.default_rng(5)
    ratios = []
    while len(ratios) < n_patterns:
        n_blocks = generator.integers(5, 40)
        n_block = generator.integers(8, 20, n_blocks)
        n_failures = generator.binomial(n_block, generator.uniform(0.05, 0.6))
        n_cases = generator.binomial(n_block, generator.uniform(0.03, 0.5))
        moments = count_moments(n_cases[:, None].astype(float), n_block.astype(float), n_failures.astype(float))
        if moments.variance[0] < 1e-9:
            continue
        count = np.arange(3, np.minimum(n_cases, n_failures).sum() + 1)
        statistics = Scorer.of(moments)(count[None].astype(float))[0] if len(count) else np.empty(0)
        for reached in np.flatnonzero((statistics > 3.5) & (statistics < 7))[:3]:
            exact = exact_tail(n_cases, n_block, n_failures, count=int(count[reached]))
            ratios.append(exact / ndtr(-statistics[reached]))
    return np.array(ratios)


POWER_WORLDS = tuple(
    World(f"{kind} base {base} n {n}", kind=kind, cases_per_day=per_day, base=base, planted_rate=3 * base, n_planted=n)
    for kind, per_day in (("trade", 5), ("thesis", 10))
    for base, n in ((0.10, 20), (0.15, 20), (0.15, 40), (0.20, 20), (0.20, 30), (0.25, 20), (0.30, 20))
) + tuple(
    World(
        f"clustered days base {base} n {n}",
        base=base,
        planted_rate=3 * base,
        n_planted=n,
        day_correlation=0.3,
        day_persistence=0.8,
    )
    for base, n in ((0.2, 30), (0.25, 20), (0.30, 20))
)

SUDDEN_WORLDS = tuple(
    World(
        f"60 % against 15 %, n {n} within {days} day(s), {per_day} a day",
        cases_per_day=per_day,
        planted_rate=0.6,
        n_planted=n,
        planted_days=days,
    )
    for n, days, per_day in (
        (20, 21, 5),
        (30, 21, 5),
        (40, 21, 5),
        (20, 21, 10),
        (40, 21, 10),
        (20, 1, 60),
        (30, 1, 90),
    )
)

BY_RULE = (0.88, 0.25, 0.50, 0.62)
"""How often theses without any skill fail, by recommendation: a rule of 5 % is rarely met by buying."""

NULL_WORLDS = (
    World("independent trades"),
    World("independent theses", kind="thesis"),
    World("independent candidates", kind="candidate", cases_per_day=10),
    World("trades of which 45 % fail", base=0.45),
    World("trades whose days move together", base=0.3, day_correlation=0.3),
    World("trades whose days move together and persist", base=0.3, day_correlation=0.3, day_persistence=0.9),
    World(
        "trades whose days move together and share attributes", base=0.3, day_correlation=0.3, attribute_day_share=0.5
    ),
    World(
        "trades whose days move together, persist and share attributes",
        base=0.3,
        day_correlation=0.3,
        day_persistence=0.9,
        attribute_day_share=0.5,
    ),
    World("trades of which 23 % instead of 15 % fail in the last month", base=0.15, recent_base=0.23),
    World("candidates whose names repeat five days", kind="candidate", cases_per_day=10, base=0.3, repeats=5),
    World("theses that fail by the rule of their recommendation", kind="thesis", cases_per_day=10, rule_rates=BY_RULE),
    World(
        "theses that fail so, where what fails buying helps selling, by days that share attributes",
        kind="thesis",
        cases_per_day=10,
        rule_rates=BY_RULE,
        day_correlation=0.3,
        attribute_day_share=0.5,
    ),
)

YEAR_WORLDS = {
    "iid": [World("a"), World("b", kind="thesis"), World("c", kind="candidate", cases_per_day=10)],
    "clustered": [
        World(kind, kind=kind, cases_per_day=per_day, base=0.3, day_correlation=0.3, day_persistence=0.8)
        for kind, per_day in (("trade", 5), ("thesis", 5), ("candidate", 10))
    ],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulations", type=int, default=200)
    parser.add_argument("--years", type=int, default=20)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    n = arguments.simulations

    def wanted(part: str) -> bool:
        return not arguments.only or part in arguments.only.split(",")

    if wanted("anchor"):
        print("anchor 4b(a): found, other flags, null flags", anchor(n), flush=True)  # noqa: T201
    if wanted("tail"):
        quantiles = np.quantile(tail_ratios(2000), [0.01, 0.5, 0.99, 1.0])
        print("exact tail over approximate: quantiles 1 %, 50 %, 99 %, max", quantiles)  # noqa: T201
    if wanted("power"):
        for world in (*POWER_WORLDS, *SUDDEN_WORLDS):
            print(world.name, power(world, n), flush=True)  # noqa: T201
    if wanted("null"):
        for world in NULL_WORLDS:
            print("null", world.name, "flags per run, s.e., any", null_flags(world, n), flush=True)  # noqa: T201
    if wanted("year"):
        for name, worlds in YEAR_WORLDS.items():
            found = null_year(worlds, arguments.years)
            print("year", name, "flags per night, s.e., grave years, years", found, flush=True)  # noqa: T201
    if wanted("time"):
        worlds = [
            World(kind, kind=kind, n_days=1814, cases_per_day=m)
            for kind, m in (("trade", 5), ("thesis", 5), ("candidate", 10))
        ]
        cases = pl.concat(simulated(world, np.random.default_rng([6, i])) for i, world in enumerate(worlds))
        began = time.perf_counter()
        failure_patterns(cases, as_of=weekdays(1814), rules=RULES)
        print("1,814 nights, seconds", time.perf_counter() - began, flush=True)  # noqa: T201
        one = cases.filter(pl.col("known_on") > weekdays(1814)[-1] - timedelta(days=RULES.lookback_days))
        began = time.perf_counter()
        failure_patterns(one, as_of=weekdays(1814)[-1:], rules=RULES)
        print("one night, seconds", time.perf_counter() - began, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
