"""A weekly report with realistic values in every part, and one with nothing in any."""

from datetime import UTC, date, datetime, timedelta

from amc_learning.contracts.documents.regimes import CurrentRegime
from amc_learning.contracts.documents.weekly_report import (
    CalibrationBlock,
    CandidatePrediction,
    ComponentImportance,
    ComponentUnderRegime,
    CorrectionMove,
    DiscoveredPattern,
    ExitRecommendation,
    ExitSetting,
    ModelCard,
    PatternSearch,
    SizeBand,
    SizeRecommendation,
    StrategyRecommendations,
    WeekCounts,
    WeeklyRegimeChange,
    WeeklyReport,
    WeightMove,
)
from amc_learning.stages.weekly_wording import NO_ROWS
from amc_learning_tests.reports import sample
from amc_learning_tests.reports.sample import BEFORE, DEFAULT, IN_FORCE, NONE, around

FRIDAY = date(2023, 3, 17)
MONDAY = FRIDAY - timedelta(days=4)
NO_REGIME = CurrentRegime(regime=None, probability=None, since=None, previous_regime=None, known_on=None)


def counts(**others: int) -> WeekCounts:
    return WeekCounts(**{**dict.fromkeys(WeekCounts.model_fields, 0), **others})


def pattern(status: str = "new", **others: object) -> DiscoveredPattern:
    plain = {
        "pattern": "squeeze=80-100 & action_tag=watchlist",
        "direction": "pays",
        "status": status,
        "reason": "new: +1.84 % on the searched days (p = 0.012 over 412 rules tried).",
        "horizon": "7d",
        "holding_sessions": 5,
        "discovered_on": FRIDAY,
        "n_weeks_seen": 1,
        "n_cases": 1840,
        "support": 0.061,
        "effect": around(0.0162, 0.0071, 412),
        "success_rate": 0.094,
        "success_rate_rest": 0.061,
        "mean_return": 0.0219,
        "mean_return_rest": 0.0054,
        "adjusted_p_value": 0.012,
        "held_out_effect": around(0.0131, 0.0104, 160),
        "held_out_p_value": 0.019,
        "effect_since": NONE,
    }
    return DiscoveredPattern(**{**plain, **others})


def search() -> PatternSearch:
    return PatternSearch(
        n_cases=30_120,
        searched_from=date(2020, 3, 18),
        searched_to=date(2022, 4, 29),
        held_out_from=date(2022, 5, 9),
        held_out_to=date(2023, 3, 10),
        n_rules_tried=412,
        n_found=3,
        n_tested=2,
        n_new=1,
        n_confirmed=1,
        n_fading=0,
        n_gone=1,
        strongest_pattern="squeeze=80-100 & action_tag=watchlist",
        strongest_adjusted_p_value=0.012,
        evidence="sufficient",
    )


def importance() -> list[ComponentImportance]:
    return [
        ComponentImportance(
            horizon=horizon,
            component=name,
            rank=place + 1,
            importance=around(0.0213 - 0.005 * place, 0.006, 740),
            noise_importance=around(0.0002, 0.0011, 740),
            q_value=min(1.0, 0.0008 + 0.04 * place),
            is_beyond_noise=place < 2,
            information_coefficient=around(0.031 - 0.01 * place, 0.012, 740),
            change=0.0021 if place else None,
            is_change_beyond_noise=place == 1,
            correlated_with="catalyst" if name == "squeeze" else None,
        )
        for horizon in ("1d", "7d")
        for place, name in enumerate(DEFAULT)
    ]


