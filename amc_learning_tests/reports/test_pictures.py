import math
from datetime import date, timedelta
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from amc_learning.contracts.documents.base import Interval
from amc_learning.contracts.documents.daily_report import ReliabilityPoint
from amc_learning.reports import pictures
from amc_learning.reports.markup import Html
from amc_learning.reports.wording import percent, short
from amc_learning_tests.reports.pages import coordinates

ANY = st.floats(allow_nan=False, allow_infinity=False)
SHARE = st.floats(0, 1)
FEW = st.integers(0, 10**9)
OPTIONAL = st.none() | ANY
INTERVALS = st.builds(Interval, estimate=OPTIONAL, ci_low=OPTIONAL, ci_high=OPTIONAL, n=FEW)
POINTS = st.builds(
    ReliabilityPoint, mean_confidence=SHARE, calibrated_confidence=SHARE, ci_low=SHARE, ci_high=SHARE, n_theses=FEW
)
START = date(2024, 1, 2)


def parsed(picture: Html) -> ElementTree.Element:
    return ElementTree.fromstring(picture.text)


def inside(picture: ElementTree.Element, *, slack: float = 1.0) -> bool:
    """All places are finite and within the box of the picture."""
    box = picture.get("viewBox", f"0 0 {picture.get('width')} {picture.get('height')}").split()
    most = max(float(box[2]), float(box[3]))
    return all(math.isfinite(number) and -slack <= number <= most + slack for number in coordinates(picture))


def places(picture: ElementTree.Element, tag: str, key: str) -> list[float]:
    return [float(part.attrib[key]) for part in picture.iter(tag)]


@given(INTERVALS, st.lists(OPTIONAL, max_size=4))
def test_an_interval_is_drawn_inside_its_strip_whatever_the_numbers(value, others):
    bounds = pictures.domain([*others, value.estimate])
    assert inside(parsed(pictures.interval_strip(value, bounds, label="<any>", mark=value.ci_low)))


@given(ANY, st.lists(OPTIONAL, max_size=4))
def test_a_bar_is_drawn_inside_its_strip_whatever_the_numbers(value, others):
    assert inside(parsed(pictures.bar_strip(value, pictures.domain([*others, value]), label="any")))


@given(st.lists(POINTS, max_size=30))
def test_a_reliability_diagram_is_drawn_inside_its_box(points):
    assert inside(parsed(pictures.reliability_diagram(points, label="any")))


@given(st.integers(1, 12), st.integers(1, 9), st.data())
def test_a_line_chart_is_drawn_inside_its_box(n_days, n_lines, data):
    days = [START + timedelta(days=index) for index in range(n_days)]
    values = st.lists(st.floats(0, 1e300), min_size=n_days, max_size=n_days)
    lines = {f"line {index}": data.draw(values) for index in range(n_lines)}
    assert inside(parsed(pictures.line_chart(days, lines, label="any", written=short)))


@given(st.lists(ANY, max_size=6))
def test_a_domain_holds_zero_and_every_value(values):
    low, high = pictures.domain(values)
    assert all(low <= value <= high for value in [0.0, *values])


@given(st.lists(SHARE, min_size=1, max_size=6))
def test_a_domain_of_shares_holds_every_share_and_has_width(values):
    low, high = pictures.share_domain(values)
    assert 0 <= low <= min(values) <= max(values) <= high <= 1
    assert low < high


@given(ANY, ANY)
@example(1.7976931348623153e308, 1.7976931348623157e308)  # the two largest numbers
def test_ticks_are_few_ascending_and_within_the_domain(one, other):
    low, high = min(one, other), max(one, other)
    values = pictures.ticks(low, high)
    slack = 1e-9 * max(abs(low), abs(high))
    assert 1 <= len(values) <= 5
    assert values == sorted(set(values))
    assert all(low - slack <= value <= high + slack for value in values)


@given(st.lists(st.floats(0, 200), min_size=1, max_size=10))
def test_labels_never_come_closer_than_the_gap_and_stay_inside_when_they_fit(wanted):
    placed = pictures.spread(wanted, gap=16, low=0, high=200)
    ordered = sorted(placed)
    assert all(after - before >= 16 - 1e-9 for before, after in pairwise(ordered))
    assert ordered[0] >= 0
    assert ordered[-1] <= 200 + 1e-9


