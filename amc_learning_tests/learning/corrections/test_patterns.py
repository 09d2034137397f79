from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amc_learning.contracts.declared.failures import ATTRIBUTES, PATTERN_ORDER
from amc_learning.learning.corrections.patterns import correction_target, parse_pattern

VALUES = st.text(st.sampled_from("abYZ09_.- &=/"), min_size=1, max_size=8)


@st.composite
def literals(draw):
    names = sorted(draw(st.sets(st.sampled_from(PATTERN_ORDER), min_size=1, max_size=2)), key=PATTERN_ORDER.index)
    return tuple((name, draw(VALUES)) for name in names)


def text_of(said):
    return " & ".join(f"{name}={value}" for name, value in said)


@given(literals())
def test_reading_a_pattern_takes_its_text_apart_whatever_the_values(said):
    assert parse_pattern("trade", text_of(said)).literals == said


@pytest.mark.parametrize("attribute", ["sector", "recommendation"])
def test_two_patterns_never_share_a_name(attribute):
    values = ["".join(letters) for n in (1, 2, 3) for letters in product("aA-_ .&", repeat=n)]
    names = {parse_pattern("trade", f"{attribute}={value}").name for value in values}
    assert len(names) == len(values)


@given(literals())
def test_a_name_can_be_typed_on_a_command_line(said):
    assert set(parse_pattern("trade", text_of(said)).name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_.+-")


@pytest.mark.parametrize(
    ("pattern", "kind", "target"),
    [
        ("dominant_component=squeeze & source=ai", "component_weight", "squeeze"),
        ("action_tag=trade_ready & dominant_component=squeeze", "component_weight", "squeeze"),
        ("action_tag=trade_ready & source=ai", "tag_threshold", "trade_ready"),
        ("source=ai & recommendation=BUY_MORE", "confidence", "source=ai & recommendation=BUY_MORE"),
        ("market_regime=bear & recommendation=HOLD", "confidence", "recommendation=HOLD"),
        ("confidence_band=high", "confidence", "all"),
        ("exit_reason=stop_loss & sector=Oil & Gas", "position_size", "exit_reason=stop_loss & sector=Oil & Gas"),
    ],
)
def test_a_pattern_is_corrected_by_the_first_thing_it_names(pattern, kind, target):
    found = correction_target(parse_pattern("trade", pattern))
    assert (found.kind, found.target) == (kind, target)


@pytest.mark.parametrize(
    ("pattern", "target"),
    [
        ("dominant_component=squeeze & recommendation=TRIM", "recommendation=TRIM"),
        ("action_tag=trade_ready & source=ai", "source=ai"),
        ("dominant_component=squeeze", "all"),
        ("market_regime=bear & sector=Oil & Gas", "all"),
    ],
)
def test_of_theses_only_the_confidence_is_corrected(pattern, target):
    found = correction_target(parse_pattern("thesis", pattern))
    assert (found.kind, found.target) == ("confidence", target)


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_every_attribute_of_a_case_can_be_corrected(attribute):
    assert correction_target(parse_pattern("trade", f"{attribute}=value")).kind


@pytest.mark.parametrize("text", ["", "colour=red", "source", "source=ai & colour=red & source"])
def test_what_is_no_pattern_is_refused_or_kept_within_a_value(text):
    if text.startswith("source=ai"):
        assert parse_pattern("trade", text).literals == (("source", "ai & colour=red & source"),)
    else:
        with pytest.raises(ValueError, match="is no attribute=value"):
            parse_pattern("trade", text)


def test_nesting_is_of_cases_not_of_words():
    wide, narrow, other = (
        parse_pattern("thesis", text) for text in ("source=ai", "source=ai & sector=x", "source=rule_based & sector=x")
    )
    assert wide.is_nested_with(narrow)
    assert narrow.is_nested_with(wide)
    assert not narrow.is_nested_with(other)
    assert not wide.is_nested_with(parse_pattern("trade", "source=ai & sector=x"))
    assert set(narrow.wider_names()) == {"thesis-source-ai", "thesis-sector-x"}
