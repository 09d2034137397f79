"""Verbs of the service: keys, replay of quarantine, and starts that are refused in one sentence."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from amc_learning.service.keys import KEY_FILE
from amc_learning.settings import Settings
from amc_learning_tests.acceptance.loop import child_environment, open_warehouse
from amc_learning_tests.cli.calling import amc

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-c", "from amc_learning.cli import main; main()"]
LONGEST_SECONDS = 60


@pytest.fixture
def data_dir(tmp_path, clean_environment):
    return tmp_path / "data"


def run(data_dir, *words, **environment):
    """The command as a process of its own, until it ends."""
    return subprocess.run(
        [*COMMAND, *words],
        env=child_environment(data_dir, environment),
        capture_output=True,
        text=True,
        timeout=LONGEST_SECONDS,
        check=False,
    )


# -- keys ---------------------------------------------------------------------------------------------------------


def test_a_key_is_shown_once_alone_on_its_line_so_that_it_can_be_piped(data_dir):
    answer = amc(data_dir, "keys", "create", "discovery", "--scope", "write")
    assert answer.code == 0
    assert re.fullmatch(r"amc_discovery_[\w-]{43}\n", answer.said)
    secret = answer.said.strip()
    listed = amc(data_dir, "keys", "list")
    assert secret.rpartition("_")[2] not in listed.said
    assert "discovery" in listed.said
    assert secret.rpartition("_")[2].encode() not in data_dir.joinpath(*KEY_FILE).read_bytes()


def test_keys_are_listed_for_machines_and_both_scopes_are_the_default(data_dir):
    amc(data_dir, "keys", "create", "b-second")
    amc(data_dir, "keys", "create", "a-first", "--scope", "read")
    listed = amc(data_dir, "keys", "list", "--json").json
    assert {key["name"]: key["scopes"] for key in listed} == {"b-second": ["read", "write"], "a-first": ["read"]}
    assert all(set(key) == {"name", "scopes", "created_at"} for key in listed)


def test_a_revoked_key_is_gone_and_revoking_it_again_says_so(data_dir):
    amc(data_dir, "keys", "create", "discovery")
    assert amc(data_dir, "keys", "revoke", "discovery").said == "revoked discovery\n"
    assert amc(data_dir, "keys", "list", "--json").json == []
    again = amc(data_dir, "keys", "revoke", "discovery")
    assert (again.code, again.said) == (1, "")
    assert "there is no key discovery" in again.all


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("keys", "create", "Bad Name"), 1, "cannot name a key"),
        (("keys", "create", "a", "--scope", "admin"), 2, "'admin' is no scope"),
        (("keys", "create"), 2, "Usage"),
    ],
)
def test_a_key_that_cannot_be_made_is_told_and_not_made(data_dir, words, code, said):
    answer = amc(data_dir, *words)
    assert answer.code == code
    assert said in answer.all
    assert not data_dir.joinpath(*KEY_FILE).exists()


def test_a_taken_name_says_how_to_replace_its_key(data_dir):
    amc(data_dir, "keys", "create", "discovery")
    answer = amc(data_dir, "keys", "create", "discovery")
    assert (answer.code, answer.said) == (1, "")
    assert "amc-learning keys revoke discovery" in answer.all


# -- quarantine ---------------------------------------------------------------------------------------------------


def test_what_could_not_be_understood_is_tried_again_after_a_change_of_settings(data_dir, tmp_path, monkeypatch):
    file = tmp_path / "theses.ndjson"
    file.write_text('{"symbol": "ABC", "recommendation": "HOLD", "timestamp": "2999-01-01T00:00:00Z"}\n{broken\n')
    assert amc(data_dir, "ingest", "theses", file).code == 3
    still = amc(data_dir, "quarantine", "replay", "--json").json
    assert (still["n_tried"], still["n_still_apart"]) == (2, 2)
    assert len(still["messages"]) == 2
    monkeypatch.setenv("AMC_LEARNING_COLLECTION__MAX_CLOCK_SKEW_MINUTES", str(60 * 24 * 400_000))
    answer = amc(data_dir, "quarantine", "replay")
    assert answer.code == 0
    assert "2 tried: 1 accepted, 0 known already, 1 still not understood" in answer.said
    (left,) = amc(data_dir, "quarantine", "list", "--json").json
    assert left["payload"] == "{broken"
    warehouse = open_warehouse(Settings(data_dir=data_dir))
    assert warehouse.inbox.n_pending("thesis") == 1
    warehouse.inbox.close()


def test_replay_of_one_item_or_one_kind_leaves_the_others_alone(data_dir, tmp_path):
    file = tmp_path / "theses.ndjson"
    file.write_text("{broken\n{also broken\n")
    amc(data_dir, "ingest", "theses", file)
    first, _ = amc(data_dir, "quarantine", "list", "--json").json
    assert amc(data_dir, "quarantine", "replay", first["id"][:8], "--json").json["n_tried"] == 1
    assert amc(data_dir, "quarantine", "replay", "--kind", "trade", "--json").json["n_tried"] == 0
    unknown = amc(data_dir, "quarantine", "replay", "ffff0000ffff")
    assert unknown.code == 1
    assert "quarantine list" in unknown.all


def test_replay_of_nothing_is_nothing(data_dir):
    answer = amc(data_dir, "quarantine", "replay")
    assert answer.code == 0
    assert "0 tried" in answer.said


# -- serve --------------------------------------------------------------------------------------------------------


def one_sentence(done):
    """What a refused start says: a line that begins with the command's name, and no trace."""
    assert "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("amc-learning: ")
    return last


