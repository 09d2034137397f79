"""What do coefficients say that are measured on what a score selected, with and without controls, and does it pay?

Run by hand; every line has its Monte-Carlo error:

    python -m amc_learning_tests.truth.selection_study bias --simulations 200
    python -m amc_learning_tests.truth.selection_study controls --simulations 200
    python -m amc_learning_tests.truth.selection_study lift --simulations 200

Everything estimated comes from the code of the night (daily statistics, correlation table, selection effects). The
truth comes from the rules of the market in closed form, and once more from every symbol that was scored.
The quick versions run in the tests.
"""

# ruff: noqa: T201 - a study reports to the terminal.

import argparse
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from amc_learning.contracts.tables import TOTAL_SCORE
from amc_learning_tests.truth.guarantees import Effort, Guarantee, Measurement, share
from amc_learning_tests.truth.selected_markets import (
    HORIZONS,
    LARGE,
    LEADING,
    NULL,
    PLANTED,
    SELECTION,
    USELESS,
    WEAK,
    World,
    many,
    true_coefficients,
)

Vector = NDArray[np.float64]


def mean_and_error(values: Vector) -> tuple[Vector, Vector]:
    """Mean over simulations (first axis) and its Monte-Carlo standard error."""
    return values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(len(values))


def biases(world: World, simulations: int, *, population: str, horizon: str) -> tuple[Vector, Vector]:
    """Per component, mean estimate minus that over every scored symbol of the same days, and its error."""
    differences = [
        one.coefficients[population, horizon][:, 0] - one.of_everyone[horizon] for one in many(world, simulations)
    ]
    return mean_and_error(np.array(differences))


def covered(world: World, simulations: int, *, population: str, horizon: str) -> Vector:
    """Simulations by components: whether the 95 % interval holds the population coefficient."""
    truth = true_coefficients(world, HORIZONS[horizon])
    rows = np.array([one.coefficients[population, horizon][:-1] for one in many(world, simulations)])
    holds: Vector = ((rows[..., 1] <= truth) & (truth <= rows[..., 2])).astype(float)
    return holds


def called(world: World, simulations: int, *, feature: str, population: str, is_negative: bool) -> int:
    """Simulations in which the 95 % interval of a component at 1d excludes zero on this side."""
    place = world.features.index(feature)
    rows = [one.coefficients[population, "1d"][place] for one in many(world, simulations)]
    return sum(bool(row[2] < 0) if is_negative else bool(row[1] > 0) for row in rows)


def true_lift(world: World, simulations: int, *, horizon: str) -> float:
    """What selection is worth over every symbol that was not selected: the mean of all simulations."""
    return float(np.mean([one.lift_of_everyone[horizon] for one in many(world, simulations)]))


def lift_covered(world: World, simulations: int, *, horizon: str) -> int:
    """Simulations whose 95 % interval of the lift holds the true one."""
    truth = true_lift(world, simulations, horizon=horizon) if world.planted else 0.0
    return sum(bool(one.lift[horizon][1] <= truth <= one.lift[horizon][2]) for one in many(world, simulations))


def said_to_pay(world: World, simulations: int, *, horizon: str) -> int:
    """Simulations in which the 95 % interval of the lift lies above zero."""
    return sum(bool(one.lift[horizon][1] > 0) for one in many(world, simulations))


SIMULATIONS = {Effort.QUICK: 4, Effort.LONG: 150}
LARGE_SIMULATIONS = {Effort.QUICK: 3, Effort.LONG: 50}
"""Ranking every symbol of a large market every day takes most of the time."""


def _understatement(effort: Effort) -> Measurement:
    """Per cent of the leading component's coefficient that the selected do not show."""
    n = SIMULATIONS[effort]
    mean, error = biases(SELECTION, n, population="selected", horizon="1d")
    place, truth = SELECTION.features.index(LEADING), PLANTED[LEADING]
    return Measurement(round(-100 * float(mean[place]) / truth, 2), round(100 * float(error[place]) / truth, 2), n)


