import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amc_learning.intake.numbers import read_count, read_number, read_numbers


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_and_its_text_are_the_same_number(value):
    assert read_number(value) == read_number(repr(value)) == (value, False, None)


@pytest.mark.parametrize(
    ("sent", "number", "is_percentage"),
    [
        ("85%", 85.0, True),
        (" 12.5 % ", 12.5, True),
        ("$9.49", 9.49, False),
        ("1,234,567.5", 1234567.5, False),
        (7, 7.0, False),
    ],
)
def test_numbers_are_read_as_people_write_them(sent, number, is_percentage):
    assert read_number(sent) == (number, is_percentage, None)


@pytest.mark.parametrize(
    "sent", ["1_000", "1,00", "0x10", "12 34", "--1", "٣", True, [], {}, "nan", math.inf, 10**400, "1e9999"]
)
def test_what_is_no_number_is_null_with_a_reason(sent):
    number, _, problem = read_number(sent)
    assert number is None
    assert problem is not None


@pytest.mark.parametrize("sent", [None, "", "  "])
def test_absent_is_not_wrong(sent):
    assert read_number(sent) == (None, False, None)


@given(st.lists(st.one_of(st.none(), st.floats(), st.integers(), st.text(max_size=5))))
def test_a_column_is_its_numbers_one_by_one(values):
    column = read_numbers(values)
    each = [read_number(value) for value in values]
    assert column.values == [number for number, _, _ in each]
    assert sorted(column.problems) == [i for i, (_, _, problem) in enumerate(each) if problem]


@pytest.mark.parametrize("sent", [-1, 1.5, "many", True, None, 10**12, "5%", math.nan])
def test_only_whole_numbers_of_a_sane_size_are_counts(sent):
    assert read_count(sent) is None
