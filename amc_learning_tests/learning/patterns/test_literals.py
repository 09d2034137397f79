"""Literals and pairs: their bounds, text, and that neither depends on the week."""

import numpy as np
import polars as pl

from amc_learning.learning.patterns.literals import SCORE_BANDS, in_band, lay_out, rule_space
from amc_learning_tests.learning.patterns.worlds import COMPONENTS, RULES, simulated


def test_the_five_fifths_hold_every_score_exactly_once():
    scores = np.linspace(0, 100, 1001)
    held = sum(in_band(scores, low, high).astype(int) for low, high in SCORE_BANDS[:5])
    assert (held == 1).all()


def test_pairs_are_of_different_attributes_and_each_occurs_once():
    cases = simulated(np.random.default_rng(2), n_sessions=10).cases()
    space = rule_space(cases)
    texts = [space.text(rule) for rule in range(len(space.first))]
    assert len(set(texts)) == len(texts)
    sizes = np.bincount(cases.attributes)
    # n literals alone, and a pair for any two of different attributes: (n^2 - sum of squares) / 2.
    assert len(texts) == sizes.sum() + (sizes.sum() ** 2 - (sizes**2).sum()) // 2
    for text in texts:
        names = [literal.split("=")[0] for literal in text.split(" & ")]
        assert len(set(names)) == len(names)


def test_a_signature_means_the_same_rule_in_every_window():
    frame = simulated(np.random.default_rng(3), n_sessions=40).frame()
    whole = lay_out(frame, components=COMPONENTS, return_bound=RULES.return_bound)
    half = lay_out(frame.head(1000), components=COMPONENTS, return_bound=RULES.return_bound)
    spaces = rule_space(whole), rule_space(half)
    for rule in range(0, len(spaces[1].first), 53):
        text = spaces[1].text(rule)
        same = next(number for number in range(len(spaces[0].first)) if spaces[0].text(number) == text)
        np.testing.assert_array_equal(spaces[0].holds(whole, same)[:1000], spaces[1].holds(half, rule))


def test_an_unknown_score_or_attribute_is_in_no_literal():
    frame = simulated(np.random.default_rng(4), n_sessions=2).frame()
    unknown = frame.with_columns(pl.lit(None, pl.Float64).alias("squeeze"), pl.lit(None, pl.String).alias("source"))
    cases = lay_out(unknown, components=COMPONENTS, return_bound=RULES.return_bound)
    squeeze = [place for place, name in enumerate(cases.names) if name.startswith("squeeze=")]
    assert cases.holds[:, squeeze].sum() == 0
    assert not any(name.startswith("source=") for name in cases.names)
