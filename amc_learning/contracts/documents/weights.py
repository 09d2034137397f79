"""The weights document, which discovery reads."""

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from amc_learning.contracts.documents.base import SCHEMA_VERSION, Part, Status, Switched


class Estimate(Part):
    """One measured number with its uncertainty and its n; all null when the evidence does not suffice."""

    population: Literal["selected", "universe"] = Field(description="selected, or both reweighted to the universe.")
    mean_information_coefficient: float | None = Field(description="Mean daily rank correlation with forward returns.")
    ci_low: float | None = Field(description="Lower end of the 95 % interval.")
    ci_high: float | None = Field(description="Upper end of the 95 % interval.")
    q_value: float | None = Field(description="False-discovery-adjusted p-value over all features and horizons.")
    n_days: int = Field(description="Cross-sections counted.")
    n_pairs: int = Field(description="Decisions with score and return in them.")
    evidence: Literal["sufficient", "insufficient_evidence"]


class Threshold(Part):
    """The score from which it pays, or the honest answer that none was found."""

    decision: Literal["found", "none", "insufficient_evidence"]
    threshold: float | None = Field(description="Score (0-100) from which it pays.")
    ci_low: float | None = Field(description="Lower end of its 90 % interval.")
    ci_high: float | None = Field(description="Upper end of its 90 % interval.")
    lift: float | None = Field(description="Mean excess return above it, on days not used to choose it (fraction).")
    lift_ci_low: float | None = Field(description="Lower end of the 95 % interval of the lift.")
    lift_ci_high: float | None = Field(description="Upper end of the 95 % interval of the lift.")
    coverage: float | None = Field(description="Share of decisions at or above it.")
    n_pairs: int = Field(description="Decisions looked at.")
    n_days: int = Field(description="Days looked at.")


class TagThreshold(Part):
    """An action tag: the total score it starts at today, and whether the scores inside it point to a better start."""

    default: float = Field(description="Total score at which discovery's default assigns the tag.")
    in_force: float = Field(description="default plus what corrections in force raise it by.")
    suggestion: Threshold | None = Field(description="Search within the tag; null when no decision carried it.")


class Thresholds(Part):
    """Thresholds at the evidence horizon."""

    horizon: str
    components: dict[str, Threshold]
    total_score: Threshold | None
    action_tags: dict[str, TagThreshold]


class Improvement(Part):
    """What the change is expected to bring, measured on days not used to choose it."""

    information_coefficient: float | None = Field(description="Change in mean daily rank correlation of the score.")
    ci_low: float | None = Field(description="Lower end of the 95 % interval.")
    ci_high: float | None = Field(description="Upper end of the 95 % interval.")
    success_rate_change: float | None = Field(description="Change in the share of winners among the top k (fraction).")
    top_return_change: float | None = Field(description="Change in mean forward return of the top k (fraction).")
    horizon: str = Field(description="Horizon of the returns.")
    population: str | None = Field(description="selected, or universe (selected and controls, reweighted).")
    window_days: int | None = Field(description="Evidence window, calendar days.")
    n_days: int = Field(description="Cross-sections in it.")


class Bounds(Part):
    """What every published vector satisfies."""

    daily_limit: float = Field(description="Largest change of one weight against the previous knowledge day.")
    cap: float = Field(description="Largest weight.")
    minimum: float = Field(0.0, description="Smallest weight.")
    total: float = Field(1.0, description="Sum of the weights.")


class Previous(Part):
    """The vector in force on the previous knowledge day."""

    known_on: date | None = Field(description="Day of that decision; null when the defaults were in force.")
    weights: dict[str, float]


class WeightsData(Part):
    """The envelope that discovery reads."""

    optimized_parameters: dict[str, float] = Field(description="<component>_weight to weight in force.")
    confidence: float | None = Field(
        description="One minus the p-value that the change under way improves nothing; null unless weights moved."
    )
    expected_improvement: float | None = Field(
        description="Difference in mean daily rank correlation of the change under way; null unless weights moved."
    )
    market_regime: str | None = Field(description="Regime the weights apply to; null when they apply to all.")
    last_updated: datetime = Field(description="End of the knowledge day the document is about.")


class RegimeWeights(Part):
    """What would be in force tonight if the market were in this regime."""

    weights: dict[str, float] = Field(description="<component>_weight to weight, within the same bounds.")
    multipliers: dict[str, float] = Field(description="Component to factor of the regime; only what is not 1.")


class WeightsDocument(Switched):
    """Weights for discovery, with the evidence they rest on."""

    schema_version: Literal["1.0"] = SCHEMA_VERSION
    success: Literal[True] = Field(True, description="A usable vector is in data.optimized_parameters.")
    data: WeightsData
    applies_to_regime: str | None
    confidence: float | None
    expected_improvement: float | None
    parameters_version: str = Field(description="Send it back with every discovery result made with these weights.")
    known_on: date = Field(description="Knowledge day: everything known up to and on this day was used.")
    status: Status
    reason: str = Field(description="Why the weights are what they are, in one sentence.")
    feature_set: str
    previous: Previous
    bounds: Bounds
    improvement: Improvement
    evidence_known_on: date | None = Field(
        description="Day of the evidence shown: known_on, or the night before when a person's order came first."
    )
    by_regime: dict[str, RegimeWeights] = Field(
        default_factory=dict,
        description="Index-based regime to what would be in force tonight in it; empty in earlier versions.",
    )
    evidence: dict[str, dict[str, Estimate]] = Field(description="Component to horizon to estimate.")
    thresholds: Thresholds
    inputs: dict[str, str | None] = Field(
        description="Table to sha256 of its partition of this day; null for a day without rows."
    )
    software_version: str
