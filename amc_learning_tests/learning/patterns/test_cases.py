"""What was known of a candidate before its entry, and in which band it falls."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from amc_learning.learning.patterns.cases import BARS_LOOK_BACK, pattern_cases
from amc_learning.learning.patterns.rules import PatternRules

RULES = PatternRules(components=("squeeze",))
DECIDED, ENTRY, MATURED = date(2014, 3, 4), date(2014, 3, 5), date(2014, 3, 11)


def outcome(**changes):
    row = {
        "known_on": MATURED,
        "horizon": "7d",
        "decision_id": "d1",
        "symbol": "ABC",
        "entry_date": ENTRY,
        "is_selected": True,
        "is_in_cross_section": True,
        "action_tag": "watchlist",
        "forward_return": 0.02,
        "is_winner": False,
        "squeeze": 70.0,
    }
    return row | changes


def cases(outcomes, *, theses=(), regimes=(), bars=(), price_usd=12.0, relative_volume=2.0):
    decisions = pl.DataFrame({"decision_id": [row["decision_id"] for row in outcomes]}).with_columns(
        known_on=pl.lit(DECIDED), price_usd=pl.lit(price_usd), relative_volume=pl.lit(relative_volume)
    )
    thesis_schema = {"known_on": pl.Date, "thesis_id": pl.String, "symbol": pl.String, "source": pl.String}
    thesis_schema["decided_at"] = pl.Datetime("us", "UTC")
    return pattern_cases(
        feature_outcomes=pl.DataFrame(list(outcomes)),
        discovery_candidates=decisions,
        thesis_decisions=pl.DataFrame(list(theses), schema=thesis_schema),
        market_regimes=pl.DataFrame(
            list(regimes), schema={"known_on": pl.Date, "basis": pl.String, "regime": pl.String}, orient="row"
        ),
        price_bars=pl.DataFrame(
            list(bars),
            schema={
                "known_on": pl.Date,
                "symbol": pl.String,
                "close_usd": pl.Float64,
                "volume_shares": pl.Float64,
            },
            orient="row",
        ),
        rules=RULES,
    )


def thesis(day, source):
    return {
        "known_on": day,
        "thesis_id": f"{day}",
        "symbol": "ABC",
        "source": source,
        "decided_at": datetime(day.year, day.month, day.day, 21, tzinfo=UTC),
    }


@pytest.mark.parametrize(
    "change",
    [
        {"horizon": "1d"},
        {"is_selected": False},
        {"is_in_cross_section": False},
        {"forward_return": None},
    ],
)
def test_only_selected_candidates_of_the_cross_section_with_a_return_at_the_horizon_count(change):
    assert cases([outcome(), outcome(decision_id="d2") | change])["decision_id"].to_list() == ["d1"]


def test_a_regime_counts_from_the_day_after_it_was_read():
    regimes = [(DECIDED - timedelta(days=1), "index", "calm"), (DECIDED, "index", "turbulent")]
    assert cases([outcome()], regimes=regimes)["market_regime"].to_list() == ["calm"]


def test_the_source_is_that_of_the_last_thesis_before_the_day_of_the_entry():
    theses = [thesis(DECIDED - timedelta(days=1), "ai"), thesis(DECIDED, "rule_based"), thesis(ENTRY, "ai")]
    assert cases([outcome()], theses=theses)["source"].to_list() == ["rule_based"]
    old = [thesis(ENTRY - timedelta(days=8), "ai")]
    assert cases([outcome()], theses=old)["source"].to_list() == [None]


def test_turnover_is_that_of_the_sessions_before_the_day_of_the_decision():
    days = [DECIDED - timedelta(days=step) for step in range(12, -1, -1)]
    # 100 USD times 30,000 shares are 3 million a day; the day of the decision would lift the mean over 10 million.
    bars = [(day, "ABC", 100.0, 30_000.0 if day < DECIDED else 9e6) for day in days]
    assert cases([outcome()], bars=bars)["dollar_volume_band"].to_list() == ["1m_to_10m_usd"]
    # Nine sessions are fewer than half of twenty.
    assert cases([outcome()], bars=bars[3:])["dollar_volume_band"].to_list() == [None]


def test_what_was_not_sent_is_in_no_band():
    known = cases([outcome()], price_usd=None, relative_volume=None)
    assert known.select("price_band", "relative_volume_band").row(0) == (None, None)
    known = cases([outcome()], price_usd=20.0, relative_volume=5.0)
    assert known.select("price_band", "relative_volume_band").row(0) == ("20_to_100_usd", "over_5")


def test_a_bar_a_thesis_or_a_regime_of_later_days_changes_nothing():
    bars = [(DECIDED - timedelta(days=step), "ABC", 10.0, 1e6) for step in range(15, 0, -1)]
    before = cases([outcome()], bars=bars)
    later = cases(
        [outcome()],
        bars=[*bars, (ENTRY, "ABC", 1000.0, 1e9)],
        theses=[thesis(ENTRY, "ai")],
        regimes=[(ENTRY, "index", "turbulent"), (ENTRY, "discovery", "squeeze_setup")],
    )
    assert later.equals(before)


def test_bars_from_before_the_days_a_week_reads_never_count_however_seldom_a_symbol_trades():
    # every fourth day: 11 bars in the 45 days a week reads, the others only in a range that begins earlier
    bars = [(DECIDED - timedelta(days=step), "ABC", 10.0, 2e5 if step < 45 else 9e7) for step in range(121, 0, -4)]
    alone = [bar for bar in bars if bar[0] >= DECIDED - BARS_LOOK_BACK]
    bands = [cases([outcome()], bars=read)["dollar_volume_band"].to_list() for read in (alone, bars)]
    assert bands[0] == bands[1]
