import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from amc_learning.service.dashboard.page import render_dashboard
from amc_learning.service.dashboard.renewal import POLICY, SCRIPT
from amc_learning.service.dashboard.sections_nights import DOCUMENTS, PAGES
from amc_learning.service.dashboard.view import DashboardView, FlowState, NightState
from amc_learning_tests.reports.pages import Page, coordinates, pictures, section
from amc_learning_tests.reports.sample import DAY
from amc_learning_tests.reports.test_page import ATTACK
from amc_learning_tests.service.dashboard import sample

SECTIONS = ["flows", "weights", "history", "confidence", "failures", "effects", "nights", "documents"]
VIEWS = {"full": sample.full_view, "troubled": sample.troubled_view, "empty": sample.empty_view}


@pytest.fixture(params=VIEWS)
def drawn(request) -> str:
    return render_dashboard(VIEWS[request.param]())


@pytest.fixture(scope="module")
def full() -> str:
    return render_dashboard(sample.full_view())


@pytest.fixture(scope="module")
def troubled() -> str:
    return render_dashboard(sample.troubled_view())


@pytest.fixture(scope="module")
def empty() -> str:
    return render_dashboard(sample.empty_view())


def header(html: str) -> str:
    (found,) = re.findall("<header>.*?</header>", html, flags=re.DOTALL)
    return Page(found).text


def hostile(document: dict[str, Any], *fields: str) -> dict[str, Any]:
    """The same document with the attack behind the texts of these fields, wherever they lie in it."""

    def changed(value: Any, field: str) -> Any:
        if isinstance(value, dict):
            return {key: changed(part, key) for key, part in value.items()}
        if isinstance(value, list):
            return [changed(part, field) for part in value]
        return f"{value} {ATTACK}" if isinstance(value, str) and field in fields else value

    return changed(document, "")


def hostile_view() -> DashboardView:
    fields = ("reason", "headline", "name", "target", "pattern", "sentence", "why", "subject", "group", "feature")
    view = sample.full_view()
    documents = {
        name: document and hostile(dict(document), *fields, "parameters_version", "software_version", "regime")
        for name, document in view.documents.items()
    }
    documents["market_regime"] = {"known_on": ATTACK}
    weights = documents["weights"]
    assert weights is not None
    parameters = weights["data"]["optimized_parameters"]
    weights["data"]["optimized_parameters"] = {f"{ATTACK}{name}": value for name, value in parameters.items()}
    return replace(
        view,
        documents=documents,
        flows=tuple(replace(flow, name=flow.name + ATTACK) for flow in view.flows),
        nights=(NightState(DAY, sample.NOW, ATTACK, ATTACK, 1),),
        troubles=(ATTACK,),
        dagster_url=f"http://127.0.0.1:3000/{ATTACK}",
        software_version=ATTACK,
    )


def rows(html: str, caption: str) -> Iterator[list[str]]:
    """The cells of every row of one table."""
    (table,) = re.findall(f"<caption>{caption}</caption>.*?</table>", html, flags=re.DOTALL)
    for row in re.findall("<tr>.*?</tr>", table, flags=re.DOTALL):
        yield [Page(cell).text for cell in re.findall(r"<t[hd].*?</t[hd]>", row, flags=re.DOTALL)]


def test_sections_come_by_importance_in_every_state(drawn):
    assert [attributes["id"] for attributes in Page(drawn).named("section")] == SECTIONS


def test_all_is_well_is_said_first(full):
    text = header(full)
    assert text.startswith("Learning dashboard, drawn 2023-03-15 12:30 UTC . Renews itself every 30 s: stop that")
    assert "✓ All is well Night of 14 Mar 2023: Discovery weights moved; 1 systematic failure" in text


