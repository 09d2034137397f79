"""Bars from a vendor: every session once and only when it is over, and a night that stopped goes on."""

import os
from datetime import date, timedelta

import pytest
from pydantic import ValidationError

from amc_learning.market_data.errors import VendorError, VendorRefused
from amc_learning.market_data.polygon import PolygonClient
from amc_learning.stages.bars import collect_bars
from amc_learning.stages.vendor_bars import polygon_client
from amc_learning_tests.market_data.vendor import (
    KEY,
    NOT_ENTITLED,
    RATE_LIMITED,
    UNKNOWN_KEY,
    Clock,
    Reply,
    Vendor,
    instant,
    serving,
)
from amc_learning_tests.stages.bar_world import NOW, SESSIONS, exit_code_of, open_world, stored
from amc_learning_tests.stages.vendor_world import asking, vendor_of_every_session, vendor_world

pytestmark = pytest.mark.usefixtures("clean_environment")

HOLIDAY = date(2024, 1, 15)


@pytest.fixture
def vendor():
    with serving(vendor_of_every_session()) as running:
        yield running


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
