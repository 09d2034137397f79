"""What do the nightly weight decisions do on noise, and how much of a planted truth do they recover?

Run by hand; every study prints its Monte-Carlo error:

    python -m amc_learning_tests.truth.weights_study null --simulations 400 [--history 750]
    python -m amc_learning_tests.truth.weights_study worlds --simulations 300
    python -m amc_learning_tests.truth.weights_study power --simulations 40
"""

# ruff: noqa: T201 - a study reports to the terminal.

import argparse
import zlib
from dataclasses import dataclass
from datetime import date
from functools import cache

import numpy as np

from amc_learning.learning.weights.decision import NightEvidence, decide_night
from amc_learning.learning.weights.evidence import Evidence
from amc_learning.learning.weights.record import ACTIVE, DecisionHistory, PastDecision
from amc_learning.learning.weights.rules import WeightRules
from amc_learning.learning.weights.suggestion import suggest_weights
from amc_learning_tests.learning.weights.worlds import (
    DEFAULT_VECTOR,
    EQUAL_VECTOR,
    NAMES,
    correlation_matrix,
    evidence_of,
    random_evidence,
    scores_and_returns,
    slopes_for,
    weekdays,
)

RULES = WeightRules(horizons={"1d": 1})
POWER_DIRECTION = (0.0, 0.0, 0.0, 0.0, 0.4, 0.6)
"""The truth lies where the default weights are smallest."""

SMALL_WORLDS = {
    "all six equally good": np.full(6, 0.02),
    "two good, four useless": np.array([0.056, 0.056, 0.0, 0.0, 0.0, 0.0]),
    "two good where the default is small": np.array([0.0, 0.0, 0.0, 0.0, 0.056, 0.056]),
    "one wrong sign": np.array([0.06, 0.06, 0.06, -0.06, 0.03, 0.0]),
}


def nights_of(evidence: Evidence, nights: list[date], *, first: int = 0) -> list[np.ndarray]:
    """Vectors in force after each night from `first` on, starting from the default weights."""
    history, previous, vectors = DecisionHistory(), DEFAULT_VECTOR, []
    for night in nights[first:]:
        record = decide_night(
            NightEvidence(night, {"1d": evidence.window(night, max(RULES.evidence_windows_days))}),
            previous,
            RULES,
            names=NAMES,
            campaign_start=history.campaign_start(night, days=RULES.campaign_days),
        )
        history.add(PastDecision(night, previous, record.weights, record.weights, record.status == ACTIVE))
        previous = record.weights
        vectors.append(previous)
    return vectors


@dataclass(frozen=True)
class NullYear:
    """What 252 nightly looks at pure noise did: nothing, where it goes well."""

    is_moved: bool
    loss: float
    """Mean daily coefficient given away against never deciding; exactly 0 when no weight moved."""
    turnover: float
    """Sum of absolute changes of all weights."""


@cache
def null_year(seed: int, *, history_days: int = 0) -> NullYear:
    """A year of looks at noise, after `history_days` of noise without looks."""
    nights = weekdays(history_days + 252)
    evidence = random_evidence(np.random.default_rng(seed), len(nights))
    vectors = np.array([DEFAULT_VECTOR, *nights_of(evidence, nights, first=history_days)])
    static = evidence.coefficients(DEFAULT_VECTOR)[history_days:]
    turnover = float(np.abs(np.diff(vectors, axis=0)).sum())
    if not turnover:
        return NullYear(is_moved=False, loss=0.0, turnover=0.0)
    realised = [evidence.coefficients(weights)[history_days + day] for day, weights in enumerate(vectors[:-1])]
    return NullYear(is_moved=True, loss=float(np.mean(static - realised)), turnover=turnover)


def true_coefficient(weights: np.ndarray, slopes: np.ndarray) -> float:
    """Correlation of the total with the return in the population (of ranks: within a few per cent of it)."""
    covariances = correlation_matrix()
    signal = slopes @ covariances @ slopes
    return float(weights @ covariances @ slopes / np.sqrt(weights @ covariances @ weights) / np.sqrt(1 + signal))


