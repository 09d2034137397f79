"""What a night is told in: the parts that several documents share.

Belongs here: a part of a document from the rows of its day. Not here: the tables (night_tables), which document holds
which part (documents, patterns, report), the wording (advice).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import polars as pl

from amc_learning.contracts.declared.corrections import corrections as declared_corrections
from amc_learning.contracts.documents.base import Interval, Mode
from amc_learning.contracts.documents.confidence import CalibrationQuality, ConfidenceData, GroupAccuracy
from amc_learning.contracts.documents.daily_report import WatchedPattern
from amc_learning.contracts.documents.names import CONFIDENCE_DOCUMENT, CORRECTIONS_DOCUMENT, WEIGHTS_DOCUMENT
from amc_learning.contracts.documents.recommendations import Attribution, PatternAlert
from amc_learning.contracts.documents.regimes import CurrentRegime, RegimeChange
from amc_learning.learning.corrections import (
    component_factors,
    confidence_factors,
    position_size_factors,
    threshold_raises,
)
from amc_learning.learning.modes import SHADOW
from amc_learning.learning.point_in_time import STALE_DAYS
from amc_learning.stages import advice
from amc_learning.stages.day_rows import Row
from amc_learning.stages.night_tables import RECENT_DAYS, NightTables
from amc_learning.stages.selection_findings import controls_advice, selection_analysis
from amc_learning.stages.stored_documents import understood

ADJUSTED = ("BUY_MORE", "HOLD", "TRIM", "LIQUIDATE")
SOURCES = ("ai", "rule_based")
MULTIPLIER_BOUNDS = (0.5, 2.0)
MOST_WATCHED = 10
"""Watched patterns shown; the table failure_patterns holds the others."""

CORRECTIONS = declared_corrections()
ACTS_THROUGH = {
    "component_weight": WEIGHTS_DOCUMENT,
    "tag_threshold": WEIGHTS_DOCUMENT,
    "confidence": CONFIDENCE_DOCUMENT,
    "position_size": CORRECTIONS_DOCUMENT,
}
"""Kind of a correction to the document that carries what it does."""

SYSTEMATIC = "systematic"
ACTIVE = "active"


@dataclass(frozen=True)
class Night:
    """One knowledge day and its parts, each made once however many documents hold it."""

    day: date
    tables: NightTables

    def mode(self, document: str) -> Mode:
        """Whether this document acts on this day."""
        return "active" if self.tables.modes[document].on(self.day) == ACTIVE else "shadow"

    def mode_since(self, document: str) -> date | None:
        """Day on which its mode was ordered; None when it began in it."""
        return self.tables.modes[document].since(self.day)

    @cached_property
    def told(self) -> "Night | None":
        """The night whose weights discovery was last told: this one, in shadow an earlier one; None when none was."""
        decisions = self.tables.decisions.on(self.day)
        told_on = decisions[0]["told_on"] if decisions else self.day
        if told_on is None or told_on == self.day:
            return None if told_on is None else self
        return Night(told_on, self.tables.of_day(told_on))

    @cached_property
    def confidence(self) -> ConfidenceData | None:
        """The numbers of the system description; None before the first calibration."""
        return confidence_data(self) if self.tables.calibrations.as_of(self.day) else None

    @cached_property
    def told_confidence(self) -> ConfidenceData | None:
        """What thesis generators were last told of these: tonight's, in shadow those of the last document that acts."""
        if self.mode(CONFIDENCE_DOCUMENT) == ACTIVE:
            return self.confidence
        publications = self.tables.warehouse.publications
        told = [known for known in publications.history(CONFIDENCE_DOCUMENT) if known <= self.day][-1:]
        document = publications.document(CONFIDENCE_DOCUMENT, told[0]) if told else None
        if document is None:
            return None
        return understood(ConfidenceData, document, name=CONFIDENCE_DOCUMENT, day=told[0], part="data")

    @cached_property
    def corrections(self) -> list[Row]:
        """The corrections of the day; one in force whose document is in shadow has the status shadow."""
        return [
            {**row, "status": SHADOW} if row["status"] == ACTIVE and not self._acts(row["kind"]) else row
            for row in self.tables.corrections.as_of(self.day)
        ]

    def _acts(self, kind: str) -> bool:
        documents = (CORRECTIONS_DOCUMENT, ACTS_THROUGH[kind])
        return all(self.mode(document) == ACTIVE for document in documents)

    @cached_property
    def effects(self) -> "CorrectionEffects":
        """What the corrections in force amount to; nothing while they are in shadow."""
        rows = self.tables.corrections.as_of(self.day)
        return correction_effects(rows if self.mode(CORRECTIONS_DOCUMENT) == ACTIVE else [])

    @cached_property
    def would_be_factors(self) -> dict[str, float]:
        """Component to the factor of all corrections that hold, whether they act or are in shadow."""
        rows = pl.DataFrame(self.tables.corrections.as_of(self.day), schema=CORRECTIONS.schema)
        return component_factors(rows, self.tables.settings.features.components)

    @cached_property
    def index_regime(self) -> CurrentRegime:
        """The regime of the market."""
        return current_regime("index", self)

    @cached_property
    def discovery_regime(self) -> CurrentRegime:
        """The regime of what discovery selects."""
        return current_regime("discovery", self)

    @cached_property
    def regime_changes(self) -> list[RegimeChange]:
        """The changes of the last months, newest first."""
        return regime_changes(self)

    @cached_property
    def alerts(self) -> list[PatternAlert]:
        """The systematic failures, the worst first."""
        return pattern_alerts(self)

    @cached_property
    def watched(self) -> list[WatchedPattern]:
        """Failures that repeat without proof, the most suspicious first."""
        return watched_patterns(self)

    @cached_property
    def warnings(self) -> list[str]:
        """What to be careful about, in sentences."""
        return risk_warnings(self)

    @cached_property
    def attribution(self) -> dict[str, list[Attribution]]:
        """Dimension to its parts."""
        return attribution(self)

    @cached_property
    def accuracies(self) -> list[GroupAccuracy]:
        """How often the theses of each group were right."""
        return group_accuracies(self)

    @cached_property
    def qualities(self) -> dict[str, CalibrationQuality]:
        """Brier decomposition of the confidence as sent, overall and per source."""
        return quality_of(self)

    @cached_property
    def ai_minus_rules(self) -> Interval:
        """Difference in accuracy of AI and rule-based theses on the same days."""
        return ai_minus_rules(self)


