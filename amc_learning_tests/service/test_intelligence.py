"""Documents out: what lies in the file, to the last value, at once, and an honest answer where there is none."""

import json
import logging
from datetime import UTC, date, datetime

import httpx
import pytest

from amc_learning.contracts.documents import names
from amc_learning.contracts.documents.weights import WeightsDocument
from amc_learning.service.answers import PROBLEM
from amc_learning.service.intelligence import weights_in_regime
from amc_learning.warehouse.publications import HASH_FIELD, Publications, document_sha256
from amc_learning_tests.acceptance.loop import DAYS

INTELLIGENCE = "/learning/intelligence"
WEIGHTS = f"{INTELLIGENCE}/adaptive-discovery-params"
REPORTS = "/learning/reports/daily"
PUBLISHED = {
    WEIGHTS: names.WEIGHTS_DOCUMENT,
    f"{INTELLIGENCE}/current-recommendations": names.RECOMMENDATIONS_DOCUMENT,
    f"{INTELLIGENCE}/confidence-calibration": names.CONFIDENCE_DOCUMENT,
    f"{INTELLIGENCE}/market-regime": names.REGIME_DOCUMENT,
    f"{INTELLIGENCE}/pattern-analysis": names.PATTERNS_DOCUMENT,
    "/learning/corrections": names.CORRECTIONS_DOCUMENT,
    f"{REPORTS}/latest": names.REPORT_DOCUMENT,
}
"""Every path that gives a document of a night, and the file it is in."""
PATHS = (*PUBLISHED, "/learning/reports/weekly/latest")
SIX_KEYS = {
    "discovery_parameter_adjustments",
    "confidence_calibration",
    "market_regime_insights",
    "pattern_alerts",
    "risk_warnings",
    "performance_attribution",
}
"""What readers of current-recommendations look for, in the words of the system description."""
ANY = {"type": "object"}
LONGEST_HISTORY = 12
"""Days of hand-made history a test may need."""


@pytest.fixture
def published(finished, serve):
    return serve(finished)


@pytest.fixture
def reader(published):
    with httpx.Client(base_url=published.url) as client:
        yield client


def file_of(settings, name):
    return settings.data_dir / "published" / f"{name}.json"


def content_of(settings, name):
    return json.loads(file_of(settings, name).read_bytes())


def publications(settings):
    return Publications(settings.data_dir / "published")


def hand_made(settings, known_on=date(2024, 3, 4), **changes):
    """A weights document of which the reader needs no more than this."""
    document = {
        "success": True,
        "feature_set": "by_hand",
        "parameters_version": "2024-03-04.00000000",
        "confidence": 0.9,
        "applies_to_regime": "calm",
        "data": {
            "optimized_parameters": {"a_weight": 0.75, "b_weight": 0.25},
            "market_regime": "calm",
            "last_updated": "2024-03-05T05:00:00Z",
        },
        "by_regime": {
            "calm": {"weights": {"a_weight": 0.75, "b_weight": 0.25}, "multipliers": {}},
            "turbulent": {"weights": {"a_weight": 0.5, "b_weight": 0.5}, "multipliers": {"b": 2.0}},
        },
        **changes,
    }
    publications(settings).publish(names.WEIGHTS_DOCUMENT, document, known_on, ANY)


# -- before the first publication ---------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
def test_before_the_first_publication_every_document_says_so_and_is_no_error(http, path):
    answer = http.get(path)
    said = answer.json()
    assert answer.status_code == 200
    assert (said["success"], said["status"], said["data"]) == (False, "nothing_published", None)
    assert "keep to your defaults" in said["reason"]


def test_a_reader_of_the_system_description_falls_back_to_its_defaults(http):
    learning_data = http.get(WEIGHTS).json()
    assert not learning_data["success"]  # the one thing that reader looks at before it uses data


def test_nothing_published_is_cached_like_a_document_and_gives_way_to_the_first_one(settings, http):
    etag = http.get(WEIGHTS).headers["etag"]
    assert http.get(WEIGHTS, headers={"if-none-match": etag}).status_code == 304
    hand_made(settings)
    answer = http.get(WEIGHTS, headers={"if-none-match": etag})
    assert (answer.status_code, answer.json()["success"]) == (200, True)


