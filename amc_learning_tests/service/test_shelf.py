"""The shelf: a file is read once for each time it is replaced, and a request never for nothing."""

import os
from datetime import date

import httpx
import pytest
from starlette.requests import Request

from amc_learning.service.answers import Refusal
from amc_learning.service.scope import outcome_of
from amc_learning.service.shelf import NOTHING_PUBLISHED, Shelf
from amc_learning.warehouse.publications import Publications

ANY = {"type": "object"}
WEIGHTS = "/learning/intelligence/adaptive-discovery-params"


@pytest.fixture
def publications(tmp_path):
    return Publications(tmp_path / "published")


@pytest.fixture
def shelf(publications):
    return Shelf(publications)


def publish(publications, number, name="weights"):
    publications.publish(name, {"v": number}, date(2024, 3, number), ANY)


def asked(shelf, name="weights", headers=(), **options):
    """The answer and how the request ended."""
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": list(headers)}
    response = shelf.answer(Request(scope), name, **options)
    return response, outcome_of(scope, response.status_code)


def test_the_first_reader_of_a_version_pays_for_the_reading_and_nobody_else(publications, shelf):
    outcomes = []
    for number in (1, 2):
        publish(publications, number)
        outcomes += [asked(shelf)[1] for _ in range(3)]
    assert outcomes == ["from_disk", "from_memory", "from_memory"] * 2


def test_a_view_of_a_version_that_had_to_be_read_was_not_from_memory(settings, serve):
    service = serve(settings)
    warehouse = service.warehouse()
    by_regime = {"calm": {"weights": {"a_weight": 1.0}, "multipliers": {}}}
    document = {"data": {"optimized_parameters": {"a_weight": 1.0}}, "by_regime": by_regime}
    warehouse.publications.publish("weights", document, date(2024, 3, 4), ANY)
    httpx.get(service.url + WEIGHTS, params={"market_regime": "calm"})
    lines = httpx.get(service.url + "/metrics").text.splitlines()
    assert 'amc_learning_requests_total{flow="intelligence",outcome="from_disk"} 1.0' in lines


def test_one_version_makes_each_answer_once(publications, shelf):
    publish(publications, 1)
    made = []

    def view(document):
        made.append(document["v"])
        return {"twice": document["v"] * 2}

    answers = [asked(shelf, view="twice", make=view)[0] for _ in range(3)]
    assert made == [1]
    assert answers[0] is answers[2]
    publish(publications, 2)
    assert asked(shelf, view="twice", make=view)[0].body == b'{"twice":4}'


def test_documents_do_not_get_into_each_others_way(publications, shelf):
    publish(publications, 1, "weights")
    publish(publications, 2, "confidence")
    assert (shelf.current("weights")["v"], shelf.current("confidence")["v"]) == (1, 2)
    assert shelf.current("corrections") is None


def test_a_replacement_of_the_same_size_and_time_is_noticed(publications, shelf):
    publish(publications, 1)
    shelf.current("weights")
    path = publications.path("weights")
    before = path.stat()
    publish(publications, 2)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert shelf.current("weights")["v"] == 2


def test_the_same_bytes_published_again_keep_their_etag(publications, shelf):
    publish(publications, 1)
    etag = asked(shelf)[0].headers["etag"]
    path = publications.path("weights")
    content = path.read_bytes()
    path.unlink()
    assert b"nothing_published" in asked(shelf)[0].body
    path.write_bytes(content)
    assert asked(shelf)[0].headers["etag"] == etag


def test_trouble_is_told_while_it_lasts_and_by_document(publications, shelf):
    publish(publications, 1)
    publish(publications, 1, "confidence")
    shelf.current("weights")
    for name in ("weights", "confidence"):
        publications.path(name).write_bytes(b"{}")
    assert shelf.current("weights")["v"] == 1
    with pytest.raises(Refusal) as refused:
        shelf.current("confidence")
    assert (refused.value.status, set(shelf.troubles)) == (503, {"weights", "confidence"})
    assert str(publications.root) not in refused.value.detail, "folders of the machine are no reader's business"
    publish(publications, 2, "confidence")
    assert (shelf.current("confidence")["v"], set(shelf.troubles)) == (2, {"weights"})


def test_a_damage_on_nothing_published_is_no_good_answer(publications, shelf):
    assert asked(shelf)[0].body.count(NOTHING_PUBLISHED.encode()) == 1
    publications.root.mkdir()
    publications.path("weights").write_bytes(b"{")
    with pytest.raises(Refusal):
        asked(shelf)


def test_an_unchanged_answer_names_its_version_and_has_no_body(publications, shelf):
    publish(publications, 1)
    whole, _ = asked(shelf)
    unchanged, outcome = asked(shelf, headers=[(b"if-none-match", whole.headers["etag"].encode())])
    assert (unchanged.status_code, unchanged.body, outcome) == (304, b"", "from_memory")
    assert unchanged.headers["etag"] == whole.headers["etag"]
    assert "content-length" not in unchanged.headers
