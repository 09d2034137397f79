"""Every command in README and docs is executed, in a folder as a newcomer has it after `amc-learning demo`.

The demo runs once, shorter than the one of `make run`; each page gets a copy of its data directory and runs its lines
in their order. A new line on a page is executed without a word here. When it fails, one of these has to know it: a name
the page made up is in PLACEHOLDERS, an exit code that is meant in EXIT_CODES, a line that cannot be run here, with the
reason, in NOT_EXECUTED.
"""

import doctest
import fcntl
import gzip
import os
import re
import shutil
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from amc_learning.simulation.rules import SAMPLE
from amc_learning_tests.acceptance.loop import environment
from amc_learning_tests.cli.calling import amc
from amc_learning_tests.shown_commands import PAGES, ROOT, Terminal, shown_commands, shown_on

N_SESSIONS = 45
"""Enough for weights that move and failures that are found; the sample of `make run` has 200."""

LAST_DAY, DAYS_SHORTER = date(2024, 3, 6), timedelta(weeks=32)
"""45 sessions from 2024-01-02 end on 2024-03-06, 200 on 2024-10-16: later days on a page are 32 weeks earlier here."""

NOT_EXECUTED = {
    "make run": "installs packages, then runs the demo, which the fixture here runs",
    "make test": "runs this",
    "make docs": "test_documentation_site builds the site",
    "pip install ./deploy/client": "installs a package; client/test_package builds it",
    "celery -A dagster_celery.app worker --concurrency 1 -Q dagster": "a worker beside a broker, until it is stopped",
    "amc-learning demo": "a minute and more; the fixture runs it shorter",
    "amc-learning demo --sessions 60": "the fixture runs it with other sessions",
    "AMC_LEARNING_MARKET__BARS_SOURCE=polygon AMC_LEARNING_POLYGON__API_KEY=... amc-learning run daily": (
        "asks a vendor on the internet; market_data has a vendor on loopback"
    ),
}
EXIT_CODES = {
    "amc-learning doctor": {0, 1},
    "amc-learning alerts test": {0, 1},
    "DAILY_LIMIT=0.05 amc-learning run daily": {1},
}
"""Lines that may end with something else than 0: `doctor` finds nights that no feed of this folder has, one page alone
sets up a channel for alerts, and a failed run is shown."""

WITH_OUTPUT = ("tutorial.md", "operator.md")
"""Pages that people follow line by line: what stands below a command is what it says."""

