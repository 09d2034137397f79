from datetime import date

import pytest

from amc_learning.warehouse import CorruptDocument, StorageError, Warehouse, reopened

MONDAY, TUESDAY = date(2024, 1, 8), date(2024, 1, 9)


@pytest.fixture
def warehouse(tmp_path):
    return Warehouse.open(tmp_path / "data", ("a", "b"))


def test_nothing_is_open_in_a_new_warehouse_and_closing_writes_nothing(warehouse):
    reopened.close(warehouse, "candidate_outcomes", [MONDAY])
    assert reopened.open_days(warehouse) == {}
    assert not (warehouse.data_dir / "tables" / reopened.RECORD_NAME).exists()


def test_open_days_come_in_order_of_all_tables_or_of_one_and_keep_their_first_reason(warehouse):
    reopened.add(warehouse, "candidate_outcomes", {TUESDAY: "late"})
    reopened.add(warehouse, "trade_outcomes", {MONDAY: "other"})
    reopened.add(warehouse, "candidate_outcomes", {TUESDAY: "later", MONDAY: "later"})
    assert reopened.open_days(warehouse, "candidate_outcomes") == {MONDAY: "later", TUESDAY: "late"}
    assert list(reopened.open_days(warehouse)) == [MONDAY, TUESDAY]
    assert reopened.open_days(warehouse, "thesis_outcomes") == {}


def test_a_day_is_closed_for_the_table_that_was_written_and_stays_open_for_the_others(warehouse):
    for table in ("candidate_outcomes", "trade_outcomes"):
        reopened.add(warehouse, table, {MONDAY: "late", TUESDAY: "late"})
    reopened.close(warehouse, "candidate_outcomes", [MONDAY, date(2024, 1, 10)])
    assert list(reopened.open_days(warehouse, "candidate_outcomes")) == [TUESDAY]
    assert list(reopened.open_days(warehouse)) == [MONDAY, TUESDAY]
    reopened.close(warehouse, "candidate_outcomes", [TUESDAY])
    reopened.close(warehouse, "trade_outcomes", [MONDAY, TUESDAY])
    assert reopened.open_days(warehouse) == {}


def test_the_record_outlives_the_process(warehouse, tmp_path):
    reopened.add(warehouse, "candidate_outcomes", {MONDAY: "late"})
    assert list(reopened.open_days(Warehouse.open(tmp_path / "data", ("a", "b")))) == [MONDAY]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"t": 1}', b'{"t": {"yesterday": "late"}}'])
def test_a_damaged_record_is_said_and_not_taken_for_an_empty_one(warehouse, content):
    path = warehouse.data_dir / "tables" / reopened.RECORD_NAME
    path.write_bytes(content)
    for use in (lambda: reopened.open_days(warehouse), lambda: reopened.add(warehouse, "t", {MONDAY: "late"})):
        with pytest.raises(CorruptDocument, match="run evidence over all days"):
            use()
    assert path.read_bytes() == content


def test_a_record_that_cannot_be_written_is_an_error_before_any_change(warehouse):
    (warehouse.data_dir / "tables" / reopened.LOCK_NAME).mkdir()
    with pytest.raises(StorageError, match="nothing was changed"):
        reopened.add(warehouse, "candidate_outcomes", {MONDAY: "late"})
