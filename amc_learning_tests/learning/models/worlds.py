"""Candidates whose truth follows planted rules, as models see them: features with gaps, labels that overlap."""

from datetime import date

import numpy as np
import polars as pl

from amc_learning.learning.models.cases import Cases, feature_groups
from amc_learning.learning.models.rules import ModelRules

COMPONENTS = ("squeeze", "technical", "sentiment")
FEATURES = tuple(feature_groups(COMPONENTS))
RULES = ModelRules(components=COMPONENTS, stop_overlap_sessions=5, stop_horizon="7d", min_train_days=150)
SIGNAL = ("volatility_20", "return_5")
"""Features that the planted truth depends on; `sentiment` is missing for most."""

FIRST_DAY = date(2013, 1, 1)


def sessions(n: int) -> list[date]:
    """Weekdays from the first day on."""
    days = np.busday_offset(np.datetime64(FIRST_DAY), np.arange(n), roll="forward")
    return days.astype(object).tolist()


def features_for(rng: np.random.Generator, n_days: int, n_names: int) -> np.ndarray:
    """Standard normal features, the index's equal within a day, sentiment missing for nine of ten."""
    values = rng.standard_normal((n_days, n_names, len(FEATURES)))
    for name in ("vix", "market_volatility_20"):
        values[:, :, FEATURES.index(name)] = rng.standard_normal((n_days, 1))
    values[:, :, FEATURES.index("sentiment")] = np.where(
        rng.random((n_days, n_names)) < 0.9, np.nan, values[:, :, FEATURES.index("sentiment")]
    )
    return values.reshape(n_days * n_names, len(FEATURES))


def log_odds_of(features: np.ndarray, strength: float) -> np.ndarray:
    """The planted rule: more volatile and fallen names are stopped out more often; about one in four at strength 0."""
    columns = features[:, [FEATURES.index(name) for name in SIGNAL]]
    return -1.1 + strength * (columns[:, 0] - 0.5 * columns[:, 1])


def shocks(rng: np.random.Generator, n_days: int, overlap: int) -> np.ndarray:
    """What the market does to all names of a day: shared by neighbouring days as far as their labels overlap."""
    return np.convolve(rng.standard_normal(n_days + overlap - 1), np.ones(overlap) / np.sqrt(overlap), "valid")


def planted_cases(
    seed: int,
    *,
    target: str = "stop_out",
    n_days: int = 400,
    n_names: int = 30,
    strength: float = 0.8,
    shock: float = 0.3,
    rules: ModelRules = RULES,
) -> tuple[Cases, np.ndarray]:
    """Cases of one target, and their true log odds (of returns: true means) without the shock of the day."""
    rng = np.random.default_rng(seed)
    features = features_for(rng, n_days, n_names)
    overlap = rules.overlap_of(target)
    common = np.repeat(shocks(rng, n_days, overlap), n_names)
    if target == "return":
        truths = 0.01 * (log_odds_of(features, strength) + 1.1)
        truth = truths + rng.normal(0, 0.05, len(truths))
    else:
        truths = log_odds_of(features, strength)
        truth = (rng.random(len(truths)) < 1 / (1 + np.exp(-truths - shock * common))).astype(float)
    days = sessions(n_days + overlap)
    entry = np.repeat(np.arange(n_days), n_names)
    cases = Cases(
        target,
        pl.Series([f"{day}/{name}" for day in range(n_days) for name in range(n_names)]),
        pl.Series([days[at] for at in entry], dtype=pl.Date),
        pl.Series([days[at + overlap - 1] for at in entry], dtype=pl.Date),
        truth,
        features,
    )
    return cases, truths


def known_by(cases: Cases, day: date) -> Cases:
    """The cases whose truth is known on this day."""
    return cases.rows((cases.matured_dates <= day).to_numpy())
