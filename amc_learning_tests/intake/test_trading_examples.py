"""Every thesis and every trade of the shared manifest means what the manifest says it means, value for value."""

from datetime import UTC, datetime

import pytest

from amc_learning.contracts.events import ThesisDecision, TradeChange
from amc_learning.intake.envelope import Quarantined
from amc_learning.intake.files import read_records
from amc_learning.intake.thesis import normalise_theses
from amc_learning.intake.trade import normalise_trades
from amc_learning_tests.intake.sent import SHARED, received
from amc_learning_tests.intake.sent_trading import accepted

EXAMPLES = (SHARED / "examples/events").resolve()
RECEIVED_AT = datetime(2026, 6, 1, tzinfo=UTC)
"""After the last of the examples."""

pytestmark = [
    pytest.mark.real_feed,
    pytest.mark.skipif(not EXAMPLES.exists(), reason=f"the shared examples are not at {EXAMPLES}"),
]

NO_SYMBOL = ["no symbol was sent: this decision cannot be judged"]
RECEIPT = "2026-06-01 00:00:00"

QUBT = {
    "symbol": "QUBT",
    "recommendation": "RESEARCH",
    "recommendation_sent": "RESEARCH",
    "confidence": 0.82,  # not 0.71, which is the embedded candidate's
    "source": "ai",
    "thesis_type": "ENTRY_OPPORTUNITY",
    "reasoning": "Volume and news flow support a continuation setup.",
    "decided_at": "2025-09-15 18:02:11.118203",  # 14:02 in New York
}


def position(recommendation, sent, confidence, *, reasoning, sector, risk):
    """A thesis about a position as the rule path writes it: no symbol, no time, `enhanced: false`."""
    return {
        "recommendation": recommendation,
        "recommendation_sent": sent,
        "confidence": confidence,
        "source": "rule_based",
        "reasoning": reasoning,
        "sector": sector,
        "risk_level": risk,
        "decided_at": RECEIPT,
        "warnings": NO_SYMBOL,
    }


def exit_strategy(recommendation, sent, percent):
    return {
        "symbol": "UP",
        "recommendation": recommendation,
        "recommendation_sent": sent,
        "confidence": 0.6,
        "source": "rule_based",
        "thesis_type": "EXIT_STRATEGY",
        "reasoning": f"Current {percent} performance.",
        "decided_at": "2025-09-15 18:05:30.000001",
    }


def legacy(recommendation, sent, confidence, risk="MODERATE"):
    """Nothing in the older generator's payload says who decided."""
    return {
        "recommendation": recommendation,
        "recommendation_sent": sent,
        "confidence": confidence,
        "source": "unknown",
        "reasoning": "Legacy reasoning.",
        "sector": "Bitcoin Mining",
        "risk_level": risk,
        "decided_at": RECEIPT,
        "warnings": NO_SYMBOL,
    }


THESES = {
    "thesis_01_ai_entry_RESEARCH": QUBT,
    "thesis_02_rule_entry_RESEARCH": {
        "symbol": "RGTI",
        "recommendation": "RESEARCH",
        "recommendation_sent": "RESEARCH",
        "confidence": 0.6,
        "source": "rule_based",
        "thesis_type": "ENTRY_OPPORTUNITY",
        "reasoning": "RGTI (Unknown) flagged by discovery.",
        "sector": "Unknown",
        "decided_at": "2025-09-15 18:02:12.009117",
    },
    "thesis_03_rule_position_BUY_MORE_with_space": position(
        "BUY_MORE", "BUY MORE", 0.85, reasoning="Performance +15.1%, confidence 0.8.", sector="Retail", risk="MODERATE"
    ),
    "thesis_04_rule_position_HOLD": position(
        "HOLD", "HOLD", 0.6, reasoning="Performance +3.2%, confidence 0.6.", sector="Technology", risk="MODERATE"
    ),
    "thesis_05_rule_position_TRIM": position(
        "TRIM", "TRIM", 0.95, reasoning="Performance +109.0%, confidence 0.9.", sector="Cannabis", risk="ELEVATED"
    ),
    "thesis_06_rule_position_LIQUIDATE_low_confidence": position(
        "LIQUIDATE", "LIQUIDATE", 0.2, reasoning="Performance -27.4%, confidence 0.2.", sector="Mining", risk="CRITICAL"
    ),
    "thesis_08_ai_performance_update_BUY_MORE_underscore": {
        "symbol": "KSS",
        "recommendation": "BUY_MORE",
        "recommendation_sent": "BUY_MORE",
        "confidence": 0.74,
        "source": "ai",
        "thesis_type": "PERFORMANCE_UPDATE",
        "reasoning": "Still valid.",
        "sector": "Retail",
        "decided_at": "2025-09-15 18:04:00.000001",
    },
    "thesis_10_rule_exit_HOLD": exit_strategy("HOLD", "HOLD", "4.0%"),
    "thesis_10_rule_exit_LIQUIDATE": exit_strategy("LIQUIDATE", "LIQUIDATE", "-26.3%"),
    "thesis_10_rule_exit_TRIM_25": exit_strategy("TRIM", "TRIM_25", "61.0%"),
    "thesis_10_rule_exit_TRIM_75": exit_strategy("TRIM", "TRIM_75", "118.0%"),
    "thesis_12_legacy_rule_increase": legacy("BUY_MORE", "increase", 0.8),
    "thesis_12_legacy_rule_reduce": legacy("TRIM", "reduce", 0.15, "CRITICAL"),
    "thesis_12_legacy_rule_review": legacy("RESEARCH", "review", 0.4),
    "thesis_13_squeeze_BUY_MORE": {
        "recommendation": "BUY_MORE",
        "recommendation_sent": "BUY_MORE",
        "confidence": 0.95,
        "source": "unknown",
        "reasoning": "Squeeze metrics high.",
        "risk_level": "HIGH_REWARD",
        "decided_at": "2025-09-15 18:06:00.000001",
        "warnings": NO_SYMBOL,
    },
    "thesis_17_seed_envelope_nested": QUBT,
    "thesis_19_thesis_route_response_envelope": {
        "symbol": "SSRM",
        "recommendation": "TRIM",
        "recommendation_sent": "TRIM_50",
        "confidence": 0.78,
        "source": "ai",
        "thesis_type": "EXIT_STRATEGY",
        "reasoning": "Loss suggests sector headwinds; cut size.",
        "decided_at": "2025-09-15 18:05:00.000001",
    },
}

