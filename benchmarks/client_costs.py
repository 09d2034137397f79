"""What the client costs the program it runs in: `python -m benchmarks.client_costs`.

Nobody listens at the address, or somebody who never answers: the states in which a client could do harm. Times of a
send are of the call; memory is what a process of its own grew by.
"""

import json
import logging
import resource
import socket
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from amc_learning.client import LearningClient
from benchmarks.results import Measured, informing

WEIGHTS = ("volume_momentum", "squeeze", "catalyst", "sentiment", "options", "technical")

CANDIDATE = {
    "symbol": "ABCD",
    "score": 37.289032624273936,
    "action_tag": "monitor",
    "confidence": 0.94,
    "rel_vol": 1.6949152680502908,
    "price": 19.46,
    "volume": 106759702,
    "market_cap_m": None,
    "subscores": dict.fromkeys(WEIGHTS, 37.21341816078662),
    "risk_flags": [],
}
DISCOVERY = {"status": "success", "candidates": [CANDIDATE] * 62}
THESIS = {"recommendation": "HOLD", "confidence": 0.8, "text": "x" * 800}

SENDS = 100_000
STATES = {"absent": "nobody listens", "hanging": "somebody takes the connection and never answers"}
SPOOLS = {"without a spool": False, "with a spool": True}


class Growth(NamedTuple):
    """What many sends cost: microseconds each, memory, and where the events are."""

    us: float
    mib: float
    n_queued: int
    n_spooled: int
    n_dropped: int


@contextmanager
def address(state: str) -> Iterator[str]:
    """Of a socket that takes connections and never answers, or of none."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        if state == "hanging":
            taken.listen(64)
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def send_times(state: str) -> tuple[float, float, float]:
    """Microseconds of a send: median, 99th percentile, largest."""
    with address(state) as url:
        client = LearningClient(url)
        took_us = []
        for _ in range(2000):
            began = time.perf_counter()
            client.send_discovery(DISCOVERY)
            took_us.append((time.perf_counter() - began) * 1e6)
        client.close(0.0)
    took_us.sort()
    return statistics.median(took_us), took_us[1979], took_us[-1]


def read_time(state: str) -> float:
    """Milliseconds of the first read of parameters."""
    with address(state) as url:
        client = LearningClient(url)
        began = time.perf_counter()
        client.get_discovery_parameters({f"{name}_weight": 1 / 6 for name in WEIGHTS})
        took_ms = (time.perf_counter() - began) * 1e3
        client.close(0.0)
    return took_ms


def resident_mib() -> float:
    n_pages = int(Path("/proc/self/statm").read_text().split()[1])
    return n_pages * resource.getpagesize() / 2**20


def growth(spool_dir: Path | None) -> Growth:
    with address("absent") as url:
        client = LearningClient(url, spool_dir=spool_dir)
        before = resident_mib()
        began = time.perf_counter()
        for _ in range(SENDS):
            client.send_thesis("ABC", THESIS)
        took_us = (time.perf_counter() - began) / SENDS * 1e6
        grown_mib = resident_mib() - before
        counters = client.counters
        client.close(60.0)
    return Growth(took_us, grown_mib, counters.n_queued, counters.n_spooled, counters.n_dropped)


def grown(*, has_spool: bool) -> Growth:
    """The same in a process of its own."""
    with TemporaryDirectory() as folder, get_context("spawn").Pool(1) as process:
        return process.apply(growth, (Path(folder) if has_spool else None,))


def run() -> list[Measured]:
    """The figures of the table that `main` prints."""
    logging.getLogger("amc_learning.client").setLevel(logging.ERROR)
    results = []
    for state, said in STATES.items():
        how = f"2,000 sends of a discovery result of {len(json.dumps(DISCOVERY)):,} bytes, {said}"
        median, p99, largest = send_times(state)
        results += [
            informing(f"a send, server {state}, median", median, "us", how),
            informing(f"a send, server {state}, 99th percentile", p99, "us", how),
            informing(f"a send, server {state}, slowest", largest, "us", how),
            informing(f"first read of parameters, server {state}", read_time(state), "ms", said),
        ]
    for name, has_spool in SPOOLS.items():
        found = grown(has_spool=has_spool)
        how = (
            f"{SENDS:,} theses of 1 KB, server absent; at the end {found.n_queued:,} in memory, {found.n_spooled:,} on "
            f"disk, {found.n_dropped:,} dropped and counted"
        )
        results.append(informing(f"memory grown, {name}", found.mib, "MiB", how))
    return results


def main() -> None:
    logging.getLogger("amc_learning.client").setLevel(logging.ERROR)
    print(f"discovery result of {len(json.dumps(DISCOVERY)):,} bytes, 2,000 sends, us:  median     p99       max")
    for state in STATES:
        median, p99, largest = send_times(state)
        print(f"  server {state:60}{median:7.0f} {p99:7.0f} {largest:9.0f}")
    print("first read of parameters, ms")
    for state in STATES:
        print(f"  server {state:60}{read_time(state):7.0f}")
    print(f"{SENDS:,} theses of 1 KB, server absent: us a send, MiB grown, in memory, on disk, dropped")
    for name, has_spool in SPOOLS.items():
        found = grown(has_spool=has_spool)
        counted = f"{found.n_queued:8,} {found.n_spooled:8,} {found.n_dropped:8,}"
        print(f"  {name:16} {found.us:7.0f} {found.mib:9.1f} {counted}")


if __name__ == "__main__":
    main()
