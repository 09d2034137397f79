import polars as pl
import pytest

from amc_learning.contracts.tables import TOTAL_SCORE, catalogue

COMPONENTS = ("volume_momentum", "squeeze")
TABLES = tuple(catalogue(COMPONENTS))


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
class TestEveryTable:
    def test_is_partitioned_by_its_first_column(self, table):
        assert table.column_names[0] == "known_on"
        assert table.schema["known_on"] == pl.Date

    def test_has_a_key_of_columns_that_are_never_null(self, table):
        nullable = {column.name for column in table.columns if column.is_nullable}
        assert table.key
        assert set(table.key) <= set(table.column_names) - nullable

    def test_says_what_it_and_each_column_means(self, table):
        assert table.description.endswith(".")
        assert all(column.description for column in table.columns)

    def test_names_each_column_once_in_plain_words(self, table):
        assert len(set(table.column_names)) == len(table.column_names)
        assert all(name.isidentifier() and name == name.lower() for name in table.column_names)

    def test_tells_times_apart_by_their_suffix(self, table):
        for column in table.columns:
            if isinstance(column.dtype, pl.Datetime):
                assert column.name.endswith("_at"), column.name
                assert column.dtype.time_zone == "UTC"
            if column.name.startswith(("is_", "has_")):
                assert column.dtype == pl.Boolean, column.name

    def test_an_empty_frame_has_the_declared_schema(self, table):
        assert table.empty().schema == pl.Schema(table.schema)
        assert table.empty().is_empty()


def test_components_become_columns_and_a_change_of_set_changes_only_these():
    other = catalogue(("rvol", "change", "momentum"))
    for table in TABLES:
        mine, theirs = set(table.column_names), set(other[table.name].column_names)
        assert mine ^ theirs in (set(), {*COMPONENTS, "rvol", "change", "momentum"})
    assert {*COMPONENTS, TOTAL_SCORE} <= set(catalogue(COMPONENTS)["discovery_candidates"].column_names)


def test_an_unknown_table_is_refused_with_those_there_are():
    with pytest.raises(KeyError, match=r"no table named 'nonsense'.*discovery_events.*operator_actions"):
        catalogue(COMPONENTS)["nonsense"]
