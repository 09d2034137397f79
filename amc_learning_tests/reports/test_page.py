import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from typing import Any, get_origin

import pytest
from pydantic import BaseModel

from amc_learning.contracts.documents.base import Interval
from amc_learning.contracts.documents.daily_report import DailyReport
from amc_learning.reports.page import POLICY, render_page
from amc_learning.reports.wording import day
from amc_learning_tests.reports import sample
from amc_learning_tests.reports.pages import Page, coordinates, pictures, section

SECTIONS = [
    "changes",
    "advice",
    "weights",
    "effects",
    "coefficients",
    "lift",
    "confidence",
    "accuracy",
    "regimes",
    "failures",
    "corrections",
    "trades",
]
ATTACK = "<script>alert('x')</script>\"'><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def full() -> str:
    return render_page(sample.full_report())


@pytest.fixture(scope="module")
def empty() -> str:
    return render_page(sample.empty_report())


def attacked(value: Any, annotation: Any = str) -> Any:
    """The same value with the attack in every text a model does not restrict, keys of mappings included."""
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        return value.model_copy(
            update={name: attacked(getattr(value, name), field.annotation) for name, field in fields.items()}
        )
    if isinstance(value, dict):
        return {attacked(key): attacked(part) for key, part in value.items()}
    if isinstance(value, list):
        return [attacked(part) for part in value]
    if isinstance(value, str):
        return f"{value} {ATTACK}"
    return value


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from texts(getattr(value, name))
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from texts(key)
            yield from texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from texts(part)
    elif isinstance(value, str):
        yield value


def test_sections_come_in_the_order_of_a_morning(full):
    assert [attributes["id"] for attributes in Page(full).named("section")] == SECTIONS


def test_headline_and_date_stand_first(full):
    assert Page(full).text.startswith(
        "Learning report, 14 Mar 2023 Learning report for Tuesday, 14 March 2023 Discovery weights moved; "
        "1 systematic failure; 1 correction in force; the market is high_volatility."
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("changes", ["weight squeeze 0.221 → 0.211", "p = 0.018, 115 days", "low_volatility → high_volatility"]),
        ("advice", ["Look at squeeze", "multiply it by 0.77", "fail in 53.7 % of cases", "14 March 2023"]),
        (
            "weights",
            ["active", "squeeze 25.0 % 22.1 % 19.2 % 21.1 % −1.0", "squeeze 21.1 %", "last 90 nights", "9 Nov 2022"],
        ),
        (
            "effects",
            ["9 Mar 2023", "squeeze −5.8 points", "too early", "+0.006", "0.002 to 0.010", "+0.004", "in force"],
        ),
        ("effects", ["options +12.0 points", "harmed", "−0.031 −0.055 to −0.007 27", "taken back, 14 Oct 2022"]),
        # technical at 10d: 1.2 × (0.0413 - 0.0157 × 5) = -0.04464, half-width 0.021 + 0.004 × 5 = 0.041.
        ("coefficients", ["Horizon 10d", "technical −0.045 −0.086 to −0.004 0.155 110", "total score – – – 7"]),
        ("lift", ["1d cannot be told +0.1 % −0.1 to 0.3 % 119", "5d pays +1.2 % 0.5 to 2.0 % 115"]),
        ("lift", ["Pays: the interval lies above zero. Cannot be told: the interval holds zero"]),
        ("confidence", ["ai ×0.77", "BUY_MORE ×0.61", "calibration quality 89.7 %", "AI 803 judged theses"]),
        # Uncertainty of the sample: 0.2613 - 0.0254 + 0.0117 = 0.2476; the score is 0.0137 above it.
        (
            "confidence",
            ["Brier score 0.261: worse by 0.014", "0.025 − 0.012 + 0.248 = 0.261", "calibration error 0.083"],
        ),
        ("confidence", ["88.1 % 65.5 %", "99"]),
        ("accuracy", ["rule_based 55.7 % 51.6 to 59.8 % 66.2 % 609", "LIQUIDATE – – 71.3 % 4"]),
        (
            "regimes",
            ["high_volatility probability 94.1 % since 14 Mar 2023", "normal probability not estimated", "9 Jan 2023"],
        ),
        ("failures", ["high thesis: source=ai & recommendation=BUY_MORE", "183 of 341 53.7 % 41.2 % < 0.001"]),
        ("failures", ["trade: exit_reason=stop_loss & action_tag=trade_ready 41 of 58 70.7 % 48.7 % 0.087"]),
        (
            "corrections",
            ["amc-learning corrections veto thesis-source-ai-recommendation-buy-more", "confidence ai/BUY_MORE: ×0.81"],
        ),
        ("corrections", ["trade_ready: +4.5 points", "too early: 0 cases since then", "21 Feb 2023 to 22 Apr 2023"]),
        ("corrections", ["no difference: failure rate changed by −4.3 points against the rest (−10.4 to 1.8, n = 96)"]),
        ("corrections", ["amc-learning corrections release candidate-sector-energy"]),
        ("trades", ["+$5,230.75 100 closed trades", "win rate 54.0 % 44.3 to 63.7 %, n = 100", "open positions 12"]),
        (
            "trades",
            [
                "stop_loss −$10,077.50 41 trades 33.2 % 22.2 to 44.2 %",
                "−$10,077.50 41 trades",
                "+$15,308.25 38 trades",
                "ledger_issues",
            ],
        ),
    ],
)
def test_every_section_shows_its_numbers(full, name, expected):
    text = section(full, name)
    assert [part for part in expected if part not in text] == []


