"""Are prediction models promoted for nothing, found when they are better, and as good as what is there to be known?

Run by hand; every study prints its Monte-Carlo error:

    python -m amc_learning_tests.truth.models_study

The quick versions run in the tests. The real feed is measured only where the shared data is.
"""

# ruff: noqa: T201 - a study reports to the terminal.

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from amc_learning.contracts.tables import catalogue
from amc_learning.learning.join import feature_outcomes
from amc_learning.learning.models.cases import Cases, training_cases
from amc_learning.learning.models.evidence import coefficient_differences, judge, squared_error_differences
from amc_learning.learning.models.fitting import fit_models
from amc_learning.learning.models.retraining import retrain
from amc_learning.learning.models.rules import ModelRules
from amc_learning.learning.models.scores import area_under_curve
from amc_learning.learning.outcomes import OutcomeRules, candidate_outcomes
from amc_learning.market_calendar import exchange_sessions
from amc_learning_tests.learning.models.worlds import RULES, planted_cases, shocks
from amc_learning_tests.truth.guarantees import Effort, Guarantee, Measurement, share

MARKET = (Path(__file__).resolve().parents[2] / "../shared/data/market").resolve()

STOP_SESSIONS = 30
"""Sessions within which a stop is watched on the real feed: its trades are closed after as many."""

REAL_RULES = ModelRules(
    components=("volume_momentum", "squeeze", "catalyst", "sentiment", "options", "technical"),
    stop_overlap_sessions=STOP_SESSIONS,
)

N_FIRST, N_WEEKS, N_NAMES = 500, 104, 50
"""Days of the first record, weekly looks after it, candidates a day: the size of the real feed."""

LEVEL = ModelRules(components=()).false_promotion_rate / 2
"""Per challenger: two of them share the rate."""

WORLDS = (("stop_out", 21, 0.2), ("stop_out", 21, 0.02), ("outperformance", 5, 0.5), ("return", 5, 0.0))
"""Target, sessions a label spans, rate of the rarer truth."""


