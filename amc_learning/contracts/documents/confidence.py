"""The confidence document, which thesis generators read."""

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from amc_learning.contracts.documents.base import SCHEMA_VERSION, Interval, Part, Switched


class CalibrationQuality(Part):
    """Brier score of the confidence as sent, and what it is made of: miscalibration - discrimination + uncertainty."""

    brier_score: float | None = Field(description="Mean squared distance between confidence and what happened.")
    miscalibration: float | None = Field(description="What a perfect recalibration would take off; 0 is calibrated.")
    discrimination: float | None = Field(
        description="What knowing the confidence is worth; 0 is no better than a rate."
    )
    uncertainty: float | None = Field(description="Brier score of always saying the overall rate.")
    expected_calibration_error: float | None = Field(description="Mean distance of confidence and accuracy over bins.")
    n_theses: int = Field(description="Judged theses in the window.")


class CalibrationMap(Part):
    """A monotone map from confidence as sent to calibrated confidence; interpolate linearly between the points."""

    source: Literal["all", "ai", "rule_based", "unknown"]
    recommendation: str = Field(description="all, BUY_MORE, HOLD, TRIM or LIQUIDATE.")
    status: Literal["active", "held", "insufficient_evidence"]
    reason: str = Field(description="Why this map, in one sentence with its numbers.")
    method: str = Field(description="identity, logit_linear, beta, isotonic, venn_abers, or the grouped form of one.")
    confidence_points: list[float] = Field(description="Confidence as sent, ascending from 0 to 1.")
    calibrated_points: list[float] = Field(description="Calibrated confidence at these points, never falling.")
    multiplier: float | None = Field(description="Accuracy over mean confidence, within 0.5 to 2.")
    accuracy: float | None = Field(description="Share of theses that were right.")
    mean_confidence: float | None = Field(description="Mean confidence as sent.")
    brier_sent: float | None = Field(description="Brier score as sent, on days not used to fit.")
    brier_calibrated: float | None = Field(description="Brier score of the map, on the same days.")
    n_theses: int = Field(description="Judged theses it rests on.")
    n_days: int = Field(description="Decision days they were made on.")
    borrowed_share: float | None = Field(description="Share of the map that comes from the whole, not from this group.")


class GroupAccuracy(Part):
    """How often the theses of a group were right."""

    group_kind: str = Field(description="overall, recommendation, source, regime, or source_recommendation.")
    group: str
    accuracy: Interval
    mean_confidence: float | None


class ConfidenceData(Part):
    """The numbers of the system description."""

    global_confidence_multiplier: float = Field(description="Within 0.5 to 2; 1 when the evidence does not suffice.")
    per_recommendation_adjustments: dict[str, float] = Field(
        description="BUY_MORE, HOLD, TRIM, LIQUIDATE to multiplier, with corrections that name no source."
    )
    per_source_adjustments: dict[str, float] = Field(description="ai, rule_based to multiplier within 0.5 to 2.")
    calibration_quality: float | None = Field(
        description="1 minus miscalibration over uncertainty, at least 0: 1 is calibrated, 0 is worse than a constant."
    )
    recommendations: list[str] = Field(description="What a person should do about it, each with its evidence.")


class ConfidenceDocument(Switched):
    """Confidence adjustments for theses, with the evidence they rest on."""

    schema_version: Literal["1.0"] = SCHEMA_VERSION
    success: Literal[True] = Field(True, description="The document is usable; maps may all be the identity.")
    data: ConfidenceData
    known_on: date = Field(description="Knowledge day: everything known up to and on this day was used.")
    last_updated: datetime = Field(description="End of the knowledge day the document is about.")
    status: Literal["active", "held", "insufficient_evidence"]
    reason: str = Field(description="State of the overall map, in one sentence.")
    horizon: str = Field(description="Horizon at which theses are judged.")
    quality: dict[str, CalibrationQuality] = Field(description="overall and each source, as sent, in the window.")
    maps: list[CalibrationMap] = Field(description="One per source and recommendation; use the most specific.")
    accuracy: list[GroupAccuracy]
    ai_minus_rules: Interval = Field(description="Difference in accuracy on the same days; n counts days.")
    corrections: dict[str, float] = Field(description="`source/recommendation` to factor of a correction in force.")
    bounds: tuple[float, float] = Field((0.5, 2.0), description="What every multiplier lies within.")
    inputs: dict[str, str | None] = Field(
        description="Table to sha256 of the partition used: of this day, or of the last night before it."
    )
    software_version: str
