"""The corrections document: what is corrected because it failed systematically."""

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from amc_learning.contracts.documents.base import SCHEMA_VERSION, Interval, Part, Switched


class Correction(Part):
    """One concrete, bounded, expiring change."""

    name: str = Field(description="Use it to veto: amc-learning corrections veto NAME.")
    kind: Literal["component_weight", "tag_threshold", "confidence", "position_size"]
    target: str = Field(description="Component, tag, source and recommendation, or the pattern it applies to.")
    factor: float | None = Field(description="Multiplies weight, confidence or position size; within 0.5 to 1.")
    raise_points: float | None = Field(description="Points a threshold is raised by.")
    severity: Literal["low", "medium", "high", "critical"]
    status: Literal["proposed", "active", "shadow", "vetoed", "expired", "withdrawn"] = Field(
        description="shadow: it would act, but what it would act through is in shadow."
    )
    created_on: date
    expires_on: date
    pattern: str = Field(description="What fails, for example source=ai & recommendation=BUY_MORE.")
    reason: str = Field(description="Why, in one sentence with its numbers.")
    n_cases: int = Field(description="Cases of the pattern in the window it was found in.")
    failure_rate: float = Field(description="Their failure rate.")
    base_rate: float | None = Field(description="Failure rate of everything else; null when there is nothing else.")
    effect: Interval = Field(description="Change of the failure rate against the rest since then; n counts cases.")
    verdict: Literal["helped", "no_difference", "harmed", "too_early"]


class CorrectionsDocument(Switched):
    """Corrections in force, proposed and ended in the last 90 days."""

    schema_version: Literal["1.0"] = SCHEMA_VERSION
    known_on: date
    last_updated: datetime = Field(description="End of the knowledge day the document is about.")
    in_force: list[Correction]
    proposed: list[Correction] = Field(
        description="Found, but not strong enough to act without a person, or in shadow."
    )
    ended: list[Correction] = Field(description="Vetoed, expired or withdrawn.")
    component_factors: dict[str, float] = Field(description="Component to factor on its weight.")
    threshold_raises: dict[str, float] = Field(description="Action tag to points added to its threshold.")
    position_size_factors: dict[str, float] = Field(description="Pattern to factor on the size of matching positions.")
    inputs: dict[str, str | None] = Field(
        description="Table to sha256 of the partition used: of this day, or of the last night before it."
    )
    software_version: str