def test_what_is_wrong_is_listed_before_what_needs_a_look(troubled):
    text = header(troubled)
    # Wrong: the trouble, the weights document, one night, and discovery, where 63 of 80 (79 %) led to an event.
    # A look: 4 + 6 + 2 requests to thesis, and its quarantine; 1,198 of 1,219 (98 %) led to an event.
    expected = [
        "4 things are wrong, 2 more need a look",
        "no space left on the device",
        "The document weights cannot be read",
        "The night of 15 Mar 2023 was not run. amc-learning run daily --date 2023-03-15",
        "Flow discovery: 17 of 80 requests",
        "Flow thesis: requests of the last 24 hours were 4 in conflict, 6 refused, 2 told to come back.",
        "Flow thesis: 9 events wait in quarantine, kept and not understood. amc-learning quarantine list",
    ]
    places = [text.find(part) for part in expected]
    assert -1 not in places
    assert places == sorted(places)
    groups = [attributes.get("aria-label") for attributes in Page(troubled).named("div")]
    assert groups.count("What needs somebody") == 1


def test_an_empty_service_says_what_to_do_first_and_is_complete(empty):
    assert "Ready: nothing is published yet" in header(empty)
    expected = {
        "flows": "No request in the last 24 hours.",
        "weights": "Nothing is published yet; discovery uses its own defaults. First: amc-learning run daily",
        "history": "Nothing is published yet. First: amc-learning run daily",
        "confidence": "Nothing is published yet. First: amc-learning run daily",
        "failures": "Nothing is published yet. First: amc-learning run daily",
        "effects": "not judged yet",
        "nights": "No night has been run yet: amc-learning run daily",
        "documents": "not published yet",
    }
    assert list(expected) == SECTIONS
    assert [name for name, sentence in expected.items() if sentence not in section(empty, name)] == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "flows",
            ["✓ well", "4 min ago", "41 s ago", "3 h ago", "14 h ago", "148 ms", "requests today 2,880", "99.3 %"],
        ),
        ("flows", ["amc-learning quarantine list", "kept today 26 412 38 8,123 8,599"]),
        # Squeeze: 21.1 % in force, 22.1 % before, 25.0 % by default.
        ("weights", ["active Moved within bounds", "squeeze 21.1 % −1.0 25.0 %", "2023-03-14.3b9a2413", "14 Mar 2023"]),
        (
            "weights",
            ["trade ready 79.5 75.0 81.0 (75 to 86)", "none in 600 decisions, 60 days", "no decision carried it"],
        ),
        ("history", ["Weights in force over the last 90 nights.", "Horizon 5d", "At the other horizons"]),
        ("confidence", ["BUY_MORE ×0.61", "Brier score 0.261"]),
        (
            "failures",
            ["source=ai & recommendation=BUY_MORE", "amc-learning corrections veto trade-exit-reason-stop-loss"],
        ),
        ("effects", ["new systematic failures 2", "+2.1 points", "· no difference", "✓ helped", "✗ harmed"]),
        ("effects", ["· not judged yet", "promised +0.006", "0.002 to 0.010", "squeeze 22.1 % → 21.1 %"]),
        (
            "effects",
            ["On 3 days decided under it since 9 Mar 2023 it brought +0.004", "harmed", "taken back, 14 Oct 2022"],
        ),
        ("nights", ["14 Mar 2023 published 2023-03-15 05:12 UTC active 4 changes Moved within bounds"]),
        ("documents", ["2023-03-14", "not published yet"]),
    ],
)
def test_every_section_shows_its_numbers(full, name, expected):
    text = section(full, name)
    assert [part for part in expected if part not in text] == []


@pytest.mark.parametrize("build", VIEWS.values())
def test_the_balance_of_requests_adds_up_for_each_flow_and_for_all(build):
    view = build()
    listed = {row[0]: row[1:] for row in rows(render_dashboard(view), "Each flow, its requests and what waits in it")}
    names = ("accepted", "+ duplicates", "+ quarantined", "+ conflicts", "+ refused", "+ unavailable")
    columns = [[int(cell.replace(",", "")) for cell in listed[name]] for name in (*names, "= requests")]
    for parts in zip(*columns, strict=True):
        assert sum(parts[:-1]) == parts[-1]
    for row in columns:
        assert sum(row[:-1]) == row[-1]
    assert columns[-1] == [*(flow.balance.n_requests for flow in view.flows), columns[-1][-1]]


