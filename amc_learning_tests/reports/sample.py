"""A daily report with realistic values in every section, and one with nothing in any."""

import math
from datetime import UTC, date, datetime, timedelta

from amc_learning.contracts.documents.base import Interval
from amc_learning.contracts.documents.confidence import CalibrationQuality, ConfidenceData, GroupAccuracy
from amc_learning.contracts.documents.corrections import Correction
from amc_learning.contracts.documents.daily_report import (
    Change,
    CoefficientRow,
    DailyReport,
    DayCounts,
    InShadow,
    ReliabilityCurve,
    ReliabilityPoint,
    TradeSummary,
    WatchedPattern,
    WeightChange,
    WeightHistory,
    WeightsSection,
)
from amc_learning.contracts.documents.recommendations import Attribution, PatternAlert
from amc_learning.contracts.documents.regimes import CurrentRegime, RegimeChange

DAY = date(2023, 3, 14)
NONE = Interval(estimate=None, ci_low=None, ci_high=None, n=0)
DEFAULT = {
    "volume_momentum": 0.30,
    "squeeze": 0.25,
    "catalyst": 0.20,
    "sentiment": 0.10,
    "options": 0.08,
    "technical": 0.07,
}
BEFORE = dict(zip(DEFAULT, (0.318, 0.221, 0.213, 0.094, 0.083, 0.071), strict=True))
LEARNED = dict(zip(DEFAULT, (0.3412, 0.1925, 0.2204, 0.0871, 0.0862, 0.0726), strict=True))
IN_FORCE = dict(zip(DEFAULT, (0.323, 0.211, 0.218, 0.092, 0.0845, 0.0715), strict=True))


def around(estimate: float, half: float, n: int) -> Interval:
    return Interval(estimate=estimate, ci_low=estimate - half, ci_high=estimate + half, n=n)


def nights(n: int) -> list[date]:
    days = [DAY - timedelta(days=back) for back in range(2 * n)]
    return [day for day in days if day.weekday() < 5][:n][::-1]


def history(n: int = 90) -> WeightHistory:
    """From the defaults to tonight along a curve, with a little movement of its own per component."""
    weights = {
        name: [
            DEFAULT[name]
            + (IN_FORCE[name] - DEFAULT[name]) * (night + 1) / n
            + 0.008 * math.sin(night / 9 + place) * (1 - (night + 1) / n)
            for night in range(n)
        ]
        for place, name in enumerate(DEFAULT)
    }
    return WeightHistory(days=nights(n), weights=weights)


def coefficients() -> list[CoefficientRow]:
    rows = []
    for horizon, (scale, n) in {"1d": (0.5, 119), "3d": (0.8, 117), "5d": (1.0, 115), "10d": (1.2, 110)}.items():
        for place, name in enumerate((*DEFAULT, "total_score")):
            estimate = scale * (0.0413 - 0.0157 * place)
            interval = around(estimate, 0.021 + 0.004 * place, n)
            rows.append(
                CoefficientRow(
                    feature=name,
                    horizon=horizon,
                    population="selected",
                    information_coefficient=interval,
                    q_value=min(1.0, 0.0004 + 0.031 * place),
                )
            )
    rows[-1] = rows[-1].model_copy(
        update={"information_coefficient": NONE.model_copy(update={"n": 7}), "q_value": None}
    )
    return rows


def quality(score: float, off: float, knows: float, n: int) -> CalibrationQuality:
    return CalibrationQuality(
        brier_score=score,
        miscalibration=off,
        discrimination=knows,
        uncertainty=score - off + knows,
        expected_calibration_error=0.0831,
        n_theses=n,
    )


def curve(group: str, shift: float, n: int) -> ReliabilityCurve:
    sent = (0.412, 0.538, 0.617, 0.704, 0.793, 0.881)
    right = (0.385, 0.442, 0.495, 0.541, 0.602, 0.655)
    share = (0.06, 0.17, 0.28, 0.26, 0.16, 0.07)
    points = [
        ReliabilityPoint(
            mean_confidence=x,
            calibrated_confidence=y + shift,
            ci_low=y + shift - 0.9 * math.sqrt(0.25 / (n * part)) * 2,
            ci_high=y + shift + 0.9 * math.sqrt(0.25 / (n * part)) * 2,
            n_theses=round(n * part),
        )
        for x, y, part in zip(sent, right, share, strict=True)
    ]
    return ReliabilityCurve(group=group, points=points, quality=quality(0.2613, 0.0254, 0.0117, n))


def accuracies() -> list[GroupAccuracy]:
    groups = {
        "overall": {"all": (0.531, 1412)},
        "source": {"ai": (0.512, 803), "rule_based": (0.557, 609)},
        "recommendation": {"BUY_MORE": (0.498, 622), "HOLD": (0.571, 431), "TRIM": (0.522, 211)},
        "regime": {"low_volatility": (0.561, 702), "high_volatility": (0.487, 311)},
    }
    rows = [
        GroupAccuracy(
            group_kind=kind,
            group=group,
            accuracy=around(estimate, 1.0 / math.sqrt(n), n),
            mean_confidence=0.662,
        )
        for kind, parts in groups.items()
        for group, (estimate, n) in parts.items()
    ]
    few = GroupAccuracy(
        group_kind="recommendation",
        group="LIQUIDATE",
        accuracy=NONE.model_copy(update={"n": 4}),
        mean_confidence=0.713,
    )
    return [*rows, few]


