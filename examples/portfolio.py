"""A position from its opening to its close, every change told to the learning system.

    python examples/portfolio.py [URL]

The trade is made up. Events wait in a spool folder while no `amc-learning serve` runs, and go out the next time.
"""
# ruff: noqa: T201

import asyncio
import os
import sys
import tempfile
from pathlib import Path

from amc_learning.client import LearningClient, PortfolioTracker

SPOOL = Path(tempfile.gettempdir()) / "amc-learning-example-spool"


async def main(base_url: str) -> None:
    """Open, add, close."""
    key = os.environ.get("AMC_LEARNING_API_KEY")
    async with LearningClient(base_url, api_key=key, spool_dir=SPOOL) as learning:
        tracker = PortfolioTracker(learning)
        await tracker.track_position_change("AAA", "OPEN", {"entry_price": 10.0, "quantity": 100})
        await tracker.track_position_change("AAA", "MODIFY", {"price": 10.5, "quantity": 50, "action": "add"})
        await tracker.track_position_change("AAA", "CLOSE", {"exit_price": 12.0, "exit_reason": "profit_target"})
        is_settled = await learning.aflush(5.0)
    counters = learning.counters
    if is_settled:
        print(f"the changes were handed over: {counters.n_sent} accepted, {counters.n_refused} refused")
    else:
        print(f"no learning system takes events at {base_url}; {counters.n_spooled} wait in {SPOOL}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000"))
