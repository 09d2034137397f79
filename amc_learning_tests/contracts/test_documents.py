"""The published document as a reader sees it: bytes on disk, a schema beside them, nothing of ours imported."""

import hashlib
import json
from datetime import datetime
from pathlib import Path

import jsonschema
import pytest
from pydantic import ValidationError

from amc_learning.contracts.documents.schema_files import document_models, published_schema
from amc_learning.contracts.documents.weights import Estimate, WeightsDocument
from amc_learning_tests.acceptance.loop import DAYS

EXAMPLE = (
    Path(__file__).resolve().parents[2]
    / "../shared/examples/events/expect_04_seed_adaptive_discovery_params_response.json"
)


@pytest.fixture(scope="module")
def published(finished_base):
    return finished_base / "published"


@pytest.fixture(scope="module")
def schema(published):
    return json.loads((published / "weights.schema.json").read_text())


def documents(published):
    return [
        json.loads(path.read_text())
        for path in [published / "weights.json", *sorted((published / "history/weights").iterdir())]
    ]


def test_every_document_fits_the_json_schema_beside_it(published, schema):
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    found = documents(published)
    assert len(found) == len(DAYS) + 1
    for document in found:
        assert list(validator.iter_errors(document)) == []


@pytest.mark.parametrize("model", document_models(), ids=lambda model: model.__name__)
def test_the_schema_that_is_published_is_that_of_the_model(model):
    remedy = "run: python -m amc_learning.contracts.documents.schema_files"
    assert published_schema(model) == model.model_json_schema(), remedy


@pytest.mark.parametrize(
    "damage",
    [
        lambda document: document.pop("status"),
        lambda document: document["data"].pop("optimized_parameters"),
        lambda document: document.update(status="guessed"),
        lambda document: document["data"]["optimized_parameters"].update(squeeze_weight="a lot"),
        lambda document: document["bounds"].update(surprise=1),
    ],
)
def test_the_schema_refuses_a_document_that_a_reader_could_not_use(published, schema, damage):
    document = json.loads((published / "weights.json").read_text())
    damage(document)
    assert list(jsonschema.Draft202012Validator(schema).iter_errors(document))


def test_the_hash_covers_the_document_without_itself_and_a_reader_can_check_it(published):
    for document in documents(published):
        said = document.pop("sha256")
        canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert hashlib.sha256(canonical.encode()).hexdigest() == said


def paths(value, prefix=""):
    """Every key of nested objects, as a path."""
    if not isinstance(value, dict):
        return set()
    return {f"{prefix}{name}" for name in value} | {
        path for name, inner in value.items() for path in paths(inner, f"{prefix}{name}.")
    }


@pytest.mark.real_feed
@pytest.mark.skipif(not EXAMPLE.exists(), reason="needs ../shared/examples/events, which is not there")
def test_the_envelope_holds_every_key_of_the_system_description_with_its_type(published):
    example = json.loads(EXAMPLE.read_text())
    document = json.loads((published / "weights.json").read_text())
    assert paths(example) <= paths(document)
    assert document["success"] is True
    assert set(example["data"]["optimized_parameters"]) == set(document["data"]["optimized_parameters"])
    assert all(isinstance(weight, float) for weight in document["data"]["optimized_parameters"].values())
    for name in ("confidence", "expected_improvement"):
        assert document[name] == document["data"][name]
    assert datetime.fromisoformat(document["data"]["last_updated"]).tzinfo is not None


def test_files_are_sorted_utf8_json_without_nan_and_end_with_a_line(published):
    for path in published.rglob("*.json"):
        text = path.read_text("utf-8")
        assert text.endswith("}\n")
        parsed = json.loads(text, parse_constant=pytest.fail)
        assert list(parsed) == sorted(parsed)


def test_a_document_holds_what_was_known_on_its_day_and_the_hashes_of_its_inputs(published, finished_base):
    document = json.loads((published / "weights.json").read_text())
    assert document["known_on"] == str(DAYS[-1])
    assert document["parameters_version"].startswith(document["known_on"])
    for name, digest in document["inputs"].items():
        lines = [
            json.loads(line) for line in (finished_base / "tables" / name / "manifest.ndjson").read_text().splitlines()
        ]
        (entry,) = [line for line in lines if line["known_on"] == document["known_on"]]
        assert digest == entry["sha256"]


def test_evidence_comes_with_interval_and_n(published):
    document = json.loads((published / "weights.json").read_text())
    estimate = document["evidence"]["technical"]["1d"]
    assert estimate["ci_low"] < estimate["mean_information_coefficient"] < estimate["ci_high"]
    assert estimate["n_days"] > 40
    assert estimate["ci_low"] > 0.1


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_nan_and_infinity_cannot_enter_a_document(value):
    with pytest.raises(ValidationError):
        Estimate(
            mean_information_coefficient=value, ci_low=None, ci_high=None, q_value=None, n_days=1, n_pairs=1,
            evidence="sufficient",
        )  # fmt: skip


def test_the_schema_describes_its_fields():
    schema = WeightsDocument.model_json_schema()
    described = [one for one in schema["properties"].values() if "description" in one]
    assert len(described) >= 5
    assert schema["additionalProperties"] is False
