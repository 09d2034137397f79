"""Publish: from decisions to the document discovery reads, verified once more on what is actually published.

Belongs here: assembling the document from tables, refusing what breaks a bound. Not here: the bounds themselves
(learning.publication), the shape of the document (contracts), how it reaches the disk (warehouse).
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from amc_learning import __version__
from amc_learning.contracts.documents.names import WEIGHTS_DOCUMENT
from amc_learning.contracts.documents.weights import (
    Bounds,
    Improvement,
    Previous,
    TagThreshold,
    Thresholds,
    WeightsDocument,
)
from amc_learning.contracts.tables import TOTAL_SCORE
from amc_learning.learning.publication import weight_violations
from amc_learning.settings import Settings
from amc_learning.stages.day_rows import Row, day_rows
from amc_learning.stages.decide import standing_weights
from amc_learning.stages.discovery_evidence import component_estimates, score_thresholds
from amc_learning.stages.documents import parameters_version, weights_data
from amc_learning.stages.night import correction_effects
from amc_learning.stages.regime_weights import PERFORMANCE_COLUMNS, by_regime, performance_on
from amc_learning.stages.theses import LONGEST_BREAK_DAYS
from amc_learning.stages.turns import taking_turns
from amc_learning.warehouse import Warehouse
from amc_learning.warehouse.publications import PublishReport

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


@taking_turns
def publish_days(
    warehouse: Warehouse, settings: Settings, days: Sequence[date], *, published_again_to: date | None = None
) -> list[PublishReport]:
    """Publish the weights of each of these days that has a decision; only the newest becomes current.

    Raises:
        PublicationError: when a decision, or what it says of another market regime, breaks a bound against the
            decision before it, or the decision after the last of these days does (unless that one is published again
            too). Nothing is published then.
    """
    standing = standing_weights(warehouse, days[0])
    previous = Previous(known_on=standing.decided_on, weights=standing.in_force or settings.features.default_weights)
    documents = []
    for day, tables in _tables_by_day(warehouse, days).items():
        rows = tables.decisions
        weights = {name: rows[name]["weight"] for name in settings.features.components if name in rows}
        _refuse_violations(day, weights, previous, settings)
        document = weights_document(day, tables, previous, settings)
        _refuse_violations_by_regime(document, settings)
        documents.append(document)
        previous = Previous(known_on=day, weights=weights)
    if published_again_to is None or published_again_to <= days[-1]:
        _refuse_breaking_the_next(warehouse, previous, settings)
    reports = warehouse.publications.publish_many(
        WEIGHTS_DOCUMENT,
        {document.known_on: document.model_dump(mode="json") for document in documents},
        schema=WeightsDocument.model_json_schema(),
    )
    return list(reports.values())


def published_weights(warehouse: Warehouse, day: date) -> dict[str, Any]:
    """The verified document of a knowledge day.

    Raises:
        PublicationError: none was published for that day.
    """
    document = warehouse.publications.document(WEIGHTS_DOCUMENT, day)
    if document is None:
        raise PublicationError(
            f"no weights are published for {day}; run the day first: amc-learning run daily --date {day}"
        )
    return document


def _tables_by_day(warehouse: Warehouse, days: Sequence[date]) -> dict[date, DayTables]:
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
            threshold_raises=correction_effects(corrections.as_of(day)).threshold_raises,
            inputs={
                "weight_decisions": hashes["weight_decisions"].get(day),
                "corrections": corrections.hash_as_of(day),
                "regime_performance": performance.hash_as_of(day),
                **{name: hashes[name].get(evidence) if evidence else None for name in EVIDENCE_TABLES},
            },
        )
    return tables


def _refuse_breaking_the_next(warehouse: Warehouse, last: Previous, settings: Settings) -> None:
    """The decision after the days being published was made on another vector than theirs, perhaps too far from it."""
    if last.known_on is None:
        return
    later = [day for day in warehouse.table("weight_decisions").days() if day > last.known_on]
    if later:
        rows = warehouse.table("weight_decisions").read(later[0], later[0], columns=["component", "weight"])
        _refuse_violations(later[0], dict(rows.iter_rows()), last, settings)


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


def weights_document(day: date, tables: DayTables, previous: Previous, settings: Settings) -> WeightsDocument:
    """The document of one day, from the rows of that day; the same rows give the same document."""
    decisions = tables.decisions
    components = settings.features.components
    night = decisions[components[0]]
    weights = {name: decisions[name]["weight"] for name in components}
    return WeightsDocument(
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
