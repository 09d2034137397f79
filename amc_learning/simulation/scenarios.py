"""Named markets, each with one kind of planted truth, so that a test or a person can ask for it by its name.

Belongs here: what each scenario plants, at which size. Not here: the rules themselves (rules.py, truths.py), choosing
one by name on the command line (cli).

Unless its name says otherwise, a scenario has calibrated theses, no failure and no turbulence. Its first sentence is
what `amc-learning simulate --list` shows.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date

from amc_learning.simulation.rules import SAMPLE, MarketRules, ThesisRules, Turbulence
from amc_learning.simulation.truths import (
    ConstantComponent,
    CorrelatedComponents,
    DecayingEffect,
    Delistings,
    RegimeEffect,
    ReversingEffect,
    StudentReturns,
    ThresholdEffect,
)

FIRST_SESSION = date(2012, 1, 3)
"""Early enough that a market of 3,000 sessions ends before today: events in the future are refused at intake."""

N_SESSIONS, N_SYMBOLS = 250, 240
"""A year of sessions; enough symbols that candidates are the best fifth of them, as in the sample."""

CALIBRATED = ThesisRules(ai_overstatement=0.0)

Scenario = Callable[..., MarketRules]
"""Takes the seed, and by name `n_sessions` and `n_symbols`."""

LINEAR = {"technical": 0.10, "sentiment": -0.06}
"""Several times the coefficients of real markets, where the default weights are smallest, so that a year shows them."""


def null(seed: int, *, n_sessions: int = N_SESSIONS, n_symbols: int = N_SYMBOLS) -> MarketRules:
    """Nothing is planted: whatever is found is found by chance."""
    return MarketRules(
        seed=seed, first_session=FIRST_SESSION, n_sessions=n_sessions, n_symbols=n_symbols, theses=CALIBRATED
    )


def linear(seed: int, *, n_sessions: int = N_SESSIONS, n_symbols: int = N_SYMBOLS) -> MarketRules:
    """Two components order returns, one of them the wrong way round, the same on every session."""
    plain = null(seed, n_sessions=n_sessions, n_symbols=n_symbols)
    return replace(plain, component_information_coefficients=LINEAR)


def threshold(seed: int, *, n_sessions: int = N_SESSIONS, n_symbols: int = N_SYMBOLS) -> MarketRules:
    """Two components pay from a score on and order nothing else."""
    steps = (
        ThresholdEffect(component="technical", score=60.0, lift=0.30),
        ThresholdEffect(component="squeeze", score=80.0, lift=0.20),
    )
    return replace(null(seed, n_sessions=n_sessions, n_symbols=n_symbols), threshold_effects=steps)


def regime(seed: int, *, n_sessions: int = N_SESSIONS, n_symbols: int = N_SYMBOLS) -> MarketRules:
    """One component works on turbulent sessions only, one has the other sign on them; 40 of 100 are turbulent."""
    return replace(
        null(seed, n_sessions=n_sessions, n_symbols=n_symbols),
        turbulence=Turbulence(first_session=40, n_sessions=40, repeats_after=100),
        component_information_coefficients={"technical": 0.10},
        regime_effects=(
            RegimeEffect(component="technical", turbulent_information_coefficient=-0.10),
            RegimeEffect(component="options", turbulent_information_coefficient=0.12),
        ),
    )


def decaying(seed: int, *, n_sessions: int = N_SESSIONS, n_symbols: int = N_SYMBOLS) -> MarketRules:
    """One effect falls to nothing in a straight line over the sessions, one halves every quarter of them."""
    return replace(
        null(seed, n_sessions=n_sessions, n_symbols=n_symbols),
        component_information_coefficients={"technical": 0.12, "options": 0.12},
        decaying_effects=(
            DecayingEffect(component="technical", shape="linear", n_sessions=n_sessions),
            DecayingEffect(component="options", shape="exponential", n_sessions=max(1, n_sessions // 4)),
        ),
    )


def reversing(seed: int, *, n_sessions: int = N_SESSIONS, n_symbols: int = N_SYMBOLS) -> MarketRules:
    """In the middle the component that worked turns against the return, and the one that failed turns towards it."""
    components = {"technical": 0.10, "volume_momentum": -0.10}
    return replace(
        null(seed, n_sessions=n_sessions, n_symbols=n_symbols),
        component_information_coefficients=components,
        reversing_effects=tuple(ReversingEffect(component=name, session=n_sessions // 2) for name in components),
    )


def correlated(seed: int, *, n_sessions: int = N_SESSIONS, n_symbols: int = N_SYMBOLS) -> MarketRules:
    """One component orders returns, and two that do not follow it: their coefficients are borrowed."""
    return replace(
        null(seed, n_sessions=n_sessions, n_symbols=n_symbols),
        component_information_coefficients={"technical": 0.12},
        correlated_components=(
            CorrelatedComponents(one="technical", other="volume_momentum", correlation=0.7),
            CorrelatedComponents(one="technical", other="squeeze", correlation=-0.4),
            CorrelatedComponents(one="volume_momentum", other="squeeze", correlation=-0.3),
        ),
    )


def constant(seed: int, *, n_sessions: int = N_SESSIONS, n_symbols: int = N_SYMBOLS) -> MarketRules:
    """One component is the same for every symbol throughout, one from the middle on, and its effect is gone with it."""
    return replace(
        linear(seed, n_sessions=n_sessions, n_symbols=n_symbols),
        constant_components=(
            ConstantComponent(component="catalyst"),
            ConstantComponent(component="sentiment", score=0.0, first_session=n_sessions // 2),
        ),
    )


def heavy_tails(seed: int, *, n_sessions: int = N_SESSIONS, n_symbols: int = N_SYMBOLS) -> MarketRules:
    """The linear effects, under returns with the tails of Student's t with 3 degrees of freedom."""
    plain = linear(seed, n_sessions=n_sessions, n_symbols=n_symbols)
    return replace(plain, student_returns=StudentReturns(degrees_of_freedom=3.0))


