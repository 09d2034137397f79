from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amc_learning.reports.markup import Html, breakable, element, escaped, joined, stylesheet
from amc_learning_tests.reports.pages import Page

PRINTABLE = st.text(st.characters(exclude_categories=["C"]), max_size=40)


@given(st.text(max_size=60))
def test_any_text_survives_as_well_formed_xml_in_content_and_attribute(text):
    parsed = ElementTree.fromstring(element("p", text, title=text).text)
    assert len(parsed) == 0


@given(PRINTABLE)
def test_printable_text_is_read_back_as_it_was_written(text):
    parsed = ElementTree.fromstring(element("p", text, title=text).text)
    assert ((parsed.text or ""), parsed.get("title")) == (text, text)


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\u202e", "\u2066", "\ud800", "\x85"])
def test_what_cannot_be_printed_or_turns_the_text_around_is_replaced(character):
    assert escaped(f"a{character}b") == "a\N{REPLACEMENT CHARACTER}b"


def test_markup_is_not_escaped_twice():
    assert element("p", element("b", "&")).text == "<p><b>&amp;</b></p>"


def test_nothing_is_left_out_and_empty_text_is_not_nothing():
    assert joined(["a", None, "", Html("<wbr>")], between="|").text == "a||<wbr>"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_is_no_position_is_refused(value):
    with pytest.raises(ValueError, match="no position"):
        element("circle", r=value)


def test_a_position_is_never_minus_zero_and_has_two_decimals():
    assert element("circle", cx=-0.0001, cy=12.3456).text == '<circle cx="0" cy="12.35"></circle>'


def test_a_stylesheet_cannot_end_its_own_element():
    with pytest.raises(ValueError, match="must not hold"):
        stylesheet("</style><script>")


@given(PRINTABLE)
def test_a_breakable_identifier_reads_as_it_was_written(text):
    parsed = ElementTree.fromstring(f"<p>{breakable(text).text.replace('<wbr>', '<wbr/>')}</p>")
    assert "".join(parsed.itertext()) == text


def test_elements_are_closed_in_order():
    with pytest.raises(AssertionError):
        Page("<p><b></p></b>")
