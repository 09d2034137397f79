"""A vendor's bars after a split: all in units of the new shares, and what was computed from them is opened again."""

from datetime import date, timedelta

import polars as pl
import pytest

from amc_learning.market_data.errors import VendorError
from amc_learning.stages.bars import collect_bars
from amc_learning.warehouse import reopened
from amc_learning_tests.market_data.vendor import Reply, bar, instant, serving, split
from amc_learning_tests.stages.bar_world import (
    NOW,
    SESSIONS,
    add_candidates,
    bars_of,
    closes,
    merge,
    outcomes_of_every_day,
    stored,
)
from amc_learning_tests.stages.vendor_world import asking, vendor_of_every_session, vendor_world

pytestmark = pytest.mark.usefixtures("clean_environment")


@pytest.fixture
def vendor():
    with serving(vendor_of_every_session()) as running:
        yield running


def live_through(vendor, warehouse, settings, days):
    """Every night in its turn, half past midnight after its session."""
    for day in days:
        collect_bars(warehouse, settings, [day], now=instant(day + timedelta(days=1), 0, 30))


def halve(vendor, symbol, before):
    """What the vendor does on a two-for-one split: every earlier bar in units of the new shares."""
    for day, rows in vendor.bars.items():
        for row in rows:
            if row["T"] == symbol and day < before:
                row.update({name: row[name] / 2 for name in ("o", "h", "l", "c")}, v=row["v"] * 2)


def split_after_ten_nights(vendor, data_dir):
    warehouse, settings = vendor_world(vendor, data_dir)
    live_through(vendor, warehouse, settings, SESSIONS[:10])
    for day in SESSIONS[10:]:
        vendor.bars[day][1] = bar("BBB", day, 50.5)
    halve(vendor, "BBB", SESSIONS[10])
    vendor.split_rows.append(split("BBB", SESSIONS[10]))
    return warehouse, settings


def test_after_a_split_every_earlier_bar_of_the_symbol_is_in_units_of_the_new_shares(vendor, tmp_path):
    warehouse, settings = split_after_ten_nights(vendor, tmp_path / "data")
    assert set(closes(warehouse, "BBB").values()) == {101.0}
    live_through(vendor, warehouse, settings, SESSIONS[10:12])
    assert closes(warehouse, "BBB") == dict.fromkeys(SESSIONS[:12], 50.5)
    assert set(closes(warehouse, "AAA").values()) == {100.0}
    asked = [path for path in vendor.paths if "/ticker/" in path]
    assert asked == [f"/v2/aggs/ticker/BBB/range/1/day/{SESSIONS[0]}/{SESSIONS[9]}"]


def test_a_split_is_applied_once_however_often_the_night_runs(vendor, tmp_path):
    warehouse, settings = split_after_ten_nights(vendor, tmp_path / "data")
    for _ in range(3):
        live_through(vendor, warehouse, settings, [SESSIONS[10]])
    assert sum("/ticker/" in path for path in vendor.paths) == 1


def test_a_damaged_record_of_fetches_costs_a_fetch_and_no_night(vendor, tmp_path):
    warehouse, settings = split_after_ten_nights(vendor, tmp_path / "data")
    for name in ("bar_fetches", "stock_splits"):
        for path in warehouse.table(name).folder.rglob("*.parquet"):
            path.write_bytes(b"PAR1 nonsense")
    live_through(vendor, warehouse, settings, [SESSIONS[10]])
    assert closes(warehouse, "BBB") == dict.fromkeys(SESSIONS[:11], 50.5)


def test_history_fetched_after_its_splits_is_not_fetched_again(vendor, tmp_path):
    vendor.split_rows.append(split("BBB", SESSIONS[3]))
    warehouse, settings = vendor_world(vendor, tmp_path / "data")
    collect_bars(warehouse, settings, SESSIONS[:6], now=NOW)
    assert stored(warehouse).height == 6 * 6
    assert not any("/ticker/" in path for path in vendor.paths)


