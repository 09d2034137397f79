"""Markets with a known truth: seeded cross-sections of scores and returns, as arrays and as tables."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
from scipy.stats import rankdata

from amc_learning.learning.weights.evidence import Evidence, days_since_epoch

NAMES = ("volume_momentum", "squeeze", "catalyst", "sentiment", "options", "technical")
DEFAULT = dict(zip(NAMES, (0.30, 0.25, 0.20, 0.10, 0.08, 0.07), strict=True))
DEFAULT_VECTOR = np.array(list(DEFAULT.values()))
EQUAL_VECTOR = np.full(6, 1 / 6)
SCORE_SPREAD = 15.0


def weekdays(count, start=date(2010, 1, 4)):
    found = [start + timedelta(days=at) for at in range(2 * count)]
    return [day for day in found if day.weekday() < 5][:count]


def correlation_matrix(size=6, rho=0.3):
    return np.full((size, size), rho) + (1 - rho) * np.eye(size)


def slopes_for(direction, coefficient, rho=0.3):
    """Slopes along this direction of standardised scores whose total then has about this information coefficient."""
    direction = np.asarray(direction, float)
    return coefficient * direction / np.sqrt(direction @ correlation_matrix(len(direction), rho) @ direction)


def scores_and_returns(rng, days, *, slopes=None, names=50, size=6, rho=0.3, sessions=1, persistence=0.0):
    """(days, names, size) scores around 50 and (days, names) returns over overlapping `sessions`."""
    total = days + sessions - 1
    scores = rng.standard_normal((total, names, size)) @ np.linalg.cholesky(correlation_matrix(size, rho)).T
    for day in range(1, total if persistence else 1):
        scores[day] = persistence * scores[day - 1] + np.sqrt(1 - persistence**2) * scores[day]
    daily = rng.standard_normal((total, names))
    if slopes is not None:
        daily = daily + scores @ np.asarray(slopes, float)
    running = np.cumsum(np.vstack([np.zeros(names), daily]), axis=0)
    return 50 + SCORE_SPREAD * scores[:days], (running[sessions:] - running[:-sessions]) * 0.02


def evidence_of(scores, returns, known_on):
    ranks = rankdata(returns, axis=1)
    ranks = (ranks - ranks.mean(1, keepdims=True)) / ranks.std(1, keepdims=True)
    centred = scores - scores.mean(1, keepdims=True)
    names = scores.shape[1]
    return Evidence(
        np.array([days_since_epoch(day) for day in known_on], dtype=np.int64),
        np.einsum("dnk,dn->dk", centred, ranks) / names,
        np.einsum("dnk,dnj->dkj", centred, centred) / names,
    )


def random_evidence(rng, days, **world):
    return evidence_of(*scores_and_returns(rng, days, **world), weekdays(days))


def statistics_table(evidence, *, horizon="1d", population="selected", names=NAMES):
    """The columns of `daily_statistics` the decision reads."""
    known_on = [date(1970, 1, 1) + timedelta(days=int(day)) for day in evidence.known_on]
    rows = [
        (day, horizon, day, population, name, "all", float(covariance[at]), scores[at].tolist())
        for day, covariance, scores in zip(
            known_on, evidence.return_covariances, evidence.score_covariances, strict=True
        )
        for at, name in enumerate(names)
    ]
    return pl.DataFrame(
        rows,
        schema={
            "known_on": pl.Date,
            "horizon": pl.String,
            "entry_date": pl.Date,
            "population": pl.String,
            "feature": pl.String,
            "scope": pl.String,
            "return_rank_covariance": pl.Float64,
            "score_covariances": pl.Array(pl.Float64, len(names)),
        },
        orient="row",
    )


def joined_table(scores, returns, known_on, *, horizon="1d", names=NAMES):
    """The columns of `feature_outcomes` the decision reads."""
    days, candidates, _ = scores.shape
    repeated = [day for day in known_on for _ in range(candidates)]
    return pl.DataFrame(
        {
            "known_on": repeated,
            "horizon": [horizon] * (days * candidates),
            "decision_id": [f"{day}-{at:03d}" for day in known_on for at in range(candidates)],
            "entry_date": repeated,
            "is_selected": [True] * (days * candidates),
            "is_in_cross_section": [True] * (days * candidates),
            **{name: scores[:, :, at].ravel() for at, name in enumerate(names)},
            "forward_return": returns.ravel(),
            "is_winner": (returns > 0.02).ravel(),
        }
    )


def no_candidates():
    return joined_table(np.zeros((0, 50, 6)), np.zeros((0, 50)), [])


def order(known_on, action, target=None):
    return {
        "known_on": known_on,
        "requested_at": datetime(known_on.year, known_on.month, known_on.day, 12, tzinfo=UTC),
        "action": action,
        "target_known_on": target,
        "reason": "the desk asked",
    }