def test_a_page_without_evidence_says_so_in_every_section(empty):
    expected = {
        "changes": "Nothing changed on this day.",
        "advice": "No risk warning today.",
        "weights": "No weights have been decided yet",
        "effects": "No change of the learned weights began within the last year",
        "coefficients": "No information coefficients yet",
        "lift": "No selection lift yet",
        "confidence": "Confidence has not been calibrated yet",
        "accuracy": "No thesis has been judged in the window.",
        "regimes": "The history does not suffice to name a regime.",
        "failures": "No systematic failure",
        "corrections": "No corrections in force",
        "trades": "No closed trades in the last 90 days; 0 open positions.",
    }
    assert list(expected) == SECTIONS
    assert [name for name, sentence in expected.items() if sentence not in section(empty, name)] == []
    assert Page(empty).named("table") == []
    assert Page(empty).named("svg") == []


def lift_section(**lifts):
    """The section on selection for lifts of (estimate, ci_low, ci_high, n) by horizon."""
    intervals = {
        name: Interval(estimate=estimate, ci_low=low, ci_high=high, n=n)
        for name, (estimate, low, high, n) in lifts.items()
    }
    report = sample.full_report().model_copy(update={"selection_lift": intervals})
    return section(render_page(report), "lift")


def test_the_page_says_whether_selection_pays_and_each_meaning_once():
    unknown = (None, None, None, 0)
    text = lift_section(**{"1d": (-0.01, -0.02, -0.003, 60), "5d": unknown, "10d": unknown})
    assert [part for part in ("1d does not pay", "5d cannot be known", "10d cannot be known") if part not in text] == []
    assert text.count("no control has an outcome") == text.count("can turn the sign of others") == 1
    assert "Pays:" not in text
    assert "Cannot be told" not in text


def test_a_horizon_on_which_nothing_has_matured_is_merely_too_early():
    """The sample has coefficients at 1d, 5d and 10d; at 20d no outcome of anybody has matured."""
    assert "20d cannot be told" in lift_section(**{"20d": (None, None, None, 0)})


def test_text_of_strangers_stays_text_in_every_field():
    report = attacked(sample.full_report())
    html = render_page(report)
    tags = {name for name, _ in Page(html).elements}
    assert "script" not in tags
    assert "img" not in tags
    assert not any(key.startswith("on") for _, attributes in Page(html).elements for key in attributes)
    assert html.count("<script") == 0
    assert html.count("&lt;script&gt;") > 100


def test_the_attack_reaches_every_text_of_the_document():
    before, after = list(texts(sample.full_report())), list(texts(attacked(sample.full_report())))
    assert len(before) == len(after)
    assert all(text.endswith(ATTACK) for text in after)


@pytest.mark.parametrize("build", [sample.full_report, sample.empty_report])
def test_a_page_asks_nothing_of_any_server_and_runs_nothing(build):
    html = render_page(build()).replace("http-equiv", "")
    assert [
        word
        for word in ("http", "src=", "@import", "url(", "<script", "<link", "<iframe", "javascript:")
        if word in html
    ] == []
    metas = Page(render_page(build())).named("meta")
    assert {"http-equiv": "Content-Security-Policy", "content": POLICY} in metas
    assert all(attributes["href"].startswith("#") for attributes in Page(html).named("a"))


