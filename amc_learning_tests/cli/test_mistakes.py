"""What people type wrong: never a traceback, one sentence on standard error with the field and the remedy."""

import os
import re
import signal
import subprocess
import sys

import pytest

from amc_learning_tests.acceptance.loop import child_environment
from amc_learning_tests.cli.calling import amc

COMMAND = [sys.executable, "-c", "from amc_learning.cli import main; main()"]

TYPED = [
    (("run", "daily", "--date", "2024-13-01"), 2, "'2024-13-01' is not a date; write it as 2014-12-15, today"),
    (("run", "daily", "--date", "2024-03-02"), 2, "is a weekend day; .* the one before is 2024-03-01"),
    (("run", "daily", "--date", "9999-12-31"), 2, "9999-12-31 has not begun"),
    (("run", "daily", "--date", "0001-01-01"), 2, "lies before the first knowledge day"),
    (("backfill", "--from", "2024-01-05", "--to", "2024-01-02"), 2, "--from 2024-01-05 lies after --to 2024-01-02"),
    (("run", "weekly", "--week", "9999-12-31"), 2, "is not over"),
    (("run", "evidence"), 2, "say which days: --date, or --from and --to"),
    (("describe", "nonsense"), 2, "no table named 'nonsense'"),
    (("sql", "select * from nonsense"), 1, "Catalog Error: .* nonsense does not exist! .* amc-learning describe lists"),
    (("sql", "select x from weight_decisions"), 1, 'Binder Error: .* "x" .* describe TABLE its columns$'),
    (("sql", "selct 1"), 1, 'Parser Error: syntax error at or near "selct" .* amc-learning describe lists the tables'),
    (("sql", "select cast('a' as int)"), 1, r"Conversion Error: [^|]*\^$"),
    (("sql", "drop table weight_decisions"), 1, "DROP is not a query; tables are read-only"),
    (("sql", " "), 1, "there is no statement in it; write a query"),
    (("backup", ""), 2, "'INTO': is empty; name a folder"),
    (("restore", " "), 2, "'SOURCE': is empty; name a folder"),
    (("restore", "--verify", ""), 2, "'SOURCE': is empty; name a folder"),
    (("ingest", "bars", "nowhere.csv"), 2, "nowhere.csv.* does not exist"),
    (("ingest", "bars", "."), 2, "is a directory"),
    (("ingest", "bars", "plain"), 1, "plain: unknown type of file; accepted are .json"),
    (("ingest", "discovery", "empty.json"), 1, "empty.json: is empty; nothing was taken from it"),
    (("ingest", "discovery", "noise.parquet"), 1, "noise.parquet: cannot be read as parquet"),
    (("weights", "show"), 1, "nothing is published yet; run a night first: amc-learning run daily"),
    (("weights", "show", "--date", "2024-01-02"), 1, "no weights of 2024-01-02 .* run daily --date 2024-01-02"),
    (("weights", "rollback", "2024-01-02"), 1, "see: amc-learning weights history"),
    (("weights", "release"), 1, "no rollback holds the weights: there is nothing to release"),
    (("corrections", "veto", "nope"), 1, "no correction is named 'nope'"),
    (("quarantine", "show", "7f3a"), 1, "amc-learning quarantine list"),
    (("quarantine", "replay", "--kind", "nope"), 2, "--kind nope: there is no such kind; there are discovery, thesis"),
    (("keys", "revoke", "nope"), 1, "there is no key nope"),
    (("promote", "nonsense"), 1, "'nonsense' is always active"),
    (("report",), 1, "no report yet; run a night first"),
    (("simulate", "nope", "--to", "x"), 2, "there is no scenario 'nope'"),
    (("demo", "--sessions", "3"), 2, "--sessions"),
    (("serve", "--port", "99999"), 2, "--port"),
    (("nonsense",), 2, "No such command 'nonsense'"),
]

