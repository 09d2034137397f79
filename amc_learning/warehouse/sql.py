"""SQL over every table, for analysts: one DuckDB view per table, described by its declaration, read-only.

Belongs here: the views and the locks around them. Not here: printing results (cli), dataframes for learning (tables).
A view reads the files the manifest names when it is made; DuckDB does not verify their hashes. Call `connect` anew
after a run. Statements that are not queries are refused, and no file outside the tables can be read. From an object
store the files of the tables that a statement names are copied to this machine first.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl

from amc_learning.contracts.tables import Column, Table
from amc_learning.warehouse.errors import QueryError
from amc_learning.warehouse.manifest import ManifestEntry
from amc_learning.warehouse.remedies import old_rows
from amc_learning.warehouse.tables import PartitionedTable

if TYPE_CHECKING:
    import duckdb

    from amc_learning.warehouse.warehouse import Warehouse

SQL_TYPES = {
    pl.Boolean: "BOOLEAN",
    pl.Date: "DATE",
    pl.Datetime: "TIMESTAMPTZ",
    pl.Float64: "DOUBLE",
    pl.Int64: "BIGINT",
    pl.String: "VARCHAR",
}

CONFIGURATION: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,  # a misspelt table must not find a variable of the program
}


@dataclass(frozen=True)
class QueryResult:
    """Names of the columns, and the rows as tuples of Python values."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def connect(warehouse: "Warehouse", statement: str | None = None) -> "duckdb.DuckDBPyConnection":
    """An in-memory DuckDB with a view of every table; nothing but their files is within its reach.

    Args:
        warehouse: whose tables to show. Tables and columns carry their descriptions as comments
            (`select column_name, comment from duckdb_columns()`).
        statement: what will be asked. Tables on an object store are fetched only where it names them, and the others
            refuse; None fetches all.
    """
    import duckdb  # noqa: PLC0415 - a twentieth of a second that only SQL needs

    connection = duckdb.connect(config=CONFIGURATION)
    connection.execute("SET TimeZone = 'UTC'")
    for name, table in warehouse.tables.items():
        is_wanted = warehouse.warehouse_url is None or statement is None or name in statement.casefold()
        selection = _selection(table) if is_wanted else _refusal(table.table, f"{name} was not fetched; name it")
        connection.execute(f"CREATE VIEW {_identifier(name)} AS {selection}")
        for comment in _comments(table.table):
            connection.execute(comment)
    folder = f"{warehouse.tables_folder}/"
    # DuckDB checks a path as it is spelled in the view, so the spelling without wildcards is allowed as well
    allowed = ", ".join(_literal(spelling) for spelling in (folder, _without_wildcards(folder)))
    connection.execute(f"SET allowed_directories = [{allowed}]")
    connection.execute("SET temp_directory = ''")  # memory only: nothing is written outside the data directory
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def query(connection: "duckdb.DuckDBPyConnection", sql: str) -> QueryResult:
    """The result of one query (SELECT, WITH, DESCRIBE, SHOW, EXPLAIN and the like).

    Args:
        connection: from `connect`.
        sql: one statement.

    Raises:
        QueryError: not exactly one statement, not a query, or refused by DuckDB, with its words.
    """
    import duckdb  # noqa: PLC0415 - as above

    try:
        statements = connection.extract_statements(sql)
        if not statements:
            raise QueryError("there is no statement in it; write a query, like: show tables")
        if len(statements) != 1:
            raise QueryError(f"one statement at a time; these are {len(statements)}")
        kind = statements[0].type.name
        if kind != "SELECT" and (kind != "EXPLAIN" or _explains_a_change(connection, sql)):
            raise QueryError(f"{kind} is not a query; tables are read-only here (SELECT, DESCRIBE, SHOW, EXPLAIN)")
        result = connection.execute(statements[0])
        columns = tuple(str(column[0]) for column in result.description or ())
        return QueryResult(columns, result.fetchall())
    except duckdb.Error as error:
        words = duckdb.CatalogException | duckdb.BinderException | duckdb.ParserException
        raise QueryError(str(error), is_about_words=isinstance(error, words)) from error


