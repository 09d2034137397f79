"""How often is a correction wrongly said to have helped or harmed, when every night looks?

Run it: python -m amc_learning_tests.truth.corrections_study [simulations]

Each world has 150 weekdays, 4 cases of the pattern and 12 others a day, failing with a common shock of the day (odds
up or down by half). The correction comes into force on day 40 and is kept alive for 90 nights. `ever` is the share of
worlds in which a verdict was given on any night: in worlds without effect that is the error rate.
"""

# ruff: noqa: T201 - a study reports to the terminal.

import sys
from collections import Counter

import numpy as np

from amc_learning_tests.learning.corrections.samples import AI, cases, decided, found, weekdays

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


def main(n_simulations):
    for name, (before, after) in WORLDS.items():
        ever, last = Counter(), Counter()
        for seed in range(n_simulations):
            seen, final = verdicts(np.random.default_rng(seed), before, after)
            ever.update(seen)
            last[final] += 1
        shares = ", ".join(f"{it} {ever[it] / n_simulations:.3f}" for it in ("helped", "harmed"))
        finals = ", ".join(f"{it} {n / n_simulations:.3f}" for it, n in sorted(last.items()))
        print(f"{name}: ever {shares}; on the last night {finals}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
