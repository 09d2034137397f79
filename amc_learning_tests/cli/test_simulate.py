"""`amc-learning simulate`: a folder of files that ingest takes, the truth beside them, and nothing anywhere else."""

import json
import shlex

import pytest

from amc_learning.simulation.scenarios import SCENARIOS
from amc_learning_tests.acceptance.loop import tree
from amc_learning_tests.cli.calling import amc

FILES = ["bars.parquet", "discovery.ndjson", "index.parquet", "thesis.ndjson.gz", "trades.ndjson.gz", "truth.json"]
SMALL = ("--sessions", "30", "--symbols", "110")


@pytest.fixture
def data_dir(tmp_path, clean_environment):
    return tmp_path / "data"


def test_the_files_and_the_truth_are_written_and_the_output_says_what_is_planted_and_that_it_is_simulated(
    data_dir, tmp_path
):
    answer = amc(data_dir, "simulate", "reversing", "--to", tmp_path / "market", "--seed", "4", *SMALL)
    assert answer.code == 0, answer.all
    assert sorted(path.name for path in (tmp_path / "market").iterdir()) == FILES
    truth = json.loads((tmp_path / "market" / "truth.json").read_text())
    assert (truth["seed"], truth["n_sessions"], truth["n_symbols"], truth["is_simulated"]) == (4, 30, 110, True)
    assert truth["reversing_effects"][0]["session"] == 15
    assert answer.said.startswith("SIMULATED")
    assert [sentence for sentence in truth["planted"] if sentence not in answer.all] == []
    assert not data_dir.exists()


@pytest.mark.parametrize("scenario", ["linear", "constant", "delistings"])
def test_the_commands_it_shows_take_everything_in(data_dir, tmp_path, scenario):
    folder = tmp_path / "a market"
    shown = amc(data_dir, "simulate", scenario, "--to", folder, *SMALL, "--json").json
    assert shown["is_simulated"] is True
    assert len(shown["planted"]) >= 3
    for command in shown["commands"]:
        variable, program, *words = shlex.split(command)
        assert program == "amc-learning"
        assert variable == f"AMC_LEARNING_DATA_DIR={folder / 'data'}"
        if words[0] == "ingest":
            report = amc(folder / "data", *words, "--json").json
            assert report["n_accepted"] == report["n_read"] > 0
        else:
            assert words == ["backfill", "--from", "2012-01-03", "--to", shown["last_session"]]


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(data_dir, tmp_path):
    for name, seed in (("one", "1"), ("again", "1"), ("other", "2")):
        assert amc(data_dir, "simulate", "null", "--to", tmp_path / name, "--seed", seed, *SMALL).code == 0
    one, again, other = (tree(tmp_path / name) for name in ("one", "again", "other"))
    assert one == again
    assert all(one[name] != other[name] for name in FILES)


def test_a_folder_that_is_not_empty_is_refused_and_left_as_it_is(data_dir, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep")
    answer = amc(data_dir, "simulate", "null", "--to", tmp_path / "mine", *SMALL)
    assert answer.code == 1
    assert "is not empty, so nothing was written" in answer.all
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("linearr", "--to", "market"), "there is no scenario 'linearr'"),
        (("linear",), "name a scenario and a folder"),
        (("--to", "market"), "name a scenario and a folder"),
        (("linear", "--to", "market", "--symbols", "99"), "candidates and controls together need 100"),
        (("linear", "--to", "market", "--sessions", "100000"), "would end in the future"),
        (("linear", "--to", "market", "--seed", "-1"), "seed"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_simulated_is_refused_with_a_reason_and_nothing_is_written(data_dir, tmp_path, words, complaint):
    answer = amc(data_dir, "simulate", *words, cwd=tmp_path)
    assert answer.code == 2
    assert complaint in " ".join(answer.all.replace("│", " ").split())
    assert list(tmp_path.iterdir()) == []


def test_the_list_names_every_scenario_with_what_it_plants(data_dir, tmp_path):
    said = amc(data_dir, "simulate", "--list").all
    listed = amc(data_dir, "simulate", "--list", "--json").json
    assert [one["scenario"] for one in listed] == list(SCENARIOS)
    assert all(one["scenario"] in said and one["plants"] in said for one in listed)
    assert list(tmp_path.iterdir()) == []


def test_help_shows_an_example(data_dir):
    assert "Example: amc-learning simulate" in amc(data_dir, "simulate", "--help").all
