import polars as pl
import pytest

from amc_learning.learning.corrections import (
    component_factors,
    confidence_factor,
    confidence_factors,
    position_size_factors,
    threshold_raises,
)
from amc_learning_tests.learning.corrections.samples import START, decided, pattern_row


def in_force(*rows):
    return decided([pattern_row(START, pattern, **values) for pattern, values in rows], [START])


def test_nothing_in_force_changes_nothing():
    nothing = decided([], [START])
    assert component_factors(nothing, ("squeeze",)) == {"squeeze": 1.0}
    assert confidence_factors(nothing).is_empty()
    assert confidence_factor(confidence_factors(nothing), source="ai", recommendation="HOLD") == 1.0
    assert threshold_raises(nothing) == {}
    assert position_size_factors(nothing).is_empty()


def test_what_is_only_proposed_is_not_applied():
    proposed = in_force(("dominant_component=squeeze", {"kind": "trade", "severity": "medium"}))
    assert proposed["status"].to_list() == ["proposed"]
    assert component_factors(proposed, ("squeeze",)) == {"squeeze": 1.0}


def test_two_corrections_of_one_component_multiply_down_to_one_half():
    critical = {"kind": "trade", "severity": "critical", "n_cases": 100, "n_failures": 100}
    day = in_force(
        ("dominant_component=squeeze & sector=x", critical), ("dominant_component=squeeze & sector=y", critical)
    )
    assert day["factor"].to_list() == [0.5, 0.5]
    assert component_factors(day, ("squeeze", "technical")) == {"squeeze": 0.5, "technical": 1.0}


def test_raises_of_one_tag_add_up_to_five_points_at_most():
    critical = {"kind": "trade", "severity": "critical", "n_cases": 100, "n_failures": 100}
    day = in_force(("action_tag=watchlist & sector=x", critical), ("action_tag=watchlist & sector=y", critical))
    assert threshold_raises(day) == {"watchlist": 5.0}


def test_a_thesis_meets_what_names_it_and_what_means_all():
    # Excess (18 + 20 x 0.4) / 44 - 0.4 = 0.191; 0.191 / 0.25 of 0.35 is 0.267: factor 0.733.
    day = in_force(("source=ai & recommendation=HOLD", {}), ("confidence_band=high", {}))
    factors = confidence_factors(day)
    assert factors.rows() == [("ai", "HOLD", 0.733), ("all", "all", 0.733)]
    assert confidence_factor(factors, source="ai", recommendation="HOLD") == pytest.approx(0.733**2)
    assert confidence_factor(factors, source="rule_based", recommendation="HOLD") == pytest.approx(0.733)


def test_advice_names_its_pattern():
    day = in_force(("exit_reason=stop_loss", {"kind": "trade"}))
    assert position_size_factors(day).rows() == [
        ("trade", "exit_reason=stop_loss", "trade-exit_reason-stop_loss", 0.733)
    ]
    assert isinstance(position_size_factors(day), pl.DataFrame)