def share_of_oracle_gain(seed: int, *, coefficient: float, n_nights: int = 120) -> float:
    """Recovered share of what the best weights gain over the default, after nights that start from nothing.

    The oracle is the planted direction itself, which lies within the cap.
    """
    slopes = slopes_for(POWER_DIRECTION, coefficient)
    nights = weekdays(n_nights)
    evidence = random_evidence(np.random.default_rng(seed), n_nights, slopes=slopes)
    learned = nights_of(evidence, nights)[-1]
    oracle = np.array(POWER_DIRECTION)
    default = true_coefficient(DEFAULT_VECTOR, slopes)
    return (true_coefficient(learned, slopes) - default) / (true_coefficient(oracle, slopes) - default)


def small_world(seed: int, *, slopes: np.ndarray, sessions: int, in_force: np.ndarray) -> dict[str, float]:
    """Mean coefficient over 21 days after 63 days x 50 names of evidence, by weights; purged between the two."""
    rng = np.random.default_rng(seed)
    days = weekdays(63 + sessions + 21)
    persistence = 0.9 if sessions > 1 else 0.0
    scores, returns = scores_and_returns(rng, len(days), slopes=slopes, sessions=sessions, persistence=persistence)
    past = evidence_of(scores[:63], returns[:63], days[:63])
    future = evidence_of(scores[-21:], returns[-21:], days[-21:])
    suggestion = suggest_weights(past, in_force, overlap_sessions=sessions, cap=RULES.cap)
    candidates = {
        "suggested": suggestion.weights,
        "in force": in_force,
        "equal": EQUAL_VECTOR,
        "oracle": slopes.clip(min=0),
    }
    return {name: float(future.coefficients(weights).mean()) for name, weights in candidates.items()}


def _mean_and_error(values: list[float]) -> str:
    return f"{np.mean(values):+.4f} (se {np.std(values, ddof=1) / np.sqrt(len(values)):.4f})"


def _report_null(simulations: int, history_days: int) -> None:
    moved = [float(null_year(seed, history_days=history_days).is_moved) for seed in range(simulations)]
    print(f"null year after {history_days} days of history: P(any change) {_mean_and_error(moved)}, n {simulations}")


def _report_worlds(simulations: int) -> None:
    for name, slopes in SMALL_WORLDS.items():
        for sessions in (1, 5):
            for start, in_force in (("equal", EQUAL_VECTOR), ("default", DEFAULT_VECTOR)):
                first = zlib.crc32(f"{name}{sessions}".encode()) % 100_000
                found = [
                    small_world(first + at, slopes=slopes, sessions=sessions, in_force=in_force)
                    for at in range(simulations)
                ]
                means = ", ".join(f"{key} {np.mean([one[key] for one in found]):.4f}" for key in found[0])
                lead = [one["suggested"] - one["in force"] for one in found]
                print(f"{name}, {sessions} sessions, from {start}: {means}; over in force {_mean_and_error(lead)}")


def _report_power(simulations: int) -> None:
    for coefficient in (0.02, 0.05, 0.08, 0.10, 0.15, 0.20, 0.30):
        for n_nights in (120, 252):
            shares = [
                share_of_oracle_gain(seed, coefficient=coefficient, n_nights=n_nights) for seed in range(simulations)
            ]
            reached = np.mean(np.array(shares) >= 0.8)
            moved = np.mean(np.array(shares) != 0)
            print(
                f"planted coefficient {coefficient:.2f}, {n_nights} nights: mean share of the oracle's gain "
                f"{_mean_and_error(shares)}, moved in {moved:.0%}, at least 80 % in {reached:.0%}"
            )


def main() -> None:
    """Run one study."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", choices=["null", "worlds", "power"])
    parser.add_argument("--simulations", type=int, default=100)
    parser.add_argument("--history", type=int, default=0, help="null: days of noise before the year of looks")
    chosen = parser.parse_args()
    if chosen.study == "null":
        _report_null(chosen.simulations, chosen.history)
    elif chosen.study == "worlds":
        _report_worlds(chosen.simulations)
    else:
        _report_power(chosen.simulations)


if __name__ == "__main__":
    main()