def regime_change(**others: object) -> WeeklyRegimeChange:
    components = [
        ComponentUnderRegime(
            component=name,
            since=NONE,
            before=around(0.02, 0.03, 88),
            history=around(0.012, 0.01, 744),
            difference=NONE,
            difference_adjusted_p_value=None,
            regime_difference=around(-0.061 + 0.02 * place, 0.024, 744),
            regime_difference_adjusted_p_value=min(1.0, 0.0004 * 10**place),
            is_beyond_noise=place < 2,
        )
        for place, name in enumerate(DEFAULT)
    ]
    plain = {
        "basis": "index",
        "changed_on": MONDAY + timedelta(days=1),
        "previous_regime": "calm",
        "regime": "turbulent",
        "probability": 0.9412,
        "is_new": True,
        "ended_on": None,
        "n_sessions": 4,
        "state": "too_early",
        "components": components,
    }
    return WeeklyRegimeChange(**{**plain, **others})


def card(target: str, kind: str, **others: object) -> ModelCard:
    plain = {
        "target": target,
        "kind": kind,
        "role": "challenger",
        "decision": "insufficient_evidence",
        "reason": "not promoted: within noise; evidence 1.41, where promotion takes 40",
        "champion_since": FRIDAY,
        "model_id": "21f20929adef0f70",
        "trained_from": date(2020, 3, 18),
        "trained_to": date(2023, 3, 10),
        "n_cases": 37_694,
        "n_scored": 24_999,
        "n_scored_days": 500,
        "area_under_curve": around(0.512, 0.01, 500),
        "information_coefficient": around(0.021, 0.018, 500),
        "skill": around(0.0009, 0.0012, 500),
        "e_value": 1.41,
        "promoted_from": 40.0,
        "calibration": [CalibrationBlock(predicted=0.31, came_true=0.29, n=2100)],
        "limits": "Scores are of earlier fits of this kind on days after each of them.",
    }
    return ModelCard(**{**plain, **others})


def models() -> list[ModelCard]:
    promoted = {
        "role": "champion",
        "decision": "promoted",
        "reason": "promoted: the linear model minus the baseline +0.02167 in Brier score saved a day; evidence 1,128",
        "e_value": 1128.4,
        "skill": around(0.124, 0.042, 484),
    }
    first = {"role": "champion", "decision": "first", "reason": "first: the baseline predicts", "e_value": None}
    nothing = {"area_under_curve": NONE, "information_coefficient": NONE, "skill": NONE, "promoted_from": None}
    return [
        card("success", "baseline", **first, **nothing),
        card("success", "boosted"),
        card("stop_out", "linear", **promoted),
        card("stop_out", "baseline", decision="replaced", reason="replaced", **{**nothing, "e_value": None}),
    ]


def exits() -> ExitRecommendation:
    settings = [
        ExitSetting(
            setting=setting,
            is_as_done=setting == "as done",
            is_recommended=setting.startswith("stop 12"),
            is_best_in_sample=setting.startswith("no stop"),
            expectancy=around(0.0101 + gain, 0.0112, 3623),
            win_rate=around(0.54, 0.02, 3623),
            stop_rate=0.302,
            target_rate=0.21,
            mean_holding_sessions=23.5,
            difference=NONE if setting == "as done" else around(gain, 0.0021, 3623),
            adjusted_p_value=None if setting == "as done" else 0.004,
        )
        for setting, gain in (("as done", 0.0), ("stop 12 %, target 10 %", 0.0041), ("no stop, target 10 %", 0.0048))
    ]
    return ExitRecommendation(
        basis="trades",
        decision="change",
        reason="Change: `stop 12 %, target 10 %` earned +0.41 % a trade over what was done.",
        recommended_setting="stop 12 %, target 10 %",
        stop_loss=0.12,
        trailing_stop=None,
        profit_target=0.10,
        max_sessions=30,
        n_trades=3623,
        n_settings_tried=212,
        out_of_sample_difference=around(0.0031, 0.0024, 484),
        settings=settings,
    )


def sizes() -> SizeRecommendation:
    edges = (None, 0.178, 0.242, 0.317, 0.453, None)
    return SizeRecommendation(
        basis="trades",
        is_advised=True,
        reason="Stop-outs rise with volatility; the variance of returns is 0.91 times that of equal sizes.",
        bands=[
            SizeBand(
                volatility_band=band + 1,
                volatility_from=edges[band],
                volatility_to=edges[band + 1],
                stop_out_rate=around(0.18 + 0.07 * band, 0.05, 722),
                mean_return=0.011 - 0.002 * band,
                size_factor=1.3 - 0.15 * band,
            )
            for band in range(5)
        ],
    )


