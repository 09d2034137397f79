"""Connections that say nothing, or too much: closed in time, and nobody else notices."""

import resource
import selectors
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic

import pytest

from amc_learning_tests.service.acceptance.burst import numbered
from amc_learning_tests.service.running import PATHS, WEIGHTS_PATH, Running, running

MEGABYTE = 1024 * 1024
HEADER_SECONDS, BODY_SECONDS = 1.0, 1.0
SETTINGS = {
    "SERVICE__HEADER_TIMEOUT_SECONDS": str(HEADER_SECONDS),
    "SERVICE__BODY_TIMEOUT_SECONDS": str(BODY_SECONDS),
}

SLACK_SECONDS = 10.0
"""A promise about seconds, held against a machine that may be busy."""

HALF_A_HEADER = b"POST /learning/collect/thesis-decision HTTP/1.1\r\nHost: localhost\r\nX-Slow: "


@contextmanager
def half_open(service: Running, n_connections: int) -> Iterator[list[socket.socket]]:
    """Connections that have sent half a header."""
    with ExitStack() as stack:
        sockets = []
        for _ in range(n_connections):
            one = stack.enter_context(socket.create_connection(service.address, SLACK_SECONDS))
            one.sendall(HALF_A_HEADER)
            sockets.append(one)
        yield sockets


def seconds_until_closed(sockets: Sequence[socket.socket]) -> float:
    """How long the server keeps the last of these connections."""
    started = monotonic()
    with selectors.DefaultSelector() as selector:
        for one in sockets:
            selector.register(one, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(SLACK_SECONDS)
            assert ready, f"{len(selector.get_map())} connections are still open after {SLACK_SECONDS} s more"
            for key, _ in ready:
                selector.unregister(key.fileobj)
                assert _is_closed(key.fileobj), "the server answered half a header"
    return monotonic() - started


def _is_closed(one: socket.socket) -> bool:
    try:
        return one.recv(1) == b""
    except ConnectionResetError:
        return True


def request_head(*headers: str) -> bytes:
    lines = [f"POST {PATHS['thesis']} HTTP/1.1", "Host: localhost", "Content-Type: application/json", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def whole_answer(one: socket.socket) -> bytes:
    """Everything until the server closes the connection."""
    answer = b""
    try:
        while received := one.recv(65536):
            answer += received
    except ConnectionResetError:
        pass  # closed with what we sent still unread
    return answer


@pytest.fixture
def service(tmp_path):
    with running(tmp_path / "data", SETTINGS) as service:
        yield service


def test_half_headers_are_given_up_in_time_and_readers_do_not_notice(service):
    with half_open(service, 300) as sockets:
        assert service.get(WEIGHTS_PATH).status == 200
        event = numbered("meanwhile", 1)
        assert service.send(event.kind, event.body).status == 202
        assert seconds_until_closed(sockets) < HEADER_SECONDS + SLACK_SECONDS
    assert service.get(WEIGHTS_PATH).status == 200


def test_a_byte_now_and_then_does_not_buy_a_header_more_time(service):
    started = monotonic()
    with half_open(service, 1) as [one]:
        one.settimeout(HEADER_SECONDS / 10)
        while monotonic() - started < HEADER_SECONDS + SLACK_SECONDS:
            try:
                one.sendall(b"x")
                assert one.recv(1) == b""
                break
            except TimeoutError:
                continue
            except (BrokenPipeError, ConnectionResetError):
                break
        else:
            raise AssertionError("the connection is still open")
    assert monotonic() - started >= HEADER_SECONDS / 2


def test_a_slow_body_is_answered_408_and_its_connection_closed(service):
    with socket.create_connection(service.address, BODY_SECONDS + SLACK_SECONDS) as one:
        one.sendall(request_head("Content-Length: 100") + b'{"symbol":')
        assert whole_answer(one).startswith(b"HTTP/1.1 408 ")
    assert service.get(WEIGHTS_PATH).status == 200


def test_a_declared_gigabyte_is_refused_before_any_of_it_is_sent(service):
    before = service.resident_bytes()
    for length in (1024 * MEGABYTE, 10**30):
        with socket.create_connection(service.address, SLACK_SECONDS) as one:
            one.sendall(request_head(f"Content-Length: {length}"))
            answer = whole_answer(one)
        # beyond 64 bits it is no length at all for the parser of requests
        assert answer.startswith(b"HTTP/1.1 413 " if length < 2**64 else b"HTTP/1.1 400 "), answer
    assert service.resident_bytes() - before < 8 * MEGABYTE
    assert service.get("/healthz").status == 200


def test_an_endless_body_without_a_length_is_refused_once_it_is_too_large(tmp_path):
    most_bytes = MEGABYTE
    chunk = b"10000\r\n" + b"[" * 65536 + b"\r\n"
    with running(tmp_path / "data", {"SERVICE__MAX_BODY_BYTES": str(most_bytes)}) as service:
        before = service.resident_bytes()
        n_sent = 0
        with socket.create_connection(service.address, SLACK_SECONDS) as one:
            one.sendall(request_head("Transfer-Encoding: chunked"))
            try:
                while n_sent < 256 * MEGABYTE:
                    one.sendall(chunk)
                    n_sent += len(chunk)
            except (BrokenPipeError, ConnectionResetError):
                pass
            answer = whole_answer(one)
        # the kernel's buffers of both ends take some megabytes that the service never sees
        assert n_sent < most_bytes + 32 * MEGABYTE
        assert answer.startswith(b"HTTP/1.1 413 ") or not answer, "the connection was reset before the answer was read"
        assert service.resident_bytes() - before < 16 * MEGABYTE
        with socket.create_connection(service.address, SLACK_SECONDS) as one:
            one.sendall(request_head(f"Content-Length: {most_bytes + 1}"))
            assert whole_answer(one).startswith(b"HTTP/1.1 413 ")


def test_connections_up_to_the_limit_of_the_process_do_not_end_the_taking_of_events(service):
    """Each connection takes a descriptor, and so does the lock under which an event is committed."""
    client = service.client()
    first, *others = [numbered("crowded", number) for number in range(30)]
    assert client.send(first.kind, first.body).status == 202
    n_open = len(list(Path(f"/proc/{service.pid}/fd").iterdir()))
    _, hard = resource.prlimit(service.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(service.pid, resource.RLIMIT_NOFILE, (n_open + 20, hard))
    with half_open(service, 60) as sockets:
        while_crowded = client.send(others[0].kind, others[0].body)
        seconds_until_closed(sockets)
    assert while_crowded.status in {202, 503}
    for event in others:
        assert client.send(event.kind, event.body).status == 202, service.log()[-1500:]
    assert client.get("/readyz").status == 200
