from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amc_learning.contracts.documents.base import Interval
from amc_learning.reports import wording

FINITE = st.floats(-1e9, 1e9)
NUMBERS = [wording.number, wording.percent, wording.points, wording.dollars, wording.probability]


def read_back(text: str) -> float:
    return float(text.translate({ord("−"): "-", ord("$"): "", ord(","): "", ord("%"): "", 0xA0: ""}))


@given(FINITE)
def test_money_reads_back_to_the_cent(value):
    assert read_back(wording.dollars(value)) == pytest.approx(value, abs=0.005001)


@given(FINITE)
def test_a_percentage_reads_back_to_a_tenth_of_a_percent(value):
    assert read_back(wording.percent(value)) / 100 == pytest.approx(value, abs=0.00050001)


@given(FINITE)
def test_every_sign_is_true_and_zero_has_none(value):
    text = wording.dollars(value)
    shown = read_back(text)
    assert text[0] == ("+" if shown > 0 else "−" if shown < 0 else "$")


@pytest.mark.parametrize("write", NUMBERS)
def test_what_is_not_known_is_a_dash_and_not_a_zero(write):
    assert write(None) == "–"


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.1, 0.2, True), (-0.2, -0.1, True), (-0.1, 0.1, False), (0.0, 0.1, False), (None, 0.1, False)],
)
def test_an_interval_excludes_zero_only_when_it_lies_wholly_beside_it(low, high, expected):
    assert wording.excludes(Interval(estimate=0.1, ci_low=low, ci_high=high, n=9)) is expected


def test_an_interval_without_an_end_is_a_dash():
    assert wording.interval(Interval(estimate=0.1, ci_low=None, ci_high=0.2, n=9), as_percent=True) == "–"


def test_a_moment_keeps_its_offset():
    east = timezone(timedelta(hours=-5))
    assert wording.instant(datetime(2024, 3, 8, 23, 59, 58, tzinfo=east)) == "2024-03-08 23:59-05:00"
    assert wording.instant(datetime(2024, 3, 9, 5, tzinfo=UTC)) == "2024-03-09 05:00 UTC"


@given(st.text(min_size=1, max_size=30), st.integers(1, 30))
def test_shortened_text_has_at_most_its_length_and_begins_as_the_whole_does(text, length):
    short = wording.shortened(text, length)
    assert len(short) <= length
    assert text.startswith(short.removesuffix("…")) or short == text
