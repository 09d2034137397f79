"""Documents of a night beside the weights: confidence, market regime, corrections, recommendations.

Belongs here: which parts each document is made of. Not here: the parts (night), the pattern analysis (patterns), the
daily report (report), the weights document and its guards (publish), the shape of a document (contracts), how it
reaches the disk (warehouse).
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date

from amc_learning import __version__
from amc_learning.contracts.documents.base import Interval
from amc_learning.contracts.documents.confidence import CalibrationMap, ConfidenceDocument
from amc_learning.contracts.documents.corrections import Correction, CorrectionsDocument
from amc_learning.contracts.documents.names import CONFIDENCE_DOCUMENT, CORRECTIONS_DOCUMENT, WEIGHTS_DOCUMENT
from amc_learning.contracts.documents.recommendations import (
    ParameterAdjustments,
    RecommendationsDocument,
    RegimeInsights,
)
from amc_learning.contracts.documents.regimes import RegimeDocument, RegimePerformance
from amc_learning.contracts.documents.weights import WeightsData
from amc_learning.learning.modes import SHADOW
from amc_learning.stages.day_rows import Row, end_of
from amc_learning.stages.night import (
    ACTIVE,
    MULTIPLIER_BOUNDS,
    Night,
    confidence_data,
    correction_effects,
    interval,
    regime_factors,
)


def confidence_document(night: Night) -> ConfidenceDocument:
    """The confidence document of one day, from the rows of that day; the same rows give the same document."""
    day, tables = night.day, night.tables
    maps = [_calibration_map(row) for row in tables.calibrations.as_of(day)]
    overall = next((entry for entry in maps if (entry.source, entry.recommendation) == ("all", "all")), None)
    return ConfidenceDocument(
        data=night.confidence or confidence_data(night),
        known_on=day,
        last_updated=end_of(day),
        status=overall.status if overall else "insufficient_evidence",
        reason=overall.reason if overall else "no thesis has been judged yet; confidence stays as sent",
        horizon=tables.settings.theses.horizon,
        quality=night.qualities,
        maps=maps,
        accuracy=night.accuracies,
        ai_minus_rules=night.ai_minus_rules,
        corrections=night.effects.confidence,
        mode=night.mode(CONFIDENCE_DOCUMENT),
        mode_since=night.mode_since(CONFIDENCE_DOCUMENT),
        bounds=MULTIPLIER_BOUNDS,
        inputs=tables.inputs(
            day,
            calibration_decisions=tables.calibrations,
            thesis_accuracy=tables.accuracy,
            source_comparisons=tables.comparisons,
            corrections=tables.corrections,
        ),
        software_version=__version__,
    )


def _calibration_map(row: Row) -> CalibrationMap:
    return CalibrationMap(**{name: row[name] for name in CalibrationMap.model_fields})


def regime_document(night: Night) -> RegimeDocument:
    """The market-regime document of one day."""
    day, tables = night.day, night.tables
    current = [row for row in tables.performance.as_of(day) if row["is_current"]]
    components = tables.settings.features.components
    index, discovery = night.index_regime, night.discovery_regime
    return RegimeDocument(
        known_on=day,
        last_updated=end_of(day),
        regime=index.regime,
        index=index,
        discovery=discovery,
        recent_changes=night.regime_changes,
        performance=[component_performance(row, night) for row in current if row["feature"] in components],
        multipliers=regime_factors(night),
        inputs=tables.inputs(day, market_regimes=tables.regimes, regime_performance=tables.performance),
        software_version=__version__,
    )


def component_performance(row: Row, night: Night) -> RegimePerformance:
    """What a component is worth in a regime, as documents show it; a factor that no weight in force has is 1."""
    return RegimePerformance(
        basis=row["basis"],
        component=row["feature"],
        horizon=row["horizon"],
        information_coefficient=interval(row, "mean_information_coefficient", row["n_days"]),
        multiplier=row["multiplier"] if night.mode(WEIGHTS_DOCUMENT) == ACTIVE else 1.0,
    )


def corrections_document(night: Night) -> CorrectionsDocument:
    """The corrections document of one day; in shadow its factors say what would act."""
    day, tables = night.day, night.tables
    by_status = {
        "in_force": (ACTIVE,),
        "proposed": ("proposed", SHADOW),
        "ended": ("vetoed", "expired", "withdrawn"),
    }
    if night.mode(CORRECTIONS_DOCUMENT) == ACTIVE:
        effects, told = night.effects, night.told
        factors = (
            {row["component"]: row["correction_factor"] for row in told.tables.decisions.on(told.day)} if told else {}
        )
        raises = told.effects.threshold_raises if told else {}
    else:
        effects, factors = correction_effects(tables.corrections.as_of(day)), night.would_be_factors
        raises = effects.threshold_raises
    return CorrectionsDocument(
        known_on=day,
        last_updated=end_of(day),
        component_factors={name: factor for name, factor in factors.items() if factor != 1.0},
        threshold_raises=raises,
        position_size_factors=effects.position_sizes,
        mode=night.mode(CORRECTIONS_DOCUMENT),
        mode_since=night.mode_since(CORRECTIONS_DOCUMENT),
        inputs=tables.inputs(day, corrections=tables.corrections, failure_patterns=tables.patterns),
        software_version=__version__,
        **{
            name: [correction(row) for row in night.corrections if row["status"] in statuses]
            for name, statuses in by_status.items()
        },
    )


def correction(row: Row) -> Correction:
    """One correction as documents show it."""
    plain = set(Correction.model_fields) - {"effect", "verdict"}
    return Correction(
        **{name: row[name] for name in plain},
        effect=Interval(
            estimate=row["effect"], ci_low=row["effect_ci_low"], ci_high=row["effect_ci_high"], n=row["n_cases_after"]
        ),
        verdict=row["verdict"] or "too_early",
    )


def recommendations_document(night: Night) -> RecommendationsDocument:
    """The document with the six keys of the system description."""
    day = night.day
    return RecommendationsDocument(
        known_on=day,
        last_updated=end_of(day),
        discovery_parameter_adjustments=_parameter_adjustments(night),
        confidence_calibration=night.told_confidence,
        market_regime_insights=RegimeInsights(
            index=night.index_regime,
            discovery=night.discovery_regime,
            multipliers=regime_factors(night),
        ),
        pattern_alerts=night.alerts,
        risk_warnings=night.warnings,
        performance_attribution=night.attribution,
        software_version=__version__,
    )


def _parameter_adjustments(night: Night) -> ParameterAdjustments | None:
    """What discovery was last told; None before it was told anything."""
    told = night.told
    rows = told.tables.decisions.on(told.day) if told else []
    if told is None or not rows:
        return None
    components = night.tables.settings.features.components
    decisions = {row["component"]: row for row in rows}
    return ParameterAdjustments(
        parameters_version=parameters_version(told.day, {name: decisions[name]["weight"] for name in components}),
        status=rows[0]["status"],
        reason=rows[0]["reason"],
        data=weights_data(told.day, decisions, told.index_regime.regime, components),
        changes={row["component"]: row["change"] for row in rows if row["change"]} if told is night else {},
    )


def weights_data(day: date, decisions: Mapping[str, Row], regime: str | None, components: Sequence[str]) -> WeightsData:
    """The envelope that discovery reads, from the decision of each component."""
    night = decisions[components[0]]
    return WeightsData(
        optimized_parameters={f"{name}_weight": decisions[name]["weight"] for name in components},
        confidence=night["confidence"],
        expected_improvement=night["expected_improvement"],
        market_regime=regime,
        last_updated=end_of(day),
    )


def parameters_version(day: date, weights: Mapping[str, float]) -> str:
    """Name of a vector: its knowledge day and a short hash of the weights."""
    text = ",".join(f"{name}={weight:.6f}" for name, weight in weights.items())
    return f"{day.isoformat()}.{hashlib.sha256(text.encode()).hexdigest()[:8]}"