def corrections() -> list[Correction]:
    active = Correction(
        name="thesis-source-ai-recommendation-buy-more",
        kind="confidence",
        target="ai/BUY_MORE",
        factor=0.81,
        raise_points=None,
        severity="high",
        status="active",
        created_on=date(2023, 2, 21),
        expires_on=date(2023, 4, 22),
        pattern="source=ai & recommendation=BUY_MORE",
        reason="AI theses to buy more failed in 183 of 341 cases (53.7 %) against 41.2 % of the rest (p = 0.0007).",
        n_cases=341,
        failure_rate=0.5367,
        base_rate=0.4123,
        effect=around(-0.0431, 0.0612, 96),
        verdict="no_difference",
    )
    proposed = active.model_copy(
        update={
            "name": "trade-exit-reason-stop-loss",
            "kind": "tag_threshold",
            "target": "trade_ready",
            "factor": None,
            "raise_points": 4.5,
            "severity": "medium",
            "status": "proposed",
            "pattern": "exit_reason=stop_loss & action_tag=trade_ready",
            "reason": "Trades tagged trade_ready and stopped out lost in 41 of 58 cases (70.7 %).",
            "n_cases": 58,
            "failure_rate": 0.7069,
            "effect": NONE,
            "verdict": "too_early",
        }
    )
    vetoed = active.model_copy(
        update={"name": "candidate-sector-energy", "kind": "position_size", "target": "sector=energy", "factor": 0.6}
        | {"status": "vetoed", "severity": "low", "pattern": "sector=energy", "verdict": "harmed"}
    )
    return [active, proposed, vetoed]


def parts(results: dict[str, tuple[float, int]]) -> list[Attribution]:
    return [
        Attribution(
            value=value,
            n_trades=n,
            realised_pnl_usd=pnl,
            win_rate=around(0.5 + pnl / 60_000, 0.11, n),
            mean_return=around(pnl / 500_000, 0.017, n) if n >= 20 else NONE,
        )
        for value, (pnl, n) in results.items()
    ]


def attribution() -> dict[str, list[Attribution]]:
    return {
        "action_tag": parts({"trade_ready": (8412.37, 61), "watchlist": (-2931.50, 33), "unlinked": (-250.12, 6)}),
        "component": parts(
            {
                "volume_momentum": (2911.43, 94),
                "squeeze": (-1408.22, 88),
                "catalyst": (2377.90, 91),
                "sentiment": (702.64, 90),
                "options": (512.00, 79),
                "technical": (385.12, 86),
                "unlinked": (-250.12, 6),
            }
        ),
        "exit_reason": parts({"profit_target": (15_308.25, 38), "stop_loss": (-10_077.50, 41), "time_exit": (0.0, 21)}),
        "source": parts({"ai": (1204.11, 44), "rule_based": (4026.64, 56)}),
        "total": parts({"all": (5230.75, 100)}),
    }


def weight_change(began_on: date, last_step_on: date, realised: Interval, **changed: object) -> WeightChange:
    fields = {
        "state": "in_force",
        "ended_on": None,
        "most_changed_component": "squeeze",
        "most_changed_by": -0.0575,
        "horizon": "5d",
        "promised": 0.006,
        "promised_ci_low": 0.002,
        "promised_ci_high": 0.01,
        "evidence_of_harm": 0.4,
        "evidence_of_benefit": 2.1,
        "evidence_needed": 40.0,
        "verdict": "too_early",
    }
    return WeightChange(began_on=began_on, last_step_on=last_step_on, realised=realised, **{**fields, **changed})


def weight_changes() -> list[WeightChange]:
    return [
        weight_change(date(2023, 3, 9), DAY, Interval(estimate=0.0042, ci_low=None, ci_high=None, n=3)),
        weight_change(
            date(2022, 9, 5),
            date(2022, 9, 9),
            around(-0.031, 0.024, 27),
            state="taken_back",
            ended_on=date(2022, 10, 14),
            most_changed_component="options",
            most_changed_by=0.12,
            evidence_of_harm=51.0,
            verdict="harmed",
        ),
    ]


