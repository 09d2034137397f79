"""The rules of a simulated market: everything that decides what it looks like, and nothing that makes it.

Belongs here: parameters, their bounds, the sample market of `make run`, the random streams. Not here: parameters of
truths beyond linear effects (truths.py), other named markets (scenarios.py), scores (scores.py), prices (prices.py),
discovery results (discovery.py), theses (theses.py), trades (trades.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time

import numpy as np
from numpy.typing import NDArray

from amc_learning.simulation.arrays import Flags
from amc_learning.simulation.bounds import refuse
from amc_learning.simulation.truths import (
    ConstantComponent,
    CorrelatedComponents,
    DecayingEffect,
    Delistings,
    RegimeEffect,
    ReversingEffect,
    StudentReturns,
    ThresholdEffect,
    correlation_matrix,
    repeated,
)

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

RECOMMENDATIONS = ("BUY_MORE", "HOLD", "TRIM", "LIQUIDATE")
"""What a thesis of the simulation may recommend; RESEARCH is neither right nor wrong, so it is left out."""


@dataclass(frozen=True, kw_only=True)
class ThesisRules:
    """How many theses are sent, how sure they are, and how often they are right.

    A thesis states a confidence drawn evenly between bounds, and is right with a chance planted by these rules: the
    stated confidence less what its source overstates. What it is right about is its recommendation over `horizon`
    sessions, by the rules of `learning/theses`.

    Args:
        n_a_session: theses a session, from the AI and the rules in turn.
        horizon: sessions held, the entry session counted, over which a thesis is right or wrong.
        band: half the width of what counts as no move (fraction): beyond it a BUY_MORE or LIQUIDATE is right.
        recommendation_shares: recommendation to the share of theses that make it.
        ai_confidence, rule_confidence: bounds of the stated confidence of each source.
        ai_overstatement, rule_overstatement: stated confidence less the chance to be right.
        failing_from_session: number of the session, from 0, from which the planted failure holds; null: none is.
        failing_recommendation: what fails then when the AI makes it ...
        failing_confidence: ... with at least this confidence.
        failing_chance: the chance of those theses to be right.

    Raises:
        ValueError: a value is outside its bounds, with the bounds in the message.
    """

    n_a_session: int = 10
    horizon: int = 5
    band: float = 0.05
    recommendation_shares: Mapping[str, float] = field(
        default_factory=lambda: {"BUY_MORE": 0.45, "HOLD": 0.25, "TRIM": 0.15, "LIQUIDATE": 0.15}
    )
    ai_confidence: tuple[float, float] = (0.60, 0.95)
    rule_confidence: tuple[float, float] = (0.45, 0.85)
    ai_overstatement: float = 0.20
    rule_overstatement: float = 0.0
    failing_from_session: int | None = None
    failing_recommendation: str = "BUY_MORE"
    failing_confidence: float = 0.70
    failing_chance: float = 0.05

    def __post_init__(self) -> None:
        """Refuse values outside their bounds."""
        chances = (
            self.ai_confidence[0] - self.ai_overstatement,
            self.ai_confidence[1] - self.ai_overstatement,
            self.rule_confidence[0] - self.rule_overstatement,
            self.rule_confidence[1] - self.rule_overstatement,
            self.failing_chance,
        )
        checks = {
            f"n_a_session is {self.n_a_session}; it may not be negative": self.n_a_session >= 0,
            f"horizon is {self.horizon}; at least 1 session is needed": self.horizon >= 1,
            f"band is {self.band}; it must lie in (0, 1)": 0 < self.band < 1,
            f"recommendation_shares are {dict(self.recommendation_shares)}; only {', '.join(RECOMMENDATIONS)} can be "
            "right or wrong": set(self.recommendation_shares) <= set(RECOMMENDATIONS),
            f"recommendation_shares are {dict(self.recommendation_shares)}; they must be 0 or larger and add up to 1": (
                min(self.recommendation_shares.values(), default=-1.0) >= 0
                and abs(sum(self.recommendation_shares.values()) - 1) < 1e-9
            ),
            f"the chances to be right are {chances}; all must lie in [0, 1]": all(0 <= one <= 1 for one in chances),
        }
        refuse(checks)


@dataclass(frozen=True, kw_only=True)
class TradeRules:
    """How candidates are traded: entered at the next open, left at a stop, a target, or after some sessions.

    Args:
        n_a_session: orders a session: candidates with a BUY_MORE thesis first, then others.
        position_usd: money put into a new position.
        stop: loss of the average entry at which all is sold (fraction, positive).
        target: gain of the average entry at which all is sold (fraction).
        max_sessions: sessions held at most; sold at the close of the last.
        share_scaled_in: chance that half as many shares again are bought at the open of the third session held.
        share_scaled_out: chance that half of the shares are sold at the open of the fifth session held.

    Raises:
        ValueError: a value is outside its bounds, with the bounds in the message.
    """

    n_a_session: int = 5
    position_usd: float = 10_000.0
    stop: float = 0.08
    target: float = 0.15
    max_sessions: int = 10
    share_scaled_in: float = 0.15
    share_scaled_out: float = 0.15

    def __post_init__(self) -> None:
        """Refuse values outside their bounds."""
        checks = {
            f"n_a_session is {self.n_a_session}; it may not be negative": self.n_a_session >= 0,
            f"position_usd is {self.position_usd}; it must be positive": self.position_usd > 0,
            f"stop is {self.stop}, target {self.target}; both must lie in (0, 1)": (
                0 < self.stop < 1 and 0 < self.target < 1
            ),
            f"max_sessions is {self.max_sessions}; at least 1 is needed": self.max_sessions >= 1,
            f"share_scaled_in is {self.share_scaled_in}, share_scaled_out {self.share_scaled_out}; neither may be "
            "negative, nor both together exceed 1": (
                min(self.share_scaled_in, self.share_scaled_out) >= 0
                and self.share_scaled_in + self.share_scaled_out <= 1
            ),
        }
        refuse(checks)


@dataclass(frozen=True, kw_only=True)
class Turbulence:
    """A stretch in which the market as a whole moves more than usual; single stocks keep their own noise.

    Args:
        first_session: number of its first session shown, from 0.
        n_sessions: how long it lasts.
        factor: how many times the usual moves of the market are, and the VIX is.
        repeats_after: sessions from the start of one stretch to the start of the next; null: there is one stretch.

    Raises:
        ValueError: a value is outside its bounds, with the bounds in the message.
    """

    first_session: int
    n_sessions: int
    factor: float = 3.0
    repeats_after: int | None = None

    def __post_init__(self) -> None:
        """Refuse values outside their bounds."""
        checks = {
            f"first_session is {self.first_session}, n_sessions {self.n_sessions}; neither may be negative": (
                min(self.first_session, self.n_sessions) >= 0
            ),
            f"factor is {self.factor}; it must be positive": self.factor > 0,
            f"repeats_after is {self.repeats_after}; it must exceed n_sessions, {self.n_sessions}": (
                self.repeats_after is None or self.repeats_after > self.n_sessions
            ),
        }
        refuse(checks)

    def holds_on(self, session: NDArray[np.int_]) -> Flags:
        """On which of the numbered sessions the market is turbulent.

        >>> Turbulence(first_session=1, n_sessions=2, repeats_after=4).holds_on(np.arange(8)).astype(int).tolist()
        [0, 1, 1, 0, 0, 1, 1, 0]
        """
        elapsed = session - self.first_session
        within = elapsed if self.repeats_after is None else np.where(elapsed < 0, elapsed, elapsed % self.repeats_after)
        holds: Flags = (within >= 0) & (within < self.n_sessions)
        return holds


@dataclass(frozen=True, kw_only=True)
class MarketRules:
    """What a simulated market is made from. Same rules and sessions, same market, byte for byte.

    Args:
        seed: where all randomness comes from; 0 or larger.
        first_session: date of the first session shown; the sessions passed to the simulator must start there.
        n_sessions: sessions shown.
        n_symbols: symbols listed on the first session.
        n_candidates: symbols discovery selects a day, the best by total score.
        n_controls: unselected symbols shown a day for comparison, drawn at random.
        default_weights: component to weight in the total score, in the order of the components.
        component_information_coefficients: component to its planted daily Spearman correlation with the return of the
            next session from open to close, in (-1, 1), by an effect of its own; components not named have none. What a
            component shows besides, because it is correlated with others, is in effects.py.
        score_persistence: correlation of a symbol's latent score with that of the session before, in [0, 1).
        volatility: standard deviation of a symbol's own return from open to close on an average day, fraction.
        share_missing_bars: chance that a symbol has no bar on a session; it is not scored then.
        share_missing_scores: chance that one component of a scored symbol is missing.
        decision_time: US/Eastern wall clock at which discovery runs, after the close of its session.
        trade_ready_score, watchlist_score: total scores (0-100) from which a candidate gets that tag.
        theses: what is thought about candidates.
        trades: what is done with them.
        turbulence: when the market as a whole is nervous; null: never more than by its ordinary ups and downs.
        threshold_effects: components that pay from a score on, instead of a linear effect.
        regime_effects: components with another effect on turbulent sessions.
        decaying_effects, reversing_effects: components whose effect fades, or turns its sign.
        correlated_components: pairs of components whose latent scores are correlated.
        constant_components: components with the same score for every symbol.
        student_returns: how heavy the tails of a symbol's own returns are; null: kurtosis 5.5, without a power law.
        delistings: how many symbols end; null: none does.

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
    theses: ThesisRules = field(default_factory=ThesisRules)
    trades: TradeRules = field(default_factory=TradeRules)
    turbulence: Turbulence | None = None
    threshold_effects: tuple[ThresholdEffect, ...] = ()
    regime_effects: tuple[RegimeEffect, ...] = ()
    decaying_effects: tuple[DecayingEffect, ...] = ()
    reversing_effects: tuple[ReversingEffect, ...] = ()
    correlated_components: tuple[CorrelatedComponents, ...] = ()
    constant_components: tuple[ConstantComponent, ...] = ()
    student_returns: StudentReturns | None = None
    delistings: Delistings | None = None

    def __post_init__(self) -> None:
        """Refuse values outside their bounds."""
        refuse(_checks(self))
        refuse(_name_checks(self))
        refuse(_fit_checks(self))
        refuse(_variance_checks(self))

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


