"""One daemon of Dagster per data directory: two would take the same runs from the queue and tick the same schedules.

Belongs here: the lock, and in its file which daemon was the last. Not here: starting one (serve, fan_out). A daemon of
another machine is not seen here; what it says of itself in Dagster's storage is.
"""

import fcntl
import os
import time
from pathlib import Path

from amc_learning.settings import Settings

LOCK_NAME = ".daemon.lock"
LONGEST_NAME = 100
POLL_SECONDS = 0.1
PATIENCE_SECONDS = 5.0
"""A daemon whose command was killed ends a moment after it."""


def taken(settings: Settings) -> int | None:
    """The lock as an open descriptor; None where a daemon is at work here.

    Whoever starts a daemon hands the descriptor on to it (`pass_fds`): the lock belongs to the opening, and so ends
    with the last process that holds it, however that ends.
    """
    path: Path = settings.data_dir.expanduser() / "dagster" / LOCK_NAME
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(descriptor)
                return None
            time.sleep(POLL_SECONDS)
        else:
            return descriptor


def last_daemon(lock: int) -> str:
    """How the last daemon that was started with this lock calls itself in Dagster's storage; empty when none did."""
    return os.pread(lock, LONGEST_NAME, 0).decode()


def remember_daemon(lock: int, name: str) -> None:
    """Keep what a daemon calls itself: whoever has the lock after it knows that it is gone."""
    os.ftruncate(lock, 0)
    os.pwrite(lock, name.encode(), 0)
