"""Views of the dashboard: with realistic values everywhere, with nothing yet, and with things that are wrong."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from amc_learning.contracts.documents import CorrectionsDocument, WeightsDocument
from amc_learning.contracts.documents.weights import (
    Bounds,
    Improvement,
    Previous,
    TagThreshold,
    Threshold,
    Thresholds,
    WeightsData,
)
from amc_learning.contracts.health import (
    CollectionFlow,
    DataFlowHealth,
    IntelligenceDelivery,
    LearningEffectiveness,
)
from amc_learning.service.dashboard.view import DashboardView, FlowBalance, FlowState, NightState
from amc_learning_tests.reports import sample as report_sample
from amc_learning_tests.reports.sample import BEFORE, DAY, IN_FORCE, around

NOW = datetime(2023, 3, 15, 12, 30, 20, tzinfo=UTC)
REASON = "Moved within bounds: the step improves the mean daily rank correlation by 0.006 (p = 0.018)."
NAMES = (
    "weights",
    "confidence",
    "market_regime",
    "corrections",
    "recommendations",
    "pattern_analysis",
    "daily_report",
    "weekly_report",
)


def found(threshold: float) -> Threshold:
    return Threshold(
        decision="found",
        threshold=threshold,
        ci_low=threshold - 6,
        ci_high=threshold + 5,
        lift=0.012,
        lift_ci_low=0.003,
        lift_ci_high=0.021,
        coverage=0.31,
        n_pairs=331,
        n_days=50,
    )


def without(decision: str, n_pairs: int, n_days: int) -> Threshold:
    numbers = dict.fromkeys(Threshold.model_fields)
    return Threshold.model_validate(numbers | {"decision": decision, "n_pairs": n_pairs, "n_days": n_days})


def improvement(estimate: float | None) -> Improvement:
    half = 0.004
    return Improvement(
        information_coefficient=estimate,
        ci_low=None if estimate is None else estimate - half,
        ci_high=None if estimate is None else estimate + half,
        success_rate_change=None if estimate is None else 0.021,
        top_return_change=None if estimate is None else 0.0013,
        horizon="5d",
        population="selected",
        window_days=365,
        n_days=115,
    )


def weights(known_on: date = DAY, *, moved: bool = True) -> WeightsDocument:
    return WeightsDocument(
        success=True,
        data=WeightsData(
            optimized_parameters={f"{name}_weight": value for name, value in IN_FORCE.items()},
            confidence=0.98 if moved else None,
            expected_improvement=0.006 if moved else None,
            market_regime=None,
            last_updated=datetime(2023, 3, 15, 4, 0, tzinfo=UTC),
        ),
        applies_to_regime=None,
        confidence=0.98 if moved else None,
        expected_improvement=0.006 if moved else None,
        parameters_version=f"{known_on.isoformat()}.3b9a2413",
        known_on=known_on,
        status="active" if moved else "held",
        reason=f"active: {REASON}" if moved else "held: nothing better was found reliably.",
        feature_set="alphastack",
        previous=Previous(known_on=known_on - timedelta(days=1), weights=BEFORE if moved else IN_FORCE),
        bounds=Bounds(daily_limit=0.1, cap=0.6, minimum=0.0, total=1.0),
        improvement=improvement(0.006 if moved else None),
        evidence_known_on=known_on,
        evidence={},
        thresholds=Thresholds(
            horizon="5d",
            components={},
            total_score=None,
            action_tags={
                "monitor": TagThreshold(default=0.0, in_force=0.0, suggestion=None),
                "watchlist": TagThreshold(default=70.0, in_force=70.0, suggestion=without("none", 600, 60)),
                "trade_ready": TagThreshold(default=75.0, in_force=79.5, suggestion=found(81.0)),
            },
        ),
        inputs={},
        software_version="1.2.3",
    )


def corrections() -> CorrectionsDocument:
    active, proposed, vetoed = report_sample.corrections()
    return CorrectionsDocument(
        known_on=DAY,
        last_updated=datetime(2023, 3, 15, 4, 0, tzinfo=UTC),
        in_force=[active, active.model_copy(update={"name": "trade-tag-watchlist", "verdict": "helped"})],
        proposed=[proposed],
        ended=[
            vetoed,
            vetoed.model_copy(
                update={"name": "trade-late-entry", "effect": around(0.052, 0.031, 88), "status": "withdrawn"}
            ),
            vetoed.model_copy(
                update={
                    "name": "thesis-source-ai-hold",
                    "status": "expired",
                    "verdict": "too_early",
                    "effect": report_sample.NONE,
                }
            ),
        ],
        component_factors={},
        threshold_raises={},
        position_size_factors={},
        inputs={},
        software_version="1.2.3",
    )


def stored(document: Any) -> Mapping[str, Any]:
    """As it comes from the disk: plain JSON values, and the hash."""
    return document.model_dump(mode="json") | {"sha256": "0" * 64}


def documents() -> dict[str, Mapping[str, Any] | None]:
    known: dict[str, Mapping[str, Any] | None] = dict.fromkeys(NAMES)
    others = {name: {"known_on": DAY.isoformat()} for name in ("confidence", "market_regime", "recommendations")}
    return (
        known
        | others
        | {
            "weights": stored(weights()),
            "corrections": stored(corrections()),
            "daily_report": stored(report_sample.full_report()),
        }
    )


def health() -> DataFlowHealth:
    return DataFlowHealth(
        discovery_data_flow=CollectionFlow(collections_today=26, avg_latency_ms=8.412, success_rate_24h=1.0),
        thesis_data_flow=CollectionFlow(collections_today=412, avg_latency_ms=3.871, success_rate_24h=0.99),
        trade_data_flow=CollectionFlow(collections_today=38, avg_latency_ms=4.05, success_rate_24h=0.98),
        intelligence_delivery=IntelligenceDelivery(
            requests_today=2880, avg_response_time_ms=0.62, cache_hit_rate=0.9931
        ),
        learning_effectiveness=LearningEffectiveness(
            patterns_discovered_this_week=2,
            parameter_adjustments_this_week=4,
            accuracy_improvement_this_month=0.0213,
        ),
    )


def flows() -> tuple[FlowState, ...]:
    return (
        FlowState("discovery", FlowBalance(n_accepted=78, n_duplicates=2), 26, 0, NOW - timedelta(minutes=4)),
        FlowState("thesis", FlowBalance(n_accepted=1201, n_duplicates=18), 412, 0, NOW - timedelta(seconds=41)),
        FlowState("trade", FlowBalance(n_accepted=112, n_duplicates=1), 38, 0, NOW - timedelta(hours=3, minutes=9)),
        FlowState(
            "bars",
            FlowBalance(n_accepted=5),
            5,
            0,
            NOW - timedelta(hours=14),
            measured=CollectionFlow(collections_today=8123, avg_latency_ms=148.2, success_rate_24h=1.0),
        ),
    )


def nights(n: int = 7) -> tuple[NightState, ...]:
    days = [DAY - timedelta(days=back) for back in range(n * 2)]
    weekdays = [day for day in days if day.weekday() < 5][:n]
    return tuple(
        NightState(
            known_on=day,
            published_at=datetime(day.year, day.month, day.day, 5, 12, tzinfo=UTC) + timedelta(days=1),
            status="active" if index % 3 == 0 else "held",
            reason=f"active: {REASON}" if index % 3 == 0 else "held: nothing better was found reliably.",
            n_changes=4 if index % 3 == 0 else 0,
        )
        for index, day in enumerate(weekdays)
    )


def full_view() -> DashboardView:
    """A morning on which everything is well."""
    return DashboardView(
        now=NOW,
        health=health(),
        flows=flows(),
        documents=documents(),
        nights=nights(),
        troubles=(),
        dagster_url="http://127.0.0.1:3000",
        refresh_seconds=30,
        software_version="1.2.3",
    )


def troubled_view() -> DashboardView:
    """The same morning with a full disk, a missed night, a damaged document, and senders that go wrong."""
    discovery, thesis, trade, bars = flows()
    ran = nights()
    return replace(
        full_view(),
        troubles=("The inbox refuses to write: no space left on the device. Senders are told to come back.",),
        flows=(
            replace(discovery, balance=FlowBalance(n_accepted=61, n_duplicates=2, n_unavailable=17)),
            replace(
                thesis,
                balance=FlowBalance(
                    n_accepted=1180, n_duplicates=18, n_quarantined=9, n_conflicts=4, n_refused=6, n_unavailable=2
                ),
                n_in_quarantine=9,
            ),
            trade,
            replace(bars, balance=FlowBalance()),
        ),
        documents=documents() | {"weights": {"schema_version": "9.0", "known_on": "2023-03-14"}},
        nights=(NightState(DAY + timedelta(days=1), None, None, None, None), *ran),
        dagster_url=None,
    )


def empty_view() -> DashboardView:
    """The service a minute after it was started for the first time."""
    silent = CollectionFlow(collections_today=0, avg_latency_ms=None, success_rate_24h=None)
    return DashboardView(
        now=NOW,
        health=DataFlowHealth(
            discovery_data_flow=silent,
            thesis_data_flow=silent,
            trade_data_flow=silent,
            intelligence_delivery=IntelligenceDelivery(
                requests_today=0, avg_response_time_ms=None, cache_hit_rate=None
            ),
            learning_effectiveness=LearningEffectiveness(
                patterns_discovered_this_week=None,
                parameter_adjustments_this_week=None,
                accuracy_improvement_this_month=None,
            ),
        ),
        flows=tuple(FlowState(name, FlowBalance(), 0, 0, None) for name in ("discovery", "thesis", "trade", "bars")),
        documents=dict.fromkeys(NAMES),
        nights=(),
        troubles=(),
        dagster_url=None,
        refresh_seconds=0,
        software_version="1.2.3",
    )
