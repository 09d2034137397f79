"""The documentation says what the code is: every command, setting, table, field and link exists; none is missing."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
import typer
from pydantic import BaseModel
from typer.testing import CliRunner

from amc_learning import __version__
from amc_learning.cli.app import app
from amc_learning.contracts.documents import WeightsDocument
from amc_learning.contracts.events import DiscoveryCandidate, DiscoveryResult, PipelineStatistics, PriceBar
from amc_learning.contracts.tables import Table, catalogue
from amc_learning.intake.discovery_shape import ACTION_TAGS
from amc_learning.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
PAGES = (ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "data" / "README.md", *sorted((ROOT / "docs").glob("*.md")))
OPERATIONS, CONTRACTS, METHODS = (
    (ROOT / "docs" / f"{name}.md").read_text() for name in ("operations", "contracts", "methods")
)
CONVENTIONS = METHODS[: METHODS.index("\n## ")]
TABLES = tuple(catalogue(Settings.model_fields["features"].default.components))
MEASURED = (
    "discovery_runs",
    "candidate_outcomes",
    "daily_statistics",
    "correlation_table",
    "selection_effects",
    "threshold_table",
    "weight_decisions",
)
LARGEST_PICTURE_BYTES = 200_000

COMMANDS = typer.main.get_command(app)


def verbs(command=COMMANDS, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    """Every command that does something, with the words that lead to it."""
    for name, inner in getattr(command, "commands", {}).items():
        if hasattr(inner, "commands"):
            yield from verbs(inner, (*words, name))
        else:
            yield (*words, name), inner


VERBS = dict(verbs())


def fenced(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def shown_commands() -> list[str]:
    """Command lines in fenced blocks, without the prompt."""
    lines = (line for page in PAGES for block in fenced(page, "console") for line in block.splitlines())
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]


def words_of(line: str) -> list[str]:
    """The words behind `amc-learning`; variables before it are dropped."""
    words = shlex.split(line)
    return words[words.index("amc-learning") + 1 :] if "amc-learning" in words else []


def settings_of(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Dotted name and default of every setting."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from settings_of(field.annotation, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field.default


SETTINGS = dict(settings_of(Settings))


def as_documented(default: object) -> str:
    if default is None:
        return "none"
    if isinstance(default, dict | tuple | bool):
        return f"`{json.dumps(default)}`"
    return f"`{default}`"


def rows(text: str) -> dict[str, list[str]]:
    """Cells of every table row by its first cell, where that is a name in backticks."""
    lines = (line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `"))
    return {cells[0].strip("`"): cells for cells in lines}


def fields_of(model: type[BaseModel]) -> set[str]:
    """Names of all fields of a model and of the models inside it."""
    schema = model.model_json_schema()
    parts = [schema, *schema.get("$defs", {}).values()]
    return {name for part in parts for name in part.get("properties", {})}


def is_named(name: str, text: str) -> bool:
    """Whether a page names it in backticks, alone or as the last part of a path."""
    return re.search(rf"`(?:[\w.]+\.)?{re.escape(name)}`", text) is not None


@pytest.mark.parametrize("line", [line for line in shown_commands() if words_of(line)])
def test_every_command_shown_parses(line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = words_of(line)
    for word in words:
        if re.search(r"\.(parquet|csv|json|ndjson)(\.gz)?$", word):
            Path(word).parent.mkdir(parents=True, exist_ok=True)
            Path(word).touch()
    length = next(length for length in (2, 1) if tuple(words[:length]) in VERBS)
    # Parsed strictly and not run: an unknown option, a missing argument or a weekend day would raise.
    VERBS[tuple(words[:length])].make_context("amc-learning", words[length:])


def test_commands_shown_that_are_not_ours_are_targets_of_the_makefile():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    others = [line for line in shown_commands() if not words_of(line)]
    assert others
    assert {line for line in others if line.split()[0] != "make" or line.split()[1] not in targets} == set()


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_every_verb_has_help_and_is_described_with_an_example(verb):
    result = CliRunner().invoke(app, [*verb, "--help"])
    assert result.exit_code == 0
    assert f"amc-learning {' '.join(verb)}" in rows(OPERATIONS)
    assert any(tuple(words_of(line)[: len(verb)]) == verb for line in shown_commands())


def test_commands_in_the_table_exist_and_say_rightly_whether_they_speak_json():
    documented = {name: cells for name, cells in rows(OPERATIONS).items() if name.startswith("amc-learning ")}
    assert set(documented) == {f"amc-learning {' '.join(verb)}" for verb in VERBS}
    for verb, command in VERBS.items():
        has_json = any("--json" in parameter.opts for parameter in command.params)
        assert (documented[f"amc-learning {' '.join(verb)}"][-1].strip() == "J") is has_json, verb


def test_every_setting_is_documented_with_its_variable_and_default():
    documented = {name: cells[1:3] for name, cells in rows(OPERATIONS).items() if len(cells) == 5}
    expected = {
        name: [f"`AMC_LEARNING_{name.upper().replace('.', '__')}`", as_documented(default)]
        for name, default in SETTINGS.items()
    }
    assert documented == expected


def test_settings_named_elsewhere_exist():
    sections = {name.split(".")[0] for name in SETTINGS if "." in name}
    named = {
        name
        for page in PAGES
        for name in re.findall(r"`([a-z_]+\.[a-z_]+)`", page.read_text())
        if name.split(".")[0] in sections and not name.endswith(".json")
    }
    assert named
    assert named - set(SETTINGS) == set()


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_table_and_column_is_described(table: Table):
    assert rows(CONTRACTS)[table.name][1:] == [
        table.stage,
        ", ".join(f"`{name}`" for name in table.key),
        table.description,
    ]
    assert [column.name for column in table.columns if len(column.description.split()) < 2] == []


@pytest.mark.parametrize("table", [table for table in TABLES if table.name in MEASURED], ids=lambda table: table.name)
def test_every_number_of_a_measured_table_has_its_method(table: Table):
    section = next(part for part in METHODS.split("\n## ") if f"`{table.name}`" in part.split("\n\n")[1])
    numbers = [
        column.name for column in table.columns if column.dtype.is_numeric() or isinstance(column.dtype, pl.Array)
    ]
    missing = [name for name in numbers if not is_named(name, CONVENTIONS + section)]
    assert missing == []


def test_every_field_of_the_weights_document_is_explained():
    section = CONTRACTS[CONTRACTS.index("## The weights document") :]
    names = fields_of(WeightsDocument) | {"sha256"}
    assert {name for name in names if not is_named(name, section)} == set()


def test_the_weights_document_shown_is_a_valid_one():
    example = json.loads(next(block for block in fenced(ROOT / "docs" / "contracts.md", "json") if "bounds" in block))
    del example["sha256"]
    document = WeightsDocument.model_validate(example)
    assert sum(document.data.optimized_parameters.values()) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("model", [DiscoveryResult, DiscoveryCandidate, PipelineStatistics, PriceBar])
def test_every_field_a_sender_may_write_is_named(model):
    text = CONTRACTS[: CONTRACTS.index("## Tables")]
    missing = {name for name in model.model_fields if not re.search(rf"[`\"]{name}[`\"]", text)}
    assert missing == set()


def test_the_discovery_result_shown_is_understood_whole():
    example = json.loads(
        next(block for block in fenced(ROOT / "docs" / "contracts.md", "json") if "subscores" in block)
    )
    assert set(example) <= set(DiscoveryResult.model_fields)
    assert set(example["candidates"][0]) <= set(DiscoveryCandidate.model_fields)


def test_the_vocabulary_of_tags_is_complete():
    documented = {
        word: tag
        for tag, cells in rows(CONTRACTS).items()
        if tag in ACTION_TAGS.values()
        for word in cells[1].split(", ")
    }
    assert documented == dict(ACTION_TAGS)


def anchors(page: Path) -> set[str]:
    """Anchors of the headings of a page, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_resolve(page):
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.is_file() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_hold_no_path_of_a_machine_and_no_address_of_an_index(page):
    text = page.read_text()
    assert re.findall(r"(?<![\w.])/(?:home|root|tmp|work|Users|opt)/\S*", text) == []
    assert re.findall(r"https?://\S*(?:pypi|simple|index)\S*", text) == []


def test_pictures_are_small_and_shown():
    pictures = sorted((ROOT / "docs" / "images").iterdir())
    text = "".join(page.read_text() for page in PAGES)
    assert {picture.name for picture in pictures} >= {"flow.svg", "asset-graph.png"}
    assert [
        p.name for p in pictures if p.stat().st_size > LARGEST_PICTURE_BYTES or f"images/{p.name})" not in text
    ] == []


def test_the_changelog_knows_this_version():
    assert f"\n## {__version__}" in (ROOT / "CHANGELOG.md").read_text()