def ai_minus_rules(night: Night) -> Interval:
    """Difference in accuracy of AI and rule-based theses on the same days."""
    day, tables = night.day, night.tables
    row = tables.comparisons.first_where(day, horizon=tables.settings.theses.horizon)
    if row is None:
        return Interval(estimate=None, ci_low=None, ci_high=None, n=0)
    return Interval(
        estimate=row["accuracy_difference"],
        ci_low=row["accuracy_ci_low"],
        ci_high=row["accuracy_ci_high"],
        n=row["n_days"],
    )


def confidence_data(night: Night) -> ConfidenceData:
    """The numbers of the system description; a multiplier without evidence is 1."""
    day, tables = night.day, night.tables
    multipliers = {(row["source"], row["recommendation"]): row["multiplier"] for row in tables.calibrations.as_of(day)}
    corrected = night.effects.confidence

    def adjustment(source: str, recommendation: str) -> float:
        factor = multipliers.get((source, recommendation)) or 1.0
        return _clamped(factor * corrected.get(f"{source}/{recommendation}", 1.0))

    quality = _quality(tables.accuracy.first_where(day, horizon=tables.settings.theses.horizon, group_kind="overall"))
    comparison = tables.comparisons.first_where(day, horizon=tables.settings.theses.horizon)
    return ConfidenceData(
        global_confidence_multiplier=adjustment("all", "all"),
        per_recommendation_adjustments={name: adjustment("all", name) for name in ADJUSTED},
        per_source_adjustments={name: adjustment(name, "all") for name in SOURCES},
        calibration_quality=_score(quality),
        recommendations=advice.confidence_advice(tables.calibrations.as_of(day), comparison),
    )


