"""Files that are there whole or not at all.

Belongs here: writing beside, fsync, rename. Not here: what is written (spool, parameters).
"""

import os
from collections.abc import Sequence
from pathlib import Path

UNFINISHED = ".tmp"


def write_durably(folder: Path, contents: Sequence[tuple[str, bytes]]) -> None:
    """Write files of `folder` by name; when this returns they survive a crash of the machine.

    Raises:
        OSError: the disk refuses; files named before may be there already, none is there in part.
    """
    for name, content in contents:
        beside = folder / f"{name}{UNFINISHED}"
        try:
            _write(beside, content)
            beside.replace(folder / name)
        except OSError:
            beside.unlink(missing_ok=True)
            raise
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _write(path: Path, content: bytes) -> None:
    # Events tell positions and prices: they are for their owner only.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
