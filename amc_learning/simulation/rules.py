"""The rules of a simulated market: everything that decides what it looks like, and nothing that makes it.

Belongs here: parameters, their bounds, the sample market of `make run`, the random streams. Not here: scores
(scores.py), prices (prices.py), discovery results (discovery.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time

import numpy as np

N_WARM_UP_SESSIONS = 20
"""Sessions simulated before the first one shown, so that 20-session averages and returns exist from the start."""

DEFAULT_WEIGHTS: Mapping[str, float] = {
    "volume_momentum": 0.30,
    "squeeze": 0.25,
    "catalyst": 0.20,
    "sentiment": 0.10,
    "options": 0.08,
    "technical": 0.07,
}
"""What discovery weighs the components with; the defaults of the settings, which this package does not import."""


@dataclass(frozen=True, kw_only=True)
class MarketRules:
    """What a simulated market is made from. Same rules and sessions, same market, byte for byte.

    Args:
        seed: where all randomness comes from; 0 or larger.
        first_session: date of the first session shown; the sessions passed to the simulator must start there.
        n_sessions: sessions shown.
        n_symbols: symbols listed, each from the first session to the last.
        n_candidates: symbols discovery selects a day, the best by total score.
        n_controls: unselected symbols shown a day for comparison, drawn at random.
        default_weights: component to weight in the total score, in the order of the components.
        component_information_coefficients: component to its planted daily Spearman correlation with the return of the
            next session from open to close, in (-1, 1); components that are not named have none.
        score_persistence: correlation of a symbol's latent score with that of the session before, in [0, 1).
        volatility: standard deviation of a symbol's own return from open to close on an average day, fraction.
        share_missing_bars: chance that a symbol has no bar on a session; it is not scored then.
        share_missing_scores: chance that one component of a scored symbol is missing.
        decision_time: US/Eastern wall clock at which discovery runs, after the close of its session.
        trade_ready_score, watchlist_score: total scores (0-100) from which a candidate gets that tag.

    Raises:
        ValueError: a value is outside its bounds, with the bounds in the message.
    """

    seed: int
    first_session: date
    n_sessions: int
    n_symbols: int
    n_candidates: int = 50
    n_controls: int = 50
    default_weights: Mapping[str, float] = field(default_factory=lambda: dict(DEFAULT_WEIGHTS))
    component_information_coefficients: Mapping[str, float] = field(default_factory=dict)
    score_persistence: float = 0.9
    volatility: float = 0.02
    share_missing_bars: float = 0.002
    share_missing_scores: float = 0.02
    decision_time: time = time(16, 10)
    trade_ready_score: float = 75.0
    watchlist_score: float = 70.0

    def __post_init__(self) -> None:
        """Refuse values outside their bounds."""
        for complaint in _complaints(self):
            raise ValueError(complaint)

    @property
    def components(self) -> tuple[str, ...]:
        """Component names, in the order of the default weights."""
        return tuple(self.default_weights)

    @property
    def information_coefficients(self) -> tuple[float, ...]:
        """Planted daily rank correlation of every component, in order; 0 where none was planted."""
        return tuple(self.component_information_coefficients.get(name, 0.0) for name in self.components)


def random_stream(rules: MarketRules, purpose: str) -> np.random.Generator:
    """A generator of its own for each purpose: what one part of the market draws never shifts another part.

    >>> rules = MarketRules(seed=1, first_session=date(2024, 1, 2), n_sessions=1, n_symbols=100)
    >>> random_stream(rules, "prices").random() == random_stream(rules, "prices").random()
    True
    >>> random_stream(rules, "prices").random() == random_stream(rules, "scores").random()
    False
    """
    return np.random.default_rng([rules.seed, *purpose.encode()])


def copula_loadings(information_coefficients: Sequence[float]) -> tuple[float, ...]:
    """Pearson correlations that give two normal variables these Spearman correlations: r = 2 sin(pi rho / 6).

    Source: Pearson 1907 (rank correlation of the bivariate normal); see Kruskal 1958, section 6.

    >>> [round(r, 4) for r in copula_loadings([0.0, 0.15, -0.10])]
    [0.0, 0.1569, -0.1047]
    """
    return tuple(float(2 * np.sin(np.pi * rho / 6)) for rho in information_coefficients)


def _complaints(rules: MarketRules) -> list[str]:
    shares = {"share_missing_bars": rules.share_missing_bars, "share_missing_scores": rules.share_missing_scores}
    planted = rules.component_information_coefficients
    explained = sum(r * r for r in copula_loadings(rules.information_coefficients))
    weights = rules.default_weights
    n_shown = rules.n_candidates + rules.n_controls
    checks = {
        f"seed is {rules.seed}; it must be 0 or larger": rules.seed >= 0,
        f"n_sessions is {rules.n_sessions}; at least 1 is needed": rules.n_sessions >= 1,
        f"n_candidates is {rules.n_candidates}, n_controls {rules.n_controls}; neither may be negative": (
            min(rules.n_candidates, rules.n_controls) >= 0
        ),
        f"n_symbols is {rules.n_symbols}; candidates and controls together need {n_shown}": (
            rules.n_symbols >= max(1, n_shown)
        ),
        f"default_weights are {dict(weights)}; they must be 0 or larger with a positive sum": (
            all(weight >= 0 for weight in weights.values()) and sum(weights.values()) > 0
        ),
        f"planted effects on {sorted(set(planted) - set(weights))}, which are not components": set(planted)
        <= set(weights),
        f"planted effects {dict(planted)} together explain more than all of the return": explained < 1,
        f"score_persistence is {rules.score_persistence}; it must lie in [0, 1)": 0 <= rules.score_persistence < 1,
        f"volatility is {rules.volatility}; it must lie in (0, 0.2]": 0 < rules.volatility <= 0.2,
        **{f"{name} is {share}; it must lie in [0, 1)": 0 <= share < 1 for name, share in shares.items()},
    }
    return [complaint for complaint, is_kept in checks.items() if not is_kept]


SAMPLE = MarketRules(
    seed=20240102,
    first_session=date(2024, 1, 2),
    n_sessions=200,
    n_symbols=240,
    component_information_coefficients={"technical": 0.15, "sentiment": -0.10},
)
"""The market of `make run`. Its effects are several times those of real markets, so that 200 sessions show learning."""