def test_a_regime_may_be_asked_for_before_anything_is_published(http):
    answer = http.get(WEIGHTS, params={"market_regime": "calm"})
    assert (answer.status_code, answer.json()["status"]) == (200, "nothing_published")


# -- documents of real nights -------------------------------------------------------------------------------------


def test_every_path_gives_its_file_value_for_value_with_its_hash_as_etag(finished, reader):
    for path, name in PUBLISHED.items():
        answer = reader.get(path)
        assert answer.status_code == 200, path
        assert answer.json() == content_of(finished, name), path
        assert answer.headers["etag"] == f'"{answer.json()[HASH_FIELD]}"'
        assert document_sha256(answer.json()) == answer.json()[HASH_FIELD]
        assert answer.headers["cache-control"] == "no-cache"
        assert answer.headers["content-type"] == "application/json"


def test_the_weights_are_in_the_envelope_of_the_system_description(reader):
    said = reader.get(WEIGHTS).json()
    assert {"success", "data", "applies_to_regime", "confidence", "expected_improvement"} <= set(said)
    assert set(said["data"]) == {
        "optimized_parameters",
        "confidence",
        "expected_improvement",
        "market_regime",
        "last_updated",
    }
    assert sum(said["data"]["optimized_parameters"].values()) == pytest.approx(1, abs=1e-9)


def test_recommendations_hold_the_six_keys_of_the_system_description(reader):
    assert set(reader.get(f"{INTELLIGENCE}/current-recommendations").json()) >= SIX_KEYS


def test_an_unchanged_document_is_answered_without_a_body(reader):
    etag = reader.get(WEIGHTS).headers["etag"]
    for sent in (etag, f"W/{etag}", f'"other", {etag}', f'W/"other",W/{etag}', "*"):
        answer = reader.get(WEIGHTS, headers={"if-none-match": sent})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag), sent
        assert answer.headers["cache-control"] == "no-cache"
    for sent in ('"other"', etag.strip('"'), "", "W/", ","):
        assert reader.get(WEIGHTS, headers={"if-none-match": sent}).status_code == 200, sent


def test_head_is_get_without_the_body(reader):
    whole, head = reader.get(WEIGHTS), reader.head(WEIGHTS)
    assert (head.status_code, head.content) == (200, b"")
    assert {name: head.headers[name] for name in ("etag", "content-length", "content-type")} == {
        name: whole.headers[name] for name in ("etag", "content-length", "content-type")
    }
    assert reader.head(WEIGHTS, headers={"if-none-match": whole.headers["etag"]}).status_code == 304


# -- changes ------------------------------------------------------------------------------------------------------


def test_a_publication_is_seen_by_the_very_next_request(settings, http):
    for number in range(1, LONGEST_HISTORY):
        hand_made(settings, date(2024, 3, number), confidence=number / 100)
        assert http.get(WEIGHTS).json()["confidence"] == number / 100


def test_a_damaged_file_keeps_the_last_good_answer_and_is_told(settings, http, caplog):
    hand_made(settings)
    good = http.get(WEIGHTS)
    sound = file_of(settings, "weights").read_bytes()
    assert http.get("/readyz").status_code == 200
    with caplog.at_level(logging.ERROR):
        file_of(settings, "weights").write_bytes(sound.replace(b"0.75", b"0.95"))
        again = [http.get(WEIGHTS) for _ in range(3)]
    assert [(answer.status_code, answer.content) for answer in again] == [(200, good.content)] * 3
    assert http.get(WEIGHTS, headers={"if-none-match": good.headers["etag"]}).status_code == 304
    told = [record.getMessage() for record in caplog.records if "stays as it was last read" in record.getMessage()]
    assert len(told) == 1, "once, not for every reader"
    assert http.get("/readyz").status_code == 503
    file_of(settings, "weights").write_bytes(sound)
    assert http.get(WEIGHTS).content == good.content
    assert http.get("/readyz").status_code == 200


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"sha256": "0"}', b"\xff" * 9, b"[" * 100_000])
def test_a_damaged_file_without_an_earlier_reading_is_told_as_a_passing_trouble(settings, http, damage):
    settings.data_dir.joinpath("published").mkdir(parents=True, exist_ok=True)
    file_of(settings, "weights").write_bytes(damage)
    for path in (WEIGHTS, f"{WEIGHTS}?market_regime=calm", "/learning-analytics/discovery/adaptive-parameters"):
        answer = http.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (503, PROBLEM)
        assert int(answer.headers["retry-after"]) > 0
    assert http.get("/readyz").status_code == 503
    assert http.get("/").status_code == 200, "the page says what is wrong"


