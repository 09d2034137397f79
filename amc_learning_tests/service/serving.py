"""The application behind a real socket in a thread of this process: real HTTP, and the parts within reach of a test."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import uvicorn

from amc_learning.service.app import build_app
from amc_learning.settings import Settings
from amc_learning.warehouse import Warehouse

LONGEST_SECONDS = 20


@dataclass(frozen=True)
class Served:
    """A running server: where it answers, and the data directory it works on."""

    url: str
    settings: Settings

    def warehouse(self) -> Warehouse:
        """The same data directory, opened once more, as the night or a person would."""
        return Warehouse.open(
            self.settings.data_dir, self.settings.features.components, inbox_url=self.settings.inbox_url
        )


@contextmanager
def served(
    settings: Settings, *, host: str | None = None, clock: Callable[[], datetime] | None = None
) -> Iterator[Served]:
    """Serve on a free port of loopback until the end of the block; `host` is only what the application is told."""
    has_started = threading.Event()

    class Server(uvicorn.Server):
        async def startup(self, sockets=None):
            await super().startup(sockets)
            has_started.set()

    app = build_app(settings, host=host, clock=clock)
    server = Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, access_log=False, ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert has_started.wait(LONGEST_SECONDS), "the server did not start"
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Served(f"http://127.0.0.1:{port}", settings)
    finally:
        server.should_exit = True
        thread.join(LONGEST_SECONDS)
        assert not thread.is_alive(), "the server did not stop"