def full_report(n_nights: int = 90) -> DailyReport:
    return DailyReport(
        known_on=DAY,
        last_updated=datetime(2023, 3, 15, 4, 0, tzinfo=UTC),
        headline="Discovery weights moved; 1 systematic failure; 1 correction in force; the market is high_volatility.",
        window_days=90,
        thesis_horizon="7d",
        in_shadow=[InShadow(document="confidence", since=date(2023, 3, 1))],
        counts=DayCounts(
            n_discovery_runs=6, n_candidates=1248, n_theses=37, n_trade_messages=14, n_bars=8123, n_outcomes=4711
        ),
        changes=[
            Change(
                subject="weight squeeze",
                before="0.221",
                after="0.211",
                why="moved: improves the mean daily rank correlation by 0.006 (p = 0.018, 115 days)",
            ),
            Change(
                subject="market regime (index)",
                before="low_volatility",
                after="high_volatility",
                why="probability 0.94",
            ),
        ],
        recommendations=[
            "Look at squeeze: its weight has fallen for 14 nights and its coefficient at 5d is 0.026.",
            "AI confidence is too high by 15.0 points over 803 theses: multiply it by 0.77.",
        ],
        risk_warnings=[
            "AI theses to buy more fail in 53.7 % of cases against 41.2 % of the rest (341 cases).",
            "The market turned to high_volatility on 14 March 2023 (probability 0.94).",
        ],
        weights=WeightsSection(
            status="active",
            reason="Moved within bounds: the step improves the mean daily rank correlation by 0.006 (p = 0.018).",
            in_force=IN_FORCE,
            before=BEFORE,
            learned=LEARNED,
            default=DEFAULT,
            history=history(n_nights),
        ),
        weight_changes=weight_changes(),
        coefficients=coefficients(),
        selection_lift={"1d": around(0.0009, 0.0021, 119), "5d": around(0.0123, 0.0074, 115)},
        confidence=ConfidenceData(
            global_confidence_multiplier=0.8,
            per_recommendation_adjustments={"BUY_MORE": 0.61, "HOLD": 0.92, "TRIM": 0.85, "LIQUIDATE": 1.0},
            per_source_adjustments={"ai": 0.77, "rule_based": 0.84},
            calibration_quality=0.8974,
            recommendations=["AI confidence is too high by 15.0 points over 803 theses: multiply it by 0.77."],
        ),
        accuracy=accuracies(),
        ai_minus_rules=Interval(estimate=-0.041, ci_low=-0.083, ci_high=0.002, n=61),
        reliability=[curve("overall", 0.0, 1412), curve("ai", -0.03, 803), curve("rule_based", 0.04, 609)],
        index_regime=CurrentRegime(
            regime="high_volatility",
            probability=0.941,
            since=DAY,
            previous_regime="low_volatility",
            known_on=DAY,
        ),
        discovery_regime=CurrentRegime(
            regime="normal", probability=None, since=date(2022, 12, 5), previous_regime="explosive", known_on=DAY
        ),
        regime_changes=[
            RegimeChange(
                known_on=DAY,
                basis="index",
                regime="high_volatility",
                previous_regime="low_volatility",
                probability=0.941,
            ),
            RegimeChange(
                known_on=date(2023, 1, 9),
                basis="index",
                regime="low_volatility",
                previous_regime=None,
                probability=None,
            ),
        ],
        failures=[
            PatternAlert(
                kind="thesis",
                pattern="source=ai & recommendation=BUY_MORE",
                severity="high",
                n_cases=341,
                n_failures=183,
                failure_rate=183 / 341,
                base_rate=0.4123,
                adjusted_p_value=0.00071,
                sentence="AI theses to buy more fail in 53.7 % of cases against 41.2 % of the rest (341 cases).",
            )
        ],
        watched=[
            WatchedPattern(
                kind="trade",
                pattern="exit_reason=stop_loss & action_tag=trade_ready",
                n_cases=58,
                n_failures=41,
                failure_rate=41 / 58,
                base_rate=0.4871,
                adjusted_p_value=0.0874,
                explained_by=None,
            )
        ],
        corrections=corrections(),
        trades=TradeSummary(
            n_open=12,
            n_closed=100,
            realised_pnl_usd=5230.75,
            win_rate=around(0.54, 0.097, 100),
            mean_return=around(0.0105, 0.0142, 100),
            n_ledger_issues=3,
        ),
        attribution=attribution(),
        software_version="1.2.3",
    )


def empty_report() -> DailyReport:
    """The first night of all: nothing is known yet."""
    unknown = CurrentRegime(regime=None, probability=None, since=None, previous_regime=None, known_on=None)
    return DailyReport(
        known_on=DAY,
        last_updated=datetime(2023, 3, 15, 4, 0, tzinfo=UTC),
        headline="No weights were decided; no systematic failure; no correction in force.",
        window_days=90,
        thesis_horizon="7d",
        counts=DayCounts(n_discovery_runs=0, n_candidates=0, n_theses=0, n_trade_messages=0, n_bars=0, n_outcomes=0),
        changes=[],
        recommendations=[],
        risk_warnings=[],
        weights=None,
        coefficients=[],
        selection_lift={},
        confidence=None,
        accuracy=[],
        ai_minus_rules=Interval(estimate=None, ci_low=None, ci_high=None, n=0),
        reliability=[],
        index_regime=unknown,
        discovery_regime=unknown,
        regime_changes=[],
        failures=[],
        watched=[],
        corrections=[],
        trades=TradeSummary(
            n_open=0, n_closed=0, realised_pnl_usd=0.0, win_rate=NONE, mean_return=NONE, n_ledger_issues=0
        ),
        attribution={},
        software_version="1.2.3",
    )
