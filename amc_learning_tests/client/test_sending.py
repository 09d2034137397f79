"""Events over real sockets: every kind of answer, and what becomes of the event."""

import asyncio
import json
import logging
import math
import os
import threading
import time
from decimal import Decimal

import pytest

from amc_learning.client import LearningClient, PortfolioTracker
from amc_learning_tests.client.server import (
    VERSION,
    WEIGHTS,
    Clock,
    Drip,
    Hang,
    Raw,
    Reply,
    accepted,
    as_json,
    learning_system,
    nobody,
    parameters,
    problem,
)

SOON = {"jitter": lambda: 0.0}
"""Back-off as short as it gets: 0.25 s after a first failure."""


def first_then(*answers):
    """These answers to the first requests, then what the real system says."""

    def answer(server, seen):
        return answers[len(server.seen) - 1] if len(server.seen) <= len(answers) else learning_system(server, seen)

    return answer


def settled(client):
    """The counters once nothing waits, or nothing will be tried."""
    client.flush(20)
    return client.counters


def balanced(counters):
    done = counters.n_sent + counters.n_refused + counters.n_lost + counters.n_queued + counters.n_spooled
    return counters.n_taken + counters.n_replayed == done


def test_the_three_kinds_arrive_where_the_system_description_sends_them(server, client_of):
    client = client_of(server.url, api_key="k3y")
    assert client.send_discovery({"candidates": [], "timestamp": "2014-03-03T09:30:00"})
    assert client.send_thesis("ABC", {"recommendation": "HOLD", "generated_at": "2014-03-03T09:30:00"})
    assert client.send_position_change("ABC", "OPEN", {"entry_price": Decimal("1.50"), "filled_at": "2014-03-03"})
    assert client.flush(20)
    assert [(one.method, one.path, one.payload) for one in server.seen] == [
        ("POST", "/learning/collect/discovery-data", {"candidates": [], "timestamp": "2014-03-03T09:30:00"}),
        ("POST", "/learning/collect/thesis-decision",
         {"symbol": "ABC", "thesis": {"recommendation": "HOLD", "generated_at": "2014-03-03T09:30:00"}}),
        ("POST", "/learning/collect/trade-outcome",
         {"symbol": "ABC", "change_type": "OPEN", "change_data": {"entry_price": "1.50", "filled_at": "2014-03-03"}}),
    ]  # fmt: skip
    assert {one.authorization for one in server.seen} == {"Bearer k3y"}
    assert len({one.key for one in server.seen}) == 3
    assert client.counters.n_sent == 3


def test_the_tracker_tells_of_changes_with_and_without_await(server, client_of):
    client = client_of(server.url)
    tracker = PortfolioTracker(client)
    assert asyncio.run(tracker.track_position_change("ABC", "OPEN", {"price": 1.5}))
    assert tracker.track_position_change_sync("ABC", "CLOSE", {"price": 2.5})
    assert client.flush(20)
    assert [one.payload["change_type"] for one in server.seen] == ["OPEN", "CLOSE"]


def test_async_code_may_await_a_send_or_make_a_task_of_it(server):
    async def trading():
        async with LearningClient(server.url) as client:
            task = asyncio.create_task(client.asend_discovery({"candidates": []}))
            assert await client.asend_thesis("ABC", {})
            assert await client.asend_position_change("ABC", "OPEN", {})
            assert await task
            assert await client.aflush(20)
            return client

    assert asyncio.run(trading()).counters.n_sent == 3


def test_what_the_caller_changes_after_the_call_does_not_change_the_event(server, client_of):
    client = client_of(server.url)
    result = {"candidates": [{"symbol": "ABC", "score": math.nan}]}
    client.send_discovery(result)
    assert list(result) == ["candidates"] and math.isnan(result["candidates"][0]["score"])
    result["candidates"].clear()
    client.flush(20)
    assert server.seen[0].payload["candidates"] == [{"symbol": "ABC", "score": None}]