PLACEHOLDERS = {
    "7f3a": "the id of what lies in quarantine",
    "thesis-source-ai-recommendation-buy_more": "the name of a correction",
    "/mnt/backups": "a folder",
    "2026-11-29T143006Z": "the backup made there",
    "/srv/amc": "an empty folder",
}
BROKEN = '{"symbol": "AAA", "recommendation": "HOLD", broken\n'
MATCHING = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.fixture(scope="session")
def newcomers_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder after `amc-learning demo`, with files to ingest; made once, also where several processes test."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder = shared / "newcomer"
    with (shared / "newcomer.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            made = tmp_path_factory.mktemp("newcomer")
            _make(made)
            made.rename(folder)
    return folder


def _make(folder: Path) -> None:
    with environment():
        for name in [name for name in os.environ if name.startswith(("AMC_LEARNING_", "DAGSTER_"))]:
            del os.environ[name]
        answer = amc(Path("data"), "demo", "--sessions", str(N_SESSIONS), cwd=folder)
        assert answer.code == 0, answer.all
        _write_files_to_ingest(folder)
        shutil.copytree(folder / "data" / "sample", folder / "own")
        assert amc(Path("own"), "ingest", "theses", "broken.ndjson", cwd=folder).code == 3


def _write_files_to_ingest(folder: Path) -> None:
    """The files of the sample, in the places where pages expect them."""
    feed = folder / "data" / "sample" / "feed"
    (folder / "feed").mkdir()
    (feed / "discovery.ndjson.gz").write_bytes(gzip.compress((feed / "discovery.ndjson").read_bytes()))
    for file in feed.iterdir():
        shutil.copy(file, folder)
        shutil.copy(file, folder / "feed")
    bars = pl.read_parquet(folder / "bars.parquet").head(50)
    (folder / "late-bars.csv.gz").write_bytes(gzip.compress(bars.write_csv().encode()))
    (folder / "broken.ndjson").write_text(BROKEN)
    shutil.copytree(ROOT / "examples", folder / "examples")


def _link(source: str, target: str) -> None:
    """Partitions are replaced and never changed in place, so a copy may share them."""
    (os.link if source.endswith(".parquet") else shutil.copy)(source, target)


@pytest.fixture
def terminal(newcomers_folder: Path, tmp_path: Path, clean_environment: None):
    folder = tmp_path / "newcomer"
    shutil.copytree(newcomers_folder, folder, copy_function=_link, ignore=shutil.ignore_patterns("own"))
    for part in (newcomers_folder / "own").iterdir():
        shutil.copytree(part, folder / "data" / part.name, copy_function=_link)
    opened = Terminal(folder)
    yield opened
    opened.close()


def as_here(line: str, terminal: Terminal) -> str:
    """A line with the names of this folder in place of those a page made up, and days within its sample."""
    made_up = [name for name in PLACEHOLDERS if name in line]
    for name in made_up:
        line = line.replace(name, found(name, terminal))

    def within(day: re.Match[str]) -> str:
        shown = date.fromisoformat(day[0])
        return str(shown - DAYS_SHORTER) if shown > LAST_DAY else day[0]

    return re.sub(r"\b2024-\d\d-\d\d\b", within, line)


def found(name: str, terminal: Terminal) -> str:
    """What stands here for a name that a page made up."""
    own, folder = Path(terminal.exported.get("AMC_LEARNING_DATA_DIR", "data")), terminal.folder
    if name == "7f3a":
        return amc(own, "quarantine", "list", "--json", cwd=folder).json[0]["id"][:8]
    if name.startswith("thesis-"):
        names = amc(own, "sql", "select max(name) as name from corrections", "--json", cwd=folder).json
        return str(names[0]["name"])
    if name == "2026-11-29T143006Z":
        return next(path.name for path in (folder / "backups").iterdir())
    return {"/mnt/backups": "backups", "/srv/amc": "restored"}[name]


def prints(shown: str, said: str) -> bool:
    """Whether a command said what the page shows; `...` stands for anything."""
    return not shown or doctest.OutputChecker().check_output(shown, said, MATCHING)


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", [page for page in PAGES if shown_on(page)], ids=lambda page: str(page.relative_to(ROOT))
)
def test_every_command_of_a_page_does_what_the_page_says(page: Path, terminal: Terminal):
    troubles = []
    for shown in shown_on(page):
        if shown.line in NOT_EXECUTED:
            continue
        line = as_here(shown.line, terminal)
        answer = terminal.run(line)
        expected = next((codes for part, codes in EXIT_CODES.items() if part in line), {0})
        if answer.code not in expected:
            troubles.append(f"$ {line}\nended with {answer.code}:\n{answer.said}{answer.complained}")
        elif page.name in WITH_OUTPUT and not prints(output := as_here(shown.output, terminal), answer.said):
            troubles.append(f"$ {line}\nshows\n{output}\nand printed\n{answer.said}{answer.complained}")
    assert not troubles, "\n\n".join(troubles)


def test_lists_of_exceptions_hold_nothing_that_no_page_shows():
    lines = {shown.line for shown in shown_commands()}
    assert set(NOT_EXECUTED) <= lines
    assert [name for name in PLACEHOLDERS if not any(name in line for line in lines)] == []
    assert [part for part in EXIT_CODES if not any(part in line for line in lines)] == []
    assert len(NOT_EXECUTED) <= 8, "each line more is one that nobody runs; say in the review why it must be"


def test_the_sample_here_is_the_one_of_the_demo_only_shorter():
    assert SAMPLE.n_sessions == 200
    assert date(2024, 10, 16) - DAYS_SHORTER == LAST_DAY


def test_the_program_of_the_tutorial_is_the_one_in_examples():
    program = (ROOT / "examples" / "first_integration.py").read_text()
    (shown,) = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / "tutorial.md").read_text(), re.M | re.S)
    assert "".join(f"    {line}\n" for line in shown.splitlines()) in program