def test_a_file_that_cannot_be_read_keeps_the_last_good_answer(settings, http):
    hand_made(settings)
    good = http.get(WEIGHTS).content
    file_of(settings, "weights").unlink()
    file_of(settings, "weights").mkdir()
    assert http.get(WEIGHTS).content == good
    assert http.get("/readyz").status_code == 503


# -- regimes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("parameter", ["market_regime", "regime"])
def test_a_known_regime_gives_its_vector_and_its_label(settings, http, parameter):
    hand_made(settings)
    said = http.get(WEIGHTS, params={parameter: "turbulent"}).json()
    assert said["data"]["optimized_parameters"] == {"a_weight": 0.5, "b_weight": 0.5}
    assert (said["data"]["market_regime"], said["applies_to_regime"]) == ("turbulent", "turbulent")
    assert "turbulent" in said["regime_note"]
    assert HASH_FIELD not in said, "the hash is that of the published document, which this is not"


def test_an_unknown_regime_gives_the_weights_in_force_and_says_what_is_known(settings, http):
    hand_made(settings)
    said = http.get(WEIGHTS, params={"market_regime": "euphoric"}).json()
    assert said["data"]["optimized_parameters"] == {"a_weight": 0.75, "b_weight": 0.25}
    assert said["applies_to_regime"] == "calm"
    assert "known: calm, turbulent" in said["regime_note"]
    assert "euphoric" not in json.dumps(said), "what a reader makes up is not repeated"


def test_what_readers_make_up_shares_one_view_and_every_view_has_an_etag_of_its_own(settings, http):
    hand_made(settings)

    def etag(regime):
        return http.get(WEIGHTS, params={"market_regime": regime}).headers["etag"]

    assert len({etag(f"made up {number}") for number in range(50)}) == 1
    etags = {regime: etag(regime) for regime in ("", "calm", "turbulent", "unknown")}
    assert len(set(etags.values())) == 4
    for regime, own in etags.items():
        for sent in etags.values():
            answer = http.get(WEIGHTS, params={"market_regime": regime}, headers={"if-none-match": sent})
            assert answer.status_code == (304 if sent == own else 200)


def test_views_follow_the_document(settings, http):
    hand_made(settings)
    http.get(WEIGHTS, params={"market_regime": "turbulent"})
    moved = {"turbulent": {"weights": {"a_weight": 0.25, "b_weight": 0.75}, "multipliers": {}}}
    hand_made(settings, date(2024, 3, 5), by_regime=moved)
    said = http.get(WEIGHTS, params={"market_regime": "turbulent"}).json()
    assert said["data"]["optimized_parameters"] == {"a_weight": 0.25, "b_weight": 0.75}


def test_a_document_of_an_earlier_version_knows_no_regime(settings, http):
    hand_made(settings, by_regime={})
    said = http.get(WEIGHTS, params={"market_regime": "calm"}).json()
    assert said["data"]["optimized_parameters"] == {"a_weight": 0.75, "b_weight": 0.25}
    assert "known: none" in said["regime_note"]


def test_real_documents_give_the_vector_of_each_regime_they_hold(finished, reader):
    document = content_of(finished, "weights")
    for regime, entry in document["by_regime"].items():
        said = reader.get(WEIGHTS, params={"market_regime": regime}).json()
        assert said["data"]["optimized_parameters"] == entry["weights"]
        assert set(entry["weights"]) == set(document["data"]["optimized_parameters"])
    assert "by_regime" in WeightsDocument.model_fields


