"""The documentation site: built strictly as `make docs` does, whole, and read without a network."""

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from amc_learning_tests.service.dashboard.browser import CHROMIUM, tab
from amc_learning_tests.shown_commands import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("zensical") is None, reason="needs the extra `docs`, which `make test` installs"),
]

SOURCES = ("docs", "examples", "deploy/site", "zensical.toml", "CHANGELOG.md")
LONGEST_SECONDS = 300
CONFIGURATION = tomllib.loads((ROOT / "zensical.toml").read_text())["project"]


class Page(HTMLParser):
    """Where a page leads, what it loads, and the places on it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.places: set[str] = set()
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        self.places |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if "src" in given or (tag == "link" and given.get("rel") != "canonical"):
            self.loaded.append(given.get("src") or given.get("href", ""))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built from a copy of what it is made from."""
    folder = tmp_path_factory.mktemp("documentation")
    for name in SOURCES:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
    (folder / "amc_learning").symlink_to(ROOT / "amc_learning")
    done = subprocess.run(
        [str(Path(sys.executable).parent / "zensical"), "build", "--strict", "--clean"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=LONGEST_SECONDS,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    # the reader of docstrings complains without failing
    assert [line for line in said.splitlines() if line.startswith("griffe:") or "Warning" in line] == []
    return folder / CONFIGURATION["site_dir"]


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path) for path in sorted(site.rglob("*.html")) if path.name != "404.html"}


def entries(navigation: Any) -> Iterator[str]:
    """The pages of the navigation, in their order."""
    if isinstance(navigation, str):
        yield navigation
    else:
        for inner in navigation.values() if isinstance(navigation, dict) else navigation:
            yield from entries(inner)


def test_every_page_is_in_the_navigation_once_and_none_is_missing():
    written = {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")}
    listed = list(entries(CONFIGURATION["nav"]))
    assert set(listed) - written == set(), "listed in zensical.toml without a file in docs/"
    assert written - set(listed) == set(), "add these pages to `nav` in zensical.toml, and to docs/README.md"
    assert len(listed) == len(set(listed))


def test_every_link_leads_somewhere(site: Path, pages: dict[Path, Page]):
    broken = []
    for path, page in pages.items():
        for link in page.links:
            if "://" in link or link.startswith("mailto:"):
                continue
            place, _, anchor = link.partition("#")
            target = (path.parent / place).resolve() if place else path
            if target.is_dir():
                target = target / "index.html"
            known = pages[target].places if target in pages else set()
            if not target.exists() or (anchor and target in pages and anchor not in known | {"__skip"}):
                broken.append(f"{path.relative_to(site)}: {link}")
    assert broken == []


def test_nothing_is_loaded_from_elsewhere_and_everything_loaded_is_there(site: Path, pages: dict[Path, Page]):
    loaded = {(path, address) for path, page in pages.items() for address in page.loaded}
    assert [f"{path.name}: {address}" for path, address in loaded if "//" in address] == []
    missing = [
        f"{path.name}: {address}"
        for path, address in loaded
        if not address.startswith("data:") and not (path.parent / address.partition("?")[0]).exists()
    ]
    assert missing == []
    styles = "".join(path.read_text() for path in site.rglob("*.css"))
    assert "url(http" not in styles
    assert "@import" not in styles


@pytest.mark.parametrize("package", ["client", "warehouse"])
def test_everything_a_package_offers_is_in_the_reference(package: str, pages: dict[Path, Page]):
    places = {place for page in pages.values() for place in page.places}
    offered = {f"amc_learning.{package}.{name}" for name in import_module(f"amc_learning.{package}").__all__}
    ends = {place.rpartition(".")[2] for place in places if place.startswith(f"amc_learning.{package}.")}
    missing = sorted(name for name in offered if name.rpartition(".")[2] not in ends)
    assert missing == [], f"add `::: NAME` to docs/reference/{package}.md"


@pytest.mark.parametrize("package", ["learning", "contracts"])
def test_every_module_of_a_package_is_in_the_reference(package: str, pages: dict[Path, Page]):
    places = {place for page in pages.values() for place in page.places}
    files = [path.relative_to(ROOT) for path in (ROOT / "amc_learning" / package).rglob("*.py")]
    names = {".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in files}
    # what tables declare is on the page of contracts, column by column
    missing = sorted(name for name in names - places if ".declared" not in name)
    assert missing == [], f"add `::: NAME` to docs/reference/{package}.md"


@pytest.mark.skipif(not CHROMIUM.exists(), reason=f"needs Chromium at {CHROMIUM}, which is not there")
def test_search_works_on_pages_opened_from_disk(site: Path):
    shadows = "[...document.querySelectorAll('*')].map(one => one.shadowRoot).filter(Boolean)"
    ask = f"""new Promise(done => {{
        document.querySelector('.md-search__button').click();
        const look = () => {{
            const field = {shadows}.map(one => one.querySelector('input')).find(Boolean);
            if (!field) return setTimeout(look, 50);
            field.value = 'quarantine';
            field.dispatchEvent(new Event('input', {{bubbles: true}}));
            const wait = () => {{
                const said = {shadows}.map(one => one.textContent).join(' ');
                /[1-9][0-9]* results/.test(said) ? done(said) : setTimeout(wait, 50);
            }};
            wait();
        }};
        look();
    }})"""
    with tab() as opened:
        opened.open(f"file://{site}/index.html")
        assert "quarantine" in opened.value(ask).lower()
        assert opened.complaints == []


def test_doctests_are_code_on_the_pages(site: Path):
    drawn = (site / "reference" / "contracts.html").read_text()
    assert re.search(r'class="highlight"><pre>.*&gt;&gt;&gt; ', drawn)
    assert "<blockquote>" not in drawn
