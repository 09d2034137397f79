"""One daemon of Dagster per data directory: two would take the same runs from the queue and tick the same schedules.

Belongs here: the lock. Not here: starting a daemon (serve, fan_out). A daemon of another machine is not seen here; what
it says of itself in Dagster's storage is.
"""

import fcntl
import os
import time
from pathlib import Path

from amc_learning.settings import Settings

LOCK_NAME = ".daemon.lock"
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
