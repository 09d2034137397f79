from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amc_learning.contracts.tables import catalogue
from amc_learning.intake.bars import normalise_bars, normalise_index
from amc_learning.intake.errors import IntakeError
from amc_learning.intake.files import read_table
from amc_learning_tests.intake.sent import SHARED

TODAY = date(2015, 1, 2)
MONDAY = date(2014, 3, 3)
BARS = SHARED / "data/market/bars.parquet"
INDEX = SHARED / "data/market/index.parquet"
NAMES = ("symbol", "date", "open", "high", "low", "close", "volume")


def bar(**changes):
    return {
        "symbol": "ABC", "date": "2014-03-03", "open": "10.00", "high": "11.00", "low": "9.00", "close": "10.45",
        "volume": "100",
    } | changes  # fmt: skip


def judged(*rows, sessions=None):
    table = pl.DataFrame([bar(**row) for row in rows], schema=dict.fromkeys(NAMES, pl.String))
    return normalise_bars(table, source="bars.csv", today=TODAY, exchange_sessions=sessions)


def test_a_good_bar_has_the_columns_of_the_table():
    outcome = judged({})
    assert outcome.accepted.schema == catalogue(())["price_bars"].schema
    assert outcome.accepted.row(0) == (MONDAY, "ABC", 10.0, 11.0, 9.0, 10.45, 100.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"date": "2004-12-31"},
            "date 2004-12-31 lies before 2005-01-03, where the warehouse begins (symbol ABC, 2004-12-31)",
        ),
        ({"high": "10.20"}, "high_usd 10.20 is below close_usd 10.45 (symbol ABC, 2014-03-03)"),
        ({"high": "8"}, "high_usd 8 is below low_usd 9.00 (symbol ABC, 2014-03-03)"),
        ({"low": "10.2"}, "low_usd 10.2 is above open_usd 10.00 (symbol ABC, 2014-03-03)"),
        ({"open": "0"}, "open_usd 0 is not positive (symbol ABC, 2014-03-03)"),
        ({"low": "-9"}, "low_usd -9 is not positive (symbol ABC, 2014-03-03)"),
        ({"close": "NaN"}, "close_usd NaN is not finite (symbol ABC, 2014-03-03)"),
        ({"high": "inf"}, "high_usd inf is not finite (symbol ABC, 2014-03-03)"),
        ({"close": None}, "close_usd is missing (symbol ABC, 2014-03-03)"),
        ({"close": "n.a."}, "close_usd n.a. is no number (symbol ABC, 2014-03-03)"),
        ({"volume": "-1"}, "volume_shares -1 is negative (symbol ABC, 2014-03-03)"),
        ({"volume": "many"}, "volume_shares many is no number (symbol ABC, 2014-03-03)"),
        ({"date": "2015-01-05"}, "date 2015-01-05 lies in the future: today is 2015-01-02 (symbol ABC, 2015-01-05)"),
        ({"date": "2014-03-08"}, "date 2014-03-08 is a weekend: the exchange has no session (symbol ABC, 2014-03-08)"),
        ({"date": "03/04/2014"}, "date 03/04/2014 is no date; YYYY-MM-DD is (symbol ABC, 03/04/2014)"),
        ({"date": None}, "date is no date; YYYY-MM-DD is (symbol ABC, no date)"),
    ],
)
def test_what_cannot_be_true_is_told_by_row_field_and_value(changes, message):
    outcome = judged({"symbol": "OK"}, changes)
    assert outcome.accepted["symbol"].to_list() == ["OK"]
    assert outcome.messages() == [f"bars.csv row 2: {message}"]


@pytest.mark.parametrize("symbol", ["../../x", "'; drop", "A..B", "", None, "TOOLONGSYMB", "A\x00"])
def test_bad_symbols_are_rejected(symbol):
    outcome = judged({"symbol": symbol}, {"symbol": "DMYY.WS"})
    assert outcome.accepted["symbol"].to_list() == ["DMYY.WS"]
    assert outcome.rejected.select("row", "field").rows() == [(1, "symbol")]


def test_float_noise_of_an_adjustment_is_no_contradiction():
    assert judged({"high": "10.449999999999"}).rejected.is_empty()
    assert judged({"high": "10.4499"}).rejected.height == 1


def test_missing_volume_is_unknown_not_zero():
    assert judged({"volume": None}, {"symbol": "D", "volume": "NaN"}).accepted["volume_shares"].to_list() == [
        None,
        None,
    ]


def test_identical_repetitions_collapse_and_contradictions_are_all_rejected():
    outcome = judged({}, {}, {}, {"symbol": "XYZ"}, {"symbol": "XYZ", "close": "10.46"}, {"symbol": "XYZ"})
    assert outcome.accepted["symbol"].to_list() == ["ABC"]
    assert outcome.n_identical_duplicates == 2
    assert outcome.rejected["row"].to_list() == [4, 5, 6]
    assert "contradict" in outcome.rejected["reason"][0]


def test_holidays_days_beyond_the_calendar_and_gaps_are_known_from_the_sessions():
    sessions = frozenset(MONDAY + timedelta(days=n) for n in (0, 1, 3, 4))
    outcome = judged({}, {"date": "2014-03-05"}, {"date": "2014-03-07"}, {"date": "2014-03-10"}, sessions=sessions)
    assert outcome.accepted["known_on"].to_list() == [MONDAY, date(2014, 3, 7)]
    assert [reason.split(" (")[0] for reason in outcome.rejected["reason"]] == [
        "date 2014-03-05 is a holiday: the exchange has no session",
        "date 2014-03-10 lies outside the sessions known, 2014-03-03 to 2014-03-07",
    ]
    assert outcome.gaps == (date(2014, 3, 4), date(2014, 3, 6))


