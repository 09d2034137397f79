"""Numbers as rows of a declared table: unknown is null, floats are rounded.

Belongs here: that step alone.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import polars as pl

from amc_learning.contracts.tables import Table

DECIMALS = 9
"""Processors differ in the last bits of a sum; a figure that is written down does not."""


class Estimate(Protocol):
    """Anything with an estimate and an interval."""

    @property
    def estimate(self) -> float | None:
        """The number itself."""

    @property
    def ci_low(self) -> float | None:
        """Lower end of its interval."""

    @property
    def ci_high(self) -> float | None:
        """Upper end of its interval."""


def interval_of(name: str, found: Estimate) -> dict[str, float | None]:
    """The three columns of an estimate."""
    return {name: found.estimate, f"{name}_ci_low": found.ci_low, f"{name}_ci_high": found.ci_high}


def typed(table: Table, rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """These rows as the table: what is not said is null, NaN is null, floats are rounded; sorted by the key."""
    columns = {name: [_plain(row.get(name)) for row in rows] for name in table.column_names}
    return pl.DataFrame(columns, schema=table.schema, strict=False).sort(table.key)


def _plain(value: Any) -> Any:
    if isinstance(value, float | np.floating):
        return round(float(value), DECIMALS) + 0.0 if np.isfinite(value) else None
    return value
