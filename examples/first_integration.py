"""The smallest whole integration: read weights, hand over one discovery result, one thesis and one trade.

    python examples/first_integration.py [URL]

docs/tutorial.md walks through it. Symbols, scores and prices are made up.
"""
# ruff: noqa: T201

import os
import sys

from amc_learning.client import LearningClient

DEFAULTS = {
    "volume_momentum_weight": 0.30,
    "squeeze_weight": 0.25,
    "catalyst_weight": 0.20,
    "sentiment_weight": 0.10,
    "options_weight": 0.08,
    "technical_weight": 0.07,
}

CANDIDATE = {
    "symbol": "AAA",
    "score": 79.5,
    "action_tag": "trade_ready",
    "subscores": {
        "volume_momentum": 82,
        "squeeze": 74,
        "catalyst": 90,
        "sentiment": 61,
        "options": 55,
        "technical": 70,
    },
}

THESIS = {"type": "ENTRY_OPPORTUNITY", "ai_generated": True, "recommendation": "BUY_MORE", "confidence": 0.82}


def main(base_url: str) -> None:
    """One round: read, send, wait until it has arrived."""
    with LearningClient(base_url, api_key=os.environ.get("AMC_LEARNING_API_KEY")) as learning:
        weights = learning.get_discovery_parameters(DEFAULTS)
        read = learning.last_read
        print(f"weights are {read.source} ({read.version or read.reason}): technical {weights['technical_weight']:.2f}")
        learning.send_discovery({"status": "success", "universe_size": 1, "candidates": [CANDIDATE]})
        learning.send_thesis("AAA", THESIS)
        learning.send_position_change("AAA", "OPEN", {"entry_price": 10.0, "quantity": 100})
        has_arrived = learning.flush(5.0)
    if has_arrived:
        print(f"{learning.counters.n_sent} events were taken, {learning.counters.n_refused} refused")
    else:
        print(f"nothing answers at {base_url}; what was decided is not affected")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000")