def delistings(seed: int, *, n_sessions: int = N_SESSIONS, n_symbols: int = N_SYMBOLS) -> MarketRules:
    """The linear effects, in a market of which a tenth ends every year and in which one bar of a hundred is missing."""
    return replace(
        linear(seed, n_sessions=n_sessions, n_symbols=n_symbols),
        delistings=Delistings(share_a_year=0.10),
        share_missing_bars=0.01,
    )


def miscalibrated(seed: int, *, n_sessions: int = N_SESSIONS, n_symbols: int = N_SYMBOLS) -> MarketRules:
    """AI theses are right 20 points less often than they say, rule-based ones 10 points more often; no score works."""
    return replace(
        null(seed, n_sessions=n_sessions, n_symbols=n_symbols),
        theses=ThesisRules(ai_overstatement=0.20, rule_overstatement=-0.10),
    )


def failing(seed: int, *, n_sessions: int = N_SESSIONS, n_symbols: int = N_SYMBOLS) -> MarketRules:
    """From the middle on, AI theses that say BUY_MORE with high confidence are mostly wrong; no score works."""
    theses = replace(CALIBRATED, failing_from_session=n_sessions // 2)
    return replace(null(seed, n_sessions=n_sessions, n_symbols=n_symbols), theses=theses)


def sample(
    seed: int = SAMPLE.seed, *, n_sessions: int = SAMPLE.n_sessions, n_symbols: int = SAMPLE.n_symbols
) -> MarketRules:
    """The market of `demo`: linear effects, a turbulent stretch, AI theses that overstate and then fail."""
    return replace(SAMPLE, seed=seed, n_sessions=n_sessions, n_symbols=n_symbols)


SCENARIOS: Mapping[str, Scenario] = {
    scenario.__name__: scenario
    for scenario in (
        null,
        linear,
        threshold,
        regime,
        decaying,
        reversing,
        correlated,
        constant,
        heavy_tails,
        delistings,
        miscalibrated,
        failing,
        sample,
    )
}
"""Every scenario by its name, in the order in which they are listed."""


def described(scenario: Scenario) -> str:
    """The sentence that says what a scenario plants.

    >>> described(null)
    'Nothing is planted: whatever is found is found by chance.'
    """
    return (scenario.__doc__ or "").strip()
