"""A feed sent event by event over HTTP ends in the same warehouse, byte for byte, as the same feed read from files.

The clock of the service stands at the moment at which the files were read, because that moment is a column. The raw
events then differ in one column only, which says the way each came; everything made from them is equal.
"""

from pathlib import Path

import pytest

from amc_learning.intake.files import read_records
from amc_learning.simulation.market import MarketFiles
from amc_learning.stages.ingest import ingest_bars, ingest_index
from amc_learning_tests.acceptance.loop import RECEIVED_AT, backfilled, ingested, open_warehouse, settings_for, tree
from amc_learning_tests.service.acceptance.sending import post_all
from amc_learning_tests.service.serving import served

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("clean_environment")]

PATHS = {
    "discovery": "/learning/collect/discovery-data",
    "thesis": "/learning/collect/thesis-decision",
    "trade": "/learning/collect/trade-outcome",
}


def bodies_of(path: Path, kind: str) -> list[bytes]:
    return [record.text.encode() for record in read_records(path, kind=kind)]


def raw_rows(settings):
    """Raw events without the way they came."""
    warehouse = open_warehouse(settings)
    rows = {
        name: warehouse.table(name).read(None, None).drop("source").rows()
        for name in ("discovery_events", "thesis_events", "trade_events")
    }
    warehouse.inbox.close()
    return rows


def derived(settings):
    """Hashes of every table made from raw events, and of every document."""
    tables = {
        name: digest
        for name, digest in tree(settings.data_dir / "tables").items()
        if not name.startswith(("discovery_events/", "thesis_events/", "trade_events/"))
    }
    documents = tree(settings.data_dir / "published")
    return tables, documents


def test_a_simulated_feed_over_http_ends_in_the_same_bytes_as_its_files(files: MarketFiles, tmp_path):
    from_files = ingested(files, tmp_path / "files")
    over_http = settings_for(tmp_path / "http")
    warehouse = open_warehouse(over_http)
    ingest_index(warehouse, over_http, [files.index], received_at=RECEIVED_AT)
    ingest_bars(warehouse, over_http, [files.bars], received_at=RECEIVED_AT)
    warehouse.inbox.close()
    with served(over_http, clock=lambda: RECEIVED_AT) as service:
        for kind, path in (("discovery", files.discovery), ("thesis", files.theses), ("trade", files.trades)):
            bodies = bodies_of(path, kind)
            assert post_all(service.url + PATHS[kind], bodies) == {(202, "accepted"): len(bodies)}
    for settings in (from_files, over_http):
        backfilled(settings).inbox.close()
    assert raw_rows(over_http) == raw_rows(from_files)
    assert derived(over_http) == derived(from_files)
