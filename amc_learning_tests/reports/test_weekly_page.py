import re
from itertools import pairwise
from typing import get_origin

import pytest

from amc_learning.contracts.documents.weekly_report import WeeklyReport
from amc_learning.reports.page import POLICY
from amc_learning.reports.weekly_page import render_weekly_page
from amc_learning_tests.reports import weekly_sample
from amc_learning_tests.reports.pages import Page, coordinates, pictures, section
from amc_learning_tests.reports.sample import around
from amc_learning_tests.reports.test_page import attacked, turned
from amc_learning_tests.service.dashboard.browser import CHROMIUM, tab

SECTIONS = [
    "findings",
    "strategy",
    "patterns",
    "importance",
    "regimes",
    "models",
    "predictions",
    "weights",
    "corrections",
]


@pytest.fixture(scope="module")
def full() -> str:
    return render_weekly_page(weekly_sample.full_report())


@pytest.fixture(scope="module")
def empty() -> str:
    return render_weekly_page(weekly_sample.empty_report())


def test_week_and_headline_stand_first_and_sections_in_the_order_of_a_decision(full):
    assert Page(full).text.startswith(
        "Weekly learning report, 17 Mar 2023 Weekly learning report, 13 Mar 2023 to Friday, 17 March 2023 1 new "
        "pattern; the index turned turbulent; 1 model promoted; exits are to change. nights 5 2 moved a weight"
    )
    assert [attributes["id"] for attributes in Page(full).named("section")] == SECTIONS


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("findings", ["New pattern: squeeze=80-100 & action_tag=watchlist pays."]),
        (
            "strategy",
            ["change Stop 12 %, target 10 % earned +0.41 % a trade", "stop 12 %, target 10 % recommended +0.4"],
        ),
        ("strategy", ["as done – – +1.0 % 54.0 % 30.2 % 23.5", "3,623 closed trades replayed under 212 settings"]),
        ("strategy", ["gained +0.3 points on 484 later days", "under 17.8 % 18.0 % +1.1 % ×1.30 722"]),
        ("patterns", ["squeeze=80-100 & action_tag=watchlist pays +1.84 %", "new +1.6 +1.3 – 9.4 % 6.1 % 6.1 %"]),
        ("patterns", ["fading", "−0.2", "412 rules tried on 18 Mar 2020 to 29 Apr 2022, 3 beyond chance"]),
        (
            "importance",
            ["Horizon 1d 740 days", "volume_momentum +0.0213 < 0.001 +0.031 –", "like catalyst", "+0.0021 *"],
        ),
        ("regimes", ["14 Mar 2023 this week index calm turbulent 94.1 % 4 too early volume momentum, squeeze"]),
        ("regimes", ["2 Feb 2023 discovery squeeze setup normal market – 2 flickered"]),
        ("regimes", ["volume_momentum −0.061 < 0.001 – 0 days +0.020 88 days +0.012 744 days"]),
        ("models", ["stop out by linear", "linear 500 days 12.4 % 8.2 to 16.6 %", "1,128 (40)", "promoted linear"]),
        ("predictions", ["ABC 1 81.4 23.1 % 51.2 % 6.1 % +0.1 %", "The best ranked of 17 Mar 2023, at 7d"]),
        ("weights", ["volume_momentum 30.0 % 31.8 % 32.3 % +0.5", "2 of 5 nights moved a weight.", "too early"]),
        ("corrections", ["thesis-source-ai confidence ai/BUY_MORE: ×0.81 active 13 Mar 2023 183 of 341"]),
    ],
)
def test_every_section_shows_its_numbers(full, name, expected):
    text = section(full, name)
    assert [part for part in expected if part not in text] == []


def test_a_page_without_evidence_says_so_in_every_section(empty):
    reasons = weekly_sample.empty_report().insufficient_evidence
    expected = {
        "findings": ["Nothing could be judged in this week."],
        "strategy": [f"Insufficient evidence: {reasons[part]}" for part in ("exits", "position_sizes")],
        "patterns": [f"Insufficient evidence: {reasons['new_patterns']}"],
        "importance": [f"Insufficient evidence: {reasons['feature_importance']}"],
        "regimes": [f"Insufficient evidence: {reasons['regime_changes']}", "does not suffice to name a regime"],
        "models": [f"Insufficient evidence: {reasons['models']}"],
        "predictions": [f"Insufficient evidence: {reasons['candidate_predictions']}"],
        "weights": ["No weights have been decided yet"],
        "corrections": ["No correction began or ended in this week."],
    }
    assert list(expected) == SECTIONS
    for name, sentences in expected.items():
        assert [sentence for sentence in sentences if sentence not in section(empty, name)] == [], name
    assert Page(empty).named("table") == []
    assert Page(empty).named("svg") == []


