"""How long the loop takes on the shared real feed: ingest, seven years of backfill, one further night.

Run it with `make bench`. Every step is a process of its own, as a person would run it, in an empty data directory that
is removed afterwards. Times on shared machines are noisy: shares and ratios say more.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

FEED = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "market"
FIRST, LAST, NIGHT = "2008-01-02", "2014-12-12", "2014-12-15"
N_NIGHTS = 3
OWN_SHARE = """
from datetime import date
from time import perf_counter
from amc_learning.settings import Settings
from amc_learning.stages.cycle import run_days
from amc_learning.warehouse import Warehouse
settings = Settings()
warehouse = Warehouse.open(settings.data_dir, settings.features.components)
started = perf_counter()
for _ in run_days(warehouse, settings, [date.fromisoformat("{night}")]):
    pass
print(perf_counter() - started)
"""


def main() -> None:
    if not FEED.is_dir():
        print(f"no real feed beside the checkout ({FEED.name} is missing): nothing to measure")
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ["AMC_LEARNING_DATA_DIR"] = folder
        history = {
            "ingest bars (2,403,830)": verb("ingest", "bars", FEED / "bars.parquet"),
            "ingest index (4,508)": verb("ingest", "index", FEED / "index.parquet"),
            "ingest discovery (1,751)": verb("ingest", "discovery", FEED / "feed" / "discovery.ndjson.gz"),
            "ingest theses (17,510)": verb("ingest", "theses", FEED / "feed" / "thesis.ndjson.gz"),
            "ingest trades (17,392)": verb("ingest", "trades", FEED / "feed" / "trades.ndjson.gz"),
            f"backfill {FIRST} to {LAST}": verb("backfill", "--from", FIRST, "--to", LAST),
        }
        for name, seconds in history.items():
            print(f"{name:<40}{seconds:>8.1f} s")
        print(f"{'all of it':<40}{sum(history.values()):>8.1f} s")
        print(f"{'largest peak memory of a step':<40}{peak_mib():>8.0f} MiB")
        nights = sorted(verb("run", "daily", "--date", NIGHT) for _ in range(N_NIGHTS))
        own = sorted(float(python("-c", OWN_SHARE.format(night=NIGHT))) for _ in range(N_NIGHTS))
        wall, stages = nights[N_NIGHTS // 2], own[N_NIGHTS // 2]
        print(f"{'one night through Dagster, wall (median)':<40}{wall:>8.1f} s")
        print(f"{'of it our own stages (median)':<40}{stages:>8.1f} s, {stages / wall:.0%}")


def verb(*arguments: object) -> float:
    started = perf_counter()
    answer = json.loads(python("-m", "amc_learning", *arguments, "--json"))
    if answer.get("is_success") is False:
        raise SystemExit(f"{arguments}: {answer}")
    return perf_counter() - started


def python(*arguments: object) -> str:
    return subprocess.run([sys.executable, *map(str, arguments)], check=True, stdout=subprocess.PIPE, text=True).stdout


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


if __name__ == "__main__":
    main()
