"""The pattern-analysis document: what works in discovery, how right theses are, what fails together.

Belongs here: which rows it is made of. Not here: parts it shares with other documents (night, discovery_evidence), the
wording (advice), the shape (contracts).
"""

from typing import get_args

from amc_learning import __version__
from amc_learning.contracts.documents.base import Interval, Recommendation
from amc_learning.contracts.documents.confidence import GroupAccuracy
from amc_learning.contracts.documents.names import CONFIDENCE_DOCUMENT
from amc_learning.contracts.documents.patterns import (
    ConfidenceCalibration,
    DiscoveryEffectiveness,
    FailingPatterns,
    FeatureAnalysis,
    PatternAnalysisDocument,
    RegimeEffectiveness,
    ThesisAccuracy,
)
from amc_learning.contracts.documents.weights import Estimate, Threshold
from amc_learning.contracts.tables import TOTAL_SCORE
from amc_learning.stages import advice
from amc_learning.stages.day_rows import Row, end_of
from amc_learning.stages.discovery_evidence import component_estimates, score_thresholds
from amc_learning.stages.documents import component_performance
from amc_learning.stages.night import ACTIVE, Night, confidence_data
from amc_learning.stages.selection_findings import controls_advice, selection_analysis

NONE_JUDGED = Interval(estimate=None, ci_low=None, ci_high=None, n=0)


def pattern_document(night: Night) -> PatternAnalysisDocument:
    """The pattern analysis of one day, from the rows of that day; the same rows give the same document."""
    day, tables = night.day, night.tables
    return PatternAnalysisDocument(
        known_on=day,
        last_updated=end_of(day),
        window_days=tables.settings.analysis.window_days,
        discovery_effectiveness=_discovery_effectiveness(night),
        thesis_accuracy=_thesis_accuracy(night),
        failing_patterns=FailingPatterns(systematic=night.alerts, watched=night.watched),
        inputs=tables.inputs(
            day,
            daily_statistics=tables.statistics,
            correlation_table=tables.correlations,
            threshold_table=tables.thresholds,
            selection_effects=tables.selection,
            regime_performance=tables.performance,
            thesis_accuracy=tables.accuracy,
            source_comparisons=tables.comparisons,
            calibration_decisions=tables.calibrations,
            failure_patterns=tables.patterns,
            weight_decisions=tables.decisions,
        ),
        software_version=__version__,
    )


def _discovery_effectiveness(night: Night) -> DiscoveryEffectiveness:
    day, settings = night.day, night.tables.settings
    decisions = night.tables.decisions.as_of(day)
    selection = selection_analysis(night.tables.selection.as_of(day), night.tables.correlations.as_of(day))
    return DiscoveryEffectiveness(
        evidence_horizon=settings.weights.evidence_horizon,
        success_horizon=settings.theses.horizon,
        winner_return=settings.outcomes.winner_return,
        feature_analysis=_feature_analysis(night, decisions),
        overall_discovery_success_rate=_success_rate(night),
        market_regime_performance=_regime_effectiveness(night),
        recommendations=[
            *advice.weight_advice(decisions[0] if decisions else None),
            *advice.selection_warnings(night.tables.selection.as_of(day)),
            *controls_advice(selection),
        ],
        selection=selection,
    )


def _feature_analysis(night: Night, decisions: list[Row]) -> dict[str, FeatureAnalysis]:
    day, settings = night.day, night.tables.settings
    components, horizon = settings.features.components, settings.weights.evidence_horizon
    estimates = component_estimates(night.tables.correlations.as_of(day), components)
    thresholds = score_thresholds(night.tables.thresholds.as_of(day), horizon)
    decided = {row["component"]: row for row in decisions}
    return {
        name: _feature(estimates[name].get(horizon), thresholds.get((name, "all")), decided.get(name))
        for name in components
    }


def _feature(estimate: Estimate | None, threshold: Threshold | None, decision: Row | None) -> FeatureAnalysis:
    return FeatureAnalysis(
        correlation_with_success=NONE_JUDGED
        if estimate is None
        else Interval(
            estimate=estimate.mean_information_coefficient,
            ci_low=estimate.ci_low,
            ci_high=estimate.ci_high,
            n=estimate.n_days,
        ),
        population=estimate.population if estimate else None,
        optimal_threshold=threshold,
        current_weight=decision["weight"] if decision else None,
        suggested_weight=decision["suggested_weight"] if decision and decision["mode"] == ACTIVE else None,
    )


def _success_rate(night: Night) -> Interval:
    """Of the window of the night the correlations are of, which on a day ahead of its night is the one before."""
    tables = night.tables
    found = tables.success.rate(tables.correlations.night(night.day) or night.day, tables.settings.analysis.window_days)
    return Interval(estimate=found.share, ci_low=found.ci_low, ci_high=found.ci_high, n=found.n)


def _regime_effectiveness(night: Night) -> list[RegimeEffectiveness]:
    settings = night.tables.settings
    rows = night.tables.performance.as_of(night.day)
    totals = [row for row in rows if row["feature"] == TOTAL_SCORE and row["horizon"] == settings.theses.horizon]
    return [
        RegimeEffectiveness(
            basis=total["basis"],
            regime=total["regime"],
            is_current=total["is_current"],
            success_rate=Interval(estimate=total["success_rate"], ci_low=None, ci_high=None, n=total["n_days"]),
            mean_return=total["mean_return"],
            components=[
                component_performance(row, night)
                for row in rows
                if (row["basis"], row["regime"]) == (total["basis"], total["regime"])
                and row["horizon"] == settings.weights.evidence_horizon
                and row["feature"] in settings.features.components
            ],
        )
        for total in totals
    ]


def _thesis_accuracy(night: Night) -> ThesisAccuracy:
    overall = _accuracy_of(night, "overall", "all")
    confidence = night.confidence or confidence_data(night)
    return ThesisAccuracy(
        horizon=night.tables.settings.theses.horizon,
        overall_accuracy=overall.accuracy,
        confidence_calibration=ConfidenceCalibration(
            average_confidence=overall.mean_confidence,
            calibration_score=confidence.calibration_quality,
            quality=night.qualities.get("overall"),
            per_recommendation={name: _accuracy_of(night, "recommendation", name) for name in get_args(Recommendation)},
        ),
        ai_vs_rules_accuracy=night.ai_minus_rules,
        recommendations=confidence.recommendations if night.mode(CONFIDENCE_DOCUMENT) == ACTIVE else [],
    )


def _accuracy_of(night: Night, kind: str, group: str) -> GroupAccuracy:
    found = (entry for entry in night.accuracies if (entry.group_kind, entry.group) == (kind, group))
    return next(found, GroupAccuracy(group_kind=kind, group=group, accuracy=NONE_JUDGED, mean_confidence=None))
