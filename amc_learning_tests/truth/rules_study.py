"""Which rule should suggest the weights? Candidates under the same nights, on planted truths and on the real feed.

    python -m amc_learning_tests.truth.rules_study planted --simulations 12
    python -m amc_learning_tests.truth.rules_study recovery --simulations 50
    python -m amc_learning_tests.truth.rules_study reversal --simulations 30
    python -m amc_learning_tests.truth.rules_study robustness --simulations 12
    python -m amc_learning_tests.truth.rules_study feed --data-dir data --to 2012-12-31
    python -m amc_learning_tests.truth.rules_study feed --data-dir data --judge-from 2013-01-01 --rule "nested ridge"

`feed` needs a data directory with daily statistics of the shared feed (`backfill`); the rest simulates.
"""
# ruff: noqa: T201 - a study reports to the terminal.

import argparse
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from amc_learning.contracts.knowledge_days import knowledge_days
from amc_learning.learning.inference import mean_inference
from amc_learning.learning.replay import Replay, replay_weights
from amc_learning.learning.weights import FeatureWeights, WeightRules, decide_weights
from amc_learning.learning.weights.evidence import Evidence
from amc_learning_tests.learning.weights.worlds import (
    DEFAULT,
    DEFAULT_VECTOR,
    NAMES,
    evidence_of,
    no_candidates,
    scores_and_returns,
    slopes_for,
    statistics_table,
    weekdays,
)
from amc_learning_tests.truth.candidate_rules import CANDIDATES, ungated
from amc_learning_tests.truth.weights_study import POWER_DIRECTION, true_coefficient

RULES = WeightRules(horizons={"1d": 1})
WINDOW_WITHOUT_GATE = (365,)
"""Without a gate the longest window always decides: one of a year; and nothing vetoes."""

WITHOUT_GATE = ("nested ridge", "IC/IR shrinkage", "Hedge")

OPPOSITE = (0.6, 0.4, 0.0, 0.0, 0.0, 0.0)
ALONG_DEFAULT = tuple(DEFAULT_VECTOR)
YEAR = 252
LAG = 2
"""A vector decided on a night judges candidates decided the day after, whose 1d outcomes are known a day later."""


@dataclass(frozen=True)
class World:
    """A planted truth: from day to day the direction in which the total has this coefficient."""

    name: str
    directions: tuple[tuple[float, ...], ...]
    coefficient: float

    def slopes(self, n_days: int) -> np.ndarray:
        """Slopes per day (days, components): the directions one after the other, each as long."""
        parts = np.array_split(np.arange(n_days), len(self.directions))
        return np.vstack(
            [
                np.tile(slopes_for(direction, self.coefficient), (len(part), 1))
                for direction, part in zip(self.directions, parts, strict=True)
            ]
        )


WORLDS = (
    World("noise", (POWER_DIRECTION,), 0.0),
    World("default is right, 0.10", (ALONG_DEFAULT,), 0.10),
    World("planted 0.05", (POWER_DIRECTION,), 0.05),
    World("planted 0.10", (POWER_DIRECTION,), 0.10),
    World("planted 0.20", (POWER_DIRECTION,), 0.20),
    World("reverses half way, 0.20", (POWER_DIRECTION, OPPOSITE), 0.20),
)


def evidence_with(seed: int, slopes: np.ndarray) -> Evidence:
    """Cross-sections of 50 names a day whose returns follow the slopes of their day."""
    rng = np.random.default_rng(seed)
    scores, returns = scores_and_returns(rng, len(slopes))
    signal = np.einsum("dnk,dk->dn", (scores - 50) / 15.0, slopes)
    return evidence_of(scores, returns / 0.02 + signal, weekdays(len(slopes)))


def nights_of(evidence: Evidence, rules: WeightRules) -> np.ndarray:
    """Weights in force after each night (nights, components), from the default ones; one night a cross-section."""
    decisions = decide_weights(
        statistics_table(evidence),
        no_candidates(),
        as_of=weekdays(len(evidence)),
        features=FeatureWeights(NAMES, DEFAULT),
        rules=rules,
    )
    return decisions.pivot("component", index="known_on", values="weight").sort("known_on").select(NAMES).to_numpy()


