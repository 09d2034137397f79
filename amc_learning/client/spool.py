"""Events that wait on disk: one file each, in the order of their numbers, in a folder that one process holds.

Belongs here: files, their bound, damage, the lock. Not here: when one is written or sent (delivery).
"""

import contextlib
import hashlib
import json
import os
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from amc_learning.client.events import KINDS, Event
from amc_learning.client.files import UNFINISHED, write_durably

EVENT, DAMAGED = ".event", ".damaged"

FORMAT = 1

BLOCK_BYTES = 4096
"""Disks give space in blocks; counting them also bounds the number of files."""


class SpoolUnavailableError(Exception):
    """The folder cannot be used; the message says why."""


class DamagedError(Exception):
    """A file does not hold what was written to it."""


@dataclass(frozen=True)
class _Entry:
    path: Path
    n_bytes: int


class Spool:
    """The events of a folder. Not thread-safe: everything happens in the client's background thread.

    Args:
        folder: made when it is missing, readable by its owner only.
        max_bytes: of all files together, damaged ones included, each counted in whole blocks.

    Raises:
        SpoolUnavailableError: another process holds the folder, or the disk refuses.
    """

    def __init__(self, folder: Path, *, max_bytes: int) -> None:
        self.folder = folder
        self._max_bytes = max_bytes
        self._lock = _locked(folder)
        try:
            self._entries, self._n_bytes, self._next_number = _found(folder)
        except OSError as error:
            self.release()
            raise SpoolUnavailableError(f"{folder} cannot be read ({type(error).__name__})") from error
        self._head: Event | None = None
        self.n_set_aside = 0
        self.n_lost = 0

    def __len__(self) -> int:
        """Events that wait."""
        return len(self._entries)

    def fitting(self, events: Sequence[Event]) -> list[Event]:
        """As many of the first events as there is room for."""
        fitting, n_bytes = [], self._n_bytes
        for event in events:
            n_bytes += _on_disk(event.n_bytes)
            if n_bytes > self._max_bytes:
                break
            fitting.append(event)
        return fitting

    def append(self, events: Sequence[Event]) -> None:
        """Write events that fit; when this returns they survive a crash.

        Raises:
            OSError: the disk refuses; then none of them counts as written.
        """
        numbers = range(self._next_number, self._next_number + len(events))
        names = [f"{number:012d}{EVENT}" for number in numbers]
        try:
            write_durably(self.folder, [(name, _file_of(event)) for name, event in zip(names, events, strict=True)])
        except OSError:
            for name in names:
                with contextlib.suppress(OSError):
                    (self.folder / name).unlink(missing_ok=True)
            raise
        self._next_number += len(events)
        entries = [_Entry(self.folder / name, _on_disk(e.n_bytes)) for name, e in zip(names, events, strict=True)]
        self._entries.extend(entries)
        self._n_bytes += sum(entry.n_bytes for entry in entries)

    def head(self) -> Event | None:
        """The event that waits longest. Damaged files before it are set aside, vanished ones forgotten."""
        while self._head is None and self._entries:
            path = self._entries[0].path
            try:
                self._head = _event_of(path.read_bytes())
            except DamagedError:
                self._set_aside()
            except OSError:
                self.n_lost += 1
                self._n_bytes -= self._entries.popleft().n_bytes
        return self._head

    def remove_head(self) -> None:
        """The head was delivered or refused. Should its file come back after a crash, its key tells the server."""
        entry = self._entries.popleft()
        self._head, self._n_bytes = None, self._n_bytes - entry.n_bytes
        with contextlib.suppress(OSError):
            entry.path.unlink(missing_ok=True)

    def postpone_head(self) -> None:
        """Let the others go first."""
        self._entries.rotate(-1)
        self._head = None

    def release(self) -> None:
        """Let another process have the folder; once more changes nothing."""
        lock, self._lock = self._lock, -1
        if lock >= 0:
            os.close(lock)

    def _set_aside(self) -> None:
        # Its bytes stay counted: the folder as a whole keeps its bound until somebody looks.
        path = self._entries.popleft().path
        self.n_set_aside += 1
        self.n_lost += 1
        with contextlib.suppress(OSError):
            path.replace(path.with_suffix(DAMAGED))


def _locked(folder: Path) -> int:
    try:
        import fcntl  # noqa: PLC0415 - only where there is one; elsewhere the client works without a spool
    except ImportError as error:
        raise SpoolUnavailableError("this platform has no file locks of the kind a spool needs") from error
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SpoolUnavailableError(f"{folder} cannot be used ({type(error).__name__})") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise SpoolUnavailableError(f"another client holds {folder}; give each process a folder of its own") from error
    return lock


def _found(folder: Path) -> tuple[deque[_Entry], int, int]:
    """Events of earlier processes, bytes of all files, and the next number."""
    for unfinished in folder.glob(f"*{EVENT}{UNFINISHED}"):
        unfinished.unlink(missing_ok=True)
    sizes = {path: _on_disk(path.stat().st_size) for path in folder.iterdir() if path.suffix in (EVENT, DAMAGED)}
    numbers = [int(path.stem) for path in sizes if path.stem.isascii() and path.stem.isdigit()]
    waiting = sorted(path for path in sizes if path.suffix == EVENT)
    return deque(_Entry(path, sizes[path]) for path in waiting), sum(sizes.values()), max(numbers, default=0) + 1


def _on_disk(n_bytes: int) -> int:
    return -(-n_bytes // BLOCK_BYTES) * BLOCK_BYTES


def _digest(kind: str, key: str, body: bytes) -> str:
    return hashlib.sha256(b"\n".join((kind.encode(), key.encode(), body))).hexdigest()


def _file_of(event: Event) -> bytes:
    """One line of JSON about the event, then its body as it is sent."""
    digest = _digest(event.kind, event.key, event.body)
    head = {"format": FORMAT, "kind": event.kind, "key": event.key, "sha256": digest}
    return json.dumps(head).encode() + b"\n" + event.body


def _event_of(content: bytes) -> Event:
    head, _, body = content.partition(b"\n")
    try:
        about = json.loads(head)
        kind, key = str(about["kind"]), str(about["key"])
        is_whole = about["format"] == FORMAT and about["sha256"] == _digest(kind, key, body) and kind in KINDS
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DamagedError("no header") from error
    if not is_whole:
        raise DamagedError("the content does not match its header")
    return Event(kind, key, body)
