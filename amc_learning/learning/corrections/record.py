"""A correction as it is kept from night to night.

Belongs here: the record, its way into table corrections and back. Not here: how it changes (lifecycle).
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

import polars as pl

from amc_learning.contracts.declared.corrections import corrections as corrections_table
from amc_learning.learning.corrections.patterns import Pattern, parse_pattern
from amc_learning.learning.corrections.rules import ACTIVE, PROPOSED


@dataclass(frozen=True, kw_only=True)
class Correction:
    """One correction on one night: the columns of table corrections but `known_on`, described there."""

    name: str
    kind: str
    target: str
    factor: float | None = None
    raise_points: float | None = None
    lower_bound: float
    upper_bound: float
    severity: str
    status: str
    status_since: date
    created_on: date
    renewed_on: date
    expires_on: date
    in_force_from: date | None = None
    ended_on: date | None = None
    ended_by: str | None = None
    times_created: int
    pattern_kind: str
    pattern: str
    reason: str = ""
    evidence_days: int = 0
    n_cases: int = 0
    n_failures: int = 0
    failure_rate: float = 0.0
    base_rate: float | None = None
    adjusted_p_value: float | None = None
    target_share: float = 1.0
    last_failed_on: date
    last_found_on: date
    is_at_once: bool = False
    n_cases_before: int = 0
    n_effective_before: float = 0.0
    failure_rate_before: float | None = None
    n_rest_before: int = 0
    n_effective_rest_before: float = 0.0
    rest_rate_before: float | None = None
    measured_until: date | None = None
    n_cases_after: int = 0
    n_failures_after: int = 0
    failure_rate_after: float | None = None
    n_rest_after: int = 0
    rest_rate_after: float | None = None
    effect: float | None = None
    effect_ci_low: float | None = None
    effect_ci_high: float | None = None
    verdict: str | None = None

    @property
    def is_live(self) -> bool:
        """True while it is proposed or in force."""
        return self.status in {PROPOSED, ACTIVE}

    @property
    def found_pattern(self) -> Pattern:
        """Its pattern, read."""
        return parse_pattern(self.pattern_kind, self.pattern)


_NAMES = tuple(field.name for field in fields(Correction))


def state_before(previous: pl.DataFrame | None, day: date) -> dict[str, Correction]:
    """Corrections as of the last day before `day` that has any; later rows and earlier days are ignored."""
    if previous is None or previous.is_empty():
        return {}
    earlier = previous.filter(pl.col("known_on") < day)
    latest = earlier.filter(pl.col("known_on") == earlier["known_on"].max())
    return {row["name"]: Correction(**row) for row in latest.select(_NAMES).iter_rows(named=True)}


def as_table(nights: Sequence[tuple[date, Sequence[Correction]]]) -> pl.DataFrame:
    """Table corrections, sorted by knowledge day and name."""
    table = corrections_table()
    listed = [(night, correction) for night, corrections in nights for correction in corrections]
    columns: dict[str, list[Any]] = {"known_on": [night for night, _ in listed]}
    for name in _NAMES:
        columns[name] = [getattr(correction, name) for _, correction in listed]
    return pl.DataFrame([pl.Series(name, columns[name], dtype=dtype) for name, dtype in table.schema.items()]).sort(
        "known_on", *table.key
    )
