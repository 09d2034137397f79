"""Is the monitor of changes right as often as it says, how fast does it see harm, and are promises kept?

Run by hand; every study prints its Monte-Carlo error:

    python -m amc_learning_tests.truth.effectiveness_study alarms --simulations 500
    python -m amc_learning_tests.truth.effectiveness_study harm --simulations 200
    python -m amc_learning_tests.truth.effectiveness_study years --simulations 100
    python -m amc_learning_tests.truth.effectiveness_study promises --simulations 200
    python -m amc_learning_tests.truth.effectiveness_study reversal --simulations 40

What is promised of them, with its bounds, is in effectiveness_guarantees.py.
"""

# ruff: noqa: T201 - a study reports to the terminal.

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from amc_learning.learning.effectiveness.interval import MIN_DAYS, confidence_sequence
from amc_learning.learning.effectiveness.monitor import watch
from amc_learning.learning.weights import FeatureWeights, WeightRules, decide_weights
from amc_learning.learning.weights.decision import NightEvidence, decide_night
from amc_learning.learning.weights.record import DecisionHistory, PastDecision
from amc_learning_tests.learning.effectiveness.forced import forced_change
from amc_learning_tests.learning.weights.worlds import (
    DEFAULT,
    DEFAULT_VECTOR,
    NAMES,
    evidence_of,
    no_candidates,
    random_evidence,
    scores_and_returns,
    slopes_for,
    statistics_table,
    weekdays,
)
from amc_learning_tests.truth.weights_study import POWER_DIRECTION, true_coefficient

FEATURES = FeatureWeights(NAMES, DEFAULT)
RULES = WeightRules(horizons={"1d": 1})
TRUTH = np.array(POWER_DIRECTION)
YEAR = 252
Differences = Callable[[np.random.Generator, int], np.ndarray]


def _ranked(noise: Differences, *, names: int = 100) -> Differences:
    """Daily differences of two rank correlations, scores correlated at 0.5, on returns with a common factor."""

    def differences(rng: np.random.Generator, n_days: int) -> np.ndarray:
        new, shared = rng.standard_normal((2, n_days, names))
        old = 0.5 * new + np.sqrt(0.75) * shared
        exposures = new - old
        returns = noise(rng, n_days)[:, None] * exposures + rng.standard_normal((n_days, names))
        ranks = returns.argsort(axis=1).argsort(axis=1).astype(float)
        unit = [_unit(one) for one in (new, old, ranks)]
        return ((unit[0] - unit[1]) * unit[2]).sum(axis=1)

    return differences


def _unit(values: np.ndarray) -> np.ndarray:
    centred = values - values.mean(axis=1, keepdims=True)
    return centred / np.sqrt((centred * centred).sum(axis=1, keepdims=True))


def overlapping(sessions: int) -> Differences:
    """Normal differences whose labels share sessions with their neighbours."""

    def differences(rng: np.random.Generator, n_days: int) -> np.ndarray:
        daily = rng.normal(0, 0.1, n_days + sessions - 1)
        return np.convolve(daily, np.ones(sessions) / np.sqrt(sessions), "valid")

    return differences


def clustered(rng: np.random.Generator, n_days: int) -> np.ndarray:
    """A factor whose volatility comes in spells, with heavy tails."""
    log_size = np.zeros(n_days)
    for day in range(1, n_days):
        log_size[day] = 0.97 * log_size[day - 1] + rng.normal(0, 0.2)
    return 0.15 * np.exp(log_size) * rng.standard_t(3, n_days)


NULLS: dict[str, tuple[Differences, int]] = {
    "unrelated returns, 100 names": (_ranked(lambda _, n: np.zeros(n)), 1),
    "factor, normal": (_ranked(lambda rng, n: rng.normal(0, 0.2, n)), 1),
    "factor, heavy tails and spells": (_ranked(clustered), 1),
    "labels of 5 sessions": (overlapping(5), 5),
    "labels of 21 sessions": (overlapping(21), 21),
    "ASSUMPTION BROKEN: rare large gains, skewness 2": (lambda rng, n: 0.1 * (rng.exponential(1, n) - 1), 1),
    "rare large losses, skewness -2": (lambda rng, n: 0.1 * (1 - rng.exponential(1, n)), 1),
}
"""Worlds without any harm: every difference has mean zero."""