def _predictions(
    rng: np.random.Generator, overlap: int, rate: float, strengths: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Days, truths, and what two kinds say that each know another half of what decides; both halves persist."""
    n_days = N_FIRST + 5 * N_WEEKS
    halves = rng.standard_normal((2, n_days, N_NAMES))
    for day in range(1, n_days):
        halves[:, day] = 0.95 * halves[:, day - 1] + np.sqrt(1 - 0.95**2) * halves[:, day]
    known = [strength * half for strength, half in zip(strengths, halves, strict=True)]
    noise = np.stack([shocks(rng, n_days, overlap) for _ in range(N_NAMES)], axis=1)
    market = shocks(rng, n_days, overlap)[:, None]
    latent = known[0] + known[1] + 0.5 * market + noise
    days = np.repeat(np.arange(n_days), N_NAMES)
    if rate == 0.0:
        return days, latent.ravel(), known[0].ravel(), known[1].ravel()
    truth = latent > np.quantile(latent, 1 - rate)
    told = []
    for half in known:
        # What a calibrated model of this half would say: the rate among names with as much of it.
        edges = np.quantile(half, np.linspace(0, 1, 21)[1:-1])
        place = np.searchsorted(edges, half)
        rates = np.bincount(place.ravel(), weights=truth.ravel()) / np.bincount(place.ravel())
        told.append(rates[place].ravel())
    return days, truth.ravel().astype(float), told[0], told[1]


def _is_promoted(target: str, overlap: int, world: tuple[np.ndarray, ...]) -> tuple[bool, bool]:
    """Whether the second kind replaces the first at the first look, and at any look."""
    days, truth, champion, challenger = world
    measure = coefficient_differences if target == "return" else squared_error_differences
    differences = measure(days, truth, one=challenger, other=champion)
    # What is settled stays settled: one look at the end sees every promotion of every week before it.
    found = judge(differences, n_first=N_FIRST, overlap_sessions=overlap, level=LEVEL)
    first = differences.days < N_FIRST
    start = type(differences)(differences.days[first], differences.values[first], differences.worst[first])
    return judge(start, n_first=N_FIRST, overlap_sessions=overlap, level=LEVEL).is_settled, found.is_settled


def false_promotions(effort: Effort) -> Measurement:
    """Share of champions replaced within two years of weekly looks by one of two kinds just as good, in percent."""
    n = {Effort.QUICK: 5, Effort.LONG: 50}[effort]
    hits = 0
    for place, (target, overlap, rate) in enumerate(WORLDS):
        for seed in range(n):
            looks = [
                _is_promoted(target, overlap, _predictions(rng, overlap, rate, (0.5, 0.5)))[1]
                for rng in np.random.default_rng((place, seed)).spawn(2)
            ]
            hits += any(looks)
    return share(hits, n * len(WORLDS))


def power(effort: Effort) -> Measurement:
    """Share of better kinds promoted in two years, in percent: it knows half of what decides, the champion a rate."""
    n = {Effort.QUICK: 8, Effort.LONG: 60}[effort]
    hits = 0
    for seed in range(n):
        rng = np.random.default_rng((9, seed))
        days, truth, _, challenger = _predictions(rng, 21, 0.2, (0.0, 0.6))
        hits += _is_promoted("stop_out", 21, (days, truth, np.full(len(truth), truth.mean()), challenger))[1]
    return share(hits, n)


def _first_week(seed: int, *, strength: float, target: str) -> tuple[pl.DataFrame, pl.DataFrame, np.ndarray]:
    cases, truths = planted_cases(seed, target=target, strength=strength)
    empty = cases.rows(np.zeros(len(cases), dtype=bool))
    by_target = {
        name: cases if name == target else Cases(name, *(vars(empty)[field] for field in list(vars(empty))[1:]))
        for name in ("success", "outperformance", "return", "stop_out")
    }
    tables = catalogue(RULES.components)
    found = retrain(
        by_target,
        tables["prediction_models"].empty(),
        tables["judged_predictions"].empty(),
        week=max(cases.matured_dates),
        rules=RULES,
    )
    return found.models.filter(pl.col("target") == target), found.record, truths


def promoted_on_noise(effort: Effort) -> Measurement:
    """Share of first weeks on pure noise, models really fitted, in which a kind replaces the baseline, in percent."""
    n = {Effort.QUICK: 1, Effort.LONG: 20}[effort]
    hits = [
        (_first_week(seed, strength=0.0, target=target)[0]["decision"] == "promoted").any()
        for target in ("stop_out", "return")
        for seed in range(n)
    ]
    return share(sum(hits), len(hits))


def gap_to_oracle(effort: Effort) -> Measurement:
    """Mean over worlds of the oracle's area under the curve less that of the better kind, days not seen; planted."""
    gaps = []
    for seed in range({Effort.QUICK: 1, Effort.LONG: 8}[effort]):
        models, record, truths = _first_week(seed, strength=0.8, target="stop_out")
        cases, _ = planted_cases(seed, target="stop_out", strength=0.8)
        place = {name: at for at, name in enumerate(cases.decision_ids)}
        rows = [place[name] for name in record["decision_id"]]
        days = record["entry_date"].to_physical().to_numpy().astype(np.int64)
        oracle = area_under_curve(days, record["truth"].to_numpy(), truths[rows], overlap_sessions=5).estimate
        gaps.append(oracle - models["area_under_curve"].max())
    error = float(np.std(gaps, ddof=1) / np.sqrt(len(gaps))) if len(gaps) > 1 else float("nan")
    return Measurement(round(float(np.mean(gaps)), 4), round(error, 4), len(gaps))


def real_stop_outs(first: date, last: date) -> Cases:
    """Stop-out cases of the real feed whose truth became known on these days; regimes are left unknown."""
    bars_from = first - timedelta(days=200)
    bars = (
        pl.read_parquet(MARKET / "bars.parquet")
        .select(
            "symbol",
            known_on="date",
            volume_shares=pl.col("volume").cast(pl.Float64),
            **{f"{name}_usd": pl.col(name) for name in ("open", "high", "low", "close")},
        )
        .filter(pl.col("known_on").is_between(bars_from, last))
    )
    at_1610 = pl.col("date").cast(pl.Datetime("us")).dt.offset_by("16h10m").dt.replace_time_zone("America/New_York")
    candidates = (
        pl.read_parquet(MARKET / "events_discovery.parquet")
        .filter(pl.col("date").is_between(bars_from, last))
        .select(
            "symbol",
            "action_tag",
            "total_score",
            *REAL_RULES.components,
            known_on="date",
            is_selected=pl.lit(value=True),
            is_late=pl.lit(value=True),
            decision_id=pl.format("{}/{}", "date", "symbol"),
            event_id=pl.format("run {}", "date"),
            n_universe=pl.lit(None, pl.Int64),
            decided_at=at_1610.dt.convert_time_zone("UTC"),
        )
    )
    outcomes = candidate_outcomes(
        candidates,
        bars,
        exchange_sessions("XNYS", bars_from - timedelta(days=60), last),
        OutcomeRules({"7d": 5, "30d": STOP_SESSIONS}, "next_open", 0.25, -0.10),
        known_from=first,
        known_to=last,
    )
    index = pl.read_parquet(MARKET / "index.parquet").rename({"date": "known_on"})
    closes = index.unpivot(index="known_on", variable_name="series", value_name="close_points").drop_nulls()
    regimes = catalogue(REAL_RULES.components)["market_regimes"].empty()
    joined = feature_outcomes(outcomes, candidates, components=REAL_RULES.components)
    return training_cases(joined, outcomes, bars, closes, regimes, rules=REAL_RULES)["stop_out"]


def real_stop_out_areas(first: date = date(2008, 1, 2)) -> dict[str, Measurement]:
    """Area under the curve by kind on entries of 2013 and 2014, fitted on what was known from `first` to 2012."""
    seen, later = (
        real_stop_outs(first, date(2012, 12, 31)),
        real_stop_outs(date(2013, 1, 1), date(2014, 12, 15)),
    )
    later = later.rows((later.entry_dates > date(2012, 12, 31)).to_numpy())
    models = fit_models(seen, rules=REAL_RULES).models
    found = {}
    for kind in ("linear", "boosted"):
        area = area_under_curve(
            later.days, later.truth, models[kind].predict(later.features), overlap_sessions=STOP_SESSIONS
        )
        half_width = (area.ci_high - area.ci_low) / 2
        found[kind] = Measurement(round(area.estimate, 4), round(half_width / 1.96, 4), len(later))
    return found


def real_stop_out_area(effort: Effort) -> Measurement:
    """The smaller of both kinds' areas; measured only where the shared data is."""
    first = {Effort.QUICK: date(2011, 7, 1), Effort.LONG: date(2008, 1, 2)}[effort]
    return min(real_stop_out_areas(first).values(), key=lambda found: found.value)


_SECTION = "Prediction models"

GUARANTEES = (
    Guarantee(
        _SECTION,
        "Within two years of weekly looks a champion is replaced by a kind no better",
        5.0,
        is_at_least=False,
        measure=false_promotions,
        unit="%",
    ),
    Guarantee(
        _SECTION,
        "On pure noise a fitted kind replaces the baseline in the first week",
        5.0,
        is_at_least=False,
        measure=promoted_on_noise,
        unit="%",
    ),
    Guarantee(
        _SECTION,
        "A planted better kind, labels of 21 sessions, is promoted within two years",
        80.0,
        is_at_least=True,
        measure=power,
        unit="%",
    ),
    Guarantee(
        _SECTION,
        "Area under the curve the better kind lacks to the planted truth, on days not seen",
        0.02,
        is_at_least=False,
        measure=gap_to_oracle,
    ),
    *(
        (
            Guarantee(
                _SECTION,
                "Stop-outs of 2013 and 2014 (low 8 % under the entry within 30 sessions) on the real feed, fitted on "
                "what was known by 2012: area under the curve",
                0.62,
                is_at_least=True,
                measure=real_stop_out_area,
            ),
        )
        if MARKET.is_dir()
        else ()
    ),
)


def main() -> None:
    """Print every guarantee as measured."""
    for guarantee in GUARANTEES:
        measured = guarantee.measure(Effort.LONG)
        print(f"{guarantee.statement}: {measured} ({guarantee.verdict(measured).value})")
    if MARKET.is_dir():
        print(real_stop_out_areas())


if __name__ == "__main__":
    main()
