"""Answers in the vendor's documented shapes, and everything that can go wrong on the way, over real HTTP."""

import logging
import socket
from contextlib import contextmanager
from datetime import date

import polars as pl
import pytest

from amc_learning.intake.bars import normalise_bars
from amc_learning.market_data import requests
from amc_learning.market_data.errors import VendorError, VendorRefused
from amc_learning.market_data.polygon import KEY_VARIABLE, PolygonClient, Split
from amc_learning_tests.market_data.vendor import (
    KEY,
    NOT_ENTITLED,
    RATE_LIMITED,
    UNKNOWN_KEY,
    Clock,
    Reply,
    bar,
    milliseconds,
    split,
    weekdays,
)

SESSION = date(2014, 3, 3)


@contextmanager
def asking(vendor, *, clock=None, key=KEY, url=None, **options):
    clock = clock or Clock()
    settings = {"requests_per_minute": 600, "timeout_seconds": 5.0, "max_attempts": 4, **options}
    with PolygonClient(url or vendor.url, key, sleep=clock.sleep, clock=clock, **settings) as client:
        yield client


def test_a_session_comes_with_every_symbol_in_the_columns_of_price_bars(vendor):
    vendor.bars[SESSION] = [bar("AAPL", SESSION, 75.25), bar("BRK.A", SESSION, 170000.0, otc=False)]
    with asking(vendor) as client:
        answer = client.grouped_daily(SESSION)
    assert answer.status == "OK"
    assert answer.frame.row(0, named=True) == {
        "symbol": "AAPL", "known_on": SESSION, "open_usd": 74.75, "high_usd": 76.25, "low_usd": 74.25,
        "close_usd": 75.25, "volume_shares": 1000.0, "line_problem": None,
    }  # fmt: skip
    judged = normalise_bars(answer.frame, source="polygon", today=SESSION, exchange_sessions=frozenset({SESSION}))
    assert (judged.accepted["symbol"].to_list(), judged.rejected.height) == (["AAPL", "BRK.A"], 0)
    (seen,) = vendor.seen
    assert (seen.path, seen.query) == ("/v2/aggs/grouped/locale/us/market/stocks/2014-03-03", {"adjusted": "true"})


def test_the_key_travels_in_the_header_and_in_no_address(vendor):
    with asking(vendor) as client:
        client.grouped_daily(SESSION)
        client.splits(SESSION, SESSION)
    assert [one.authorization for one in vendor.seen] == [f"Bearer {KEY}"] * 2
    assert all(KEY not in one.line for one in vendor.seen)


def test_a_holiday_has_no_rows_and_is_no_error(vendor):
    with asking(vendor) as client:
        assert client.grouped_daily(date(2014, 7, 4)).frame.height == 0


def test_delayed_data_say_so(vendor):
    vendor.status = "DELAYED"
    vendor.bars[SESSION] = [bar("A", SESSION, 10.0)]
    with asking(vendor) as client:
        assert client.grouped_daily(SESSION).status == "DELAYED"


def test_a_preferred_share_does_not_become_the_common_stock_of_the_same_letters(vendor):
    vendor.bars[SESSION] = [bar("TPA", SESSION, 10.0), bar("TpA", SESSION, 25.0)]
    with asking(vendor) as client:
        frame = client.grouped_daily(SESSION).frame
    judged = normalise_bars(frame, source="polygon", today=SESSION, exchange_sessions=None)
    assert dict(judged.accepted.select("symbol", "close_usd").iter_rows()) == {"TPA": 10.0, "T-PA": 25.0}


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        ({"h": 5.0}, "high_usd", "is below"),
        ({"c": None}, "close_usd", "is missing"),
        ({"c": "n/a?"}, "close_usd", "n/a? is no number"),
        ({"l": -1}, "low_usd", "is not positive"),
        ({"T": "A'; DROP"}, "symbol", "is no symbol"),
        ({"T": None}, "symbol", "is no symbol"),
        ({"v": -5}, "volume_shares", "is negative"),
        ({"t": milliseconds(date(2014, 3, 4), 16)}, "line", "is of 2014-03-04, asked for was 2014-03-03"),
        ({"t": "noon"}, "date", "is no date"),
        ({"t": 1e300}, "date", "is no date"),
    ],
    ids=str,
)
def test_a_bad_row_is_rejected_with_its_reason_and_the_others_stay(vendor, row, field, reason):
    vendor.bars[SESSION] = [bar("A", SESSION, 10.0), {**bar("B", SESSION, 10.0), **row}, bar("C", SESSION, 10.0)]
    with asking(vendor) as client:
        frame = client.grouped_daily(SESSION).frame
    judged = normalise_bars(frame, source="polygon", today=SESSION, exchange_sessions=frozenset({SESSION}))
    assert judged.accepted["symbol"].to_list() == ["A", "C"]
    (rejected,) = judged.rejected.to_dicts()
    assert rejected["field"] == field
    assert reason in rejected["reason"]