def false_alarms(
    differences: Differences, *, sessions: int, simulations: int, level: float = 0.05, seed: int = 1
) -> float:
    """Share of years without harm, looked at every day, in which the monitor calls harm."""
    rng = np.random.default_rng(seed)
    years = (differences(rng, YEAR) for _ in range(simulations))
    bounds = np.ones(YEAR)
    called = [watch(one, bounds, overlap_sessions=sessions, level=level).harmed_at is not None for one in years]
    return float(np.mean(called))


def interval_misses(differences: Differences, *, sessions: int, simulations: int, seed: int = 1) -> float:
    """Share of such years in which the interval misses zero on any day."""
    rng = np.random.default_rng(seed)
    years = [differences(rng, YEAR) for _ in range(simulations)]
    return float(np.mean([_ever_misses_zero(one, sessions) for one in years]))


def _ever_misses_zero(values: np.ndarray, sessions: int) -> bool:
    intervals = (confidence_sequence(values[:n], overlap_sessions=sessions) for n in range(MIN_DAYS, YEAR + 1))
    return any(found is not None and not found[0] <= 0 <= found[1] for found in intervals)


def nights_to_rollback(
    seed: int, *, coefficient: float, names: int, after: np.ndarray = DEFAULT_VECTOR, n_nights: int = 120
) -> tuple[int | None, int | None]:
    """Sessions from a forced change away from the truth to the night that begins to take it back, and to the last one.

    The change from the true weights to `after` is decided on the first night, on no evidence. None: never.
    """
    nights = weekdays(n_nights)
    evidence = random_evidence(
        np.random.default_rng(seed), n_nights, slopes=slopes_for(POWER_DIRECTION, coefficient), names=names
    )
    decisions = decide_weights(
        statistics_table(evidence),
        no_candidates(),
        as_of=nights[1:],
        features=FEATURES,
        rules=RULES,
        earlier_decisions=forced_change(nights[0], TRUTH, after),
    )
    rolled = decisions.filter(pl.col("taken_back_change") == nights[0])["known_on"].unique().sort().to_list()
    return (nights.index(rolled[0]), nights.index(rolled[-1])) if rolled else (None, None)


def null_year(seed: int, *, is_forced: bool) -> tuple[bool, bool]:
    """Whether a year of nights on noise moved a weight, and whether a change was taken back.

    Forced: a change from the default weights to equal ones is decided on the first night.
    """
    nights = weekdays(YEAR + 1)
    statistics = statistics_table(random_evidence(np.random.default_rng(seed), len(nights), names=100))
    forced = forced_change(nights[0], DEFAULT_VECTOR, np.full(6, 1 / 6)) if is_forced else None
    decisions = decide_weights(
        statistics, no_candidates(), as_of=nights[1:], features=FEATURES, rules=RULES, earlier_decisions=forced
    )
    moved = decisions.filter("is_learning")["change"].abs().sum() > 0
    return moved, decisions["taken_back_change"].null_count() < decisions.height


def promises(seed: int, *, coefficient: float, n_nights: int = 120) -> list[tuple[int, float, float]]:
    """Step in its change, promise and true gain of every night that moves, from the default weights.

    The true gain is that of the weights after the night over those before the change, in the population.
    """
    nights = weekdays(n_nights)
    slopes = slopes_for(POWER_DIRECTION, coefficient) if coefficient else np.zeros(6)
    evidence = random_evidence(np.random.default_rng(seed), n_nights, slopes=slopes)
    decisions = decide_weights(
        statistics_table(evidence), no_candidates(), as_of=nights, features=FEATURES, rules=RULES
    ).sort("known_on", "component")
    order = np.argsort(NAMES)
    before, learned = (
        decisions[name].to_numpy().reshape(n_nights, -1)[:, np.argsort(order)]
        for name in ("learned_weight_before", "learned_weight")
    )
    told = decisions.gather_every(len(NAMES)).select("is_learning", "expected_improvement", "taken_back_change")
    history, found, step = DecisionHistory(), [], 0
    for at, (night, (is_learning, promised, taken_back)) in enumerate(zip(nights, told.iter_rows(), strict=True)):
        # As the night saw them: the weights before the change under way, else those it would be judged against.
        campaign = history.campaign_start(night, days=RULES.campaign_days)
        known = (history.changes.goes_on_from(night), campaign, before[at])
        began_from = next(one for one in known if one is not None)
        step = 0 if campaign is None else step
        if promised is not None:
            gain = true_coefficient(learned[at], slopes) - true_coefficient(began_from, slopes)
            found.append((step, promised, gain))
            step += 1
        history.add(PastDecision(night, before[at], learned[at], learned[at], is_learning, taken_back))
    return found


