"""The recommendations document: everything a trading system may want to know tonight, under six keys."""

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from amc_learning.contracts.documents.base import SCHEMA_VERSION, Interval, Part
from amc_learning.contracts.documents.confidence import ConfidenceData
from amc_learning.contracts.documents.regimes import CurrentRegime
from amc_learning.contracts.documents.weights import WeightsData


class ParameterAdjustments(Part):
    """The weights document in short."""

    parameters_version: str
    status: str
    reason: str
    data: WeightsData
    changes: dict[str, float] = Field(description="Component to change against the night before; only what moved.")


class RegimeInsights(Part):
    """The regime document in short."""

    index: CurrentRegime
    discovery: CurrentRegime
    multipliers: dict[str, float]


class PatternAlert(Part):
    """A systematic failure."""

    kind: Literal["trade", "thesis", "candidate"]
    pattern: str
    severity: Literal["low", "medium", "high", "critical"]
    n_cases: int
    n_failures: int
    failure_rate: float
    base_rate: float | None = Field(description="Failure rate of everything else; null when there is nothing else.")
    adjusted_p_value: float | None = Field(description="Corrected for every pattern that was searched.")
    sentence: str


class Attribution(Part):
    """One part of the realised profit and loss of the window; the parts of a dimension sum to the total."""

    value: str
    n_trades: int
    realised_pnl_usd: float
    win_rate: Interval
    mean_return: Interval


class RecommendationsDocument(Part):
    """Current recommendations with the six keys of the system description."""

    schema_version: Literal["1.0"] = SCHEMA_VERSION
    known_on: date
    last_updated: datetime = Field(description="End of the knowledge day the document is about.")
    discovery_parameter_adjustments: ParameterAdjustments | None = Field(description="Null before the first decision.")
    confidence_calibration: ConfidenceData | None = Field(description="Null before the first decision.")
    market_regime_insights: RegimeInsights
    pattern_alerts: list[PatternAlert]
    risk_warnings: list[str] = Field(description="Sentences for people: what to be careful about, and why.")
    performance_attribution: dict[str, list[Attribution]] = Field(description="Dimension to its parts; 90 days.")
    software_version: str
