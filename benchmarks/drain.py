"""How fast 100,000 waiting events become rows of tables, beside the least that does the same reading and writing.

Run it with `python -m benchmarks.drain`. Discovery results, theses and messages about trades, one to six to three, of
the shapes of the shared real feed and under identifiers of their own, lie in an inbox on SQLite as the service leaves
them: a backlog of one week. Measured is what a night does with them: out of the inbox into raw partitions, durably, and
from these into typed, checked rows. The bare form of it reads the same payloads from the same database with polars
alone, typed by their own shape, and writes one parquet file per kind: no check, no rejection, no partitions, nothing
made durable in between.
"""

import contextlib
import gzip
import io
import json
import os
import resource
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from itertools import cycle, islice
from pathlib import Path
from time import perf_counter

import polars as pl

from amc_learning.settings import Settings
from amc_learning.stages import collect
from amc_learning.warehouse import Warehouse
from amc_learning.warehouse.events import InboxEvent
from benchmarks import feed
from benchmarks.results import Measured, informing, markdown

N_EVENTS = {"discovery": 10_000, "thesis": 60_000, "trade": 30_000}
FILES = {"discovery": feed.EVENTS["discovery"], "thesis": feed.EVENTS["theses"], "trade": feed.EVENTS["trades"]}
DAYS = [date(2014, 12, day) for day in (8, 9, 10, 11, 12)]
ROWS = {"discovery": "discovery_candidates", "thesis": "thesis_decisions", "trade": "trade_messages"}
EVENTS_PER_COMMIT = 500
FLOOR_US = 30.0
"""Microseconds an event that the fastest form of this took, by hand, on such a machine."""


def run() -> list[Measured]:
    """Fill an inbox, take it through, and read it once more in the bare form."""
    if feed.is_missing():
        return []
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder) / "data")
        warehouse = Warehouse.open(settings.data_dir, settings.features.components)
        n_bytes = fill(warehouse)
        copy = Path(folder) / "bare.sqlite"
        copied(settings.data_dir, copy)
        drained = timed(lambda: collect.drain_all_events(warehouse))
        made = timed(lambda: normalise(warehouse, settings))
        warehouse.inbox.close()
        peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        n_rows = {
            kind: warehouse.table(table).read(None, None, columns=["known_on"]).height for kind, table in ROWS.items()
        }
        bare = timed(lambda: read_bare(copy, Path(folder)))
    n_events = sum(N_EVENTS.values())
    what = f"{n_events:,} events, {n_bytes / 1e6:.0f} MB of payload"
    became = ", ".join(f"{count:,} rows of {ROWS[kind]}" for kind, count in n_rows.items())
    whole_us = (drained + made) / n_events * 1e6
    return [
        informing("drained and made into rows", n_events / (drained + made), "events/s", f"{what}: {became}"),
        informing("an event, inbox to typed rows", whole_us, "us", what),
        informing("of it inbox to raw partitions, durable", drained / n_events * 1e6, "us", what),
        informing("of it raw partitions to typed rows", made / n_events * 1e6, "us", what),
        informing("an event in the bare form", bare / n_events * 1e6, "us", "polars alone, same payloads, same run"),
        informing("against the bare form", (drained + made) / bare, "x", "same run"),
        informing("against the floor", whole_us / FLOOR_US, "x", f"{FLOOR_US:.0f} us, measured by hand before"),
        informing("peak memory of it", peak_mib, "MiB", "the whole process, filling the inbox included"),
    ]


def fill(warehouse: Warehouse) -> int:
    """Put the events into the inbox; bytes of payload."""
    n_bytes, waiting = 0, mixture()
    while events := list(islice(waiting, EVENTS_PER_COMMIT)):
        warehouse.inbox.append(events)
        n_bytes += sum(len(event.payload) for event in events)
    return n_bytes


def mixture() -> Iterator[InboxEvent]:
    """The events of all kinds, spread over the days; those of the feed again and again under new identifiers."""
    for kind, n_events in N_EVENTS.items():
        with gzip.open(feed.MARKET / "feed" / FILES[kind], "rt") as lines:
            bodies = lines.read().splitlines()
        for number, (body, day) in enumerate(zip(islice(cycle(bodies), n_events), cycle(DAYS), strict=False)):
            sent_at = datetime.combine(day, time(21), UTC)
            event_id = f"{kind}-{number}"
            yield InboxEvent(kind, event_id, day, sent_at, sent_at, "payload", "benchmark", named(body, event_id))


def named(body: str, event_id: str) -> str:
    """The body under this identifier alone."""
    return json.dumps({**json.loads(body), "event_id": event_id, "job_id": event_id}, separators=(",", ":"))


def normalise(warehouse: Warehouse, settings: Settings) -> None:
    """The three stages of a night that make rows from raw events."""
    collect.normalise_discovery_events(warehouse, settings, DAYS)
    collect.normalise_thesis_events(warehouse, settings, DAYS)
    collect.normalise_trade_events(warehouse, settings, DAYS)


def copied(data_dir: Path, copy: Path) -> None:
    """The inbox as it is before it is drained."""
    with (
        contextlib.closing(sqlite3.connect(data_dir / "inbox" / "events.sqlite")) as source,
        contextlib.closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)


def read_bare(copy: Path, folder: Path) -> None:
    """The payloads of each kind as one typed frame and one parquet file."""
    with contextlib.closing(sqlite3.connect(copy)) as inbox:
        for kind in N_EVENTS:
            rows = inbox.execute("select payload from events where kind = ? order by sequence", [kind])
            payloads = b"\n".join(payload for (payload,) in rows)
            frame = pl.read_ndjson(io.BytesIO(payloads), infer_schema_length=1000)
            frame.write_parquet(folder / f"{kind}.parquet", compression="zstd", compression_level=3)


def timed(work: Callable[[], object]) -> float:
    """Seconds it takes."""
    started = perf_counter()
    work()
    return perf_counter() - started


def main() -> None:
    print(f"load average at start {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(markdown(run()))


if __name__ == "__main__":
    main()