SET = [
    ({"AMC_LEARNING_DATA_DIR": ""}, "AMC_LEARNING_DATA_DIR is empty; name a folder or unset it"),
    ({"AMC_LEARNING_DATA_DIR": "plain"}, "plain/.*: not a directory; what was stored before is untouched"),
    ({"AMC_LEARNING_DATA_DIR": "/proc/nowhere"}, "/proc/nowhere: no such file or directory"),
    ({"AMC_LEARNING_DATADIR": "x"}, "AMC_LEARNING_DATADIR: there is no setting 'datadir'; did you mean 'data_dir'"),
    ({"AMC_LEARNING_WIEGHTS__CAP": "1"}, "there is no setting 'wieghts'; did you mean 'weights'"),
    ({"AMC_LEARNING_WEIGHTS__NONSENSE": "1"}, "weights.nonsense: there is no such setting"),
    ({"AMC_LEARNING_WEIGHTS__DAILY_LIMIT": "7"}, "weights.daily_limit: .* less than or equal to 1"),
    ({"AMC_LEARNING_OUTCOMES__HORIZONS": "{bad"}, "AMC_LEARNING_OUTCOMES__HORIZONS is not JSON: .* at character 2"),
    ({"AMC_LEARNING_WEIGHTS__EVIDENCE_WINDOWS_DAYS": "90,365"}, '"weights".* written as JSON, like \\[1, 2\\]'),
    ({"AMC_LEARNING_COLLECTION__NAIVE_TIMEZONE": "Mars"}, "collection.naive_timezone: 'Mars' is no time zone"),
    ({"AMC_LEARNING_CONFIG": "nowhere.toml"}, "AMC_LEARNING_CONFIG names nowhere.toml, which is no file"),
    ({"AMC_LEARNING_CONFIG": "broken.toml"}, "broken.toml is not TOML: .*line 1"),
    ({"AMC_LEARNING_CONFIG": "noise.parquet"}, "noise.parquet is not TOML"),
    ({"AMC_LEARNING_INBOX_URL": "nonsense"}, "not a database URL: 'nonsense'"),
]


@pytest.fixture
def here(tmp_path, clean_environment):
    (tmp_path / "plain").write_text("text\n")
    (tmp_path / "empty.json").touch()
    (tmp_path / "noise.parquet").write_bytes(bytes(range(128, 256)))
    (tmp_path / "broken.toml").write_text('data_dir = "x\n[weights')
    return tmp_path


@pytest.mark.parametrize(("words", "code", "sentence"), TYPED, ids=[" ".join(words) for words, _, _ in TYPED])
def test_a_mistake_is_told_in_a_sentence_on_standard_error(here, words, code, sentence):
    answer = amc(here / "data", *words, cwd=here)
    told = " ".join(re.sub("[│╭╮╰╯─]", " ", answer.complained).split())
    assert answer.code == code, answer.all
    assert re.search(sentence, told), told
    assert "Traceback" not in told


@pytest.mark.parametrize(("variables", "sentence"), SET, ids=[str(variables) for variables, _ in SET])
def test_a_setting_that_cannot_be_meant_is_told_with_its_name_and_nothing_is_written(here, variables, sentence):
    before = sorted(path.name for path in here.iterdir())
    environment = child_environment(here / "data", {"NO_COLOR": "1", **variables})
    done = subprocess.run(
        [*COMMAND, "status"], cwd=here, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("amc-learning: ")
    assert re.search(sentence, done.stderr), done.stderr
    assert sorted(path.name for path in here.iterdir() if path.name != "data") == before


def test_the_storage_of_dagster_that_is_damaged_is_told_with_the_remedy(here):
    data_dir = here / "data"
    assert amc(data_dir, "run", "daily", "--date", "2024-01-02", cwd=here).code == 0
    for file in (data_dir / "dagster").rglob("*.db"):
        file.write_bytes(b"not a database, and long enough to be looked at " * 100)
    answer = amc(data_dir, "status", cwd=here)
    assert answer.code == 1
    assert "Move the folder dagster out of the data directory" in answer.complained


def test_ctrl_c_ends_with_130_and_says_that_nothing_is_half_written(here):
    program = "import os, signal; from amc_learning.cli import app as a\n"
    program += "a.app = lambda: os.kill(os.getpid(), signal.SIGINT) or signal.pause()\na.main()"
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 128 + signal.SIGINT
    assert done.stderr.startswith("amc-learning: stopped by Ctrl-C; days that were done are stored")
    assert "Traceback" not in done.stderr
