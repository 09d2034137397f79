"""Every option of the client, checked once.

Belongs here: defaults with their reasons, and what cannot be meant. Not here: what is done with them.
"""

import random
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit


def utc_now() -> datetime:
    """The time of day that events are stamped with."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Options:
    """What a client was made with.

    Raises:
        ValueError: an address, key or number that cannot be meant.
    """

    base_url: str
    api_key: str | None = field(repr=False)
    spool_dir: Path | None
    max_queue_events: int = 10_000
    max_queue_bytes: int = 32 * 1024 * 1024
    max_event_bytes: int = 5 * 1024 * 1024
    max_spool_bytes: int = 64 * 1024 * 1024
    request_timeout_seconds: float = 5.0
    read_timeout_seconds: float = 2.0
    max_parameters_age_seconds: float = 7 * 86_400.0
    max_failures: int = 3
    open_seconds: float = 300.0
    exit_flush_seconds: float = 2.0
    ssl_context: ssl.SSLContext | None = field(default=None, repr=False)
    monotonic: Callable[[], float] = field(default=time.monotonic, repr=False)
    now: Callable[[], datetime] = field(default=utc_now, repr=False)
    jitter: Callable[[], float] = field(default=random.random, repr=False)

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        address = urlsplit(self.base_url)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise ValueError("base_url must look like http://127.0.0.1:8000 or https://host/path")
        if address.username or address.query or address.fragment:
            raise ValueError("base_url must hold no credentials, query or fragment; a key goes into api_key")
        key = self.api_key or ""
        if any(not "!" <= character <= "~" for character in key):
            raise ValueError("api_key must be visible ASCII without blanks; it is empty, cut or has a line break in it")
        for option in fields(self):
            value = getattr(self, option.name)
            if option.name.startswith(("max_", "request_", "read_", "open_")) and not 0 < value < float("inf"):
                raise ValueError(f"{option.name} must be a positive number, got {value!r}")
        if not 0 <= self.exit_flush_seconds < float("inf"):
            raise ValueError(f"exit_flush_seconds must be 0 or more, got {self.exit_flush_seconds!r}")
