from dataclasses import replace

import pytest

from amc_learning.learning.failures.rules import FailureRules
from amc_learning.learning.failures.severity import severity

RULES = FailureRules()
GRAVE = {
    "failure_rate": 0.6,
    "base_rate": 0.15,
    "mean_return": -0.08,
    "mean_return_rest": 0.01,
    "adjusted_p_value": RULES.nightly_error / 2,
    "is_cause": True,
}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, "critical"),
        ({"failure_rate": 0.15 + 0.29}, "high"),
        ({"failure_rate": 0.15 + 0.14}, "low"),
        ({"failure_rate": 0.85, "base_rate": 0.45}, "high"),  # excess 0.40, but under twice the base rate
        ({"adjusted_p_value": RULES.nightly_error * 2}, "medium"),
        ({"adjusted_p_value": RULES.nightly_error * 2, "failure_rate": 0.15 + 0.19}, "low"),
        ({"mean_return": 0.02}, "medium"),  # fails more often, earns more
        ({"mean_return": None}, "critical"),
        ({"is_cause": False}, "medium"),
        ({"base_rate": None}, "critical"),
    ],
)
def test_severity_follows_excess_loss_and_evidence(changed, expected):
    assert severity(**(GRAVE | changed), rules=RULES) == expected


def test_a_year_of_nights_over_all_kinds_spends_the_yearly_error():
    assert RULES.nightly_error * 252 * 3 == pytest.approx(RULES.yearly_error)


def test_rules_that_cannot_be_kept_are_refused():
    with pytest.raises(ValueError, match="first evidence window"):
        replace(RULES, window_days=20)
    with pytest.raises(ValueError, match="cannot settle"):
        replace(RULES, max_draws=100)
