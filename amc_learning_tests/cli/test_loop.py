"""The verbs in the order in which a person uses them, on the simulated market."""

import json
import shutil
from pathlib import Path

import pytest

from amc_learning_tests.acceptance.loop import DAYS, kept, open_warehouse, settings_for, stamps, tree
from amc_learning_tests.cli.calling import amc

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_from_files_to_weights_with_nothing_written_outside_the_data_directory(files, tmp_path, clean_environment):
    here, data_dir = tmp_path / "here", tmp_path / "elsewhere" / "data"
    here.mkdir()
    shutil.copy(REPOSITORY / "dagster.yaml", here)
    before = tree(here), tree(files.bars.parent)
    first, last = str(DAYS[0]), str(DAYS[4])
    for kind in ("index", "bars", "discovery"):
        answer = amc(data_dir, "ingest", kind, getattr(files, kind), "--json", cwd=here)
        assert answer.code == 0, answer.all
        assert answer.json["n_read"] == answer.json["n_accepted"] > 0
    answer = amc(data_dir, "backfill", "--from", first, "--to", last, "--json", cwd=here)
    assert (answer.code, answer.json["n_days"]) == (0, 5), answer.all
    answer = amc(data_dir, "run", "daily", "--date", DAYS[5].isoformat(), "--json", cwd=here)
    assert (answer.code, answer.json["is_success"]) == (0, True), answer.all
    answer = amc(data_dir, "run", "daily", "--from", str(DAYS[6]), "--to", str(DAYS[8]), cwd=here)
    assert answer.code == 0, answer.all
    assert "3 knowledge days" in answer.all
    for words in (("status",), ("weights", "show"), ("weights", "history"), ("doctor",), ("sql", "show tables")):
        assert amc(data_dir, *words, cwd=here).code == 0, words
    assert (tree(here), tree(files.bars.parent)) == before
    assert {path.name for path in tmp_path.iterdir()} == {"here", "elsewhere"}
    assert {path.name for path in data_dir.parent.iterdir()} == {"data"}
    documents = open_warehouse(settings_for(data_dir)).publications.history("weights")
    assert documents == DAYS[:9]


def test_without_a_dagster_yaml_nothing_is_written_to_the_working_directory(tmp_path, clean_environment):
    here = tmp_path / "here"
    here.mkdir()
    assert amc(tmp_path / "data", "run", "daily", "--date", "2024-01-02", cwd=here).code == 0
    assert tree(here) == {}


def test_a_relative_data_directory_lies_in_the_working_directory(tmp_path, clean_environment):
    assert amc(Path("store"), "run", "daily", "--date", "2024-01-02", cwd=tmp_path).code == 0
    assert {path.name for path in tmp_path.iterdir()} == {"store"}


def test_status_tells_what_lies_there_and_what_is_in_force(finished):
    report = amc(finished.data_dir, "status", "--json").json
    document = open_warehouse(finished).publications.current("weights")
    assert report["weights"] == document["data"]["optimized_parameters"]
    assert (report["last_decided_on"], report["reason"]) == (str(DAYS[-1]), document["reason"])
    assert (report["n_pending"], report["n_quarantined"], report["missing_sessions"]) == (0, 0, [])
    rows = {table["name"]: table for table in report["tables"]}
    assert rows["weight_decisions"]["n_rows"] == 6 * len(DAYS)
    assert document["parameters_version"] in amc(finished.data_dir, "status").all


def test_weights_show_history_and_diff_agree_with_the_documents(finished):
    document = open_warehouse(finished).publications.current("weights")
    assert amc(finished.data_dir, "weights", "show", "--json").json == document
    dated = amc(finished.data_dir, "weights", "show", "--date", str(DAYS[0]), "--json").json
    assert dated["known_on"] == str(DAYS[0])
    assert document["reason"] in amc(finished.data_dir, "weights", "show").all
    history = amc(finished.data_dir, "weights", "history", "--last", "5", "--json").json
    assert [row["known_on"] for row in history] == [str(day) for day in reversed(DAYS[-5:])]
    changes = amc(finished.data_dir, "weights", "diff", str(DAYS[0]), str(DAYS[-1]), "--json").json
    assert {row["parameter"]: row[str(DAYS[-1])] for row in changes} == document["data"]["optimized_parameters"]
    assert sum(row["change"] for row in changes) == pytest.approx(0, abs=1e-9)


