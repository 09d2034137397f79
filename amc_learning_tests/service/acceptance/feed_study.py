"""The whole real feed sent event by event over HTTP, beside the same feed read from files: are the bytes the same?

Run by hand (about ten minutes); a simulated feed runs in the tests:

    python -m amc_learning_tests.service.acceptance.feed_study [--until 2014-12-12]
"""

# ruff: noqa: T201 - a study reports to the terminal.

import argparse
import sys
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path
from time import perf_counter

from amc_learning.contracts.knowledge_days import knowledge_days
from amc_learning.stages.ingest import ingest_bars, ingest_discovery, ingest_index, ingest_theses, ingest_trades
from amc_learning_tests.acceptance.loop import FEED, backfilled, open_warehouse, settings_for
from amc_learning_tests.service.acceptance.sending import post_all
from amc_learning_tests.service.acceptance.test_feed_over_http import PATHS, bodies_of, derived, raw_rows
from amc_learning_tests.service.serving import served

FILES = {
    "discovery": FEED / "feed/discovery.ndjson.gz",
    "thesis": FEED / "feed/thesis.ndjson.gz",
    "trade": FEED / "feed/trades.ndjson.gz",
}
INGEST = {"discovery": ingest_discovery, "thesis": ingest_theses, "trade": ingest_trades}


def main() -> int:
    """Run the study; 1 when something differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--until", type=date.fromisoformat, default=date(2014, 12, 12))
    parser.add_argument("--workspace", type=Path)
    arguments = parser.parse_args()
    days = knowledge_days(date(2008, 1, 2), arguments.until)
    now = datetime.now(UTC)
    with tempfile.TemporaryDirectory(dir=arguments.workspace) as folder:
        from_files, over_http = (settings_for(Path(folder) / name) for name in ("files", "http"))
        for settings in (from_files, over_http):
            warehouse = open_warehouse(settings)
            ingest_index(warehouse, settings, [FEED / "index.parquet"], received_at=now)
            ingest_bars(warehouse, settings, [FEED / "bars.parquet"], received_at=now)
            if settings is from_files:
                for kind, ingest in INGEST.items():
                    ingest(warehouse, settings, [FILES[kind]], received_at=now)
            warehouse.inbox.close()
        with served(over_http, clock=lambda: now) as service:
            for kind, path in FILES.items():
                bodies = bodies_of(path, kind)
                started = perf_counter()
                answers = post_all(service.url + PATHS[kind], bodies)
                print(f"{kind}: {len(bodies):,} requests in {perf_counter() - started:.1f} s: {answers}", flush=True)
        for settings in (from_files, over_http):
            started = perf_counter()
            backfilled(settings, days).inbox.close()
            print(f"backfill {settings.data_dir.name}: {perf_counter() - started:.0f} s", flush=True)
        is_same_raw = raw_rows(over_http) == raw_rows(from_files)
        tables, documents = derived(over_http)
        expected_tables, expected_documents = derived(from_files)
        print(f"raw events equal but for the way they came: {is_same_raw}")
        print(f"{len(tables):,} files of derived tables equal: {tables == expected_tables}")
        print(f"{len(documents):,} files of documents equal: {documents == expected_documents}")
    return 0 if is_same_raw and (tables, documents) == (expected_tables, expected_documents) else 1


if __name__ == "__main__":
    sys.exit(main())
