from dataclasses import replace

from amc_learning.simulation.rules import SAMPLE, Turbulence
from amc_learning.simulation.truth import planted_in_words, planted_truth
from amc_learning.simulation.truths import ConstantComponent, DecayingEffect, ReversingEffect

from .conftest import weekdays

SHORT = replace(SAMPLE, n_sessions=6, turbulence=None)


def truth_of(rules):
    return planted_truth(rules, weekdays(rules))


def test_effects_that_never_change_have_one_breakpoint_and_the_top_level_repeats_it():
    truth = truth_of(SHORT)
    (entry,) = truth["information_coefficients_by_session"]
    assert (entry["session"], entry["date"]) == (0, "2024-01-02")
    assert entry["information_coefficients"] == truth["information_coefficients"]
    assert truth["information_coefficients"]["technical"] == 0.15


def test_breakpoints_are_where_a_coefficient_changes_and_nowhere_else():
    rules = replace(
        SHORT,
        reversing_effects=(ReversingEffect(component="technical", session=2),),
        constant_components=(ConstantComponent(component="sentiment", first_session=4),),
    )
    entries = truth_of(rules)["information_coefficients_by_session"]
    seen = [(one["session"], one["date"], one["information_coefficients"]["technical"]) for one in entries]
    assert seen == [(0, "2024-01-02", 0.15), (2, "2024-01-04", -0.15), (4, "2024-01-08", -0.15)]
    assert [one["information_coefficients"]["sentiment"] for one in entries] == [-0.1, -0.1, None]


def test_a_decay_has_a_breakpoint_on_every_session_until_it_ends():
    decay = DecayingEffect(component="technical", shape="linear", n_sessions=3)
    entries = truth_of(replace(SHORT, decaying_effects=(decay,)))["information_coefficients_by_session"]
    assert [one["session"] for one in entries] == [0, 1, 2, 3]
    assert entries[-1]["information_coefficients"]["technical"] == 0


def test_what_lies_beyond_the_end_is_said_to():
    rules = replace(SHORT, reversing_effects=(ReversingEffect(component="technical", session=6),))
    assert truth_of(rules)["reversing_effects"] == [{"component": "technical", "session": 6, "date": None}]
    assert any("session 6, which lies beyond the end" in one for one in planted_in_words(rules, weekdays(rules)))


def test_turbulent_sessions_are_listed_by_date():
    rules = replace(SHORT, turbulence=Turbulence(first_session=1, n_sessions=1, repeats_after=3))
    assert truth_of(rules)["turbulent_sessions"] == ["2024-01-03", "2024-01-08"]
