"""Theses and their outcomes as tests need them."""

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl

from amc_learning.contracts.declared.theses import thesis_outcomes

FIRST = date(2024, 1, 1)


def weekdays(n: int) -> list[date]:
    """The first n weekdays from FIRST, a Monday."""
    return [FIRST + timedelta(days=7 * (place // 5) + place % 5) for place in range(n)]


def outcome_rows(rows: Sequence[dict[str, object]]) -> pl.DataFrame:
    """Rows of thesis_outcomes from what each test cares for; everything else is a plain judged AI BUY_MORE."""
    table = thesis_outcomes()
    plain = {
        "known_on": FIRST,
        "horizon": "7d",
        "symbol": "ABC",
        "entry_date": FIRST,
        "recommendation": "BUY_MORE",
        "confidence": 0.7,
        "source": "ai",
        "outcome_status": "complete",
        "is_right": True,
        "is_counted": True,
    }
    full = [
        {**dict.fromkeys(table.column_names), **plain, "thesis_id": f"t{place:06}", **row}
        for place, row in enumerate(rows)
    ]
    return pl.DataFrame(full, schema=table.schema)


def simulated_outcomes(n_days: int, per_day: int, *, seed: int) -> pl.DataFrame:
    """Theses of both sources, four recommendations and two regimes, some without a confidence, some not judged."""
    generator = np.random.default_rng(seed)
    rows: list[dict[str, object]] = []
    for day in weekdays(n_days):
        for place in range(per_day):
            confidence = round(float(generator.uniform(0.3, 0.95)), 2)
            is_right = bool(generator.random() < confidence**2)
            rows.append(
                {
                    "known_on": day,
                    "entry_date": day,
                    "symbol": f"S{place // 2:03}",
                    "source": ("ai", "rule_based")[place % 2],
                    "recommendation": str(generator.choice(["BUY_MORE", "HOLD", "TRIM", "LIQUIDATE"])),
                    "confidence": None if generator.random() < 0.05 else confidence,
                    "is_right": None if generator.random() < 0.05 else is_right,
                    "is_counted": bool(generator.random() < 0.95),
                    "market_regime": ("calm", "stress", None)[int(generator.integers(3))],
                }
            )
    return outcome_rows(rows)
