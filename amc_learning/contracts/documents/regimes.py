"""The market-regime document."""

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from amc_learning.contracts.documents.base import SCHEMA_VERSION, Interval, Part


class CurrentRegime(Part):
    """The regime of one basis; null names where the history does not suffice."""

    regime: str | None
    probability: float | None = Field(description="Filtered probability of it; null for rule-based labels.")
    since: date | None = Field(description="Day it began.")
    previous_regime: str | None
    known_on: date | None = Field(description="Session it was read from.")


class RegimeChange(Part):
    """One change of regime."""

    known_on: date
    basis: str
    regime: str
    previous_regime: str | None
    probability: float | None


class RegimePerformance(Part):
    """What a component was worth in a regime."""

    basis: str
    component: str
    horizon: str
    information_coefficient: Interval = Field(description="Mean daily coefficient; n counts days.")
    multiplier: float = Field(
        description="Factor laid over the learned weight while the regime holds; 1 unless the evidence is strong."
    )


class RegimeDocument(Part):
    """In which market the decisions are made, and what works in it."""

    schema_version: Literal["1.0"] = SCHEMA_VERSION
    known_on: date
    last_updated: datetime = Field(description="End of the knowledge day the document is about.")
    regime: str | None = Field(description="The index-based regime.")
    index: CurrentRegime
    discovery: CurrentRegime
    recent_changes: list[RegimeChange] = Field(description="Changes of the last 90 days, newest first.")
    performance: list[RegimePerformance]
    multipliers: dict[str, float] = Field(description="Component to factor in force.")
    inputs: dict[str, str | None] = Field(
        description="Table to sha256 of the partition used: of this day, or of the last night before it."
    )
    software_version: str