def test_a_row_that_is_no_object_is_rejected_and_not_dropped(vendor):
    vendor.faults.append(
        Reply(body={"resultsCount": 2, "adjusted": True, "status": "OK", "results": [bar("A", SESSION, 10.0), "junk"]})
    )
    with asking(vendor) as client:
        frame = client.grouped_daily(SESSION).frame
    judged = normalise_bars(frame, source="polygon", today=SESSION, exchange_sessions=None)
    assert (judged.accepted.height, judged.rejected["field"].to_list()) == (1, ["line"])


@pytest.mark.parametrize(
    "fault",
    [
        Reply(429, RATE_LIMITED),
        Reply(200, RATE_LIMITED),
        Reply(429, ""),
        Reply(500, {"status": "ERROR", "error": "internal"}),
        Reply(502, "<html>Bad gateway</html>"),
        Reply(503, ""),
        Reply(504, {"status": "ERROR", "error": "upstream timeout"}),
        Reply(408, ""),
        Reply(200, "{not json"),
        Reply(200, "[]"),
        Reply(200, ""),
        Reply(200, b"\xff\xfe\x00"),
        Reply(200, {"status": "OK", "results": {"A": 1}}),
        Reply(200, {"status": "OK", "resultsCount": 5, "adjusted": True, "results": []}),
        Reply(200, {}),
        Reply(200, {"status": "OK", "results": []}, is_cut_off=True),
        Reply(200, b"plain", headers={"Content-Encoding": "gzip"}),
    ],
    ids=lambda fault: f"{fault.status}-{str(fault.body)[:24]}",
)
def test_a_passing_failure_is_asked_again_after_a_wait(vendor, fault):
    vendor.bars[SESSION] = [bar("A", SESSION, 10.0)]
    vendor.faults.append(fault)
    clock = Clock()
    with asking(vendor, clock=clock) as client:
        assert client.grouped_daily(SESSION).frame.height == 1
    assert len(vendor.seen) == 2
    (wait,) = clock.waits
    assert 0 < wait <= 120


def test_an_answer_that_does_not_come_in_time_is_asked_again(vendor):
    vendor.bars[SESSION] = [bar("A", SESSION, 10.0)]
    vendor.faults.append(Reply(body={}, delay_seconds=0.6))
    with asking(vendor, timeout_seconds=0.2) as client:
        assert client.grouped_daily(SESSION).frame.height == 1
    assert len(vendor.seen) == 2


def test_waits_grow_and_end_with_an_error_that_names_what_and_how_often(vendor):
    vendor.fault_for = lambda _: Reply(500, {"status": "ERROR", "error": "internal"})
    clock = Clock()
    with asking(vendor, clock=clock, max_attempts=5) as client, pytest.raises(VendorError) as caught:
        client.grouped_daily(SESSION)
    # 1, 2, 4, 8 seconds, each plus up to one second of chance
    assert [lower <= wait <= lower + 1 for lower, wait in zip((1, 2, 4, 8), clock.waits, strict=True)] == [True] * 4
    assert not isinstance(caught.value, VendorRefused)
    assert "bars of 2014-03-03 in 5 attempts: HTTP 500 internal" in str(caught.value)
    assert len(vendor.seen) == 5


