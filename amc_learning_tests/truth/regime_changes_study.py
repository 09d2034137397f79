"""Is a change of regime blamed for nothing when it changed nothing, and for what it changed when it did?

Run by hand (`python -m amc_learning_tests.truth.regime_changes_study guarantees|year|market`); prints a line per
world or market. Quick versions of the guarantees run in the tests.
"""

import argparse
import tempfile
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from amc_learning.contracts.knowledge_days import knowledge_days, week_end
from amc_learning.learning.regimes import regime_changes
from amc_learning.market_calendar import exchange_sessions
from amc_learning.simulation.market import simulate_market
from amc_learning.simulation.rules import SAMPLE_INDEX_HISTORY
from amc_learning.simulation.scenarios import SCENARIOS
from amc_learning.stages.collect import drain_all_events
from amc_learning.stages.cycle import daily_stages
from amc_learning.stages.regime_changes import judge_regime_changes
from amc_learning_tests.acceptance.loop import ingested, open_warehouse, sessions_of, write_files
from amc_learning_tests.truth.guarantees import Effort, Guarantee, Measurement, share
from amc_learning_tests.truth.regime_study import COMPONENTS, CoefficientWorld

NOISE = CoefficientWorld()
WITH_MEMORY = replace(NOISE, memory=0.2)
PLANTED = CoefficientWorld(difference=0.04)
"""A mean coefficient of 0.06 in calm and of -0.02 in turbulent markets, where single days deviate by 0.15 to 0.20."""

SECTION = "Regime changes"

NEEDED = ("discovery_candidates", "market_regimes", "candidate_outcomes", "feature_outcomes", "daily_statistics")
"""Stages of the night that changes of regime are judged from."""


def weeks_of_last_year(statistics: pl.DataFrame) -> list[date]:
    """The weeks of the last year of a simulated world, the last one whole."""
    last: date = statistics["known_on"].max()  # type: ignore[assignment]
    end = week_end(last) if week_end(last) <= last else week_end(last) - timedelta(weeks=1)
    return [end - timedelta(weeks=back) for back in range(51, -1, -1)]


def with_spells(regimes: pl.DataFrame) -> pl.DataFrame:
    """Regimes of one basis, day by day, with what market_regimes says of each spell."""
    is_change = (pl.col("regime") != pl.col("regime").shift()).fill_null(value=False)
    began = is_change | (pl.int_range(pl.len()) == 0)
    return regimes.with_columns(
        is_change=is_change,
        since=pl.when(began).then("known_on").forward_fill(),
        previous_regime=pl.when(is_change).then(pl.col("regime").shift()).forward_fill(),
        probability=pl.lit(0.95),
    )


def attributed(world: CoefficientWorld, generator: np.random.Generator, *, is_whole_year: bool = False) -> pl.DataFrame:
    """The rows found beyond noise in the last week of a world, or in every week of its last year."""
    statistics, regimes, _ = world.simulate(generator)
    regimes = with_spells(regimes)
    weeks = weeks_of_last_year(statistics)
    found = regime_changes(
        statistics,
        regimes,
        as_of=weeks if is_whole_year else weeks[-1:],
        horizon="1d",
        sessions=1,
        components=COMPONENTS,
    )
    return found.filter("is_beyond_noise")


def false_share(world: CoefficientWorld, n: int, *, is_whole_year: bool = False) -> Measurement:
    """Share of worlds without any difference in which one is found."""
    generator = np.random.default_rng(10)
    return share(sum(attributed(world, generator, is_whole_year=is_whole_year).height > 0 for _ in range(n)), n)


def found_share(world: CoefficientWorld, n: int) -> Measurement:
    """Share of worlds with a difference planted in the first component in which it is found."""
    generator = np.random.default_rng(11)
    found = [attributed(world, generator) for _ in range(n)]
    return share(sum(COMPONENTS[0] in rows["component"].to_list() for rows in found), n)


def others_share(world: CoefficientWorld, n: int) -> Measurement:
    """Share of the same worlds in which a component without a difference is named."""
    generator = np.random.default_rng(11)
    found = [attributed(world, generator) for _ in range(n)]
    return share(sum(not rows.filter(pl.col("component") != COMPONENTS[0]).is_empty() for rows in found), n)


def _n(effort: Effort) -> int:
    return 400 if effort is Effort.LONG else 12


GUARANTEES = (
    Guarantee(
        section=SECTION,
        statement="weeks of pure noise in which any component is said to have changed with a regime",
        bound=5.0,
        is_at_least=False,
        measure=lambda effort: false_share(NOISE, _n(effort)),
        unit="%",
    ),
    Guarantee(
        section=SECTION,
        statement="the same with daily coefficients that remember (autocorrelation 0.2)",
        bound=5.0,
        is_at_least=False,
        measure=lambda effort: false_share(WITH_MEMORY, _n(effort)),
        unit="%",
    ),
    Guarantee(
        section=SECTION,
        statement="worlds in which a planted difference of 0.08 between regimes is found",
        bound=90.0,
        is_at_least=True,
        measure=lambda effort: found_share(PLANTED, _n(effort)),
        unit="%",
        explanation="In some worlds a regime came once, or for under 60 sessions, within three years: then nothing is "
        "tested.",
    ),
    Guarantee(
        section=SECTION,
        statement="of these, weeks that also name a component without a difference",
        bound=5.0,
        is_at_least=False,
        measure=lambda effort: others_share(PLANTED, _n(effort)),
        unit="%",
    ),
)


def found_in_market(seed: int, folder: Path) -> dict[str, float]:
    """Components named for the index in the last week of the simulated market `regime`, with their differences.

    The market plants 0.10 in calm and -0.10 in turbulent sessions for technical, 0 and 0.12 for options.
    """
    simulated = SCENARIOS["regime"](seed=seed)
    history = exchange_sessions("XNYS", date(2006, 1, 3), simulated.first_session - timedelta(days=1))
    market = simulate_market(
        simulated, sessions_of(simulated), index_sessions=history["session_date"].to_list()[-SAMPLE_INDEX_HISTORY:]
    )
    settings = ingested(write_files(folder / "feed", market), folder / "data")
    warehouse = open_warehouse(settings)
    drain_all_events(warehouse)
    sessions = sessions_of(simulated)
    days = knowledge_days(sessions[0], sessions[-1])
    for stage in daily_stages(days[-1]):
        if stage.name in NEEDED:
            stage.run(warehouse, settings, days)
    week = week_end(days[-1]) - timedelta(weeks=week_end(days[-1]) > days[-1])
    rows = judge_regime_changes(warehouse, settings, [week]).filter("is_beyond_noise", basis="index")
    named = rows.filter(pl.col("regime") == "turbulent").unique("component").sort("component")
    return dict(named.select("component", "regime_difference").iter_rows())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("guarantees", "year", "market"))
    parser.add_argument("--simulations", type=int, default=60)
    chosen = parser.parse_args()
    if chosen.what == "guarantees":
        for guarantee in GUARANTEES:
            measured = guarantee.measure(Effort.LONG)
            print(guarantee.statement, measured, guarantee.verdict(measured).value, flush=True)  # noqa: T201
    elif chosen.what == "year":
        ever = false_share(NOISE, chosen.simulations, is_whole_year=True)
        print("any in a year of weekly looks at noise:", ever)  # noqa: T201
    else:
        for seed in range(1, 1 + chosen.simulations):
            with tempfile.TemporaryDirectory() as name:
                print(seed, found_in_market(seed, Path(name)), flush=True)  # noqa: T201
