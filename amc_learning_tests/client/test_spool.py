"""What lies on disk survives: restarts, crashes, damage, a second process, a full or refusing disk."""

import json
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from amc_learning.client import LearningClient
from amc_learning.client.events import THESIS, Event
from amc_learning.client.spool import Spool, SpoolUnavailableError
from amc_learning_tests.client.server import Hang, Reply, accepted, nobody, problem, serving

SOON = {"jitter": lambda: 0.0}

ROOM = 1024 * 1024


def event(n, size=10):
    return Event(THESIS, f"key-{n}", json.dumps({"n": n, "text": "x" * size}).encode())


def files(folder, suffix=".event"):
    return sorted(path for path in folder.iterdir() if path.suffix == suffix)


def test_events_come_back_in_their_order_byte_for_byte(tmp_path):
    first = Spool(tmp_path, max_bytes=ROOM)
    first.append([event(1), event(2)])
    first.append([event(3)])
    first.release()
    second = Spool(tmp_path, max_bytes=ROOM)
    came = []
    while (head := second.head()) is not None:
        came.append(head)
        second.remove_head()
    second.release()
    assert came == [event(1), event(2), event(3)]
    assert files(tmp_path) == []


def test_a_folder_has_one_holder_at_a_time(tmp_path):
    first = Spool(tmp_path, max_bytes=ROOM)
    with pytest.raises(SpoolUnavailableError, match="another client holds"):
        Spool(tmp_path, max_bytes=ROOM)
    first.release()
    first.release()
    Spool(tmp_path, max_bytes=ROOM).release()


def test_only_what_fits_is_written_and_damaged_files_count(tmp_path):
    spool = Spool(tmp_path, max_bytes=3 * 4096)  # every small file takes a block of 4,096 bytes
    assert spool.fitting([event(n) for n in range(5)]) == [event(n) for n in range(3)]
    spool.append([event(0), event(1)])
    files(tmp_path)[0].write_bytes(b"damaged")
    assert spool.head() == event(1)
    spool.remove_head()
    assert len(spool.fitting([event(n) for n in range(5)])) == 2
    spool.release()


@pytest.mark.parametrize(
    "spoilt",
    [lambda _: b"", lambda content: content[:-1], lambda content: content.replace(b"key-1", b"key-9"),
     lambda content: content.replace(b"xxx", b"xyx", 1), lambda content: b"\xff" + content, lambda _: b"[1]\n{}",
     lambda content: content.replace(b'"format": 1', b'"format": 2'), lambda _: b"[" * 100_000,
     lambda content: content.replace(b"thesis-decision", b"../../somewhere")],
    ids=["empty", "cut", "key", "bit", "head", "list", "format", "deep", "kind"],
)  # fmt: skip
def test_a_damaged_file_is_set_aside_and_the_others_go_on(tmp_path, spoilt):
    writing = Spool(tmp_path, max_bytes=ROOM)
    writing.append([event(1), event(2)])
    writing.release()
    first = files(tmp_path)[0]
    content = spoilt(first.read_bytes())
    first.write_bytes(content)
    spool = Spool(tmp_path, max_bytes=ROOM)
    assert spool.head() == event(2)
    assert (spool.n_set_aside, spool.n_lost) == (1, 1)
    assert [path.read_bytes() for path in files(tmp_path, ".damaged")] == [content]
    spool.release()


def test_what_a_crash_left_unfinished_is_swept_and_no_number_is_used_twice(tmp_path):
    (tmp_path / "000000000007.event.tmp").write_bytes(b"half")
    (tmp_path / "000000000009.damaged").write_bytes(b"old")
    spool = Spool(tmp_path, max_bytes=ROOM)
    spool.append([event(1)])
    assert [path.name for path in files(tmp_path)] == ["000000000010.event"]
    assert files(tmp_path, ".tmp") == []
    spool.release()


