"""A backup of a finished loop, restored elsewhere: the next night there is the night that would have been here."""

from amc_learning.settings import Settings
from amc_learning_tests.acceptance.loop import DAYS, kept
from amc_learning_tests.cli.calling import amc


def stored(settings: Settings) -> dict[str, dict[str, str]]:
    """All that is kept but lock files, which no backup needs."""
    trees = kept(settings)
    return {
        name: {path: sha256 for path, sha256 in tree.items() if not path.endswith(".lock")}
        for name, tree in trees.items()
    }


def test_a_restored_directory_passes_the_doctor_and_goes_on_as_the_original(finished, tmp_path):
    again = finished.model_copy(update={"data_dir": tmp_path / "again"})
    made = amc(finished.data_dir, "backup", tmp_path / "backups", "--json")
    assert made.code == 0, made.all
    folder = made.json["folder"]
    checked = amc(finished.data_dir, "restore", "--verify", folder)
    assert checked.code == 0
    assert f"all {made.json['n_files']:,} files" in checked.all
    restored = amc(again.data_dir, "restore", folder)
    assert restored.code == 0, restored.all
    assert stored(again) == stored(finished)
    looked = {finding["subject"]: finding for finding in amc(again.data_dir, "doctor", "--json").json}
    assert looked["tables"]["is_ok"]
    assert looked["publication"]["is_ok"]
    for place in (finished.data_dir, again.data_dir):
        assert amc(place, "run", "evidence", "--date", str(DAYS[-1])).code == 0
    assert stored(again) == stored(finished)


def test_damage_is_named_and_leaves_with_exit_code_1(finished, tmp_path):
    folder = tmp_path / "backups"
    made = amc(finished.data_dir, "backup", folder, "--json")
    weights = next(folder.glob("*/published/weights.json"))
    weights.write_bytes(weights.read_bytes().replace(b"0", b"1", 1))
    answer = amc(finished.data_dir, "restore", "--verify", made.json["folder"])
    assert answer.code == 1
    assert "published/weights.json does not have the content that was copied" in answer.complained
    refused = amc(tmp_path / "again", "restore", made.json["folder"])
    assert refused.code == 1
    assert "nothing was restored" in refused.all
    assert not (tmp_path / "again").exists()


def test_a_data_directory_in_use_is_never_restored_over(finished, tmp_path):
    made = amc(finished.data_dir, "backup", tmp_path / "backups", "--json")
    before = stored(finished)
    answer = amc(finished.data_dir, "restore", made.json["folder"])
    assert answer.code == 1
    assert "is not empty" in answer.all
    assert stored(finished) == before
