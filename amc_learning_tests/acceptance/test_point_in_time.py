"""What becomes known later never reaches an earlier partition, whichever part of the loop might carry it."""

import json
from datetime import date

import polars as pl
import pytest

from amc_learning.stages.ingest import ingest_bars, ingest_discovery, ingest_index, ingest_theses, ingest_trades
from amc_learning_tests.acceptance.loop import (
    DAYS,
    RECEIVED_AT,
    backfilled,
    market,
    open_warehouse,
    settings_for,
)

DOCUMENTS = (
    "weights",
    "confidence",
    "market_regime",
    "corrections",
    "pattern_analysis",
    "recommendations",
    "daily_report",
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


def said_on(message):
    """The day a thesis or a message about a trade speaks of."""
    said = message["thesis"]["generated_at"] if "thesis" in message else message["timestamp"]
    return date.fromisoformat(said[:10])


def world(folder, bars, results, up_to=DAYS[-1]):
    folder.mkdir()
    for name, messages in (("thesis", market().theses), ("trades", market().trades)):
        known = [message for message in messages if said_on(message) <= up_to]
        (folder / f"{name}.ndjson.gz").write_text(lines_of(known))
    bars.write_parquet(folder / "bars.parquet")
    (folder / "discovery.ndjson").write_text(lines_of(results))
    market().index.write_parquet(folder / "index.parquet")
    settings = settings_for(folder / "data")
    warehouse = open_warehouse(settings)
    ingest_bars(warehouse, settings, [folder / "bars.parquet"], received_at=RECEIVED_AT)
    ingest_index(warehouse, settings, [folder / "index.parquet"], received_at=RECEIVED_AT)
    ingest_discovery(warehouse, settings, [folder / "discovery.ndjson"], received_at=RECEIVED_AT)
    ingest_theses(warehouse, settings, [folder / "thesis.ndjson.gz"], received_at=RECEIVED_AT)
    ingest_trades(warehouse, settings, [folder / "trades.ndjson.gz"], received_at=RECEIVED_AT)
    return settings


def hashes(warehouse, *, up_to):
    """Hash of every partition up to a day, and the documents up to it."""
    partitions = {
        (name, entry.known_on): entry.sha256
        for name, table in warehouse.tables.items()
        for entry in table.entries(None, up_to)
    }
    documents = {
        (name, day): warehouse.publications.document(name, day)["sha256"]
        for name in DOCUMENTS
        for day in warehouse.publications.history(name)
        if day <= up_to
    }
    assert {name for name, _ in documents} == set(DOCUMENTS)
    return partitions, documents


def test_two_worlds_that_share_a_past_have_the_same_partitions_of_it(finished, tmp_path):
    other = backfilled(world(tmp_path / "other", *another_future()))
    same = open_warehouse(finished)
    assert hashes(other, up_to=CUT) == hashes(same, up_to=CUT)
    later = (
        "candidate_outcomes",
        "thesis_outcomes",
        "closed_trades",
        "failure_cases",
        "weight_decisions",
        "price_bars",
    )
    for name in later:
        assert other.table(name).fingerprint(None, None) != same.table(name).fingerprint(None, None), name


@pytest.mark.slow
def test_bars_and_events_that_arrive_afterwards_change_no_earlier_partition(finished, tmp_path):
    """As in life: the nights up to the cut run before anything later exists."""
    simulated = market()
    past = [one for one in simulated.discovery_results if date.fromisoformat(one["timestamp"][:10]) <= CUT]
    settings = world(tmp_path / "life", simulated.bars.filter(pl.col("date") <= CUT), past, up_to=CUT)
    before = hashes(backfilled(settings, DAYS[:46]), up_to=CUT)
    simulated.bars.filter(pl.col("date") > CUT).write_parquet(tmp_path / "later.parquet")
    later = [one for one in simulated.discovery_results if one not in past]
    (tmp_path / "later.ndjson").write_text(lines_of(later))
    theses, trades = (
        [message for message in messages if said_on(message) > CUT] for messages in (simulated.theses, simulated.trades)
    )
    (tmp_path / "theses.ndjson").write_text(lines_of(theses))
    (tmp_path / "trades.ndjson").write_text(lines_of(trades))
    warehouse = open_warehouse(settings)
    ingest_bars(warehouse, settings, [tmp_path / "later.parquet"], received_at=RECEIVED_AT)
    ingest_discovery(warehouse, settings, [tmp_path / "later.ndjson"], received_at=RECEIVED_AT)
    ingest_theses(warehouse, settings, [tmp_path / "theses.ndjson"], received_at=RECEIVED_AT)
    ingest_trades(warehouse, settings, [tmp_path / "trades.ndjson"], received_at=RECEIVED_AT)
    assert hashes(warehouse, up_to=CUT) == before
    backfilled(settings, DAYS[46:])
    assert hashes(warehouse, up_to=CUT) == before
    as_received = ("discovery_events", "thesis_events", "trade_events", "discovery_runs", "index_closes")
    tables = [name for name in warehouse.tables if name not in as_received]
    for name in tables:  # events and runs say on which line of which file they came
        expected = open_warehouse(finished).table(name).fingerprint(None, None)
        assert warehouse.table(name).fingerprint(None, None) == expected, name