def predictions() -> list[CandidatePrediction]:
    return [
        CandidatePrediction(
            symbol=symbol,
            decided_on=FRIDAY,
            rank=place + 1,
            total_score=81.4 - place,
            scores=dict.fromkeys(DEFAULT, 60.0),
            success_probability=0.061,
            outperformance_probability=0.512 - 0.01 * place,
            expected_relative_return=0.0013 - 0.001 * place,
            stop_out_probability=0.231 + 0.05 * place,
        )
        for place, symbol in enumerate(("ABC", "XYZ", "QRS"))
    ]


def full_report() -> WeeklyReport:
    """Something in every part."""
    return WeeklyReport(
        known_on=FRIDAY,
        last_updated=datetime(2023, 3, 18, 4, tzinfo=UTC),
        week_from=MONDAY,
        headline="1 new pattern; the index turned turbulent; 1 model promoted; exits are to change.",
        findings=["New pattern: squeeze=80-100 & action_tag=watchlist pays.", "The index regime changed."],
        horizon="7d",
        window_days=1095,
        counts=counts(n_nights=5, n_candidates=500, n_outcomes=1500, n_new_patterns=1, n_nights_moved=2),
        insufficient_evidence={},
        new_patterns=[pattern()],
        known_patterns=[
            pattern("fading", pattern="technical=0-20", direction="costs", effect_since=around(-0.002, 0.008, 61))
        ],
        pattern_search=search(),
        feature_importance=importance(),
        index_regime=CurrentRegime(
            regime="turbulent",
            probability=0.9412,
            since=MONDAY + timedelta(days=1),
            previous_regime="calm",
            known_on=FRIDAY,
        ),
        discovery_regime=NO_REGIME,
        regime_changes=[
            regime_change(),
            regime_change(
                basis="discovery",
                changed_on=date(2023, 2, 2),
                previous_regime="squeeze_setup",
                regime="normal_market",
                probability=None,
                is_new=False,
                ended_on=date(2023, 2, 6),
                n_sessions=2,
                state="flickered",
            ),
        ],
        models=models(),
        candidate_predictions=predictions(),
        strategy_recommendations=StrategyRecommendations(exits=exits(), position_sizes=sizes()),
        weight_moves=[
            WeightMove(component=name, before=BEFORE[name], after=IN_FORCE[name], default=DEFAULT[name])
            for name in DEFAULT
        ],
        changes_judged=sample.full_report().weight_changes,
        corrections_moved=[
            CorrectionMove(
                name="thesis-source-ai",
                kind="confidence",
                target="ai/BUY_MORE",
                factor=0.81,
                status="active",
                status_since=MONDAY,
                reason="183 of 341 failed against 41.2 % of the rest.",
            )
        ],
        inputs={"feature_importance": "0d7b5c977c13c301"},
        software_version="0.1.0",
    )


def empty_report() -> WeeklyReport:
    """Before there was anything to look at."""
    return WeeklyReport(
        known_on=FRIDAY,
        last_updated=datetime(2023, 3, 18, 4, tzinfo=UTC),
        week_from=MONDAY,
        headline="Nothing that asks for a change.",
        findings=[],
        horizon="7d",
        window_days=1095,
        counts=counts(),
        insufficient_evidence=dict(NO_ROWS),
        new_patterns=[],
        known_patterns=[],
        pattern_search=None,
        feature_importance=[],
        index_regime=NO_REGIME,
        discovery_regime=NO_REGIME,
        regime_changes=[],
        models=[],
        candidate_predictions=[],
        strategy_recommendations=StrategyRecommendations(exits=None, position_sizes=None),
        weight_moves=[],
        changes_judged=[],
        corrections_moved=[],
        inputs={},
        software_version="0.1.0",
    )
