"""The first step of a night: bars from files, from events or from a vendor, nothing twice and nothing lost."""

import json
import multiprocessing
import os
from datetime import date, timedelta

import polars as pl
import pytest
from pydantic import ValidationError

from amc_learning.market_data.errors import VendorError, VendorRefused
from amc_learning.market_data.polygon import PolygonClient
from amc_learning.stages.bars import collect_bars
from amc_learning.stages.vendor_bars import polygon_client
from amc_learning.warehouse import InboxEvent, reopened
from amc_learning_tests.market_data.vendor import (
    KEY,
    NOT_ENTITLED,
    RATE_LIMITED,
    UNKNOWN_KEY,
    Clock,
    Reply,
    Vendor,
    bar,
    instant,
    serving,
    split,
)
from amc_learning_tests.stages.bar_world import (
    NOW,
    SESSIONS,
    SYMBOLS,
    add_candidates,
    bars_of,
    merge,
    open_world,
    outcomes_of_every_day,
)

pytestmark = pytest.mark.usefixtures("clean_environment")

HOLIDAY = date(2024, 1, 15)


def stored(warehouse):
    return warehouse.table("price_bars").read(None, None)


def closes(warehouse, symbol):
    return dict(stored(warehouse).filter(pl.col("symbol") == symbol).select("known_on", "close_usd").iter_rows())


# -- files ------------------------------------------------------------------------------------------------------


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


def exit_code_of(function, *arguments):
    process = multiprocessing.get_context("spawn").Process(target=function, args=arguments)
    process.start()
    process.join()
    return process.exitcode


# -- events -----------------------------------------------------------------------------------------------------


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


# -- the vendor -------------------------------------------------------------------------------------------------


@pytest.fixture
def vendor():
    with serving(Vendor(bars={day: rows_of(day) for day in SESSIONS})) as running:
        yield running


def rows_of(day, factor=1.0):
    return [bar(symbol, day, (100.0 + place) * factor) for place, symbol in enumerate(SYMBOLS)]


def vendor_world(vendor, data_dir, key=KEY):
    polygon = {"base_url": vendor.url, "api_key": key, "requests_per_minute": 6000, "max_attempts": 2}
    return open_world(data_dir, market={"bars_source": "polygon"}, polygon=polygon)


def asking(vendor):
    clock = Clock()
    return PolygonClient(vendor.url, KEY, requests_per_minute=6000, max_attempts=2, sleep=clock.sleep, clock=clock)


def grouped(vendor):
    """The sessions the vendor was asked for, in order."""
    return [date.fromisoformat(path.rsplit("/", 1)[1]) for path in vendor.paths if "/grouped/" in path]


def test_every_session_that_is_over_is_fetched_once_holidays_never(vendor, tmp_path):
    warehouse, settings = vendor_world(vendor, tmp_path / "data")
    days = [day for day in (SESSIONS[0] + timedelta(step) for step in range(21)) if day.weekday() < 5]
    report = collect_bars(warehouse, settings, days, now=NOW)
    assert HOLIDAY in days
    assert grouped(vendor) == [day for day in days if day != HOLIDAY]
    assert (report.n_accepted, report.waiting) == (14 * 6, ())
    assert stored(warehouse).height == 14 * 6
    again = collect_bars(warehouse, settings, days, now=NOW)
    assert len(grouped(vendor)) == 14
    assert (again.n_read, again.waiting) == (0, ())


def test_a_session_is_fetched_only_after_its_bars_have_settled(vendor, tmp_path):
    warehouse, settings = vendor_world(vendor, tmp_path / "data")
    day = SESSIONS[5]
    running = collect_bars(warehouse, settings, [day], now=instant(day, 15))
    assert (grouped(vendor), running.waiting) == ([], ())
    closed = collect_bars(warehouse, settings, [day], now=instant(day, 16, 30))
    assert (grouped(vendor), closed.waiting) == ([], (day,))
    assert any("settle until" in message for message in closed.messages)
    settled = collect_bars(warehouse, settings, [day], now=instant(day, 20))
    assert (grouped(vendor), settled.waiting) == ([day], ())


def test_a_session_the_vendor_has_not_yet_is_waited_for_and_asked_again(vendor, tmp_path):
    warehouse, settings = vendor_world(vendor, tmp_path / "data")
    rows = vendor.bars.pop(SESSIONS[1])
    report = collect_bars(warehouse, settings, SESSIONS[:3], now=NOW)
    assert report.waiting == (SESSIONS[1],)
    vendor.bars[SESSIONS[1]] = rows
    assert collect_bars(warehouse, settings, SESSIONS[:3], now=NOW).waiting == ()
    assert grouped(vendor) == [*SESSIONS[:3], SESSIONS[1]]


def test_a_bad_row_of_the_vendor_is_in_quarantine_and_the_others_are_stored(vendor, tmp_path):
    warehouse, settings = vendor_world(vendor, tmp_path / "data")
    vendor.bars[SESSIONS[0]][2]["h"] = 1.0
    report = collect_bars(warehouse, settings, SESSIONS[:1], now=NOW)
    assert (report.n_read, report.n_accepted, report.n_quarantined) == (6, 5, 1)
    (item,) = warehouse.inbox.quarantined("bars").to_dicts()
    assert (item["source"], item["field"]) == (f"polygon {SESSIONS[0]} row 3", "high_usd")


