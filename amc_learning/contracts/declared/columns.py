"""What a declaration is made of, and the columns that several tables share."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl

N_SCORE_BINS = 101
"""Scores run from 0 to 100; bin b holds the scores that round down to b, so 100 has a bin of its own."""

N_QUANTILES = 10
"""Candidates of a day are cut into deciles by score, as in the literature on factor returns."""

TOTAL_SCORE = "total_score"
"""The feature name of the score discovery ranked by; the other features are the components of the feature set."""

TIMESTAMP = pl.Datetime("us", "UTC")


@dataclass(frozen=True)
class Column:
    """One column: `unit` is empty where the value has none (names, flags, identifiers)."""

    name: str
    dtype: pl.DataType | type[pl.DataType]
    description: str
    unit: str = ""
    is_nullable: bool = False


@dataclass(frozen=True)
class Table:
    """One table: rows are unique in `key`, and every stored partition is sorted by it."""

    name: str
    stage: str
    description: str
    key: tuple[str, ...]
    columns: tuple[Column, ...] = field(repr=False)

    @cached_property
    def schema(self) -> pl.Schema:
        """Column names and types, in order."""
        return pl.Schema({column.name: column.dtype for column in self.columns})

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        """Column names, in order."""
        return tuple(column.name for column in self.columns)

    def empty(self) -> pl.DataFrame:
        """A frame of this table without rows."""
        return self._empty.clone()

    @cached_property
    def _empty(self) -> pl.DataFrame:
        # a millisecond to make, and a range of days asks for thousands
        return pl.DataFrame(schema=self.schema)


KNOWN_ON = Column(
    "known_on", pl.Date, "Knowledge day: the weekday (US/Eastern) on which this row became known.", "date"
)
EVENT_ID = Column("event_id", pl.String, "Identifier of the event as received; points to the verbatim payload.")
DECIDED_AT = Column("decided_at", TIMESTAMP, "When the decision was made.", "UTC")
DECISION_ID = Column("decision_id", pl.String, "Identifier of one scored symbol in one discovery run.")
SYMBOL = Column("symbol", pl.String, "Ticker symbol as normalised.")
HORIZON = Column("horizon", pl.String, "Name of the outcome horizon, for example 7d.")
ENTRY_DATE = Column(
    "entry_date",
    pl.Date,
    "First session held; all decisions of one entry date form one cross-section.",
    "date",
)
FEATURE = Column("feature", pl.String, "Component of the feature set, or total_score.")
POPULATION = Column(
    "population",
    pl.String,
    "Which decisions are looked at: selected, controls, or universe (both, reweighted to the scored universe).",
)


def score_columns(components: Sequence[str]) -> tuple[Column, ...]:
    """One column per component score."""
    return tuple(
        Column(
            name, pl.Float64, f"Component score {name}; null when it was not scored.", "points 0-100", is_nullable=True
        )
        for name in components
    )
