"""Simulated candidates for tests and studies of patterns: persistent scores, overlapping labels, an effect or none.

Returns are made session by session and labels are sums over the sessions held, so that they overlap as real ones do.
What makes naive tests fail is all in: scores that last (autocorrelation 0.98 a session), labels that share sessions,
common factors that a score loads on (its holders rise and fall together), and tails with skewness.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from scipy.special import ndtr

from amc_learning.contracts.declared.patterns import PATTERN_ATTRIBUTES
from amc_learning.learning.patterns.literals import Cases, lay_out
from amc_learning.learning.patterns.rules import PatternRules

COMPONENTS = ("volume_momentum", "squeeze", "catalyst", "sentiment", "options", "technical")
RULES = PatternRules(components=COMPONENTS)
FIRST_ENTRY = date(2012, 1, 2)
NAME_VOLATILITY = 0.016
"""Of a session and name, besides market and factors."""

FACTOR_VOLATILITY = 0.003
"""Of a session and standard deviation of score: what holders of a high score share."""

PLANTED = "squeeze=60-100 & technical=80-100"


@dataclass(frozen=True)
class Planted:
    """A pair of score bands whose holders return more, by a sum over the holding period, between two sessions."""

    effect: float
    first_session: int = 0
    last_session: int = 1_000_000

    def is_held(self, scores: np.ndarray) -> np.ndarray:
        """Shape (sessions, names): for whom it holds; scores have shape (components, sessions, names)."""
        squeeze, technical = scores[1], scores[5]
        return (squeeze >= 60) & (technical >= 80)


@dataclass(frozen=True)
class World:
    """Scores (components, sessions, names), forward returns and categorical attributes (sessions, names)."""

    scores: np.ndarray
    returns: np.ndarray
    attributes: dict[str, np.ndarray]
    horizon: int

    def frame(self) -> pl.DataFrame:
        """As `pattern_cases` returns candidates."""
        n_sessions, n_names = self.returns.shape
        days = np.array(sessions(n_sessions + self.horizon), dtype="datetime64[D]")
        spread = {name: pl.Series(values.ravel().tolist(), dtype=pl.String) for name, values in self.attributes.items()}
        return pl.DataFrame(
            {
                "known_on": np.repeat(days[self.horizon - 1 : -1], n_names),
                "entry_date": np.repeat(days[:n_sessions], n_names),
                "decision_id": [f"{day}:{name:03d}" for day in days[:n_sessions] for name in range(n_names)],
                "forward_return": self.returns.ravel(),
                "is_winner": self.returns.ravel() >= 0.25,
                **{name: scores.ravel() for name, scores in zip(COMPONENTS, self.scores, strict=True)},
            }
        ).with_columns(
            spread.get(name, pl.lit(None, pl.String)).alias(name)  # type: ignore[union-attr]
            for name in PATTERN_ATTRIBUTES
        )

    def cases(self) -> Cases:
        """As arrays."""
        return lay_out(self.frame(), components=COMPONENTS, return_bound=RULES.return_bound)


def sessions(n: int) -> list[date]:
    """Weekdays from `FIRST_ENTRY` on."""
    days = (FIRST_ENTRY + timedelta(days=step) for step in range(2 * n + 7))
    return [day for day in days if day.weekday() < 5][:n]


def simulated(
    rng: np.random.Generator,
    *,
    n_sessions: int = 750,
    n_names: int = 50,
    horizon: int = 5,
    persistence: float = 0.98,
    planted: Planted | None = None,
    n_pool: int | None = None,
) -> World:
    """Candidates of a system whose scores say nothing about returns, unless an effect is planted.

    Args:
        rng: seeded generator.
        n_sessions: entry sessions.
        n_names: candidates a session.
        horizon: sessions a label spans.
        persistence: autocorrelation of scores from one session to the next.
        planted: what is planted.
        n_pool: names to choose from: those with the highest mean score are candidates, so that they come and go; None:
            the same names all along, the hardest case for a test that takes days as fresh.
    """
    pool = n_pool or n_names
    latent = _persistent(rng, (len(COMPONENTS), n_sessions, pool), persistence)
    scores = 100 * ndtr(latent)
    n_all = n_sessions + horizon - 1
    shocks = _skewed_tails(rng, (n_all, pool)) * NAME_VOLATILITY + rng.normal(0.0005, 0.01, n_all)[:, None]
    loadings = np.concatenate([latent, np.repeat(latent[:, -1:], horizon - 1, axis=1)], axis=1)
    factors = rng.standard_t(4, (len(COMPONENTS), n_all, 1)) / np.sqrt(2) * FACTOR_VOLATILITY
    daily = shocks + (factors * loadings).sum(axis=0)
    summed = np.cumsum(np.vstack([np.zeros((1, pool)), daily]), axis=0)
    returns = np.expm1(summed[horizon:] - summed[:-horizon])
    if planted is not None:
        is_on = (np.arange(n_sessions) >= planted.first_session) & (np.arange(n_sessions) < planted.last_session)
        returns = returns + planted.effect * (planted.is_held(scores) & is_on[:, None])
    attributes = _attributes(rng, n_sessions, pool, scores)
    if n_pool is not None:
        chosen = np.sort(np.argsort(-scores.mean(axis=0), axis=1, kind="stable")[:, :n_names], axis=1)
        scores = np.take_along_axis(scores, chosen[None], axis=2)
        returns = np.take_along_axis(returns, chosen, axis=1)
        attributes = {name: np.take_along_axis(values, chosen, axis=1) for name, values in attributes.items()}
    return World(scores, returns, attributes, horizon)


def _persistent(rng: np.random.Generator, shape: tuple[int, int, int], persistence: float) -> np.ndarray:
    """Standard normal series along the second axis with this autocorrelation."""
    values = rng.normal(size=shape)
    innovation = np.sqrt(1 - persistence**2)
    for session in range(1, shape[1]):
        values[:, session] = persistence * values[:, session - 1] + innovation * values[:, session]
    return values


def _skewed_tails(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Mean 0, variance 1, Student tails (4 degrees of freedom) with rare jumps upward: like names in play."""
    jumps = (rng.random(shape) < 0.004) * rng.exponential(5.0, shape)
    values = rng.standard_t(4, shape) / np.sqrt(2) + jumps - 0.004 * 5.0
    return values / np.sqrt(1 + 0.004 * 50 - (0.004 * 5) ** 2)