def test_the_vendors_own_wish_how_long_to_wait_is_granted(vendor):
    vendor.faults.append(Reply(429, RATE_LIMITED, headers={"Retry-After": "37"}))
    clock = Clock()
    with asking(vendor, clock=clock) as client:
        client.grouped_daily(SESSION)
    assert clock.waits == [37.0]


def test_a_wish_to_wait_for_an_hour_ends_the_asking(vendor):
    vendor.faults.append(Reply(429, RATE_LIMITED, headers={"Retry-After": "3600"}))
    clock = Clock()
    with asking(vendor, clock=clock) as client, pytest.raises(VendorError, match="asks to wait 3,600 seconds"):
        client.grouped_daily(SESSION)
    assert (len(vendor.seen), clock.waits) == (1, [])


def test_too_many_requests_without_a_wish_outlast_the_vendors_minute(vendor):
    vendor.fault_for = lambda _: Reply(429, RATE_LIMITED)
    clock = Clock()
    with asking(vendor, clock=clock, max_attempts=6, requests_per_minute=5) as client, pytest.raises(VendorError):
        client.grouped_daily(SESSION)
    assert sum(clock.waits) >= 60


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Reply(401, UNKNOWN_KEY), "Unknown API Key"),
        (Reply(403, NOT_ENTITLED), "not entitled"),
        (Reply(200, NOT_ENTITLED), "not entitled"),
        (Reply(401, f"<html>bad key {KEY}</html>"), "[key]"),
        (Reply(403, ""), "HTTP 403"),
    ],
    ids=str,
)
def test_a_refusal_is_not_repeated_and_names_the_setting_but_never_the_key(vendor, fault, words, caplog):
    vendor.faults.append(fault)
    clock = Clock()
    with caplog.at_level(logging.DEBUG), asking(vendor, clock=clock) as client, pytest.raises(VendorRefused) as caught:
        client.grouped_daily(SESSION)
    assert KEY_VARIABLE in str(caught.value)
    assert words in str(caught.value)
    assert (len(vendor.seen), clock.waits) == (1, [])
    assert KEY not in str(caught.value) + repr(caught.value) + caplog.text
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("status", [400, 404, 301])
def test_what_asking_again_would_not_change_is_asked_once(vendor, status):
    vendor.faults.append(Reply(status, "no", headers={"Location": "http://elsewhere.example/"}))
    with asking(vendor) as client, pytest.raises(VendorError, match=f"HTTP {status}"):
        client.grouped_daily(SESSION)
    assert len(vendor.seen) == 1


def test_an_answer_of_any_size_is_not_taken(vendor, monkeypatch):
    monkeypatch.setattr(requests, "MAX_RESPONSE_BYTES", 1000)
    vendor.bars[SESSION] = [bar("A", SESSION, 10.0)] * 50
    with asking(vendor) as client, pytest.raises(VendorError, match="more than 1,000 bytes"):
        client.grouped_daily(SESSION)


def test_bars_that_are_not_adjusted_as_asked_are_not_taken(vendor):
    row = bar("A", SESSION, 10.0)
    vendor.fault_for = lambda _: Reply(body={"adjusted": False, "resultsCount": 1, "results": [row], "status": "OK"})
    with asking(vendor) as client, pytest.raises(VendorError, match="adjusted=False"):
        client.grouped_daily(SESSION)


def test_nobody_at_the_address_is_an_error_without_the_key(vendor):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with asking(vendor, url=address) as client, pytest.raises(VendorError, match="ConnectError") as caught:
            client.grouped_daily(SESSION)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("key", ["", "  ", "two words", "line\nbreak", "ключ"])
def test_what_cannot_be_a_key_is_refused_before_anything_is_sent_and_not_repeated(vendor, key):
    with pytest.raises(VendorRefused, match=KEY_VARIABLE) as caught, asking(vendor, key=key):
        pass
    assert not key.strip() or key not in str(caught.value)
    assert vendor.seen == []


@pytest.mark.parametrize(
    "url", ["ftp://x", "api.polygon.io", "https://user:secret@host", "https://host/?apiKey=secret"]
)
def test_an_address_that_cannot_be_is_refused_without_repeating_it(url):
    with pytest.raises(ValueError, match="must be like https://host") as caught:
        PolygonClient(url, KEY)
    assert "secret" not in str(caught.value)