TRADES = {
    "trade_01_OPEN": {
        "symbol": "USEG",
        "change_type": "OPEN",
        "price_usd": 1.125,
        "entry_price_usd": 1.125,
        "quantity_shares": 266.0,
        "position_size_usd": 299.25,
        "occurred_at": "2026-03-04 13:30:12",
        "entered_at": "2026-03-04 13:30:12",
    },
    "trade_02_MODIFY_add": {
        "symbol": "QUBT",
        "change_type": "MODIFY",
        "action": "ADD",
        "price_usd": 17.8,
        "quantity_shares": 28.0,
        "remaining_shares": 53.0,
        "average_entry_price_usd": 17.95,
        "position_size_usd": 500.0,
        "occurred_at": "2025-09-17 14:12:44.120001",
    },
    "trade_04_CLOSE_stop_loss": {
        "symbol": "ENSC",
        "change_type": "CLOSE",
        "price_usd": 0.4727,
        "entry_price_usd": 0.5656,
        "exit_price_usd": 0.4727,
        "quantity_shares": 530.0,
        "position_size_usd": 299.77,
        "return_sent": -0.1643,  # 0.4727 / 0.5656 - 1 = -0.16425
        "holding_period_sent": 0.04,
        "max_favorable_excursion_sent": 0.0,
        "max_adverse_excursion_sent": -0.171,  # -17.1 stakes cannot be lost
        "exit_reason": "stop_loss",
        "exit_reason_sent": "stop_loss",
        "occurred_at": "2026-03-02 12:32:00",
    },
    "trade_05_CLOSE_profit_target": {
        "symbol": "PTNM",
        "change_type": "CLOSE",
        "price_usd": 10.31,
        "entry_price_usd": 2.2,
        "exit_price_usd": 10.31,
        "quantity_shares": 4.0,
        "position_size_usd": 8.8,
        "return_sent": 3.686,
        "holding_period_sent": 9.0,
        "exit_reason": "profit_target",
        "exit_reason_sent": "profit_target",
        "occurred_at": "2026-02-10 05:00:00",
    },
    "trade_06_CLOSE_manual": {
        "symbol": "TPET",
        "change_type": "CLOSE",
        "price_usd": 1.6601,
        "entry_price_usd": 1.96,
        "exit_price_usd": 1.6601,
        "quantity_shares": 153.0,
        "return_sent": -0.153,
        "holding_period_sent": 1.0,
        "exit_reason": "manual",
        "exit_reason_sent": "manual",
        "occurred_at": "2026-03-04 12:05:00",
    },
    "trade_07_CLOSE_free_text_reason": {
        "symbol": "ENSC",
        "change_type": "CLOSE",
        "price_usd": 0.47,
        "exit_price_usd": 0.47,
        "return_sent": -0.164,
        "holding_period_sent": 1 / 24,
        "exit_reason": "stop_loss",
        "exit_reason_sent": "Stop-loss -15% triggered",
        "occurred_at": "2026-03-02 15:32:00",
        "warnings": ["change_data.exit_price $0.47 (est -17.1% from $0.57) read as 0.47"],
    },
    "trade_08_CLOSE_no_exit_price": {
        "symbol": "WULF",
        "change_type": "CLOSE",
        "entry_price_usd": 8.99,
        "quantity_shares": 21.0,
        "exit_reason": "stop_loss",
        "exit_reason_sent": "stop_loss",
        "occurred_at": "2025-09-19 19:59:59.000001",
        "warnings": ["the exit price is not known"],
    },
    "trade_10_flat_seed_collector_input": {
        "symbol": "KSS",
        "change_type": "ROUND_TRIP",
        "entry_price_usd": 15.411429,
        "exit_price_usd": 17.94,
        "position_size_usd": 107.88,
        "holding_period_sent": 20.0,
        "exit_reason": "profit_target",
        "exit_reason_sent": "profit_target",
        "occurred_at": RECEIPT,
        "warnings": ["no change_type was sent: by what it holds it is a ROUND_TRIP"],
    },
    "trade_13_track_outcome_query_params": {
        "symbol": "VIGL",
        "change_type": "ROUND_TRIP",
        "entry_price_usd": 2.5,
        "exit_price_usd": 8.1,
        "holding_period_sent": 7.0,
        "occurred_at": RECEIPT,
        "warnings": ["no change_type was sent: by what it holds it is a ROUND_TRIP"],
    },
    "trade_15_normalized_holding": {
        "symbol": "SPHR",
        "change_type": "SNAPSHOT",
        "quantity_shares": 2.0,
        "average_entry_price_usd": 95.48,
        "position_size_usd": 190.96,
        "return_sent": 0.2036,  # 114.92 / 95.48 - 1 = 0.2036
        "occurred_at": RECEIPT,
        "warnings": ["no change_type was sent: by what it holds it is a SNAPSHOT"],
    },
}

