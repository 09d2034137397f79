"""Sentences of the week say what was counted."""

from amc_learning.stages.weekly_wording import Found, findings
from amc_learning_tests.reports.weekly_sample import counts, empty_report


def found(**counted):
    report = empty_report()
    return Found(
        new_patterns=[],
        search=None,
        importance=[],
        changes=[],
        models=[],
        strategies=report.strategy_recommendations,
        counts=counts(**counted),
        horizon="7d",
    )


def test_failures_of_any_night_of_the_week_are_not_said_to_be_systematic_now():
    assert findings(found(n_new_failures=1)) == [
        "1 failure turned out to be systematic in this week and was not before."
    ]
    assert findings(found(n_new_failures=2)) == [
        "2 failures turned out to be systematic in this week and were not before."
    ]
