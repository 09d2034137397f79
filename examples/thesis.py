"""Theses of two sources, handed over as they are made.

    python examples/thesis.py [URL]

The theses are made up. Without a running `amc-learning serve` it ends all the same and says so.
"""
# ruff: noqa: T201

import os
import sys

from amc_learning.client import LearningClient


def generate_entry_thesis(symbol: str) -> dict[str, object]:
    """What stands for the model that writes theses."""
    return {
        "symbol": symbol,
        "type": "ENTRY_OPPORTUNITY",
        "ai_generated": True,
        "recommendation": "BUY_MORE",
        "confidence": 0.82,
        "entry_thesis": "Volume and news flow support a continuation.",
    }


def generate_exit_thesis(symbol: str) -> dict[str, object]:
    """What stands for the rules."""
    return {
        "symbol": symbol,
        "type": "EXIT_STRATEGY",
        "ai_generated": False,
        "recommendation": "HOLD",
        "confidence": 0.6,
    }


def main(base_url: str) -> None:
    """Two theses."""
    with LearningClient(base_url, api_key=os.environ.get("AMC_LEARNING_API_KEY")) as learning:
        learning.send_thesis("AAA", generate_entry_thesis("AAA"))
        learning.send_thesis("BBB", generate_exit_thesis("BBB"))
        is_settled = learning.flush(3.0)
    counters = learning.counters
    if is_settled:
        print(f"the theses were handed over: {counters.n_sent} accepted, {counters.n_refused} refused")
    else:
        print(f"no learning system takes events at {base_url}; the theses themselves are not affected")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000")
