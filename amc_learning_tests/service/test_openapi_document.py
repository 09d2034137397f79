"""The OpenAPI document says what the service does: every route, with examples that are valid and true."""

import re

import httpx
import pytest
from jsonschema import Draft202012Validator, FormatChecker

from amc_learning.contracts.knowledge_days import week_end
from amc_learning.service.answers import JSON
from amc_learning.stages.weekly_report import publish_weekly_reports
from amc_learning_tests.acceptance.loop import DAYS, open_warehouse


@pytest.fixture
def document(http):
    return http.get("/openapi.json").json()


def operations(document):
    return [(path, method, one) for path, methods in document["paths"].items() for method, one in methods.items()]


def validator(document, schema):
    """Of a schema of the document, with the parts it refers to beside it."""
    return Draft202012Validator({"components": document["components"], **schema}, format_checker=FormatChecker())


def problems(document, schema, value):
    return [f"{error.json_path}: {error.message}" for error in validator(document, schema).iter_errors(value)]


def answers(one):
    """Status, schema and examples of every JSON answer of an operation."""
    for status, answer in one["responses"].items():
        for media, content in answer.get("content", {}).items():
            examples = [content["example"]] if "example" in content else []
            examples += [example["value"] for example in content.get("examples", {}).values()]
            yield int(status), media, content["schema"], examples


def test_every_route_is_described_and_every_path_described_is_routed(document, service, http):
    from amc_learning.service.app import build_app  # noqa: PLC0415

    routed = {
        (route.path, method) for route in build_app(service.settings).routes for method in route.methods - {"HEAD"}
    }
    described = {(path, method.upper()) for path, method, _ in operations(document)}
    assert routed - {("/openapi.json", "GET")} == described
    for path, method in described:
        asked = http.request(method, path.replace("{day}", "2014-12-12"))
        assert asked.status_code != 405, path
        if asked.status_code == 404:
            assert "{day}" in path or path.startswith("/reports"), path


def test_it_is_an_openapi_document(document):
    definitions = pytest.importorskip("schemathesis.specs.openapi.definitions")
    assert document["openapi"].startswith("3.1.")
    assert [str(error) for error in definitions.OPENAPI_31_VALIDATOR.iter_errors(document)] == []


def test_all_schemas_are_json_schemas_and_all_references_lead_somewhere(document):
    for name, schema in document["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert re.fullmatch(r"[A-Za-z0-9._-]+", name)
    references = set(re.findall(r'"\$ref": ?"([^"]+)"', httpx.Response(200, json=document).text))
    assert references
    for reference in references:
        assert reference.removeprefix("#/components/schemas/") in document["components"]["schemas"]


def test_every_operation_has_words_for_people_and_a_name_of_its_own(document):
    names = [one["operationId"] for _, _, one in operations(document)]
    assert len(set(names)) == len(names)
    for path, _, one in operations(document):
        assert one["summary"], path
        assert len(one["description"]) > len(one["summary"]), path
        assert one["tags"], path


def test_every_operation_that_speaks_json_has_an_example_of_what_goes_in_and_comes_out(document):
    for path, method, one in operations(document):
        good = [
            (schema, examples) for status, media, schema, examples in answers(one) if status < 300 and media == JSON
        ]
        assert all(examples for _, examples in good), path
        if method == "post":
            assert "example" in one["requestBody"]["content"][JSON], path


def test_examples_fit_the_schemas_they_stand_beside(document):
    n_checked = 0
    for path, method, one in operations(document):
        for _, _, schema, examples in answers(one):
            for example in examples:
                assert problems(document, schema, example) == [], path
                n_checked += 1
        if method == "post":
            content = one["requestBody"]["content"][JSON]
            declared = content["schema"]["anyOf"][0]
            assert problems(document, declared, content["example"]) == [], path
            n_checked += 1
    for schema in document["components"]["schemas"].values():
        for example in [schema["example"]] if "example" in schema else []:
            assert problems(document, schema, example) == []
            n_checked += 1
    assert n_checked > 15


def test_parameters_of_a_path_are_declared_and_required(document):
    for path, _, one in operations(document):
        declared = {p["name"] for p in one.get("parameters", ()) if p["in"] == "path"}
        assert declared == set(re.findall(r"{(\w+)}", path)), path
        assert all(p["required"] for p in one.get("parameters", ()) if p["in"] == "path")
        assert all(p["description"] for p in one.get("parameters", ()))


def test_what_is_sent_and_what_is_answered_for_it_are_as_documented(document, http):
    for path, method, one in operations(document):
        if method != "post":
            continue
        answer = http.post(path, json=one["requestBody"]["content"][JSON]["example"])
        assert answer.status_code == 202
        (accepted,) = [schema for status, _, schema, _ in answers(one) if status == 202]
        assert problems(document, accepted, answer.json()) == [], path
        refused = http.post(path, content=b"{", headers={"content-type": JSON})
        (problem,) = [schema for status, _, schema, _ in answers(one) if status == 400]
        assert problems(document, problem, refused.json()) == [], path


def test_real_documents_fit_the_models_they_are_documented_by(finished, serve):
    publish_weekly_reports(open_warehouse(finished), finished, [week_end(DAYS[-1])])
    service = serve(finished)
    document = httpx.get(service.url + "/openapi.json").json()
    for path, method, one in operations(document):
        if method != "get" or one["tags"] == ["pages"]:
            continue
        answer = httpx.get(service.url + path.replace("{day}", DAYS[-1].isoformat()))
        assert answer.status_code == 200, path
        for status, media, schema, _ in answers(one):
            if (status, media) == (200, JSON):
                assert problems(document, schema, answer.json()) == [], path


def test_a_view_by_regime_is_as_documented(finished, serve):
    service = serve(finished)
    document = httpx.get(service.url + "/openapi.json").json()
    url = service.url + "/learning/intelligence/adaptive-discovery-params"
    one = document["paths"]["/learning/intelligence/adaptive-discovery-params"]["get"]
    (schema,) = [schema for status, media, schema, _ in answers(one) if (status, media) == (200, JSON)]
    document_in_force = httpx.get(url).json()
    for regime in (*document_in_force["by_regime"], "unknown"):
        assert problems(document, schema, httpx.get(url, params={"market_regime": regime}).json()) == []


def test_the_schema_of_a_document_refuses_what_is_no_such_document(document):
    one = document["paths"]["/learning/intelligence/adaptive-discovery-params"]["get"]
    (schema,) = [schema for status, media, schema, _ in answers(one) if (status, media) == (200, JSON)]
    assert problems(document, schema, {"sha256": "0" * 64, "surprise": 1}) != []


def test_304_is_promised_where_it_is_kept(document, http):
    for path, method, one in operations(document):
        if method == "get" and "304" in one["responses"]:
            etag = http.get(path.replace("{day}", "latest")).headers.get("etag")
            assert etag is not None, path
            assert http.get(path, headers={"if-none-match": etag}).status_code == 304, path