def _attributes(rng: np.random.Generator, n_sessions: int, n_names: int, scores: np.ndarray) -> dict[str, np.ndarray]:
    """Attributes as a feed has them: some belong to the name, some to the day, the tag follows the score."""
    mean_score = scores.mean(axis=0)

    def of_name(values: list[str]) -> np.ndarray:
        return np.broadcast_to(rng.choice(values, n_names)[None], (n_sessions, n_names))

    def of_day(values: list[str], lasting: float) -> np.ndarray:
        drawn = rng.choice(values, n_sessions)
        stays = rng.random(n_sessions) < lasting
        for session in range(1, n_sessions):
            drawn[session] = drawn[session - 1] if stays[session] else drawn[session]
        return np.broadcast_to(drawn[:, None], (n_sessions, n_names))

    tag = np.select([mean_score >= 66, mean_score >= 60], ["trade_ready", "watchlist"], "monitor")
    source = np.where(rng.random((n_sessions, n_names)) < 0.5, "ai", "rule_based")
    return {
        "action_tag": tag,
        "market_regime": of_day(["calm", "turbulent"], 0.99),
        "discovery_regime": of_day(["normal_market", "squeeze_setup", "explosive_bull", "low_opportunity"], 0.95),
        "source": source,
        "price_band": of_name(["under_5_usd", "5_to_20_usd", "20_to_100_usd", "over_100_usd"]),
        "relative_volume_band": rng.choice(["under_1", "1_to_2", "2_to_5"], (n_sessions, n_names)),
        "dollar_volume_band": of_name(["1m_to_10m_usd", "10m_to_50m_usd", "50m_to_200m_usd"]),
    }
