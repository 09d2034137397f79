"""The daily intelligence report: every part of the night in one document, and the page drawn from it.

Belongs here: which rows the report is made of, and what changed since the day before. Not here: the documents it shares
parts with (documents), the page (reports), the wording (advice).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

from amc_learning import __version__
from amc_learning.contracts.documents.base import Interval
from amc_learning.contracts.documents.daily_report import (
    Change,
    CoefficientRow,
    DailyReport,
    DayCounts,
    InShadow,
    ReliabilityCurve,
    ReliabilityPoint,
    TradeSummary,
    WeightChange,
    WeightHistory,
    WeightsSection,
)
from amc_learning.contracts.documents.names import CONFIDENCE_DOCUMENT, SWITCHED_DOCUMENTS
from amc_learning.learning.modes import SHADOW
from amc_learning.stages import advice
from amc_learning.stages.day_rows import DayRows, Row, day_rows, end_of
from amc_learning.stages.documents import correction
from amc_learning.stages.night import ACTIVE, Night
from amc_learning.stages.night_tables import NightTables

HISTORY_NIGHTS = 90
"""Nights of weights the report draws: what the evidence window of the correlation table spans, in weekdays and more."""

LEAST_CHANGE = 5e-7
"""Half of the grid published weights lie on."""

_COUNTED = {
    "n_discovery_runs": "discovery_runs",
    "n_candidates": "discovery_candidates",
    "n_theses": "thesis_decisions",
    "n_trade_messages": "trade_messages",
    "n_bars": "price_bars",
    "n_outcomes": "candidate_outcomes",
}


@dataclass(frozen=True)
class ReportTables(NightTables):
    """What the report reads beyond the other documents."""

    @cached_property
    def curves(self) -> DayRows:
        """reliability_curves."""
        return self._rows("reliability_curves")

    @cached_property
    def issues(self) -> DayRows:
        """ledger_issues."""
        return self._rows("ledger_issues")

    @cached_property
    def n_open(self) -> dict[date, int]:
        """Knowledge day to the number of open positions at its end."""
        frame = self.warehouse.table("trade_positions").read(self.first, self.last, columns=["known_on", "status"])
        return dict(frame.filter(frame["status"] == "open").group_by("known_on").len().iter_rows())

    @cached_property
    def history(self) -> DayRows:
        """weight_decisions, with those of the last nights before."""
        before = self.first - timedelta(days=HISTORY_NIGHTS * 2)
        return day_rows(self.warehouse, "weight_decisions", before, self.last, ["component", "weight"])

    @cached_property
    def n_rows(self) -> dict[str, dict[date, int]]:
        """Counted table to its rows per knowledge day."""
        return {
            name: {entry.known_on: entry.n_rows for entry in self.warehouse.table(table).entries(self.first, self.last)}
            for name, table in _COUNTED.items()
        }


def daily_report(night: Night, tables: ReportTables) -> DailyReport:
    """The report of one day, from the rows of that day; the same rows give the same report."""
    day = night.day
    decisions = tables.decisions.on(day)
    decision = decisions[0] if decisions else None
    corrections = night.corrections
    has_factors = any(row["regime_multiplier"] != 1 or row["correction_factor"] != 1 for row in decisions)
    largest_change = max((abs(row["change"]) for row in decisions), default=0.0)
    n_in_force = sum(row["status"] == ACTIVE for row in corrections)
    return DailyReport(
        known_on=day,
        last_updated=end_of(day),
        headline=advice.headline(
            decision,
            largest_change,
            len(night.alerts),
            n_in_force,
            night.index_regime.regime,
            has_factors=has_factors or decision is None,
        ),
        window_days=tables.settings.analysis.window_days,
        thesis_horizon=tables.settings.theses.horizon,
        in_shadow=[
            InShadow(document=document, since=night.mode_since(document))
            for document in SWITCHED_DOCUMENTS
            if night.mode(document) != ACTIVE
        ],
        counts=DayCounts(**{name: counts.get(day, 0) for name, counts in tables.n_rows.items()}),
        changes=_changes(day, decisions, corrections, tables),
        recommendations=_recommendations(decision, night),
        risk_warnings=night.warnings,
        weights=_weights(day, decisions, tables),
        weight_changes=[weight_change(row) for row in reversed(tables.effectiveness.as_of(day))],
        coefficients=_coefficients(tables.correlations.as_of(day)),
        selection_lift={
            row["horizon"]: Interval(
                estimate=row["mean_lift"], ci_low=row["ci_low"], ci_high=row["ci_high"], n=row["n_days"]
            )
            for row in tables.selection.as_of(day)
        },
        confidence=night.told_confidence,
        accuracy=night.accuracies,
        ai_minus_rules=night.ai_minus_rules,
        reliability=_reliability(night, tables),
        index_regime=night.index_regime,
        discovery_regime=night.discovery_regime,
        regime_changes=night.regime_changes,
        failures=night.alerts,
        watched=night.watched,
        corrections=[correction(row) for row in corrections],
        trades=_trades(day, tables),
        attribution=night.attribution,
        software_version=__version__,
    )


def _recommendations(decision: Row | None, night: Night) -> list[str]:
    confidence = night.confidence if night.mode(CONFIDENCE_DOCUMENT) == ACTIVE else None
    return [*advice.weight_advice(decision), *(confidence.recommendations if confidence else [])]


def _changes(day: date, decisions: Sequence[Row], corrections: Iterable[Row], tables: ReportTables) -> list[Change]:
    moved = [row for row in decisions if abs(row["change"]) > LEAST_CHANGE]
    before = {row["name"]: row["status"] for row in Night(day - timedelta(days=1), tables).corrections}
    return [
        *(
            Change(
                subject=f"weight {row['component']}",
                before=f"{row['previous_weight']:.3f}",
                after=f"{row['weight']:.3f}",
                why=row["reason"],
            )
            for row in moved
        ),
        *(
            Change(
                subject=f"correction {row['name']}",
                before=before.get(row["name"], "none"),
                after=row["status"],
                why=row["reason"],
            )
            for row in corrections
            if row["status_since"] == day
        ),
        *(
            Change(
                subject=f"market regime ({row['basis']})",
                before=row["previous_regime"] or "none",
                after=row["regime"],
                why="probability " + ("not estimated" if row["probability"] is None else f"{row['probability']:.2f}"),
            )
            for row in tables.regimes.on(day)
            if row["is_change"] and row["regime"] is not None
        ),
    ]


def _weights(day: date, decisions: Sequence[Row], tables: ReportTables) -> WeightsSection | None:
    if not decisions:
        return None
    components = tables.settings.features.components
    rows = {row["component"]: row for row in decisions}
    nights = [night for night in tables.history.days if night <= day][-HISTORY_NIGHTS:]
    known = [{row["component"]: row["weight"] for row in tables.history.on(night)} for night in nights]
    is_shadow = decisions[0]["mode"] == SHADOW
    return WeightsSection(
        status=SHADOW if is_shadow else decisions[0]["status"],
        reason=advice.IN_SHADOW if is_shadow else decisions[0]["reason"],
        in_force={name: rows[name]["weight"] for name in components},
        before={name: rows[name]["previous_weight"] for name in components},
        learned={} if is_shadow else {name: rows[name]["learned_weight"] for name in components},
        default=dict(tables.settings.features.default_weights),
        history=WeightHistory(days=nights, weights={name: [weights[name] for weights in known] for name in components}),
    )


def weight_change(row: Row) -> WeightChange:
    """One change of the weights as reports show it."""
    plain = set(WeightChange.model_fields) - {"horizon", "realised"}
    return WeightChange(
        **{name: row[name] for name in plain},
        horizon=row["evidence_horizon"],
        realised=Interval(
            estimate=row["realised"],
            ci_low=row["realised_ci_low"],
            ci_high=row["realised_ci_high"],
            n=row["n_days"],
        ),
    )


def _coefficients(rows: Iterable[Row]) -> list[CoefficientRow]:
    """Estimates over the selected; the universe is in the weights document."""
    return [
        CoefficientRow(
            feature=row["feature"],
            horizon=row["horizon"],
            population=row["population"],
            information_coefficient=Interval(
                estimate=row["mean_information_coefficient"],
                ci_low=row["ci_low"],
                ci_high=row["ci_high"],
                n=row["n_days"],
            ),
            q_value=row["q_value"],
        )
        for row in rows
        if row["population"] == "selected"
    ]


def _reliability(night: Night, tables: ReportTables) -> list[ReliabilityCurve]:
    curves = []
    for group, quality in night.qualities.items():
        kind = "overall" if group == "overall" else "source"
        blocks = [
            row
            for row in tables.curves.as_of(night.day)
            if row["group_kind"] == kind and group in ("overall", row["group"])
        ]
        points = [ReliabilityPoint(**{name: row[name] for name in ReliabilityPoint.model_fields}) for row in blocks]
        curves.append(ReliabilityCurve(group=group, points=points, quality=quality))
    return curves


def _trades(day: date, tables: ReportTables) -> TradeSummary:
    total = tables.attribution.first_where(day, dimension="total")
    none = Interval(estimate=None, ci_low=None, ci_high=None, n=0)
    n_trades = total["n_trades"] if total else 0
    return TradeSummary(
        n_open=tables.n_open.get(day, 0),
        n_closed=n_trades,
        realised_pnl_usd=total["realised_pnl_usd"] if total else 0.0,
        win_rate=Interval(
            estimate=total["win_rate"], ci_low=total["win_rate_ci_low"], ci_high=total["win_rate_ci_high"], n=n_trades
        )
        if total
        else none,
        mean_return=Interval(
            estimate=total["mean_return"], ci_low=total["ci_low"], ci_high=total["ci_high"], n=n_trades
        )
        if total
        else none,
        n_ledger_issues=len(tables.issues.on(day)),
    )
