import pytest
from hypothesis import given
from hypothesis import strategies as st

from amc_learning.learning.corrections.rules import SEVERITIES
from amc_learning.learning.corrections.sizing import correction_size

KINDS = ["component_weight", "tag_threshold", "confidence", "position_size"]
RATES = st.floats(0, 1)


@given(
    kind=st.sampled_from(KINDS),
    severity=st.sampled_from(SEVERITIES),
    n_cases=st.integers(0, 500),
    rate=RATES,
    evidence=st.fixed_dictionaries({"base_rate": RATES | st.none(), "target_share": RATES}),
)
def test_no_evidence_whatever_leaves_the_bounds(kind, severity, n_cases, rate, evidence):
    size = correction_size(kind, severity=severity, n_cases=n_cases, n_failures=round(rate * n_cases), **evidence)
    if kind == "tag_threshold":
        assert size.factor is None
        assert 0 <= size.raise_points <= 5
    else:
        assert size.raise_points is None
        assert 0.5 <= size.factor <= 1


def size(severity="critical", *, n_cases=40, n_failures=40, base_rate=0.2, share=1.0, kind="confidence"):
    return correction_size(
        kind, severity=severity, n_cases=n_cases, n_failures=n_failures, base_rate=base_rate, target_share=share
    )


def test_the_worst_severity_with_full_evidence_takes_half_and_no_more():
    # (40 + 20 x 0.2) / 60 = 0.733: an excess of 0.533 over 0.2, more than the 0.25 of the full cut.
    assert [size(severity).factor for severity in SEVERITIES] == [0.9, 0.8, 0.65, 0.5]
    assert size(kind="tag_threshold").raise_points == 5.0


def test_a_small_excess_takes_its_part():
    # (14 + 20 x 0.3) / 40 - 0.3 = 0.2, so 0.2 / 0.25 of 0.35 = 0.28.
    assert size("high", n_cases=20, n_failures=14, base_rate=0.3).factor == pytest.approx(0.72)


def test_a_pattern_that_is_a_quarter_of_its_target_moves_it_a_quarter_as_far():
    assert 1 - size("high", share=0.25).factor == pytest.approx((1 - size("high").factor) / 4, abs=5e-4)


def test_without_excess_nothing_is_taken():
    assert size(n_failures=8).factor == 1.0
    assert size(base_rate=None).factor == 1.0


@given(st.integers(3, 100), st.integers(0, 99))
def test_more_failures_never_correct_less(n_cases, n_failures):
    n_failures = min(n_failures, n_cases - 1)
    assert (
        size(n_cases=n_cases, n_failures=n_failures + 1).factor <= size(n_cases=n_cases, n_failures=n_failures).factor
    )
