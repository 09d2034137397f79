"""However and however often the loop is run, the same knowledge gives the same bytes."""

import json
import shutil
from itertools import islice

import numpy as np
import pytest

from amc_learning.contracts.tables import catalogue
from amc_learning.stages.ingest import ingest_bars, ingest_discovery, ingest_index, ingest_theses, ingest_trades
from amc_learning_tests.acceptance.loop import (
    DAYS,
    RECEIVED_AT,
    backfilled,
    failures,
    kept,
    market,
    open_warehouse,
    run_through_dagster,
    settings_for,
    stamps,
    tree,
)

TAKEN_IN = {
    "discovery_events", "thesis_events", "trade_events", "price_bars", "index_closes", "bar_fetches", "stock_splits",
    "operator_actions", "correction_orders", "publication_orders",
}  # fmt: skip
DERIVED = tuple(table.name for table in catalogue(("any",)) if table.name not in TAKEN_IN and table.stage != "weekly")
"""Everything a backfill makes from what was taken in; what weeks make is looked at in test_week.py."""


@pytest.mark.slow
def test_nights_one_by_one_a_range_run_and_a_backfill_give_the_same_bytes(finished, loaded_again):
    backfilled(loaded_again, DAYS[:30])
    for night in DAYS[30:34]:
        result = run_through_dagster(loaded_again, [night])
        assert result.success, failures(result)
    result = run_through_dagster(loaded_again, DAYS[34:])
    assert result.success, failures(result)
    assert kept(loaded_again) == kept(finished)


def test_the_sizes_of_the_bites_do_not_matter(finished, loaded_again):
    random, days = np.random.default_rng(3), iter(DAYS)
    while bite := list(islice(days, int(random.choice([1, 2, 7, 20])))):
        backfilled(loaded_again, bite)
    assert kept(loaded_again) == kept(finished)


def test_running_all_days_again_touches_no_file_and_moves_no_weight(finished):
    before = stamps(finished.data_dir / "tables"), stamps(finished.data_dir / "published"), kept(finished)
    backfilled(finished)
    assert (stamps(finished.data_dir / "tables"), stamps(finished.data_dir / "published"), kept(finished)) == before


@pytest.mark.parametrize("place", [0, 30, -1], ids=["first day", "in the middle", "last day"])
def test_running_a_night_again_through_dagster_touches_no_file(finished, place):
    before = stamps(finished.data_dir / "tables"), stamps(finished.data_dir / "published")
    for _ in range(2 if place == -1 else 1):
        assert run_through_dagster(finished, [DAYS[place]]).success
    assert (stamps(finished.data_dir / "tables"), stamps(finished.data_dir / "published")) == before


@pytest.mark.parametrize("are_documents_deleted", [False, True], ids=["tables", "tables and documents"])
def test_deleted_derived_tables_come_back_byte_for_byte(finished, are_documents_deleted):
    before = kept(finished)
    for name in DERIVED:
        assert (finished.data_dir / "tables" / name).is_dir(), f"{name} was never written, so deleting it shows nothing"
        shutil.rmtree(finished.data_dir / "tables" / name)
    if are_documents_deleted:
        shutil.rmtree(finished.data_dir / "published")
    backfilled(finished)
    assert kept(finished) == before


def test_ingesting_everything_again_changes_no_byte(finished, files):
    before = stamps(finished.data_dir / "tables")
    warehouse = open_warehouse(finished)
    for ingest, file in (
        (ingest_index, files.index),
        (ingest_bars, files.bars),
        (ingest_discovery, files.discovery),
        (ingest_theses, files.theses),
        (ingest_trades, files.trades),
    ):
        report = ingest(warehouse, finished, [file], received_at=RECEIVED_AT)
        assert (report.n_accepted, report.n_duplicates, report.n_quarantined) == (0, report.n_read, 0)
    assert stamps(finished.data_dir / "tables") == before


def test_the_order_in_which_things_arrive_does_not_matter(finished, tmp_path):
    """Raw events keep line numbers of what was sent, so they may differ; nothing made of them does."""
    simulated, random = market(), np.random.default_rng(5)
    settings = settings_for(tmp_path / "shuffled")
    warehouse = open_warehouse(settings)
    results = [simulated.discovery_results[place] for place in random.permutation(len(simulated.discovery_results))]
    parts = []
    for number, part in enumerate((results[:11], results[11:40], results[40:])):
        path = tmp_path / f"part{number}.ndjson"
        path.write_text("".join(json.dumps(result) + "\n" for result in part))
        parts.append(path)
    shuffled = simulated.bars.sample(fraction=1.0, shuffle=True, seed=1)
    for ingest, messages in ((ingest_theses, simulated.theses), (ingest_trades, simulated.trades)):
        path = tmp_path / f"{ingest.keywords['kind']}.ndjson"
        path.write_text("".join(json.dumps(messages[at]) + "\n" for at in random.permutation(len(messages))))
        ingest(warehouse, settings, [path], received_at=RECEIVED_AT)
    for number, part in enumerate((shuffled[:1500], shuffled[1500:])):
        part.write_parquet(tmp_path / f"bars{number}.parquet")
    ingest_discovery(warehouse, settings, parts, received_at=RECEIVED_AT)
    ingest_bars(warehouse, settings, sorted(tmp_path.glob("bars*.parquet")), received_at=RECEIVED_AT)
    simulated.index.sample(fraction=1.0, shuffle=True, seed=1).write_csv(tmp_path / "index.csv")
    ingest_index(warehouse, settings, [tmp_path / "index.csv"], received_at=RECEIVED_AT)
    backfilled(settings)
    for name in (*DERIVED, "price_bars", "index_closes"):
        folders = [data_dir / "tables" / name for data_dir in (settings.data_dir, finished.data_dir)]
        assert tree(folders[0]) == tree(folders[1]), name
    assert kept(settings)["published"] == kept(finished)["published"]


@pytest.fixture
def loaded_again(ingested_base, tmp_path):
    """A second data directory beside that of `finished`."""
    return settings_for(shutil.copytree(ingested_base, tmp_path / "again"))
