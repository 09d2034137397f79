"""The ledger on the shared feed of trades, against what other code computed of the same trades once."""

from datetime import date

import polars as pl
import pytest

from amc_learning.contracts.knowledge_days import knowledge_days
from amc_learning.intake.trade import normalise_trades
from amc_learning.learning.ledger.fold import fold_messages
from amc_learning.learning.ledger.holding import closed_trades
from amc_learning.learning.ledger.links import link_trades
from amc_learning.learning.ledger.outcomes import openings_required_from, trade_outcomes
from amc_learning.learning.outcomes import OutcomeRules
from amc_learning.market_calendar import exchange_sessions
from amc_learning_tests.intake.test_trading_feed import events_of
from amc_learning_tests.learning.ledger.feed import MARKET, trade_messages
from amc_learning_tests.learning.ledger.sent import NO_STATE, RULES

pytestmark = [
    pytest.mark.real_feed,
    pytest.mark.skipif(not MARKET.is_dir(), reason=f"the shared market data is not at {MARKET}"),
]

FIRST, LAST = date(2008, 1, 2), date(2014, 12, 15)
HORIZONS = OutcomeRules({"1d": 1, "7d": 7, "30d": 30}, "next_open", 0.25, -0.10)
WEIGHTS = {
    "volume_momentum": 0.30,
    "squeeze": 0.25,
    "catalyst": 0.20,
    "sentiment": 0.10,
    "options": 0.08,
    "technical": 0.07,
}
ROUNDED = 5.001e-7
"""The shared file holds returns to six decimals: half a unit of the last one, and the rounding of the difference."""


@pytest.fixture(scope="module")
def days():
    return knowledge_days(FIRST, LAST)


@pytest.fixture(scope="module")
def messages():
    return trade_messages()


@pytest.fixture(scope="module")
def ledger(messages, days):
    return fold_messages(messages, NO_STATE, as_of=days, rules=RULES)


@pytest.fixture(scope="module")
def sessions():
    return exchange_sessions("XNYS", date(2007, 1, 1), LAST)


@pytest.fixture(scope="module")
def bars():
    prices = {f"{name}_usd": name for name in ("open", "high", "low", "close")}
    return pl.read_parquet(MARKET / "bars.parquet").select(
        "symbol", known_on="date", **{name: pl.col(sent) for name, sent in prices.items()}
    )


@pytest.fixture(scope="module")
def theirs():
    return pl.read_parquet(MARKET / "events_trades.parquet")


@pytest.fixture(scope="module")
def closed(ledger, bars, sessions):
    return closed_trades(ledger.closed, bars, sessions)


@pytest.fixture(scope="module")
def compared(closed, theirs):
    finished = theirs.filter(pl.col("exit_reason") != "open")
    return closed.join(finished, on="trade_id", how="full", suffix="_theirs")


def test_every_message_is_in_a_position_and_none_needed_settling(messages, ledger):
    assert messages.height == 17_392
    assert ledger.issues.is_empty()
    assert (ledger.closed["n_entries"] + ledger.closed["n_exits"]).sum() == 2 * 8_644
    left = ledger.positions.filter(known_on=LAST, status="open")
    assert left.height + 2 * 8_644 == 17_392
    assert set(ledger.closed["status"]) == {"closed"}


def test_intake_reads_the_same_messages_from_the_feed(messages):
    through_the_door = normalise_trades(events_of("trades.ndjson.gz", "trade"))
    assert through_the_door.rejections.is_empty()
    carrier = ("message_id", "event_id", "received_at")
    keys = ["trade_id", "occurred_at"]
    ours = messages.drop(carrier).sort(keys)
    assert through_the_door.messages.select(ours.columns).sort(keys).equals(ours)


def test_the_trades_closed_and_those_left_open_are_those_of_the_other_file(ledger, theirs, compared):
    assert compared.height == 8_644
    assert compared["trade_id"].null_count() == compared["trade_id_theirs"].null_count() == 0
    left = ledger.positions.filter(known_on=LAST, status="open")
    assert set(left["trade_id"]) == set(theirs.filter(exit_reason="open")["trade_id"])


def test_every_return_excursion_and_holding_equals_the_independent_computation(compared):
    for ours, other in (
        ("realised_return", "return_pct"),
        ("max_favorable_excursion", "mfe"),
        ("max_adverse_excursion", "mae"),
    ):
        difference = (compared[ours] - compared[other]).abs()
        assert difference.null_count() == 0
        assert difference.max() <= ROUNDED
    for name in ("holding_sessions", "entry_date", "exit_date"):
        assert (compared[name] == compared[f"{name}_theirs"]).all()