@pytest.mark.parametrize(
    "sent",
    [
        "2014-03-03",
        "20140303",
        "2014-03-03T05:00:00Z",
        "2014-03-03 00:00:00",
        "2014-03-03T00:00:00+00:00",
        "1393822800",
        "1393822800000",
    ],
)
def test_a_session_is_read_from_every_form_of_its_date(sent):
    assert judged({"date": sent}).accepted["known_on"].to_list() == [MONDAY]


@pytest.mark.parametrize("dtype", [pl.Date, pl.Datetime("us"), pl.Datetime("ns", "UTC")])
def test_typed_dates_are_sessions_too(dtype):
    table = pl.DataFrame([bar()]).with_columns(pl.lit(MONDAY).cast(dtype).alias("date"))
    outcome = normalise_bars(table, source="b.parquet", today=TODAY, exchange_sessions=None)
    assert outcome.accepted["known_on"].to_list() == [MONDAY]


def test_columns_go_by_the_names_of_the_vendors_but_not_adjusted_closes():
    table = pl.DataFrame(
        {"Ticker": ["A"], "t": [1393822800000], "o": [1.0], "h": [1.0], "l": [1.0], "c": [1.0], "v": [5]}
    )
    assert normalise_bars(table, source="x", today=TODAY, exchange_sessions=None).accepted.height == 1
    adjusted = table.rename({"c": "Adj Close"})
    with pytest.raises(IntakeError, match=r"x: columns missing: close \(or .*\)\. Found: Ticker, .*Adj Close"):
        normalise_bars(adjusted, source="x", today=TODAY, exchange_sessions=None)


cells = st.one_of(
    st.none(), st.text(max_size=5), st.floats().map(str), st.sampled_from(["10", "11", "ABC", "2014-03-03"])
)
any_rows = st.lists(
    st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, cells)), min_size=1, max_size=12
)  # fmt: skip


@given(any_rows)
@settings(max_examples=200, deadline=None)
def test_every_row_is_accepted_collapsed_or_rejected_and_what_is_accepted_is_true(rows):
    outcome = judged(*rows)
    assert outcome.accepted.height + outcome.rejected.height + outcome.n_identical_duplicates == outcome.n_rows
    assert outcome.rejected["row"].is_unique().all()
    assert outcome.accepted.select("known_on", "symbol").is_duplicated().sum() == 0
    assert outcome.accepted.equals(outcome.accepted.sort("known_on", "symbol"))
    for known_on, _, open_, high, low, close, volume in outcome.accepted.rows():
        assert known_on <= TODAY
        assert 0 < low <= min(open_, close) * (1 + 1e-8)
        assert high * (1 + 1e-8) >= max(open_, close)
        assert volume is None or volume >= 0


# -- index ----------------------------------------------------------------------------------------------------------


def index_of(table):
    return normalise_index(table, source="index.csv", today=TODAY, exchange_sessions=None)


def test_wide_and_long_forms_give_the_same_rows():
    wide = pl.DataFrame({"date": ["2014-03-03"], "SP500_close": ["1845.73"], "vix_close": [16.0]})
    long = pl.DataFrame({"date": ["2014-03-03"] * 2, "series": ["VIX", "sp500"], "close": [16.0, 1845.73]})
    assert index_of(wide).accepted.equals(index_of(long).accepted)
    assert index_of(wide).accepted.rows() == [(MONDAY, "sp500", 1845.73), (MONDAY, "vix", 16.0)]


def test_an_empty_cell_is_a_day_without_a_close_and_a_bad_one_is_rejected():
    wide = pl.DataFrame(
        {"date": ["2014-03-03", "2014-03-04"], "sp500_close": ["1845.73", ""], "vix_close": ["-1", "x"]}
    )
    outcome = index_of(wide)
    assert (outcome.accepted.height, outcome.n_empty) == (1, 1)
    assert outcome.messages() == [
        "index.csv row 1: close -1 is not positive (series vix, 2014-03-03)",
        "index.csv row 2: close x is no number (series vix, 2014-03-04)",
    ]


def test_contradictory_closes_are_rejected_and_series_have_plain_names():
    outcome = index_of(
        pl.DataFrame({"date": ["2014-03-03"] * 3, "series": ["a", "a", "../x"], "close": [1.0, 2.0, 3.0]})
    )
    assert outcome.accepted.is_empty()
    assert outcome.rejected["row"].to_list() == [1, 2, 3]


def test_a_table_that_is_no_index_names_both_forms():
    with pytest.raises(IntakeError, match=r"columns missing: series .*sp500_close"):
        index_of(pl.DataFrame({"date": ["2014-03-03"], "close": [1.0]}))


# -- the real feed ----------------------------------------------------------------------------------------------------

here = pytest.mark.skipif(not BARS.exists(), reason="the shared market data are not beside this checkout")


@pytest.mark.real_feed
@here
def test_the_real_bars_are_accepted_without_exception():
    table = read_table(BARS)
    outcome = normalise_bars(table, source=BARS.name, today=TODAY, exchange_sessions=None)
    assert (outcome.accepted.height, outcome.rejected.height, outcome.n_identical_duplicates) == (2_403_830, 0, 0)
    assert outcome.accepted["close_usd"].sum() == pytest.approx(table["close"].sum(), rel=1e-12)


@pytest.mark.real_feed
@here
def test_the_real_index_is_accepted_without_exception():
    outcome = normalise_index(read_table(INDEX), source=INDEX.name, today=TODAY, exchange_sessions=None)
    assert (outcome.accepted.height, outcome.rejected.height) == (2 * 2254, 0)