def test_a_gain_that_no_later_day_has_tested_is_not_given_as_a_number():
    report = weekly_sample.full_report()
    untested = weekly_sample.exits().model_copy(update={"out_of_sample_difference": weekly_sample.NONE})
    advice = report.strategy_recommendations.model_copy(update={"exits": untested})
    text = section(render_weekly_page(report.model_copy(update={"strategy_recommendations": advice})), "strategy")
    assert "Costs are not included. There are no later days yet that would tell" in text
    assert "chosen on earlier days gained" not in text


def test_a_search_that_found_nothing_is_told_with_what_it_tried():
    report = weekly_sample.full_report().model_copy(update={"new_patterns": [], "known_patterns": []})
    text = section(render_weekly_page(report), "patterns")
    assert "No pattern. The strongest, squeeze=80-100 & action_tag=watchlist: p 0.012." in text
    assert "412 rules tried" in text


def test_text_of_strangers_stays_text_in_every_field():
    html = render_weekly_page(attacked(weekly_sample.full_report()))
    tags = {name for name, _ in Page(html).elements}
    assert not tags & {"script", "img"}
    assert not any(key.startswith("on") for _, attributes in Page(html).elements for key in attributes)
    assert html.count("&lt;script&gt;") > 50


@pytest.mark.parametrize("build", [weekly_sample.full_report, weekly_sample.empty_report])
def test_a_page_asks_nothing_of_any_server_and_runs_nothing(build):
    html = render_weekly_page(build())
    asking = ("http:", "https:", "src=", "@import", "url(", "<script", "<link", "<iframe", "javascript:")
    assert [word for word in asking if word in html] == []
    assert {"http-equiv": "Content-Security-Policy", "content": POLICY} in Page(html).named("meta")
    assert [attributes["href"] for attributes in Page(html).named("a")] == [f"#{name}" for name in SECTIONS]


def test_headings_identifiers_tables_and_pictures_can_be_read_out(full):
    page = Page(full)
    levels = [int(name[1]) for name, _ in page.elements if re.fullmatch("h[1-6]", name)]
    assert (levels.count(1), levels[0]) == (1, 1)
    assert all(after - before <= 1 for before, after in pairwise(levels))
    identifiers = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))
    assert all(attributes.get("scope") in {"col", "row", "rowgroup"} for attributes in page.named("th"))
    assert len(page.named("caption")) == len(page.named("table")) > 8
    regions = [one["aria-label"] for one in page.named("div") if one.get("role") == "region"]
    assert len(regions) == len(set(regions))
    assert all(attributes["role"] == "img" and attributes["aria-label"] for attributes in page.named("svg"))


def test_pictures_are_well_formed_and_finite(full):
    drawn = pictures(full)
    # 2 patterns, 12 components, 2 x 6 under regimes, 2 exits, 5 bands, and the axis above each of the 7 tables.
    assert len(drawn) == 2 + 12 + 12 + 2 + 5 + 7
    assert all(abs(number) < 1e4 for picture in drawn for number in coordinates(picture))


def test_a_document_as_stored_gives_the_same_bytes_in_whatever_order_its_mappings_are(full):
    document = turned(weekly_sample.full_report().model_dump(mode="json"))
    assert render_weekly_page(WeeklyReport.model_validate(document)) == full


def test_the_sample_fills_every_part_of_the_document():
    report = weekly_sample.full_report()
    hollow = [
        name
        for name, field in WeeklyReport.model_fields.items()
        if get_origin(field.annotation) in {list, dict} and not getattr(report, name)
    ]
    assert hollow == ["insufficient_evidence"]


@pytest.mark.skipif(not CHROMIUM.exists(), reason=f"needs Chromium at {CHROMIUM}, which is not there")
def test_on_a_phone_and_on_a_desk_nothing_scrolls_sideways_but_tables_in_their_boxes(full, empty, tmp_path):
    with tab() as browser:
        for name, html in (("full", full), ("empty", empty)):
            page = tmp_path / f"{name}.html"
            page.write_text(html, encoding="utf-8")
            for width in (390, 1280):
                browser.open(page.as_uri(), width=width)
                assert browser.value("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        assert browser.complaints == []


def test_a_component_named_for_one_change_alone_says_so_and_does_not_stress_the_difference_of_regimes():
    # Of this change +0.12 (p 0.01); of the kind of change +0.021 (p 0.4), which stands in the column.
    change = weekly_sample.regime_change()
    first = change.components[0].model_copy(
        update={
            "difference": around(0.12, 0.03, 130),
            "difference_adjusted_p_value": 0.01,
            "regime_difference": around(0.021, 0.024, 744),
            "regime_difference_adjusted_p_value": 0.4,
        }
    )
    report = weekly_sample.full_report().model_copy(
        update={"regime_changes": [change.model_copy(update={"components": [first]})]}
    )
    page = render_weekly_page(report)
    text = Page(section(page, "regimes")).text
    assert "this change alone: +0.120, p 0.010" in text
    assert "<strong>+0.021</strong>" not in page
