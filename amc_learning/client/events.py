"""What a trading system hands over, as the event that is sent: path, idempotency key and body.

Belongs here: which fields are added, and where the key comes from. Not here: JSON of strange objects (plain), sending.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

from amc_learning.client.plain import json_bytes, plain

DISCOVERY, THESIS, TRADE = "discovery-data", "thesis-decision", "trade-outcome"
KINDS = (DISCOVERY, THESIS, TRADE)

TIME_FIELDS = (
    "occurred_at", "timestamp", "decided_at", "generated_at", "created_at", "scan_time", "run_at", "time", "ts", "date",
    "updated_at", "analyzed_at", "analysis_timestamp",
)  # fmt: skip
"""Fields by which the server knows when something happened; one of them, and no timestamp is added."""

FILL_FIELDS = ("executed_at", "filled_at")
EXIT_FIELDS = ("exit_timestamp", "exited_at", "closed_at", "exit_time", "exit_date")
ENTRY_FIELDS = ("entry_timestamp", "entered_at", "opened_at", "entry_time", "entry_date")

VERSION_FIELDS = ("parameters_version", "params_version", "weights_version")

WRAPPERS = {
    DISCOVERY: ("data", "result", "discovery", "discovery_data", "payload", "meta"),
    THESIS: ("thesis", "decision", "thesis_data", "data", "result", "payload", "recommendation"),
    TRADE: ("change_data", "trade", "outcome", "trade_outcome", "data", "result", "payload"),
}
"""Objects inside the payload that speak for the whole of it. A thesis may hold a discovery, which does not."""

OVERHEAD_BYTES = 512
"""What an event takes beside its body, in memory and on disk."""

MAX_KEY_CHARACTERS = 100


class UnusableError(Exception):
    """The payload cannot be an event; the message says why without quoting it."""


@dataclass(frozen=True)
class Event:
    """One message, fixed at the time of the call.

    kind: the last part of the path it is sent to.
    key: the idempotency key, the same on every attempt.
    body: JSON.
    """

    kind: str
    key: str
    body: bytes

    @property
    def n_bytes(self) -> int:
        """What it takes of the bound on bytes."""
        return len(self.body) + OVERHEAD_BYTES


def discovery_event(result: object, *, now: datetime, max_bytes: int, parameters_version: str | None) -> Event:
    """The result of a discovery run; `job_id` names it when it has no id of its own.

    Raises:
        UnusableError, TooLargeError.
    """
    body = plain(result, max_characters=max_bytes)
    if isinstance(body, list):
        return _event(DISCOVERY, body, (), max_bytes)
    if not isinstance(body, dict):
        raise UnusableError("a discovery result is an object or a list")
    speakers = _speakers(DISCOVERY, body)
    _stamp(body, speakers, TIME_FIELDS, now)
    if parameters_version is not None and not _knows(speakers, VERSION_FIELDS):
        body["parameters_version"] = parameters_version
    return _event(DISCOVERY, body, ("event_id", "idempotency_key", "job_id"), max_bytes)


def thesis_event(symbol: object, thesis: object, *, now: datetime, max_bytes: int) -> Event:
    """A thesis in the envelope `{symbol, thesis}`.

    Raises:
        TooLargeError.
    """
    body = plain({"symbol": symbol, "thesis": thesis}, max_characters=max_bytes)
    _stamp(body, _speakers(THESIS, body), TIME_FIELDS, now)
    return _event(THESIS, body, ("event_id", "idempotency_key"), max_bytes)


def trade_event(symbol: object, change_type: object, change_data: object, *, now: datetime, max_bytes: int) -> Event:
    """A change of a position in the envelope `{symbol, change_type, timestamp, change_data}`.

    A time of fill or exit in `change_data` says when it happened, and the time of entry when the position was opened.

    Raises:
        TooLargeError.
    """
    body = plain({"symbol": symbol, "change_type": change_type, "change_data": change_data}, max_characters=max_bytes)
    is_open = str(body["change_type"]).strip().upper() == "OPEN"
    known = (*TIME_FIELDS, *FILL_FIELDS, *(ENTRY_FIELDS if is_open else EXIT_FIELDS))
    _stamp(body, _speakers(TRADE, body), known, now)
    return _event(TRADE, body, ("event_id", "idempotency_key"), max_bytes)


def _speakers(kind: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    """The payload and the objects that speak for it, two levels down: `{thesis: {data: {...}}}` is seen."""
    names = WRAPPERS[kind]
    first = [body[name] for name in names if isinstance(body.get(name), dict)]
    second = [inner[name] for inner in first for name in names if isinstance(inner.get(name), dict)]
    return [body, *first, *second]


def _knows(speakers: list[dict[str, Any]], names: tuple[str, ...]) -> bool:
    return any(speaker.get(name) not in (None, "") for speaker in speakers for name in names)


def _stamp(body: dict[str, Any], speakers: list[dict[str, Any]], names: tuple[str, ...], now: datetime) -> None:
    if not _knows(speakers, names):
        body["timestamp"] = now.isoformat()


def _event(kind: str, body: Any, key_fields: tuple[str, ...], max_bytes: int) -> Event:
    encoded = json_bytes(body)
    if len(encoded) > max_bytes:
        raise UnusableError(f"{len(encoded):,} bytes, at most {max_bytes:,} are sent")
    speakers = _speakers(kind, body) if isinstance(body, dict) else []
    sent = (speaker.get(name) for speaker in speakers for name in key_fields)
    return Event(kind, next((key for key in map(_key, sent) if key), None) or str(uuid4()), encoded)


def _key(sent: object) -> str | None:
    """A header may hold it: short visible ASCII as it is, anything else by its hash."""
    if isinstance(sent, bool) or not isinstance(sent, str | int):
        return None
    key = str(sent).strip()
    is_plain = len(key) <= MAX_KEY_CHARACTERS and all("!" <= character <= "~" for character in key)
    return key if is_plain else str(uuid5(NAMESPACE_URL, key.encode("utf-8", "replace").decode()))
