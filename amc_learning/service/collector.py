"""Events in: a body becomes an event that is durable before the answer, or a problem that names the field.

Belongs here: the passage from a request to the writer, and the answer. Not here: understanding (intake), durability
(writer, warehouse), who may send (door).
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl

import orjson
from starlette.requests import Request
from starlette.responses import Response

from amc_learning.intake.envelope import Envelope, PayloadLimits, Quarantined, receive
from amc_learning.intake.payload import Unparsable, parse_payload
from amc_learning.intake.text import storable
from amc_learning.service.answers import Refusal, as_json
from amc_learning.service.bodies import Budget, held, read_body
from amc_learning.service.scope import ended_as, sender_of
from amc_learning.service.writer import Writer
from amc_learning.settings import Settings
from amc_learning.stages.received import inbox_event, quarantine_item
from amc_learning.warehouse.events import Receipt

SOURCE = "http"
"""Where events say they came from; the name of the sender's key follows, where there is one."""

MOST_PARAMETERS = 100
LONGEST_KEY = 200

WRAPPER = "payload"
"""Name under which a body lies when query parameters came with it; every kind of event is found inside it."""

STATUS_OF_TROUBLE = {"not_json": 400, "too_large": 413, "too_deep": 422, "wrong_type": 422}

Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Collector:
    """Takes events of every kind."""

    settings: Settings
    writer: Writer
    budget: Budget
    clock: Callable[[], datetime]

    def endpoint(self, kind: str) -> Endpoint:
        """The endpoint for one kind of event."""
        limits = PayloadLimits(
            max_bytes=self.settings.service.max_body_bytes, max_rows=self.settings.collection.max_candidates
        )
        rules = self.settings.collection.time_rules

        async def collect(request: Request) -> Response:
            sender_key, sender = _sender_key(request), sender_of(request.scope)
            with held(self.budget) as body:
                content = await read_body(request, body, self.settings.service)
                received_at = self.clock()
                understood = receive(
                    _text(content, request.scope["query_string"].decode("latin-1")),
                    kind=kind,
                    source=SOURCE if sender is None else f"{SOURCE} {sender}",
                    received_at=received_at,
                    rules=rules,
                    limits=limits,
                    sender_key=sender_key,
                )
                if isinstance(understood, Quarantined):
                    return await self._kept_apart(request, understood)
                receipt = await self.writer.keep(inbox_event(understood))
            assert receipt is not None
            return _answer(request, understood, receipt)

        return collect

    async def _kept_apart(self, request: Request, refused: Quarantined) -> Response:
        """What is no event is refused, what is not understood is taken; both are kept in quarantine."""
        item = quarantine_item(refused)
        await self.writer.keep(item)
        if refused.trouble is not None:
            raise Refusal(
                STATUS_OF_TROUBLE[refused.trouble],
                f"{refused.reason}; kept in quarantine, not as an event",
                field="body",
                facts={"quarantine_id": item.id},
            )
        ended_as(request.scope, "quarantined")
        answer = {
            "success": True,
            "status": "quarantined",
            "event_id": None,
            "quarantine_id": item.id,
            "duplicate": False,
            "field": refused.field,
            "reason": refused.reason,
            "warnings": [],
        }
        return as_json(answer, 202)


def _answer(request: Request, event: Envelope, receipt: Receipt) -> Response:
    if receipt.is_conflict:
        ended_as(request.scope, "conflict")
        raise Refusal(
            409,
            f"the identifier {receipt.event_id} came before with another body, which stays; this one is kept in "
            "quarantine: send it under an identifier of its own if it is a different event",
            field="Idempotency-Key or event_id",
            facts={"event_id": receipt.event_id, "quarantine_id": receipt.quarantine_id},
        )
    ended_as(request.scope, "duplicate" if receipt.is_duplicate else "accepted")
    answer = {
        "success": True,
        "status": "accepted",
        "event_id": receipt.event_id,
        "duplicate": receipt.is_duplicate,
        "warnings": event.warnings,
    }
    return as_json(answer, 202)


def _sender_key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is not None and len(key) > LONGEST_KEY:
        raise Refusal(
            422, f"an Idempotency-Key has at most {LONGEST_KEY} characters; nothing was kept", field="Idempotency-Key"
        )
    return key


def _text(content: bytes, query: str) -> str:
    """The payload: the body as it came, with query parameters around it where older senders use them.

    >>> _text(b'{"confidence": 0.7}', "symbol=ABC")
    '{"symbol":"ABC","payload":{"confidence": 0.7}}'
    >>> _text(b"", "symbol=ABC&exit_price=8.1")
    '{"symbol":"ABC","exit_price":"8.1"}'
    """
    # as files are read: what is no UTF-8 is written out, and is no JSON then
    body = storable(content.decode("utf-8-sig", "backslashreplace"))
    fields = _fields(query)
    if not fields:
        if not body.strip():
            raise Refusal(422, "the request has no body and no parameters; send the event as JSON", field="body")
        return body
    written = orjson.dumps(fields).decode()
    if not body.strip():
        return written
    if isinstance(parse_payload(body), Unparsable):
        # beside each other they are no JSON, and nothing of either is lost; inside, a body could close the object
        return f"{written}\n{body}"
    return f'{written[:-1]},"{WRAPPER}":{body}}}'


def _fields(query: str) -> dict[str, str]:
    if not query:
        return {}
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MOST_PARAMETERS, errors="backslashreplace")
    except ValueError as error:
        raise Refusal(422, f"more than {MOST_PARAMETERS} query parameters; nothing was kept", field="query") from error
    return {storable(name): storable(value) for name, value in pairs}
