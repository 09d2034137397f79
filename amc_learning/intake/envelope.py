"""The door: a payload becomes an event with an identity, a time and a knowledge day, or goes to quarantine.

Belongs here: what is decided once, on receipt. Not here: what the event says about candidates or trades (discovery.py),
or where it is kept (warehouse). The clock is an argument; nothing is raised for bad data.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from amc_learning.contracts.knowledge_days import FIRST_KNOWLEDGE_DAY, knowledge_day
from amc_learning.intake.bars_shape import understands_bars
from amc_learning.intake.discovery_shape import MAX_ROWS, find_rows, layers, understands_discovery
from amc_learning.intake.instants import TimeRules, end_of_day, read_instant
from amc_learning.intake.nesting import find_all, shared_layers
from amc_learning.intake.payload import MAX_DEPTH, MAX_PAYLOAD_BYTES, Trouble, Unparsable, parse_payload
from amc_learning.intake.text import as_text, canonical_json, storable
from amc_learning.intake.thesis_shape import EXTRA_TIME_FIELDS, THESIS_NAMES, understands_thesis
from amc_learning.intake.trade_shape import TRADE_NAMES, time_fields, understands_trade

__all__ = ["Envelope", "PayloadLimits", "Quarantined", "TimeRules", "event_id_for", "receive"]

DISCOVERY, THESIS, TRADE, BARS = "discovery", "thesis", "trade", "bars"

TIME_FIELDS = (
    "occurred_at", "timestamp", "decided_at", "generated_at", "created_at", "scan_time", "run_at", "time", "ts", "date",
)  # fmt: skip
"""Fields that say when, in order of preference; the first that can be read counts."""

WHOLE = "payload"
"""Stands for the field when no single one is to blame."""

TOO_EARLY = f"lies before {FIRST_KNOWLEDGE_DAY}, the first day of the warehouse"

ID_FIELDS = ("event_id", "job_id", "idempotency_key")

_PLAIN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+@\-]{0,99}")
_KIND = re.compile(r"[a-z][a-z_]{0,31}")

_Fields = Mapping[str, object]

_UNDERSTANDS = {
    DISCOVERY: understands_discovery,
    THESIS: understands_thesis,
    TRADE: understands_trade,
    BARS: understands_bars,
}
_NESTING = {THESIS: THESIS_NAMES, TRADE: TRADE_NAMES}


@dataclass(frozen=True)
class PayloadLimits:
    """How large and how deep a payload may be, and how many rows of a list are read; more are kept, and warned of."""

    max_bytes: int = MAX_PAYLOAD_BYTES
    max_depth: int = MAX_DEPTH
    max_rows: int = MAX_ROWS


@dataclass(frozen=True)
class Envelope:
    """An accepted event: the columns of the raw event tables, its kind, and what is worth telling the sender.

    `body_sha256` is of the canonical payload: the same JSON with other blanks or another key order is the same body.
    """

    kind: str
    known_on: date
    event_id: str
    received_at: datetime
    occurred_at: datetime
    occurred_at_source: str
    source: str
    payload: str
    body_sha256: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Quarantined:
    """An event kept but not accepted: what is wrong, in which field, and the text as received.

    `quarantine_id` is the same for the same text and kind. Bytes a store might refuse are written out in `text`.
    `trouble` says that it is no event at all: no JSON, too large, too deep, or no object or list; None where it is JSON
    of an event that is not understood.
    """

    quarantine_id: str
    kind: str
    received_at: datetime
    source: str
    field: str
    reason: str
    text: str
    trouble: Trouble | Literal["wrong_type"] | None = None


@dataclass(frozen=True)
class _Refused:
    field: str
    reason: str
    trouble: Trouble | Literal["wrong_type"] | None = None


def receive(
    text: str,
    *,
    kind: str,
    source: str,
    received_at: datetime,
    rules: TimeRules | None = None,
    limits: PayloadLimits | None = None,
    sender_key: str | None = None,
) -> Envelope | Quarantined:
    """Accept a payload as an event, or say why it is kept apart.

    Args:
        text: the payload as received; stored verbatim.
        kind: discovery, thesis, trade, ...; part of the event id, so that two kinds may share a sender's key.
        source: where it came from, for people: file and line, or http.
        received_at: the moment of receipt, with a time zone.
        rules: how timestamps are read, and how far ahead of `received_at` one may lie.
        limits: largest and deepest payload.
        sender_key: the sender's idempotency key, when it came beside the payload; wins over keys inside.

    Returns:
        An `Envelope` whose event id is the sender's key (hashed when it is long or holds unsafe characters), else the
        hash of the canonical payload: two payloads that differ in blanks or key order only are one event.
        `occurred_at_source` is payload, or receipt when no time was sent or none could be read.
        Otherwise `Quarantined`: not JSON, too large, too deep, neither object nor list, not understood as this kind,
        or a time before the first knowledge day or ahead of receipt by more than `rules.max_clock_skew`.

    Raises:
        ValueError: `kind` is no plain word, or `received_at` has no time zone; mistakes of the caller, not the sender.
    """
    if not _KIND.fullmatch(kind):
        raise ValueError(f"kind {kind!r} is not a plain lower-case word")
    if received_at.tzinfo is None:
        raise ValueError("received_at has no time zone")
    rules, limits = rules or TimeRules(), limits or PayloadLimits()
    accepted = _accept(
        text, kind=kind, source=source, received_at=received_at, rules=rules, limits=limits, sender_key=sender_key
    )
    if isinstance(accepted, Envelope):
        return accepted
    kept = storable(text)
    fingerprint = hashlib.sha256(f"{kind}\n{kept}".encode()).hexdigest()
    return Quarantined(
        quarantine_id=fingerprint[:16],
        kind=kind,
        received_at=received_at,
        source=storable(source),
        field=accepted.field,
        reason=accepted.reason,
        text=kept,
        trouble=accepted.trouble,
    )


def _accept(
    text: str,
    *,
    kind: str,
    source: str,
    received_at: datetime,
    rules: TimeRules,
    limits: PayloadLimits,
    sender_key: str | None,
) -> Envelope | _Refused:
    parsed = parse_payload(text, max_bytes=limits.max_bytes, max_depth=limits.max_depth)
    if isinstance(parsed, Unparsable):
        return _Refused(WHOLE, parsed.reason, parsed.trouble)
    if not isinstance(parsed.value, dict | list):
        return _Refused(WHOLE, f"an object or a list is needed, not {as_text(parsed.value)}", "wrong_type")
    misunderstood = _UNDERSTANDS[kind](parsed.value) if kind in _UNDERSTANDS else None
    if misunderstood is not None:
        return _Refused(WHOLE, misunderstood)
    warnings: list[str] = []
    if parsed.n_not_finite:
        warnings.append(f"{parsed.n_not_finite} values are NaN or infinite and count as missing")
    if kind == DISCOVERY:
        warnings += _rows_not_read(parsed.value, limits.max_rows)
    heads = _heads(kind, parsed.value)
    when = _occurred_at(kind, parsed.value, heads, _Clock(received_at, rules), warnings)
    if isinstance(when, _Refused):
        return when
    occurred_at, occurred_at_source = when
    body = canonical_json(parsed.value)
    return Envelope(
        kind=kind,
        known_on=knowledge_day(occurred_at, market_timezone=rules.market_timezone),
        event_id=_event_id(kind, sender_key, heads, body),
        received_at=received_at,
        occurred_at=occurred_at,
        occurred_at_source=occurred_at_source,
        source=storable(source),
        payload=text,
        body_sha256=hashlib.sha256(body.encode()).hexdigest(),
        warnings=tuple(warnings),
    )


def _rows_not_read(payload: object, max_rows: int) -> list[str]:
    shape = find_rows(payload)
    return [
        f"{rows.path or 'the list'} holds {len(rows.items):,} rows, of which {max_rows:,} are read"
        for rows in (shape.selected, shape.controls)
        if len(rows.items) > max_rows
    ]


def _heads(kind: str, payload: object) -> list[_Fields]:
    """The objects that speak of the whole payload, from the outside in."""
    if kind in _NESTING:
        return shared_layers(payload, _NESTING[kind])
    return layers(payload) if isinstance(payload, dict) else []


def _rows(kind: str, payload: object) -> list[list[_Fields]]:
    """The objects that speak of each of several rows in a payload, from the outside in."""
    found = find_all(payload, _NESTING[kind]) if kind in _NESTING else []
    return [[fields for _, fields in reversed(row.own)] for row in found]


def _occurred_at(
    kind: str, payload: object, heads: Sequence[_Fields], clock: "_Clock", warnings: list[str]
) -> tuple[datetime, str] | _Refused:
    """When it happened and who says so; a time that cannot be true is refused, one that cannot be read is not used.

    Where only the rows of a payload have times the latest counts: before it the whole was not known. Bars say of
    themselves which sessions they are of, and become known when they come.
    """
    if kind == BARS:
        return clock.received_at, "receipt"
    when = clock.first_time(heads, _time_fields(kind, heads), warnings)
    if when is None:
        each = [clock.first_time(row, _time_fields(kind, row), warnings) for row in _rows(kind, payload)]
        refused = next((time for time in each if isinstance(time, _Refused)), None)
        when = refused or max((time for time in each if isinstance(time, datetime)), default=None)
    if isinstance(when, _Refused):
        return when
    if when is not None:
        return when, "payload"
    if _is_too_early(clock.received_at, clock.rules):
        received = f"the time of receipt {clock.received_at}"
        return _Refused(WHOLE, f"no usable timestamp was sent, and {received} {TOO_EARLY}")
    warnings.append("no usable timestamp was sent: the time of receipt counts")
    return clock.received_at, "receipt"


def _time_fields(kind: str, speakers: Sequence[_Fields]) -> tuple[str, ...]:
    if kind == THESIS:
        return (*TIME_FIELDS, *EXTRA_TIME_FIELDS)
    return time_fields(speakers, TIME_FIELDS) if kind == TRADE else TIME_FIELDS


@dataclass(frozen=True)
class _Clock:
    """What a time is held against: the moment of receipt, and the rules."""

    received_at: datetime
    rules: TimeRules

    def first_time(
        self, speakers: Sequence[_Fields], names: Sequence[str], warnings: list[str]
    ) -> datetime | _Refused | None:
        """The first of these times that can be read; null when there is none."""
        for name, sent in ((name, fields.get(name)) for fields in speakers for name in names):
            if sent is None or sent == "":
                continue
            instant = read_instant(sent, rules=self.rules)
            if instant is None:
                warnings.append(f"{name} {as_text(sent)} is no time that can be read; ISO 8601 or an epoch is")
                continue
            if not isinstance(instant, datetime):
                warnings.append(f"{name} {as_text(sent)} is a date without a time: read as the end of that day")
                instant = end_of_day(instant, rules=self.rules, not_after=self.received_at)
            return self._believed(name, sent, instant)
        return None

    def _believed(self, name: str, sent: object, instant: datetime) -> datetime | _Refused:
        if _is_too_early(instant, self.rules):
            return _Refused(name, f"{name} {as_text(sent)} {TOO_EARLY}")
        if instant - self.received_at > self.rules.max_clock_skew:
            ahead = (instant - self.received_at).total_seconds() / 3600
            allowed = self.rules.max_clock_skew.total_seconds() / 3600
            reason = f"{name} {as_text(sent)} lies {ahead:,.1f} h after its receipt; at most {allowed:g} h are allowed"
            return _Refused(name, reason)
        return instant


def _is_too_early(instant: datetime, rules: TimeRules) -> bool:
    # The market's clock cannot show the first hours of the year 1, so what is far off is told by its UTC date.
    return (
        instant.date() < FIRST_KNOWLEDGE_DAY - timedelta(days=7)
        or knowledge_day(instant, market_timezone=rules.market_timezone) < FIRST_KNOWLEDGE_DAY
    )


def event_id_for(kind: str, key: str | int) -> str:
    """The event id of an event that its sender keyed so: `kind:` and the key when it is plain, else its hash.

    >>> event_id_for("trade", "tr-1"), event_id_for("trade", "a b")
    ('trade:tr-1', 'trade:key-c8687a08aa5d6ed2044328fa6a697ab8')
    """
    plain = str(key).strip()
    return f"{kind}:{plain if _PLAIN_ID.fullmatch(plain) else _digest('key', plain)}"


def _event_id(kind: str, sender_key: str | None, heads: Sequence[_Fields], body: str) -> str:
    """By the first key there is, beside the payload or inside; else by a hash of the canonical payload."""
    for key in (sender_key, *(head.get(name) for head in heads for name in ID_FIELDS)):
        if not isinstance(key, bool) and isinstance(key, str | int) and str(key).strip():
            return event_id_for(kind, key)
    return f"{kind}:{_digest('body', body)}"


def _digest(what: str, text: str) -> str:
    return f"{what}-{hashlib.sha256(text.encode('utf-8', 'backslashreplace')).hexdigest()[:32]}"
