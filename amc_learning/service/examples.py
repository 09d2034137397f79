"""Examples of the OpenAPI document; every one of them is sent or received by a test.

Belongs here: what a sender sends and a reader gets, complete and small.
"""

from typing import Any

Example = dict[str, Any]

DISCOVERY: Example = {
    "event_id": "run-2014-03-03",
    "timestamp": "2014-03-03T16:10:00-05:00",
    "status": "success",
    "engine": "alphastack",
    "parameters_version": "2014-02-28.3b9a2413",
    "pipeline_stats": {"universe_size": 3033, "scored": 861},
    "candidates": [
        {
            "symbol": "ABC",
            "score": 78.4,
            "action_tag": "trade_ready",
            "price": 12.31,
            "subscores": {"volume_momentum": 81, "squeeze": 64, "catalyst": 70, "technical": 55},
        }
    ],
    "controls": [{"symbol": "XYZ", "score": 41.0, "subscores": {"volume_momentum": 30, "squeeze": 44}}],
}

THESIS: Example = {
    "event_id": "thesis-ABC-2014-03-03",
    "symbol": "ABC",
    "generated_at": "2014-03-03T17:05:00-05:00",
    "thesis": {
        "recommendation": "TRIM",
        "confidence": 0.72,
        "reasoning": "Volume fades while the price stays at its high.",
        "ai_generated": True,
    },
}

TRADE: Example = {
    "event_id": "trade-8813-close",
    "symbol": "ABC",
    "change_type": "CLOSE",
    "timestamp": "2014-03-11T15:58:00-04:00",
    "change_data": {"trade_id": "8813", "exit_price": 13.05, "quantity": 40, "exit_reason": "profit_target"},
}

BARS: Example = {
    "bars": [
        {
            "symbol": "ABC",
            "date": "2014-03-03",
            "open": 12.1,
            "high": 12.6,
            "low": 12.0,
            "close": 12.31,
            "volume": 812000,
        }
    ]
}

ACCEPTED: Example = {
    "success": True,
    "status": "accepted",
    "event_id": "discovery:run-2014-03-03",
    "duplicate": False,
    "warnings": [],
}

QUARANTINED: Example = {
    "success": True,
    "status": "quarantined",
    "event_id": None,
    "quarantine_id": "7f3a1c0d9e5b2846",
    "duplicate": False,
    "field": "payload",
    "reason": "no discovery result: neither a list of candidates (candidates, items, tickers, ...) nor a status or "
    "error",
    "warnings": [],
}

PROBLEM: Example = {
    "type": "about:blank",
    "title": "Not JSON",
    "status": 400,
    "detail": "not JSON: unexpected end of data, line 1 column 11; kept in quarantine, not as an event",
    "success": False,
    "field": "body",
    "quarantine_id": "0b1c2d3e4f5a6978",
}

NOTHING_PUBLISHED: Example = {
    "success": False,
    "status": "nothing_published",
    "document": "weights",
    "reason": "no weights document is published yet; keep to your defaults",
    "data": None,
}

WEIGHTS: Example = NOTHING_PUBLISHED

OLDER_PARAMETERS: Example = {
    "success": False,
    "reason": "the feature set alphastack has no component rvol, momentum, price, change, si, borrow; "
    "read /learning/intelligence/adaptive-discovery-params instead; keep to your defaults",
}

OLDER_REGIME: Example = {
    "success": True,
    "regime": "calm",
    "discovery_regime": "normal_market",
    "since": "2014-11-03",
    "confidence": 0.97,
    "recommended_threshold": 75.0,
    "last_updated": "2014-12-13T05:00:00Z",
}

HEALTH: Example = {
    "discovery_data_flow": {"collections_today": 1, "avg_latency_ms": 3.1, "success_rate_24h": 1.0},
    "thesis_data_flow": {"collections_today": 20, "avg_latency_ms": 1.4, "success_rate_24h": 0.95},
    "trade_data_flow": {"collections_today": 0, "avg_latency_ms": None, "success_rate_24h": None},
    "intelligence_delivery": {"requests_today": 96, "avg_response_time_ms": 0.2, "cache_hit_rate": 0.99},
    "learning_effectiveness": {
        "patterns_discovered_this_week": 0,
        "parameter_adjustments_this_week": 2,
        "accuracy_improvement_this_month": 0.01,
    },
}
