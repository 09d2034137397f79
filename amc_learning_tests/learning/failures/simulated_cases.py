"""Small hand-made failure cases for tests."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl

from amc_learning.contracts.declared.failures import failure_cases

FIRST_DAY = date(2014, 3, 3)


def cases_of(
    failed: Sequence[bool],
    attributes: Mapping[str, Sequence[str | None]],
    *,
    kind: str = "trade",
    days: Sequence[date] | None = None,
    symbols: Sequence[str] | None = None,
) -> pl.DataFrame:
    """Cases of one kind; each its own symbol, all known on one day, unless said otherwise."""
    n = len(failed)
    given = {
        "known_on": list(days) if days is not None else [FIRST_DAY] * n,
        "kind": [kind] * n,
        "case_id": [f"{kind}{i:05d}" for i in range(n)],
        "symbol": list(symbols) if symbols is not None else [f"S{i}" for i in range(n)],
        "is_failure": [bool(value) for value in failed],
        "is_withdrawn": [False] * n,
        "outcome_return": [-0.2 if value else 0.05 for value in failed],
        "pnl_usd": [-200.0 if value else 50.0 for value in failed],
        **{name: list(values) for name, values in attributes.items()},
    }
    absent = {name: [None] * n for name in failure_cases().column_names if name not in given}
    return pl.DataFrame(given | absent, schema_overrides=failure_cases().schema).select(failure_cases().column_names)


def planted_cases(
    seed: int = 0,
    *,
    n: int = 200,
    n_planted: int = 40,
    planted_rate: float = 0.8,
    base: float = 0.15,
    n_days: int = 20,
    kind: str = "thesis",
) -> pl.DataFrame:
    """`n` cases over `n_days` days up to and including FIRST_DAY; source=ai & recommendation=BUY_MORE fails."""
    generator = np.random.default_rng(seed)
    source = generator.choice(["ai", "rule_based"], n)
    recommendation = generator.choice(["BUY_MORE", "HOLD", "TRIM"], n)
    source[(source == "ai") & (recommendation == "BUY_MORE")] = "rule_based"
    planted = generator.choice(n, n_planted, replace=False)
    source[planted], recommendation[planted] = "ai", "BUY_MORE"
    failed = generator.random(n) < base
    failed[planted] = generator.random(n_planted) < planted_rate
    days = [FIRST_DAY - timedelta(days=int(i * n_days / n)) for i in range(n)]
    return cases_of(
        failed.tolist(),
        {
            "source": source.tolist(),
            "recommendation": recommendation.tolist(),
            "price_band": generator.choice(["under_5_usd", "5_to_20_usd", "20_to_100_usd"], n).tolist(),
        },
        kind=kind,
        days=days,
    )
