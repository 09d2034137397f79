"""The application: where the parts of the service meet.

Belongs here: putting parts together, starting and stopping them in order. Not here: what they do, sockets (server).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import orjson
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from amc_learning.service.answers import JSON, TITLES, Refusal
from amc_learning.service.bodies import Budget
from amc_learning.service.collector import Collector
from amc_learning.service.door import LOOPBACK, Door
from amc_learning.service.health import Health
from amc_learning.service.intelligence import Intelligence
from amc_learning.service.keys import KeyRing
from amc_learning.service.limits import RateLimiter
from amc_learning.service.older_readers import OlderReaders
from amc_learning.service.openapi import openapi_document
from amc_learning.service.probes import Gauges, Probes
from amc_learning.service.records import Recorder
from amc_learning.service.routes import Operation, operations
from amc_learning.service.shelf import Shelf
from amc_learning.service.writer import Writer
from amc_learning.settings import Settings
from amc_learning.warehouse import Warehouse
from amc_learning.warehouse.mirror import Mirror, for_readers

DEFAULT_REQUESTS_PER_SECOND = 200
"""Of one sender, where others than this machine can reach us: a trading system sends a few events a minute."""


def build_app(settings: Settings, *, host: str | None = None, clock: Callable[[], datetime] | None = None) -> Starlette:
    """The service over the data directory of these settings; started by its lifespan, stopped by it.

    Args:
        settings: everything.
        host: address that is listened on; None for that of the settings.
        clock: the time, for tests.
    """
    clock = clock or (lambda: datetime.now(UTC))
    is_loopback = (host or settings.service.host) in LOOPBACK
    warehouse, mirror = for_readers(Warehouse.open(settings.data_dir, settings.features.components, **settings.places))
    registry = CollectorRegistry()
    writer = Writer(
        warehouse.inbox,
        max_waiting=settings.service.max_waiting_events,
        max_waiting_characters=settings.service.max_waiting_bytes,
    )
    recorder = Recorder(warehouse.requests, registry, clock, timedelta(days=settings.retention.request_records_days))
    shelf = Shelf(warehouse.publications)
    shadow_shelf = Shelf(warehouse.publications.shadow)
    health = Health(warehouse, shelf, shadow_shelf, writer, clock, mirror)
    table = operations(
        Collector(settings, writer, Budget(settings.service.max_waiting_bytes), clock),
        Intelligence(shelf, shadow_shelf, warehouse.publications),
        OlderReaders(shelf),
        Probes(settings, health, recorder, registry, Gauges(registry), clock),
    )
    per_second = settings.service.requests_per_second or (None if is_loopback else DEFAULT_REQUESTS_PER_SECOND)
    door = Middleware(
        Door,
        keys=KeyRing(warehouse.data_dir),
        needs_keys=not is_loopback and not settings.service.allows_without_keys,
        limiter=RateLimiter(per_second),
        recorder=recorder,
        flow_of=_flow_of(table),
        hosts=LOOPBACK if is_loopback else None,
    )
    return Starlette(
        routes=[*(Route(one.path, one.endpoint, methods=[one.method]) for one in table), _openapi_route(table)],
        middleware=[door],
        exception_handlers={Refusal: _refused, HTTPException: _no_such_thing},
        lifespan=lambda _: _running(writer, recorder, mirror),
    )


@contextlib.asynccontextmanager
async def _running(writer: Writer, recorder: Recorder, mirror: Mirror | None) -> AsyncIterator[None]:
    """Between start and stop; what was received before the stop is committed before it."""
    if mirror is not None:
        await asyncio.to_thread(mirror.start)
    writer.start()
    stopping = asyncio.Event()
    recording = asyncio.create_task(recorder.run(stopping))
    try:
        yield
    finally:
        stopping.set()
        await recording
        await asyncio.to_thread(writer.stop)
        if mirror is not None:
            await asyncio.to_thread(mirror.stop)


def _flow_of(table: tuple[Operation, ...]) -> Callable[[str], str | None]:
    """The flow of a path, parameters included."""
    exact = {one.path: one.flow for one in table if one.flow is not None and "{" not in one.path}
    prefixes = [(one.path.partition("{")[0], one.flow) for one in table if one.flow is not None and "{" in one.path]

    def flow_of(path: str) -> str | None:
        flow = exact.get(path)
        return flow or next((found for prefix, found in prefixes if path.startswith(prefix)), None)

    return flow_of


def _openapi_route(table: tuple[Operation, ...]) -> Route:
    content = orjson.dumps(openapi_document(table))

    async def openapi(_: Request) -> Response:
        return Response(content, media_type=JSON)

    return Route("/openapi.json", openapi)


async def _refused(_: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refusal)
    return refusal.response()


async def _no_such_thing(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    details = {404: "there is nothing at this path; /openapi.json lists every path", 405: "this path has other methods"}
    status = error.status_code if error.status_code in TITLES else 404
    return Refusal(status, details.get(status, error.detail), headers=error.headers).response()
