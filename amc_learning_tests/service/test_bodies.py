"""Bodies: read within a size, a time and a common budget, and given back whatever happens."""

import http.client
import socket
from urllib.parse import urlsplit

import httpx
import pytest

from amc_learning.service.answers import Refusal
from amc_learning.service.bodies import Budget, held

THESIS = "/learning/collect/thesis-decision"
HOLD = {"symbol": "ABC", "recommendation": "HOLD", "confidence": 0.5}
TIMEOUT_SECONDS = 20


def limited(settings, **limits):
    return settings.model_copy(update={"service": settings.service.model_copy(update=limits)})


def connect(service):
    parts = urlsplit(service.url)
    return socket.create_connection((parts.hostname, parts.port), TIMEOUT_SECONDS)


def head(length):
    lines = [
        f"POST {THESIS} HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/json",
        f"Content-Length: {length}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def answer_on(connection):
    response = http.client.HTTPResponse(connection)
    response.begin()
    content = response.read()
    response.close()
    return response.status, response.headers, content


# -- the budget ---------------------------------------------------------------------------------------------------


def test_the_budget_is_taken_chunk_by_chunk_and_given_back_at_the_end():
    budget = Budget(10)
    with held(budget) as body:
        body.add(b"12345")
        body.add(b"678")
        assert (budget.n_taken, body.n_bytes) == (8, 8)
    assert budget.n_taken == 0


def test_what_is_too_much_takes_nothing_and_gives_back_what_it_had():
    budget = Budget(10)
    with held(budget) as first:
        first.add(b"1234567")
        with pytest.raises(Refusal) as refused, held(budget) as second:
            second.add(b"123")
            second.add(b"4")
        assert (refused.value.status, refused.value.headers["retry-after"]) == (503, "1")
        assert budget.n_taken == 7
    assert budget.n_taken == 0


def test_it_is_given_back_whatever_goes_wrong():
    budget = Budget(10)
    with pytest.raises(ZeroDivisionError), held(budget) as body:
        body.add(b"123")
        1 / 0  # noqa: B018
    assert budget.n_taken == 0


# -- over a socket ------------------------------------------------------------------------------------------------


def test_a_body_of_exactly_the_limit_is_read(settings, serve):
    service = serve(limited(settings, max_body_bytes=2048))
    body = b'{"symbol": "ABC", "recommendation": "HOLD"' + b" " * (2048 - 43) + b"}"
    assert len(body) == 2048
    headers = {"content-type": "application/json"}
    assert httpx.post(service.url + THESIS, content=body, headers=headers).status_code == 202
    assert httpx.post(service.url + THESIS, content=body + b" ", headers=headers).status_code == 413


def test_a_length_that_is_too_large_is_refused_before_the_body_comes(settings, serve):
    service = serve(limited(settings, max_body_bytes=2048))
    for length in (2049, 10**9, 10**17):
        with connect(service) as connection:
            connection.sendall(head(length))
            status, headers, _ = answer_on(connection)
        assert (status, headers["connection"]) == (413, "close")


def test_a_body_that_does_not_end_is_cut_off_and_not_kept(settings, serve):
    service = serve(limited(settings, body_timeout_seconds=0.2))
    with connect(service) as connection:
        connection.sendall(head(100) + b'{"symbol":')
        status, headers, content = answer_on(connection)
    assert (status, headers["connection"]) == (408, "close")
    assert b"nothing was kept" in content
    inbox = service.warehouse().inbox
    assert (inbox.n_pending(), inbox.n_quarantined()) == (0, 0)
    inbox.close()
    assert httpx.post(service.url + THESIS, json=HOLD).status_code == 202


def test_a_body_that_comes_in_time_but_in_pieces_is_read(settings, serve):
    service = serve(settings)
    body = b'{"symbol": "ABC", "recommendation": "HOLD"}'
    with connect(service) as connection:
        connection.sendall(head(len(body)))
        for number in range(len(body)):
            connection.sendall(body[number : number + 1])
        assert answer_on(connection)[0] == 202


def test_senders_that_go_away_in_the_middle_take_nothing_with_them(settings, serve):
    body = b'{"symbol": "ABC", "recommendation": "HOLD"}' + b" " * 1000
    service = serve(limited(settings, max_waiting_bytes=4 * len(body), max_body_bytes=2048))
    for _ in range(20):
        with connect(service) as connection:
            connection.sendall(head(len(body)) + body[:-1])
    # the service learns of the last ones after they have gone; a sender comes back as it is asked to
    statuses = [httpx.post(service.url + THESIS, json=HOLD).status_code for _ in range(50)]
    assert statuses[-1] == 202
    inbox = service.warehouse().inbox
    assert (inbox.n_pending(), inbox.n_quarantined()) == (1, 0)
    inbox.close()


def test_bodies_that_are_being_read_count_and_others_are_asked_to_come_back(settings, serve):
    service = serve(limited(settings, max_waiting_bytes=1024, max_body_bytes=2048))
    with connect(service) as connection:
        connection.sendall(head(1000) + b"[" + b" " * 990)
        statuses = []
        while 503 not in statuses and len(statuses) < 500:
            statuses.append(httpx.post(service.url + THESIS, json={**HOLD, "note": len(statuses)}).status_code)
        assert statuses[-1] == 503, "once the first has been seen"
    while httpx.post(service.url + THESIS, json=HOLD).status_code != 202:
        statuses.append(503)
        assert len(statuses) < 2000


@pytest.mark.parametrize(
    "media_type", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/cloudevents+json"]
)
def test_json_by_any_of_its_names_is_read(http, media_type):
    answer = http.post(
        THESIS, content=b'{"symbol": "ABC", "recommendation": "HOLD"}', headers={"content-type": media_type}
    )
    assert answer.status_code == 202


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "identity, gzip", "nonsense"])
def test_nothing_is_unpacked(http, encoding):
    headers = {"content-type": "application/json", "content-encoding": encoding}
    assert http.post(THESIS, content=b"{}", headers=headers).status_code == 415


def test_a_body_beside_parameters_must_be_json_of_its_own(service, http):
    body = b'{"recommendation": "SELL"}, "confidence": 0.9, "more": {}'
    answer = http.post(THESIS, params={"symbol": "ABC"}, content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["field"]) == (400, "body")
    inbox = service.warehouse().inbox
    assert (inbox.n_pending(), inbox.n_quarantined()) == (0, 1)
    inbox.close()
