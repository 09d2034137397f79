"""How often is a correction wrongly said to have helped or harmed, when every night looks?

Run it: python -m amc_learning_tests.truth.corrections_study [simulations]

Each world has 150 weekdays, 4 cases of the pattern and 12 others a day, failing with a common shock of the day (odds
up or down by half). The correction comes into force on day 40 and is kept alive for 90 nights. `ever` is the share of
worlds in which a verdict was given on any night: in worlds without effect that is the error rate.
"""

# ruff: noqa: T201 - a study reports to the terminal.

import sys
from collections import Counter
from functools import cache

import numpy as np

from amc_learning_tests.learning.corrections.samples import AI, cases, decided, found, weekdays
from amc_learning_tests.truth.guarantees import Effort, Guarantee, Measurement, PowerCurve, share

DAYS = weekdays(150)
TURN = 40
PER_DAY, REST_PER_DAY = 4, 12
REST_RATE = 0.30
WORLDS = {
    "no effect, the pattern goes on failing": (0.60, 0.60),
    "no effect, the pattern was bad luck (worst of 50)": (0.30, 0.30),
    "failures of the pattern fall to the rest's": (0.60, 0.30),
    "failures of the pattern rise": (0.50, 0.80),
}
N_TRIED = 50


def shocked(rate, shock):
    odds = rate / (1 - rate) * shock
    return odds / (1 + odds)


def world(generator, before, after):
    """Cases of one world; where nothing is wrong before, the worst of many patterns is the one corrected."""
    shocks = np.exp(generator.normal(0, 0.4, len(DAYS)))
    rate = shocked(np.where(np.arange(len(DAYS)) < TURN, before, after), shocks)
    tries = N_TRIED if before == REST_RATE else 1
    counts = generator.binomial(PER_DAY, rate, (tries, len(DAYS)))
    mine = counts[counts[:, TURN - 29 : TURN + 1].sum(axis=1).argmax()]
    rest = generator.binomial(REST_PER_DAY, shocked(REST_RATE, shocks))
    rows = []
    for day, failing, rest_failing in zip(DAYS, mine, rest, strict=True):
        rows += [(day, bool(at < failing), {"source": "ai"}) for at in range(PER_DAY)]
        rows += [(day, bool(at < rest_failing), {"source": "rule_based"}) for at in range(REST_PER_DAY)]
    return cases(rows)


def verdicts(generator, before, after):
    rows = found(DAYS[TURN : TURN + 90], AI, base_rate=REST_RATE)
    table = decided(rows, DAYS[: TURN + 90], known_cases=world(generator, before, after))
    return set(table["verdict"].drop_nulls()), table["verdict"][-1]


@cache
def seen(before: float, after: float, n: int) -> list[set[str]]:
    """Verdicts given on any of 90 nights, per world."""
    return [verdicts(np.random.default_rng(seed), before, after)[0] for seed in range(n)]


def ever(verdict: str, before: float, after: float, effort: Effort) -> Measurement:
    """Per cent of worlds in which a verdict was given on any night."""
    n = 4 if effort is Effort.QUICK else 300
    return share(sum(verdict in one for one in seen(before, after, n)), n)


SECTION = "Corrections"

GUARANTEES: tuple[Guarantee, ...] = tuple(
    Guarantee(
        SECTION,
        f"{what}, 90 nightly looks: the correction is said to have {verdict} in",
        5.0,
        False,
        lambda effort, rates=rates, verdict=verdict: ever(verdict, *rates, effort),
        "%",
    )
    for what, rates in (
        ("No effect, the pattern goes on failing in 60 %", (0.60, 0.60)),
        ("No effect, the pattern was the worst of 50 by luck", (0.30, 0.30)),
    )
    for verdict in ("helped", "harmed")
)

POWER_CURVES: tuple[PowerCurve, ...] = (
    PowerCurve(
        SECTION,
        "Failure rate falls from 60 %, the rest's is 30 %: said to have helped within 90 nights",
        "per cent it falls to",
        (50.0, 40.0, 30.0, 20.0),
        lambda effect, effort: ever("helped", 0.60, effect / 100, effort),
    ),
    PowerCurve(
        SECTION,
        "Failure rate rises from 50 %: said to have harmed within 90 nights",
        "per cent it rises to",
        (60.0, 70.0, 80.0),
        lambda effect, effort: ever("harmed", 0.50, effect / 100, effort),
    ),
)


def main(n_simulations):
    for name, (before, after) in WORLDS.items():
        ever_given, last = Counter(), Counter()
        for seed in range(n_simulations):
            given, final = verdicts(np.random.default_rng(seed), before, after)
            ever_given.update(given)
            last[final] += 1
        shares = ", ".join(f"{it} {ever_given[it] / n_simulations:.3f}" for it in ("helped", "harmed"))
        finals = ", ".join(f"{it} {n / n_simulations:.3f}" for it, n in sorted(last.items()))
        print(f"{name}: ever {shares}; on the last night {finals}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
