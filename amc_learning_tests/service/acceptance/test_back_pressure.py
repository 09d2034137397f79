"""When events cannot become durable fast enough, senders are asked to come back; nothing grows and nothing is lost."""

import fcntl
import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from time import perf_counter

import orjson
import pytest

from amc_learning.service import examples
from amc_learning_tests.acceptance.loop import settings_for
from amc_learning_tests.service.acceptance.kept import kept, troubles_of
from amc_learning_tests.service.running import WEIGHTS_PATH, Answer, Running, running

MEGABYTE = 1024 * 1024

QUICK_SECONDS = 1.0
"""A refusal costs nothing to make."""

LIMIT_SECONDS = 60.0


@contextmanager
def stalled_writer(service: Running) -> Iterator[None]:
    """Hold the turn of whoever writes the inbox, as another process that writes would."""
    descriptor = os.open(service.data_dir / "inbox/events.sqlite.lock", os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def thesis(number: int, n_bytes: int = 0) -> bytes:
    return orjson.dumps({**examples.THESIS, "event_id": f"thesis-{number}", "notes": "x" * n_bytes})


def timed(service: Running, body: bytes) -> tuple[Answer, float]:
    client = service.client()
    started = perf_counter()
    return client.send("thesis", body), perf_counter() - started


def answers_that_came(sent: list[Future], n_waiting: int) -> list[tuple[Answer, float]]:
    """The answers of all but the `n_waiting` requests that have none yet."""
    left = set(sent)
    while len(left) > n_waiting:
        done, left = wait(left, LIMIT_SECONDS, return_when="FIRST_COMPLETED")
        assert done, f"{len(left)} requests wait, {n_waiting} may"
    return [one.result() for one in sent if one.done()]


def assert_refused_quickly(answers: list[tuple[Answer, float]]) -> None:
    for answer, seconds in answers:
        assert answer.status == 503
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.headers["content-type"] == "application/problem+json"
        assert seconds < QUICK_SECONDS


def test_what_is_more_than_may_wait_is_refused_quickly_and_what_waits_is_kept(tmp_path):
    settings = settings_for(tmp_path / "data")
    most_waiting = 5
    bodies = [thesis(number) for number in range(20)]
    with (
        running(settings.data_dir, {"SERVICE__MAX_WAITING_EVENTS": str(most_waiting)}) as service,
        ThreadPoolExecutor(len(bodies)) as pool,
    ):
        with stalled_writer(service):
            sent = [pool.submit(timed, service, body) for body in bodies]
            refused = answers_that_came(sent, most_waiting)
            assert_refused_quickly(refused)
            assert len(refused) == len(bodies) - most_waiting
            started = perf_counter()
            assert service.get(WEIGHTS_PATH).status == service.get("/healthz").status == 200
            assert perf_counter() - started < QUICK_SECONDS
        accepted = [one.result()[0] for one in sent]
        acknowledged = {
            ("thesis", f"thesis:thesis-{number}"): bodies[number]
            for number, answer in enumerate(accepted)
            if answer.status == 202
        }
        assert len(acknowledged) == most_waiting
        assert timed(service, thesis(99))[0].status == 202
    assert troubles_of(acknowledged, kept(settings)) == []


@pytest.mark.slow
def test_bodies_in_memory_stay_within_their_bound_while_nothing_can_be_written(tmp_path):
    most_bytes, n_senders = 8 * MEGABYTE, 40
    with (
        running(tmp_path / "data", {"SERVICE__MAX_WAITING_BYTES": str(most_bytes)}) as service,
        ThreadPoolExecutor(n_senders) as pool,
    ):
        before = service.resident_bytes()
        with stalled_writer(service):
            sent = [pool.submit(timed, service, thesis(number, MEGABYTE)) for number in range(n_senders)]
            answers_that_came(sent, most_bytes // MEGABYTE)
            # a body is bytes, text and a parsed value while it is understood: several times its size, of the few held
            assert service.resident_bytes() - before < 6 * most_bytes
        assert {one.result()[0].status for one in sent} == {202, 503}


@pytest.mark.slow
def test_bytes_count_as_held_until_their_event_is_durable_also_after_its_sender_was_told_to_come_back(tmp_path):
    """A sender is told to come back after 10 s without a commit; its event still waits in memory then."""
    settings = {"SERVICE__MAX_WAITING_BYTES": str(2 * MEGABYTE)}
    with running(tmp_path / "data", settings) as service, stalled_writer(service):
        with ThreadPoolExecutor(1) as pool:
            first, _ = pool.submit(timed, service, thesis(1, 3 * MEGABYTE // 2)).result(LIMIT_SECONDS)
        assert first.status == 503
        assert_refused_quickly([timed(service, thesis(2, 3 * MEGABYTE // 2))])


def test_probes_answer_while_another_process_holds_the_inbox(tmp_path):
    with running(tmp_path / "data") as service, ThreadPoolExecutor(1) as pool:
        with stalled_writer(service):
            waiting = pool.submit(timed, service, thesis(1))
            for path in ("/healthz", "/readyz", "/metrics", WEIGHTS_PATH):
                assert service.client(timeout_seconds=5).get(path).status in {200, 503}, path
        assert waiting.result()[0].status == 202
