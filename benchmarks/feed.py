"""The shared real feed, whole or from a day on, and data directories built from it by the commands a person would use.

Belongs here: where the feed lies, cutting it, running a command on a data directory. Not here: any measurement.
"""

import gzip
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from time import perf_counter

import polars as pl

MARKET = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "market"
FIRST_DAY, LAST_DAY = date(2008, 1, 2), date(2014, 12, 15)
"""The days of its decisions."""

EVENTS = {"discovery": "discovery.ndjson.gz", "theses": "thesis.ndjson.gz", "trades": "trades.ndjson.gz"}
"""Kind, as the command line names it, to the file of its events."""


@dataclass(frozen=True)
class Step:
    """One command on a data directory, and how long it took."""

    name: str
    seconds: float


def is_missing() -> bool:
    """Whether there is no feed beside the checkout; says so, because nothing can be measured then."""
    if MARKET.is_dir():
        return False
    print(f"no real feed beside the checkout ({MARKET.name} is missing): nothing to measure")
    return True


def ingest(data_dir: Path, folder: Path, since: date) -> list[Step]:
    """Bring the feed from a day on into a data directory; `folder` takes the files cut to it.

    Closes of the index are taken whole: a model of the market's regime looks back five years on its first day.
    """
    bars = MARKET / "bars.parquet" if since == FIRST_DAY else folder / "bars.parquet"
    if since != FIRST_DAY:
        pl.scan_parquet(MARKET / "bars.parquet").filter(pl.col("date") >= since).sink_parquet(bars)
    files = {"bars": bars, "index": MARKET / "index.parquet"} | {
        kind: events_since(MARKET / "feed" / name, folder / name, since) for kind, name in EVENTS.items()
    }
    return [Step(f"ingest {kind}", command(data_dir, "ingest", kind, file)) for kind, file in files.items()]


def events_since(source: Path, cut: Path, since: date) -> Path:
    """A file of the events from a day on; the source itself when that is all of them."""
    if since == FIRST_DAY:
        return source
    with gzip.open(source, "rt") as lines, gzip.open(cut, "wt", compresslevel=1) as kept:
        kept.writelines(line for line in lines if sent_on(line) >= str(since))
    return cut


def sent_on(line: str) -> str:
    """The day of an event as its sender wrote it."""
    event = json.loads(line)
    moment: str = event.get("timestamp") or event["thesis"]["generated_at"]
    return moment[:10]


def command(data_dir: Path, *arguments: object) -> float:
    """Run `amc-learning` in a process of its own and give its seconds.

    Raises:
        SystemExit: it failed, or says that it did.
    """
    started = perf_counter()
    answer = json.loads(python(data_dir, "-m", "amc_learning", *arguments, "--json"))
    if answer.get("is_success") is False:
        raise SystemExit(f"{' '.join(map(str, arguments))}: {answer}")
    return perf_counter() - started


def python(data_dir: Path, *arguments: object) -> str:
    """What a process of its own writes."""
    environment = {**os.environ, "AMC_LEARNING_DATA_DIR": str(data_dir)}
    asked = [sys.executable, *map(str, arguments)]
    checkout = Path(__file__).resolve().parents[1]
    return subprocess.run(asked, env=environment, cwd=checkout, check=True, stdout=subprocess.PIPE, text=True).stdout
