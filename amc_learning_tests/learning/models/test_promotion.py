"""Who predicts: the champion until beaten beyond noise, with a reason that holds its numbers."""

import pytest

from amc_learning.learning.models.evidence import Evidence
from amc_learning.learning.models.promotion import Comparison, decide_promotion

LEVEL = 0.025


def evidence(mean, *, is_settled=False, e_value=2.0, n_days=300):
    return Evidence(n_days, mean, (mean - 0.01, mean + 0.01), e_value, is_settled)


def compared(mean, *, better=False, worse=False, **other):
    return Comparison(evidence(mean, is_settled=better, **other), evidence(-mean, is_settled=worse, **other), 5)


def decided(champion, **comparisons):
    return decide_promotion(champion, comparisons, level=LEVEL, score="brier_score")


def test_a_challenger_that_is_worse_is_refused_with_a_reason():
    found = decided("linear", boosted=compared(-0.004, worse=True), baseline=compared(-0.02))
    assert (found.champion, found.is_new) == ("linear", False)
    assert found.decisions["boosted"].decision == "refused"
    assert found.decisions["boosted"].reason == (
        "refused: the boosted trees minus the linear model -0.00400 in Brier score saved a day (-0.01400 to +0.00600) "
        "over 300 days neither had seen, 5 of them new; that the linear model is better is beyond noise"
    )
    assert found.decisions["linear"].decision == "kept"


def test_a_challenger_that_is_better_beyond_noise_is_promoted_with_a_reason():
    found = decided("baseline", linear=compared(0.02, better=True, e_value=60.0), boosted=compared(0.01))
    assert (found.champion, found.is_new) == ("linear", True)
    assert found.decisions["linear"].decision == "promoted"
    assert "evidence 60, where promotion takes 40" in found.decisions["linear"].reason
    assert found.decisions["baseline"].decision == "replaced"
    assert found.decisions["boosted"].decision == "insufficient_evidence"


@pytest.mark.parametrize(("mean", "words"), [(0.003, "within noise"), (-0.003, "no better so far")])
def test_within_noise_nothing_changes_whichever_looks_better(mean, words):
    found = decided("baseline", linear=compared(mean))
    assert (found.champion, found.is_new) == ("baseline", False)
    assert found.decisions["linear"].decision == "insufficient_evidence"
    assert words in found.decisions["linear"].reason


def test_in_the_first_week_the_baseline_holds_office_until_something_beats_it():
    found = decided(None, linear=compared(0.001), boosted=compared(0.002))
    assert (found.champion, found.decisions["baseline"].decision) == ("baseline", "first")


def test_the_baseline_takes_office_back_from_a_champion_it_beats():
    assert decided("boosted", baseline=compared(0.01, better=True), linear=compared(0.001)).champion == "baseline"


def test_of_two_that_beat_the_champion_the_one_that_gained_more_is_promoted():
    found = decided("baseline", linear=compared(0.02, better=True), boosted=compared(0.03, better=True))
    assert found.champion == "boosted"
    assert found.decisions["linear"].decision == "refused"
    assert "the boosted trees gained more" in found.decisions["linear"].reason


def test_without_a_day_in_common_there_is_no_evidence():
    nothing = Evidence(0, None, None, 1.0, is_settled=False)
    found = decide_promotion(
        "linear", {"boosted": Comparison(nothing, nothing, 0)}, level=LEVEL, score="brier_score", lack="29 came true"
    )
    assert found.decisions["boosted"].decision == "insufficient_evidence"
    assert found.decisions["boosted"].reason.endswith("compared with the linear model: 29 came true")
