"""The socket: uvicorn with the application, limits a server needs, and a clean stop.

Belongs here: how the application is served. Not here: the application. One process, because one connection writes the
inbox; more than one machine's worth of events is a matter of the inbox's URL and several services behind a proxy.
"""

import contextlib
import gc
import logging
import signal
import sys
from collections.abc import Callable
from typing import Any

import uvicorn

from amc_learning.logs import configure_logging
from amc_learning.service.app import build_app
from amc_learning.service.door import LOOPBACK
from amc_learning.service.errors import ServiceError
from amc_learning.service.keys import KeyRing
from amc_learning.service.protocol import impatient_protocol
from amc_learning.settings import Settings
from amc_learning.warehouse import Warehouse

MOST_CONNECTIONS = 2_000
"""Beyond it a connection is answered by 503: memory stays bounded whoever connects."""

KEEP_ALIVE_SECONDS = 30
STOP_SECONDS = 15
"""Requests under way may end; those that still wait then are cut off, and their senders send again."""


COLLECTOR_THRESHOLDS = (100_000, 50, 50)
"""Of the garbage collector: a request makes hundreds of objects and no cycles, and a full collection every few hundred
requests is what senders at the 99th percentile would wait for."""


SWITCH_SECONDS = 0.0005
"""How long a thread of Python may keep another waiting: the writing thread gives up its turn at every call of the
database, and at Python's default of 5 ms a commit of a few calls waits longer for its turns than for the disk."""


def check_address(settings: Settings, host: str) -> None:
    """Refuse an address that others can reach while nobody needs a key.

    Raises:
        ServiceError: with the two ways out.
    """
    keys = KeyRing(settings.data_dir.expanduser().resolve()).all()
    if host not in LOOPBACK and not keys and not settings.service.allows_without_keys:
        raise ServiceError(
            f"{host} can be reached from other machines and there is no API key: make one with amc-learning keys "
            "create NAME, or set service.allows_without_keys when a proxy in front checks who comes in"
        )


def check_inbox(settings: Settings) -> None:
    """Open the inbox once, where an error can still be told in its own words.

    Raises:
        WarehouseError: with its remedy.
    """
    warehouse = Warehouse.open(settings.data_dir, settings.features.components, **settings.places)
    warehouse.inbox.last_sequence()
    warehouse.inbox.close()


def serve(settings: Settings, *, host: str, port: int, on_start: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        settings: everything.
        host, port: where to listen; port 0 takes a free one.
        on_start: told the address once the service answers.

    Raises:
        ServiceError: the address is not allowed, or taken.
        WarehouseError: the inbox cannot be opened.
    """
    check_address(settings, host)
    check_inbox(settings)
    config = uvicorn.Config(
        build_app(settings, host=host),
        host=host,
        port=port,
        loop="uvloop",
        http=impatient_protocol(settings.service.header_timeout_seconds),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=True,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    configure_logging(settings.logs)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    server = _Server(config, on_start)
    for number in (signal.SIGINT, signal.SIGTERM):
        # uvicorn stops in order and then raises the signal again, which would make a clean stop look like a crash
        signal.signal(number, lambda *_: None)
    with contextlib.suppress(SystemExit):  # uvicorn's way to say that it could not start, by a code that is ours
        server.run()
    if not server.started:
        raise ServiceError(f"the service did not start on {host}:{port}: the log above says why; is the port taken?")


class _Server(uvicorn.Server):
    """Uvicorn that tells when it answers."""

    def __init__(self, config: uvicorn.Config, on_start: Callable[[str], None]) -> None:
        super().__init__(config)
        self._on_start = on_start

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        if self.started:
            gc.collect()
            gc.freeze()
            gc.set_threshold(*COLLECTOR_THRESHOLDS)
            sys.setswitchinterval(SWITCH_SECONDS)
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            self._on_start(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")