def test_a_run_names_the_parameters_it_was_handed(server, client_of):
    client = client_of(server.url)
    client.send_discovery({"candidates": []})
    client.get_discovery_parameters(WEIGHTS)
    client.send_discovery({"candidates": []})
    server.answer = lambda _, seen: parameters({"other": 1}) if seen.method == "GET" else accepted()
    client.get_discovery_parameters({"no_such_weight": 1.0})  # defaults are handed out: no version
    client.send_discovery({"candidates": []})
    client.flush(20)
    assert [one.payload.get("parameters_version") for one in server.posts] == [None, VERSION, None]


def test_duplicates_and_quarantine_are_counted(server, client_of):
    server.answer = first_then(accepted(duplicate=True), accepted(status="quarantined"))
    client = client_of(server.url)
    client.send_discovery({"job_id": "j"})
    client.send_discovery({"job_id": "k"})
    counters = settled(client)
    assert (counters.n_sent, counters.n_duplicates, counters.n_quarantined) == (2, 1, 1)


@pytest.mark.parametrize("status", [400, 409, 413, 415, 422])
def test_what_will_never_be_accepted_is_refused_once_and_the_next_event_goes(server, client_of, status):
    server.answer = first_then(problem(status))
    client = client_of(server.url)
    client.send_thesis("ABC", {})
    client.send_thesis("DEF", {})
    counters = settled(client)
    assert (counters.n_refused, counters.n_sent, len(server.seen)) == (1, 1, 2)
    assert balanced(counters)


@pytest.mark.parametrize(
    "failure",
    [Hang(), Drip(of_headers=True), Drip(of_headers=False), Raw(b""), Raw(b"\x00\x01 garbage\r\n\r\n"),
     Raw(b"HTTP/1.1 202 OK\r\nContent-Length: 99\r\n\r\ncut"), Reply(500), Reply(502), Reply(503), Reply(507),
     Reply(307, b"", {"Location": "http://127.0.0.1:9/elsewhere"}), Reply(401), Reply(404),
     Reply(200, b"<html>sign in</html>"), as_json([]), as_json({"success": False}, 202),
     Reply(202, b'{"success": true}' + b" " * 2_000_000),
     Reply(202, b"x", {"Content-Encoding": "gzip"}), Reply(202, b"[" * 100_000)],
    ids=lambda value: repr(value)[:60],
)  # fmt: skip
def test_after_any_failure_the_same_event_goes_again_under_the_same_key(server, client_of, failure):
    server.answer = first_then(failure)
    client = client_of(server.url, request_timeout_seconds=0.5, **SOON)
    client.send_thesis("ABC", {"text": "one"})
    counters = settled(client)
    first, second = server.posts
    assert (first.key, first.body) == (second.key, second.body)
    assert (counters.n_sent, counters.n_failed_attempts, counters.n_refused) == (1, 1, 0)
    assert balanced(counters)


def test_redirects_are_not_followed_so_that_the_key_goes_nowhere_else(server, client_of):
    server.answer = first_then(Reply(307, b"", {"Location": f"{server.url}/elsewhere"}))
    client = client_of(server.url, **SOON)
    client.send_thesis("ABC", {})
    settled(client)
    assert {one.path for one in server.seen} == {"/learning/collect/thesis-decision"}


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_asks_for_patience_gets_it_and_opens_no_circuit(server, client_of, status):
    clock = Clock()
    busy = problem(status, **{"Retry-After": "30"})
    server.answer = first_then(busy, busy, busy, busy)
    client = client_of(server.url, monotonic=clock, **SOON)
    client.send_thesis("ABC", {})
    for n in range(1, 5):
        assert server.saw(n)
        while client.counters.n_failed_attempts < n:
            client.flush(0.01)
        clock.advance(29.0)
        client.send_thesis("DEF", {"n": n})  # wakes the sender, whose time has not come
        assert not client.flush(0.1)
        assert (len(server.seen), client.counters.is_circuit_open) == (n, False)
        clock.advance(1.0)
        client.send_thesis("DEF", {"n": n})
    assert client.flush(20)
    assert balanced(client.counters)