def test_a_regime_that_is_gone_when_the_document_is_read_again_is_an_unknown_one():
    said = weights_in_regime({"data": {"optimized_parameters": {"a_weight": 1.0}}, "by_regime": {}}, regime="calm")
    assert said["data"]["optimized_parameters"] == {"a_weight": 1.0}


# -- reports of days ----------------------------------------------------------------------------------------------


def test_the_report_of_each_day_is_that_of_its_history(finished, reader):
    for day in (DAYS[0], DAYS[-1]):
        said = reader.get(f"{REPORTS}/{day}").json()
        assert said == publications(finished).document(names.REPORT_DOCUMENT, day)
        assert said["known_on"] == day.isoformat()


@pytest.mark.parametrize(
    "day",
    ["2014-1-1", "20141215", "2014-W01-1", "2014-13-01", "2014-02-30", "yesterday", "2014-12-15T00:00", "0000-00-00",
     "2014-12-15%00", "2014-12-15.json", "%2e%2e", "..%2f..%2fweights", "..%5cweights", "%C3%A9", "%ff", "9" * 3000],
)  # fmt: skip
def test_what_is_no_day_is_not_found(http, day):
    for path in (f"{REPORTS}/{day}", f"/reports/daily/{day}"):
        answer = http.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM), path
        assert len(answer.content) < 500, "what was asked is not repeated"


def test_a_day_without_a_report_is_not_found_and_says_so_as_every_problem_does(finished, reader):
    weekend, later = date(2024, 3, 9), date(2031, 1, 2)
    for day in (weekend, later):
        for path in (f"{REPORTS}/{day}", f"/reports/daily/{day}"):
            answer = reader.get(path)
            assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM), path
            assert answer.json()["success"] is False
            assert str(day) in answer.json()["detail"]


def test_a_damaged_report_of_a_day_names_the_command_that_mends_it(finished, reader):
    history = finished.data_dir / "published" / "history" / names.REPORT_DOCUMENT / f"{DAYS[-2]}.json"
    history.write_bytes(history.read_bytes()[:-20])
    for path in (f"{REPORTS}/{DAYS[-2]}", f"/reports/daily/{DAYS[-2]}"):
        answer = reader.get(path)
        assert answer.status_code == 503
        assert f"amc-learning run daily --date {DAYS[-2]}" in answer.json()["detail"]
        assert str(finished.data_dir) not in answer.text


def test_a_report_written_by_another_version_names_its_field_and_the_command_that_mends_it(finished, reader):
    day = DAYS[-3]
    history = finished.data_dir / "published" / "history" / names.REPORT_DOCUMENT / f"{day}.json"
    before = history.read_bytes()
    document = json.loads(before) | {"of_another_version": 1}
    history.write_text(json.dumps({**document, "sha256": document_sha256(document)}))
    try:
        answer = reader.get(f"/reports/daily/{day}")
    finally:
        history.write_bytes(before)
    assert answer.status_code == 503
    assert "of_another_version" in answer.json()["detail"]
    assert f"amc-learning run daily --date {day}" in answer.json()["detail"]


def test_the_page_of_a_day_is_one_document_without_anything_from_elsewhere(reader):
    for day in ("latest", DAYS[-1], DAYS[0]):
        answer = reader.get(f"/reports/daily/{day}")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/html")
        assert "<script" not in answer.text
        assert "src=" not in answer.text
    latest, dated = (reader.get(f"/reports/daily/{day}").text for day in ("latest", DAYS[-1]))
    assert latest == dated


def test_there_is_no_page_before_the_first_report(http):
    answer = http.get("/reports/daily/latest")
    assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM)
    assert "amc-learning run daily" in answer.json()["detail"]


def test_times_of_documents_are_those_of_their_day(reader):
    said = reader.get(WEIGHTS).json()
    updated = datetime.fromisoformat(said["data"]["last_updated"])
    assert updated.astimezone(UTC).date() > date.fromisoformat(said["known_on"]), "midnight of New York, after the day"
