"""The health of the data flows, with the five groups and the keys of the system description, and no others.

Belongs here: names and meaning of the numbers. Not here: how they are counted (service). Null is a number that nothing
was measured for yet: a flow without a request has no success rate, not one of 0 or 1.
"""

from pydantic import Field

from amc_learning.contracts.documents.base import Part


class CollectionFlow(Part):
    """One flow of events from a trading system."""

    collections_today: int = Field(description="Events of this kind kept today, whichever way they came; market day.")
    avg_latency_ms: float | None = Field(description="Mean time from request to durable answer, last 24 hours.")
    success_rate_24h: float | None = Field(
        description="Share of the requests of the last 24 hours whose event was understood and is durable."
    )


class IntelligenceDelivery(Part):
    """What is read by trading systems."""

    requests_today: int = Field(description="Requests for documents today; market day.")
    avg_response_time_ms: float | None = Field(description="Mean time to the answer, last 24 hours.")
    cache_hit_rate: float | None = Field(
        description="Share of the answers of the last 24 hours that needed no file to be read."
    )


class LearningEffectiveness(Part):
    """Whether learning leads to anything."""

    patterns_discovered_this_week: int | None = Field(
        description="Patterns new in the weekly report of the last 7 days, and systematic failures new in its nights; "
        "null before the first night."
    )
    parameter_adjustments_this_week: int | None = Field(
        description="Nights of the last 7 days that moved a weight; null before the first night."
    )
    accuracy_improvement_this_month: float | None = Field(
        description="Change in the share of theses that were right against 30 days before; null without evidence."
    )


class DataFlowHealth(Part):
    """Answer of /learning/health/data-flow."""

    discovery_data_flow: CollectionFlow
    thesis_data_flow: CollectionFlow
    trade_data_flow: CollectionFlow
    intelligence_delivery: IntelligenceDelivery
    learning_effectiveness: LearningEffectiveness