def test_a_file_that_somebody_removed_is_forgotten(tmp_path):
    spool = Spool(tmp_path, max_bytes=ROOM)
    spool.append([event(1), event(2)])
    files(tmp_path)[0].unlink()
    assert (spool.head(), spool.n_lost, len(spool)) == (event(2), 1, 1)
    spool.release()


def test_files_are_for_their_owner_only(tmp_path):
    spool = Spool(tmp_path / "spool", max_bytes=ROOM)
    spool.append([event(1)])
    assert [path.stat().st_mode & 0o077 for path in (tmp_path / "spool", *files(tmp_path / "spool"))] == [0, 0]
    spool.release()


def test_events_of_an_absent_server_are_delivered_by_the_next_process_once_under_their_keys(tmp_path):
    with LearningClient(nobody(), spool_dir=tmp_path, **SOON) as absent:
        for n in range(20):
            absent.send_discovery({"job_id": f"job-{n}", "n": n})
    counters = absent.counters
    assert (counters.n_taken, counters.n_spooled, counters.n_queued, counters.n_lost) == (20, 20, 0, 0)
    with serving() as server, LearningClient(server.url, spool_dir=tmp_path) as back:
        assert back.flush(30)
        assert (back.counters.n_replayed, back.counters.n_sent) == (20, 20)
    assert [one.key for one in server.posts] == [f"job-{n}" for n in range(20)]
    assert files(tmp_path) == []


def test_when_the_server_comes_back_the_same_process_delivers_what_lies_on_disk(tmp_path, client_of):
    with serving(lambda *_: Reply(502)) as server:
        client = client_of(server.url, spool_dir=tmp_path, max_failures=1000, **SOON)
        for n in range(3):
            client.send_thesis("ABC", {"event_id": f"t-{n}"})
        assert server.saw(2)
        server.answer = lambda *_: accepted()
        assert client.flush(30)
        assert list(dict.fromkeys(one.key for one in server.posts)) == ["t-0", "t-1", "t-2"]
        assert files(tmp_path) == []


def test_while_the_server_hangs_what_comes_in_is_written_all_the_same(tmp_path, client_of):
    with serving(lambda *_: Hang()) as server:
        client = client_of(server.url, spool_dir=tmp_path)
        client.send_thesis("ABC", {})
        assert server.saw(1)
        for _ in range(200):
            client.send_thesis("ABC", {})
        while client.counters.n_spooled < 201:
            client.flush(0.05)
        assert len(files(tmp_path)) == 201


def test_a_refused_event_leaves_the_disk(tmp_path, client_of):
    with serving(lambda *_: problem(422)) as server:
        client = client_of(server.url, spool_dir=tmp_path)
        client.send_thesis("ABC", {})
        assert client.flush(20)
        assert client.counters.n_refused == 1
        assert files(tmp_path) == []


def test_an_event_the_server_chokes_on_does_not_hold_up_those_behind_it_on_disk(tmp_path, client_of):
    with serving(lambda _, seen: Reply(500) if b"poison" in seen.body else accepted()) as server:
        client = client_of(server.url, spool_dir=tmp_path, **SOON)
        client.send_thesis("ABC", {"text": "poison"})
        for n in range(3):
            client.send_thesis("ABC", {"n": n})
        while client.counters.n_sent < 3:
            client.flush(0.05)


def test_a_full_spool_leaves_the_rest_in_memory_and_then_drops_the_newest(tmp_path, client_of):
    client = client_of(nobody(), spool_dir=tmp_path, max_spool_bytes=2 * 4096, max_queue_events=3, **SOON)
    n_taken = 0
    while n_taken < 5:
        n_taken += client.send_thesis("ABC", {})
        client.flush(0.05)
    while client.counters.n_spooled < 2:
        client.flush(0.05)
    assert not client.send_thesis("ABC", {})
    counters = client.counters
    assert (counters.n_taken, counters.n_spooled, counters.n_queued) == (5, 2, 3)


