"""What became of alerts: which channel took the last one, which run failures were told, what waits for another attempt.

Belongs here: one small file, `alerts.json` in the data directory, and the words for its state. Not here: sending
(automation), what is worth an alert (the sensors). A file that is damaged is begun anew: it decides nothing but whether
an alert is repeated.
"""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from amc_learning.warehouse.files import locked, make_folder, write_atomically

RECORD_NAME = "alerts.json"
LOCK_NAME = ".alerts.lock"


@dataclass(frozen=True)
class ChannelState:
    """How one channel did: the last time it took an alert, the last time it did not, and why."""

    delivered_at: str | None = None
    failed_at: str | None = None
    trouble: str | None = None
    n_failed: int = 0
    """Attempts that failed since the last one that did not."""

    @property
    def is_failing(self) -> bool:
        """Whether the last attempt failed."""
        return self.n_failed > 0


@dataclass(frozen=True)
class ToldFailure:
    """A kind of run failure people know of, and how often it came again since."""

    told_at: str
    n_repeats: int = 0


@dataclass(frozen=True)
class AlertRecord:
    """Everything remembered about alerts."""

    channels: Mapping[str, ChannelState] = field(default_factory=dict)
    told_failures: Mapping[str, ToldFailure] = field(default_factory=dict)
    untold: tuple[Mapping[str, Any], ...] = ()
    """Alerts about failed runs that some channel did not take, as plain values."""

    def with_attempt(self, channel: str, trouble: str | None, now: datetime) -> "AlertRecord":
        """The record after an attempt to deliver.

        >>> moment = datetime.fromisoformat("2026-11-27T06:00:00Z")
        >>> AlertRecord().with_attempt("webhook", "it answered 503", moment).channels["webhook"].n_failed
        1
        """
        at, before = now.isoformat(timespec="seconds"), self.channels.get(channel, ChannelState())
        after = (
            ChannelState(delivered_at=at)
            if trouble is None
            else replace(before, failed_at=at, trouble=trouble, n_failed=before.n_failed + 1)
        )
        return replace(self, channels={**self.channels, channel: after})

    def with_attempts(self, troubles: Mapping[str, str | None], now: datetime) -> "AlertRecord":
        """The record after an attempt over several channels."""
        record = self
        for channel, trouble in troubles.items():
            record = record.with_attempt(channel, trouble, now)
        return record


def read_record(data_dir: Path) -> AlertRecord:
    """What is remembered; nothing where there is no record, or none that can be read."""
    try:
        kept = orjson.loads((data_dir.expanduser() / RECORD_NAME).read_bytes())
        return AlertRecord(
            {name: ChannelState(**state) for name, state in kept["channels"].items()},
            {key: ToldFailure(**told) for key, told in kept["told_failures"].items()},
            tuple(kept["untold"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return AlertRecord()


def change_record(data_dir: Path, change: Callable[[AlertRecord], AlertRecord]) -> None:
    """Change the record, one process at a time; a disk that refuses loses the change and stops nothing."""
    data_dir = data_dir.expanduser()
    with contextlib.suppress(OSError):
        make_folder(data_dir)
        with locked(data_dir / LOCK_NAME):
            record = change(read_record(data_dir))
            write_atomically(data_dir / RECORD_NAME, orjson.dumps(asdict(record), option=orjson.OPT_INDENT_2))


def failing_channels(data_dir: Path) -> list[str]:
    """One sentence per channel that did not take the last alert."""
    return [
        f"{channel}: the last alert was not taken on {state.failed_at}: {state.trouble}"
        for channel, state in sorted(read_record(data_dir).channels.items())
        if state.is_failing
    ]