def test_a_night_that_was_not_run_is_marked_with_its_command(troubled):
    assert "15 Mar 2023 ✗ not run amc-learning run daily --date 2023-03-15" in section(troubled, "nights")


def test_several_missed_nights_are_one_finding_with_one_command():
    missed = tuple(NightState(DAY - timedelta(days=back), None, None, None, None) for back in range(3))
    text = header(render_dashboard(replace(sample.full_view(), nights=missed)))
    assert "1 thing is wrong" in text
    assert "amc-learning run daily --from 2023-03-12 --to 2023-03-14" in text


def test_a_document_that_cannot_be_read_leaves_the_rest_of_the_page(troubled):
    assert "The document weights cannot be read" in section(troubled, "weights")
    assert "Weights in force over the last 90 nights." in section(troubled, "history")


@pytest.mark.parametrize("name", ["weights", "corrections", "daily_report"])
@pytest.mark.parametrize("damage", [{}, {"known_on": 7}, {"known_on": "2023-03-14", "future": [{"a": None}]}])
def test_no_damaged_document_stops_the_page(name, damage):
    view = sample.full_view()
    html = render_dashboard(replace(view, documents={**view.documents, name: damage}))
    assert f"The document {name} cannot be read" in header(html)
    assert [attributes["id"] for attributes in Page(html).named("section")] == SECTIONS


@pytest.mark.parametrize("name", ["weights", "corrections", "daily_report"])
def test_a_document_that_is_missing_is_no_trouble(name):
    view = sample.full_view()
    html = render_dashboard(replace(view, documents={**view.documents, name: None}))
    assert "All is well" in header(html)


def test_corrections_come_from_the_report_when_their_document_is_missing():
    view = sample.full_view()
    html = render_dashboard(replace(view, documents={**view.documents, "corrections": None}))
    assert "candidate-sector-energy" in section(html, "failures")


def test_the_promise_of_an_earlier_change_is_shown_when_the_last_night_moved_nothing():
    view = sample.full_view()
    held = {**view.documents, "weights": sample.stored(sample.weights(moved=False))}
    earlier = sample.stored(sample.weights(DAY - timedelta(days=5)))
    text = section(render_dashboard(replace(view, documents=held, last_weight_change=earlier)), "effects")
    assert "The night of 9 Mar 2023 promised +0.006" in text
    alone = section(render_dashboard(replace(view, documents=held)), "effects")
    assert "The night of 14 Mar 2023 moved no weight, so it promised nothing." in alone


def test_a_correction_in_force_that_harmed_needs_a_look():
    view = sample.full_view()
    document = sample.corrections()
    harmed = document.model_copy(update={"in_force": [document.in_force[0].model_copy(update={"verdict": "harmed"})]})
    html = render_dashboard(replace(view, documents={**view.documents, "corrections": sample.stored(harmed)}))
    text = header(html)
    assert "Nothing is wrong; 1 thing needs a look" in text
    assert "amc-learning corrections veto thesis-source-ai-recommendation-buy-more" in text


def test_the_page_loads_itself_again_only_when_asked_and_says_how_to_stop_it(full, empty):
    assert Page(full).named("body") == [{"data-renew-seconds": "30"}]
    assert len(Page(full).named("script")) == 1
    assert {"href": "/?refresh=off"} in Page(full).named("a")
    assert Page(empty).named("script") == []
    assert {"href": "/?refresh=on"} in Page(empty).named("a")


def test_text_of_strangers_stays_text():
    html = render_dashboard(hostile_view())
    tags = {name for name, _ in Page(html).elements}
    assert tags.isdisjoint({"img", "iframe", "form"})
    assert not any(key.startswith("on") for _, attributes in Page(html).elements for key in attributes)
    assert html.count("<script") == html.count(f"<script>{SCRIPT}</script>")
    # Every section shows something that the strangers wrote.
    assert [name for name in SECTIONS if "<script>" not in section(html, name)] == []


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "127.0.0.1:3000"])
def test_only_an_address_of_the_web_becomes_a_link(url):
    html = render_dashboard(replace(sample.full_view(), dagster_url=url))
    assert url not in html
    assert "No address of Dagster's UI is set" in section(html, "nights")


