"""Readers of earlier versions find the keys they check for, or a clear no; nothing is made up for them."""

import json
from datetime import date
from pathlib import Path

import httpx
import pytest

from amc_learning.contracts.documents import names
from amc_learning.service.legacy import V2_COMPONENTS, v2_parameters, v2_regime
from amc_learning.settings import Features

EXAMPLES = Path(__file__).resolve().parents[3] / "shared" / "examples" / "events"
PARAMETERS = "/learning-analytics/discovery/adaptive-parameters"
REGIME = "/learning-analytics/market-regime/current"
WEIGHTS = "/learning/intelligence/adaptive-discovery-params"
ANY = {"type": "object"}

IN_FORCE = {"rvol": 0.3, "momentum": 0.25, "price": 0.2, "change": 0.1, "si": 0.1, "borrow": 0.05}


def example(number):
    """What a reader or server of an earlier version expects or gives."""
    found = sorted(EXAMPLES.glob(f"expect_{number:02}_*.json"))
    if not found:
        pytest.skip("needs the shared examples, which are not there")
    return json.loads(found[0].read_text())


def weights_document(components=IN_FORCE, **changes):
    return {
        "feature_set": "v2",
        "confidence": 0.72,
        "parameters_version": "2024-03-04.1a2b3c4d",
        "data": {
            "optimized_parameters": {f"{name}_weight": weight for name, weight in components.items()},
            "last_updated": "2024-03-05T05:00:00Z",
        },
        "thresholds": {"action_tags": {"trade_ready": {"default": 75.0, "in_force": 78.0}}},
        **changes,
    }


def regime_document(index="calm", discovery="normal_market"):
    return {
        "index": {"regime": index, "probability": 0.84 if index else None, "since": "2024-02-01"},
        "discovery": {"regime": discovery, "probability": None, "since": "2024-03-01"},
        "last_updated": "2024-03-05T05:00:00Z",
    }


def same_types(expected, given):
    """Whether every key a reader checks for is there and holds the same kind of value."""

    def kind(value):
        return float if isinstance(value, int | float) and not isinstance(value, bool) else type(value)

    return {name: kind(value) for name, value in expected.items()} == {
        name: kind(given[name]) for name in expected if name in given
    }


def test_weights_in_the_shape_the_reader_of_the_second_version_checks_for():
    answer = v2_parameters(weights_document())
    assert answer["weights"] == {f"{name}_weight": weight for name, weight in IN_FORCE.items()}
    assert (answer["success"], answer["confidence"]) == (True, 0.72)


def test_key_by_key_as_in_the_example_of_that_reader():
    expected, answer = example(1), v2_parameters(weights_document())
    assert same_types(expected, answer)
    assert set(expected["weights"]) == set(answer["weights"])
    assert all(isinstance(weight, float) for weight in answer["weights"].values())


def test_a_confidence_that_nobody_measured_is_left_out():
    assert "confidence" not in v2_parameters(weights_document(confidence=None))


@pytest.mark.parametrize("missing", V2_COMPONENTS)
def test_one_feature_too_few_is_a_no_that_names_it(missing):
    rest = {name: weight for name, weight in IN_FORCE.items() if name != missing}
    answer = v2_parameters(weights_document(rest))
    assert answer["success"] is False
    assert f"no component {missing};" in answer["reason"]
    assert "weights" not in answer


def test_the_regime_in_the_shape_the_reader_of_the_second_version_checks_for():
    answer = v2_regime(regime_document(), weights_document())
    assert (answer["regime"], answer["confidence"], answer["recommended_threshold"]) == ("calm", 0.84, 78.0)
    assert same_types(example(2), answer)


@pytest.mark.parametrize(
    ("regimes", "weights", "left_out"),
    [
        (regime_document(index=None), weights_document(), {"confidence"}),
        (regime_document(), None, {"recommended_threshold"}),
        (regime_document(), weights_document(thresholds={"action_tags": {}}), {"recommended_threshold"}),
        (regime_document(), weights_document(thresholds=None), {"recommended_threshold"}),
    ],
    ids=["no history of the market", "no weights", "no such tag", "no thresholds"],
)
def test_what_is_not_known_of_a_regime_is_left_out(regimes, weights, left_out):
    answer = v2_regime(regimes, weights)
    assert {"regime", "confidence", "recommended_threshold"} - set(answer) == left_out
    assert answer["success"] is True


def test_no_regime_at_all_is_a_no():
    answer = v2_regime(regime_document(index=None, discovery=None), weights_document())
    assert answer["success"] is False
    assert "regime" not in answer


def test_before_the_first_publication_both_paths_say_no_and_are_no_error(http):
    for path in (PARAMETERS, REGIME):
        answer = http.get(path)
        assert (answer.status_code, answer.json()["success"]) == (200, False)
        assert "keep to your defaults" in answer.json()["reason"]


def test_real_nights_of_other_features_say_no_and_where_to_read_instead(finished, serve):
    service = serve(finished)
    said = httpx.get(service.url + PARAMETERS).json()
    assert said["success"] is False
    assert WEIGHTS in said["reason"]
    publications = service.warehouse().publications
    regimes = publications.current(names.REGIME_DOCUMENT)
    known = regimes["index"]["regime"] or regimes["discovery"]["regime"]
    regime = httpx.get(service.url + REGIME).json()
    assert (regime["success"], regime.get("regime")) == (known is not None, known)


def test_the_envelope_of_the_first_version_is_that_of_the_weights_document(finished, serve):
    expected, given = example(4), httpx.get(serve(finished).url + WEIGHTS).json()
    assert set(expected) <= set(given)
    assert set(expected["data"]["optimized_parameters"]) == set(given["data"]["optimized_parameters"])


def test_the_six_features_of_the_second_version_are_a_matter_of_settings(settings, serve):
    features = Features(name="v2", default_weights=IN_FORCE)
    service = serve(settings.model_copy(update={"features": features}))
    warehouse = service.warehouse()
    assert warehouse.publications.current(names.WEIGHTS_DOCUMENT) is None
    run_a_night(service.settings)
    said = httpx.get(service.url + PARAMETERS).json()
    assert (said["success"], said["weights"]) == (True, {f"{name}_weight": IN_FORCE[name] for name in V2_COMPONENTS})
    assert httpx.get(service.url + PARAMETERS, headers={"if-none-match": '"x"'}).headers["etag"]


def run_a_night(settings):
    """A night on nothing publishes the defaults of the feature set."""
    from amc_learning_tests.acceptance.loop import backfilled  # noqa: PLC0415

    backfilled(settings, [date(2024, 3, 4)]).inbox.close()


def test_both_answers_follow_the_documents_at_once(settings, serve):
    service = serve(settings)
    publications = service.warehouse().publications
    for number in (1, 2, 3):
        day = date(2024, 3, number)
        publications.publish("weights", weights_document(confidence=number / 10), day, ANY)
        publications.publish("market_regime", regime_document(index=f"regime {number}"), day, ANY)
        assert httpx.get(service.url + PARAMETERS).json()["confidence"] == number / 10
        assert httpx.get(service.url + REGIME).json()["regime"] == f"regime {number}"
