"""The door for notebooks: the same rows as the stages read, and no way to change them."""

import subprocess
import sys
from datetime import date

import polars as pl
import pytest

import amc_learning
from amc_learning.contracts.tables import catalogue
from amc_learning.warehouse import QueryError
from amc_learning.warehouse.errors import TableError
from amc_learning_tests.acceptance.loop import DAYS, kept, open_warehouse


@pytest.fixture
def learned(finished):
    return amc_learning.open_warehouse(finished.data_dir)


def test_every_table_is_listed_with_what_the_manifest_counts(learned, finished):
    tables = learned.tables()
    assert tables["table"].to_list() == [table.name for table in catalogue(finished.features.components)]
    decisions = tables.row(by_predicate=pl.col("table") == "weight_decisions", named=True)
    stored = open_warehouse(finished).table("weight_decisions").read(None, None)
    assert (decisions["n_rows"], decisions["first_day"]) == (stored.height, stored["known_on"].min())


def test_every_column_is_described_as_it_is_declared(learned, finished):
    for table in catalogue(finished.features.components):
        described = learned.describe(table.name)
        assert described["column"].to_list() == list(table.column_names)
        assert described.filter("is_key")["column"].sort().to_list() == sorted(table.key)
    with pytest.raises(KeyError, match="the tables are: "):
        learned.describe("nothing")


def test_a_table_is_read_as_stages_read_it_by_days_in_words_or_dates(learned, finished):
    stored = open_warehouse(finished).table("daily_statistics")
    assert learned.table("daily_statistics").equals(stored.read(None, None))
    last = DAYS[-5]
    assert learned.table("daily_statistics", first=str(last), columns=["known_on", "feature"]).equals(
        stored.read(last, None, ["known_on", "feature"])
    )
    assert learned.table("daily_statistics", last=last)["known_on"].max() <= last
    with pytest.raises(TableError, match="'soon' is not a day; write it as 2014-12-15"):
        learned.table("daily_statistics", first="soon")


def test_sql_gives_a_frame_with_types(learned, finished):
    found = learned.sql("select known_on, count(*) as n from weight_decisions group by all order by all")
    assert found.schema == {"known_on": pl.Date, "n": pl.Int64}
    assert found["n"].unique().to_list() == [len(finished.features.components)]
    # a value that first appears late decides the type all the same
    late = learned.sql("select case when i = 500 then 1.5::double end as x from range(501) t(i)")
    assert late["x"].dtype == pl.Float64
    with pytest.raises(QueryError, match="is not a query"):
        learned.sql("drop view weight_decisions")


@pytest.mark.parametrize("statement", ["select * from nonsense", "select x from weight_decisions", "selct 1"])
def test_sql_with_a_name_that_is_none_keeps_the_words_of_duckdb_and_ends_with_where_names_are(learned, statement):
    with pytest.raises(
        QueryError, match=r"(?s)Error: .*\.tables\(\) lists the tables, \.describe\('TABLE'\) its columns$"
    ):
        learned.sql(statement)


def test_documents_are_those_published(learned, finished):
    publications = open_warehouse(finished).publications
    assert learned.document("weights") == publications.current("weights")
    assert learned.document("daily_report", DAYS[-2]) == publications.document("daily_report", DAYS[-2])
    assert learned.document("weights", date(2005, 1, 3)) is None


def test_looking_changes_nothing(learned, finished):
    before = kept(finished)
    learned.tables()
    learned.sql("select 1 as one")
    learned.document("weights")
    assert kept(finished) == before


def test_a_place_without_a_data_directory_is_refused_and_not_made_one(tmp_path):
    with pytest.raises(FileNotFoundError, match="is no data directory of amc-learning"):
        amc_learning.open_warehouse(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


def test_the_package_itself_loads_nothing():
    code = "import sys, amc_learning; sys.exit(any(m in sys.modules for m in ('polars', 'pydantic', 'numpy')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    with pytest.raises(AttributeError, match="no attribute 'warehouses'"):
        _ = amc_learning.warehouses
