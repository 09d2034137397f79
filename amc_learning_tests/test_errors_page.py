"""docs/errors.md knows every exception, answer of the service and exit code; the command line lets none through."""

import ast
import re
from importlib import import_module

import pytest

from amc_learning.cli.app import STOPPED_BY_CTRL_C, _expected_errors
from amc_learning.cli.common import DONE_WITH_QUARANTINE
from amc_learning.service.answers import TITLES
from amc_learning_tests.shown_commands import ROOT

PAGE = (ROOT / "docs" / "errors.md").read_text()
BUILT_IN = {"Exception", "ValueError", "RuntimeError", "OSError", "LookupError", "KeyError"}
NEVER_AT_THE_EDGE = {
    "ModelError": "the stage falls back to the baseline",
    "NobodyWaitsError": "only a worker of Dagster's queue meets it; its command names it as the cause",
    "Refusal": "the service answers with it",
    "ExplorationError": "only Dagster runs the exploration, and shows the sentence",
}
"""Exceptions that no command lets out, beside those of the client, which never raises."""


def section(heading: str) -> dict[str, list[str]]:
    """Rows below a heading by the name in their first cell."""
    text = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = (line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `"))
    return {cells[0].strip("`"): cells for cells in lines}


def exception_modules() -> dict[str, str]:
    """Every exception class of the package by its name: the module that defines it."""
    classes = [
        (".".join(path.relative_to(ROOT).with_suffix("").parts), node)
        for path in sorted((ROOT / "amc_learning").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and node.name[0] != "_"
    ]
    found: dict[str, str] = {}
    n_before = -1
    while len(found) > n_before:
        n_before = len(found)
        for module, node in classes:
            if {ast.unparse(base).rpartition(".")[2] for base in node.bases} & (BUILT_IN | found.keys()):
                found[node.name] = module
    return found


EXCEPTIONS = exception_modules()


def test_every_exception_has_a_row_and_every_row_an_exception():
    rows = section("By name")
    assert EXCEPTIONS.keys() - rows.keys() == set(), "add a row to `By name` in docs/errors.md"
    assert rows.keys() - EXCEPTIONS.keys() == set(), "rows of exceptions that are gone"


def test_every_row_says_what_happened_to_the_data_and_what_to_do():
    for heading in ("Exit codes", "By name", "Answers of the service"):
        rows = section(heading)
        assert rows
        assert [name for name, cells in rows.items() if len(cells) != 4 or not all(map(str.strip, cells))] == []


@pytest.mark.parametrize("name", sorted(EXCEPTIONS))
def test_the_command_line_turns_every_exception_into_a_sentence(name: str):
    module = EXCEPTIONS[name]
    if name in NEVER_AT_THE_EDGE or ".client." in module:
        return
    error = getattr(import_module(module), name)
    assert issubclass(error, (*_expected_errors(), OSError)), f"add {name} to _expected_errors in cli/app.py"


def test_every_answer_of_the_service_has_a_row_with_its_title():
    assert {int(status): cells[1] for status, cells in section("Answers of the service").items()} == dict(TITLES)


def test_every_exit_code_has_a_row():
    codes = set(map(int, section("Exit codes")))
    assert codes == {0, 1, 2, DONE_WITH_QUARANTINE, STOPPED_BY_CTRL_C}
    used = {
        int(code)
        for path in (ROOT / "amc_learning" / "cli").glob("*.py")
        for code in re.findall(r"(?:Exit|sys\.exit)\((\d+)\)", path.read_text())
    }
    assert used <= codes