def test_bars_that_came_from_files_are_brought_to_the_vendors_units_too(vendor, tmp_path):
    warehouse, settings = vendor_world(vendor, tmp_path / "data")
    merge(warehouse, settings, bars_of(SESSIONS[:3]))
    vendor.split_rows.append(split("BBB", SESSIONS[3]))
    live_through(vendor, warehouse, settings, [SESSIONS[3]])
    assert closes(warehouse, "BBB") == dict.fromkeys(SESSIONS[:4], 101.0)
    assert closes(warehouse, "CCC")[SESSIONS[0]] == 120.0  # as the file said: 100 + 10 for each place in the list


def test_a_split_over_a_weekend_is_seen_by_mondays_night(vendor, tmp_path):
    warehouse, settings = vendor_world(vendor, tmp_path / "data")
    friday, monday = date(2024, 1, 5), date(2024, 1, 8)
    live_through(vendor, warehouse, settings, [friday])
    halve(vendor, "BBB", monday)
    vendor.split_rows.append(split("BBB", date(2024, 1, 6)))
    live_through(vendor, warehouse, settings, [monday])
    assert closes(warehouse, "BBB")[friday] == 50.5


def test_an_outage_while_splits_are_applied_leaves_the_rest_for_the_next_run(vendor, tmp_path):
    warehouse, settings = split_after_ten_nights(vendor, tmp_path / "data")
    halve(vendor, "CCC", SESSIONS[10])
    vendor.split_rows.append(split("CCC", SESSIONS[10]))
    vendor.fault_for = lambda seen: Reply(500, "") if "/ticker/CCC/" in seen.path else None
    night = {"now": instant(SESSIONS[10] + timedelta(days=1), 0, 30)}
    with asking(vendor) as client, pytest.raises(VendorError, match="bars of CCC"):
        collect_bars(warehouse, settings, [SESSIONS[10]], **night, client=client)
    assert closes(warehouse, "BBB")[SESSIONS[0]] == 50.5
    vendor.fault_for = lambda _: None
    vendor.seen.clear()
    collect_bars(warehouse, settings, [SESSIONS[10]], **night)
    assert [path.split("/")[4] for path in vendor.paths if "/ticker/" in path] == ["CCC"]
    assert closes(warehouse, "CCC")[SESSIONS[0]] == 51.0


def test_sessions_the_vendor_no_longer_has_are_named(vendor, tmp_path):
    warehouse, settings = split_after_ten_nights(vendor, tmp_path / "data")
    del vendor.bars[SESSIONS[0]]
    night = instant(SESSIONS[10] + timedelta(days=1), 0, 30)
    report = collect_bars(warehouse, settings, [SESSIONS[10]], now=night)
    assert any(f"no longer has 1 sessions, from {SESSIONS[0]} on" in message for message in report.messages)


def test_a_split_opens_the_computed_days_it_touches_and_no_return_jumps_after_them(vendor, tmp_path):
    warehouse, settings = vendor_world(vendor, tmp_path / "data")
    live_through(vendor, warehouse, settings, SESSIONS)
    add_candidates(warehouse)
    outcomes_of_every_day(warehouse, settings)
    for day in SESSIONS[20:]:
        vendor.bars[day][1] = bar("BBB", day, 50.5)
    halve(vendor, "BBB", SESSIONS[20])
    vendor.split_rows.append(split("BBB", SESSIONS[20]))
    corrected = bars_of(SESSIONS[20:], ("BBB",)).with_columns(
        pl.lit(50.0).alias("open"), high=51.5, low=49.5, close=50.5
    )
    merge(warehouse, settings, corrected)
    report = collect_bars(warehouse, settings, [SESSIONS[20]], now=instant(SESSIONS[20] + timedelta(days=1), 0, 30))
    # the bars of every session before the split changed: a row depends on one of them unless it was entered later
    rows = warehouse.table("candidate_outcomes").read(None, None).filter(pl.col("symbol") == "BBB")
    touched = rows.filter(pl.col("entry_date") < SESSIONS[20])["known_on"].unique().to_list()
    assert sorted(reopened.open_days(warehouse)) == sorted(touched)
    assert any("amc-learning run evidence" in message for message in report.messages)
    outcomes_of_every_day(warehouse, settings)
    returns = warehouse.table("candidate_outcomes").read(None, None)["forward_return"].drop_nulls()
    assert returns.abs().max() < 0.02  # the open is half a dollar below a constant close of 50.5
