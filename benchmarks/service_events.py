"""Events as trading systems send them, of the sizes the service is measured with; made up, in the shapes seen.

Belongs here: one body of each kind, cut where its identifier goes. Not here: sending them (service).
"""

import random
from datetime import UTC, datetime
from typing import Any

import orjson

N_CANDIDATES = 50
SUBSCORES = ("volume_momentum", "squeeze", "catalyst", "sentiment", "options", "technical")
IDENTIFIER = "IDENTIFIER"


def candidate(number: int, chance: random.Random) -> dict[str, Any]:
    subscores = {name: chance.uniform(0, 100) for name in SUBSCORES}
    return {
        "symbol": f"A{chr(65 + number // 26)}{chr(65 + number % 26)}",
        "score": sum(subscores.values()) / len(subscores),
        "action_tag": chance.choice(["trade_ready", "watchlist", "monitor"]),
        "confidence": round(chance.random(), 2),
        "rel_vol": chance.uniform(0.5, 8),
        "price": round(chance.uniform(1, 90), 2),
        "volume": chance.randrange(10**6, 10**8),
        "market_cap_m": None,
        "subscores": subscores,
        "entry_signal": "breakout with high volume",
        "thesis": "Volume and news support a continuation setup now.",
        "risk_flags": ["wide_spread"],
    }


def discovery() -> dict[str, Any]:
    chance = random.Random(1)
    candidates = [candidate(number, chance) for number in range(N_CANDIDATES)]
    return {
        "status": "success",
        "method": "alphastack_v4_unified",
        "universe_size": 3033,
        "filtered_size": 2854,
        "count": len(candidates),
        "candidates": candidates,
        "timestamp": NOW,
    }


def thesis() -> dict[str, Any]:
    return {
        "symbol": "QUBT",
        "type": "ENTRY_OPPORTUNITY",
        "ai_generated": True,
        "entry_thesis": "Volume and news flow support a continuation setup; the contract is not in the price.",
        "key_catalysts": ["Government contract", "Partnership news", "Sector rotation into small technology companies"],
        "risk_factors": [
            "Execution",
            "Valuation",
            "Dilution by another offering",
            "Low float",
            "A large holder that sells",
        ],
        "price_targets": {"conservative": 28.5, "optimistic": 35.0},
        "timeline": "3-6 months",
        "confidence": 0.82,
        "recommendation": "RESEARCH",
        "discovery_data": {
            "symbol": "QUBT",
            "score": 44.9,
            "action_tag": "monitor",
            "confidence": 0.71,
            "rel_vol": 1.6,
            "price": 17.8,
            "volume": 21_000_000,
            "market_cap_m": 0,
            "subscores": dict.fromkeys(SUBSCORES, 41.0),
            "risk_flags": [],
        },
        "generated_at": NOW,
    }


def trade() -> dict[str, Any]:
    return {
        "symbol": "ENSC",
        "change_type": "CLOSE",
        "timestamp": NOW,
        "change_data": {
            "entry_price": 0.5656,
            "exit_price": 0.4727,
            "quantity": 530,
            "position_size": 299.77,
            "return_pct": -16.43,
            "holding_period": 0.04,
            "holding_period_days": 0,
            "max_favorable_excursion": 0.0,
            "max_adverse_excursion": -17.1,
            "exit_reason": "stop_loss",
        },
    }


def cut(event: dict[str, Any]) -> tuple[str, str]:
    """What stands before and after the identifier."""
    head, _, tail = orjson.dumps({"event_id": IDENTIFIER, **event}).decode().partition(IDENTIFIER)
    return head, tail


NOW = datetime.now(UTC).isoformat()
BODIES = {"thesis": cut(thesis()), "discovery": cut(discovery()), "trade": cut(trade())}
