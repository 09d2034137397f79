"""The daily intelligence report: what a person wants to see in the morning, as data; the page is drawn from it."""

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from amc_learning.contracts.documents.base import SCHEMA_VERSION, Interval, Part
from amc_learning.contracts.documents.confidence import CalibrationQuality, ConfidenceData, GroupAccuracy
from amc_learning.contracts.documents.corrections import Correction
from amc_learning.contracts.documents.recommendations import Attribution, PatternAlert
from amc_learning.contracts.documents.regimes import CurrentRegime, RegimeChange


class Change(Part):
    """One thing that changed on this day, and why."""

    subject: str = Field(description="For example weight technical, correction ..., market regime.")
    before: str
    after: str
    why: str


class InShadow(Part):
    """A document that is only looked at."""

    document: str = Field(description="weights, confidence or corrections.")
    since: date | None = Field(description="Day on which it was ordered; null when it began in shadow.")


class WeightHistory(Part):
    """Weights in force over the last nights."""

    days: list[date]
    weights: dict[str, list[float]] = Field(description="Component to weight, one per day.")


class WeightsSection(Part):
    """Weights tonight, and how they came about; while they are in shadow, what discovery was last told."""

    status: str = Field(description="Of the night; shadow while the weights are in shadow.")
    reason: str
    in_force: dict[str, float]
    before: dict[str, float]
    learned: dict[str, float] = Field(
        description="Without the factors of regime and corrections; empty while the weights are in shadow."
    )
    default: dict[str, float]
    history: WeightHistory


class WeightChange(Part):
    """One change of the learned weights: what it promised, and what came of it on days decided under it."""

    began_on: date
    last_step_on: date
    state: Literal["in_force", "next_change", "taken_back", "ordered"] = Field(
        description="in_force, or what ended it: another change, harm, a person's order."
    )
    ended_on: date | None
    most_changed_component: str
    most_changed_by: float = Field(description="Change of its learned weight (fraction).")
    horizon: str = Field(description="Horizon whose returns it is judged on.")
    promised: float | None = Field(description="Mean daily difference in rank correlation, on held-out days.")
    promised_ci_low: float | None = Field(description="Lower end of its 95 % interval.")
    promised_ci_high: float | None = Field(description="Upper end of its 95 % interval.")
    realised: Interval = Field(
        description="The same on days decided under it; n counts days. Its interval holds on all nights together."
    )
    evidence_of_harm: float = Field(description="e-value; 1 says nothing.")
    evidence_of_benefit: float = Field(description="e-value; 1 says nothing.")
    evidence_needed: float = Field(description="e-value from which on there is a verdict.")
    verdict: Literal["too_early", "helped", "no_difference", "harmed"]


class CoefficientRow(Part):
    """Does a score order returns?"""

    feature: str
    horizon: str
    population: str
    information_coefficient: Interval = Field(description="Mean daily coefficient; n counts days.")
    q_value: float | None


class ReliabilityPoint(Part):
    """One block of a reliability diagram."""

    mean_confidence: float
    calibrated_confidence: float
    ci_low: float
    ci_high: float
    n_theses: int


class ReliabilityCurve(Part):
    """Confidence as sent against what happened."""

    group: str = Field(description="overall, ai or rule_based.")
    points: list[ReliabilityPoint]
    quality: CalibrationQuality


class WatchedPattern(Part):
    """Failures that repeat, without proof that they are more than chance."""

    kind: str
    pattern: str
    n_cases: int
    n_failures: int
    failure_rate: float
    base_rate: float | None = Field(description="Failure rate of everything else; null when there is nothing else.")
    adjusted_p_value: float | None = Field(description="Corrected for every pattern searched; null when untestable.")
    explained_by: str | None = Field(description="Stronger systematic pattern that accounts for these failures.")


class TradeSummary(Part):
    """Closed trades of the window."""

    n_open: int
    n_closed: int
    realised_pnl_usd: float
    win_rate: Interval
    mean_return: Interval
    n_ledger_issues: int = Field(description="Messages of this day that could not be matched or had to be settled.")


class DayCounts(Part):
    """What this day brought."""

    n_discovery_runs: int
    n_candidates: int
    n_theses: int
    n_trade_messages: int
    n_bars: int
    n_outcomes: int = Field(description="Candidate outcomes that matured, all horizons.")


class DailyReport(Part):
    """The night in one document."""

    schema_version: Literal["1.0"] = SCHEMA_VERSION
    known_on: date
    last_updated: datetime = Field(description="End of the knowledge day the document is about.")
    headline: str = Field(description="The night in one sentence.")
    window_days: int = Field(description="Calendar days the tables of evidence and trades look back over.")
    thesis_horizon: str = Field(description="Horizon at which theses are judged.")
    in_shadow: list[InShadow] = Field(default_factory=list, description="Documents of this day that nobody acts on.")
    counts: DayCounts
    changes: list[Change]
    recommendations: list[str] = Field(description="What a person should do, each with its evidence.")
    risk_warnings: list[str]
    weights: WeightsSection | None = Field(description="Null before the first decision.")
    weight_changes: list[WeightChange] = Field(
        default_factory=list,
        description="Changes of the learned weights of the last year, newest first; empty in earlier versions.",
    )
    coefficients: list[CoefficientRow]
    selection_lift: dict[str, Interval] = Field(description="Horizon to return of the selected over the controls.")
    confidence: ConfidenceData | None
    accuracy: list[GroupAccuracy]
    ai_minus_rules: Interval = Field(description="Difference in accuracy on the same days; n counts days.")
    reliability: list[ReliabilityCurve]
    index_regime: CurrentRegime
    discovery_regime: CurrentRegime
    regime_changes: list[RegimeChange]
    failures: list[PatternAlert]
    watched: list[WatchedPattern]
    corrections: list[Correction]
    trades: TradeSummary
    attribution: dict[str, list[Attribution]] = Field(description="Dimension to its parts, which sum to the whole.")
    software_version: str
