"""What an analyst is told about each asset besides its question: method, numbers over days, picture, page.

Belongs here: words, addresses and units. Not here: computing the numbers (the module of the asset), drawing (charts).
A `*` in the name of a number stands for a component, a horizon or a kind: `mean_ic_1d_technical` is `mean_ic_*`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

COUNTS = {
    "n_documents": "documents written or confirmed by the run, documents",
    "n_changed": "documents among them whose content is new, documents",
}

DRAINED = {
    "n_events_drained": "events moved from the inbox by the run, of whatever day, events",
    "n_days_reopened": "earlier days these events belong to, days",
}

REJECTED = {"n_rejected": "parts of payloads that were not understood and lie in quarantine, parts"}


@dataclass(frozen=True)
class Guide:
    """Where to read on about an asset.

    Attributes:
        docs: page and section of the documentation.
        series: numbers that each materialization carries, and that the UI draws over partitions; name to meaning, unit.
        chart: what the picture of a materialization shows; None without one.
        page: path of its page on the HTTP service, with `latest`; None without one.
    """

    docs: str
    series: Mapping[str, str] = field(default_factory=dict)
    chart: str | None = None
    page: str | None = None


GUIDES: Mapping[str, Guide] = {
    "index_closes": Guide("contracts.md#index-closes"),
    "price_bars": Guide(
        "contracts.md#price-bars",
        {
            "n_read": "bars read by the run, bars",
            "n_accepted": "bars among them that are new or changed, bars",
            "n_duplicates": "bars among them that were known, bars",
            "n_quarantined": "bars among them that lie in quarantine, bars",
            "n_symbols": "symbols with a bar of the partition, symbols",
        },
    ),
    "discovery_events": Guide("contracts.md#discovery-results", DRAINED),
    "thesis_events": Guide("contracts.md#thesis-decisions", DRAINED),
    "trade_events": Guide("contracts.md#trade-messages", DRAINED),
    "discovery_candidates": Guide(
        "methods.md#scores-and-runs",
        {
            "n_runs": "discovery results of the day, results",
            "n_selected": "selected candidates, the rest are controls, candidates",
            "mean_total_score": "mean total score, points 0-100",
            **REJECTED,
        },
        "distribution of total scores, selected beside controls",
    ),
    "thesis_decisions": Guide(
        "contracts.md#thesis-decisions", {"mean_confidence": "mean confidence as sent, fraction 0-1", **REJECTED}
    ),
    "trade_messages": Guide(
        "contracts.md#trade-messages",
        {
            "n_open": "openings, messages",
            "n_modify": "changes of a position, messages",
            "n_close": "closings, messages",
            "n_round_trip": "entry and exit in one message, messages",
            "n_snapshot": "holdings told without a change, messages",
            **REJECTED,
        },
    ),
    "market_regimes": Guide(
        "methods.md#market-regimes",
        {
            "n_changes": "changes of regime on these days, changes",
            "index_probability": "probability of the regime of the index, probability",
        },
    ),
    "candidate_outcomes": Guide(
        "methods.md#outcomes",
        {
            "n_outcomes": "outcomes that matured, outcomes",
            "n_flagged": "outcomes among them without a plain price path, outcomes",
            "share_winners": "share at or above the winner bound, fraction 0-1",
            "share_losers": "share at or below the loser bound, fraction 0-1",
            "mean_forward_return": "mean forward return, fraction",
        },
        "distribution of forward returns by horizon",
    ),
    "thesis_outcomes": Guide(
        "methods.md#right-and-wrong-theses",
        {
            "n_judged": "theses that could be judged at the horizon of the settings, theses",
            "share_right": "share of them that was right, fraction 0-1",
        },
    ),
    "closed_trades": Guide(
        "methods.md#trade-ledger",
        {
            "n_open": "positions open at the end of the last day, positions",
            "n_issues": "messages the ledger could not take as they were, messages",
            "realised_pnl_usd": "profit and loss of the trades closed, USD",
            "mean_realised_return": "mean return of the trades closed, fraction",
            "n_linked": "closed trades whose decision is known, trades",
        },
    ),
    "trade_outcomes": Guide(
        "methods.md#trade-ledger", {"mean_forward_return": "mean return over all horizons, fraction"}
    ),
    "feature_outcomes": Guide(
        "methods.md#join",
        {
            "n_in_cross_section": "decisions that count in their day's cross-section, rows",
            "n_unknown_returns": "decisions whose return is not known, rows",
        },
    ),
    "daily_statistics": Guide(
        "methods.md#daily-statistics",
        {
            "ic_*": "rank correlation of a component with the return, selected candidates, -1 to 1",
            "n_constant_features": "cross-sections in which a score did not differ, cross-sections",
        },
    ),
    "correlation_table": Guide(
        "methods.md#correlation-with-success",
        {"mean_ic_*": "mean daily rank correlation of a component over the window, -1 to 1"},
        "mean daily rank correlation of each component with its 95 % interval",
    ),
    "selection_effects": Guide(
        "methods.md#selection-effects",
        {"mean_lift_*": "mean daily return of the selected over that of controls, by horizon, fraction"},
    ),
    "threshold_table": Guide(
        "methods.md#thresholds",
        {"n_thresholds_found": "thresholds found on the last day, thresholds"},
        "thresholds found, with their intervals",
    ),
    "regime_performance": Guide(
        "methods.md#market-regimes", {"n_multipliers": "components the present regime changes, components"}
    ),
    "thesis_accuracy": Guide(
        "methods.md#accuracy-of-theses",
        {
            "accuracy": "share of theses that was right, fraction 0-1",
            "mean_confidence": "mean confidence they were sent with, fraction 0-1",
            "brier_score": "Brier score of the confidence as sent, 0 to 1, lower is better",
            "miscalibration": "part of it that calibration could take away, 0 to 1",
        },
        "confidence as sent against the share that was right, overall and per source",
    ),
    "failure_cases": Guide(
        "methods.md#failures",
        {
            "n_failures": "cases that failed, cases",
            "n_trade_failures": "trades among them, cases",
            "n_thesis_failures": "sure theses among them, cases",
            "n_candidate_failures": "tagged candidates among them, cases",
        },
    ),
    "failure_patterns": Guide(
        "methods.md#failures",
        {
            "n_systematic": "patterns that fail beyond chance, patterns",
            "n_watch": "patterns that fail often without proof, patterns",
        },
    ),
    "performance_attribution": Guide(
        "methods.md#performance-attribution",
        {
            "n_trades": "trades closed within the window, trades",
            "realised_pnl_usd": "their profit and loss, USD",
            "win_rate": "share with a profit, fraction 0-1",
            "mean_return": "mean return, fraction",
        },
        "profit and loss by component, tag, source and exit reason",
    ),
    "calibration_decisions": Guide(
        "methods.md#confidence-calibration",
        {
            "multiplier": "factor on all confidences, ratio",
            "brier_sent": "Brier score out of sample of the confidence as sent, 0 to 1",
            "brier_calibrated": "the same after calibration, 0 to 1",
        },
    ),
    "corrections": Guide(
        "methods.md#corrections",
        {"n_active": "corrections in force, corrections", "n_proposed": "corrections that wait, corrections"},
    ),
    "weight_decisions": Guide(
        "methods.md#weights",
        {
            "weight_*": "weight of a component in force, fraction 0-1",
            "largest_change": "largest move of a weight in the night, fraction",
            "confidence": "confidence that the suggested weights are better, probability",
            "expected_improvement": "promised gain in mean daily rank correlation, -1 to 1",
        },
        "weights before and after the night",
    ),
    "learning_effectiveness": Guide(
        "methods.md#did-changes-help",
        {
            "n_changes": "changes of the last year, changes",
            "n_harmed": "changes among them that did harm, changes",
            "promised": "gain promised by the change in force, rank correlation",
            "realised": "gain realised so far, rank correlation",
            "evidence_of_harm": "e-value for harm, ratio",
            "evidence_of_benefit": "e-value for benefit, ratio",
        },
    ),
    "published_weights": Guide(
        "contracts.md#the-weights-document",
        {**COUNTS, "weight_*": "weight of a component as published, fraction 0-1"},
        page="/",
    ),
    "published_confidence": Guide(
        "contracts.md#the-confidence-document",
        {
            **COUNTS,
            "global_confidence_multiplier": "factor on every confidence, ratio",
            "calibration_quality": "1 less miscalibration over uncertainty, 0 to 1",
        },
        page="/",
    ),
    "published_regime": Guide(
        "contracts.md#the-market-regime-document",
        {**COUNTS, "index_probability": "probability of the regime of the index, probability"},
        page="/",
    ),
    "published_corrections": Guide(
        "contracts.md#the-corrections-document",
        {
            **COUNTS,
            "n_in_force": "corrections in force, corrections",
            "n_proposed": "corrections that wait, corrections",
        },
        page="/",
    ),
    "published_pattern_analysis": Guide(
        "contracts.md#the-pattern-analysis-document",
        {
            **COUNTS,
            "n_systematic": "patterns that fail beyond chance, patterns",
            "overall_accuracy": "share of theses that was right, fraction 0-1",
        },
        page="/",
    ),
    "published_recommendations": Guide(
        "contracts.md#the-recommendations-document",
        {
            **COUNTS,
            "n_pattern_alerts": "systematic failures told, alerts",
            "n_risk_warnings": "warnings told, warnings",
        },
        page="/",
    ),
    "daily_report": Guide(
        "contracts.md#the-daily-report",
        {**COUNTS, "n_risk_warnings": "warnings told, warnings", "n_failures": "systematic failures told, failures"},
        page="/reports/daily/latest",
    ),
    "exit_strategies": Guide(
        "weekly.md#exits-and-position-sizes",
        {
            "n_trades": "trades compared, trades",
            "actual_expectancy": "mean return of what was done, fraction",
            "best_difference": "gain of the best setting over it, fraction a trade",
            "out_of_sample_difference": "the same on trades it was not chosen on, fraction a trade",
            "best_adjusted_p_value": "p-value of the best setting over all tried, probability",
            "is_change": "1 when a change is advised, 0 or 1",
        },
        "gain over what was done by stop and target, a panel per holding limit",
        "/reports/weekly/latest",
    ),
    "position_size_advice": Guide(
        "weekly.md#position-sizes",
        {
            "trend_p_value": "p-value of more stop-outs with volatility, probability",
            "variance_ratio": "variance with the sizes advised over that without, ratio",
            "worst_loss_ratio": "worst loss with the sizes advised over that without, ratio",
            "mean_return_difference": "mean return with them less that without, fraction",
            "is_advised": "1 when smaller positions are advised, 0 or 1",
        },
        "share stopped out by fifth of volatility",
        "/reports/weekly/latest",
    ),
    "prediction_models": Guide(
        "weekly.md#prediction-models",
        {
            "n_promoted": "challengers that replaced a champion, models",
            "area_under_curve_*": "area under the curve of a champion on days not seen, 0 to 1",
            "rank_ic_*": "mean daily rank correlation of its predictions, -1 to 1",
            "skill_*": "share of the error of a constant guess it takes away, fraction",
        },
        "predicted probability against the share that came true",
        "/reports/weekly/latest",
    ),
    "candidate_predictions": Guide(
        "weekly.md#prediction-models",
        {
            "mean_stop_out_probability": "mean predicted probability of being stopped out, probability",
            "n_targets_with_a_model": "targets with a model better than a constant guess, targets",
        },
        page="/reports/weekly/latest",
    ),
    "feature_importance": Guide(
        "weekly.md#feature-importance",
        {
            "n_beyond_noise": "components and horizons beyond noise, pairs",
            "n_changed_beyond_noise": "of these changed since the week before beyond noise, pairs",
            "importance_*": "rank correlation lost when a component is shuffled, -1 to 1",
        },
        "importance of each component beside that of noise, a panel per horizon",
        "/reports/weekly/latest",
    ),
    "regime_changes": Guide(
        "weekly.md#regime-changes",
        {
            "n_changes_of_the_year": "changes of regime of the last year, changes",
            "n_flickered": "changes among them that did not last, changes",
            "n_components_beyond_noise": "components a change mattered for, components",
        },
        "rank correlation of each component after the newest change less before",
        "/reports/weekly/latest",
    ),
    "discovered_patterns": Guide(
        "weekly.md#new-patterns",
        {
            "n_rules_tried": "rules tried, rules",
            "n_found": "rules beyond chance, rules",
            "n_new": "found this week, rules",
            "n_confirmed": "confirmed on later days, rules",
            "n_fading": "weaker than when found, rules",
            "n_gone": "not seen any more, rules",
            "n_unconfirmed": "not confirmed, rules",
            "n_search_days": "days searched, days",
            "n_held_out_days": "days kept for confirmation, days",
            "strongest_statistic": "largest statistic of all rules, standard errors",
            "strongest_adjusted_p_value": "its p-value over all rules tried, probability",
        },
        "effect of each pattern over the window and since its discovery",
        "/reports/weekly/latest",
    ),
    "weekly_report": Guide(
        "contracts.md#the-weekly-report",
        {
            **COUNTS,
            "n_nights": "nights of the week that ran, nights",
            "n_discovery_runs": "discovery results of the week, results",
            "n_candidates": "candidates and controls, candidates",
            "n_theses": "theses, theses",
            "n_trade_messages": "messages about trades, messages",
            "n_trades_closed": "trades closed for the first time, trades",
            "n_outcomes": "outcomes that matured, outcomes",
            "n_nights_moved": "nights that moved a weight in force, nights",
            "n_new_patterns": "patterns found this week, patterns",
            "n_new_failures": "systematic failures the week before had not, failures",
        },
        page="/reports/weekly/latest",
    ),
    "replay": Guide(
        "methods.md#replay",
        {
            "n_nights": "nights decided again, nights",
            "n_nights_moved": "nights among them that moved a weight, nights",
            "turnover_per_year": "sum of moves a year, fraction",
            "mean_ic_over_static_*": "gain of learned over default weights, rank correlation",
        },
        "gain over the default weights by horizon, and the weights over time",
    ),
    "correlation_of_a_window": Guide(
        "analyst.md#another-window",
        {
            "mean_ic_*": "mean daily rank correlation of a component over the chosen window, -1 to 1",
            "window_days": "the chosen window, calendar days",
        },
        "mean daily rank correlation of each component with its 95 % interval",
    ),
    "thresholds_of_a_window": Guide(
        "analyst.md#another-window",
        {
            "n_thresholds_found": "thresholds found over the chosen window, thresholds",
            "window_days": "the chosen window, calendar days",
        },
        "thresholds found, with their intervals",
    ),
}
"""Asset to its guide."""
