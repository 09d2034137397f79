"""The documentation says what the code is: every command, setting, table, field and link exists; none is missing."""

import json
import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
import typer
from pydantic import BaseModel
from typer.testing import CliRunner

from amc_learning import __version__
from amc_learning.assets.common import STEPS
from amc_learning.cli.app import app
from amc_learning.contracts import documents
from amc_learning.contracts.documents import WeightsDocument, names
from amc_learning.contracts.events import (
    DiscoveryCandidate,
    DiscoveryResult,
    PipelineStatistics,
    PriceBar,
    ThesisDecision,
    TradeChange,
    TradeData,
)
from amc_learning.contracts.tables import Table, catalogue
from amc_learning.definitions import build_defs
from amc_learning.intake import thesis_shape, trade_returns, trade_shape
from amc_learning.intake.discovery_shape import ACTION_TAGS
from amc_learning.intake.thesis import normalise_theses
from amc_learning.intake.trade import normalise_trades
from amc_learning.service.app import build_app
from amc_learning.settings import Settings
from amc_learning_tests.shown_commands import PAGES, ROOT, fenced, shown_commands

OPERATIONS, CONTRACTS, NIGHTLY_METHODS, WEEKLY_METHODS, ARCHITECTURE = (
    (ROOT / "docs" / f"{name}.md").read_text()
    for name in ("operations", "contracts", "methods", "weekly", "architecture")
)
CONVENTIONS = NIGHTLY_METHODS[: NIGHTLY_METHODS.index("\n## ")]
METHODS = NIGHTLY_METHODS + WEEKLY_METHODS
COMPONENTS = Settings.model_fields["features"].default.components
TABLES = tuple(catalogue(COMPONENTS))
MEASURED = (
    "discovery_runs",
    "candidate_outcomes",
    "daily_statistics",
    "correlation_table",
    "selection_effects",
    "threshold_table",
    "regime_models",
    "market_regimes",
    "regime_performance",
    "trade_positions",
    "trade_openings",
    "closed_trades",
    "trade_outcomes",
    "thesis_outcomes",
    "thesis_accuracy",
    "source_comparisons",
    "reliability_curves",
    "calibration_decisions",
    "failure_cases",
    "failure_patterns",
    "corrections",
    "performance_attribution",
    "weight_decisions",
    "learning_effectiveness",
)
DOCUMENTS = {
    "WeightsDocument": ("The weights document", names.WEIGHTS_DOCUMENT),
    "ConfidenceDocument": ("The confidence document", names.CONFIDENCE_DOCUMENT),
    "RegimeDocument": ("The market-regime document", names.REGIME_DOCUMENT),
    "CorrectionsDocument": ("The corrections document", names.CORRECTIONS_DOCUMENT),
    "PatternAnalysisDocument": ("The pattern-analysis document", names.PATTERNS_DOCUMENT),
    "RecommendationsDocument": ("The recommendations document", names.RECOMMENDATIONS_DOCUMENT),
    "DailyReport": ("The daily report", names.REPORT_DOCUMENT),
    "WeeklyReport": ("The weekly report", names.WEEKLY_REPORT_DOCUMENT),
}
"""Every document: the heading that explains it, and the name it is published under."""
SHARED_PARTS = "Published documents"
"""The heading under which the parts that all documents share are explained."""
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


LINES = [shown.line for shown in shown_commands()]


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


def section(text: str, heading: str) -> str:
    """A section of a page, its subsections included."""
    level = re.search(rf"^(#+) {re.escape(heading)}$", text, flags=re.MULTILINE)
    assert level is not None, heading
    rest = text[level.end() :]
    end = re.search(rf"^#{{1,{len(level[1])}}} ", rest, flags=re.MULTILINE)
    return rest[: end.start()] if end else rest


def with_linked_sections(text: str, heading: str) -> str:
    """A section and those of the same page it links to."""
    own = section(text, heading)
    headings = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    linked = [name for name in headings if f"](#{anchor(name)})" in own]
    return own + "".join(section(text, name) for name in linked)


def example(field: str) -> dict:
    """The JSON shown in contracts.md that has this field."""
    shown = (json.loads(block) for block in fenced(ROOT / "docs" / "contracts.md", "json"))
    return next(one for one in shown if field in one)


def fields_of(model: type[BaseModel]) -> set[str]:
    """Names of all fields of a model and of the models inside it."""
    schema = model.model_json_schema()
    parts = [schema, *schema.get("$defs", {}).values()]
    return {name for part in parts for name in part.get("properties", {})}


def is_named(name: str, text: str) -> bool:
    """Whether a page names it in backticks, alone or as the last part of a path."""
    return re.search(rf"`(?:[\w.]+\.)?{re.escape(name)}`", text) is not None


@pytest.mark.parametrize("line", [line for line in LINES if words_of(line)])
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