def test_sql_counts_what_the_tables_hold_and_speaks_json(finished):
    answer = amc(
        finished.data_dir, "sql", "select count(*) as n, max(known_on) as last from weight_decisions", "--json"
    )
    assert answer.json == [{"n": 6 * len(DAYS), "last": str(DAYS[-1])}]
    assert amc(finished.data_dir, "sql", "select 1 as one").said.split() == ["1", "rows", "one", "1"]
    assert "volume_momentum" in amc(finished.data_dir, "sql", "select distinct component from weight_decisions").said


def test_looking_changes_nothing(finished):
    before = stamps(finished.data_dir / "tables"), stamps(finished.data_dir / "published")
    for words in (("status",), ("doctor",), ("weights", "show"), ("weights", "history"), ("quarantine", "list")):
        assert amc(finished.data_dir, *words).code == 0
    assert (stamps(finished.data_dir / "tables"), stamps(finished.data_dir / "published")) == before


def damaged_file(settings, table, day):
    stored = open_warehouse(settings).table(table)
    path = stored.path(stored.entry(day))
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)
    return path


def test_doctor_names_a_damaged_file_and_the_remedy(finished):
    path = damaged_file(finished, "price_bars", DAYS[3])
    answer = amc(finished.data_dir, "doctor", "--json")
    assert answer.code == 1
    (finding,) = [one for one in answer.json if not one["is_ok"]]
    assert finding["subject"] == "tables"
    assert path.name in finding["finding"]
    assert "price_bars" in finding["finding"]
    assert finding["remedy"]


def test_doctor_names_a_missing_file(finished):
    stored = open_warehouse(finished).table("daily_statistics")
    path = stored.path(stored.entry(DAYS[30]))
    path.unlink()
    answer = amc(finished.data_dir, "doctor")
    assert answer.code == 1
    assert path.name in answer.all.replace(" ", "")


def test_doctor_names_a_damaged_document(finished):
    current = finished.data_dir / "published" / "weights.json"
    current.write_text(current.read_text().replace('"held"', '"active"'))
    answer = amc(finished.data_dir, "doctor")
    assert answer.code == 1
    assert "weights.json" in answer.all
    assert "Traceback" not in answer.all


NIGHT = str(DAYS[-1])


@pytest.mark.parametrize(
    "words", [("run", "daily", "--date", NIGHT), ("backfill", "--from", NIGHT, "--to", NIGHT)], ids=" ".join
)
def test_a_night_on_a_damaged_file_fails_in_one_sentence_and_leaves_the_document(finished, words):
    path = damaged_file(finished, "daily_statistics", DAYS[-8])
    before = tree(finished.data_dir / "published")
    answer = amc(finished.data_dir, *words)
    assert answer.code == 1
    assert path.name in answer.all
    assert "Traceback" not in answer.all
    assert tree(finished.data_dir / "published") == before
    assert json.loads(amc(finished.data_dir, "weights", "show", "--json").said)["known_on"] == str(DAYS[-1])


def test_a_failed_night_answers_machines_in_json(finished):
    damaged_file(finished, "daily_statistics", DAYS[-8])
    answer = amc(finished.data_dir, "run", "daily", "--date", str(DAYS[-1]), "--json")
    assert answer.code == 1
    assert answer.json["is_success"] is False


def test_backfill_twice_changes_no_byte(finished):
    before = kept(finished)
    assert amc(finished.data_dir, "backfill", "--from", str(DAYS[0]), "--to", str(DAYS[-1])).code == 0
    assert kept(finished) == before


@pytest.mark.parametrize("day", ["2190-01-04", "2001-01-02"])
def test_a_night_for_which_there_is_no_partition_is_refused_in_one_sentence(tmp_path, clean_environment, day):
    answer = amc(tmp_path / "data", "run", "daily", "--date", day)
    assert answer.code in {1, 2}
    assert day in answer.all


def test_a_backfill_into_the_future_is_refused(finished):
    before = tree(finished.data_dir / "published")
    assert amc(finished.data_dir, "backfill", "--from", "2190-01-01", "--to", "2190-01-01").code in {1, 2}
    assert tree(finished.data_dir / "published") == before