def in_force_by_day(vectors: np.ndarray) -> np.ndarray:
    """The vector each day's candidates were ranked by."""
    return np.vstack([np.tile(DEFAULT_VECTOR, (LAG, 1)), vectors])[: len(vectors)]


def oracle_gains(vectors: np.ndarray, slopes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Per day, true coefficient over the default weights: of the vectors in force, and of the truth itself."""
    mine, best = np.zeros(len(slopes)), np.zeros(len(slopes))
    for day, (weights, truth) in enumerate(zip(vectors, slopes, strict=True)):
        if truth.any():
            default = true_coefficient(DEFAULT_VECTOR, truth)
            mine[day] = true_coefficient(weights, truth) - default
            best[day] = true_coefficient(truth, truth) - default
    return mine, best


@dataclass(frozen=True)
class Outcome:
    """One simulated year under one rule."""

    realised_gain: float
    true_gain: float
    oracle_gain: float
    turnover: float
    vectors: np.ndarray


def run(seed: int, world: World, rules: WeightRules, *, n_days: int = 252) -> Outcome:
    """A year of nights from nothing; gains are mean daily coefficients over the default weights."""
    slopes = world.slopes(n_days)
    evidence = evidence_with(seed, slopes)
    vectors = nights_of(evidence, rules)
    in_force = in_force_by_day(vectors)
    covariance = (evidence.return_covariances * in_force).sum(axis=1)
    variance = np.einsum("dj,djk,dk->d", in_force, evidence.score_covariances, in_force)
    realised = covariance / np.sqrt(variance) - evidence.coefficients(DEFAULT_VECTOR)
    mine, best = oracle_gains(in_force, slopes)
    turnover = float(np.abs(np.diff(np.vstack([DEFAULT_VECTOR, vectors]), axis=0)).sum()) * 252 / n_days
    return Outcome(float(realised.mean()), float(mine.mean()), float(best.mean()), turnover, vectors)


def share_recovered(seed: int, *, coefficient: float, n_nights: int, rules: WeightRules = RULES) -> float:
    """Share of the oracle's gain that the vector after the last night has."""
    world = World("planted", (POWER_DIRECTION,), coefficient)
    vectors = run(seed, world, rules, n_days=n_nights).vectors
    mine, best = oracle_gains(vectors[-1:], world.slopes(1))
    return float(mine[0] / best[0])


def sessions_to_follow(
    seed: int, *, coefficient: float, rules: WeightRules = RULES, n_nights: int = YEAR
) -> tuple[float, float]:
    """Nights after a reversal until the weights are worth what the default ones are, and until they are within a fifth
    of what the new truth offers over those before it; inf: never.

    So many nights before and after it; the old truth lies in the last two components, the new one in the first two.
    """
    world = World("reversal", (POWER_DIRECTION, OPPOSITE), coefficient)
    slopes = world.slopes(2 * n_nights)
    vectors = nights_of(evidence_with(seed, slopes), rules)
    truth = slopes[-1]
    worth = np.array([true_coefficient(weights, truth) for weights in vectors[n_nights - 1 :]])
    best = true_coefficient(truth, truth)
    wanted = (true_coefficient(DEFAULT_VECTOR, truth), worth[0] + 0.8 * (best - worth[0]))
    first, second = (np.flatnonzero(worth >= bar - 1e-9) for bar in wanted)
    return (float(first[0]) if len(first) else np.inf, float(second[0]) if len(second) else np.inf)


def with_error(values: list[float], digits: int = 4) -> str:
    """Mean and its Monte-Carlo standard error."""
    return f"{np.mean(values):+.{digits}f} ({np.std(values, ddof=1) / np.sqrt(len(values)):.{digits}f})"


def arms(base: WeightRules = RULES) -> dict[str, WeightRules]:
    """Every rule under the gate, and one of each kind without."""
    loose = replace(base, evidence_windows_days=WINDOW_WITHOUT_GATE, veto_level=0.0)
    return {name: replace(base, suggest=rule) for name, rule in CANDIDATES.items()} | {
        f"{name}, no gate": replace(loose, suggest=ungated(CANDIDATES[name])) for name in WITHOUT_GATE
    }


def report_planted(simulations: int) -> None:
    """Gain over the default weights in a year from nothing, per world and rule; the same seeds for every rule."""
    for world in WORLDS:
        reference: list[float] = []
        for name, rules in arms().items():
            found = [run(seed, world, rules) for seed in range(simulations)]
            gains = [one.true_gain if world.coefficient else one.realised_gain for one in found]
            reference = reference or gains
            oracle = float(np.mean([one.oracle_gain for one in found]))
            share = f"{np.mean(gains) / oracle:.0%} of {oracle:.4f}" if oracle > 1e-9 else "–"
            paired = with_error([mine - other for mine, other in zip(gains, reference, strict=True)])
            turnover = float(np.mean([one.turnover for one in found]))
            print(
                f"{world.name} | {name} | {with_error(gains)} | {share} | over the first {paired} | "
                f"turnover {turnover:.2f}",
                flush=True,
            )


def report_recovery(simulations: int) -> None:
    """Share of the oracle's gain after 120 nights, by planted coefficient."""
    for coefficient in (0.05, 0.08, 0.10, 0.12, 0.15, 0.20, 0.30):
        shares = [share_recovered(seed, coefficient=coefficient, n_nights=120) for seed in range(simulations)]
        low, median, high = np.quantile(shares, [0.25, 0.5, 0.75])
        print(
            f"{coefficient:.2f} | median {median:.0%} ({low:.0%} to {high:.0%}) | mean {with_error(shares, 2)}",
            flush=True,
        )


def report_reversal(simulations: int) -> None:
    """Sessions until a reversed truth is followed, by planted coefficient."""
    for coefficient in (0.15, 0.20, 0.30):
        waits = np.array([sessions_to_follow(seed, coefficient=coefficient) for seed in range(simulations)])
        for what, found in zip(("as good as default", "80 % of the way"), waits.T, strict=True):
            low, median, high = np.quantile(found, [0.25, 0.5, 0.75], method="inverted_cdf")
            within = np.mean(found <= 60)
            print(
                f"{coefficient:.2f} | {what} | median {median:.0f} ({low:.0f} to {high:.0f}) | within 60 {within:.0%}"
            )


def report_robustness(simulations: int) -> None:
    """The rule in use under other windows, limits and gates, on noise and on one planted truth."""
    settings = {
        "as delivered": RULES,
        "one window of 90 days": replace(RULES, evidence_windows_days=(90,)),
        "one window of 365 days": replace(RULES, evidence_windows_days=(365,)),
        "daily limit 0.05": replace(RULES, daily_limit=0.05),
        "daily limit 0.02": replace(RULES, daily_limit=0.02),
        "20 % false changes a year": replace(RULES, yearly_false_change_rate=0.20),
        "50 % false changes a year": replace(RULES, yearly_false_change_rate=0.50),
    }
    for world in (WORLDS[3], WORLDS[0]):
        for name, rules in settings.items():
            found = [run(seed, world, rules) for seed in range(simulations)]
            oracle = float(np.mean([one.oracle_gain for one in found]))
            gains = [one.true_gain if oracle else one.realised_gain for one in found]
            moved = np.mean([one.turnover > 0 for one in found])
            share = f", {np.mean(gains) / oracle:.0%} of {oracle:.4f}" if oracle else ""
            print(f"{world.name} | {name} | {with_error(gains)}{share} | moved in {moved:.0%}", flush=True)


COLUMNS = (
    "known_on",
    "horizon",
    "entry_date",
    "population",
    "feature",
    "scope",
    "return_rank_covariance",
    "score_covariances",
)


def replayed(data_dir: Path, last: date, rules: WeightRules) -> Replay:
    """The feed replayed from its first day to `last`, without factors of regimes and corrections."""
    from amc_learning_tests.acceptance.loop import open_warehouse, settings_for  # noqa: PLC0415

    settings = settings_for(data_dir)
    warehouse = open_warehouse(settings)
    components = settings.features.components
    joined_columns = (
        "known_on",
        "horizon",
        "decision_id",
        "decided_at",
        "entry_date",
        "is_selected",
        "is_in_cross_section",
    )
    return replay_weights(
        warehouse.table("daily_statistics").read(None, last, columns=COLUMNS),
        warehouse.table("feature_outcomes").read(
            None, last, columns=(*joined_columns, "forward_return", "is_winner", *components)
        ),
        as_of=knowledge_days(date(2008, 1, 2), last),
        features=FeatureWeights(components, settings.features.default_weights),
        rules=rules,
    )


def report_feed(data_dir: Path, last: date, *, judge_from: date | None, only: str | None, base: WeightRules) -> None:
    """Adaptive against static on the feed, per rule; judged on decisions from `judge_from` on."""
    for name, rules in arms(base).items():
        if only not in (None, name):
            continue
        replay = replayed(data_dir, last, rules)
        for horizon, sessions in rules.horizons.items():
            print(f"{name} | {horizon} | {feed_row(replay, horizon, sessions, judge_from)}", flush=True)


def feed_row(replay: Replay, horizon: str, sessions: int, judge_from: date | None) -> str:
    """Adaptive minus static, and adaptive, on the judged days of one horizon."""
    daily = replay.daily.filter(pl.col("horizon") == horizon)
    if judge_from is not None:
        daily = daily.filter(pl.col("decided_on") >= judge_from)
    mine, static = (daily.filter(pl.col("contender") == name) for name in ("adaptive", "static"))
    written = []
    for what, values in {
        "IC": mine["coefficient"],
        "IC static": static["coefficient"],
        "over static": mine["coefficient"] - static["coefficient"],
        "top 10 over static": mine["top_return"] - static["top_return"],
        "top 10 over controls": mine["top_return"] - mine["control_return"],
        "static top 10 over controls": static["top_return"] - static["control_return"],
    }.items():
        found = mean_inference(values.fill_null(float("nan")).to_numpy(), overlap_sessions=sessions)
        low, high = (float("nan") if bound is None else bound for bound in (found.ci_low, found.ci_high))
        written.append(f"{what} {found.estimate:+.5f} ({low:+.5f} to {high:+.5f})")
    return f"n {mine.height} | {' | '.join(written)} | turnover {replay.movement.turnover_per_year:.2f}"


def main() -> None:
    """Run one study."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", choices=["planted", "recovery", "reversal", "robustness", "feed"])
    parser.add_argument("--simulations", type=int, default=20)
    parser.add_argument("--data-dir", type=Path, default=Path("data"))
    parser.add_argument("--to", type=date.fromisoformat, default=date(2012, 12, 31))
    parser.add_argument("--judge-from", type=date.fromisoformat)
    parser.add_argument("--rule", help="feed: only this one")
    parser.add_argument("--daily-limit", type=float, default=0.10)
    parser.add_argument("--horizon", default="1d", help="feed: horizon whose returns decide")
    parser.add_argument("--windows", type=int, nargs="+", default=[90, 365, 1095])
    chosen = parser.parse_args()
    reports = {
        "planted": report_planted,
        "recovery": report_recovery,
        "reversal": report_reversal,
        "robustness": report_robustness,
    }
    if chosen.study in reports:
        reports[chosen.study](chosen.simulations)
    else:
        base = WeightRules(
            daily_limit=chosen.daily_limit,
            evidence_horizon=chosen.horizon,
            evidence_windows_days=tuple(chosen.windows),
        )
        report_feed(chosen.data_dir, chosen.to, judge_from=chosen.judge_from, only=chosen.rule, base=base)


if __name__ == "__main__":
    main()
