"""The candidate, thesis and regimes behind a trade: only what was known before it was opened."""

from datetime import timedelta

import polars as pl
import pytest

from amc_learning.contracts.declared.trades import closed_trades as declared
from amc_learning.learning.ledger.holding import closed_trades
from amc_learning.learning.ledger.links import decisions_required_from, link_trades
from amc_learning_tests.learning.ledger.sent import DAYS, SESSIONS, at, folded, message

WEIGHTS = {"squeeze": 0.6, "technical": 0.4}
OPENED = at(DAYS[4], 14, 30)
UTC_TIME = pl.Datetime("us", "UTC")


def candidate(name, decided_at, symbol="ABC", *, is_selected=True, is_late=False):
    return {
        "decision_id": name,
        "symbol": symbol,
        "decided_at": decided_at,
        "is_selected": is_selected,
        "is_late": is_late,
        "action_tag": f"tag of {name}",
        "total_score": 70.0,
        "squeeze": 10.0,
        "technical": 90.0,
    }


def thesis(name, decided_at, symbol="ABC", *, is_late=False, source="ai"):
    return {
        "thesis_id": name,
        "symbol": symbol,
        "decided_at": decided_at,
        "is_late": is_late,
        "recommendation": "BUY_MORE",
        "confidence": 0.8,
        "source": source,
    }


def regime(day, basis, name):
    return {"known_on": day, "basis": basis, "regime": name}


def frames(candidates=(), theses=(), regimes=()):
    decided = {"decided_at": UTC_TIME}
    return (
        pl.DataFrame([candidate("", OPENED), *candidates], schema_overrides=decided)[1:],
        pl.DataFrame([thesis("", OPENED), *theses], schema_overrides=decided)[1:],
        pl.DataFrame(list(regimes), schema={"known_on": pl.Date, "basis": pl.String, "regime": pl.String}),
    )


def closed(opened_at=OPENED, **said):
    sent = [message("a", "OPEN", opened_at, 10.0, 1.0, **said), message("b", "CLOSE", at(DAYS[6], 15), 9.0)]
    return closed_trades(folded(*sent).closed, pl.DataFrame(schema=BARS), SESSIONS)


BARS = dict.fromkeys(("open_usd", "high_usd", "low_usd", "close_usd"), pl.Float64)
BARS = {"known_on": pl.Date, "symbol": pl.String, **BARS}


def linked(trades=None, **known):
    rows = link_trades(closed() if trades is None else trades, *frames(**known), weights=WEIGHTS)
    assert rows.schema == declared(tuple(WEIGHTS)).schema
    assert rows.height == 1
    return rows.row(0, named=True)


def test_the_last_selected_decision_before_the_opening_counts():
    row = linked(
        candidates=[
            candidate("too early", OPENED - timedelta(days=5, minutes=1)),
            candidate("earlier", at(DAYS[2], 21, 10)),
            candidate("last", at(DAYS[3], 21, 10)),
            candidate("at the opening", OPENED),
            candidate("after", OPENED + timedelta(minutes=1)),
            candidate("control", at(DAYS[3], 22), is_selected=False),
            candidate("late", at(DAYS[3], 22), is_late=True),
            candidate("other", at(DAYS[3], 22), "XYZ"),
        ]
    )
    assert (row["decision_id"], row["action_tag"], row["total_score"]) == ("last", "tag of last", 70)
    # 0.4 x 90 = 36 against 0.6 x 10 = 6.
    assert (row["squeeze"], row["technical"], row["dominant_component"]) == (10, 90, "technical")


def test_history_that_was_loaded_afterwards_is_linked_too():
    """Everything in it is late: then the last of the late ones counts."""
    row = linked(
        candidates=[candidate(name, at(DAYS[day], 21), is_late=True) for name, day in (("earlier", 2), ("last", 3))],
        theses=[thesis(name, at(DAYS[day], 21), is_late=True) for name, day in (("before", 2), ("newest", 3))],
    )
    assert (row["decision_id"], row["thesis_id"]) == ("last", "newest")


def test_the_day_of_the_signal_the_sender_names_decides():
    candidates = [candidate("named", at(DAYS[2], 21, 10)), candidate("last", at(DAYS[3], 21, 10))]
    assert linked(closed(signal_date=DAYS[2]), candidates=candidates)["decision_id"] == "named"
    assert linked(closed(signal_date=DAYS[1]), candidates=candidates)["decision_id"] is None


@pytest.mark.parametrize("later", ["ai", "rule_based"])
def test_the_last_thesis_before_the_opening_counts_whatever_its_source(later):
    earlier = "rule_based" if later == "ai" else "ai"
    row = linked(
        theses=[
            thesis("later", at(DAYS[3], 21, 11), source=later),
            thesis("earlier", at(DAYS[3], 21, 10), source=earlier),
            thesis("after", OPENED + timedelta(hours=1)),
            thesis("late", at(DAYS[3], 22), is_late=True),
            thesis("nameless", at(DAYS[3], 22), None),
        ]
    )
    assert (row["thesis_id"], row["source"]) == ("later", later)
    assert (row["recommendation"], row["confidence"]) == ("BUY_MORE", 0.8)


def test_regimes_are_those_known_before_the_day_of_the_opening():
    row = linked(
        regimes=[
            regime(DAYS[3], "index", "calm"),
            regime(DAYS[4], "index", "stormy"),
            regime(DAYS[2], "discovery", "normal_market"),
        ]
    )
    assert (row["market_regime"], row["discovery_regime"]) == ("calm", "normal_market")


def test_without_any_decision_or_opening_the_links_are_null():
    names = ("decision_id", "total_score", "squeeze", "dominant_component", "thesis_id", "source", "market_regime")
    assert [linked()[name] for name in names] == [None] * len(names)
    alone = folded(message("b", "CLOSE", at(DAYS[6], 15), 9.0, entry_price_usd=8.0)).closed
    trades = closed_trades(alone, pl.DataFrame(schema=BARS), SESSIONS)
    row = linked(
        trades,
        candidates=[candidate("one", at(DAYS[3], 21))],
        theses=[thesis("two", at(DAYS[3], 21))],
        regimes=[regime(DAYS[3], "index", "calm")],
    )
    assert [row[name] for name in names] == [None] * len(names)
    assert decisions_required_from(alone) is None


def test_decisions_are_required_from_the_link_days_before_the_opening():
    assert decisions_required_from(closed(), link_days=3) == DAYS[4] - timedelta(days=3)


def test_the_order_of_candidates_and_theses_changes_nothing():
    candidates = [candidate(name, at(DAYS[3], 21)) for name in ("b", "c", "a")]
    theses = [thesis(name, at(DAYS[3], 21)) for name in ("z", "y")]
    row = linked(candidates=candidates, theses=theses)
    assert (row["decision_id"], row["thesis_id"]) == ("c", "z")
    assert row == linked(candidates=candidates[::-1], theses=theses[::-1])