def _largest_bias(world: World, effort: Effort) -> Measurement:
    """Largest absolute bias of a universe coefficient at 1d over components and total, with that one's error."""
    n = (LARGE_SIMULATIONS if world.n_symbols == LARGE.n_symbols else SIMULATIONS)[effort]
    mean, error = biases(world, n, population="universe", horizon="1d")
    place = int(np.argmax(np.abs(mean)))
    return Measurement(round(abs(float(mean[place])), 5), round(float(error[place]), 5), n)


def _coverage(world: World, horizon: str, effort: Effort) -> Measurement:
    """Per cent of intervals that hold the truth; simulations, not components, are independent."""
    n = SIMULATIONS[effort]
    mean, error = mean_and_error(covered(world, n, population="universe", horizon=horizon).mean(axis=1))
    return Measurement(round(100 * float(mean), 2), round(100 * float(error), 2), n)


def _weak_coefficient(population: str, effort: Effort) -> Measurement:
    """Mean coefficient at 1d that a component with a true one of .01 shows."""
    n, place = SIMULATIONS[effort], SELECTION.features.index(WEAK)
    rows = [one.coefficients[population, "1d"][place, 0] for one in many(SELECTION, n)]
    mean, error = mean_and_error(np.array(rows))
    return Measurement(round(float(mean), 5), round(float(error), 5), n)


def _calls(feature: str, population: str, *, is_negative: bool, effort: Effort) -> Measurement:
    n = SIMULATIONS[effort]
    return share(called(SELECTION, n, feature=feature, population=population, is_negative=is_negative), n)


SECTION = "Selection effects"

GUARANTEES: tuple[Guarantee, ...] = (
    Guarantee(
        SECTION,
        "Without controls: the selected understate the component that leads the score they were selected on",
        20.0,
        True,
        _understatement,
        unit="%",
    ),
    Guarantee(
        SECTION,
        "Without controls: a component without any effect is called negative (nominal 2.5 %; 125 days)",
        5.0,
        True,
        lambda effort: _calls(USELESS, "selected", is_negative=True, effort=effort),
        unit="%",
    ),
    Guarantee(
        SECTION,
        "With 50 controls a day: the same component is called negative (nominal 2.5 %)",
        5.0,
        False,
        lambda effort: _calls(USELESS, "universe", is_negative=True, effort=effort),
        unit="%",
    ),
    Guarantee(
        SECTION,
        "Without controls: a component that works (.01) shows the other sign among the selected",
        -0.004,
        False,
        lambda effort: _weak_coefficient("selected", effort),
    ),
    Guarantee(
        SECTION,
        "With 50 controls a day: the same component shows its own sign",
        0.005,
        True,
        lambda effort: _weak_coefficient("universe", effort),
    ),
    *(
        Guarantee(
            SECTION,
            f"{n_controls} controls a day, 240 scored: largest bias of a coefficient over the universe",
            bound,
            False,
            lambda effort, n_controls=n_controls: _largest_bias(replace(SELECTION, n_controls=n_controls), effort),
        )
        for n_controls, bound in ((10, 0.012), (25, 0.006), (50, 0.004), (100, 0.004))
    ),
    Guarantee(
        SECTION,
        "50 controls a day, 861 scored: largest bias of a coefficient over the universe",
        0.004,
        False,
        lambda effort: _largest_bias(LARGE, effort),
    ),
    *(
        Guarantee(
            SECTION,
            f"95 % intervals of coefficients over the universe hold the truth at {horizon} (50 controls, 125 days)",
            93.0,
            True,
            lambda effort, horizon=horizon: _coverage(SELECTION, horizon, effort),
            unit="%",
        )
        for horizon in HORIZONS
    ),
    *(
        Guarantee(
            SECTION,
            f"95 % intervals of the lift of the selected over the controls hold the true one at {horizon}",
            92.0,
            True,
            lambda effort, horizon=horizon: share(
                lift_covered(SELECTION, SIMULATIONS[effort], horizon=horizon), SIMULATIONS[effort]
            ),
            unit="%",
        )
        for horizon in HORIZONS
    ),
    *(
        Guarantee(
            SECTION,
            f"On noise selection is said to pay at {horizon} (nominal 2.5 %)",
            5.0,
            False,
            lambda effort, horizon=horizon: share(
                said_to_pay(NULL, SIMULATIONS[effort], horizon=horizon), SIMULATIONS[effort]
            ),
            unit="%",
        )
        for horizon in HORIZONS
    ),
    *(
        Guarantee(
            SECTION,
            f"Selection by a score with a planted coefficient of .07 is said to pay at {horizon} (125 days)",
            bound,
            True,
            lambda effort, horizon=horizon: share(
                said_to_pay(SELECTION, SIMULATIONS[effort], horizon=horizon), SIMULATIONS[effort]
            ),
            unit="%",
        )
        for horizon, bound in (("1d", 90.0), ("7d", 80.0))
    ),
)