def test_every_link_leads_to_a_section(full):
    assert [attributes["href"] for attributes in Page(full).named("a")] == [f"#{name}" for name in SECTIONS]


def test_headings_never_skip_a_level_and_there_is_one_title(full):
    levels = [int(name[1]) for name, _ in Page(full).elements if re.fullmatch("h[1-6]", name)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_identifiers_are_unique(full):
    identifiers = [attributes["id"] for _, attributes in Page(full).elements if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))


def test_tables_and_pictures_can_be_read_out(full):
    page = Page(full)
    assert all(attributes.get("scope") in {"col", "row", "rowgroup"} for attributes in page.named("th"))
    assert len(page.named("caption")) == len(page.named("table")) > 10
    assert all(attributes["role"] == "img" and attributes["aria-label"] for attributes in page.named("svg"))
    assert page.named("html") == [{"lang": "en"}]


def test_pictures_are_well_formed_and_finite(full):
    drawn = pictures(full)
    # 28 coefficients, 2 lifts, 9 groups, 3 + 7 + 3 + 2 values, the axes above them, 3 diagrams and one line chart.
    assert len(drawn) == 28 + 2 + 9 + 15 + (4 + 1 + 1 + 4) + 3 + 1
    assert all(abs(number) < 1e4 for picture in drawn for number in coordinates(picture))


def test_the_same_document_gives_the_same_bytes_in_another_process(full):
    document = sample.full_report().model_dump_json()
    program = (
        "import sys; from amc_learning.contracts.documents.daily_report import DailyReport; "
        "from amc_learning.reports.page import render_page; "
        "sys.stdout.buffer.write(render_page(DailyReport.model_validate_json(sys.stdin.read())).encode())"
    )
    other = subprocess.run([sys.executable, "-c", program], input=document.encode(), capture_output=True, check=True)
    assert other.stdout.decode() == full


def turned(value: Any) -> Any:
    """The same document with every mapping in the opposite order, as another writer may have stored it."""
    if isinstance(value, dict):
        return {key: turned(part) for key, part in reversed(value.items())}
    return [turned(part) for part in value] if isinstance(value, list) else value


def test_the_order_in_which_a_mapping_was_stored_changes_nothing(full):
    document = turned(sample.full_report().model_dump(mode="json"))
    assert render_page(DailyReport.model_validate(document)) == full


def test_horizons_stand_by_their_length(full):
    assert re.findall(r"Horizon (\d+)d", section(full, "coefficients")) == ["1", "3", "5", "10"]


def test_advice_is_said_once(full):
    assert Page(full).text.count("AI confidence is too high by 15.0 points") == 1


def test_ended_corrections_are_folded_away_behind_those_in_force():
    report = sample.full_report()
    expired = report.corrections[0].model_copy(update={"name": "long-gone", "status": "expired"})
    html = render_page(report.model_copy(update={"corrections": [expired, *report.corrections]}))
    text = section(html, "corrections")
    assert (
        text.index("thesis-source-ai")
        < text.index("trade-exit")
        < text.index("1 lately ended")
        < text.index("long-gone")
    )
    assert "veto long-gone" not in text


def test_the_first_night_has_a_chart_of_one_day():
    html = render_page(sample.full_report(n_nights=1))
    assert "Weights in force over the last 1 night." in section(html, "weights")


def test_a_command_to_copy_is_one_argument_whatever_the_name():
    report = sample.full_report()
    odd = report.corrections[0].model_copy(update={"name": "a b; rm -rf /"})
    html = render_page(report.model_copy(update={"corrections": [odd]}))
    assert "amc-learning corrections veto 'a b; rm -rf /'" in section(html, "corrections")


def test_the_sample_fills_every_part_of_the_document():
    report = sample.full_report()
    hollow = [
        name
        for name, field in DailyReport.model_fields.items()
        if get_origin(field.annotation) in {list, dict} and not getattr(report, name)
    ]
    assert hollow == []


def test_the_page_says_plainly_what_is_in_shadow_and_since_when():
    page = render_page(sample.full_report())
    assert f"In shadow since {day(date(2023, 3, 1))}: confidence. What others were last told stays." in page
    assert "In shadow since" not in render_page(sample.empty_report())
