import contextlib
import hashlib
import json
import os
import random
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amc_learning.warehouse.errors import CorruptDocument, DocumentError, StorageError
from amc_learning.warehouse.publications import Publications, document_sha256

from .samples import day

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = {"type": "object"}


@pytest.fixture
def publications(tmp_path):
    return Publications(tmp_path / "published")


def stored(publications):
    return {
        str(path.relative_to(publications.root)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in publications.root.rglob("*.json")
    }


def test_a_document_is_current_has_a_history_and_a_schema_beside(publications):
    report = publications.publish("weights", {"b": 1.5, "a": "žluť"}, day(0), SCHEMA)
    assert (report.is_current, report.is_changed) == (True, True)
    assert report.path == publications.root / "history" / "weights" / "2024-01-01.json"
    assert sorted(stored(publications)) == ["history/weights/2024-01-01.json", "weights.json", "weights.schema.json"]
    expected = {"a": "žluť", "b": 1.5, "known_on": "2024-01-01"}
    current = publications.current("weights")
    assert {name: current[name] for name in expected} == expected
    assert current == publications.document("weights", day(0)) == json.loads(report.path.read_bytes())


def test_what_is_in_shadow_lies_apart_in_the_same_layout_and_touches_nothing_else(publications):
    publications.publish("weights", {"a": 1}, day(0), SCHEMA)
    before = stored(publications)
    publications.shadow.publish("weights", {"a": 2}, day(1), SCHEMA)
    assert {name: one for name, one in stored(publications).items() if not name.startswith("shadow/")} == before
    assert sorted(set(stored(publications)) - set(before)) == [
        "shadow/history/weights/2024-01-02.json",
        "shadow/weights.json",
        "shadow/weights.schema.json",
    ]
    assert (publications.history("weights"), publications.shadow.history("weights")) == ([day(0)], [day(1)])


def test_what_is_withdrawn_was_never_published(publications):
    publications.publish("weights", {"a": 1}, day(0), SCHEMA)
    before = stored(publications)
    publications.publish("weights", {"a": 2}, day(1), SCHEMA)
    assert publications.withdraw("weights", day(1))
    assert {name: content for name, (content, _) in stored(publications).items()} == {
        name: content for name, (content, _) in before.items()
    }
    assert not publications.withdraw("weights", day(1))
    assert publications.withdraw("weights", day(0))
    assert publications.current("weights") is None
    assert publications.history("weights") == []


def test_a_document_that_is_not_the_current_one_is_withdrawn_without_touching_it(publications):
    for at in (0, 1):
        publications.publish("weights", {"a": at}, day(at), SCHEMA)
    current = publications.current("weights")
    assert publications.withdraw("weights", day(0))
    assert publications.current("weights") == current
    assert publications.history("weights") == [day(1)]


def test_a_damaged_document_does_not_become_current_by_a_withdrawal(publications):
    for at in (0, 1):
        publications.publish("weights", {"a": at}, day(at), SCHEMA)
    (publications.root / "history" / "weights" / "2024-01-01.json").write_text("{}")
    before = stored(publications)
    with pytest.raises(CorruptDocument):
        publications.withdraw("weights", day(1))
    assert stored(publications) == before


def test_the_hash_can_be_checked_with_the_standard_library_alone(publications):
    publications.publish(
        "weights", {"tiny": 1e-7, "big": 1e22, "third": 1 / 3, "text": "é\u2028", "n": -0.0}, day(0), SCHEMA
    )
    document = json.loads((publications.root / "weights.json").read_text("utf-8"))
    claimed = document.pop("sha256")
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(canonical.encode("utf-8")).hexdigest() == claimed


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.text().filter(lambda name: name not in {"known_on", "sha256"}), json_values, max_size=5))
def test_any_json_comes_back_exactly_and_verified(tmp_path_factory, document):
    publications = Publications(tmp_path_factory.mktemp("published"))
    publications.publish("any", document, day(0), SCHEMA)
    read = publications.current("any")
    assert {name: value for name, value in read.items() if name not in {"known_on", "sha256"}} == document


def test_keys_are_sorted_and_bytes_do_not_depend_on_their_order(publications):
    publications.publish("weights", {"b": {"z": 1, "y": 2}, "a": 1}, day(0), SCHEMA)
    before = stored(publications)
    assert not publications.publish("weights", {"a": 1, "b": {"y": 2, "z": 1}}, day(0), SCHEMA).is_changed
    assert stored(publications) == before, "unchanged content is not rewritten"


def test_the_current_document_never_goes_back(publications):
    publications.publish("weights", {"v": 2}, day(2), SCHEMA)
    report = publications.publish("weights", {"v": 1}, day(1), SCHEMA)
    assert (report.is_current, report.is_changed) == (False, True)
    assert publications.current("weights")["v"] == 2
    assert publications.document("weights", day(1))["v"] == 1
    assert publications.publish("weights", {"v": 22}, day(2), SCHEMA).is_current
    assert publications.current("weights")["v"] == 22
    assert publications.history("weights") == [day(1), day(2)]


def test_also_when_its_history_was_cleared_away(publications):
    report = publications.publish("weights", {"v": 2}, day(2), SCHEMA)
    report.path.unlink()
    assert not publications.publish("weights", {"v": 1}, day(1), SCHEMA).is_current
    assert publications.current("weights")["v"] == 2


