import json
import math
from collections import OrderedDict, deque, namedtuple
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from pathlib import PurePosixPath
from types import MappingProxyType
from uuid import UUID

import numpy as np
import pydantic
import pytest

from amc_learning.client.plain import MAX_DEPTH, MAX_VALUES, TooLargeError, json_bytes, plain

MEBIBYTE = 1024 * 1024


class Tag(StrEnum):
    MONITOR = "monitor"


class Level(IntEnum):
    HIGH = 3


class Side(Enum):
    BUY = Decimal("1.5")


@dataclass
class Candidate:
    symbol: str
    score: Decimal


class Thesis(pydantic.BaseModel):
    symbol: str
    on: date


Fill = namedtuple("Fill", "price shares")


class Hostile:
    """Raises whenever it is looked at."""

    def __getattribute__(self, name):
        raise RuntimeError(name)

    def __len__(self):
        raise RuntimeError("len")

    def __str__(self):
        raise RuntimeError("str")

    __repr__ = __str__
    __hash__ = object.__hash__

    def __eq__(self, other):
        raise RuntimeError("eq")


class EndlessDict(dict):
    def items(self):
        while True:
            yield "again", 1


def copied(sent):
    return plain(sent, max_characters=MEBIBYTE)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (math.nan, None),
        (-math.inf, None),
        (Decimal("0.10"), "0.10"),
        (Decimal("NaN"), None),
        (10**5000, "<int>"),
        (datetime(2014, 3, 3, 9, 30, tzinfo=UTC).replace(tzinfo=None), "2014-03-03T09:30:00"),
        (datetime(2014, 3, 3, 9, 30, tzinfo=UTC), "2014-03-03T09:30:00+00:00"),
        (date(2014, 3, 3), "2014-03-03"),
        (timedelta(minutes=2), 120.0),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (PurePosixPath("a/b"), "a/b"),
        (b"caf\xc3\xa9\xff", "caf\u00e9\ufffd"),
        (Tag.MONITOR, "monitor"),
        (Level.HIGH, 3),
        (Side.BUY, "1.5"),
        ((1, 2), [1, 2]),
        (deque([1, 2]), [1, 2]),
        (frozenset({7}), [7]),
        (Fill(1.5, 2), {"price": 1.5, "shares": 2}),
        (OrderedDict(a=1), {"a": 1}),
        (MappingProxyType({"a": 1}), {"a": 1}),
        (Candidate("ABC", Decimal(7)), {"symbol": "ABC", "score": "7"}),
        (Thesis(symbol="ABC", on=date(2014, 3, 3)), {"symbol": "ABC", "on": "2014-03-03"}),
        (np.float64(0.5), 0.5),
        (np.float32(0.5), 0.5),
        (np.int64(7), 7),
        (np.bool_(True), True),
        (np.float32("nan"), None),
        (np.str_("ABC"), "ABC"),
        (np.datetime64("2014-03-03T09:30:00.123456789"), "2014-03-03T09:30:00.123456789"),
        (np.array([[1.0, math.inf]]), [[1.0, None]]),
        (object(), "<object>"),
        (Hostile(), "<Hostile>"),
        (len, "<builtin_function_or_method>"),
        ((number for number in range(3)), "<generator>"),
        ({1: "a", None: "b", False: "c", 2.5: "d", date(2014, 3, 3): "e"},
         {"1": "a", "null": "b", "false": "c", "2.5": "d", "2014-03-03": "e"}),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_each_kind_of_value_has_its_json_form(sent, expected):
    assert copied(sent) == expected
    json.loads(json_bytes(copied(sent)))


def test_a_container_inside_itself_is_cut_and_the_rest_kept():
    knot = {"symbol": "ABC", "rows": [1]}
    knot["self"] = knot
    knot["rows"].append(knot["rows"])
    assert copied(knot) == {"symbol": "ABC", "rows": [1, "<list>"], "self": "<dict>"}


def test_one_object_in_two_places_is_no_knot():
    row = {"symbol": "ABC"}
    assert copied([row, row]) == [row, row]


def test_deeper_nesting_than_the_server_reads_is_cut():
    deep = []
    for _ in range(5000):
        deep = [deep]
    depth, level = 0, copied(deep)
    while isinstance(level, list):
        depth, level = depth + 1, level[0]
    assert (depth, level) == (MAX_DEPTH, "<list>")


@pytest.mark.parametrize(
    "sent",
    [[0] * (MAX_VALUES + 1), "x" * (MEBIBYTE + 1), {"a": "x" * MEBIBYTE, "b": "x"}, bytes(MEBIBYTE + 1),
     np.zeros(MAX_VALUES + 1), EndlessDict(a=1), [[0] * 1000] * 1000],
    ids=["values", "text", "texts", "bytes", "array", "endless", "nested"],
)  # fmt: skip
def test_more_than_an_event_may_hold_is_refused_before_it_is_copied(sent):
    with pytest.raises(TooLargeError):
        copied(sent)


def test_lone_surrogates_become_question_marks_and_pairs_of_characters_stay():
    assert json.loads(json_bytes({"why": "a\ud800b \U0001f680"})) == {"why": "a?b \U0001f680"}


def test_a_generator_is_not_consumed_and_nothing_sent_is_changed():
    rows = iter([1, 2])
    sent = {"rows": rows, "at": None, "nan": math.nan}
    copied(sent)
    assert list(rows) == [1, 2]
    assert sent["at"] is None and math.isnan(sent["nan"])
