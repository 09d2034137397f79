"""The least that does the same work: Starlette routes around the same validation and the same durable write.

The measure for the service, not a service: no keys, no limits, no counting, no headers, no answers that explain. What
the service costs beyond this is what it adds. Run it with `python -m benchmarks.service_bare --port N`, the data
directory as everywhere in AMC_LEARNING_DATA_DIR.
"""

import argparse
import contextlib
import gc
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from amc_learning.intake.envelope import Envelope, PayloadLimits, receive
from amc_learning.service.answers import JSON
from amc_learning.service.server import COLLECTOR_THRESHOLDS
from amc_learning.service.writer import Writer
from amc_learning.settings import Settings
from amc_learning.stages.received import inbox_event
from amc_learning.warehouse import Warehouse

COLLECT = {
    "thesis": "/learning/collect/thesis-decision",
    "discovery": "/learning/collect/discovery-data",
    "trade": "/learning/collect/trade-outcome",
}
PARAMETERS = "/learning/intelligence/adaptive-discovery-params"


def bare_app(settings: Settings) -> Starlette:
    warehouse = Warehouse.open(settings.data_dir, settings.features.components, inbox_url=settings.inbox_url)
    writer = Writer(warehouse.inbox, max_waiting=settings.service.max_waiting_events)
    limits = PayloadLimits(max_bytes=settings.service.max_body_bytes, max_rows=settings.collection.max_candidates)
    document = warehouse.publications.current("weights") or {}
    body, etag = orjson.dumps(document, option=orjson.OPT_SORT_KEYS), f'"{document.get("sha256")}"'

    def collecting(path: str, kind: str) -> Route:
        async def collect(request: Request) -> Response:
            understood = receive(
                (await request.body()).decode(),
                kind=kind,
                source="http",
                received_at=datetime.now(UTC),
                rules=settings.collection.time_rules,
                limits=limits,
            )
            if not isinstance(understood, Envelope):
                return Response(orjson.dumps({"success": False, "reason": understood.reason}), 422, media_type=JSON)
            receipt = await writer.keep(inbox_event(understood))
            assert receipt is not None
            return Response(orjson.dumps({"success": True, "event_id": receipt.event_id}), 202, media_type=JSON)

        return Route(path, collect, methods=["POST"])

    async def parameters(request: Request) -> Response:
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers={"etag": etag})
        return Response(body, headers={"etag": etag}, media_type=JSON)

    @contextlib.asynccontextmanager
    async def running(_: Starlette) -> AsyncIterator[None]:
        writer.start()
        gc.collect()
        gc.freeze()
        gc.set_threshold(*COLLECTOR_THRESHOLDS)
        yield
        writer.stop()

    routes = [Route(PARAMETERS, parameters), *(collecting(path, kind) for kind, path in COLLECT.items())]
    return Starlette(routes=routes, lifespan=running)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    uvicorn.run(
        bare_app(Settings()),
        port=parser.parse_args().port,
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
    )


if __name__ == "__main__":
    main()
