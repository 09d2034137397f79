"""An analyst in Dagster's UI: real Chromium, real server, real data, one visit from the graph to a rollback.

The steps build on each other, as the visit does. What the pages say is verified against GraphQL and the data directory.
"""

import json
import os
from pathlib import Path

import pytest

from amc_learning_tests.acceptance.loop import open_warehouse, tree
from amc_learning_tests.service.dashboard.browser import CHROMIUM, tab
from amc_learning_tests.ui.dagster_ui import (
    history_until_yesterday,
    plant_bars_above_their_high,
    serving,
    yesterday,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"needs Chromium at {CHROMIUM}: apt-get install chromium"),
]

PICTURES = os.environ.get("AMC_LEARNING_UI_PICTURES")
"""A folder for the pictures of the visit, which are those of docs/images; unset: none are kept."""

WIDTH, CTRL = 1400, 2
CHECK = "prices_lie_between_low_and_high"


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    return history_until_yesterday(tmp_path_factory.mktemp("analyst"))


@pytest.fixture(scope="module")
def ui(settings):
    with serving(settings) as running:
        yield running


@pytest.fixture(scope="module")
def browser(ui):
    with tab() as opened:
        yield opened


@pytest.fixture
def visit(ui, browser):
    def opened(path):
        browser.open(ui.url + path, width=WIDTH)
        return browser

    yield opened
    assert browser.complaints == []
    assert not browser.value("!!document.querySelector('[class*=ErrorBoundary]')")


def says(text):
    return f"document.body.innerText.includes({json.dumps(text)})"


def button(text):
    is_it = f"e.offsetParent && e.innerText.trim().startsWith({json.dumps(text)})"
    return f"[...document.querySelectorAll('button')].filter(e => {is_it}).at(-1)"


def words(text):
    is_it = f"!e.children.length && e.textContent.trim() === {json.dumps(text)}"
    return f"[...document.querySelectorAll('*')].filter(e => {is_it}).at(-1)"


def keep(browser, name):
    if PICTURES:
        (Path(PICTURES) / f"ui-{name}.png").write_bytes(browser.picture())


def write_config(browser, text):
    """Put text into the editor of the launchpad in place of what is there."""
    browser.click("document.querySelector('.CodeMirror-lines')")
    browser.wait_for("document.querySelector('.CodeMirror-focused')")
    browser.press("a", code=65, modifiers=CTRL)
    browser.type(text)


def choose_yesterday(browser):
    browser.click(button("Materialize"))
    browser.wait_for(says("Partition selection"))
    field = "[...document.querySelectorAll('input')].find(e => e.placeholder.startsWith('ex: '))"
    browser.click(button("Latest"))
    browser.click(field)
    browser.press("a", code=65, modifiers=CTRL)
    browser.type(str(yesterday()))
    browser.press("Tab", code=9)


def launch(ui, browser, text):
    before = ui.run_ids()
    browser.click(button(text))
    run = ui.new_run(before)
    return run, ui.ended(run)


def test_the_graph_shows_the_steps_from_left_to_right(visit):
    page = visit("/asset-groups")
    page.wait_for(says("step_5_intelligence_report"))
    lefts = (
        "Object.fromEntries([...document.querySelectorAll('svg foreignObject')]"
        ".map(e => [e.textContent, e.getBoundingClientRect().x]))"
    )
    page.wait_for(f"Object.keys({lefts}).length >= 8")
    left = {name: x for name, x in page.value(lefts).items() if name}
    order = ["outcomes", "performance", "confidence", "parameters", "report"]
    places = [next(x for name, x in left.items() if name.endswith(step)) for step in order]
    assert places == sorted(places)
    keep(page, "graph")


def test_the_page_of_an_asset_begins_with_its_question(visit):
    page = visit("/assets/correlation_table")
    page.wait_for(says("Which scores order returns?"))
    page.wait_for(says("docs/methods.md#correlation-with-success"))
    page.wait_for(says("Mean of the daily coefficients. [-1 to 1]"))
    page.wait_for(says("Latest check results"))
    keep(page, "asset")


def test_yesterday_is_materialized_and_its_plot_is_seen(ui, visit):
    page = visit("/assets/correlation_table")
    choose_yesterday(page)
    _, status = launch(ui, page, "Launch 1 run")
    assert status == "SUCCESS"
    page = visit(f"/assets/correlation_table?view=partitions&partition={yesterday()}")
    page.click(words("[Show Markdown]"))
    drawn = "document.querySelector('img[src^=\"data:image/png\"]')"
    page.wait_for(f"{drawn} && {drawn}.complete && {drawn}.naturalWidth > 300")
    keep(page, "plot")


def test_a_failed_check_shows_its_rows(ui, visit, settings):
    n_bad = plant_bars_above_their_high(settings)
    page = visit("/assets/price_bars")
    choose_yesterday(page)
    _, status = launch(ui, page, "Launch 1 run")
    assert status == "FAILURE"
    page = visit(f"/assets/price_bars?view=checks&checkDetail={CHECK}")
    page.wait_for(says("broken_rows"))
    page.wait_for(says(f"{n_bad} of "))
    page.wait_for("document.querySelectorAll('td').length > 10")
    keep(page, "check")


def test_another_window_is_tried_out_and_nothing_published_changes(ui, visit, settings):
    before = tree(settings.data_dir / "published")
    page = visit("/assets/correlation_of_a_window")
    choose_yesterday(page)
    page.click(words("Config"))
    page.click(button("Add config"))
    page.wait_for(says("No errors"))
    write_config(page, "ops:\n  correlation_of_a_window:\n    config:\n      window_days: 45\n")
    page.wait_for(says("window_days: 45"))
    keep(page, "window")
    page.click(button("Save config"))
    _, status = launch(ui, page, "Launch 1 run")
    assert status == "SUCCESS"
    assert [path.name for path in (settings.data_dir / "explorations").iterdir()] == [
        f"correlation_table-{yesterday()}-45d.parquet"
    ]
    assert tree(settings.data_dir / "published") == before


def test_weights_are_rolled_back_from_the_launchpad(ui, visit, settings):
    warehouse = open_warehouse(settings)
    target = warehouse.table("weight_decisions").days()[0]
    page = visit("/locations/amc_learning.definitions/jobs/weights_rollback/playground")
    page.wait_for(says("roll_back_weights"))
    write_config(
        page,
        f"ops:\n  roll_back_weights:\n    config:\n      day: '{target}'\n      reason: tried in the browser\n",
    )
    page.wait_for(says("tried in the browser"))
    keep(page, "rollback")
    _, status = launch(ui, page, "Launch Run")
    assert status == "SUCCESS"
    document = warehouse.publications.current("weights")
    assert document["status"] == "rolled_back"
    assert "tried in the browser" in document["reason"]
