"""202 is written after the event's bytes were flushed to the disk, by the order of system calls."""

from amc_learning_tests.service.acceptance.burst import numbered
from amc_learning_tests.service.acceptance.system_calls import answers_with_flushes, traced
from amc_learning_tests.service.running import COMMAND, WEIGHTS_PATH, running

N_EVENTS = 25

NOT_FLUSHING = f"""
from amc_learning.warehouse import database

database.SQLITE_PRAGMAS = tuple(one.replace("=FULL", "=NORMAL") for one in database.SQLITE_PRAGMAS)
{COMMAND}
"""
"""The service as it would be if SQLite did not flush at every commit."""


def flushes_before_answers(data_dir, trace, program=COMMAND):
    """For each of `N_EVENTS` acknowledged events, the flushes between its request and its 202; the same for reads."""
    with running(data_dir, program=program) as service:
        client = service.client()
        assert client.get(WEIGHTS_PATH).status == 200
        with traced(service.pid, trace):
            for number in range(N_EVENTS):
                event = numbered("traced", number)
                assert client.send(event.kind, event.body).status == 202
            for _ in range(N_EVENTS):
                client.get(WEIGHTS_PATH)
    lines = trace.read_text().splitlines()
    return tuple(
        answers_with_flushes(lines, request=request, answer=answer)
        for request, answer in (("POST /learning/collect/", "HTTP/1.1 202"), ("GET /learning/", "HTTP/1.1 200"))
    )


def test_every_acknowledgement_follows_a_flush_of_its_own(tmp_path):
    events, reads = flushes_before_answers(tmp_path / "data", tmp_path / "trace")
    assert len(events) == len(reads) == N_EVENTS, "the trace misses answers"
    assert min(events) >= 1
    # the counts of requests are flushed every 2 s: a read may meet that, most do not
    assert sum(reads) <= 3


def test_a_service_that_did_not_flush_would_be_found_out(tmp_path):
    events, _ = flushes_before_answers(tmp_path / "data", tmp_path / "trace", program=NOT_FLUSHING)
    assert len(events) == N_EVENTS
    assert events.count(0) > N_EVENTS // 2