def _explains_a_change(connection: "duckdb.DuckDBPyConnection", sql: str) -> bool:
    """EXPLAIN ANALYZE runs what it explains, so what is explained must be a query itself."""
    import duckdb  # noqa: PLC0415 - as above

    explained = re.match(r"\s*explain\s+(?:analyze\s+)?(.*)", sql, flags=re.IGNORECASE | re.DOTALL)
    if explained is None:
        return True
    return [inner.type for inner in connection.extract_statements(explained[1])] != [duckdb.StatementType.SELECT]


def _selection(table: PartitionedTable) -> str:
    """The SELECT behind a view: the files of the manifest, or a typed frame without rows.

    A table written by another version refuses when it is asked, in words, and does not keep the others from answering.
    """
    if outdated := table.outdated():
        days = table.days()
        return _refusal(table.table, old_rows(table.table.name, outdated[0], days[0], days[-1]))
    entries = [entry for entry in table.entries() if entry.file is not None]
    if not entries:
        return f"SELECT {_nulls(table.table)} WHERE false"
    alone = [entry for entry in entries if entry.pack_sha256 is None]
    packed = [entry for entry in entries if entry.pack_sha256 is not None]
    selections = [_from_files(table, some) for some in (packed, alone) if some]
    if packed and (again := _written_again(table, packed)):
        # the file of a month keeps the rows of a day that was written again since
        selections[0] += f" WHERE known_on NOT IN ({', '.join(_literal(str(day)) for day in again)})"
    return " UNION ALL ".join(selections)


def _from_files(table: PartitionedTable, entries: Sequence[ManifestEntry]) -> str:
    paths = list(dict.fromkeys(path for entry in entries if (path := table.path(entry)) is not None))
    table.storage.fetch(paths)
    # absolute paths, so that one folder is allowed and nothing else; hive columns off: known_on is in the files
    files = [_literal(_without_wildcards(str(path))) for path in paths]
    names = ", ".join(_identifier(column.name) for column in table.table.columns)
    return f"SELECT {names} FROM read_parquet([{', '.join(files)}], hive_partitioning = false)"


def _written_again(table: PartitionedTable, packed: Sequence[ManifestEntry]) -> list[date]:
    """Days of the months that have a file which do not lie in it."""
    months = {(entry.known_on.year, entry.known_on.month) for entry in packed}
    days = {entry.known_on for entry in packed}
    return [day for day in table.days() if (day.year, day.month) in months and day not in days]


def _refusal(table: Table, reason: str) -> str:
    """A SELECT with the columns of the table that says why it has no rows when it is run."""
    return f"SELECT {_nulls(table)} WHERE error({_literal(reason)})"


def _nulls(table: Table) -> str:
    return ", ".join(f"NULL::{_sql_type(column.dtype)} AS {_identifier(column.name)}" for column in table.columns)


def _comments(table: Table) -> Iterator[str]:
    view = _identifier(table.name)
    yield f"COMMENT ON VIEW {view} IS {_literal(table.description)}"
    for column in table.columns:
        yield f"COMMENT ON COLUMN {view}.{_identifier(column.name)} IS {_literal(_described(column))}"


def _described(column: Column) -> str:
    return f"{column.description} [{column.unit}]" if column.unit else column.description


def _sql_type(dtype: pl.DataType | type[pl.DataType]) -> str:
    inner = getattr(dtype, "inner", None)
    if inner is not None:
        return f"{_sql_type(inner)}[]"
    return SQL_TYPES[dtype.base_type()]


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _without_wildcards(path: str) -> str:
    """A path that DuckDB takes literally, also when a folder of the user's is called `a[1]*`."""
    return re.sub(r"([*?\[])", r"[\1]", path)