BY_THE_EVENT = {"known_on", "event_id", "thesis_id", "message_id", "received_at", "is_late"}
SOURCES = {"decided_at": "decided_at_source", "occurred_at": "occurred_at_source"}


def meant(frame):
    """The row as the expectations above are written: no nulls, times as text, their sources told by the times."""
    row = frame.row(0, named=True)
    for time, source in SOURCES.items():
        if time in row:
            assert row.pop(source) == ("receipt" if row[time] == RECEIVED_AT else "payload")
    return {
        name: str(value).removesuffix("+00:00") if isinstance(value, datetime) else value
        for name, value in row.items()
        if value is not None and name not in BY_THE_EVENT
    }


def example(name: str) -> str:
    (record,) = read_records(EXAMPLES / f"{name}.json")
    return record.text


@pytest.mark.parametrize("name", THESES)
def test_a_thesis_of_the_manifest_is_understood_value_for_value(name):
    text = example(name)
    normalised = normalise_theses(accepted(text, kind="thesis", received_at=RECEIVED_AT))
    assert normalised.decisions.height == 1
    assert normalised.rejections.is_empty()
    expected = {"warnings": []} | THESES[name]
    assert meant(normalised.decisions) == expected
    ThesisDecision.model_validate_json(text)


@pytest.mark.parametrize("name", TRADES)
def test_a_trade_of_the_manifest_is_understood_value_for_value(name):
    text = example(name)
    normalised = normalise_trades(accepted(text, kind="trade", received_at=RECEIVED_AT))
    assert normalised.messages.height == 1
    assert normalised.rejections.is_empty()
    expected = {"warnings": []} | TRADES[name]
    assert meant(normalised.messages) == expected
    TradeChange.model_validate_json(text)


def test_no_example_is_left_out():
    assert {path.stem for path in EXAMPLES.glob("thesis_*.json")} == set(THESES)
    assert {path.stem for path in EXAMPLES.glob("trade_*.json")} == set(TRADES)


@pytest.mark.parametrize("kind", ["thesis", "trade"])
def test_the_examples_of_every_other_kind_are_quarantined_as_this_kind(kind):
    # A holding is both: a snapshot of a position, and the suggestion made about it.
    own = {"thesis": {*THESES, "trade_15_normalized_holding"}, "trade": {*TRADES}}[kind]
    others = [path for path in sorted(EXAMPLES.glob("*.json")) if path.stem not in own and path.stem != "manifest"]
    outcomes = {path.stem: received(path.read_text(), kind=kind, received_at=RECEIVED_AT) for path in others}
    assert [name for name, outcome in outcomes.items() if not isinstance(outcome, Quarantined)] == []
