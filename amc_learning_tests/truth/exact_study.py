"""Guarantees without chance: nothing later changes anything earlier, numbers equal independent libraries, parts add up.

Every guarantee looks at many random inputs and keeps the worst case. The same holds for inputs that are made to break
it, which property tests beside the modules look for.
"""

from datetime import UTC, date, datetime, timedelta
from itertools import product

import numpy as np
import polars as pl

from amc_learning.contracts.declared.trades import closed_trades
from amc_learning.contracts.tables import catalogue
from amc_learning.learning.attribution import performance_attribution
from amc_learning.learning.information_coefficient import areas_under_curve, information_coefficients, ranked_pairs
from amc_learning.learning.outcomes import OutcomeRules, candidate_outcomes
from amc_learning.learning.replay.hindsight import best_fixed_weights
from amc_learning.learning.theses.reliability import reliability
from amc_learning.learning.theses.wilson import wilson_interval
from amc_learning_tests.learning.weights.worlds import DEFAULT_VECTOR, random_evidence, slopes_for, weekdays
from amc_learning_tests.truth.guarantees import Effort, Guarantee, Measurement, exact

CASES = {Effort.QUICK: 3, Effort.LONG: 300}
SYMBOLS = ("ABC", "DEF", "GHI", "JKL", "MNO", "PQR")
N_SESSIONS = 50


def outcomes_changed_by_later_prices(effort: Effort) -> Measurement:
    """Outcome rows known by a day that differ when every price after it is another; both entry rules."""
    n_changed = n_rows = 0
    for seed in range(CASES[effort]):
        generator = np.random.default_rng([seed, 1])
        days, sessions, bars, decisions = _market(generator)
        cut = days[int(generator.integers(25, N_SESSIONS - 1))]
        is_later = pl.col("known_on") > cut
        prices = pl.col("open_usd", "high_usd", "low_usd", "close_usd")
        shifted = bars.with_columns(pl.when(is_later).then(prices * generator.uniform(0.1, 10) + 1).otherwise(prices))
        for entry in ("next_open", "decision_close"):
            rules = OutcomeRules({"1d": 1, "7d": 5, "30d": 21}, entry, 0.25, -0.10)
            before, after = (
                candidate_outcomes(decisions, one, sessions, rules, known_from=days[21], known_to=days[-1])
                .filter(~is_later)
                .sort("known_on", "decision_id", "horizon")
                for one in (bars, shifted)
            )
            same = before.join(after, on=before.columns, how="semi", nulls_equal=True).height
            n_changed += max(before.height, after.height) - same
            n_rows += before.height
    return exact(n_changed, n_rows)