def test_links_lead_into_dagster(full):
    targets = [attributes["href"] for attributes in Page(full).named("a")]
    assert {f"http://127.0.0.1:3000{path}" for path in ("/runs", "/assets", "/locations/amc_learning")} <= {*targets}


def test_every_document_that_exists_and_every_page_is_linked(full, empty):
    view = sample.full_view()
    targets = {attributes["href"] for attributes in Page(full).named("a")}
    published = {path for name, (path, _) in DOCUMENTS.items() if view.documents[name] is not None}
    assert published | set(PAGES) <= targets
    assert targets.isdisjoint({path for path, _ in DOCUMENTS.values()} - published)
    assert all(path in Page(empty).text.replace(" ", "") for path, _ in DOCUMENTS.values())


def test_the_page_asks_nothing_of_any_other_server_and_runs_its_own_script_only(drawn):
    page = Page(drawn)
    assert {"http-equiv": "Content-Security-Policy", "content": POLICY} in page.named("meta")
    assert {name for name, _ in page.elements}.isdisjoint({"img", "iframe", "object", "form"})
    assert re.findall(r"<script>(.*?)</script>", drawn, flags=re.DOTALL) in ([], [SCRIPT])
    assert [(attributes["rel"], attributes["href"][:19]) for attributes in page.named("link")] == [
        ("icon", "data:image/svg+xml,")
    ]
    assert not any("src" in attributes or "style" in attributes for _, attributes in page.elements)
    assert [word for word in ("@import", "url(", "javascript:") if word in drawn] == []


def test_headings_never_skip_a_level_and_there_is_one_title(drawn):
    levels = [int(name[1]) for name, _ in Page(drawn).elements if re.fullmatch("h[1-6]", name)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_identifiers_are_unique_and_every_inner_link_leads_to_one(drawn):
    page = Page(drawn)
    identifiers = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))
    inner = [attributes["href"] for attributes in page.named("a") if (attributes["href"] or "").startswith("#")]
    assert inner == ["#content", *(f"#{name}" for name in SECTIONS)]
    assert {target[1:] for target in inner if target} <= set(identifiers)


def test_tables_pictures_and_landmarks_can_be_read_out(drawn):
    page = Page(drawn)
    assert page.named("html") == [{"lang": "en"}]
    assert [len(page.named(name)) for name in ("header", "nav", "main", "footer")] == [1, 1, 1, 1]
    assert all(attributes.get("scope") in {"col", "row", "rowgroup"} for attributes in page.named("th"))
    assert len(page.named("caption")) == len(page.named("table")) > 0
    regions = [attributes for attributes in page.named("div") if attributes.get("role") == "region"]
    assert len(regions) == len(page.named("table"))
    assert all(attributes["tabindex"] == "0" for attributes in regions)
    labels = [attributes["aria-label"] for attributes in regions]
    assert len(labels) == len(set(labels))
    assert all(attributes["role"] == "img" and attributes["aria-label"] for attributes in page.named("svg"))


def test_pictures_are_well_formed_and_finite(full):
    assert all(abs(number) < 1e4 for picture in pictures(full) for number in coordinates(picture))


def test_times_are_written_for_programs_too(full):
    times = [attributes["datetime"] for attributes in Page(full).named("time")]
    assert times[0] == "2023-03-15T12:30:20+00:00"
    # One for the page, one per flow, one per night.
    assert len(times) == 1 + 4 + 7


def test_a_service_without_flows_is_drawn():
    flows: tuple[FlowState, ...] = ()
    assert "No request in the last 24 hours." in section(
        render_dashboard(replace(sample.full_view(), flows=flows)), "flows"
    )


def test_the_same_view_gives_the_same_text_in_another_process(full):
    program = (
        "import sys; from amc_learning.service.dashboard.page import render_dashboard; "
        "from amc_learning_tests.service.dashboard import sample; "
        "sys.stdout.buffer.write(render_dashboard(sample.full_view()).encode())"
    )
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert other.stdout.decode() == full
