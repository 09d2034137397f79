"""The page of benchmarks is made from what they found, in the order people read it, and lists every benchmark."""

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("benchmarks", reason="benchmarks are run from a checkout, not from an installed package")

from benchmarks import page
from benchmarks.page import Outcome
from benchmarks.registry import BENCHMARKS, HELPERS
from benchmarks.results import at_least, at_most, informing

OUTCOME = Outcome(
    name="drain",
    date="2026-11-29 12:00 UTC",
    machine="2 cores",
    load=(0.5, 1.5),
    seconds=12.3,
    results=(
        informing("events", 3460.0, "events/s", "100,000 events"),
        at_least("ratio", 14.0, "x", 15.0, "side by side"),
        at_most("memory", 100.0, "MiB", 450.0, "one process"),
    ),
    reasons={"ratio": "the peer became faster"},
)


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def rows(text: str) -> list[list[str]]:
    """The rows of all tables of figures."""
    return [cells(line) for line in text.splitlines() if line.startswith("| ") and not line.startswith("| what ")]


def test_every_module_of_the_folder_is_a_benchmark_that_is_listed_or_a_helper():
    modules = {path.stem for path in page.FOLDER.glob("*.py")} - {"__init__", "__main__"}
    assert modules == {benchmark.name for benchmark in BENCHMARKS} | {*HELPERS}


def test_every_listed_benchmark_has_a_run_of_its_own():
    for benchmark in BENCHMARKS:
        assert "\ndef run(" in (page.FOLDER / f"{benchmark.name}.py").read_text(), benchmark.name


def test_the_page_in_the_repository_is_what_the_kept_figures_make():
    assert page.PAGE.read_text() == page.page(page.kept_outcomes())


def test_every_row_of_the_page_parses_back_and_says_whether_its_promise_is_kept():
    outcomes = page.kept_outcomes()
    found = rows(page.PAGE.read_text())
    assert len(found) == sum(len(outcome.results) for outcome in outcomes.values()) > 0
    for name, figure, promise, kept, how in found:
        assert name
        assert how
        float(figure.split()[0].replace(",", ""))
        assert (kept in ("yes", "**NO**")) == bool(promise)


def test_missed_promises_come_first_and_are_explained_in_the_words_of_the_benchmark():
    text = page.page({"drain": OUTCOME})
    missed = text[text.index("## What is missed") : text.index("## 100,000 waiting events")]
    assert "1 of 2 promises:" in missed
    assert "- **ratio**: 14 x, promised >= 15 x. The peer became faster." in missed
    assert [row[0] for row in rows(text)] == ["ratio", "events", "memory"]


def test_a_missed_promise_without_words_says_how_it_was_measured():
    text = page.page({"drain": replace(OUTCOME, reasons={})})
    assert "- **ratio**: 14 x, promised >= 15 x (side by side)." in text


def test_a_benchmark_that_did_not_run_is_named_with_its_reason():
    outcome = replace(OUTCOME, results=(), trouble="wrk is not installed")
    text = page.page({"drain": outcome})
    assert "- **drain** did not run to its end: wrk is not installed." in text
    assert "Not measured: wrk is not installed." in text


def test_kept_outcomes_come_back_as_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(page, "KEPT", tmp_path / "measured.json")
    monkeypatch.setattr(page, "PAGE", tmp_path / "README.md")
    page.keep({"drain": OUTCOME})
    assert page.kept_outcomes() == {"drain": OUTCOME}
    assert page.PAGE.read_text() == page.page({"drain": OUTCOME})
