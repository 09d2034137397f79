"""The manifest as bytes: lines in order of days, each read when asked for, spliced when days are written."""

from datetime import date, timedelta

import pytest

from amc_learning.warehouse.errors import CorruptPartition
from amc_learning.warehouse.manifest import LastManifest, Manifest, ManifestEntry, file_name

MONDAY = date(2024, 1, 1)


def day(number):
    return MONDAY + timedelta(days=number)


def entry(number, *, n_rows=3, sha256="ab" * 32, pack_sha256=None):
    if not n_rows:
        return ManifestEntry(day(number), None, 0, None, 0, "0123456789abcdef")
    return ManifestEntry(day(number), file_name(sha256), n_rows, sha256, 100, "0123456789abcdef", pack_sha256)


def manifest(*entries):
    return parsed(b"".join(one.line() + b"\n" for one in entries))


def parsed(content):
    return Manifest(content, "measurements", "manifest.ndjson")


SEVERAL = (entry(0), entry(1, n_rows=0), entry(4, pack_sha256="cd" * 32), entry(30, n_rows=12345))


def test_a_manifest_gives_back_the_entries_whose_lines_it_holds():
    held = manifest(*SEVERAL)
    assert list(held) == [day(0), day(1), day(4), day(30)]
    assert list(held.values()) == list(SEVERAL)
    assert held.get(day(2)) is None
    assert day(4) in held and day(5) not in held and "2024-01-01" not in held


def test_a_range_holds_the_days_on_both_of_its_edges_and_what_is_open_has_no_edge():
    held = manifest(*SEVERAL)
    for start, end in [
        (None, None),
        (day(1), day(4)),
        (day(2), day(3)),
        (day(5), None),
        (None, day(1)),
        (day(4), day(1)),
    ]:
        expected = [one for one in SEVERAL if (start or date.min) <= one.known_on <= (end or date.max)]
        assert held.between(start, end) == expected


@pytest.mark.parametrize(("number", "expected"), [(-1, None), (0, 0), (3, 1), (4, 4), (29, 4), (400, 30)])
def test_the_latest_day_is_the_last_one_written_up_to_it(number, expected):
    found = manifest(*SEVERAL).latest_on_or_before(day(number))
    assert found == (None if expected is None else day(expected))
    assert type(found) in (date, type(None))


def test_an_empty_manifest_has_no_days():
    held = parsed(b"")
    assert (list(held), held.between(None, None), held.latest_on_or_before(MONDAY)) == ([], [], None)
    assert list(held.with_entries([entry(3)])) == [day(3)]


@pytest.mark.parametrize("numbers", [[-3], [0], [2], [30], [31], [4, 2, 31, -1, 0]])
def test_days_that_are_written_stand_in_their_order_and_replace_their_old_lines(numbers):
    new = [entry(number, sha256="12" * 32) for number in numbers]
    by_day = {one.known_on: one for one in (*SEVERAL, *new)}
    expected = manifest(*(by_day[known_on] for known_on in sorted(by_day)))
    after = manifest(*SEVERAL).with_entries(new)
    assert after.content == expected.content
    assert list(after.values()) == list(expected.values())


def test_writing_what_is_there_changes_nothing():
    before = manifest(*SEVERAL)
    assert before.with_entries(SEVERAL[1:3]) is before
    assert before.with_entries([]) is before


def test_a_last_line_without_its_end_is_a_line():
    assert parsed(manifest(*SEVERAL).content[:-1]).content == manifest(*SEVERAL).content


GOOD = [one.line() for one in SEVERAL]


@pytest.mark.parametrize(
    ("lines", "number"),
    [
        ([GOOD[0], GOOD[2], GOOD[1]], 3),
        ([GOOD[0], GOOD[0]], 2),
        ([GOOD[0], b"", GOOD[1]], 2),
        ([b"nonsense"], 1),
        ([GOOD[0], b'{"file":null,'], 2),
        ([GOOD[0], GOOD[1].replace(b"2024-01-02", b"2024-02-30")], 2),
        ([GOOD[0], GOOD[1].replace(b"2024-01-02", b"\0" * 10)], 2),
        ([GOOD[0].replace(b"2024-01-01", b"\0" * 10)], 1),
        ([GOOD[0].replace(b"known_on", b"known_in"), GOOD[1]], 1),
        ([GOOD[0].replace(b".parquet", b".parquets"), GOOD[1]], 1),
    ],
    ids=[
        "order",
        "twice",
        "empty",
        "nonsense",
        "cut off",
        "no such day",
        "no text",
        "no text alone",
        "another field",
        "another name",
    ],
)
def test_lines_that_cannot_stand_where_they_stand_are_refused_before_anything_is_read(lines, number):
    with pytest.raises(CorruptPartition, match=rf"table measurements: line {number} of manifest.ndjson is damaged"):
        parsed(b"\n".join(lines) + b"\n")


def test_the_rest_of_a_line_is_checked_when_it_is_asked_for():
    held = parsed(manifest(*SEVERAL).content.replace(b'"n_rows":12345', b'"n_rows":-2345'))
    assert held.between(None, day(4)) == list(SEVERAL[:3])
    with pytest.raises(CorruptPartition, match=r"line 4 of manifest\.ndjson is damaged"):
        held.between(None, None)


def test_the_same_bytes_are_read_once():
    last, content = LastManifest("measurements", "manifest.ndjson"), manifest(*SEVERAL).content
    first = last.parsed(content)
    assert last.parsed(bytes(bytearray(content))) is first
    other = first.with_entries([entry(2)])
    last.wrote(other)
    assert last.parsed(other.content) is other
    assert last.parsed(content).content == content
