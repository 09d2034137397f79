from datetime import UTC, date, datetime

import polars as pl
import pytest

from amc_learning.warehouse import QueryError, Warehouse
from amc_learning.warehouse.sql import connect, query

BARS = pl.DataFrame(
    {
        "known_on": [date(2024, 1, 2), date(2024, 1, 2), date(2024, 1, 3)],
        "symbol": ["A", "B", "A"],
        "open_usd": [1.0, 2.0, 3.0],
        "high_usd": [1.0, 2.0, 3.0],
        "low_usd": [1.0, 2.0, 3.0],
        "close_usd": [1.5, 2.5, 3.5],
        "volume_shares": [100.0, None, 300.0],
    }
)


@pytest.fixture
def warehouse(tmp_path):
    """In a folder whose name would break naive SQL and naive globbing."""
    warehouse = Warehouse.open(tmp_path / "it's [a] data*?dir", ("technical", "options"))
    warehouse.table("price_bars").write(BARS, [date(2024, 1, 2), date(2024, 1, 3), date(2024, 1, 4)])
    return warehouse


@pytest.fixture
def connection(warehouse):
    with connect(warehouse) as connection:
        yield connection


def test_a_view_shows_the_rows_of_the_partitions(connection):
    result = query(connection, "select * from price_bars order by known_on, symbol")
    assert result.columns == tuple(BARS.columns)
    assert result.rows == BARS.rows()
    assert query(connection, "from price_bars select sum(close_usd) as s").rows == [(7.5,)]


def test_every_table_has_a_view_with_its_columns_and_descriptions(warehouse, connection):
    described = query(
        connection,
        "select table_name, column_name, comment from duckdb_columns() where not internal order by column_index",
    )
    for table in warehouse.catalogue:
        shown = [(column, comment) for name, column, comment in described.rows if name == table.name]
        assert [column for column, _ in shown] == list(table.column_names)
        for (_, comment), column in zip(shown, table.columns, strict=True):
            assert comment == (f"{column.description} [{column.unit}]" if column.unit else column.description)
    views = dict(query(connection, "select view_name, comment from duckdb_views() where not internal").rows)
    assert views == {table.name: table.description for table in warehouse.catalogue}


def test_an_empty_view_has_the_types_of_a_filled_one(warehouse):
    def types(table):
        with connect(warehouse) as connection:
            return [row[:2] for row in query(connection, f"describe {table}").rows]

    filled = {
        "discovery_runs": ("event_id", {"constant_components": ["technical"], "warnings": []}),
        "daily_statistics": ("horizon", {}),
    }
    for name in filled:
        table = warehouse.table(name)
        before = types(name)
        values = {column.name: _value(column.dtype) for column in table.table.columns}
        table.write(pl.DataFrame([values], schema=table.table.schema), [date(2024, 1, 2)])
        assert types(name) == before


def _value(dtype):
    if isinstance(dtype, pl.Array):
        return [_value(dtype.inner)] * dtype.size
    if isinstance(dtype, pl.List):
        return [_value(dtype.inner)]
    values = {pl.String: "x", pl.Date: date(2024, 1, 2), pl.Int64: 1, pl.Float64: 0.5, pl.Boolean: True}
    return values.get(dtype.base_type(), datetime(2024, 1, 2, 3, tzinfo=UTC))


def test_instants_come_back_in_utc(warehouse):
    received_at = datetime(2024, 1, 2, 23, 30, tzinfo=UTC)
    row = {"received_at": received_at, "occurred_at": received_at, "known_on": date(2024, 1, 2)}
    texts = dict.fromkeys(("event_id", "occurred_at_source", "source", "payload"), "x")
    table = warehouse.table("discovery_events")
    table.write(pl.DataFrame([row | texts], schema=table.table.schema), [date(2024, 1, 2)])
    with connect(warehouse) as connection:
        assert query(connection, "select received_at, received_at::varchar from discovery_events").rows == [
            (received_at, "2024-01-02 23:30:00+00")
        ]