def test_an_event_the_server_chokes_on_does_not_hold_up_the_others(server, client_of):
    server.answer = lambda _, seen: Reply(500) if b"poison" in seen.body else accepted()
    client = client_of(server.url, **SOON)
    client.send_thesis("ABC", {"text": "poison"})
    for n in range(5):
        client.send_thesis("ABC", {"n": n})
    while client.counters.n_sent < 5:
        client.flush(0.05)
    assert balanced(client.counters)


def test_three_failures_open_the_circuit_and_after_five_minutes_one_request_probes(server, client_of):
    clock = Clock()
    server.answer = lambda *_: Reply(502)
    client = client_of(server.url, monotonic=clock, **SOON)
    client.send_thesis("ABC", {})
    for n in (1, 2):
        assert server.saw(n)
        while client.counters.n_failed_attempts < n:
            client.flush(0.01)
        clock.advance(60)
    assert not client.flush(20)
    assert client.counters.is_circuit_open and len(server.seen) == 3

    clock.advance(299)
    client.send_thesis("DEF", {})
    assert client.get_discovery_parameters(WEIGHTS) == WEIGHTS
    assert "circuit is open" in client.last_read.reason
    assert len(server.seen) == 3

    server.answer = lambda *_: Hang()
    clock.advance(1)
    client.send_thesis("GHI", {})
    assert server.saw(4)
    assert client.get_discovery_parameters(WEIGHTS) == WEIGHTS
    client.send_thesis("JKL", {})
    assert len(server.seen) == 4


def test_a_full_queue_drops_the_newest_and_counts_it(server, client_of):
    server.answer = first_then(Hang())
    client = client_of(server.url, max_queue_events=3, request_timeout_seconds=0.5, **SOON)
    taken = [client.send_thesis("ABC", {"n": n}) for n in range(5)]
    assert taken == [True, True, True, False, False]
    counters = settled(client)
    assert (counters.n_dropped, counters.n_sent) == (2, 3)
    assert [one.payload["thesis"]["n"] for one in server.posts] == [0, 0, 1, 2]


def test_the_queue_is_bounded_by_bytes_too(server, client_of):
    server.answer = lambda *_: Hang()
    client = client_of(server.url, max_queue_bytes=25_000)
    taken = [client.send_thesis("ABC", {"text": "x" * 10_000}) for _ in range(3)]
    assert taken == [True, True, False]


def test_an_event_too_large_or_unusable_is_dropped_and_counted(server, client_of):
    client = client_of(server.url, max_event_bytes=1000)
    assert not client.send_thesis("ABC", {"text": "x" * 1001})
    assert not client.send_discovery("no result")
    assert (client.counters.n_dropped, client.counters.n_taken) == (2, 0)


def test_after_the_close_events_are_dropped_and_reads_give_what_is_known(server):
    client = LearningClient(server.url)
    client.get_discovery_parameters(WEIGHTS)
    assert client.close() and client.close()
    assert not client.send_thesis("ABC", {})
    client.get_discovery_parameters(WEIGHTS)
    assert (client.last_read.source, client.last_read.version) == ("cached", VERSION)


def test_a_close_without_a_spool_says_what_is_lost(client_of):
    with LearningClient(nobody()) as client:
        client.send_thesis("ABC", {})
        assert not client.close(0.2)
    assert client.counters.n_lost == 1
    assert balanced(client.counters)


def test_a_client_that_was_never_used_starts_no_thread():
    before = threading.active_count()
    with LearningClient(nobody()):
        assert threading.active_count() == before