def test_after_an_outage_the_next_run_goes_on_where_the_last_one_stopped(vendor, tmp_path):
    warehouse, settings = vendor_world(vendor, tmp_path / "data")
    vendor.fault_for = lambda seen: Reply(503, "") if seen.path.endswith(str(SESSIONS[2])) else None
    with asking(vendor) as client, pytest.raises(VendorError, match=f"bars of {SESSIONS[2]} in 2 attempts: HTTP 503"):
        collect_bars(warehouse, settings, SESSIONS[:5], now=NOW, client=client)
    assert sorted(set(stored(warehouse)["known_on"])) == SESSIONS[:2]
    vendor.fault_for = lambda _: None
    vendor.seen.clear()
    assert collect_bars(warehouse, settings, SESSIONS[:5], now=NOW).waiting == ()
    assert grouped(vendor) == SESSIONS[2:5]


def die_in_the_third_session(url, data_dir):
    """Killed after the third answer came and before its rows lie in the table."""
    from amc_learning.warehouse import PartitionedTable  # noqa: PLC0415

    merge_really, calls = PartitionedTable.merge, []

    def merge_or_die(self, frame, *, repair=False):
        calls.append(self.table.name)
        if calls.count("price_bars") == 3:
            os._exit(9)
        return merge_really(self, frame, repair=repair)

    PartitionedTable.merge = merge_or_die  # type: ignore[method-assign]
    vendor = Vendor(url=url)
    collect_bars(*vendor_world(vendor, data_dir), SESSIONS[:5], now=NOW)


def test_a_process_killed_between_two_sessions_leaves_whole_ones_and_the_next_fetches_the_rest(vendor, tmp_path):
    assert exit_code_of(die_in_the_third_session, vendor.url, tmp_path / "data") == 9
    warehouse, settings = vendor_world(vendor, tmp_path / "data")
    assert grouped(vendor) == SESSIONS[:3]
    counts = stored(warehouse).group_by("known_on").len().sort("known_on").rows()
    assert counts == [(SESSIONS[0], 6), (SESSIONS[1], 6)]
    collect_bars(warehouse, settings, SESSIONS[:5], now=NOW)
    assert grouped(vendor) == [*SESSIONS[:3], *SESSIONS[2:5]]
    whole, its_settings = vendor_world(vendor, tmp_path / "other")
    collect_bars(whole, its_settings, SESSIONS[:5], now=NOW)
    assert warehouse.table("price_bars").fingerprint(None, None) == whole.table("price_bars").fingerprint(None, None)


@pytest.mark.parametrize("fault", [Reply(401, UNKNOWN_KEY), Reply(403, NOT_ENTITLED)], ids=["unknown", "plan"])
def test_a_refused_key_names_the_setting_and_never_itself(vendor, tmp_path, fault):
    warehouse, settings = vendor_world(vendor, tmp_path / "data")
    vendor.fault_for = lambda _: fault
    with pytest.raises(VendorRefused, match="AMC_LEARNING_POLYGON__API_KEY") as caught:
        collect_bars(warehouse, settings, SESSIONS[:1], now=NOW)
    assert KEY not in str(caught.value) + repr(settings) + str(settings.model_dump())
    assert len(vendor.seen) == 1


def test_without_a_key_nobody_is_asked_and_the_setting_is_named(vendor, tmp_path):
    warehouse, settings = open_world(tmp_path / "data", market={"bars_source": "polygon"})
    with pytest.raises(VendorRefused, match="AMC_LEARNING_POLYGON__API_KEY"):
        collect_bars(warehouse, settings, SESSIONS[:1], now=NOW)
    assert vendor.seen == []


def test_the_key_comes_from_the_environment(vendor, tmp_path, monkeypatch):
    monkeypatch.setenv("AMC_LEARNING_POLYGON__API_KEY", KEY)
    monkeypatch.setenv("AMC_LEARNING_POLYGON__BASE_URL", vendor.url)
    _, settings = open_world(tmp_path / "data")
    with polygon_client(settings) as client:
        client.grouped_daily(SESSIONS[0])
    assert vendor.seen[0].authorization == f"Bearer {KEY}"


@pytest.mark.parametrize(
    "section",
    [{"base_url": f"https://h/?apiKey={KEY}"}, {"api_kee": KEY}, {"api_key": [KEY]}],
    ids=["url", "name", "type"],
)
def test_a_key_in_the_wrong_place_is_refused_without_being_repeated(tmp_path, section):
    with pytest.raises(ValidationError) as caught:
        open_world(tmp_path / "data", polygon=section)
    assert "polygon" in str(caught.value)
    assert KEY not in str(caught.value)


def test_too_many_requests_wait_and_the_night_goes_on(vendor, tmp_path):
    warehouse, settings = vendor_world(vendor, tmp_path / "data")
    vendor.faults.append(Reply(429, RATE_LIMITED, headers={"Retry-After": "7"}))
    clock = Clock()
    client = PolygonClient(vendor.url, KEY, requests_per_minute=6000, sleep=clock.sleep, clock=clock)
    with client:
        assert collect_bars(warehouse, settings, SESSIONS[:2], now=NOW, client=client).waiting == ()
    assert clock.waits == [7.0]


# -- splits -----------------------------------------------------------------------------------------------------


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
