"""What a benchmark answers: named figures with their promise, and the machine they were measured on.

Belongs here: the shape of an answer, its table, medians and ratios. Not here: any measurement.

A benchmark is a module with `run() -> list[Measured]`, which can be run alone: `python -m benchmarks.<name>`.
"""

import os
import platform
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

LIBRARIES = ("polars", "numpy", "duckdb", "dagster")


@dataclass(frozen=True)
class Measured:
    """One figure.

    Attributes:
        name: what was measured, as a reader would ask for it.
        value: the figure in `unit`.
        unit: s, MiB, rows/s, ms, x (a ratio), % or whatever the figure counts.
        promise: the bound that was set for it, in words (`<= 450 MiB`); None for a figure that only informs.
        is_kept: whether the promise holds; None without one.
        how: what was run, against what, how often.
    """

    name: str
    value: float
    unit: str
    promise: str | None
    is_kept: bool | None
    how: str


def informing(name: str, value: float, unit: str, how: str) -> Measured:
    """A figure nothing was promised about."""
    return Measured(name, value, unit, None, None, how)


def at_most(name: str, value: float, unit: str, bound: float, how: str) -> Measured:
    """A figure promised to stay at or under a bound."""
    return Measured(name, value, unit, f"<= {shown(bound)} {unit}", value <= bound, how)


def at_least(name: str, value: float, unit: str, bound: float, how: str) -> Measured:
    """A figure promised to reach a bound."""
    return Measured(name, value, unit, f">= {shown(bound)} {unit}", value >= bound, how)


def median_of(measure: Callable[[], float], n_repeats: int) -> float:
    """Median of repeated measurements; of an even number the upper of the two in the middle."""
    return statistics.median_high(measure() for _ in range(n_repeats))


def peak_memory_mib() -> float:
    """Most resident memory this process ever had; unlike `ru_maxrss` it is not inherited from whoever started it."""
    peak = _first_value("/proc/self/status", "VmHWM")
    if peak is None:
        raise OSError("the peak memory of a process is read from /proc/self/status, which is not there")
    return int(peak.split()[0]) / 1024


def shown(value: float) -> str:
    """A figure with three digits or all its whole ones.

    >>> shown(0.01234), shown(12.3), shown(95_123_456.0)
    ('0.0123', '12.3', '95,123,456')
    """
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def markdown(results: Sequence[Measured]) -> str:
    """The figures as one table; a broken promise is said in capitals."""
    lines = ["| what | figure | promise | kept | how |", "|---|---|---|---|---|"]
    for result in results:
        kept = {None: "", True: "yes", False: "**NO**"}[result.is_kept]
        figure = f"{shown(result.value)} {result.unit}"
        lines.append(f"| {result.name} | {figure} | {result.promise or ''} | {kept} | {result.how} |")
    return "\n".join(lines) + "\n"


def machine() -> str:
    """One line about the machine and the versions the figures depend on."""
    cpu = _first_value("/proc/cpuinfo", "model name") or platform.processor() or "unknown processor"
    memory_kib = int((_first_value("/proc/meminfo", "MemTotal") or "0 kB").split()[0])
    versions = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return (
        f"{len(os.sched_getaffinity(0))} cores ({cpu}), {memory_kib / 2**20:.0f} GiB, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}, {versions}"
    )


def _first_value(path: str, name: str) -> str | None:
    """The value beside a name in one of the kernel's `name : value` files; None where there is no such file or name."""
    if not Path(path).is_file():
        return None
    for line in Path(path).read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return None
