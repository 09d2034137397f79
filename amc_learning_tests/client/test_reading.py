"""Parameters over real sockets: the server's word, its last one, or the defaults; never later than promised."""

import asyncio
import math
import time
from datetime import UTC, datetime, timedelta

import pytest

from amc_learning_tests.client.server import (
    LEARNED,
    VERSION,
    WEIGHTS,
    Clock,
    Drip,
    Hang,
    Raw,
    Reply,
    accepted,
    as_json,
    nobody,
    parameters,
    problem,
    serving,
)

LONGEST_READ_SECONDS = 2.1
"""The promise."""


def said(client):
    return client.last_read.source, client.last_read.version


def test_published_parameters_come_as_a_plain_dict_of_the_names_asked_for(server, client_of):
    client = client_of(server.url)
    got = client.get_discovery_parameters(WEIGHTS)
    assert (type(got), got, said(client)) == (dict, LEARNED, ("published", VERSION))
    got.clear()
    assert client.last_read.parameters == LEARNED
    assert (server.seen[0].method, server.seen[0].path) == ("GET", "/learning/intelligence/adaptive-discovery-params")


def test_async_code_reads_the_same(server, client_of):
    client = client_of(server.url)
    assert asyncio.run(client.aget_discovery_parameters(WEIGHTS)) == LEARNED
    assert said(client) == ("published", VERSION)


def test_unchanged_parameters_are_confirmed_by_their_etag(server, client_of):
    client = client_of(server.url)
    client.get_discovery_parameters(WEIGHTS)
    server.answer = lambda _, seen: Reply(304) if seen.if_none_match == '"v1"' else problem(400)
    assert client.get_discovery_parameters(WEIGHTS) == LEARNED
    assert said(client) == ("published", VERSION)


def test_an_etag_that_no_header_can_hold_is_not_sent_back(server, client_of):
    client = client_of(server.url)
    server.answer = lambda *_: parameters(etag="caf\u00e9")
    for _ in range(2):
        assert client.get_discovery_parameters(WEIGHTS) == LEARNED
        assert said(client) == ("published", VERSION)
    assert [one.if_none_match for one in server.seen] == [None, None]


def test_an_etag_is_only_sent_for_parameters_that_fit_what_is_asked_for(server, client_of):
    client = client_of(server.url)
    client.get_discovery_parameters(WEIGHTS)
    client.get_discovery_parameters({"rvol_weight": 1.0})
    assert [one.if_none_match for one in server.seen] == [None, None]


