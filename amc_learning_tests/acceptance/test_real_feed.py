"""The loop on the first half year of the real feed: bounds, and honesty while there is little evidence."""

import json
from datetime import date

import pytest

from amc_learning.contracts.knowledge_days import knowledge_days
from amc_learning_tests.acceptance.loop import FEED, REAL_FEED_MISSING, open_warehouse, settings_for
from amc_learning_tests.acceptance.test_bounds import bounds_of, broken_bounds, weights_by_day
from amc_learning_tests.cli.calling import amc

pytestmark = [
    pytest.mark.real_feed,
    pytest.mark.slow,
    pytest.mark.skipif(not FEED.exists(), reason=REAL_FEED_MISSING),
    pytest.mark.usefixtures("clean_environment"),
]


def test_half_a_year_keeps_every_bound_and_every_row_of_the_feed(tmp_path):
    data_dir = tmp_path / "data"
    for kind, file in (("bars", "bars.parquet"), ("index", "index.parquet"), ("discovery", "feed/discovery.ndjson.gz")):
        answer = amc(data_dir, "ingest", kind, (FEED / file).resolve(), "--json")
        assert answer.code == 0, answer.all
        assert answer.json["n_accepted"] == answer.json["n_read"]
    answer = amc(data_dir, "backfill", "--from", "2008-01-02", "--to", "2008-06-30", "--json")
    assert answer.code == 0, answer.all
    settings = settings_for(data_dir)
    vectors = weights_by_day(settings)
    assert list(vectors) == knowledge_days(date(2008, 1, 2), date(2008, 6, 30))
    assert broken_bounds(vectors, **bounds_of(settings)) == []
    warehouse = open_warehouse(settings)
    assert warehouse.table("discovery_events").read(None, None, columns=["event_id"]).n_unique() == 1751
    document = json.loads((data_dir / "published" / "weights.json").read_text())
    assert document["improvement"]["n_days"] > 0
    assert document["status"] in {"active", "held", "insufficient_evidence"}
