"""The server as it is started: a clean stop, limits of its own, and addresses that need a key."""

import http.client
import re
import select
import signal
import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest

from amc_learning.service.errors import ServiceError
from amc_learning.service.keys import KeyRing
from amc_learning.service.server import check_address
from amc_learning.settings import Settings
from amc_learning_tests.service.running import LIMIT_SECONDS, running

NOW = datetime(2024, 3, 4, 15, 0, tzinfo=UTC)
THESIS = b'{"symbol": "ABC", "recommendation": "HOLD", "confidence": 0.5}'
IMPATIENT = {"SERVICE__HEADER_TIMEOUT_SECONDS": "1"}
ANYWHERE = "0.0.0.0"


def is_closed_by_the_server(connection):
    """Whether the other side has nothing more to say; waits for it."""
    connection.settimeout(LIMIT_SECONDS)
    try:
        return connection.recv(1000) == b""
    except ConnectionResetError:
        return True


def status_line(connection):
    """Of the next answer, which is read to its end."""
    connection.settimeout(LIMIT_SECONDS)
    response = http.client.HTTPResponse(connection)
    response.begin()
    response.read()
    response.close()
    return f"{response.status} {response.reason}"


def stays_open(connection, seconds):
    readable, _, _ = select.select([connection], [], [], seconds)
    return not readable


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_is_clean_and_what_was_received_before_it_is_there_after_it(tmp_path, how):
    with running(tmp_path / "data") as service:
        said = service.send("thesis", THESIS).json()
        assert service.stop(how) == 0
        assert "Traceback" not in service.log()
    with running(tmp_path / "data") as service:
        assert service.send("thesis", THESIS).json() == {**said, "duplicate": True}
        assert service.get("/learning/health/data-flow").json()["thesis_data_flow"]["collections_today"] == 1


def test_it_says_neither_what_software_it_is_nor_who_asked(tmp_path):
    with running(tmp_path / "data") as service:
        answer = service.get("/healthz")
        assert "server" not in answer.headers
        assert "date" in answer.headers
        service.get("/learning/collect/thesis-decision?symbol=SECRET")
        assert "SECRET" not in service.log()


def test_who_does_not_say_what_it_wants_is_closed_and_others_are_served(tmp_path):
    with running(tmp_path / "data", IMPATIENT) as service:
        silent, half, slow = (socket.create_connection(service.address) for _ in range(3))
        with silent, half, slow:
            half.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Half: ")
            for letter in b"GET /he":
                slow.sendall(bytes([letter]))
            assert service.get("/healthz").status == 200
            assert [is_closed_by_the_server(one) for one in (silent, half, slow)] == [True] * 3
        assert service.get("/healthz").status == 200


def test_a_second_request_may_not_be_left_half_either(tmp_path):
    with running(tmp_path / "data", IMPATIENT) as service, socket.create_connection(service.address) as connection:
        request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
        connection.sendall(request)
        assert status_line(connection) == "200 OK"
        assert stays_open(connection, 1.5), "between two requests a connection may rest"
        connection.sendall(request[:20])
        assert is_closed_by_the_server(connection)


def test_a_body_has_its_own_time_and_is_not_cut_off_by_that_of_the_headers(tmp_path):
    with running(tmp_path / "data", IMPATIENT) as service, socket.create_connection(service.address) as connection:
        lines = ["POST /learning/collect/thesis-decision HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
        connection.sendall("\r\n".join([*lines, f"Content-Length: {len(THESIS)}", "", ""]).encode() + THESIS[:10])
        assert stays_open(connection, 1.5)
        connection.sendall(THESIS[10:])
        assert status_line(connection) == "202 Accepted"


@pytest.mark.parametrize(
    "request_", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\nHost localhost\r\n\r\n"]
)
def test_what_is_no_http_is_refused_and_the_connection_ends(tmp_path_factory, request_):
    with running(tmp_path_factory.mktemp("served") / "data") as service:
        with socket.create_connection(service.address) as connection:
            connection.sendall(request_)
            assert status_line(connection) == "400 Bad Request"
            assert is_closed_by_the_server(connection)
        assert service.get("/healthz").status == 200


def test_it_listens_on_loopback_unless_told_otherwise(tmp_path):
    assert Settings(data_dir=tmp_path).service.host == "127.0.0.1"
    with running(tmp_path / "data") as service:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", service.base_url)


def test_everything_it_writes_is_private_to_its_owner(tmp_path):
    with running(tmp_path / "data") as service:
        service.send("thesis", THESIS)
        modes = {
            (path.is_dir(), path.stat().st_mode & 0o077)
            for path in (tmp_path / "data", *(tmp_path / "data").rglob("*"))
        }
    assert modes == {(True, 0), (False, 0)}


# -- addresses ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_loopback_needs_no_key(settings, host):
    check_address(settings, host)


@pytest.mark.parametrize("host", [ANYWHERE, "::", "192.0.2.1", "learning.example", "", "127.0.0.1.evil.example"])
def test_any_other_address_needs_a_key_or_an_order(settings, host):
    with pytest.raises(ServiceError, match=r"keys create NAME, or set service\.allows_without_keys"):
        check_address(settings, host)
    ordered = settings.service.model_copy(update={"allows_without_keys": True})
    check_address(settings.model_copy(update={"service": ordered}), host)
    KeyRing(settings.data_dir).create("first", ["read"], now=NOW)
    check_address(settings, host)


def test_keys_are_looked_for_where_the_data_directory_really_is(tmp_path, monkeypatch, clean_environment):
    monkeypatch.setenv("HOME", str(tmp_path))
    KeyRing(tmp_path / "data").create("first", ["read"], now=NOW)
    check_address(Settings(data_dir=Path("~/data")), ANYWHERE)