def test_only_files_of_the_manifest_are_read(warehouse):
    folder = warehouse.table("price_bars").folder / "known_on=2024-01-02"
    BARS.write_parquet(folder / "0123456789abcdef.parquet")
    with connect(warehouse) as connection:
        assert query(connection, "select count(*) from price_bars").rows == [(3,)]


@pytest.mark.parametrize(
    "statement",
    [
        "insert into price_bars values (1)",
        "drop view price_bars",
        "create table t as select 1",
        "copy (select 1) to '{tables}/evil.parquet'",
        "explain analyze copy (select 1) to '{tables}/evil.parquet'",
        "explain analyze /* */ copy (select 1) to '{tables}/evil.parquet'",
        "/* */ explain analyze copy (select 1) to '{tables}/evil.parquet'",
        "from query('copy (select 1) to evil')",
        "set enable_external_access = true",
        "attach '{tables}/evil.duckdb'",
        "install httpfs",
        "load httpfs",
        "pragma enable_profiling",
        "call enable_logging()",
        "select 1; select 2",
        "",
        "-- nothing",
        "selec 1",
        "select * from nowhere",
        "select * from BARS",
        "select * from '/etc/passwd'",
        "select * from read_text('/etc/hostname')",
        "select * from read_csv('{outside}')",
        "select * from read_parquet('{tables}/../../outside.csv')",
        "select * from glob('/*')",
        "select * from enable_logging(storage = 'file', storage_path = '{tables}/log')",
    ],
)
def test_nothing_but_queries_over_the_tables_is_run(warehouse, connection, tmp_path, statement):
    outside = tmp_path / "outside.csv"
    outside.write_text("secret\n1\n")
    tables = str(warehouse.data_dir / "tables").replace("'", "''")
    before = sorted(path for path in tmp_path.rglob("*"))
    with pytest.raises(QueryError):
        query(connection, statement.format(tables=tables, outside=outside))
    assert sorted(path for path in tmp_path.rglob("*")) == before
    assert query(connection, "select count(*) from price_bars").rows == [(3,)], "the connection still serves"


@pytest.mark.parametrize(
    "statement",
    [
        "describe price_bars",
        "show tables",
        "summarize price_bars",
        "explain select 1",
        "EXPLAIN ANALYZE select 1",
        "with a as (select 1) from a",
        "values (1);",
    ],
)
def test_looking_around_is_allowed(connection, statement):
    assert query(connection, statement).rows


def test_a_table_of_another_version_refuses_in_words_and_lets_the_others_answer(warehouse):
    other = Warehouse.open(warehouse.data_dir, ("technical", "options", "squeeze"))
    day = date(2024, 1, 2)
    rows = other.table("discovery_candidates").table
    candidate = pl.DataFrame(
        [{column.name: day if column.name == "known_on" else _something(column.dtype) for column in rows.columns}],
        schema=rows.schema,
    )
    other.table("discovery_candidates").write(candidate, [day])
    with connect(warehouse) as connection:
        assert query(connection, "select count(*) from price_bars").rows == [(3,)]
        with pytest.raises(QueryError, match=r"declared differently .* backfill --from 2024-01-02 --to 2024-01-02"):
            query(connection, "select count(*) from discovery_candidates")


def _something(dtype):
    """A value of this type."""
    if isinstance(dtype, pl.List):
        return []
    return {pl.Date: date(2024, 1, 2), pl.Datetime: datetime(2024, 1, 2, tzinfo=UTC), pl.String: "a"}.get(
        dtype.base_type(), 1
    )


@pytest.mark.slow
def test_tables_of_1800_days_answer(warehouse):
    days = pl.date_range(date(2018, 1, 1), date(2022, 12, 5), eager=True).to_list()
    for name in ("price_bars", "index_closes"):
        table = warehouse.table(name)
        values = {column.name: _value(column.dtype) for column in table.table.columns}
        frame = pl.DataFrame([values | {"known_on": each} for each in days], schema=table.table.schema)
        table.write(frame, days)
    with connect(warehouse) as connection:
        assert query(connection, "select count(*) from index_closes").rows == [(len(days),)]
