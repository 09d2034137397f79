import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import ClassVar

import pytest

from amc_learning.service.dashboard.page import render_dashboard
from amc_learning.service.dashboard.renewal import POLICY
from amc_learning_tests.service.dashboard import sample
from amc_learning_tests.service.dashboard.browser import ARGUMENTS, CHROMIUM, Tab, tab

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"needs Chromium at {CHROMIUM}, which is not there")

PAGES = {
    "/full": render_dashboard(sample.full_view()),
    "/troubled": render_dashboard(sample.troubled_view()),
    "/empty": render_dashboard(sample.empty_view()),
}


class Handler(BaseHTTPRequestHandler):
    """Gives out the pages as the service does, and remembers what was asked for."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        body = PAGES.get(self.path, "").encode()
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Tab]:
    with tab() as opened:
        yield opened


def test_the_page_loads_without_a_word_on_the_console_and_asks_for_nothing_else(address, tmp_path):
    Handler.asked.clear()
    picture = tmp_path / "page.png"
    done = subprocess.run(
        [
            *(CHROMIUM, *ARGUMENTS, "--enable-logging=stderr", f"--user-data-dir={tmp_path / 'profile'}"),
            *("--window-size=1280,900", f"--screenshot={picture}", "--dump-dom", f"{address}/full"),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "All is well" in done.stdout
    assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
    assert Handler.asked == ["/full"]
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("width", [390, 640, 1280])
def test_nothing_but_tables_scrolls_sideways(browser, address, path, width):
    # 640 is 1280 at a zoom of 200 %.
    browser.open(address + path, width=width)
    assert browser.value("window.innerWidth") == width
    assert browser.value("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert browser.complaints == []


def test_the_first_stop_of_the_keyboard_is_the_link_that_skips_to_the_content(browser, address):
    browser.open(f"{address}/full")
    first = "document.querySelector('a[href], [tabindex=\"0\"], summary')"
    assert browser.value(f"{first}.getAttribute('href')") == "#content"
    assert browser.value(f"{first}.focus(), {first}.getBoundingClientRect().left >= 0")


def test_the_page_is_dark_where_the_system_is(browser, address):
    def lightness(*, is_dark: bool) -> int:
        browser.open(f"{address}/full", is_dark=is_dark)
        return browser.value("Number(getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0])")

    assert lightness(is_dark=False) > 200
    assert lightness(is_dark=True) < 50


def test_an_open_page_renews_itself_but_not_under_the_hands_of_a_reader(browser, address):
    # the renewal is called by hand here: what calls it is a clock of the browser
    browser.open(f"{address}/full")
    browser.value("document.querySelector('main').dataset.mark = 'kept', document.querySelector('h1').id = 'before'")
    browser.value("document.querySelector('main a').focus(), renew().then(() => true)")
    assert browser.value("document.querySelector('h1').id") == "before"
    browser.value("document.activeElement.blur(), renew().then(() => true)")
    assert browser.value("document.querySelector('h1').id") == ""
    assert browser.value("document.querySelector('main').dataset.mark") == "kept"
    assert browser.complaints == []
