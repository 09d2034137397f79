from datetime import date

import pytest

from amc_learning.stages import advice


def group(kind, name, *, factor, accuracy=0.4, confidence=0.8):
    return {
        "group_kind": kind, "group": name, "confidence_multiplier": factor, "accuracy": accuracy, "ci_low": 0.35,
        "ci_high": 0.45, "n_theses": 1200, "mean_confidence": confidence, "clustered_ci_low": None,
        "clustered_ci_high": None,
    }  # fmt: skip


def comparison(low, high):
    return {"accuracy_difference": (low + high) / 2, "accuracy_ci_low": low, "accuracy_ci_high": high, "n_days": 60}


def test_a_group_that_is_clearly_overconfident_is_named_with_its_evidence():
    (sentence,) = advice.confidence_advice([group("recommendation", "BUY_MORE", factor=0.5)], None)
    assert sentence.startswith("Lower the confidence of BUY_MORE theses")
    for evidence in ("40%", "35% to 45%", "n = 1,200", "80%"):
        assert evidence in sentence


def test_the_interval_that_allows_for_shared_days_is_told_where_there_is_one():
    row = group("overall", "all", factor=0.5) | {"clustered_ci_low": 0.21, "clustered_ci_high": 0.62}
    (sentence,) = advice.confidence_advice([row], None)
    assert "21% to 62%" in sentence


@pytest.mark.parametrize(
    "row",
    [
        group("overall", "all", factor=0.95),
        group("overall", "all", factor=None),
        group("source_recommendation", "ai/HOLD", factor=0.5),
        group("regime", "calm", factor=0.5),
    ],
)
def test_what_nobody_would_act_on_is_not_said(row):
    assert advice.confidence_advice([row], None) == []


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(0.01, 0.05, "Prefer AI"), (-0.05, -0.01, "Prefer rule-based"), (-0.02, 0.03, "cannot be told apart")],
)
def test_one_source_is_preferred_only_when_the_interval_excludes_zero(low, high, words):
    (sentence,) = advice.confidence_advice([], comparison(low, high))
    assert words in sentence
    assert "60 days" in sentence


def test_sources_without_an_interval_are_not_compared():
    row = {"accuracy_difference": 0.1, "accuracy_ci_low": None, "accuracy_ci_high": None, "n_days": 3}
    assert advice.confidence_advice([], row) == []


def test_a_component_that_is_the_wrong_way_round_becomes_a_recommendation():
    reason = "held: nothing better; consider inverting or dropping sentiment (coefficient -0.100): reliably"
    assert advice.weight_advice({"status": "held", "reason": reason}) == [
        "Consider inverting or dropping sentiment (coefficient -0.100): reliably."
    ]


@pytest.mark.parametrize(("ci_high", "n_warnings"), [(-0.001, 1), (0.001, 0), (None, 0)])
def test_selection_is_warned_of_only_when_it_reliably_does_not_pay(ci_high, n_warnings):
    row = {"horizon": "7d", "mean_lift": -0.01, "ci_low": -0.02, "ci_high": ci_high, "n_days": 60}
    assert len(advice.selection_warnings([row])) == n_warnings


def test_losing_parts_are_warned_of_except_where_losing_is_the_definition():
    part = {
        "value": "x",
        "mean_return": -0.02,
        "ci_low": -0.03,
        "ci_high": -0.01,
        "n_trades": 40,
        "realised_pnl_usd": -8e3,
    }
    rows = [{**part, "dimension": dimension} for dimension in ("source", "exit_reason", "component")]
    (sentence,) = advice.loss_warnings(rows)
    assert sentence == "Trades with source x lose: -2.00% a trade (-3.00% to -1.00%, n = 40), -8,000 USD."


def test_only_a_turbulent_market_is_warned_of():
    turbulent = {"regime": "turbulent", "since": date(2011, 8, 4), "probability": 0.97}
    assert "2011-08-04" in advice.regime_warnings(turbulent)[0]
    assert advice.regime_warnings({**turbulent, "regime": "calm"}) == []
    assert advice.regime_warnings(None) == []


def test_the_headline_counts_and_begins_with_a_capital():
    assert advice.headline({"status": "held"}, 1, 2, "calm") == (
        "Discovery weights stay as they are; 1 systematic failure; 2 corrections in force; the market is calm."
    )
    assert advice.headline(None, 0, 0, None) == (
        "No weights were decided; no systematic failure; no correction in force."
    )
