"""The same rules and the same numbers as pysubgroup, an independent library for subgroup discovery."""

import numpy as np
import pandas as pd
import pytest

from amc_learning.contracts.declared.patterns import PATTERN_ATTRIBUTES
from amc_learning.learning.patterns.contrasts import daily_contrasts
from amc_learning.learning.patterns.effects import plain_numbers
from amc_learning.learning.patterns.literals import MICRO, SCORE_BANDS, rule_space
from amc_learning_tests.learning.patterns.worlds import COMPONENTS, PLANTED, RULES, Planted, simulated

pysubgroup = pytest.importorskip(
    "pysubgroup", reason="pysubgroup is not installed: install the dev extra to compare patterns with it"
)

N_BEST = 25


@pytest.fixture(scope="module")
def world():
    return simulated(np.random.default_rng(41), n_sessions=120, n_names=30, planted=Planted(0.02))


@pytest.fixture(scope="module")
def ours(world):
    """Number of candidates and quality of every rule, by its text."""
    cases = world.cases()
    space = rule_space(cases)
    contrasts = daily_contrasts(cases, space)
    numbers = [
        plain_numbers(cases, space.holds(cases, rule), contrasts.excess[:, rule]) for rule in range(len(space.first))
    ]
    return {space.text(rule): (found.n_cases, found.quality) for rule, found in enumerate(numbers)}


@pytest.fixture(scope="module")
def theirs(world):
    """The best by pysubgroup, from raw scores and returns: (selectors, size, quality), the best first."""
    frame = world.frame()
    returns = np.rint(frame["forward_return"].clip(-RULES.return_bound, RULES.return_bound).to_numpy() * MICRO) / MICRO
    by_day = returns.reshape(world.returns.shape)
    data = pd.DataFrame({name: frame[name].to_numpy() for name in COMPONENTS})
    data["excess"] = (by_day - by_day.mean(axis=1, keepdims=True)).ravel()
    named = [name for name in PATTERN_ATTRIBUTES if frame[name].null_count() < frame.height]
    for name in named:
        data[name] = frame[name].to_list()
    selectors = [
        pysubgroup.IntervalSelector(name, low, high if high < 100 else np.inf)
        for name in COMPONENTS
        for low, high in SCORE_BANDS
    ]
    selectors += [pysubgroup.EqualitySelector(name, value) for name in named for value in sorted(set(data[name]))]
    task = pysubgroup.SubgroupDiscoveryTask(
        data,
        pysubgroup.NumericTarget("excess"),
        selectors,
        result_set_size=4 * N_BEST,
        depth=2,
        qf=pysubgroup.StandardQFNumeric(1.0),
    )
    # Pairs of one attribute, a band within a band, are no rules of ours; they count candidates where we take shares.
    found = [
        (subgroup.selectors, statistics.size_sg, quality / len(data))
        for quality, subgroup, statistics in pysubgroup.SimpleDFS().execute(task).results
        if len({selector.attribute_name for selector in subgroup.selectors}) == len(subgroup.selectors)
    ]
    return sorted(found, key=lambda one: -one[2])[:N_BEST]


def text_of(selectors):
    """Our signature of a conjunction of theirs."""
    order = [*COMPONENTS, *PATTERN_ATTRIBUTES]
    literals = {}
    for selector in selectors:
        if isinstance(selector, pysubgroup.IntervalSelector):
            high = 100 if selector.upper_bound == np.inf else selector.upper_bound
            literals[selector.attribute_name] = f"{selector.attribute_name}={selector.lower_bound:g}-{high:g}"
        else:
            literals[selector.attribute_name] = f"{selector.attribute_name}={selector.attribute_value}"
    return " & ".join(literals[name] for name in order if name in literals)


def test_each_of_their_best_rules_has_the_same_candidates_and_quality_here(ours, theirs):
    assert len(theirs) == N_BEST
    for selectors, size, quality in theirs:
        n_cases, our_quality = ours[text_of(selectors)]
        assert n_cases == size
        assert our_quality == pytest.approx(quality, abs=1e-12)


def test_the_best_rules_are_the_same_in_the_same_order(ours, theirs):
    best = sorted(ours, key=lambda text: -ours[text][1])[:N_BEST]
    assert [text_of(selectors) for selectors, *_ in theirs] == best


def test_the_planted_rule_is_among_the_best_of_both(ours, theirs):
    assert PLANTED in {text_of(selectors) for selectors, *_ in theirs}
    assert ours[PLANTED][1] > 0
