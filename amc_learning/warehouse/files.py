"""Durable files: written beside, flushed, renamed; private folders; locks that hold across processes.

Belongs here: what any part of the warehouse needs from the file system. Not here: what the files mean.
"""

import contextlib
import ctypes
import fcntl
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

N_WRITERS = 8
"""Threads that write and flush files: they wait for the disk, and 8 of them wait 3 times shorter than one."""

MANY_FILES = 32
"""Fewer are flushed one by one: to flush the whole file system may wait for what other programs wrote to it."""

FOLDER_MODE = 0o700
FILE_MODE = 0o600

TEMPORARY_SUFFIX = ".tmp"

_UNFINISHED = re.compile(rf"\..+\.\d+-\d+{re.escape(TEMPORARY_SUFFIX)}")
"""Names that `beside` gives."""


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


def write_atomically(path: Path, content: bytes) -> None:
    """Make `content` the content of `path`, durably: whoever looks, and whenever the machine stops, sees old or new.

    Args:
        path: a file in an existing folder.
        content: all of it.

    Raises:
        OSError: disk full and the like; the old content is untouched and nothing is left beside it.
    """
    unfinished = beside(path)
    try:
        _write(unfinished, content, is_flushed=True)
        unfinished.replace(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_all_atomically(folder: Path, contents: Mapping[Path, bytes]) -> None:
    """As `write_atomically` for many files below one folder: each is old or new, and all are durable afterwards.

    Where there are many, the file system is flushed as a whole, once before they get their names and once after: to
    flush each file and its folder takes three times the processor time, all of it in the kernel.

    Args:
        folder: an existing one; the folders of the files exist too.
        contents: of each path.

    Raises:
        OSError: as `write_atomically`; some may have their new content.
    """
    flush = filesystem_flush() if len(contents) >= MANY_FILES else None
    if flush is None:
        in_threads(lambda path: write_atomically(path, contents[path]), contents, N_WRITERS)
        return
    unfinished = {path: beside(path) for path in contents}
    # opened before anything is written: it tells of errors that came after
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for path, content in contents.items():
            _write(unfinished[path], content, is_flushed=False)
        flush(descriptor)
        for path in contents:
            unfinished[path].replace(path)
        flush(descriptor)
    except OSError:
        for path in unfinished.values():
            path.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


def beside(path: Path) -> Path:
    """Where this thread writes a file that is then renamed to `path`; a crash in between leaves it there."""
    return path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}{TEMPORARY_SUFFIX}")


def is_unfinished(name: str) -> bool:
    """Whether `beside` gives such a name: the file was never put in its place.

    >>> is_unfinished(".weights.json.4711-140548780256128.tmp"), is_unfinished("notes.tmp")
    (True, False)
    """
    return _UNFINISHED.fullmatch(name) is not None


def _write(path: Path, content: bytes, *, is_flushed: bool) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, FILE_MODE)
    try:
        remaining = memoryview(content)
        while remaining:
            remaining = remaining[os.write(descriptor, remaining) :]
        if is_flushed:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


@cache
def filesystem_flush() -> Callable[[int], None] | None:
    """Flush the file system of an open file, as syncfs(2) does; None where that is missing or tells of no errors."""
    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None or not is_telling_of_errors(os.uname().release):
        return None

    def flush(descriptor: int) -> None:
        if syncfs(descriptor):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    return flush


def is_telling_of_errors(release: str) -> bool:
    """Whether syncfs of this kernel tells when something could not be written, as Linux does since 5.8.

    >>> is_telling_of_errors("5.4.0-150-generic"), is_telling_of_errors("5.10.0-32-amd64")
    (False, True)
    """
    return tuple(int(number) for number in re.findall(r"\d+", release)[:2]) >= (5, 8)


def write_if_changed(path: Path, content: bytes) -> bool:
    """As `write_atomically`, but leaves a file alone that already has this content; True when it was written."""
    if has_content(path, content):
        return False
    write_atomically(path, content)
    return True


def has_content(path: Path, content: bytes) -> bool:
    """Whether a file is there and holds exactly this."""
    with contextlib.suppress(FileNotFoundError):
        return path.read_bytes() == content
    return False


def locked(path: Path, *, is_shared: bool = False) -> contextlib.AbstractContextManager[None]:
    """Hold the lock file `path`, alone or with other readers, against other threads and other processes.

    Every use opens the file anew, because flock belongs to the opening: two threads exclude each other like two
    processes do. It is not reentrant. A killed holder lets go, since the kernel closes its files.

    Raises:
        OSError: the lock file cannot be opened; raised here and not where the lock is entered.
    """
    return _held(os.open(path, os.O_RDWR | os.O_CREAT, FILE_MODE), fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX)


def tried(path: Path) -> contextlib.AbstractContextManager[bool]:
    """Hold the lock file `path` alone, as `locked` does, but only if nobody holds it now; whether it is held.

    Raises:
        OSError: as `locked`.
    """
    return _tried(os.open(path, os.O_RDWR | os.O_CREAT, FILE_MODE))


@contextlib.contextmanager
def _held(descriptor: int, mode: int) -> Iterator[None]:
    try:
        fcntl.flock(descriptor, mode)
        yield
    finally:
        _let_go(descriptor)


@contextlib.contextmanager
def _tried(descriptor: int) -> Iterator[bool]:
    try:
        yield _is_free(descriptor)
    finally:
        _let_go(descriptor)


def _is_free(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _let_go(descriptor: int) -> None:
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
