"""Durable files: written beside, flushed, renamed; private folders; locks that hold across processes.

Belongs here: what any part of the warehouse needs from the file system. Not here: what the files mean.
"""

import contextlib
import fcntl
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

N_WRITERS = 8
"""Threads that write and flush files: they wait for the disk, and 8 of them wait 3 times shorter than one."""

FOLDER_MODE = 0o700
FILE_MODE = 0o600

TEMPORARY_SUFFIX = ".tmp"


def make_folder(folder: Path) -> None:
    """Create a folder and its missing parents, readable by the owner only, and make their names durable."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=FOLDER_MODE)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder, so that a rename in it survives a power failure."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_atomically(path: Path, content: bytes, *, sync_name: bool = True) -> None:
    """Make `content` the content of `path`, durably: whoever looks, and whenever the machine stops, sees old or new.

    Args:
        path: a file in an existing folder.
        content: all of it.
        sync_name: flush the folder too; False when the caller flushes it once for several files.

    Raises:
        OSError: disk full and the like; the old content is untouched and nothing is left beside it.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}{TEMPORARY_SUFFIX}")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, FILE_MODE)
        try:
            remaining = memoryview(content)
            while remaining:
                remaining = remaining[os.write(descriptor, remaining) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    if sync_name:
        sync_folder(path.parent)


def write_if_changed(path: Path, content: bytes, *, sync_name: bool = True) -> bool:
    """As `write_atomically`, but leaves a file alone that already has this content; True when it was written."""
    with contextlib.suppress(FileNotFoundError):
        if path.read_bytes() == content:
            return False
    write_atomically(path, content, sync_name=sync_name)
    return True


def locked(path: Path, *, is_shared: bool = False) -> contextlib.AbstractContextManager[None]:
    """Hold the lock file `path`, alone or with other readers, against other threads and other processes.

    Every use opens the file anew, because flock belongs to the opening: two threads exclude each other like two
    processes do. It is not reentrant. A killed holder lets go, since the kernel closes its files.

    Raises:
        OSError: the lock file cannot be opened; raised here and not where the lock is entered.
    """
    return _held(os.open(path, os.O_RDWR | os.O_CREAT, FILE_MODE), fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX)


@contextlib.contextmanager
def _held(descriptor: int, mode: int) -> Iterator[None]:
    try:
        fcntl.flock(descriptor, mode)
        yield
    finally:
        # said aloud, because a process forked meanwhile holds the same opening and would keep the lock
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


def in_threads(function: Callable[[Item], Result], items: Iterable[Item], n_threads: int) -> list[Result]:
    """Results in the order of the items; a single item, or a single thread, needs no pool.

    >>> in_threads(abs, [-2, 3], 2)
    [2, 3]
    """
    listed = list(items)
    if len(listed) < 2 or n_threads == 1:
        return [function(item) for item in listed]
    with ThreadPoolExecutor(min(n_threads, len(listed))) as pool:
        return list(pool.map(function, listed))
