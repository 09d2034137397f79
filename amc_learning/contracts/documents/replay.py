"""What a replay found, as a document: written where a person asked for it, never published.

Belongs here: shape and meaning of each field. Not here: what the numbers are (learning.replay).
"""

from datetime import date
from typing import Literal

from pydantic import Field

from amc_learning.contracts.documents.base import SCHEMA_VERSION, Interval, Part

Contender = Literal["adaptive", "static", "equal", "best_fixed"]


class ReplayJudgement(Part):
    """One contender at one horizon, on the candidates decided after the first night of the range."""

    horizon: str = Field(description="Name of the outcome horizon.")
    contender: Contender = Field(
        description="adaptive: the vector of the last night before each decision; static: the default weights; equal: "
        "one weight for all; best_fixed: the fixed vector that was best over the range, known only afterwards."
    )
    n_days: int = Field(description="Cross-sections judged.")
    coefficient: Interval = Field(description="Mean daily information coefficient of the total.")
    coefficient_over_static: Interval = Field(description="Mean daily difference to the default weights.")
    regret: float | None = Field(description="Mean daily coefficient of best_fixed minus that of this one.")
    top_return: Interval = Field(description="Mean return of the re-ranked top k, fraction.")
    top_return_over_static: Interval = Field(description="Mean daily difference to the default weights, fraction.")
    top_return_over_controls: Interval = Field(
        description="Mean daily difference to the controls of the same entry, fraction; null without controls."
    )
    success_rate: Interval = Field(description="Mean daily share of winners among the top k.")
    success_rate_over_static: Interval = Field(description="Mean daily difference to the default weights.")


class ReplayCurvePoint(Part):
    """A point of a curve: what had been gained over the default weights by a day."""

    decided_on: date = Field(description="Day of the decision judged last.")
    cumulative_over_static: float = Field(description="Sum of the daily differences of coefficients so far.")
    ci_low: float | None = Field(description="Lower end of its pointwise 95 % interval.")
    ci_high: float | None = Field(description="Upper end of its pointwise 95 % interval.")


class ReplayNight(Part):
    """Weights in force from a night on."""

    known_on: date = Field(description="Knowledge day of the night.")
    weights: dict[str, float] = Field(description="Component to weight; they sum to 1.")


class ReplayDocument(Part):
    """A replay of the nightly weight decisions over a range of days, from the default weights."""

    schema_version: Literal["1.0"] = SCHEMA_VERSION
    first_night: date = Field(description="First knowledge day decided.")
    last_night: date = Field(description="Last knowledge day decided; outcomes known later are not judged.")
    top_k: int = Field(description="Length of the re-ranked list.")
    n_nights: int = Field(description="Nights decided.")
    n_nights_moved: int = Field(description="Nights on which a weight in force changed.")
    turnover_per_year: float = Field(description="Sum of absolute changes of all weights, a year.")
    default_weights: dict[str, float] = Field(description="Where the range starts, and what static keeps.")
    best_fixed_weights: dict[str, dict[str, float]] = Field(description="Per horizon, the vector of best_fixed.")
    judgements: list[ReplayJudgement] = Field(description="One per horizon and contender.")
    curves: dict[str, list[ReplayCurvePoint]] = Field(description="Per horizon, adaptive against static; to draw.")
    nights: list[ReplayNight] = Field(description="The first and the last night, and every night that moved a weight.")