def _report_bias(simulations: int) -> None:
    for world in (SELECTION, LARGE):
        for horizon, sessions in HORIZONS.items():
            truth = true_coefficients(world, sessions)
            everyone, error = mean_and_error(np.array([one.of_everyone[horizon] for one in many(world, simulations)]))
            print(f"{world.name}, {horizon}, {simulations} simulations")
            for place, feature in enumerate(world.features):
                stated = f"{truth[place]:+.4f}" if place < len(truth) else "      –"
                line = f"  {feature:16} truth {stated} everyone {everyone[place]:+.4f} ({error[place]:.4f})"
                for population in ("selected", "universe"):
                    mean, error_of_bias = biases(world, simulations, population=population, horizon=horizon)
                    line += f"  {population} {everyone[place] + mean[place]:+.4f} bias {mean[place]:+.4f}"
                    line += f" ({error_of_bias[place]:.4f})"
                    if feature != TOTAL_SCORE:
                        holds = covered(world, simulations, population=population, horizon=horizon)[:, place]
                        line += f" covers {100 * holds.mean():.1f} %"
                print(line, flush=True)


def _report_controls(simulations: int) -> None:
    for n_symbols in (240, 861):
        for n_controls in (5, 10, 25, 50, 100):
            world = replace(SELECTION, n_symbols=n_symbols, n_controls=n_controls)
            mean, error = biases(world, simulations, population="universe", horizon="1d")
            pairs = " ".join(
                f"{name} {bias:+.4f} ({one:.4f})"
                for name, bias, one in zip(world.features, mean, error, strict=True)
                if name in (*PLANTED, USELESS, TOTAL_SCORE)
            )
            holds = covered(world, simulations, population="universe", horizon="1d")
            print(f"{n_symbols} scored, {n_controls} controls: {pairs}; covers {100 * holds.mean():.1f} %", flush=True)


def _report_lift(simulations: int) -> None:
    for world in (NULL, SELECTION, replace(SELECTION, n_controls=10)):
        for horizon in HORIZONS:
            truth = true_lift(world, simulations, horizon=horizon)
            mean, error = mean_and_error(np.array([one.lift[horizon][0] for one in many(world, simulations)]))
            n_covered, n_paid = (count(world, simulations, horizon=horizon) for count in (lift_covered, said_to_pay))
            print(
                f"{world.name}, {world.n_controls} controls, {horizon}: lift {100 * mean:.4f} % ({100 * error:.4f}), "
                f"true {100 * truth:.4f} %, covered {100 * n_covered / simulations:.1f} %, "
                f"said to pay {100 * n_paid / simulations:.1f} %",
                flush=True,
            )


if __name__ == "__main__":
    reports = {"bias": _report_bias, "controls": _report_controls, "lift": _report_lift}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", choices=[*reports])
    parser.add_argument("--simulations", type=int, default=SIMULATIONS[Effort.LONG])
    arguments = parser.parse_args()
    reports[arguments.study](arguments.simulations)
