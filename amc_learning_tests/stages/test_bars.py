"""The first step of a night: bars from files or from events, nothing twice and nothing lost."""

import json
import os

import polars as pl
import pytest

from amc_learning.stages.bars import collect_bars
from amc_learning.warehouse import InboxEvent
from amc_learning_tests.stages.bar_world import NOW, SESSIONS, bars_of, closes, exit_code_of, open_world, stored

pytestmark = pytest.mark.usefixtures("clean_environment")


# -- files --------------------------------------------------------------------------------------------------------


@pytest.fixture
def world(tmp_path):
    return open_world(tmp_path / "data")


def dropped(warehouse, name, frame=None, content=None):
    folder = warehouse.data_dir / "inbox" / "bars"
    folder.mkdir(parents=True, exist_ok=True)
    if frame is None:
        (folder / name).write_bytes(content)
    else:
        frame.write_csv(folder / name)
    return folder / name


def test_files_are_merged_in_the_order_of_their_names_and_moved_away(world):
    warehouse, settings = world
    dropped(warehouse, "1.csv", bars_of(SESSIONS[:2]))
    dropped(warehouse, "2.csv", bars_of(SESSIONS[1:2], ("AAA",)).with_columns(pl.col("close") + 0.25))
    report = collect_bars(warehouse, settings, SESSIONS[:3], now=NOW)
    assert (report.source, report.n_inputs, report.n_read, report.n_accepted) == ("files", 2, 13, 13)
    assert report.waiting == (SESSIONS[2],)
    assert closes(warehouse, "AAA")[SESSIONS[1]] == 101.25  # 100 + one day + the correction
    folder = warehouse.data_dir / "inbox" / "bars"
    assert sorted(path.name for path in folder.iterdir() if path.is_file()) == []
    assert sorted(path.name for path in (folder / "done").iterdir()) == ["1.csv", "2.csv"]
    again = collect_bars(warehouse, settings, SESSIONS[:3], now=NOW)
    assert (again.n_inputs, again.n_read) == (0, 0)


def test_an_unreadable_file_goes_to_failed_and_the_others_go_in(world):
    warehouse, settings = world
    dropped(warehouse, "a.csv", content=b"")
    dropped(warehouse, "b.parquet", content=b"PAR1 nonsense")
    dropped(warehouse, "c.xlsx", content=b"PK")
    dropped(warehouse, "d.csv", bars_of(SESSIONS[:1]))
    report = collect_bars(warehouse, settings, SESSIONS[:1], now=NOW)
    assert (report.n_inputs, report.n_failed, report.n_accepted) == (4, 3, 6)
    failed = warehouse.data_dir / "inbox" / "bars" / "failed"
    assert sorted(path.name for path in failed.iterdir()) == ["a.csv", "b.parquet", "c.xlsx"]
    assert sum("moved to" in message for message in report.messages) == 3


def test_two_files_of_one_name_are_both_kept_in_done(world):
    warehouse, settings = world
    for day in SESSIONS[:2]:
        dropped(warehouse, "bars.csv", bars_of([day]))
        collect_bars(warehouse, settings, SESSIONS[:2], now=NOW)
    done = warehouse.data_dir / "inbox" / "bars" / "done"
    assert sorted(path.name for path in done.iterdir()) == ["bars.csv", "bars.csv.2"]
    assert stored(warehouse).height == 12


def test_a_bad_row_of_a_file_is_in_quarantine_and_the_file_is_done(world):
    warehouse, settings = world
    dropped(warehouse, "a.csv", bars_of(SESSIONS[:1]).with_columns(high=pl.lit(1.0)).head(1))
    report = collect_bars(warehouse, settings, [], now=NOW)
    assert (report.n_read, report.n_quarantined) == (1, 1)
    assert warehouse.inbox.n_quarantined("bars") == 1
    assert (warehouse.data_dir / "inbox" / "bars" / "done" / "a.csv").exists()


def test_hidden_files_and_folders_are_left_alone(world):
    warehouse, settings = world
    hidden = dropped(warehouse, ".bars.csv.part", content=b"half of it")
    assert collect_bars(warehouse, settings, [], now=NOW).n_inputs == 0
    assert hidden.exists()


def die_before_the_move(data_dir):
    from pathlib import Path  # noqa: PLC0415

    Path.rename = lambda *_: os._exit(9)  # type: ignore[method-assign]
    collect_bars(*open_world(data_dir), SESSIONS[:1], now=NOW)


