"""Reading published parameters: ask the server, else take its last word, else the caller's defaults.

Belongs here: one read, and the last good parameters in memory and in the spool folder. Not here: what an answer must
look like (parameters), HTTP (transport), how long a caller waits (client).
"""

import asyncio
import contextlib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from amc_learning.client.circuit import CircuitBreaker
from amc_learning.client.files import write_durably
from amc_learning.client.options import Options
from amc_learning.client.parameters import (
    NotPublishedError,
    NotUnderstoodError,
    ParametersRead,
    Published,
    chosen,
    from_kept_form,
    kept_form,
    published,
)
from amc_learning.client.transport import NoReply, Reply, Transport

PATH = "/learning/intelligence/adaptive-discovery-params"

KEPT = "parameters.json"

KEPT_AGAIN_AFTER = timedelta(hours=1)
"""How much older the kept confirmation may be than the last one: not every unchanged answer is worth a write."""

CIRCUIT_OPEN = "the circuit is open: the server failed lately and is not asked"


class ParametersReader:
    """The reader of one client.

    Args:
        options: timeouts, age, clock.
        circuit: shared with sending.
        transport: to the server.
    """

    def __init__(self, options: Options, circuit: CircuitBreaker, transport: Transport) -> None:
        self._options, self._circuit, self._transport = options, circuit, transport
        self._folder: Path | None = None
        self._kept: Published | None = None
        self.last: Published | None = None

    def keep_in(self, folder: Path) -> None:
        """Keep the last good parameters in this folder, and take over those that lie there."""
        self._folder = folder
        with contextlib.suppress(OSError):
            self._kept = from_kept_form((folder / KEPT).read_bytes())
        self.last = self.last or self._kept

    async def read(self, defaults: Mapping[str, Any]) -> ParametersRead:
        """Ask the server within the timeout; one request, no second attempt."""
        if not self._circuit.begin():
            return self.fallback(defaults, CIRCUIT_OPEN)
        known = self._comparable(list(defaults))
        try:
            reply = await self._ask(known)
        except asyncio.CancelledError:
            self._circuit.abandoned()
            raise
        if isinstance(reply, Reply) and reply.status == 304 and known is not None:
            return self._confirmed(known, defaults)
        if not isinstance(reply, Reply) or reply.status != 200 or reply.body is None:
            return self._failed(defaults, reply)
        try:
            latest = published(reply.body, etag=reply.etag, confirmed_at=self._options.now())
        except NotUnderstoodError as error:
            self._circuit.failed()
            return self.fallback(defaults, str(error))
        except NotPublishedError as error:
            self._circuit.succeeded()
            return self.fallback(defaults, str(error))
        return self._confirmed(latest, defaults)

    def fallback(self, defaults: Mapping[str, Any], reason: str) -> ParametersRead:
        """The last good parameters when they are young enough and fit, else the defaults."""
        last = self.last
        if last is not None and abs((self._options.now() - last.confirmed_at).total_seconds()) <= (
            self._options.max_parameters_age_seconds
        ):
            values = chosen(last.parameters, list(defaults))
            if not isinstance(values, str):
                return ParametersRead(values, "cached", last.version, f"{reason}; the last published parameters hold")
        return ParametersRead(dict(defaults), "default", None, reason)

    def _comparable(self, names: list[str]) -> Published | None:
        """The last good parameters, when "unchanged" would be an answer."""
        last = self.last
        is_usable = last is not None and last.etag is not None and not isinstance(chosen(last.parameters, names), str)
        return last if is_usable else None

    async def _ask(self, known: Published | None) -> Reply | NoReply:
        headers = {"If-None-Match": known.etag} if known is not None and known.etag else {}
        return await self._transport.request(
            "GET", PATH, timeout_seconds=self._options.read_timeout_seconds, headers=headers
        )

    def _confirmed(self, latest: Published, defaults: Mapping[str, Any]) -> ParametersRead:
        self._circuit.succeeded()
        values = chosen(latest.parameters, list(defaults))
        if isinstance(values, str):
            return self.fallback(defaults, f"the published parameters cannot be used: {values}")
        latest = Published(latest.parameters, latest.version, latest.etag, self._options.now())
        self.last = latest
        self._keep(latest)
        return ParametersRead(values, "published", latest.version, "the server's current word")

    def _failed(self, defaults: Mapping[str, Any], reply: Reply | NoReply) -> ParametersRead:
        if isinstance(reply, NoReply):
            self._circuit.failed()
            return self.fallback(defaults, f"no answer ({reply.reason})")
        if reply.status == 429:
            self._circuit.succeeded()
        else:
            self._circuit.failed()
        return self.fallback(defaults, f"an answer that cannot be used (status {reply.status})")

    def _keep(self, latest: Published) -> None:
        kept = self._kept
        is_kept = kept is not None and (kept.parameters, kept.version) == (latest.parameters, latest.version)
        is_recent = kept is not None and latest.confirmed_at - kept.confirmed_at < KEPT_AGAIN_AFTER
        if self._folder is None or (is_kept and is_recent):
            return
        # A disk that refuses costs only what the next process would have known.
        with contextlib.suppress(OSError):
            write_durably(self._folder, [(KEPT, kept_form(latest))])
            self._kept = latest