def test_targets_shown_are_in_the_makefile_and_listed_in_operations():
    targets = set(re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    shown = {line.removeprefix("make ") for line in LINES if line.startswith("make ")}
    assert shown
    assert shown <= targets
    named = re.search(r"`make help` lists the targets of the Makefile: ([^.]*)\.", OPERATIONS)
    assert set(re.findall(r"`(\w+)`", named[1])) == targets - {"help"}


def test_every_path_of_the_service_is_documented(tmp_path):
    routed = {route.path for route in build_app(Settings(data_dir=tmp_path)).routes}
    shown = set(re.findall(r"`(/[^`? ]*)", CONTRACTS + OPERATIONS))
    parameters = {path for path in routed if "{" in path}
    assert routed - parameters <= shown
    for path in parameters:
        assert any(one.startswith(path.partition("{")[0]) for one in shown)


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_every_verb_has_help_and_is_described_with_an_example(verb):
    result = CliRunner().invoke(app, [*verb, "--help"])
    assert result.exit_code == 0
    command = f"amc-learning {' '.join(verb)}"
    assert command in rows(OPERATIONS), f"add a row `{command}` to the table of commands in docs/operations.md"
    has_example = any(tuple(words_of(line)[: len(verb)]) == verb for line in LINES)
    assert has_example, f"show a line `$ {command} ...` in a console block, best the one below that table"


def test_commands_in_the_table_exist_and_say_rightly_whether_they_speak_json():
    documented = {name: cells for name, cells in rows(OPERATIONS).items() if name.startswith("amc-learning ")}
    commands = {f"amc-learning {' '.join(verb)}" for verb in VERBS}
    assert set(documented) - commands == set(), "rows in docs/operations.md of commands that do not exist"
    assert commands - set(documented) == set(), "commands without a row in docs/operations.md"
    for verb, command in VERBS.items():
        has_json = any("--json" in parameter.opts for parameter in command.params)
        is_marked = documented[f"amc-learning {' '.join(verb)}"][-1].strip() == "J"
        assert is_marked is has_json, f"{verb}: the last cell of its row is J if and only if it takes --json"


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
    assert rows(section(CONTRACTS, "Tables"))[table.name][1:] == [
        table.stage,
        ", ".join(f"`{name}`" for name in table.key),
        table.description,
    ]
    assert [column.name for column in table.columns if len(f"{column.description} {column.unit}".split()) < 2] == []


def test_the_flow_names_every_table_step_and_stage():
    flow = section(ARCHITECTURE, "Flow")
    assert [table.name for table in TABLES if f"`{table.name}`" not in flow] == []
    lines = [line.strip("| ").split(" | ") for line in flow.splitlines() if line.startswith("| ")]
    shown = {word for cells in lines for word in " | ".join(cells[:2]).replace(",", "").split()}
    assert {stage for stages in STEPS.values() for stage in stages} <= shown
    steps = [f"{number} {' '.join(words)}" for _, number, *words in (step.split("_") for step in STEPS)]
    assert [step for step in steps if f"| {step} |" not in flow] == []


def test_jobs_and_sensors_are_described(tmp_path, clean_environment):
    definitions = build_defs(settings=Settings(data_dir=tmp_path / "data"))
    described = rows(section(OPERATIONS, "Jobs, sensors, alerts"))
    jobs_and_sensors = {part.name for part in (*definitions.jobs, *definitions.sensors)}
    assert set(described) == jobs_and_sensors


@pytest.mark.parametrize("table", [table for table in TABLES if table.name in MEASURED], ids=lambda table: table.name)
def test_every_number_of_a_measured_table_has_its_method(table: Table):
    method = next(part for part in METHODS.split("\n## ") if f"`{table.name}`" in part.split("\n\n")[1])
    numbers = [
        column.name for column in table.columns if column.dtype.is_numeric() or isinstance(column.dtype, pl.Array)
    ]
    # The scores of the components are named as such: "one column per component".
    missing = [name for name in numbers if name not in COMPONENTS and not is_named(name, CONVENTIONS + method)]
    assert missing == []


@pytest.mark.parametrize("name", documents.__all__)
def test_every_field_of_every_document_is_explained(name):
    heading, _ = DOCUMENTS[name]
    text = with_linked_sections(CONTRACTS, heading)
    names = fields_of(getattr(documents, name)) | {"sha256"}
    assert f"](#{anchor(SHARED_PARTS)})" in section(CONTRACTS, heading)
    assert {field for field in names if not is_named(field, text)} == set()


@pytest.mark.parametrize("name", documents.__all__)
def test_every_document_is_listed_with_the_file_it_is_published_in(name):
    heading, published = DOCUMENTS[name]
    assert f"{published}.json" in rows(section(CONTRACTS, SHARED_PARTS))
    assert f"`published/{published}.json`" in section(CONTRACTS, heading)


@pytest.mark.parametrize("name", documents.__all__)
def test_tables_of_fields_name_no_field_that_a_document_does_not_have(name):
    heading, _ = DOCUMENTS[name]
    first_cells = [
        cell
        for line in section(CONTRACTS, heading).splitlines()
        if line.startswith("| `")
        for cell in re.findall(r"`([^`]+)`", line.split(" | ")[0])
    ]
    assert first_cells
    assert {cell.split(".")[-1] for cell in first_cells} - fields_of(getattr(documents, name)) <= {"sha256"}


def test_the_weights_document_shown_is_a_valid_one():
    shown = example("bounds")
    del shown["sha256"]
    document = WeightsDocument.model_validate(shown)
    assert sum(document.data.optimized_parameters.values()) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize(
    "model",
    [DiscoveryResult, DiscoveryCandidate, PipelineStatistics, ThesisDecision, TradeChange, TradeData, PriceBar],
)
def test_every_field_a_sender_may_write_is_named(model):
    text = CONTRACTS[: CONTRACTS.index("## Tables")]
    missing = {name for name in model.model_fields if not re.search(rf"[`\"]{name}[`\"]", text)}
    assert missing == set()


@pytest.mark.parametrize(
    ("shape", "heading"),
    [
        (thesis_shape, "Shapes of a thesis"),
        (trade_shape, "Shapes of a trade message"),
        (trade_returns, "Shapes of a trade message"),
    ],
)
def test_every_name_a_value_may_go_by_is_listed(shape, heading):
    listed = section(CONTRACTS, heading)
    constants = {
        name: value
        for name, value in vars(shape).items()
        if name.endswith(("_FIELDS", "_PARTS", "_HOLDERS", "_FLAGS", "_MARKERS"))
    }
    names = {name for value in constants.values() for name in value}
    if hasattr(shape, "THESIS_NAMES"):
        names |= {*shape.THESIS_NAMES.envelopes, *shape.THESIS_NAMES.lists}
    if hasattr(shape, "TRADE_NAMES"):
        names |= {*shape.TRADE_NAMES.envelopes, *shape.TRADE_NAMES.lists}
    assert {name for name in names if f"`{name}`" not in listed} == set()


def test_the_discovery_result_shown_is_understood_whole():
    shown = example("candidates")
    assert set(shown) <= set(DiscoveryResult.model_fields)
    assert set(shown["candidates"][0]) <= set(DiscoveryCandidate.model_fields)


def events(payload: dict) -> pl.DataFrame:
    """One stored event, received on the evening of the day it speaks of."""
    received_at = datetime(2014, 3, 11, 22, 0, tzinfo=UTC)
    row = {"known_on": received_at.date(), "event_id": "shown", "received_at": received_at, "occurred_at": received_at}
    return pl.DataFrame([{**row, "occurred_at_source": "payload", "source": "docs", "payload": json.dumps(payload)}])


def test_the_thesis_shown_is_understood_whole():
    shown = example("generated_at")
    assert {*shown, *shown["thesis"]} <= set(ThesisDecision.model_fields)
    understood = normalise_theses(events(shown))
    row = understood.decisions.to_dicts()[0]
    assert understood.rejections.is_empty()
    assert (row["symbol"], row["recommendation"], row["confidence"], row["source"], row["warnings"]) == (
        "ABC", "TRIM", 0.72, "ai", [],
    )  # fmt: skip


def test_the_trade_message_shown_is_understood_whole():
    shown = example("change_data")
    assert set(shown) <= set(TradeChange.model_fields)
    assert set(shown["change_data"]) <= set(TradeData.model_fields)
    understood = normalise_trades(events(shown))
    row = understood.messages.to_dicts()[0]
    assert understood.rejections.is_empty()
    assert (row["change_type"], row["trade_id"], row["price_usd"], row["exit_reason"], row["warnings"]) == (
        "CLOSE", "8813", 13.05, "profit_target", [],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("heading", "vocabulary"),
    [
        ("Tags", ACTION_TAGS),
        ("Recommendations", thesis_shape.RECOMMENDATIONS),
        ("Changes", trade_shape.CHANGES),
        ("Actions", trade_shape.ACTIONS),
    ],
)
def test_vocabularies_are_complete(heading, vocabulary):
    documented = {
        word: canonical
        for canonical, cells in rows(section(CONTRACTS, heading)).items()
        if canonical in vocabulary.values()
        for word in cells[1].split(", ")
    }
    assert documented == dict(vocabulary)


def anchor(heading: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    """Anchors of the headings of a page, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), flags=re.MULTILINE)
    return {anchor(heading) for heading in headings}


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


def test_tests_named_on_the_page_about_security_exist():
    text = (ROOT / "docs" / "security.md").read_text()
    named = re.findall(r"`([a-z_/]+\.py)(?:::(\w+))?`", text)
    assert named
    tests = ROOT / "amc_learning_tests"
    missing = [(file, test) for file, test in named if f"def {test}" not in (tests / file).read_text()]
    assert missing == []
