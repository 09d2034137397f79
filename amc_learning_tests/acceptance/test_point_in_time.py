"""What becomes known later never reaches an earlier partition, whichever part of the loop might carry it."""

import json
from datetime import date

import polars as pl
import pytest

from amc_learning.stages.ingest import ingest_bars, ingest_discovery, ingest_index
from amc_learning_tests.acceptance.loop import (
    DAYS,
    RECEIVED_AT,
    backfilled,
    market,
    open_warehouse,
    settings_for,
)

CUT = DAYS[45]
"""Everything up to and on this day is shared by the two worlds; weights have moved by then."""


def another_future():
    """The market with other prices and other discovery results after the cut, and the same before."""
    simulated = market()
    is_later = pl.col("date") > CUT
    prices = [
        pl.when(is_later).then(pl.col(name) * (3 + pl.col("symbol").str.slice(3).cast(pl.Int64) % 7)).otherwise(name)
        for name in ("open", "high", "low", "close")
    ]
    bars = simulated.bars.with_columns(name.alias(name.meta.output_name()) for name in prices)
    results = []
    for result in simulated.discovery_results:
        later = date.fromisoformat(result["timestamp"][:10]) > CUT
        results.append({**result, "candidates": list(reversed(result["candidates"]))[:7]} if later else result)
    return bars, results


def lines_of(results):
    """The bytes the simulator writes, because payloads are kept verbatim."""
    return "".join(json.dumps(result, separators=(",", ":")) + "\n" for result in results)


def world(folder, bars, results):
    folder.mkdir()
    bars.write_parquet(folder / "bars.parquet")
    (folder / "discovery.ndjson").write_text(lines_of(results))
    market().index.write_parquet(folder / "index.parquet")
    settings = settings_for(folder / "data")
    warehouse = open_warehouse(settings)
    ingest_bars(warehouse, settings, [folder / "bars.parquet"], received_at=RECEIVED_AT)
    ingest_index(warehouse, settings, [folder / "index.parquet"], received_at=RECEIVED_AT)
    ingest_discovery(warehouse, settings, [folder / "discovery.ndjson"], received_at=RECEIVED_AT)
    return settings


def hashes(warehouse, *, up_to):
    """Hash of every partition up to a day, and the documents up to it."""
    partitions = {
        (name, entry.known_on): entry.sha256
        for name, table in warehouse.tables.items()
        for entry in table.entries(None, up_to)
    }
    documents = {
        day: warehouse.publications.document("weights", day)["sha256"]
        for day in warehouse.publications.history("weights")
        if day <= up_to
    }
    return partitions, documents


def test_two_worlds_that_share_a_past_have_the_same_partitions_of_it(finished, tmp_path):
    other = backfilled(world(tmp_path / "other", *another_future()))
    same = open_warehouse(finished)
    assert hashes(other, up_to=CUT) == hashes(same, up_to=CUT)
    for name in ("candidate_outcomes", "daily_statistics", "weight_decisions", "discovery_candidates", "price_bars"):
        assert other.table(name).fingerprint(None, None) != same.table(name).fingerprint(None, None), name


@pytest.mark.slow
def test_bars_and_events_that_arrive_afterwards_change_no_earlier_partition(finished, tmp_path):
    """As in life: the nights up to the cut run before anything later exists."""
    simulated = market()
    past = [one for one in simulated.discovery_results if date.fromisoformat(one["timestamp"][:10]) <= CUT]
    settings = world(tmp_path / "life", simulated.bars.filter(pl.col("date") <= CUT), past)
    before = hashes(backfilled(settings, DAYS[:46]), up_to=CUT)
    simulated.bars.filter(pl.col("date") > CUT).write_parquet(tmp_path / "later.parquet")
    later = [one for one in simulated.discovery_results if one not in past]
    (tmp_path / "later.ndjson").write_text(lines_of(later))
    warehouse = open_warehouse(settings)
    ingest_bars(warehouse, settings, [tmp_path / "later.parquet"], received_at=RECEIVED_AT)
    ingest_discovery(warehouse, settings, [tmp_path / "later.ndjson"], received_at=RECEIVED_AT)
    assert hashes(warehouse, up_to=CUT) == before
    backfilled(settings, DAYS[46:])
    assert hashes(warehouse, up_to=CUT) == before
    tables = [name for name in warehouse.tables if name not in ("discovery_events", "discovery_runs", "index_closes")]
    for name in tables:  # events and runs say on which line of which file they came
        expected = open_warehouse(finished).table(name).fingerprint(None, None)
        assert warehouse.table(name).fingerprint(None, None) == expected, name
