"""The machine under the data directory: space, permissions, clock, versions.

Belongs here: looks at the operating system and at what is installed. Not here: what lies in the tables (doctor).
"""

import ctypes
import os
import shutil
import sqlite3
import stat
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.metadata import requires, version
from pathlib import Path

from packaging.requirements import Requirement

from amc_learning.contracts.events import EVENT_TABLES
from amc_learning.settings import Settings
from amc_learning.stages.bars import KIND as BARS
from amc_learning.stages.doctor_findings import Finding
from amc_learning.warehouse import Warehouse
from amc_learning.warehouse.files import FOLDER_MODE

LEAST_FREE_BYTES = 2 * 2**30
"""A night writes a few megabytes; below this a backfill may not fit."""

LEAST_FREE_INODES = 20_000
"""A partition is a file: a backfill of seven years over all tables writes more than this."""

WAL_RESET_FIX = (3, 51, 3)
"""SQLite before this version can corrupt a database that several connections write; the inbox writes with one."""

MOST_SKEW = timedelta(minutes=2)
"""Clocks that differ by less agree."""

SHOWN = ("dagster", "polars", "duckdb", "pydantic", "sqlalchemy")

STA_UNSYNC = 0x40
"""Bit of the kernel's clock state: no time service has set it."""


def versions(_: Warehouse, __: Settings) -> Finding:
    """Installed packages against the versions this release was declared for."""
    required = (Requirement(text) for text in requires("amc-learning") or ())
    wrong = [
        f"{one.name} {version(one.name)} where {one.specifier} is needed"
        for one in required
        if one.marker is None and not one.specifier.contains(version(one.name), prereleases=True)
    ]
    named = ", ".join(f"{name} {version(name)}" for name in SHOWN)
    return Finding(
        "versions", not wrong, "; ".join(wrong) or f"Python {sys.version.split()[0]}, {named}",
        "pip install --editable . --constraint constraints.txt", sys.prefix,
    )  # fmt: skip


def sqlite(_: Warehouse, settings: Settings) -> Finding:
    """Which database holds the inbox, and whether its known hazard is met."""
    if settings.inbox_url:
        return Finding("inbox server", is_ok=True, finding=settings.inbox_url.split("@")[-1])
    is_fixed = sqlite3.sqlite_version_info >= WAL_RESET_FIX
    note = "" if is_fixed else "; older than 3.51.3, so the inbox keeps to one writing connection at a time"
    return Finding("SQLite", is_ok=True, finding=f"{sqlite3.sqlite_version}{note}")


def disk(warehouse: Warehouse, _: Settings) -> Finding:
    """Room and files left, and whether what is written stays written."""
    folder = warehouse.data_dir
    free, inodes = shutil.disk_usage(folder).free, os.statvfs(folder)
    room = "free some space (amc-learning tidy), or move the data directory (AMC_LEARNING_DATA_DIR)"
    if free < LEAST_FREE_BYTES:
        return Finding("disk", False, f"{free / 2**30:.1f} GiB free", room, str(folder))
    if inodes.f_files and inodes.f_favail < LEAST_FREE_INODES:
        return Finding("disk", False, f"{inodes.f_favail:,} files can still be made", room, str(folder))
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-") as probe:
            probe.write(b"written by amc-learning doctor")
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as trouble:
        said = f"a file cannot be written and flushed: {trouble.strerror}"
        return Finding("disk", False, said, f"mend the disk, or the owner of the folder: ls -ld {folder}", str(folder))
    return Finding("disk", True, f"{free / 2**30:.1f} GiB free under {folder}, files are flushed", "", str(folder))


def permissions(warehouse: Warehouse, _: Settings) -> Finding:
    """Folders that others may read, or that are not ours."""
    open_ones = list(_open_to_others(warehouse.data_dir))
    first = open_ones[0] if open_ones else warehouse.data_dir
    return Finding(
        "permissions", not open_ones,
        f"others may read {len(open_ones)} folders, {first} first" if open_ones else "only the owner may read",
        f"chmod -R go-rwx {warehouse.data_dir}", str(first),
    )  # fmt: skip


def _open_to_others(data_dir: Path) -> Iterator[Path]:
    """Folders of ours that others may enter; behind a closed one nobody gets to the rest."""
    if stat.S_IMODE(data_dir.stat().st_mode) | FOLDER_MODE == FOLDER_MODE:
        return
    for folder in (data_dir / name for name in ("inbox", "tables", "published")):
        if folder.is_dir() and stat.S_IMODE(folder.stat().st_mode) & 0o077:
            yield folder


def clock(warehouse: Warehouse, _: Settings, now: datetime) -> Finding:
    """The clock against the file system, the last event received, and what the kernel says of its source."""
    with tempfile.NamedTemporaryFile(dir=warehouse.data_dir, prefix=".doctor-") as probe:
        apart = datetime.fromtimestamp(Path(probe.name).stat().st_mtime, UTC) - datetime.now(UTC)
    remedy = "set the clock by a time service: timedatectl set-ntp true"
    if abs(apart) > MOST_SKEW:
        said = f"the file system's clock is {apart.total_seconds():+.0f} s from ours"
        return Finding("clock", False, said, remedy, str(warehouse.data_dir))
    received = [warehouse.inbox.received(kind, now).last_received_at for kind in (*EVENT_TABLES, BARS)]
    last = max((moment for moment in received if moment is not None), default=now)
    if last > now + MOST_SKEW:
        said = f"the last event was received at {last:%Y-%m-%d %H:%M} UTC, which has not come yet: the clock went back"
        return Finding("clock", False, said, remedy, "inbox")
    return Finding("clock", True, f"{now:%Y-%m-%d %H:%M} UTC; {_kernel_says()}")


class _KernelClock(ctypes.Structure):
    """The beginning of the kernel's `struct timex`, and room for the rest."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("frequency", ctypes.c_long),
        ("most_error_us", ctypes.c_long),
        ("estimated_error_us", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 400),
    )


def _kernel_says() -> str:
    """Whether a time service keeps the clock; a container or a virtual machine may not be told."""
    try:
        state = _KernelClock()
        if ctypes.CDLL(None).adjtimex(ctypes.byref(state)) < 0:
            return "the kernel does not say whether a time service keeps it"
    except (OSError, AttributeError):
        return "the system does not say whether a time service keeps it"
    if state.status & STA_UNSYNC:
        return "the kernel knows of no time service that keeps it (a host may do so)"
    return f"kept by a time service, to {state.most_error_us / 1000:.0f} ms"