@dataclass(frozen=True)
class CorrectionEffects:
    """What the corrections in force amount to.

    Attributes:
        confidence: `source/recommendation` to factor.
        threshold_raises: action tag to points.
        position_sizes: pattern to factor.
    """

    confidence: dict[str, float]
    threshold_raises: dict[str, float]
    position_sizes: dict[str, float]


def correction_effects(rows: Sequence[Row]) -> CorrectionEffects:
    """What the corrections of one day amount to; those not in force change nothing."""
    in_force = [row for row in rows if row["status"] == ACTIVE]
    if not in_force:
        return CorrectionEffects({}, {}, {})
    corrections = pl.DataFrame(in_force, schema=CORRECTIONS.schema)
    confidence = confidence_factors(corrections).iter_rows()
    sizes = position_size_factors(corrections).select("pattern", "factor").iter_rows()
    return CorrectionEffects(
        {f"{source}/{recommendation}": factor for source, recommendation, factor in confidence},
        threshold_raises(corrections),
        dict(sizes),
    )


def regime_factors(night: Night) -> dict[str, float]:
    """Component to the factor of the regime in what discovery was last told."""
    told = night.told
    decisions = told.tables.decisions.on(told.day) if told else []
    factors = {row["component"]: row["regime_multiplier"] for row in decisions}
    return {name: factors.get(name, 1.0) for name in night.tables.settings.features.components}


def current_regime(basis: str, night: Night) -> CurrentRegime:
    """The regime of the last session up to this day; all null before the first."""
    day, tables = night.day, night.tables
    oldest = day - timedelta(days=STALE_DAYS)
    known = (known for known in reversed(tables.regimes.days) if oldest <= known <= day)
    row = next((found for known in known if (found := tables.regimes.first_where(known, basis=basis))), None)
    if row is None:
        return CurrentRegime(regime=None, probability=None, since=None, previous_regime=None, known_on=None)
    return CurrentRegime(
        regime=row["regime"],
        probability=row["probability"],
        since=row["since"],
        previous_regime=row["previous_regime"],
        known_on=row["known_on"],
    )


def regime_changes(night: Night) -> list[RegimeChange]:
    """The changes of the last months, newest first."""
    day, tables = night.day, night.tables
    recent = [known for known in tables.regimes.days if day - timedelta(days=RECENT_DAYS) < known <= day]
    return [
        RegimeChange(**{name: row[name] for name in RegimeChange.model_fields})
        for known in reversed(recent)
        for row in tables.regimes.on(known)
        if row["is_change"] and row["regime"] is not None
    ]


def pattern_alerts(night: Night) -> list[PatternAlert]:
    """The systematic failures of a day, the worst first."""
    day, tables = night.day, night.tables
    order = ("critical", "high", "medium", "low")
    found = [row for row in tables.patterns.as_of(day) if row["status"] == SYSTEMATIC]
    return [
        PatternAlert(
            sentence=advice.failure_warning(row),
            **{name: row[name] for name in PatternAlert.model_fields if name != "sentence"},
        )
        for row in sorted(
            found, key=lambda row: (order.index(row["severity"]), row["adjusted_p_value"], row["pattern"])
        )
    ]


def watched_patterns(night: Night) -> list[WatchedPattern]:
    """Failures of a day that repeat without proof, the most suspicious first."""
    watched = sorted(
        (row for row in night.tables.patterns.as_of(night.day) if row["status"] != SYSTEMATIC),
        key=lambda row: (
            1.0 if row["adjusted_p_value"] is None else row["adjusted_p_value"],
            row["kind"],
            row["pattern"],
        ),
    )
    return [
        WatchedPattern(**{name: row[name] for name in WatchedPattern.model_fields}) for row in watched[:MOST_WATCHED]
    ]