def _checks(rules: MarketRules) -> dict[str, bool]:
    shares = {"share_missing_bars": rules.share_missing_bars, "share_missing_scores": rules.share_missing_scores}
    weights = rules.default_weights
    n_shown = rules.n_candidates + rules.n_controls
    return {
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
        f"score_persistence is {rules.score_persistence}; it must lie in [0, 1)": 0 <= rules.score_persistence < 1,
        f"volatility is {rules.volatility}; it must lie in (0, 0.2]": 0 < rules.volatility <= 0.2,
        **{f"{name} is {share}; it must lie in [0, 1)": 0 <= share < 1 for name, share in shares.items()},
    }


def _name_checks(rules: MarketRules) -> dict[str, bool]:
    """Every truth speaks of components there are, and no two of a kind of the same one."""
    named = {
        "planted effects": list(rules.component_information_coefficients),
        "threshold_effects": [one.component for one in rules.threshold_effects],
        "regime_effects": [one.component for one in rules.regime_effects],
        "decaying_effects": [one.component for one in rules.decaying_effects],
        "reversing_effects": [one.component for one in rules.reversing_effects],
        "constant_components": [one.component for one in rules.constant_components],
    }
    pairs = [sorted((pair.one, pair.other)) for pair in rules.correlated_components]
    everything = named | {"correlated_components": [name for pair in pairs for name in pair]}
    unknown = {kind: sorted(set(names) - set(rules.components)) for kind, names in everything.items()}
    twice = {kind: repeated(names) for kind, names in named.items()}
    twice["correlated_components"] = repeated(" and ".join(pair) for pair in pairs)
    return {f"{kind} on {names}, which are not components": not names for kind, names in unknown.items()} | {
        f"{kind} name {names} more than once": not names for kind, names in twice.items()
    }