def _market(generator: np.random.Generator) -> tuple[list[date], pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Weekdays, sessions, bars of which a tenth is missing, and decisions at any hour, some known late."""
    days = weekdays(N_SESSIONS, start=date(2024, 1, 1))
    midnights = [datetime(day.year, day.month, day.day, tzinfo=UTC) for day in days]
    sessions = pl.DataFrame(
        {
            "session_date": days,
            "opens_at": [one + timedelta(hours=14.5) for one in midnights],
            "closes_at": [one + timedelta(hours=21) for one in midnights],
        },
        schema_overrides={"opens_at": pl.Datetime("us", "UTC"), "closes_at": pl.Datetime("us", "UTC")},
    )
    rows = []
    for day, symbol in product(days, SYMBOLS):
        if generator.random() < 0.9:
            low, opened, close, high = np.sort(generator.uniform(1, 100, 4)).round(2).tolist()
            rows.append((day, symbol, opened, high, low, close, None))
    bars = pl.DataFrame(rows, schema=catalogue(())["price_bars"].schema, orient="row")
    instants = [midnights[0] + timedelta(hours=float(one)) for one in generator.uniform(0, 24 * 65, 60)]
    decisions = pl.DataFrame(
        {
            "known_on": [one.date() + timedelta(days=int(generator.choice([0, 0, 0, 1, 4]))) for one in instants],
            "decision_id": [f"d{at:02d}" for at in range(len(instants))],
            "symbol": generator.choice(SYMBOLS, len(instants)).tolist(),
            "decided_at": instants,
        },
        schema_overrides={"decided_at": pl.Datetime("us", "UTC")},
    )
    return days, sessions, bars, decisions


def coefficient_difference(effort: Effort) -> Measurement:
    """Largest difference of a daily rank correlation to scipy's, over days of 5 to 80 names with many ties."""
    from scipy.stats import spearmanr  # noqa: PLC0415

    differences = []
    for scores, returns in _days(effort):
        ours = information_coefficients(ranked_pairs(scores[None], returns, np.ones(len(returns))))[0]
        differences.append(abs(ours - spearmanr(scores, returns).statistic))
    return exact(float(np.nanmax(differences)), len(differences))


def area_difference(effort: Effort) -> Measurement:
    """Largest difference of a daily area under the curve to scikit-learn's."""
    from sklearn.metrics import roc_auc_score  # noqa: PLC0415

    differences = []
    for scores, returns in _days(effort):
        is_winner = returns > 1
        if 0 < is_winner.sum() < len(is_winner):
            ours = areas_under_curve(ranked_pairs(scores[None], returns, np.ones(len(returns))), is_winner)[0]
            differences.append(abs(ours - roc_auc_score(is_winner, scores)))
    return exact(float(max(differences)), len(differences))


def _days(effort: Effort) -> list[tuple[np.ndarray, np.ndarray]]:
    """Scores and returns of random days, as coarse as nine values and as fine as doubles."""
    generator = np.random.default_rng(2)
    found = []
    for _ in range(10 * CASES[effort]):
        n = int(generator.integers(5, 81))
        scores, returns = generator.normal(50, 15, n), generator.standard_t(3, n)
        if generator.random() < 0.5:
            scores, returns = np.round(scores / 15), np.round(returns)
        if len(set(scores)) > 1 and len(set(returns)) > 1:
            found.append((scores, returns))
    return found


def decomposition_difference(effort: Effort) -> Measurement:
    """Largest difference of Brier score, miscalibration, discrimination and uncertainty to model-diagnostics."""
    from model_diagnostics.scoring import SquaredError, decompose  # noqa: PLC0415

    generator, differences = np.random.default_rng(3), []
    for _ in range(CASES[effort]):
        n = int(generator.integers(20, 3000))
        confidence = generator.beta(5, 2, n).round(int(generator.integers(1, 6)))
        came_true = generator.random(n) < confidence * generator.uniform(0.3, 1)
        theirs = decompose(came_true.astype(float), confidence, scoring_function=SquaredError()).row(0, named=True)
        ours = reliability(confidence, came_true.astype(np.int64))
        pairs = {"brier_score": "score"} | {one: one for one in ("miscalibration", "discrimination", "uncertainty")}
        differences += [abs(np.asarray(getattr(ours, a)).item() - theirs[b]) for a, b in pairs.items()]
    return exact(float(max(differences)), CASES[effort])


def wilson_difference(effort: Effort) -> Measurement:
    """Largest difference of either end of a Wilson interval to statsmodels'."""
    from statsmodels.stats.proportion import proportion_confint  # noqa: PLC0415

    generator = np.random.default_rng(4)
    n = generator.integers(1, 5000, 10 * CASES[effort])
    hits = generator.binomial(n, generator.uniform(0, 1, len(n)))
    ours, theirs = wilson_interval(hits / n, n), proportion_confint(hits, n, method="wilson")
    return exact(float(max(np.abs(a - b).max() for a, b in zip(ours, theirs, strict=True))), len(n))


COMPONENTS = {"squeeze": 0.5, "technical": 0.3, "catalyst": 0.2}


def unattributed(effort: Effort) -> Measurement:
    """Largest difference, in millionths of a dollar, of the sum of a dimension's parts to the sum of all trades."""
    largest, n_sums = 0, 0
    for seed in range(max(CASES[effort] // 10, 2)):
        trades = _trades(np.random.default_rng([seed, 5]))
        last = trades["known_on"].max()
        found = performance_attribution(trades, as_of=[last], components=tuple(COMPONENTS), weights=COMPONENTS)
        total = int(np.rint(trades["realised_pnl_usd"].fill_null(0.0).to_numpy() * 1e6).sum())
        sums = found.group_by("dimension").agg(pl.col("realised_pnl_micro_usd").sum())["realised_pnl_micro_usd"]
        largest = max(largest, *(abs(one - total) for one in sums))
        n_sums += len(sums)
    return exact(largest, n_sums)


def _trades(generator: np.random.Generator, n: int = 400) -> pl.DataFrame:
    days = weekdays(60)
    rows = []
    for at in range(n):
        is_linked = generator.random() < 0.8
        pnl = None if generator.random() < 0.05 else float(generator.normal(3, 200))
        rows.append(
            {
                "known_on": days[int(generator.integers(len(days)))],
                "position_id": f"position-{at}",
                "revision": 1,
                "symbol": "ABC",
                "status": "closed",
                "n_entries": 1,
                "n_exits": 1,
                "realised_pnl_usd": pnl,
                "realised_return": None if pnl is None else pnl / 1000,
                "decision_id": "d" if is_linked else None,
                "action_tag": str(generator.choice(["trade_ready", "watchlist"])) if is_linked else None,
                "source": str(generator.choice(["ai", "rule_based"])),
                **{name: float(generator.uniform(0, 100)) if is_linked else None for name in COMPONENTS},
            }
        )
    return pl.DataFrame(rows, schema=closed_trades(tuple(COMPONENTS)).schema)


def beaten_in_hindsight(effort: Effort) -> Measurement:
    """Largest gain of any weights in steps of 0.2 over the best fixed vector; 0 or below when none is better."""
    lattice = np.array([one for one in product(range(6), repeat=6) if sum(one) == 5 and max(one) <= 3]) / 5
    n, largest = 2 if effort is Effort.QUICK else 60, -np.inf
    for seed in range(n):
        generator = np.random.default_rng(seed)
        slopes = None if seed % 2 else slopes_for(generator.standard_normal(6), 0.1)
        evidence = random_evidence(generator, 80, slopes=slopes)
        best = evidence.coefficients(best_fixed_weights(evidence, cap=0.6, starts=(DEFAULT_VECTOR,))).mean()
        largest = max(largest, *(float(evidence.coefficients(one).mean() - best) for one in lattice))
    return exact(round(largest, 6), n)


GUARANTEES: tuple[Guarantee, ...] = (
    Guarantee(
        "Outcomes",
        "Every price after a day is another: outcome rows known by that day that change",
        0.0,
        False,
        outcomes_changed_by_later_prices,
    ),
    Guarantee(
        "Daily statistics",
        "Daily rank correlation: largest difference to scipy, ties included",
        1e-12,
        False,
        coefficient_difference,
    ),
    Guarantee(
        "Daily statistics",
        "Area under the curve: largest difference to scikit-learn, ties included",
        1e-12,
        False,
        area_difference,
    ),
    Guarantee(
        "Accuracy of theses", "Wilson intervals: largest difference to statsmodels", 1e-9, False, wilson_difference
    ),
    Guarantee(
        "Reliability and the Brier score",
        "Brier score and its three parts: largest difference to model-diagnostics",
        1e-9,
        False,
        decomposition_difference,
    ),
    Guarantee(
        "Performance attribution",
        "Sum of the parts of every dimension against the sum of all trades: largest difference",
        0.0,
        False,
        unattributed,
        "millionths of a dollar",
    ),
    Guarantee(
        "Replay",
        "Best fixed weights in hindsight: largest gain over them of any vector in steps of 0.2",
        0.0,
        False,
        beaten_in_hindsight,
    ),
)
