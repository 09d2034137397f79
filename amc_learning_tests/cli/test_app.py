import os
import subprocess
import sys

import pytest

from amc_learning import __version__
from amc_learning_tests.acceptance.loop import child_environment, tree
from amc_learning_tests.cli.calling import amc

VERBS = [
    ("ingest", "discovery"),
    ("ingest", "bars"),
    ("ingest", "index"),
    ("run", "daily"),
    ("backfill",),
    ("sql",),
    ("up",),
    ("weights", "show"),
    ("weights", "history"),
    ("weights", "diff"),
    ("weights", "rollback"),
    ("weights", "release"),
    ("quarantine", "list"),
    ("quarantine", "show"),
]


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_help_of_every_verb_shows_an_example(tmp_path, clean_environment, verb):
    answer = amc(tmp_path / "data", *verb, "--help")
    assert answer.code == 0
    assert "Example" in answer.said
    assert " ".join(verb) in answer.all.split("Example", 1)[1]


@pytest.mark.parametrize("verb", ["status", "doctor", "demo"])
def test_help_of_verbs_without_arguments_says_what_they_do(tmp_path, clean_environment, verb):
    answer = amc(tmp_path / "data", verb, "--help")
    assert answer.code == 0
    assert len(answer.all) > 80


def test_version_and_help_write_nothing_at_all(tmp_path, clean_environment):
    assert amc(tmp_path / "data", "--version").said.split() == ["amc-learning", __version__]
    assert "Exit codes" in amc(tmp_path / "data", "--help").all
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("nonsense",),
        ("ingest",),
        ("ingest", "bars"),
        ("ingest", "bars", "no/such/file.csv"),
        ("run", "daily", "--date", "2024-13-45"),
        ("run", "daily", "--date", "2024-01-02", "--from", "2024-01-02"),
        ("run", "daily", "--from", "2024-01-02"),
        ("run", "daily", "--from", "2024-01-05", "--to", "2024-01-02"),
        ("backfill", "--from", "2024-01-02"),
        ("backfill", "--from", "2024-01-05", "--to", "2024-01-02"),
        ("weights", "diff", "2024-01-02"),
        ("up", "--port", "0"),
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_2_and_changes_nothing(tmp_path, clean_environment, words):
    answer = amc(tmp_path / "data", *words)
    assert answer.code == 2
    assert answer.all
    assert tree(tmp_path) == {}


@pytest.mark.parametrize(("weekend", "friday"), [("2014-12-13", "2014-12-12"), ("2024-03-31", "2024-03-29")])
def test_a_weekend_day_is_refused_with_the_weekday_before_it(tmp_path, clean_environment, weekend, friday):
    for words in (("run", "daily", "--date"), ("weights", "show", "--date"), ("weights", "rollback")):
        answer = amc(tmp_path / "data", *words, weekend)
        assert answer.code == 2
        assert weekend in answer.all
        assert friday in answer.all


def test_settings_that_cannot_be_used_are_named(tmp_path, clean_environment):
    os.environ["AMC_LEARNING_WEIGHTS__DAILY_LIMIT"] = "1.5"
    answer = amc(tmp_path / "data", "status")
    assert answer.code == 1
    assert "weights.daily_limit" in answer.complained
    assert "Traceback" not in answer.complained


HEAVY = ("sklearn", "statsmodels", "scipy", "matplotlib", "pandas")


@pytest.mark.parametrize("module", ["amc_learning.definitions", "amc_learning.cli", "amc_learning.stages.cycle"])
def test_importing_does_not_load_heavy_libraries(tmp_path, module):
    program = f"import sys, {module}; print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], env=child_environment(tmp_path), capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_command_line_answers_without_dagster_and_polars(tmp_path):
    program = (
        "import sys, amc_learning.cli; print(sorted({'dagster', 'polars', 'duckdb', 'sqlalchemy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=child_environment(tmp_path), capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