def _fit_checks(rules: MarketRules) -> dict[str, bool]:
    """Truths that would contradict each other, or leave their numbers without a closed form."""
    steps = {one.component for one in rules.threshold_effects}
    linear = {name for name, planted in rules.component_information_coefficients.items() if planted != 0}
    with_effect = linear | {one.component for one in rules.regime_effects}
    changing = {one.component for one in rules.decaying_effects} | {one.component for one in rules.reversing_effects}
    correlated = {name for pair in rules.correlated_components for name in (pair.one, pair.other)}
    constant = {one.component for one in rules.constant_components}
    matrix = correlation_matrix(rules.components, rules.correlated_components)
    return {
        f"{sorted(steps & with_effect)} have a threshold and a linear effect; plant one": not steps & with_effect,
        f"{sorted(steps & (correlated | constant))} have a threshold effect; they may be neither correlated with "
        "another component nor constant": not steps & (correlated | constant),
        f"{sorted(changing - with_effect)} decay or reverse and have no linear effect": not changing - with_effect,
        "regime_effects need turbulence: without it there is one regime": (
            not rules.regime_effects or rules.turbulence is not None
        ),
        "correlated_components contradict each other: no scores have all these correlations": (
            float(np.linalg.eigvalsh(matrix)[0]) > 1e-9
        ),
    }


def _variance_checks(rules: MarketRules) -> dict[str, bool]:
    """No regime's effects may explain more than all of the return; decays and reversals can only explain less."""
    calm = rules.component_information_coefficients
    turbulent = {**calm, **{one.component: one.turbulent_information_coefficient for one in rules.regime_effects}}
    matrix = np.abs(correlation_matrix(rules.components, rules.correlated_components))
    steps = sum(one.explained_variance for one in rules.threshold_effects)
    checks = {}
    for planted in (calm, turbulent):
        loadings = np.abs(copula_loadings([planted.get(name, 0.0) for name in rules.components]))
        complaint = f"planted effects {dict(planted)} together explain more than all of the return"
        checks[complaint] = bool(loadings @ matrix @ loadings + steps < 1)
    return checks


SAMPLE = MarketRules(
    seed=20240102,
    first_session=date(2024, 1, 2),
    n_sessions=200,
    n_symbols=240,
    component_information_coefficients={"technical": 0.15, "sentiment": -0.10},
    theses=ThesisRules(failing_from_session=140),
    turbulence=Turbulence(first_session=90, n_sessions=40),
)
"""The market of `make run`. Its effects are several times those of real markets, so that 200 sessions show learning."""

SAMPLE_INDEX_HISTORY = 300
"""Sessions of index closes before the sample's first one: telling calm from turbulent needs a year of them."""