def test_the_log_holds_no_key_no_payload_and_one_message_a_minute(client_of, caplog):
    clock = Clock()
    client = client_of(nobody(), api_key="s3cret-key", max_queue_events=1, monotonic=clock, **SOON)
    with caplog.at_level(logging.DEBUG, logger="amc_learning.client"):
        for n in range(50):
            client.send_thesis("SECRETSYMBOL", {"n": n, "job_id": "s3cret-job"})
        clock.advance(61)
        client.send_thesis("SECRETSYMBOL", {})
    full = [record.getMessage() for record in caplog.records if "queue is full" in record.getMessage()]
    assert len(full) == 2
    assert full[1].endswith("(48 more like it since the last message)")
    assert "SECRET" not in caplog.text and "s3cret" not in caplog.text


def test_a_log_handler_that_raises_stops_nobody(client_of):
    class Broken(logging.Handler):
        def handle(self, _):
            raise RuntimeError("disk full")

    logger, handler = logging.getLogger("amc_learning.client"), Broken()
    logger.addHandler(handler)
    try:
        client = client_of(nobody(), max_queue_events=1)
        assert [client.send_thesis("ABC", {}) for _ in range(3)][1:] == [False, False]
    finally:
        logger.removeHandler(handler)


def test_a_key_never_shows_in_the_representation_of_the_client(client_of):
    client = client_of(nobody(), api_key="s3cret")
    assert "s3cret" not in repr(client) and "s3cret" not in repr(vars(client))


@pytest.mark.parametrize(
    "options",
    [{"base_url": "localhost:8000"}, {"base_url": "http://user:pw@host"}, {"base_url": "http://host?key=1"},
     {"api_key": "two words"}, {"api_key": "line\n"},
     {"max_queue_events": 0}, {"read_timeout_seconds": math.nan},
     {"exit_flush_seconds": -1}],
    ids=lambda value: ",".join(f"{name}={option!r}" for name, option in value.items())[:60],
)  # fmt: skip
def test_options_that_cannot_be_meant_are_refused_when_the_client_is_made(options):
    with pytest.raises(ValueError, match=r"must (look|hold|be)"):
        LearningClient(**options)


def test_many_threads_may_send_and_every_event_arrives_once(server, client_of):
    client = client_of(server.url)

    def trade(number):
        for n in range(50):
            client.send_thesis(f"T{number}", {"n": n})

    threads = [threading.Thread(target=trade, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.flush(30)
    assert (len(server.posts), len(server.stored)) == (200, 200)
    assert balanced(client.counters)


def test_connections_are_kept_after_many_answers_that_never_came(server, client_of):
    server.answer = lambda _, seen: Hang() if seen.method == "GET" else accepted()
    client = client_of(server.url, read_timeout_seconds=0.03, max_failures=1000)
    for _ in range(120):  # more than httpx keeps connections open
        client.get_discovery_parameters(WEIGHTS)
    client.send_thesis("ABC", {})
    assert client.flush(20)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_begins_empty_with_a_thread_of_its_own(server, client_of):
    server.answer = lambda _, seen: Hang() if b"parent" in seen.body else accepted()
    client = client_of(server.url, request_timeout_seconds=0.5, **SOON)
    client.send_thesis("ABC", {"of": "parent"})
    assert server.saw(1)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            before = client.counters.n_queued
            client.send_thesis("ABC", {"of": "child"})
            is_sent = client.flush(20)
            os.write(writing, json.dumps([before, is_sent, client.counters.n_sent]).encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as said:
        assert json.loads(said.read()) == [0, True, 1]
    assert [one.payload["thesis"]["of"] for one in server.posts] == ["parent", "child"]
    server.answer = learning_system
    client.send_thesis("ABC", {"of": "the parent again"})
    assert client.flush(20)


def test_a_flush_ends_in_time_however_long_the_server_takes(server, client_of):
    server.answer = lambda *_: Hang()
    client = client_of(server.url)
    client.send_thesis("ABC", {})
    began = time.monotonic()
    assert not client.flush(0.2)
    assert time.monotonic() - began < 2.0