def test_an_address_that_others_can_reach_is_refused_while_there_is_no_key(data_dir):
    done = run(data_dir, "serve", "--host", "0.0.0.0", "--port", "0")
    assert (done.returncode, done.stdout) == (1, "")
    assert "amc-learning keys create" in one_sentence(done)


def test_a_port_that_is_taken_ends_with_1_and_a_sentence(data_dir):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run(data_dir, "serve", "--port", str(port))
    assert (done.returncode, done.stdout) == (1, "")
    assert f"127.0.0.1:{port}" in one_sentence(done)


def test_an_inbox_that_cannot_be_opened_ends_with_1_and_its_own_sentence(data_dir):
    (data_dir / "inbox").mkdir(parents=True)
    (data_dir / "inbox" / "events.sqlite").write_bytes(b"not a database, and long enough to be looked at " * 100)
    done = run(data_dir, "serve", "--port", "0")
    assert done.returncode == 1
    assert "damaged or not ours" in one_sentence(done)


# -- up -----------------------------------------------------------------------------------------------------------


TOGETHER = """
import sys
from amc_learning.cli.serve import run_together

sys.exit(run_together([[sys.executable, "-c", program] for program in sys.argv[1:]]))
"""
# Each says its number in one write: two programs share the pipe, and `print` may write the line end by itself.
PATIENT = """
import os, signal
signal.signal(signal.SIGINT, lambda *_: os._exit(0))
os.write(1, b"%d\\n" % os.getpid())
while True:
    signal.pause()
"""
SAY_PID = r'os.write(1, b"%d\n" % os.getpid())'
DEAF = PATIENT.replace("lambda *_: os._exit(0)", "signal.SIG_IGN")
BRIEF = r'import os; os.write(1, b"0\n")'


@contextlib.contextmanager
def together(*programs, prelude=""):
    """A process that runs these programs together, and their process ids as they say them; none is left behind."""
    process = subprocess.Popen(
        [sys.executable, "-c", prelude + TOGETHER, *programs], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    pids = []
    try:
        pids += [int(process.stdout.readline()) for _ in programs]
        yield process, pids
    finally:
        process.kill()
        process.wait()
        for pid in filter(None, pids):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.stdout.close()


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_both_programs_run_until_told_to_stop_and_then_both_have_stopped(how):
    with together(PATIENT, PATIENT) as (process, pids):
        assert [is_running(pid) for pid in pids] == [True, True]
        process.send_signal(how)
        assert process.wait(LONGEST_SECONDS) == 0
        assert [is_running(pid) for pid in pids] == [False, False]


def test_when_one_ends_by_itself_the_other_is_stopped_and_that_is_a_failure():
    with together(PATIENT, BRIEF) as (process, pids):
        assert process.wait(LONGEST_SECONDS) == 1
        assert not any(is_running(pid) for pid in pids if pid)


CAREFUL = """
import os, signal, time
told = []
signal.signal(signal.SIGINT, lambda *_: told.append(1))
os.write(1, b"%d\\n" % os.getpid())
while not told:
    signal.pause()
time.sleep(1)
os.write(1, b"told %d times\\n" % len(told))
"""


def test_a_program_is_told_once_so_that_it_can_end_in_peace():
    with together(CAREFUL, PATIENT) as (process, _):
        process.send_signal(signal.SIGINT)
        assert process.wait(LONGEST_SECONDS) == 0
        assert process.stdout.read() == "told 1 times\n"


SOON = "import amc_learning.cli.serve as serve; serve.STOP_SECONDS = 0.5\n"


def test_programs_that_do_not_listen_are_ended_after_a_while():
    with together(DEAF, DEAF, prelude=SOON) as (process, pids):
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert [is_running(pid) for pid in pids] == [False, False]


def test_a_program_that_cannot_be_started_leaves_none_behind(tmp_path):
    script = SOON + (
        "import sys\nfrom amc_learning.cli.serve import run_together\n"
        "run_together([[sys.executable, '-c', sys.argv[1]], ['/nowhere/at/all']])"
    )
    noted = tmp_path / "pid"
    program = PATIENT.replace(SAY_PID, f"open({str(noted)!r}, 'w').write(str(os.getpid()))")
    command = [sys.executable, "-c", script, program]
    assert subprocess.run(command, stderr=subprocess.DEVNULL, cwd=ROOT, timeout=LONGEST_SECONDS, check=False).returncode
    left = [int(noted.read_text())] if noted.exists() and noted.read_text() else []
    left = [pid for pid in left if is_running(pid)]
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert left == []
