"""A discovery run that learns: read the published weights, score with them, hand the result over.

    python examples/discovery.py [URL]

Candidates and scores are made up. Without a running `amc-learning serve` it scores with its own weights and says so.
"""
# ruff: noqa: T201

import asyncio
import os
import sys

from amc_learning.client import LearningClient

DEFAULT_WEIGHTS = {
    "volume_momentum_weight": 0.30,
    "squeeze_weight": 0.25,
    "catalyst_weight": 0.20,
    "sentiment_weight": 0.10,
    "options_weight": 0.08,
    "technical_weight": 0.07,
}

COMPONENT_SCORES = {
    "AAA": {"volume_momentum": 82, "squeeze": 74, "catalyst": 90, "sentiment": 61, "options": 55, "technical": 70},
    "BBB": {"volume_momentum": 35, "squeeze": 48, "catalyst": 50, "sentiment": 47, "options": 15, "technical": 88},
}


def run_discovery_job(weights: dict[str, float]) -> dict[str, object]:
    """What stands for the real discovery: scores are weighted sums."""
    candidates = []
    for symbol, subscores in COMPONENT_SCORES.items():
        score = sum(weights[f"{name}_weight"] * value for name, value in subscores.items())
        tag = "trade_ready" if score >= 75 else "watchlist" if score >= 70 else "monitor"
        candidates.append({"symbol": symbol, "score": score, "action_tag": tag, "subscores": subscores})
    return {"status": "success", "universe_size": len(candidates), "candidates": candidates}


async def main(base_url: str) -> None:
    """One run."""
    async with LearningClient(base_url, api_key=os.environ.get("AMC_LEARNING_API_KEY")) as learning:
        weights = await learning.aget_discovery_parameters(DEFAULT_WEIGHTS)
        read = learning.last_read
        print(f"weights: {read.source}, version {read.version} ({read.reason})")
        result = run_discovery_job(weights)
        learning.send_discovery(result)
        is_settled = await learning.aflush(3.0)
    counters = learning.counters
    if is_settled:
        print(f"the run was handed over: {counters.n_sent} accepted, {counters.n_refused} refused")
    else:
        print(f"no learning system takes events at {base_url}; the run itself is not affected")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000"))