def test_a_range_equals_its_days_one_by_one(tmp_path):
    documents = {day(number): {"v": number / 3} for number in range(40)}
    at_once, one_by_one = Publications(tmp_path / "a"), Publications(tmp_path / "b")
    reports = at_once.publish_many("weights", documents, SCHEMA)
    assert [known_on for known_on, report in reports.items() if report.is_current] == [day(39)]
    order = list(documents)
    random.Random(1).shuffle(order)
    for each in order:
        one_by_one.publish("weights", documents[each], each, SCHEMA)
    assert {name: content for name, (content, _) in stored(at_once).items()} == {
        name: content for name, (content, _) in stored(one_by_one).items()
    }


def test_nothing_published_is_none(publications):
    assert (
        publications.current("weights"),
        publications.document("weights", day(0)),
        publications.history("weights"),
    ) == (None, None, [])
    assert publications.publish_many("weights", {}, SCHEMA) == {}
    assert not publications.root.exists()


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"v": float("nan")}, "document weights: .*without NaN"),
        ({"v": [{"w": float("inf")}]}, "without NaN"),
        ({"v": date(2024, 1, 1)}, "not JSON serializable"),
        ({"v": {1: 2, "a": 3}}, "not supported"),
        ({"known_on": "2024-01-05"}, "it says known_on 2024-01-05 but is published for 2024-01-01"),
        ({"v": "\ud800"}, "document weights"),
        ({"v": 2**70}, "document weights"),
    ],
)
def test_what_is_not_json_is_refused_and_nothing_is_written(publications, document, message):
    with pytest.raises(DocumentError, match=message):
        publications.publish("weights", document, day(0), SCHEMA)
    assert not publications.root.exists()


def test_a_copy_that_somebody_put_beside_the_history_is_none_of_its_days(tmp_path):
    publications = Publications(tmp_path)
    publications.publish("weights", {"a": 1}, date(2024, 3, 4), {})
    (tmp_path / "history" / "weights" / "2024-03-04 (copy).json").write_text("{}")
    assert publications.history("weights") == [date(2024, 3, 4)]


@pytest.mark.parametrize("name", ["../weights", "a/b", "", "Weights", "weights.json", "x" * 65])
def test_names_cannot_leave_the_folder(publications, name):
    for use in (publications.current, publications.history):
        with pytest.raises(DocumentError, match="cannot name a document"):
            use(name)


@pytest.mark.parametrize("damage", [b"", b"{}", b"[1]", b'{"sha256": "0", "v": 1}', b"\xff\xfe", b"[" * 5000])
def test_a_damaged_document_is_not_used_and_publishing_again_mends_it(publications, damage):
    publications.publish_many("weights", {day(1): {"v": 1}, day(2): {"v": 2}}, SCHEMA)
    sound = stored(publications)["weights.json"][0]
    (publications.root / "weights.json").write_bytes(damage)
    with pytest.raises(CorruptDocument, match="does not carry the hash of its own content"):
        publications.current("weights")
    assert not publications.publish("weights", {"v": 1}, day(1), SCHEMA).is_current
    assert stored(publications)["weights.json"][0] == sound, "brought back from history"


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 6))
def test_a_flipped_bit_changes_nothing_silently(tmp_path_factory, position, bit):
    publications = Publications(tmp_path_factory.mktemp("published"))
    publications.publish("weights", {"v": [0.25, 0.75], "reason": "held"}, day(0), SCHEMA)
    path = publications.root / "weights.json"
    sound = publications.current("weights")
    content = bytearray(path.read_bytes())
    content[position % len(content)] ^= 1 << bit
    path.write_bytes(content)
    with contextlib.suppress(CorruptDocument):
        assert publications.current("weights") == sound  # white space between values carries nothing


PUBLISHER = """
import sys
from pathlib import Path
from amc_learning.warehouse.publications import Publications
from amc_learning_tests.warehouse.samples import day

publications = Publications(Path(sys.argv[1]))
print("ready", flush=True)
number = 0
while True:
    publications.publish("weights", {"v": [number] * 500}, day(number), {"type": "object"})
    number += 1
    print(number, flush=True)
"""


def test_killed_while_publishing_a_reader_always_finds_a_whole_document(publications):
    for n_lines in (1, 2, 5, 9, 14):
        script = [sys.executable, "-c", PUBLISHER, str(publications.root)]
        process = subprocess.Popen(script, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        assert process.stdout is not None
        for _ in range(1 + n_lines):
            process.stdout.readline()
        process.kill()
        process.communicate()
        current = publications.current("weights")
        assert current["v"] == [current["v"][0]] * 500
        for each in publications.history("weights"):
            assert publications.document("weights", each)["known_on"] == each.isoformat()


def test_files_are_private_and_a_refused_write_leaves_the_current_document(publications):
    publications.publish("weights", {"v": 1}, day(0), SCHEMA)
    assert {path.stat().st_mode & 0o777 for path in publications.root.rglob("*.json")} == {0o600}
    (publications.root / "history" / "weights" / "2024-01-02.json").mkdir()
    with pytest.raises(StorageError, match=r"document weights: .*the current document is untouched"):
        publications.publish("weights", {"v": 2}, day(1), SCHEMA)
    assert publications.current("weights")["v"] == 1
    assert not [name for name in os.listdir(publications.root) if name.endswith(".tmp")]  # noqa: PTH208


def test_the_hash_ignores_only_itself():
    assert document_sha256({"v": 1, "sha256": "x"}) == document_sha256({"v": 1})
    assert document_sha256({"v": 1}) != document_sha256({"v": 1, "w": None})
