import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from amc_learning.warehouse import StorageError, Warehouse
from amc_learning.warehouse.locks import DatabaseLocks, FileLocks
from amc_learning_tests.service.postgres import postgres_server

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def server():
    with postgres_server() as running:
        yield running


@pytest.fixture(params=["files", "database"])
def kind(request):
    return request.param


@pytest.fixture
def locks(kind, tmp_path, request):
    if kind == "files":
        return FileLocks()
    return DatabaseLocks(request.getfixturevalue("server").url, str(tmp_path), tmp_path)


HOLDER = """
import sys
from pathlib import Path
from amc_learning.warehouse.locks import DatabaseLocks, FileLocks

root, url, is_shared = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "shared"
locks = DatabaseLocks(url, str(root), root) if url else FileLocks()
print("waiting", flush=True)
with locks.locked(root / "x", is_shared=is_shared):
    print("holding", flush=True)
    sys.stdin.read()
"""


def other_process(tmp_path, request, kind, form):
    url = request.getfixturevalue("server").url if kind == "database" else ""
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path), url, form],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def said(process, word):
    assert process.stdout.readline() == f"{word}\n"


@pytest.mark.parametrize("forms", ["alone alone", "alone shared", "shared alone", "shared shared"])
def test_who_shares_a_lock_holds_it_with_those_who_share_it_and_with_nobody_else(locks, kind, tmp_path, request, forms):
    mine, other = forms.split()
    is_together = forms == "shared shared"
    with other_process(tmp_path, request, kind, other) as process:
        with locks.locked(tmp_path / "x", is_shared=mine == "shared"):
            said(process, "waiting")
            if is_together:
                said(process, "holding")
            else:
                with pytest.raises(subprocess.TimeoutExpired):
                    process.wait(0.5)
        # what it says once we let go shows that it had waited
        assert process.communicate("")[0] == ("" if is_together else "holding\n")


def test_a_killed_holder_lets_go(locks, kind, tmp_path, request):
    with other_process(tmp_path, request, kind, "alone") as process:
        said(process, "waiting")
        said(process, "holding")
        process.kill()
    with locks.locked(tmp_path / "x"):
        pass


def test_threads_exclude_each_other_and_other_names_do_not(locks, tmp_path):
    order = []

    def work(number):
        with locks.locked(tmp_path / "x"):
            order.append((number, "in"))
            order.append((number, "out"))

    with ThreadPoolExecutor(4) as pool, locks.locked(tmp_path / "y"):
        list(pool.map(work, range(12)))
    assert [order[n][0] for n in range(0, 24, 2)] == [order[n][0] for n in range(1, 24, 2)]


def test_work_that_fails_lets_go(locks, tmp_path):
    with pytest.raises(ZeroDivisionError), locks.locked(tmp_path / "x"):
        _ = 1 / 0
    with locks.locked(tmp_path / "x"):
        pass


def test_who_tries_a_lock_has_it_alone_where_nobody_had_it_and_does_not_wait(locks, kind, tmp_path, request):
    with other_process(tmp_path, request, kind, "shared") as process:
        said(process, "waiting")
        said(process, "holding")
        with locks.tried(tmp_path / "x") as is_held, locks.tried(tmp_path / "y") as is_another_held:
            assert (is_held, is_another_held) == (False, True)
        process.communicate("")
    for _ in range(2):
        with locks.tried(tmp_path / "x") as is_held, locks.tried(tmp_path / "x") as is_held_twice:
            assert (is_held, is_held_twice) == (True, False)


@pytest.mark.parametrize("verb", ["locked", "tried"])
def test_a_lock_that_was_lost_with_its_connection_is_told_and_a_new_one_can_be_had(verb, server, tmp_path):
    locks = DatabaseLocks(server.url, str(tmp_path), tmp_path)
    engine = sa.create_engine(server.url, isolation_level="AUTOCOMMIT")
    ended = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname IS NOT NULL"
    )
    with (
        pytest.raises(StorageError, match="that held the turn broke before the work was done"),
        getattr(locks, verb)(tmp_path / "x"),
        engine.connect() as connection,
    ):
        connection.execute(sa.text(ended))
    engine.dispose()
    with locks.locked(tmp_path / "x"):
        pass


def test_a_server_that_is_away_is_a_sentence_with_its_setting(tmp_path):
    away = DatabaseLocks("postgresql+psycopg2://nobody@127.0.0.1:9/none", "x", tmp_path)
    with pytest.raises(StorageError, match=r"gives turns cannot be used.*\(inbox_url\)"), away.locked(tmp_path / "x"):
        pass


def _take_turn(warehouse):
    with warehouse.turn():
        pass


def test_a_shared_folder_takes_turns_by_the_server_whatever_its_path(server, tmp_path):
    """Two machines mount one folder under two names; only the server knows both."""
    here = Warehouse.open(tmp_path / "mount", ("a", "b"), server.url, turns="database")
    there = Warehouse.open(tmp_path / "export", ("a", "b"), server.url, turns="database")
    with ThreadPoolExecutor(1) as pool:
        with here.turn(is_shared=True), there.turn(is_shared=True):
            waiting = pool.submit(_take_turn, there)
            with pytest.raises(TimeoutError):
                waiting.result(0.3)
        waiting.result(30)
    assert not (tmp_path / "mount" / "tables" / ".cycle.lock").exists()