def test_missing_bars_are_counted_and_change_no_excursion(compared):
    # Their holding counts exchange sessions too, so even these trades agree.
    assert compared.filter(pl.col("n_missing_bars") > 0).height == 65


def test_profits_agree_within_the_rounding_of_shares_and_prices(compared):
    # Theirs is money times return; the messages carry shares and exit prices to four decimals.
    spread = (compared["exit_price"] - compared["entry_price"]).abs()
    rounding = 5e-5 * (spread + compared["shares"]) + 5e-7 * compared["position_size"] + 5e-3
    assert ((compared["realised_pnl_usd"] - compared["pnl"]).abs() <= rounding).all()


def test_a_night_from_the_stored_state_equals_its_part_of_the_range(messages, ledger, days):
    for place in (200, 1_000, 1_813):
        day, before = days[place], days[place - 1]
        state = ledger.positions.filter(known_on=before)
        night = fold_messages(messages.filter(known_on=day), state, as_of=[day], rules=RULES)
        for ours, whole in zip(night, ledger, strict=True):
            assert ours.equals(whole.filter(known_on=day))


@pytest.fixture(scope="module")
def outcomes(ledger, bars, sessions):
    return trade_outcomes(ledger.openings, bars, sessions, HORIZONS, known_from=FIRST, known_to=LAST)


def test_every_complete_outcome_equals_the_other_file_and_the_rest_misses_a_session(outcomes, theirs):
    unexplained = {"1d": 0, "7d": 17, "30d": 90}
    for horizon, n_shifted in unexplained.items():
        # That file counts the symbol's own bars: a missing one shifts its exit, and its known day, to a later session.
        known = theirs.select(
            "trade_id", their_return=f"returns_{horizon}", their_known_on=f"known_{horizon}"
        ).drop_nulls("their_return")
        both = outcomes.filter(horizon=horizon).join(known, on="trade_id", how="full", coalesce=True)
        complete = both.filter(outcome_status="complete")
        assert (complete["forward_return"] - complete["their_return"]).abs().max() <= ROUNDED
        assert complete["their_return"].null_count() == 0
        assert (complete["known_on"] == complete["their_known_on"]).all()
        others = both.filter(pl.col("outcome_status") != "complete")
        assert (others["n_missing_bars"] > 0).all()
        assert both["outcome_status"].null_count() == 0
        assert others.height == n_shifted
        assert (others["their_known_on"] > others["known_on"]).all()


def test_a_night_of_outcomes_equals_its_part_of_the_range(outcomes, ledger, bars, sessions):
    for day in (date(2008, 10, 10), date(2012, 10, 31), LAST):
        since = openings_required_from(sessions, HORIZONS, day)
        night = trade_outcomes(
            ledger.openings.filter(pl.col("known_on").is_between(since, day)),
            bars.filter(pl.col("known_on").is_between(since, day)),
            sessions,
            HORIZONS,
            known_from=day,
            known_to=day,
        )
        assert night.equals(outcomes.filter(known_on=day))


def test_every_trade_is_linked_to_the_candidate_and_thesis_the_other_file_names(closed, theirs):
    # Discovery ran at 16:10 market time, ten minutes after the close.
    at_1610 = pl.col("date").cast(pl.Datetime("us")).dt.offset_by("16h10m").dt.replace_time_zone("America/New_York")
    decided_at = at_1610.dt.convert_time_zone("UTC").alias("decided_at")
    candidates = pl.read_parquet(MARKET / "events_discovery.parquet").select(
        "symbol",
        "action_tag",
        "total_score",
        *WEIGHTS,
        decided_at,
        decision_id=pl.format("{}/{}", "date", "symbol"),
        is_selected=pl.lit(True),
        is_late=pl.lit(False),
    )
    theses = pl.read_parquet(MARKET / "events_thesis.parquet").select(
        "symbol", "thesis_id", "recommendation", "confidence", "source", decided_at, is_late=pl.lit(False)
    )
    regimes = pl.DataFrame(schema={"known_on": pl.Date, "basis": pl.String, "regime": pl.String})
    linked = link_trades(closed, candidates, theses, regimes, weights=WEIGHTS)
    both = linked.join(theirs, on="trade_id", suffix="_theirs")
    assert both.height == 8_644
    assert (both["decision_id"] == both.select(pl.format("{}/{}", "signal_date", "symbol")).to_series()).all()
    assert (both["action_tag"] == both["action_tag_theirs"]).all()
    for ours, other in (("recommendation", "thesis_recommendation"), ("source", "thesis_source")):
        assert (both[ours] == both[other]).all()
    for ours, other in (("confidence", "thesis_confidence"), ("total_score", "total_score_theirs")):
        assert (both[ours] == both[other]).all()
    for component in WEIGHTS:
        assert both[component].eq_missing(both[f"{component}_theirs"]).all()