@dataclass(frozen=True)
class FirstStep:
    """What a first step that nobody asked evidence for promises, and what it truly brings."""

    promised: float
    gain: float
    ci_low: float
    ci_high: float


def ungated_promise(seed: int, *, coefficient: float, n_days: int = 63) -> FirstStep:
    """Promise and true gain of a first step that is made whatever the evidence says: without selection."""
    always = replace(RULES, yearly_false_change_rate=0.999999, evidence_windows_days=(90,), continue_level=1.0)
    slopes = slopes_for(POWER_DIRECTION, coefficient) if coefficient else np.zeros(6)
    nights = weekdays(n_days)
    evidence = random_evidence(np.random.default_rng(seed), n_days, slopes=slopes)
    record = decide_night(
        NightEvidence(nights[-1], {"1d": evidence.window(nights[-1], 90)}),
        DEFAULT_VECTOR,
        always,
        names=NAMES,
        campaign_start=DEFAULT_VECTOR,
    )
    if record.promise is None or record.promise.improvement.estimate is None:
        return FirstStep(0.0, 0.0, 0.0, 0.0)
    gain = true_coefficient(record.weights, slopes) - true_coefficient(DEFAULT_VECTOR, slopes)
    found = record.promise.improvement
    low, high = (0.0 if end is None else end for end in (found.ci_low, found.ci_high))
    return FirstStep(record.promise.improvement.estimate, gain, low, high)


def sessions_to_follow(seed: int, *, coefficient: float = 0.15, names: int = 100) -> tuple[int | None, bool]:
    """Sessions after a truth reversed until the weights are worth no less than the default; whether one was taken back.

    For 150 nights the last two components pay, then the first two do.
    """
    n_nights, turn = 300, 150
    nights, rng = weekdays(n_nights), np.random.default_rng(seed)
    later = slopes_for(POWER_DIRECTION[::-1], coefficient)
    parts = [
        scores_and_returns(rng, turn, slopes=slopes, names=names)
        for slopes in (slopes_for(POWER_DIRECTION, coefficient), later)
    ]
    scores, returns = (np.concatenate([part[at] for part in parts]) for at in (0, 1))
    decisions = decide_weights(
        statistics_table(evidence_of(scores, returns, nights)),
        no_candidates(),
        as_of=nights,
        features=FEATURES,
        rules=RULES,
    )
    learned = decisions.pivot("component", index="known_on", values="learned_weight").select(NAMES).to_numpy()
    bar = true_coefficient(DEFAULT_VECTOR, later) - 0.005
    worth = np.array([true_coefficient(weights, later) for weights in learned[turn:]])
    followed = np.flatnonzero(worth >= bar)
    is_taken_back = decisions["taken_back_change"].null_count() < decisions.height
    return (int(followed[0]) if len(followed) else None), is_taken_back


def _share(values: list[bool] | list[float]) -> str:
    mean = float(np.mean(values))
    return f"{mean:.1%} (se {np.sqrt(mean * (1 - mean) / len(values)):.1%})"


def _sessions(values: list[float]) -> str:
    low, middle, high = (np.quantile(values, share, method="lower") for share in (0.25, 0.5, 0.75))
    within = np.mean(np.array(values) <= 30), np.mean(np.array(values) <= 60)
    return (
        f"{middle:.0f} sessions (quartiles {low:.0f} to {high:.0f}; within 30 in {within[0]:.0%}, within 60 in "
        f"{within[1]:.0%}; n {len(values)})"
    )


