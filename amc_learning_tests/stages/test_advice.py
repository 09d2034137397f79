from datetime import date

import pytest

from amc_learning.stages import advice


def calibration(source, recommendation, *, factor, n_independent=80.0):
    return {
        "source": source, "recommendation": recommendation, "multiplier": factor, "accuracy": 0.4,
        "n_independent": n_independent, "n_theses": 1200, "mean_confidence": 0.8,
    }  # fmt: skip


def comparison(low, high):
    return {"accuracy_difference": (low + high) / 2, "accuracy_ci_low": low, "accuracy_ci_high": high, "n_days": 60}


def test_a_group_that_is_clearly_overconfident_is_named_with_its_evidence():
    (sentence,) = advice.confidence_advice([calibration("all", "BUY_MORE", factor=0.5)], None)
    assert sentence.startswith("Lower the confidence of BUY_MORE theses")
    # Wilson at 80 independent theses: (0.4 + 0.024) / 1.048 -+ 0.105
    for evidence in ("40%", "30% to 51%", "n = 1,200", "80%", "calibration multiplier 0.50"):
        assert evidence in sentence


def test_a_group_that_is_too_careful_is_named_too():
    (sentence,) = advice.confidence_advice([calibration("rule_based", "all", factor=1.3, n_independent=None)], None)
    assert sentence.startswith("Raise the confidence of rule_based theses: right 40% of the time (n = 1,200)")


@pytest.mark.parametrize(
    "row",
    [
        calibration("all", "all", factor=0.95),
        calibration("all", "all", factor=None),
        calibration("ai", "HOLD", factor=0.5),
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


def test_a_component_that_is_the_wrong_way_round_becomes_a_recommendation_without_what_follows():
    reason = "held: nothing better; consider inverting or dropping sentiment (-0.100): reliably; factors: x0.9"
    assert advice.weight_advice({"status": "held", "reason": reason, "mode": "active", "taken_back_change": None}) == [
        "Consider inverting or dropping sentiment (-0.100): reliably."
    ]


@pytest.mark.parametrize(("ci_high", "n_warnings"), [(-0.001, 1), (0.001, 0), (None, 0)])
def test_selection_is_warned_of_only_when_it_reliably_does_not_pay(ci_high, n_warnings):
    row = {"horizon": "7d", "mean_lift": -0.01, "ci_low": -0.02, "ci_high": ci_high, "n_days": 60}
    assert len(advice.selection_warnings([row])) == n_warnings


LOSS = {"mean_return": -0.02, "ci_low": -0.03, "ci_high": -0.01, "n_trades": 40, "realised_pnl_usd": -8e3}


def test_losing_parts_are_warned_of_except_where_losing_is_the_definition():
    rows = [{**LOSS, "dimension": dimension, "value": "ai"} for dimension in ("source", "exit_reason", "component")]
    (sentence,) = advice.loss_warnings(rows)
    assert sentence == "Trades with source ai lose: -2.00% a trade (-3.00% to -1.00%, n = 40), -8,000 USD."


def test_a_loss_must_stand_out_of_everything_that_is_looked_at():
    """The interval of one ends at -0.001; held for 20 at once it is 1.54 times as wide and holds 0."""
    weak = {**LOSS, "ci_low": -0.039, "ci_high": -0.001, "dimension": "source", "value": "ai"}
    assert len(advice.loss_warnings([weak])) == 1
    others = [
        {**LOSS, "dimension": "action_tag", "value": str(n), "mean_return": 0.0, "ci_high": 0.1} for n in range(19)
    ]
    assert advice.loss_warnings([weak, *others]) == []


@pytest.mark.parametrize(("value", "words"), [("all", ["Closed trades lose: -2.00% a trade"]), ("unlinked", [])])
def test_the_whole_has_words_of_its_own_and_what_is_unlinked_none(value, words):
    said = advice.loss_warnings([{**LOSS, "dimension": "total", "value": value}])
    assert [sentence[: len(word)] for sentence, word in zip(said, words, strict=True)] == words


def test_only_a_turbulent_market_is_warned_of():
    turbulent = {"regime": "turbulent", "since": date(2011, 8, 4), "probability": 0.97}
    assert "2011-08-04" in advice.regime_warnings(turbulent)[0]
    assert advice.regime_warnings({**turbulent, "regime": "calm"}) == []
    assert advice.regime_warnings(None) == []


HELD = {"status": "held", "is_learning": False, "mode": "active", "taken_back_change": None}
TAKEN_BACK = {
    "status": "rolled_back",
    "is_learning": False,
    "mode": "active",
    "taken_back_change": date(2011, 8, 4),
    "reason": "rolled back: the change of 2011-08-04 harmed: 1d coefficient -0.0400 over 27 days",
}


def test_a_change_taken_back_is_the_headline_a_warning_and_a_recommendation():
    assert advice.headline(TAKEN_BACK, 0.1, 0, 0, None).startswith(
        "Discovery weights go back to those before a change that harmed;"
    )
    (warning,) = advice.taken_back_warnings([TAKEN_BACK, TAKEN_BACK])
    assert warning.startswith("A change of the weights did harm and is taken back: the change of 2011-08-04 harmed: ")
    assert warning.endswith("1d coefficient -0.0400 over 27 days.")
    assert "the change of the weights of 2011-08-04 harmed" in advice.weight_advice(TAKEN_BACK)[0]


def test_a_persons_rollback_is_no_warning():
    ordered = {**TAKEN_BACK, "taken_back_change": None}
    assert advice.taken_back_warnings([ordered]) == []
    assert "follow a person's rollback" in advice.headline(ordered, 0.1, 0, 0, None)


def test_the_headline_counts_and_begins_with_a_capital():
    assert advice.headline({**HELD, "is_learning": False}, 0.0, 1, 2, "calm") == (
        "Discovery weights stay as they are; 1 systematic failure; 2 corrections in force; the market is calm."
    )
    assert advice.headline(None, 0.0, 0, 0, None) == (
        "No weights were decided; no systematic failure; no correction in force."
    )


@pytest.mark.parametrize(
    ("is_learning", "change", "words"),
    [(True, 0.1, "moved by the evidence"), (False, 0.001, "moved a little by market regime or corrections")],
)
def test_the_headline_says_how_far_and_by_what_weights_moved(is_learning, change, words):
    assert words in advice.headline({**HELD, "status": "active", "is_learning": is_learning}, change, 0, 0, None)
