"""A full disk: events are refused and not lost, documents are given as before, and room is all the service needs."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from amc_learning.contracts.knowledge_days import FIRST_KNOWLEDGE_DAY
from amc_learning.service import examples
from amc_learning_tests.acceptance.loop import open_warehouse, settings_for
from amc_learning_tests.service.acceptance.kept import integrity, kept, troubles_of
from amc_learning_tests.service.running import WEIGHTS_PATH, Answer, Running, running

MEGABYTE = 1024 * 1024
MOST_EVENTS = 2_000


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of 8 MB in memory."""
    if shutil.which("mount") is None:
        pytest.skip("needs the command mount, which is not there")
    folder = Path(tempfile.mkdtemp(prefix="amc-learning-disk-"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        folder.rmdir()
        pytest.skip(f"needs the right to mount a file system: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


def thesis(number: int) -> tuple[str, bytes]:
    """An event of 20 KB with an identifier of its own."""
    name = f"thesis-{number}"
    return f"thesis:{name}", orjson.dumps({**examples.THESIS, "event_id": name, "notes": "x" * 20_000})


class Sender:
    """Sends numbered events one after the other and remembers what was acknowledged."""

    def __init__(self, service: Running) -> None:
        self.client = service.client()
        self.number = 0
        self.acknowledged: dict[tuple[str, str], bytes] = {}

    def send(self) -> Answer:
        """The next event; a refused one is sent again."""
        event_id, body = thesis(self.number)
        answer = self.client.send("thesis", body)
        if answer.status == 202:
            self.acknowledged["thesis", event_id] = body
            self.number += 1
        return answer

    def until_refused(self) -> Answer:
        """Send until the disk is full."""
        for _ in range(MOST_EVENTS):
            answer = self.send()
            if answer.status != 202:
                return answer
        raise AssertionError("the disk never became full")


def assert_come_back_later(answer: Answer) -> None:
    assert answer.status == 503
    assert int(answer.headers["retry-after"]) > 0
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["success"] is False


def test_a_full_disk_refuses_and_room_is_all_the_same_process_needs(small_disk):
    settings = settings_for(small_disk / "data")
    warehouse = open_warehouse(settings)
    warehouse.publications.publish("weights", {"success": True}, FIRST_KNOWLEDGE_DAY, {"type": "object"})
    warehouse.inbox.close()
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(3 * MEGABYTE))
    with running(settings.data_dir) as service:
        sender = Sender(service)
        given = service.get(WEIGHTS_PATH)
        assert (given.status, given.json()["success"]) == (200, True)

        for make_room in (
            ballast.unlink,
            lambda: subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True),
        ):
            assert_come_back_later(sender.until_refused())
            assert_come_back_later(sender.send())
            full = service.get(WEIGHTS_PATH)
            assert (full.status, full.content) == (given.status, given.content)
            assert service.get("/readyz").status == 503
            assert service.get("/healthz").status == 200

            make_room()
            assert [sender.send().status for _ in range(20)] == [202] * 20, service.log()[-1000:]
            assert service.get("/readyz").status == 200
        assert troubles_of(sender.acknowledged, kept(settings)) == []
    assert integrity(settings.data_dir) == "ok"
    assert troubles_of(sender.acknowledged, kept(settings)) == []