def risk_warnings(night: Night) -> list[str]:
    """What to be careful about, in sentences."""
    day, tables = night.day, night.tables
    index = night.index_regime
    return [
        *advice.taken_back_warnings(tables.decisions.on(day)),
        *(alert.sentence for alert in night.alerts),
        *advice.regime_warnings(index.model_dump() if index.regime else None),
        *advice.selection_warnings(tables.selection.as_of(day)),
        *controls_advice(selection_analysis(tables.selection.as_of(day), tables.correlations.as_of(day))),
        *advice.loss_warnings(tables.attribution.as_of(day)),
    ]


def attribution(night: Night) -> dict[str, list[Attribution]]:
    """Dimension to its parts, the largest absolute result first."""
    day, tables = night.day, night.tables
    parts: dict[str, list[Attribution]] = {}
    rows = sorted(tables.attribution.as_of(day), key=lambda row: (-abs(row["realised_pnl_usd"]), row["value"]))
    for row in rows:
        parts.setdefault(row["dimension"], []).append(
            Attribution(
                value=row["value"],
                n_trades=row["n_trades"],
                realised_pnl_usd=row["realised_pnl_usd"],
                win_rate=Interval(
                    estimate=row["win_rate"],
                    ci_low=row["win_rate_ci_low"],
                    ci_high=row["win_rate_ci_high"],
                    n=row["n_trades"],
                ),
                mean_return=interval(row, "mean_return", row["n_trades"]),
            )
        )
    return dict(sorted(parts.items()))


def group_accuracies(night: Night) -> list[GroupAccuracy]:
    """How often the theses of each group were right, at the horizon theses are judged at."""
    day, tables = night.day, night.tables
    horizon = tables.settings.theses.horizon
    return [
        GroupAccuracy(
            group_kind=row["group_kind"],
            group=row["group"],
            accuracy=accuracy_interval(row),
            mean_confidence=row["mean_confidence"],
        )
        for row in tables.accuracy.as_of(day)
        if row["horizon"] == horizon
    ]


def accuracy_interval(row: Row) -> Interval:
    """Accuracy with the interval that allows for theses of a day sharing its market, where the days carry one."""
    which = "ci" if row["clustered_ci_low"] is None else "clustered_ci"
    return Interval(
        estimate=row["accuracy"], ci_low=row[f"{which}_low"], ci_high=row[f"{which}_high"], n=row["n_theses"]
    )


def quality_of(night: Night) -> dict[str, CalibrationQuality]:
    """Brier decomposition of the confidence as sent, overall and per source."""
    day, tables = night.day, night.tables
    horizon = tables.settings.theses.horizon
    rows = [row for row in tables.accuracy.as_of(day) if row["horizon"] == horizon]
    named = {
        row["group"] if row["group_kind"] == "source" else "overall": row
        for row in rows
        if row["group_kind"] in ("overall", "source")
    }
    return {name: quality for name, row in sorted(named.items()) if (quality := _quality(row)) is not None}


def _quality(row: Row | None) -> CalibrationQuality | None:
    if row is None:
        return None
    fields = set(CalibrationQuality.model_fields) - {"n_theses"}
    return CalibrationQuality(n_theses=row["n_with_confidence"], **{name: row[name] for name in fields})


def _score(quality: CalibrationQuality | None) -> float | None:
    """1 minus miscalibration over uncertainty, at least 0; null where either is unknown or nothing is uncertain."""
    if quality is None or quality.miscalibration is None or not quality.uncertainty:
        return None
    return round(max(0.0, 1.0 - quality.miscalibration / quality.uncertainty), 9)


def interval(row: Row, estimate: str, n: int) -> Interval:
    """A measured column of a row with its interval and n."""
    return Interval(estimate=row[estimate], ci_low=row["ci_low"], ci_high=row["ci_high"], n=n)


def _clamped(multiplier: float) -> float:
    low, high = MULTIPLIER_BOUNDS
    return round(min(high, max(low, multiplier)), 9)