def test_a_second_client_on_the_folder_works_without_it_and_says_so_once(tmp_path, client_of, caplog):
    with serving() as server, caplog.at_level(logging.WARNING, logger="amc_learning.client"):
        first = client_of(server.url, spool_dir=tmp_path)
        assert first.flush(20)
        second = client_of(server.url, spool_dir=tmp_path)
        for _ in range(3):
            second.send_thesis("ABC", {})
        assert second.flush(20)
        assert (first.counters.is_spooling, second.counters.is_spooling) == (True, False)
    said = [record.getMessage() for record in caplog.records if "without a spool" in record.getMessage()]
    assert len(said) == 1
    assert "give each process a folder of its own" in said[0]


def test_a_folder_that_cannot_be_made_is_no_obstacle(tmp_path, client_of):
    (tmp_path / "file").write_text("in the way")
    with serving() as server:
        client = client_of(server.url, spool_dir=tmp_path / "file" / "spool")
        client.send_thesis("ABC", {})
        assert client.flush(20)
        assert not client.counters.is_spooling


def test_a_disk_that_refuses_leaves_events_in_memory_and_they_are_sent(tmp_path, client_of, caplog):
    with serving() as server:
        client = client_of(server.url, spool_dir=tmp_path)
        assert client.flush(20)
        # A folder in the place of the next unfinished file makes every write fail, for root as well.
        (tmp_path / "000000000001.event.tmp").mkdir()
        with caplog.at_level(logging.WARNING, logger="amc_learning.client"):
            client.send_thesis("ABC", {})
            assert client.flush(20)
        assert client.counters.n_sent == 1
        assert "cannot be written" in caplog.text


def test_without_a_spool_folder_nothing_touches_the_disk(tmp_path, client_of, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with serving() as server:
        client = client_of(server.url)
        client.send_thesis("ABC", {})
        client.get_discovery_parameters({"a": 1.0})
        client.close()
    assert list(tmp_path.iterdir()) == []


CRASHING = """
import os, signal, sys
from amc_learning.client import LearningClient
client = LearningClient(sys.argv[1], spool_dir=sys.argv[2])
for n in range(300):
    client.send_discovery({"job_id": f"job-{n}", "text": "x" * 500})
while client.counters.n_spooled < int(sys.argv[3]):
    client.flush(0.005)
print(client.counters.n_spooled, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("n_at_least", [1, 100, 300])
def test_a_killed_process_loses_nothing_that_was_spooled(tmp_path, n_at_least):
    with serving(lambda *_: Hang()) as server:
        arguments = [sys.executable, "-c", CRASHING, server.url, str(tmp_path), str(n_at_least)]
        killed = subprocess.run(
            arguments, capture_output=True, text=True, timeout=60, check=False, cwd=Path(__file__).parents[2]
        )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    n_spooled = int(killed.stdout)
    with serving() as server, LearningClient(server.url, spool_dir=tmp_path) as client:
        assert client.flush(60)
        assert client.counters.n_lost == 0
    keys = [one.key for one in server.posts]
    assert len(keys) == len(set(keys)) >= n_spooled
    assert set(keys) == {f"job-{n}" for n in range(len(keys))}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_leaves_the_spool_to_its_parent(tmp_path, client_of):
    client = client_of(nobody(), spool_dir=tmp_path, **SOON)
    client.send_thesis("ABC", {})
    while client.counters.n_spooled < 1:
        client.flush(0.05)
    child = os.fork()
    if child == 0:
        try:
            client.send_thesis("ABC", {})
            client.flush(1.0)
            is_right = (client.counters.n_spooled, client.counters.is_spooling) == (0, False)
        except BaseException:
            is_right = False
        os._exit(0 if is_right else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    client.close(0.0)
    Spool(tmp_path, max_bytes=ROOM).release()  # nobody holds the folder any more
