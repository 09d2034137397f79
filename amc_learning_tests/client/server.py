"""A learning system on loopback that keeps what it is sent, and everything that can go wrong instead of it.

Real sockets and threads. Nothing in it waits for a clock: what hangs, hangs until the test ends.
"""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WEIGHTS = {
    "volume_momentum_weight": 0.30,
    "squeeze_weight": 0.25,
    "catalyst_weight": 0.20,
    "sentiment_weight": 0.10,
    "options_weight": 0.08,
    "technical_weight": 0.07,
}

LEARNED = WEIGHTS | {"volume_momentum_weight": 0.25, "technical_weight": 0.12}

VERSION = "2014-12-12.ab12cd34"


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    key: str | None
    authorization: str | None
    if_none_match: str | None
    body: bytes

    @property
    def payload(self):
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    status: int = 202
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Hang:
    """Accepts the request and never answers."""


@dataclass(frozen=True)
class Drip:
    """The status line and headers, or only the body, a byte every `seconds`."""

    of_headers: bool
    seconds: float = 0.2


@dataclass(frozen=True)
class Raw:
    """These bytes, whatever they are, then the end of the connection."""

    content: bytes


Answer = Reply | Hang | Drip | Raw


def as_json(document, status=200, **headers):
    return Reply(status, json.dumps(document).encode(), {"Content-Type": "application/json", **headers})


def accepted(*, duplicate=False, status="accepted"):
    document = {"success": True, "status": status, "event_id": "e", "duplicate": duplicate, "warnings": []}
    return as_json(document, 202)


def parameters(weights=LEARNED, *, version=VERSION, etag='"v1"', **more):
    data = {"optimized_parameters": weights, "confidence": 0.6, "expected_improvement": 0.01}
    document = {"success": True, "data": data, "parameters_version": version, "status": "active", **more}
    return as_json(document, 200, ETag=etag)


def problem(status, **headers):
    return Reply(status, b'{"title": "no"}', {"Content-Type": "application/problem+json", **headers})


def learning_system(server, seen):
    """What the real one does with a key it has seen."""
    if seen.method == "GET":
        return parameters()
    bodies = {}
    for one in server.seen[:-1]:
        bodies.setdefault(one.key, one.body)
    if seen.key in bodies:
        return accepted(duplicate=True) if bodies[seen.key] == seen.body else problem(409)
    return accepted()


class LearningServer:
    """Answers with `answer(server, seen)`; `seen` has every request in order, `stored` each key once."""

    def __init__(self, answer: Callable[["LearningServer", Seen], Answer] = learning_system) -> None:
        self.answer = answer
        self.seen: list[Seen] = []
        self.changed = threading.Condition()
        self.ended = threading.Event()
        self._http = _Server(("127.0.0.1", 0), _Handler)
        self._http.learning = self
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._http.server_port}"

    @property
    def posts(self):
        return [one for one in list(self.seen) if one.method == "POST"]

    @property
    def stored(self):
        return {one.key: one.body for one in self.posts}

    def saw(self, n: int, seconds: float = 20.0) -> bool:
        """Whether the n-th request came within a generous time."""
        with self.changed:
            return self.changed.wait_for(lambda: len(self.seen) >= n, seconds)

    def close(self):
        self.ended.set()
        self._http.shutdown()
        self._http.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    learning: LearningServer

    def handle_error(self, request, client_address):
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        self._take()

    def do_POST(self):
        self._take()

    def _take(self):
        learning, heads = self.server.learning, self.headers
        body = self.rfile.read(int(heads.get("Content-Length", 0)))
        if learning.ended.is_set():  # a connection kept alive outlives the listening socket
            self.close_connection = True
            return
        seen = Seen(
            self.command, self.path, heads.get("Idempotency-Key"), heads.get("Authorization"),
            heads.get("If-None-Match"), body,
        )  # fmt: skip
        with learning.changed:
            learning.seen.append(seen)
            answer = learning.answer(learning, seen)
            learning.changed.notify_all()
        with suppress(OSError):
            self._give(answer, learning.ended)

    def _give(self, answer, ended):
        self.close_connection = not isinstance(answer, Reply)
        if isinstance(answer, Hang):
            ended.wait()
        elif isinstance(answer, Drip):
            self._drip(answer, ended)
        elif isinstance(answer, Raw):
            self.connection.sendall(answer.content)
        else:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if answer.status != 304:
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

    def _drip(self, answer, ended):
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
        if not answer.of_headers:
            self.connection.sendall(head)
        for byte in (head if answer.of_headers else b"") + b" " * 1000:
            self.connection.sendall(bytes([byte]))
            if ended.wait(answer.seconds):
                return


@contextmanager
def serving(answer=learning_system) -> Iterator[LearningServer]:
    server = LearningServer(answer)
    try:
        yield server
    finally:
        server.close()


def nobody() -> str:
    """An address at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self, at=1000.0):
        self.at = at

    def __call__(self):
        return self.at

    def advance(self, seconds):
        self.at += seconds