NOT_USABLE = {
    "nothing published": as_json({"success": False, "status": "nothing_published", "reason": "new", "data": None}),
    "missing": parameters({name: value for name, value in LEARNED.items() if name != "options_weight"}),
    "sum": parameters(LEARNED | {"options_weight": 0.30}),
    "negative": parameters(LEARNED | {"options_weight": -0.08, "squeeze_weight": 0.41}),
    "text": parameters(LEARNED | {"options_weight": "0.08"}),
    "true": parameters({name: name == "squeeze_weight" for name in WEIGHTS}),
    "null": parameters(LEARNED | {"options_weight": None}),
    "not a number": parameters(LEARNED | {"options_weight": math.nan}),
    "infinite": parameters(LEARNED | {"options_weight": math.inf}),
    "huge": parameters(LEARNED | {"options_weight": 10**400}),
    "list": parameters([0.5, 0.5]),
    "no data": as_json({"success": True}),
    "no object": as_json([1]),
    "no json": Reply(200, b"<html>"),
    "deep": Reply(200, b"[" * 100_000),
    "digits": Reply(200, b'{"success": ' + b"9" * 5000 + b"}"),
    "huge body": Reply(200, b" " * 3_000_000),
    "garbage": Raw(b"\xff\xfe\r\n\r\n"),
    "cut": Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{"),
    "redirect": Reply(302, b"", {"Location": "http://127.0.0.1:9/"}),
    "unasked 304": Reply(304),
    "error": Reply(500),
    "busy": problem(429),
    "no key": problem(401),
    "compressed": Reply(200, b"x", {"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("answer", NOT_USABLE.values(), ids=NOT_USABLE.keys())
def test_an_answer_that_cannot_be_used_gives_the_defaults_and_then_the_last_good_ones(server, client_of, answer):
    client = client_of(server.url)
    server.answer = lambda *_: answer
    assert client.get_discovery_parameters(WEIGHTS) == WEIGHTS
    assert said(client) == ("default", None) and client.last_read.reason
    server.answer = lambda *_: parameters(etag="")
    assert client.get_discovery_parameters(WEIGHTS) == LEARNED
    server.answer = lambda *_: answer
    assert client.get_discovery_parameters(WEIGHTS) == LEARNED
    assert said(client) == ("cached", VERSION)
    counters = client.counters
    assert (counters.n_default_reads, counters.n_published_reads, counters.n_cached_reads) == (1, 1, 1)


def test_an_absent_server_gives_the_defaults_and_soon_is_not_asked(client_of):
    client = client_of(nobody())
    for _ in range(3):
        assert client.get_discovery_parameters(WEIGHTS) == WEIGHTS
    assert client.counters.is_circuit_open
    client.get_discovery_parameters(WEIGHTS)
    assert "circuit" in client.last_read.reason


@pytest.mark.parametrize("answer", [Hang(), Drip(of_headers=True, seconds=1.0), Drip(of_headers=False, seconds=1.0)])
@pytest.mark.parametrize("is_async", [False, True])
def test_a_read_takes_less_than_it_promises_however_slowly_the_server_answers(server, client_of, answer, is_async):
    server.answer = lambda *_: answer
    client = client_of(server.url)
    client.counters  # noqa: B018 - made, not yet started: the promise holds for the first read as well
    began = time.monotonic()
    if is_async:
        got = asyncio.run(timed(client.aget_discovery_parameters(WEIGHTS)))
    else:
        got = (client.get_discovery_parameters(WEIGHTS), time.monotonic() - began)
    assert got[0] == WEIGHTS
    assert got[1] < LONGEST_READ_SECONDS


async def timed(reading):
    began = time.monotonic()
    return await reading, time.monotonic() - began


def test_a_cancelled_async_read_is_cancelled_and_the_next_one_works(server, client_of):
    client = client_of(server.url)
    server.answer = lambda *_: Hang()

    async def impatient():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await client.aget_discovery_parameters(WEIGHTS)

    asyncio.run(impatient())
    server.answer = lambda *_: parameters()
    assert client.get_discovery_parameters(WEIGHTS) == LEARNED


def test_the_last_good_parameters_hold_as_long_as_stated_and_no_longer(client_of):
    at = [datetime(2014, 3, 3, tzinfo=UTC)]
    with serving() as server:
        client = client_of(server.url, now=lambda: at[0], max_parameters_age_seconds=86_400.0)
        client.get_discovery_parameters(WEIGHTS)
    at[0] += timedelta(days=1)
    assert client.get_discovery_parameters(WEIGHTS) == LEARNED
    at[0] += timedelta(seconds=1)
    assert client.get_discovery_parameters(WEIGHTS) == WEIGHTS
    assert said(client) == ("default", None)


def test_the_next_process_knows_the_last_good_parameters_from_the_spool_folder(tmp_path, client_of):
    with serving() as server:
        first = client_of(server.url, spool_dir=tmp_path)
        first.get_discovery_parameters(WEIGHTS)
        first.close()
    second = client_of(nobody(), spool_dir=tmp_path)
    assert second.get_discovery_parameters(WEIGHTS) == LEARNED
    assert said(second) == ("cached", VERSION)


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff", b"[]", b"{}", b'{"parameters": 1, "etag": null, "confirmed_at": "2014-03-03"}',
     b'{"parameters": {"squeeze_weight": "high"}, "etag": 7, "confirmed_at": "2014-03-03T00:00:00Z"}'],
)  # fmt: skip
def test_a_damaged_file_of_parameters_is_no_obstacle(tmp_path, client_of, content):
    (tmp_path / "parameters.json").write_bytes(content)
    client = client_of(nobody(), spool_dir=tmp_path)
    assert client.get_discovery_parameters(WEIGHTS) == WEIGHTS
    with serving() as server:
        client = client_of(server.url, spool_dir=tmp_path / "other")
        assert client.get_discovery_parameters(WEIGHTS) == LEARNED


def test_a_read_may_be_the_probe_that_closes_the_circuit(server, client_of):
    clock = Clock()
    server.answer = lambda *_: Reply(502)
    client = client_of(server.url, monotonic=clock)
    for _ in range(3):
        client.get_discovery_parameters(WEIGHTS)
    assert client.counters.is_circuit_open
    server.answer = lambda _, seen: parameters() if seen.method == "GET" else accepted()
    clock.advance(300)
    assert client.get_discovery_parameters(WEIGHTS) == LEARNED
    assert not client.counters.is_circuit_open


@pytest.mark.parametrize("defaults", [None, 7, "text", object()])
def test_defaults_that_are_no_mapping_give_an_empty_dict_and_no_exception(server, client_of, defaults):
    assert client_of(server.url).get_discovery_parameters(defaults) == {}
