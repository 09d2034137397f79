"""Publish: from decisions to the document discovery reads, verified once more on what is actually published.

Belongs here: assembling the document from tables, refusing what breaks a bound. Not here: the bounds themselves
(learning.publication), the shape of the document (contracts), how it reaches the disk (warehouse).
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from amc_learning import __version__
from amc_learning.contracts.documents import (
    ConfidenceDocument,
    CorrectionsDocument,
    DailyReport,
    PatternAnalysisDocument,
    RecommendationsDocument,
    RegimeDocument,
    WeeklyReport,
)
from amc_learning.contracts.documents.base import Mode, Switched
from amc_learning.contracts.documents.names import CORRECTIONS_DOCUMENT, WEIGHTS_DOCUMENT
from amc_learning.contracts.documents.schema_files import published_schema
from amc_learning.contracts.documents.weights import (
    Bounds,
    Improvement,
    Previous,
    TagThreshold,
    Thresholds,
    WeightsDocument,
)
from amc_learning.contracts.tables import TOTAL_SCORE
from amc_learning.learning.modes import ACTIVE, SHADOW, DocumentModes
from amc_learning.learning.publication import weight_violations
from amc_learning.settings import Settings
from amc_learning.stages.day_rows import Row, day_rows
from amc_learning.stages.decide import standing_weights
from amc_learning.stages.discovery_evidence import component_estimates, score_thresholds
from amc_learning.stages.documents import parameters_version, weights_data
from amc_learning.stages.modes import modes_of
from amc_learning.stages.night import correction_effects
from amc_learning.stages.regime_weights import PERFORMANCE_COLUMNS, by_regime, performance_on
from amc_learning.stages.theses import LONGEST_BREAK_DAYS
from amc_learning.stages.turns import taking_turns
from amc_learning.warehouse import Warehouse
from amc_learning.warehouse.errors import CorruptDocument
from amc_learning.warehouse.publications import Publications, PublishReport

DatedDocument = (
    ConfidenceDocument
    | CorrectionsDocument
    | DailyReport
    | PatternAnalysisDocument
    | RecommendationsDocument
    | RegimeDocument
    | WeeklyReport
    | WeightsDocument
)

EVIDENCE_TABLES = ("daily_statistics", "correlation_table", "threshold_table")
HIGHEST_SCORE = 100.0


@dataclass(frozen=True)
class DayTables:
    """What one weights document is made of: the rows of its day, and the hashes of the partitions they came from.

    The evidence is of the day itself, except when a person's order decides a day ahead of its night: then it is that
    of the night before.
    """

    decisions: dict[str, Row]
    evidence_known_on: date | None
    correlations: Sequence[Row]
    thresholds: Sequence[Row]
    regime: str | None
    performance: Sequence[Row]
    threshold_raises: dict[str, float]
    inputs: dict[str, str | None]


class PublicationError(Exception):
    """A decision breaks a bound; the last good document stays in force."""


@dataclass(frozen=True)
class Standing:
    """The vectors that a day starts from: what discovery was last told, and in shadow what would be in force."""

    told: Previous
    would_be: Previous

    def before(self, mode: str) -> Previous:
        """What a decision of this mode is held against."""
        return self.told if mode == ACTIVE else self.would_be


@taking_turns
def publish_days(
    warehouse: Warehouse, settings: Settings, days: Sequence[date], *, published_again_to: date | None = None
) -> list[PublishReport]:
    """Publish the weights of each of these days that has a decision; only the newest of a mode becomes current.

    A decision in shadow is published where no reader is sent to, and verified like any other.

    Raises:
        PublicationError: when a decision, or what it says of another market regime, breaks a bound against the
            decision before it, or the decision after the last of these days does (unless that one is published again
            too). Nothing is published then.
    """
    standing, modes = _standing_before(warehouse, settings, days[0]), modes_of(warehouse, settings, days[-1])
    documents = []
    for day, tables in _tables_by_day(warehouse, modes[CORRECTIONS_DOCUMENT], days).items():
        document, standing = _verified(day, tables, standing, modes[WEIGHTS_DOCUMENT].since(day), settings)
        documents.append(document)
    if published_again_to is None or published_again_to <= days[-1]:
        _refuse_breaking_the_next(warehouse, standing, settings)
    return stored(warehouse, WEIGHTS_DOCUMENT, documents)


def stored(warehouse: Warehouse, name: str, documents: Sequence[DatedDocument]) -> list[PublishReport]:
    """Store documents of one name, each where its mode says, the newest of a mode as the current one.

    A day on which a person changed the mode may have been published in the other one ahead of its night: that document
    is taken back.
    """
    places = {ACTIVE: warehouse.publications, SHADOW: warehouse.publications.shadow}
    reports: dict[date, PublishReport] = {}
    for mode, publications in places.items():
        of_mode = [one for one in documents if getattr(one, "mode", ACTIVE) == mode]
        if of_mode:
            reports |= publications.publish_many(
                name,
                {document.known_on: document.model_dump(mode="json") for document in of_mode},
                schema=published_schema(type(of_mode[0])),
            )
    for one in documents:
        if isinstance(one, Switched):
            other = places[SHADOW if one.mode == ACTIVE else ACTIVE]
            if one.mode_since == one.known_on or _was_ordered(other, name, one.known_on):
                other.withdraw(name, one.known_on)
    return [reports[day] for day in sorted(reports)]


def _was_ordered(publications: Publications, name: str, day: date) -> bool:
    """Whether there is a document of this day that an order of this very day made.

    Of several orders of a day the last holds. Where it gives back the mode of before, no mode begins on that day: only
    what an earlier order of the day had published says so.
    """
    if not publications.has(name, day):
        return False
    try:
        document = publications.document(name, day)
    except CorruptDocument:
        return False  # nothing can be read off it: it stays for a person to look at
    return document is not None and document.get("mode_since") == str(day)


def published_on(warehouse: Warehouse, name: str, day: date) -> dict[str, Any] | None:
    """The verified document of a knowledge day, active or in shadow; None when there is none."""
    publications = warehouse.publications
    return publications.document(name, day) or publications.shadow.document(name, day)


def published_weights(warehouse: Warehouse, day: date) -> dict[str, Any]:
    """The verified weights document of a knowledge day, active or in shadow.

    Raises:
        PublicationError: none was published for that day.
    """
    document = published_on(warehouse, WEIGHTS_DOCUMENT, day)
    if document is None:
        raise PublicationError(
            f"no weights are published for {day}; run the day first: amc-learning run daily --date {day}"
        )
    return document


def _standing_before(warehouse: Warehouse, settings: Settings, day: date) -> Standing:
    left = standing_weights(warehouse, day)
    if left.in_force is None or left.would_be is None:
        default = Previous(known_on=None, weights=settings.features.default_weights)
        return Standing(default, default)
    return Standing(
        Previous(known_on=left.told_on, weights=left.in_force),
        Previous(known_on=left.decided_on, weights=left.would_be),
    )


def _verified(
    day: date, tables: DayTables, standing: Standing, since: date | None, settings: Settings
) -> tuple[WeightsDocument, Standing]:
    """The document of a day, held to every bound, and what the next day starts from."""
    rows = tables.decisions
    mode = next(iter(rows.values()))["mode"]
    weights = {name: rows[name]["weight"] for name in settings.features.components if name in rows}
    decided = weights
    if mode == SHADOW:
        _refuse_telling(day, weights, standing.told)
        decided = {name: rows[name]["shadow_weight"] for name in weights}
    before = standing.before(mode)
    _refuse_violations(day, decided, before, settings)
    if mode == SHADOW:
        tables = replace(tables, decisions=_as_it_would_be(rows, before.weights))
    document = weights_document(day, tables, before, settings, mode=mode, mode_since=since)
    _refuse_violations_by_regime(document, settings)
    left = Previous(known_on=day, weights=decided)
    return document, Standing(standing.told, left) if mode == SHADOW else Standing(left, left)


def _as_it_would_be(rows: Mapping[str, Row], before: Mapping[str, float]) -> dict[str, Row]:
    """The rows of a night in shadow as they would be if it acted."""
    return {
        name: {**row, "previous_weight": before[name], "weight": row["shadow_weight"]} for name, row in rows.items()
    }


def _refuse_telling(day: date, weights: Mapping[str, float], told: Previous) -> None:
    if weights != told.weights:
        raise PublicationError(
            f"the weights of {day} are in shadow, and those in force differ from what discovery was last told; the "
            f"last good document stays in force; decide the day again: amc-learning run daily --date {day}"
        )


def _tables_by_day(
    warehouse: Warehouse, corrections_modes: DocumentModes, days: Sequence[date]
) -> dict[date, DayTables]:
    decisions = day_rows(warehouse, "weight_decisions", days[0], days[-1]).rows
    analysed = warehouse.table("correlation_table").days()
    evidence_days = {day: analysed[: bisect_right(analysed, day)][-1:] for day in sorted(decisions)}
    first = min((found[0] for found in evidence_days.values() if found), default=days[0])
    correlations = day_rows(warehouse, "correlation_table", first, days[-1]).rows
    thresholds = day_rows(warehouse, "threshold_table", first, days[-1]).rows
    regimes = day_rows(warehouse, "market_regimes", first - timedelta(days=LONGEST_BREAK_DAYS), days[-1])
    corrections = day_rows(warehouse, "corrections", days[0], days[-1])
    performance = day_rows(warehouse, "regime_performance", days[0], days[-1], PERFORMANCE_COLUMNS)
    hashes = {
        name: {entry.known_on: entry.sha256 for entry in warehouse.table(name).entries(first, days[-1])}
        for name in (*EVIDENCE_TABLES, "weight_decisions")
    }
    tables = {}
    for day, found in evidence_days.items():
        evidence = found[0] if found else None
        tables[day] = DayTables(
            decisions={row["component"]: row for row in decisions[day]},
            evidence_known_on=evidence,
            correlations=correlations.get(evidence, []) if evidence else [],
            thresholds=thresholds.get(evidence, []) if evidence else [],
            regime=next((row["regime"] for row in regimes.up_to(day) if row["basis"] == "index"), None),
            performance=performance_on(performance, day),
            threshold_raises=correction_effects(corrections.as_of(day)).threshold_raises
            if corrections_modes.on(day) == ACTIVE
            else {},
            inputs={
                "weight_decisions": hashes["weight_decisions"].get(day),
                "corrections": corrections.hash_as_of(day),
                "regime_performance": performance.hash_as_of(day),
                **{name: hashes[name].get(evidence) if evidence else None for name in EVIDENCE_TABLES},
            },
        )
    return tables


def _refuse_breaking_the_next(warehouse: Warehouse, left: Standing, settings: Settings) -> None:
    """The decision after the days being published was made on another vector than theirs, perhaps too far from it."""
    if left.would_be.known_on is None:
        return
    later = [day for day in warehouse.table("weight_decisions").days() if day > left.would_be.known_on]
    if later:
        columns = ["component", "weight", "shadow_weight"]
        rows = warehouse.table("weight_decisions").read(later[0], later[0], columns=columns)
        mode = ACTIVE if rows["shadow_weight"].has_nulls() else SHADOW
        weights = dict(rows.select("component", "weight" if mode == ACTIVE else "shadow_weight").iter_rows())
        _refuse_violations(later[0], weights, left.before(mode), settings)


def _refuse_violations(
    day: date, weights: dict[str, float], previous: Previous, settings: Settings, *, regime: str | None = None
) -> None:
    violations = weight_violations(
        weights, previous.weights, daily_limit=settings.weights.daily_limit, cap=settings.weights.cap
    )
    if violations:
        what = f"the weights of {day}" + (f" for a {regime} market" if regime else "")
        msg = (
            f"{what} are not published: {'; '.join(violations)}. The last good document stays in force; "
            f"decide the day again: amc-learning run daily --date {day}"
        )
        raise PublicationError(msg)


def _refuse_violations_by_regime(document: WeightsDocument, settings: Settings) -> None:
    """A reader may take the vector of any regime, so each is held to the bounds of the one in force."""
    for regime, entry in document.by_regime.items():
        weights = {name.removesuffix("_weight"): weight for name, weight in entry.weights.items()}
        _refuse_violations(document.known_on, weights, document.previous, settings, regime=regime)


def weights_document(
    day: date,
    tables: DayTables,
    previous: Previous,
    settings: Settings,
    *,
    mode: Mode = "active",
    mode_since: date | None = None,
) -> WeightsDocument:
    """The document of one day, from the rows of that day; the same rows give the same document."""
    decisions = tables.decisions
    components = settings.features.components
    night = decisions[components[0]]
    weights = {name: decisions[name]["weight"] for name in components}
    return WeightsDocument(
        mode=mode,
        mode_since=mode_since,
        data=weights_data(day, decisions, tables.regime, components),
        applies_to_regime=tables.regime if any(row["regime_multiplier"] != 1 for row in decisions.values()) else None,
        confidence=night["confidence"],
        expected_improvement=night["expected_improvement"],
        parameters_version=parameters_version(day, weights),
        known_on=day,
        status=night["status"],
        reason=night["reason"],
        feature_set=settings.features.name,
        previous=previous,
        bounds=Bounds(daily_limit=settings.weights.daily_limit, cap=settings.weights.cap),
        improvement=_improvement(night),
        by_regime=by_regime(decisions, tables.performance, tables.regime, settings),
        evidence_known_on=tables.evidence_known_on,
        evidence=component_estimates(tables.correlations, components),
        thresholds=_thresholds(tables.thresholds, tables.threshold_raises, settings),
        inputs=tables.inputs,
        software_version=__version__,
    )


def _improvement(night: Row) -> Improvement:
    return Improvement(
        information_coefficient=night["expected_improvement"],
        ci_low=night["expected_improvement_ci_low"],
        ci_high=night["expected_improvement_ci_high"],
        success_rate_change=night["expected_success_rate_change"],
        top_return_change=night["expected_top_return_change"],
        horizon=night["evidence_horizon"],
        population=night["evidence_population"],
        window_days=night["evidence_window_days"],
        n_days=night["n_days"],
    )


def _thresholds(rows: Iterable[Row], raises: Mapping[str, float], settings: Settings) -> Thresholds:
    horizon = settings.weights.evidence_horizon
    found = score_thresholds(rows, horizon)
    defaults = {
        "trade_ready": settings.collection.trade_ready_score,
        "watchlist": settings.collection.watchlist_score,
        "monitor": 0.0,
    }
    return Thresholds(
        horizon=horizon,
        components={name: found[name, "all"] for name in settings.features.components if (name, "all") in found},
        total_score=found.get((TOTAL_SCORE, "all")),
        action_tags={
            tag: TagThreshold(
                default=score,
                in_force=min(score + raises.get(tag, 0.0), HIGHEST_SCORE),
                suggestion=found.get((TOTAL_SCORE, tag)),
            )
            for tag, score in defaults.items()
        },
    )