def test_a_crash_between_the_rows_and_the_move_takes_the_file_again_and_doubles_nothing(world, tmp_path):
    warehouse, settings = world
    path = dropped(warehouse, "bars.csv", bars_of(SESSIONS[:1]))
    assert exit_code_of(die_before_the_move, tmp_path / "data") == 9
    assert path.exists()
    before = warehouse.table("price_bars").fingerprint(None, None)
    report = collect_bars(warehouse, settings, SESSIONS[:1], now=NOW)
    assert (report.n_read, report.n_accepted, report.n_duplicates) == (6, 0, 6)
    assert warehouse.table("price_bars").fingerprint(None, None) == before
    assert not path.exists()


# -- events -------------------------------------------------------------------------------------------------------


def event(number, payload):
    return InboxEvent(
        kind="bars",
        event_id=f"e{number}",
        known_on=SESSIONS[0],
        received_at=NOW,
        occurred_at=NOW,
        occurred_at_source="receipt",
        source="http",
        payload=payload if isinstance(payload, str) else json.dumps(payload),
    )


def sent_bar(symbol, day, close):
    prices = {"open": close, "high": close, "low": close, "close": close}
    return {"symbol": symbol, "date": day.isoformat(), **prices, "volume": 10}


@pytest.fixture
def collecting(tmp_path):
    return open_world(tmp_path / "data", market={"bars_source": "collector"})


def test_events_are_merged_in_the_order_of_their_receipt_and_drained(collecting):
    warehouse, settings = collecting
    day = SESSIONS[0]
    payloads = [{"bars": [sent_bar("AAA", day, 10), sent_bar("BBB", day, 20)]}, {"bars": [sent_bar("AAA", day, 11)]}]
    warehouse.inbox.append([event(number, payload) for number, payload in enumerate(payloads)])
    report = collect_bars(warehouse, settings, [day], now=NOW)
    assert (report.source, report.n_inputs, report.n_read, report.n_accepted) == ("collector", 2, 3, 2)
    assert stored(warehouse).select("symbol", "close_usd").rows() == [("AAA", 11.0), ("BBB", 20.0)]
    assert warehouse.inbox.n_pending("bars") == 0
    assert report.waiting == ()


@pytest.mark.parametrize("payload", ["{not json", '{"bars": 1}', '{"bars": []}', '{"bars": [{"a": 1}]}', "null"])
def test_an_event_nobody_understands_is_kept_in_quarantine_and_the_next_one_goes_in(collecting, payload):
    warehouse, settings = collecting
    warehouse.inbox.append([event(1, payload), event(2, {"bars": [sent_bar("AAA", SESSIONS[0], 10)]})])
    report = collect_bars(warehouse, settings, [], now=NOW)
    assert (report.n_inputs, report.n_failed, report.n_accepted) == (2, 1, 1)
    (item,) = warehouse.inbox.quarantined("bars").to_dicts()
    assert item["payload"] == payload
    assert warehouse.inbox.n_pending("bars") == 0


def test_a_bad_row_of_an_event_is_in_quarantine_by_name(collecting):
    warehouse, settings = collecting
    rows = [sent_bar("AAA", SESSIONS[0], 10), {**sent_bar("BBB", SESSIONS[0], 10), "high": 1}]
    warehouse.inbox.append([event(7, {"bars": rows})])
    report = collect_bars(warehouse, settings, [], now=NOW)
    assert (report.n_read, report.n_accepted, report.n_quarantined) == (2, 1, 1)
    (item,) = warehouse.inbox.quarantined("bars").to_dicts()
    assert item["source"] == "http event e7 row 2"


def die_before_the_drain(data_dir):
    from amc_learning.warehouse.inbox import Inbox  # noqa: PLC0415

    Inbox.mark_drained = lambda *_: os._exit(9)  # type: ignore[method-assign]
    collect_bars(*open_world(data_dir, market={"bars_source": "collector"}), [], now=NOW)


def test_a_crash_between_the_rows_and_the_drain_takes_the_events_again_and_doubles_nothing(collecting, tmp_path):
    warehouse, settings = collecting
    warehouse.inbox.append([event(1, {"bars": [sent_bar("AAA", SESSIONS[0], 10)]})])
    warehouse.inbox.close()
    assert exit_code_of(die_before_the_drain, tmp_path / "data") == 9
    assert warehouse.inbox.n_pending("bars") == 1
    report = collect_bars(warehouse, settings, [], now=NOW)
    assert (report.n_accepted, report.n_duplicates, warehouse.inbox.n_pending("bars")) == (0, 1, 0)
    assert stored(warehouse).height == 1
