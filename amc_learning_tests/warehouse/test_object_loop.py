"""The whole loop on an object store gives the bytes it gives in a folder."""

import hashlib
import json

import pytest
from typer.testing import CliRunner

from amc_learning.cli.app import app
from amc_learning.settings import Settings
from amc_learning.stages.collect import drain_all_events
from amc_learning.stages.cycle import run_days
from amc_learning.stages.ingest import ingest_bars, ingest_discovery, ingest_index, ingest_theses, ingest_trades
from amc_learning.warehouse import Warehouse
from amc_learning_tests.acceptance.loop import DAYS, RECEIVED_AT
from amc_learning_tests.service.postgres import postgres_server

from .object_store import BUCKET, object_store

URL = f"s3://{BUCKET}/loop"
N_DAYS = 8
"""Outcomes of one and of five sessions mature within them; the whole market would take a minute."""

MANY_ROWS_SQL = "select count(*) as n, count(distinct known_on) as days from candidate_outcomes"


@pytest.fixture(scope="module")
def server():
    with object_store() as variables:
        yield variables


@pytest.fixture(scope="module")
def inbox_url():
    with postgres_server() as running:
        yield running.url


def looped(settings, files):
    """Ingest, two nights as a range and the others, publish."""
    warehouse = Warehouse.open(settings.data_dir, settings.features.components, **settings.places)
    ingest_index(warehouse, settings, [files.index], received_at=RECEIVED_AT)
    ingest_bars(warehouse, settings, [files.bars], received_at=RECEIVED_AT)
    ingest_discovery(warehouse, settings, [files.discovery], received_at=RECEIVED_AT)
    ingest_theses(warehouse, settings, [files.theses], received_at=RECEIVED_AT)
    ingest_trades(warehouse, settings, [files.trades], received_at=RECEIVED_AT)
    drain_all_events(warehouse)
    for days in (DAYS[: N_DAYS - 1], DAYS[N_DAYS - 1 : N_DAYS]):
        for _ in run_days(warehouse, settings, days):
            pass
    warehouse.inbox.close()
    return warehouse


def stored(warehouse):
    """Every file of tables and documents, with the hash of its bytes."""
    root = warehouse.tables_folder.parent
    return {
        file.path.relative_to(root).as_posix(): hashlib.sha256(warehouse.storage.read(file.path)).hexdigest()
        for folder in ("tables", "published")
        for file in warehouse.storage.files(root / folder)
        if not file.path.name.endswith(".lock")
    }


@pytest.mark.slow
@pytest.mark.usefixtures("clean_environment", "server")
def test_every_partition_and_document_is_the_same_on_an_object_store(files, tmp_path, inbox_url, monkeypatch):
    local = looped(Settings(data_dir=tmp_path / "local"), files)
    settings = Settings(data_dir=tmp_path / "machine", inbox_url=inbox_url, warehouse_url=URL)
    remote = looped(settings, files)
    expected = stored(local)
    assert len(expected) > 200
    assert stored(remote) == expected
    again = Warehouse.open(tmp_path / "other", settings.features.components, **settings.places)
    for name in ("candidate_outcomes", "weight_decisions", "daily_statistics"):
        assert again.table(name).read(None, None).equals(local.table(name).read(None, None))
        assert again.table(name).read(None, None).height > 0

    # the commands over it, on a machine that has nothing yet
    monkeypatch.setenv("AMC_LEARNING_DATA_DIR", str(tmp_path / "third"))
    monkeypatch.setenv("AMC_LEARNING_INBOX_URL", inbox_url)
    monkeypatch.setenv("AMC_LEARNING_WAREHOUSE_URL", URL)
    runner = CliRunner()
    answered = runner.invoke(app, ["sql", MANY_ROWS_SQL, "--json"])
    (row,) = json.loads(answered.stdout)
    assert row["n"] == local.table("candidate_outcomes").read(None, None).height
    assert row["days"] > 3
    looked = runner.invoke(app, ["doctor"])
    assert "partitions verified by sha256" in looked.stdout
    entry = next(entry for entry in remote.table("daily_statistics").entries() if entry.file)
    path = remote.table("daily_statistics").path(entry)
    remote.storage.replace(path, b"flipped", remote.storage.look(path))
    looked = runner.invoke(app, ["doctor", "--json"])
    assert f"{URL}/tables/daily_statistics/known_on={entry.known_on}/{entry.file}" in looked.stdout