def test_splits_come_from_all_pages_and_the_key_goes_to_no_other_host(vendor):
    days = weekdays(date(2014, 6, 2), 5)
    vendor.page_size = 2
    vendor.split_rows = [split(f"S{number}", day) for number, day in enumerate(days)]
    with asking(vendor) as client:
        listed = client.splits(days[0], days[-1])
    assert listed.splits == tuple(Split(f"S{number}", f"S{number}", day, 1.0, 2.0) for number, day in enumerate(days))
    assert [one.query.get("cursor") for one in vendor.seen] == [None, "2", "4"]
    assert all("apiKey" not in one.query for one in vendor.seen)
    first = vendor.seen[0].query
    assert (first["execution_date.gte"], first["execution_date.lte"]) == ("2014-06-02", "2014-06-06")


def test_pages_that_never_end_are_noticed(vendor):
    page = {"status": "OK", "results": [], "next_url": "https://api.polygon.io/v3/reference/splits?cursor=same"}
    vendor.fault_for = lambda _: Reply(body=page)
    with asking(vendor) as client, pytest.raises(VendorError, match="never ends"):
        client.splits(SESSION, SESSION)
    assert len(vendor.seen) == 2


def test_a_split_without_a_ratio_counts_and_one_without_a_day_is_named(vendor):
    odd = [{"ticker": "ZERO", "execution_date": "2014-03-03", "split_from": 1, "split_to": 0}, {"ticker": "X"}, "junk"]
    vendor.faults.append(Reply(body={"status": "OK", "results": odd}))
    with asking(vendor) as client:
        listed = client.splits(SESSION, SESSION)
    assert listed.splits == (Split("ZERO", "ZERO", SESSION, 1.0, None),)
    assert [problem.split(": ")[0] for problem in listed.problems] == ["a split that names no symbol or no day"] * 2


def test_bars_of_one_symbol_come_from_all_pages_at_our_own_address(vendor):
    days = weekdays(SESSION, 5)
    for number, day in enumerate(days):
        vendor.bars[day] = [bar("BACpL", day, 10.0 + number), bar("A", day, 1.5)]
    vendor.page_size = 2
    with asking(vendor) as client:
        frame = client.symbol_bars("BACpL", days[0], days[-1]).frame
    expected = [(day, "BAC-PL", 10.0 + number) for number, day in enumerate(days)]
    assert frame.select("known_on", "symbol", "close_usd").rows() == expected
    assert len(vendor.seen) == 3
    assert vendor.seen[0].query == {"adjusted": "true", "sort": "asc", "limit": "50000"}


def test_no_more_requests_begin_in_any_minute_than_the_plan_allows(vendor):
    clock = Clock()
    begun = []
    vendor.fault_for = lambda _: begun.append(clock.now)
    with asking(vendor, clock=clock, requests_per_minute=3) as client:
        for day in weekdays(SESSION, 8):
            client.grouped_daily(day)
    # no time passes but by waiting: three at once, then three a minute later, then two
    assert [moment - 1000.0 for moment in begun] == [0, 0, 0, 60, 60, 60, 120, 120]


def test_times_are_read_on_the_markets_clock_on_both_sides_of_daylight_saving():
    from amc_learning.market_data.polygon import _session_of  # noqa: PLC0415

    # from the vendor's own fixtures: the start of bars of one symbol, the close of a session
    assert _session_of(1112331600000, otherwise=None) == date(2005, 4, 1)
    assert _session_of(1112587200000, otherwise=None) == date(2005, 4, 4)
    assert _session_of(1602705600000, otherwise=None) == date(2020, 10, 14)


def test_an_empty_answer_has_the_columns_of_a_full_one(vendor):
    vendor.bars[SESSION] = [bar("A", SESSION, 10.0)]
    with asking(vendor) as client:
        empty, full = client.grouped_daily(date(2014, 7, 4)).frame, client.grouped_daily(SESSION).frame
    assert empty.schema == full.schema == {**empty.schema, "close_usd": pl.Float64}
