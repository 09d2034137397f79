"""`amc-learning replay` on the simulated market."""

import json

from amc_learning_tests.acceptance.loop import DAYS, tree
from amc_learning_tests.cli.calling import amc

FIRST, LAST = str(DAYS[0]), str(DAYS[-1])
PNG = b"\x89PNG\r\n"


def test_the_table_compares_all_contenders_and_says_where_picture_and_document_lie(finished):
    answer = amc(finished.data_dir, "replay", "--from", FIRST, "--to", LAST)
    assert answer.code == 0, answer.all
    for word in ("adaptive", "static", "equal", "best_fixed", "1d", "7d", "30d", "turnover", "over controls"):
        assert word in answer.said
    folder = finished.data_dir / "replays"
    (document,) = folder.glob("*.json")
    (picture,) = folder.glob("*.png")
    assert str(document) in answer.said.replace("\n", "")
    assert str(picture) in answer.said.replace("\n", "")
    assert picture.read_bytes().startswith(PNG)
    assert json.loads(document.read_text())["n_nights"] == len(DAYS)


def test_machines_get_the_document_itself_and_people_choose_the_folder(finished, tmp_path):
    before = tree(finished.data_dir)
    answer = amc(
        finished.data_dir, "replay", "--from", FIRST, "--to", LAST, "--to-folder", tmp_path / "proof", "--json"
    )
    assert answer.code == 0, answer.all
    assert {path.suffix for path in (tmp_path / "proof").iterdir()} == {".json", ".png"}
    assert (
        answer.json["judgements"]
        == json.loads((tmp_path / "proof" / answer.json["document"].split("/")[-1]).read_text())["judgements"]
    )
    assert tree(finished.data_dir) == before


def test_two_replays_give_the_same_bytes(finished, tmp_path):
    for name in ("one", "two"):
        amc(finished.data_dir, "replay", "--from", FIRST, "--to", LAST, "--to-folder", tmp_path / name)
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_a_range_that_is_not_measured_is_one_sentence_and_exit_code_one(loaded):
    answer = amc(loaded.data_dir, "replay", "--from", FIRST, "--to", LAST)
    assert answer.code == 1
    assert "no daily statistics" in answer.complained
    assert "amc-learning backfill" in answer.complained