def _mean(values: list[float]) -> str:
    return f"{np.mean(values):+.4f} (se {np.std(values, ddof=1) / np.sqrt(len(values)):.4f})"


def _report_alarms(simulations: int) -> None:
    for name, (differences, sessions) in NULLS.items():
        alarms, misses = (
            rate(differences, sessions=sessions, simulations=simulations) for rate in (false_alarms, interval_misses)
        )
        error = np.sqrt(0.05 * 0.95 / simulations)
        print(f"{name}: harm called in {alarms:.1%}, interval ever misses in {misses:.1%} (se {error:.1%} at 5 %)")


def _report_harm(simulations: int) -> None:
    for after, what in ((DEFAULT_VECTOR, "default"), (np.array([0.4, 0.3, 0.3, 0, 0, 0]), "three useless ones")):
        for coefficient in (0.05, 0.10, 0.15, 0.20):
            slopes = slopes_for(POWER_DIRECTION, coefficient)
            loss = true_coefficient(TRUTH, slopes) - true_coefficient(after, slopes)
            for names in (50, 100):
                found = [
                    nights_to_rollback(seed, coefficient=coefficient, names=names, after=after)
                    for seed in range(simulations)
                ]
                begun, done = ([np.inf if one[at] is None else one[at] for one in found] for at in (0, 1))
                print(
                    f"from the truth to {what}, true loss {loss:.3f} a day, {names} names: rollback begins after "
                    f"{_sessions(begun)}; is complete after {_sessions(done)}"
                )


def _report_years(simulations: int) -> None:
    for is_forced in (False, True):
        found = [null_year(seed, is_forced=is_forced) for seed in range(simulations)]
        print(
            f"null year, {'with a forced change' if is_forced else 'learning alone'}: learning moved a weight in "
            f"{_share([moved for moved, _ in found])}, a change was taken back in {_share([back for _, back in found])}"
        )


def _report_promises(simulations: int) -> None:
    for coefficient in (0.0, 0.1, 0.2, 0.3):
        steps = [ungated_promise(seed, coefficient=coefficient) for seed in range(simulations)]
        differences = [one.promised - one.gain for one in steps]
        print(
            f"first step without a gate, coefficient {coefficient:.1f}: promised "
            f"{_mean([one.promised for one in steps])}, true {_mean([one.gain for one in steps])}, difference "
            f"{_mean(differences)}"
        )
    for coefficient in (0.1, 0.15, 0.2, 0.3):
        found = [promises(seed, coefficient=coefficient) for seed in range(simulations)]
        for first, last in ((0, 0), (1, 2), (3, 9), (10, 99)):
            of_steps = [[row for row in one if first <= row[0] <= last] for one in found]
            means = [np.mean([row[1:] for row in rows], axis=0) for rows in of_steps if rows]
            if len(means) > 1:
                print(
                    f"coefficient {coefficient:.2f}, steps {first + 1} to {last + 1} ({len(means)} worlds): promised "
                    f"{_mean([one[0] for one in means])}, true {_mean([one[1] for one in means])}, difference "
                    f"{_mean([one[0] - one[1] for one in means])}"
                )


def _report_reversal(simulations: int) -> None:
    found = [sessions_to_follow(seed) for seed in range(simulations)]
    sessions = [np.inf if one is None else one for one, _ in found]
    print(
        f"reversal at coefficient 0.15, 100 names: at least the default's worth after {_sessions(sessions)}; a change "
        f"was taken back in {_share([back for _, back in found])}"
    )


def main() -> None:
    """Run one study."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    studies = {
        "alarms": _report_alarms,
        "harm": _report_harm,
        "years": _report_years,
        "promises": _report_promises,
        "reversal": _report_reversal,
    }
    parser.add_argument("study", choices=list(studies))
    parser.add_argument("--simulations", type=int, default=100)
    chosen = parser.parse_args()
    studies[chosen.study](chosen.simulations)


if __name__ == "__main__":
    main()
