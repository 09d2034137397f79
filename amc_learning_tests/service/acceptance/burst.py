"""Many senders at once: events of all kinds, each sent twice at the same time, some sent again later.

What was acknowledged is remembered with its body, so that it can be looked for in the store afterwards.
"""

import http.client
import itertools
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson

from amc_learning.service import examples
from amc_learning_tests.service.running import Answer, Client

KINDS = ("discovery", "thesis", "trade", "bars")
EXAMPLES = {
    "discovery": examples.DISCOVERY,
    "thesis": examples.THESIS,
    "trade": examples.TRADE,
    "bars": examples.BARS,
}
KIND_SHARES = (0.1, 0.55, 0.25, 0.1)

SENT_AGAIN_SHARE = 0.3

LIMIT_SECONDS = 120.0
"""A burst that has not come so far after this will not."""


@dataclass(frozen=True)
class Event:
    """One event as it is sent."""

    kind: str
    event_id: str
    body: bytes


def numbered(tag: str, number: int) -> Event:
    """The event of this number: the same number gives the same event, whoever sends it."""
    random = np.random.default_rng([number, *tag.encode()])
    kind = str(random.choice(KINDS, p=KIND_SHARES))
    name = f"{tag}-{number}"
    example: dict[str, Any] = {**EXAMPLES[kind], "event_id": name}
    if kind == "discovery":
        example["candidates"] = example["candidates"] * 30
    return Event(kind, f"{kind}:{name}", orjson.dumps(example))


@dataclass
class Burst:
    """Senders in threads; they stop when told, or when the server goes away.

    Attributes:
        base_url: of the server.
        tag: first part of every identifier.
        n_clients: senders at once.
        sent_before: events of earlier bursts that are sent again among the new ones.
        goes_on: keep sending, over a new connection, when an answer does not come.
    """

    base_url: str
    tag: str
    n_clients: int = 16
    sent_before: Sequence[Event] = ()
    goes_on: bool = False
    key: str | None = None
    acknowledged: dict[tuple[str, str], bytes] = field(default_factory=dict)
    n_first: Counter[tuple[str, str]] = field(default_factory=Counter)
    n_answers: Counter[int] = field(default_factory=Counter)
    troubles: list[str] = field(default_factory=list)
    n_lost_connections: int = 0

    def __post_init__(self) -> None:
        self._turns = itertools.count()
        self._changed = threading.Condition()
        self._is_over = threading.Event()
        self._sent = list(self.sent_before)
        self._threads = [threading.Thread(target=self._send_all, args=(number,)) for number in range(self.n_clients)]

    def start(self) -> "Burst":
        """Let the senders begin."""
        for thread in self._threads:
            thread.start()
        return self

    def wait_for(self, *, n_answers: int = 0, status: int = 202, more: bool = False) -> None:
        """Wait until so many answers of this status came; with `more`, so many after now."""
        with self._changed:
            wanted = n_answers + (self.n_answers[status] if more else 0)
            has_come = self._changed.wait_for(
                lambda: self.n_answers[status] >= wanted or not self._is_sending(), LIMIT_SECONDS
            )
        assert has_come, f"{self.n_answers} answers after {LIMIT_SECONDS:.0f} s, wanted {wanted} of {status}"

    def join(self) -> None:
        """Wait for senders that end by themselves, because the server goes away."""
        for thread in self._threads:
            thread.join(LIMIT_SECONDS)
            assert not thread.is_alive(), "a sender still waits for an answer"

    def stop(self) -> None:
        """Let every sender finish its request."""
        self._is_over.set()
        self.join()

    def _is_sending(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def _send_all(self, sender: int) -> None:
        random = np.random.default_rng([sender, *self.tag.encode()])
        client = Client(self.base_url, key=self.key)
        try:
            while not self._is_over.is_set():
                event = self._next(random)
                try:
                    self._note(event, client.send(event.kind, event.body))
                except (OSError, http.client.HTTPException):
                    with self._changed:
                        self.n_lost_connections += 1
                    if not self.goes_on:
                        return
        finally:
            client.close()
            with self._changed:
                self._changed.notify_all()

    def _next(self, random: np.random.Generator) -> Event:
        with self._changed:
            if self._sent and random.random() < SENT_AGAIN_SHARE:
                return self._sent[int(random.integers(len(self._sent)))]
            # two turns in a row have the same number: two senders send the same identifier at the same time
            event = numbered(self.tag, next(self._turns) // 2)
            self._sent.append(event)
            return event

    def _note(self, event: Event, answer: Answer) -> None:
        with self._changed:
            self.n_answers[answer.status] += 1
            if answer.status == 202:
                said = answer.json()
                if (said["status"], said["event_id"]) != ("accepted", event.event_id):
                    self.troubles.append(f"{event.event_id}: {said}")
                self.acknowledged[event.kind, event.event_id] = event.body
                self.n_first[event.kind, event.event_id] += not said["duplicate"]
            elif answer.status != 503 or "retry-after" not in answer.headers:
                self.troubles.append(f"{event.event_id}: {answer}")
            self._changed.notify_all()
