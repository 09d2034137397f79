"""The pattern-analysis document: what works in discovery, how right theses are, and what fails together."""

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from amc_learning.contracts.documents.base import SCHEMA_VERSION, Interval, Part
from amc_learning.contracts.documents.confidence import CalibrationQuality, GroupAccuracy
from amc_learning.contracts.documents.daily_report import WatchedPattern
from amc_learning.contracts.documents.recommendations import PatternAlert
from amc_learning.contracts.documents.regimes import RegimePerformance
from amc_learning.contracts.documents.selection import SelectionAnalysis
from amc_learning.contracts.documents.weights import Threshold


class FeatureAnalysis(Part):
    """One component: does its score order returns, from which score does it pay, and what does it weigh?"""

    correlation_with_success: Interval = Field(
        description="Mean daily rank correlation with forward returns at the evidence horizon; n counts days."
    )
    population: Literal["selected", "universe"] | None = Field(
        description="What it was measured on: selected, or both reweighted to the universe; null when not measured."
    )
    optimal_threshold: Threshold | None = Field(description="Null when no decision carried this score.")
    current_weight: float | None = Field(description="Weight in force; null before the first decision.")
    suggested_weight: float | None = Field(
        description="Weight the evidence suggests, before the daily limit; null where it suffices for no suggestion."
    )


class RegimeEffectiveness(Part):
    """How discovery did in one regime."""

    basis: Literal["index", "discovery"]
    regime: str
    is_current: bool = Field(description="True for the regime the market is in.")
    success_rate: Interval = Field(
        description="Share of winners among the selected, an estimate without interval; n counts days."
    )
    mean_return: float | None = Field(description="Mean over days of their mean return (fraction).")
    components: list[RegimePerformance] = Field(
        description="At the evidence horizon; multiplier is the factor while this regime holds."
    )


class DiscoveryEffectiveness(Part):
    """Which scores lead to returns, and how often discovery finds a winner."""

    evidence_horizon: str = Field(description="Horizon of correlations and thresholds.")
    success_horizon: str = Field(description="Horizon at which a candidate is a winner or not.")
    winner_return: float = Field(description="Forward return from which it is one (fraction).")
    feature_analysis: dict[str, FeatureAnalysis] = Field(description="Component to its analysis.")
    overall_discovery_success_rate: Interval = Field(
        description="Share of the selected candidates that reached the winner return; n counts candidates."
    )
    market_regime_performance: list[RegimeEffectiveness] = Field(description="Every regime of either basis.")
    recommendations: list[str] = Field(description="What a person should do about discovery, each with its evidence.")
    selection: SelectionAnalysis | None = Field(
        default=None, description="Selected against controls, and its limits; null in earlier versions."
    )


class ConfidenceCalibration(Part):
    """Whether stated confidence means what it says."""

    average_confidence: float | None = Field(description="Mean confidence of the judged theses that stated one.")
    calibration_score: float | None = Field(description="calibration_quality of the confidence document.")
    quality: CalibrationQuality | None = Field(description="What the score is made of, with its n; null without any.")
    per_recommendation: dict[str, GroupAccuracy] = Field(
        description="BUY_MORE, HOLD, TRIM, LIQUIDATE to accuracy and mean confidence."
    )


class ThesisAccuracy(Part):
    """How often theses are right, and how sure they were."""

    horizon: str = Field(description="Horizon at which theses are judged.")
    overall_accuracy: Interval = Field(description="Share of judged theses that were right; n counts theses.")
    confidence_calibration: ConfidenceCalibration
    ai_vs_rules_accuracy: Interval = Field(
        description="Accuracy of AI theses minus that of rule-based ones on the same days; n counts days."
    )
    recommendations: list[str] = Field(description="What a person should do about theses, each with its evidence.")


class FailingPatterns(Part):
    """What fails together."""

    systematic: list[PatternAlert] = Field(description="Beyond chance, the worst first.")
    watched: list[WatchedPattern] = Field(description="Failures that repeat without proof; the ten most suspicious.")


class PatternAnalysisDocument(Part):
    """What works, what is right, and what fails, over the analysis window."""

    schema_version: Literal["1.0"] = SCHEMA_VERSION
    known_on: date = Field(description="Knowledge day: everything known up to and on this day was used.")
    last_updated: datetime = Field(description="End of the knowledge day the document is about.")
    window_days: int = Field(description="Calendar days that correlations, thresholds, rates and accuracies look back.")
    discovery_effectiveness: DiscoveryEffectiveness
    thesis_accuracy: ThesisAccuracy
    failing_patterns: FailingPatterns
    inputs: dict[str, str | None] = Field(
        description="Table to sha256 of the partition used: of this day, or of the last night before it."
    )
    software_version: str
