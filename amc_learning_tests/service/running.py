"""`amc-learning serve` as a process of its own: started, asked, stopped or killed like the installed command."""

import http.client
import json
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from amc_learning.service.routes import EVENTS
from amc_learning_tests.acceptance.loop import child_environment

COMMAND = "from amc_learning.cli import main; main()"
"""What the installed `amc-learning` runs."""

LIMIT_SECONDS = 60.0
"""A server that has not started, answered or ended after this hangs."""

LISTENING = "listening on "

PATHS = {event.kind: event.path for event in EVENTS}
"""Where events of a kind are sent."""

WEIGHTS_PATH = "/learning/intelligence/adaptive-discovery-params"


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        """The body."""
        return json.loads(self.content)


class Client:
    """One connection to a server, kept open; used by one thread."""

    def __init__(self, base_url: str, *, timeout_seconds: float = LIMIT_SECONDS, key: str | None = None) -> None:
        parts = urlsplit(base_url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout_seconds)
        self._headers = {} if key is None else {"Authorization": f"Bearer {key}"}

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request; raises OSError or http.client.HTTPException when no answer comes."""
        try:
            self._connection.request(method, path, body, {**self._headers, **(headers or {})})
            response = self._connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            raise
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, content)

    def get(self, path: str) -> Answer:
        """Read."""
        return self.ask("GET", path)

    def send(self, kind: str, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
        """Send an event of a kind."""
        return self.ask("POST", PATHS[kind], body, {"Content-Type": "application/json", **(headers or {})})

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


@dataclass(frozen=True)
class Running:
    """A server process: where it answers and what it works on."""

    base_url: str
    data_dir: Path
    process: subprocess.Popen[str]
    errors: IO[str]
    clients: list[Client]

    @property
    def pid(self) -> int:
        """Of the process."""
        return self.process.pid

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, for raw sockets."""
        parts = urlsplit(self.base_url)
        assert parts.hostname is not None
        assert parts.port is not None
        return parts.hostname, parts.port

    def client(self, **options: Any) -> Client:
        """A connection of its own; closed with the server at the latest."""
        self.clients.append(Client(self.base_url, **options))
        return self.clients[-1]

    def get(self, path: str) -> Answer:
        """Read once, over a connection of its own."""
        client = self.client()
        try:
            return client.get(path)
        finally:
            client.close()

    def send(self, kind: str, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
        """Send one event, over a connection of its own."""
        client = self.client()
        try:
            return client.send(kind, body, headers)
        finally:
            client.close()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Ask the process to end, or end it; its exit code, negative when a signal ended it."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(LIMIT_SECONDS)

    def kill(self) -> int:
        """End the process as a crash would."""
        return self.stop(signal.SIGKILL)

    def resident_bytes(self) -> int:
        """Memory of the process that is in use now."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024

    def log(self) -> str:
        """What it wrote to stderr so far."""
        self.errors.seek(0)
        return self.errors.read()


@contextmanager
def running(data_dir: Path, settings: Mapping[str, str] | None = None, *, program: str = COMMAND) -> Iterator[Running]:
    """A server over a data directory; whatever became of it, no process is left behind.

    Args:
        data_dir: where everything lies.
        settings: environment variables without their prefix, `SERVICE__MAX_WAITING_EVENTS` for example.
        program: Python to run in place of the command, for servers that are wrong on purpose.
    """
    environment = child_environment(data_dir, {f"AMC_LEARNING_{name}": one for name, one in (settings or {}).items()})
    clients: list[Client] = []
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            [sys.executable, "-c", program, "serve", "--port", "0"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        assert process.stdout is not None
        try:
            readable, _, _ = select.select([process.stdout], [], [], LIMIT_SECONDS)
            line = process.stdout.readline() if readable else ""
            errors.seek(0)
            assert line.startswith(LISTENING), f"the server did not start: {line}{errors.read()[-2000:]}"
            yield Running(line.removeprefix(LISTENING).split()[0], data_dir, process, errors, clients)
        finally:
            for client in clients:
                client.close()
            if process.poll() is None:
                process.kill()
            process.wait()
            process.stdout.close()