@given(st.lists(st.integers(0, 20).map(lambda step: step * 16.0), min_size=1, max_size=10, unique=True))
def test_labels_that_have_room_stay_where_they_are_wanted(wanted):
    assert pictures.spread(wanted, gap=16, low=0, high=320) == wanted


@given(st.lists(st.integers(-300, 300), min_size=1, max_size=5))
def test_axis_labels_do_not_overlap(values):
    bounds = pictures.domain([value / 1000 for value in values])
    axis = parsed(pictures.axis_strip(bounds, written=short))
    spans = sorted(
        (float(label.attrib["x"]) - len(label.text) * 3, float(label.attrib["x"]) + len(label.text) * 3)
        for label in axis.iter("text")
    )
    assert spans
    assert all(before[1] < after[0] for before, after in pairwise(spans))


def test_zero_is_on_the_axis_of_every_domain_wide_enough_for_it():
    axis = parsed(pictures.axis_strip((-0.1, 0.1), written=short))
    assert [label.text for label in axis.iter("text")] == ["−0.1", "0", "0.1"]


def test_gains_go_right_of_zero_and_losses_left_by_their_size():
    # 112 px, 6 px of edge on both sides: 100 px for -10 to 10, zero at 56.
    gain, loss = (parsed(pictures.bar_strip(value, (-10.0, 10.0), label="any", width=112)) for value in (5.0, -2.5))
    assert (places(gain, "rect", "x"), places(gain, "rect", "width")) == ([56.0], [25.0])
    assert (places(loss, "rect", "x"), places(loss, "rect", "width")) == ([43.5], [12.5])


def test_a_mark_on_a_bar_stands_at_its_value():
    bar = parsed(pictures.bar_strip(5.0, (-10.0, 10.0), label="any", width=112, mark=-2.5))
    # Between 6 and 106: the middle at 56, and a quarter of the half to its left at 43.5.
    assert [part.attrib["x1"] for part in bar if part.attrib["class"] == "mark"] == ["43.5"]


def test_an_interval_beside_zero_is_strong_and_one_across_it_is_quiet():
    def classes(low: float) -> list[str]:
        value = Interval(estimate=0.05, ci_low=low, ci_high=0.09, n=100)
        return [part.attrib["class"] for part in parsed(pictures.interval_strip(value, (-0.1, 0.1), label="any"))]

    assert classes(0.01) == ["zero", "whisker strong", "dot strong"]
    assert classes(-0.01) == ["zero", "whisker quiet", "dot quiet"]


def test_without_evidence_only_the_reference_is_drawn():
    none = Interval(estimate=None, ci_low=None, ci_high=None, n=3)
    assert [part.tag for part in parsed(pictures.interval_strip(none, (-0.1, 0.1), label="any"))] == ["line"]


def test_dots_of_a_reliability_diagram_grow_by_area_and_sit_where_the_numbers_say():
    def point(n: int) -> ReliabilityPoint:
        return ReliabilityPoint(mean_confidence=0.5, calibrated_confidence=1.0, ci_low=0.9, ci_high=1.0, n_theses=n)

    drawn = parsed(pictures.reliability_diagram([point(100), point(25)], label="any"))
    # Left edge 40, right 270: half of it is 155; the top is 10.
    assert set(places(drawn, "circle", "cx")) == {155.0}
    assert set(places(drawn, "circle", "cy")) == {10.0}
    large, small = places(drawn, "circle", "r")
    assert large - 2.5 == pytest.approx(2 * (small - 2.5))


def test_every_line_is_named_at_its_end_with_its_last_value():
    days = [START, START + timedelta(days=1)]
    chart = parsed(pictures.line_chart(days, {"a": [0.2, 0.4], "b": [0.8, 0.6]}, label="any", written=percent))
    labels = [text.find("title").text for text in chart.iter("text") if text.find("title") is not None]
    assert labels == ["a 40.0\xa0%", "b 60.0\xa0%"]
