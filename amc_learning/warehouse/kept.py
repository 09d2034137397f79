"""Results kept for the next process, which makes them again whenever they are missing or damaged.

Belongs here: files named by their content in a folder that may be removed at any time. Not here: what is worth keeping,
and all that it was made from, which its name has to say (market_calendar, stages.reviews).
"""

import contextlib
import hashlib
import io
from pathlib import Path

import polars as pl

from amc_learning.warehouse.files import make_folder, write_atomically


def kept(folder: Path, name: str) -> pl.DataFrame | None:
    """What was kept under this name; None where nothing was, or it is damaged."""
    # the file's name ends with the hash of its content: parquet is read with flipped bits too
    for path in folder.glob(f"{name}-*.parquet"):
        with contextlib.suppress(OSError):
            content = path.read_bytes()
            if path.stem == f"{name}-{hashlib.sha256(content).hexdigest()}":
                return pl.read_parquet(io.BytesIO(content))
    return None


def keep(folder: Path, name: str, frame: pl.DataFrame, *, instead_of: str | None = None) -> None:
    """Keep a frame under a name without wildcards; where nothing can be written nothing is kept.

    Args:
        folder: made where it is missing.
        name: says all that the frame was made from.
        frame: of any columns.
        instead_of: beginning of the names that nobody will ask for again; their files go.
    """
    with io.BytesIO() as buffer:
        frame.write_parquet(buffer)
        content = buffer.getvalue()
    path = folder / f"{name}-{hashlib.sha256(content).hexdigest()}.parquet"
    with contextlib.suppress(OSError):
        make_folder(folder)
        write_atomically(path, content)
        for other in folder.glob(f"{instead_of}*.parquet") if instead_of else ():
            if other != path:
                other.unlink(missing_ok=True)
