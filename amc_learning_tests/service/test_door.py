"""The door: keys and scopes, names and origins, what every answer carries, and what is never said."""

import base64
import http.client
import json
import logging
import re
import threading
from datetime import UTC, date, datetime
from urllib.parse import urlsplit

import httpx
import pytest

from amc_learning.service.answers import PROBLEM
from amc_learning.service.keys import KEY_FILE, KeyRing
from amc_learning.service.limits import BURST_SECONDS
from amc_learning.service.routes import EVENTS, OLDER_OUTCOME

THESIS = "/learning/collect/thesis-decision"
WEIGHTS = "/learning/intelligence/adaptive-discovery-params"
OLDER_PARAMETERS = "/learning-analytics/discovery/adaptive-parameters"
HOLD = {"symbol": "ABC", "recommendation": "HOLD", "confidence": 0.5}
NOW = datetime(2024, 3, 4, 15, 0, tzinfo=UTC)
ANYWHERE = "0.0.0.0"

GETS = (
    "/",
    "/metrics",
    "/openapi.json",
    "/learning/health/data-flow",
    "/reports/daily/latest",
    WEIGHTS,
    "/learning/intelligence/current-recommendations",
    "/learning/intelligence/confidence-calibration",
    "/learning/intelligence/market-regime",
    "/learning/intelligence/pattern-analysis",
    "/learning/corrections",
    "/learning/reports/daily/latest",
    "/learning/reports/weekly/latest",
    "/learning/reports/daily/2024-03-04",
    OLDER_PARAMETERS,
    "/learning-analytics/market-regime/current",
    "/nowhere",
)
POSTS = (*(event.path for event in EVENTS), OLDER_OUTCOME.path)
OPEN = ("/healthz", "/readyz")

EXPECTED_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}


@pytest.fixture
def ring(settings):
    return KeyRing(settings.data_dir)


@pytest.fixture
def reading(ring):
    return bearer(ring.create("reader", ["read"], now=NOW))


@pytest.fixture
def writing(ring):
    return bearer(ring.create("writer", ["write"], now=NOW))


def bearer(key):
    return {"authorization": f"Bearer {key}"}


def secret_of(headers):
    return headers["authorization"].removeprefix("Bearer ")


def raw(service, request: bytes):
    """The answer to bytes no client would send."""
    parts = urlsplit(service.url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
    connection.connect()
    connection.sock.sendall(request)
    response = http.client.HTTPResponse(connection.sock)
    response.begin()
    answer = response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
    response.close()
    connection.close()
    return answer


# -- keys ---------------------------------------------------------------------------------------------------------


def test_once_there_is_a_key_every_route_but_the_probes_needs_one(reading, http):
    for method, path in [*(("GET", path) for path in GETS), *(("POST", path) for path in POSTS)]:
        answer = http.request(method, path, json=HOLD if method == "POST" else None)
        assert (answer.status_code, answer.headers["content-type"]) == (401, PROBLEM), path
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["field"] == "Authorization"
    for path in OPEN:
        assert http.get(path).status_code == 200


def test_other_methods_need_a_key_as_well(reading, http):
    for method in ("HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"):
        assert http.request(method, WEIGHTS).status_code == 401, method
        assert http.request(method, WEIGHTS, headers=reading).status_code == (200 if method == "HEAD" else 405), method


def test_scopes_say_who_may_read_and_who_may_send(reading, writing, http):
    assert http.get(WEIGHTS, headers=reading).status_code == 200
    assert http.post(THESIS, json=HOLD, headers=writing).status_code == 202
    for answer in (http.get(WEIGHTS, headers=writing), http.post(THESIS, json=HOLD, headers=reading)):
        assert (answer.status_code, answer.headers["content-type"]) == (403, PROBLEM)
        assert "needs the scope" in answer.json()["detail"]


def soon(ask, expected):
    """What is asked for, as soon as it is what is expected; a service looks for changes of its keys once a second."""
    pause, answer = threading.Event(), None
    for _ in range(100):
        answer = ask()
        if answer == expected:
            break
        pause.wait(0.05)
    return answer


def test_two_keys_live_side_by_side_while_one_replaces_the_other(ring, http):
    old, new = (bearer(ring.create(name, ["read"], now=NOW)) for name in ("old", "new"))

    def statuses():
        return [http.get(WEIGHTS, headers=key).status_code for key in (old, new)]

    assert soon(statuses, [200, 200]) == [200, 200]
    ring.revoke("old")
    assert soon(statuses, [401, 200]) == [401, 200]


def test_a_first_key_and_its_revocation_work_without_a_restart(ring, http):
    assert http.get(WEIGHTS).status_code == 200
    key = bearer(ring.create("first", ["read"], now=NOW))
    assert soon(lambda: [http.get(WEIGHTS, headers=sent).status_code for sent in ({}, key)], [401, 200]) == [401, 200]
    ring.revoke("first")
    assert soon(lambda: http.get(WEIGHTS).status_code, 200) == 200, "on loopback nobody needs a key while there is none"


def test_beyond_loopback_the_last_key_that_goes_closes_the_door(settings, ring, serve):
    key = bearer(ring.create("only", ["read", "write"], now=NOW))
    service = serve(settings, host=ANYWHERE)
    assert httpx.get(service.url + WEIGHTS, headers=key).status_code == 200
    ring.revoke("only")
    assert soon(lambda: httpx.get(service.url + WEIGHTS, headers=key).status_code, 401) == 401
    assert httpx.post(service.url + THESIS, json=HOLD).status_code == 401
    settings.data_dir.joinpath(*KEY_FILE).unlink()
    assert httpx.get(service.url + WEIGHTS).status_code == 401


def test_beyond_loopback_nobody_needs_a_key_where_the_settings_say_so(settings, serve):
    behind_a_proxy = settings.service.model_copy(update={"allows_without_keys": True})
    service = serve(settings.model_copy(update={"service": behind_a_proxy}), host=ANYWHERE)
    assert httpx.get(service.url + WEIGHTS).status_code == 200


def test_a_key_may_come_as_bearer_as_password_of_a_browser_or_in_a_header_of_its_own(reading, http):
    secret = secret_of(reading)
    basic = base64.b64encode(f"anybody:{secret}".encode()).decode()
    for headers in (
        {"authorization": f"bearer {secret}"},
        {"authorization": f"Bearer  {secret}"},
        {"authorization": f"Basic {basic}"},
        {"x-api-key": secret},
    ):
        assert http.get(WEIGHTS, headers=headers).status_code == 200, headers


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer nonsense", "Bearer amc_reader_wrong", "Bearer amc_unknown_wrong", "Basic", "Basic %",
     "Basic YQ==", "Basic /w==", "Digest x", "amc_reader_x", "Bearer \xe9", "Bearer " + "x" * 5000, "Bearer a b c"],
)  # fmt: skip
def test_what_is_no_key_is_answered_alike_whatever_it_is(reading, http, authorization):
    nothing = http.get(WEIGHTS)
    answer = http.get(WEIGHTS, headers={"authorization": authorization.encode("latin-1")})
    assert (answer.status_code, answer.content) == (401, nothing.content)


def test_a_browser_is_asked_for_a_password_so_that_a_person_may_look_at_the_page(reading, http):
    answer = http.get("/", headers={"accept": "text/html,*/*"})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Basic realm="amc_learning"')


def test_damaged_keys_let_nobody_in_and_say_what_to_do(settings, reading, http):
    settings.data_dir.joinpath(*KEY_FILE).write_bytes(b"{")
    answer = http.get(WEIGHTS, headers=reading)
    assert answer.status_code == 503
    assert "nobody is let in" in answer.json()["detail"]


# -- names and origins --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "LOCALHOST", "127.0.0.1:1", "[::1]", "[::1]:8000"])
def test_on_loopback_the_service_answers_by_its_own_names(http, host):
    assert http.get(WEIGHTS, headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example", "[", "", "127.0.0.2",
     "localhost@evil.example", "evil.example#localhost"],
)  # fmt: skip
def test_a_name_that_was_bent_to_this_machine_gets_nothing(http, host):
    for path in (WEIGHTS, "/healthz", "/nowhere"):
        answer = http.get(path, headers={"host": host})
        assert (answer.status_code, answer.json()["field"]) == (421, "Host")


def test_beyond_loopback_the_keys_decide_and_any_name_will_do(settings, ring, serve):
    key = bearer(ring.create("reader", ["read"], now=NOW))
    service = serve(settings, host=ANYWHERE)
    assert httpx.get(service.url + WEIGHTS, headers={"host": "learning.example", **key}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://["},
        {"origin": "http://localhost:3001"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "nonsense"},
    ],
)
def test_pages_of_other_sites_send_nothing(service, http, headers):
    for path in POSTS:
        answer = http.post(path, params={"symbol": "ABC", "recommendation": "SELL"}, headers=headers)
        assert (answer.status_code, answer.json()["field"]) == (403, "Origin"), path
    inbox = service.warehouse().inbox
    assert (inbox.n_pending(), inbox.n_quarantined()) == (0, 0)
    inbox.close()


def test_programs_and_our_own_pages_may_send(service, http):
    own = urlsplit(service.url).netloc
    for number, headers in enumerate(
        ({}, {"origin": f"http://{own}"}, {"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"})
    ):
        assert http.post(THESIS, json={**HOLD, "note": number}, headers=headers).status_code == 202


# -- what every answer carries ------------------------------------------------------------------------------------


def checked(answer):
    for name, value in EXPECTED_HEADERS.items():
        assert answer.headers.get_list(name) == [value], name
    (policy,) = answer.headers.get_list("content-security-policy")
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert re.sub(r"script-src 'sha256-[\w+/=]+';", "", policy).count("script") == 0, "no script but by its hash"
    assert [name for name in answer.headers if name.startswith("access-control-")] == []
    assert len(answer.headers.get_list("cache-control")) == 1
    return answer


def test_every_route_and_every_status_carries_the_headers(settings, service, http):
    etag = http.get(WEIGHTS).headers["etag"]
    seen = {checked(http.get(path)).status_code for path in (*GETS, *OPEN)}
    seen |= {checked(http.post(path, json=HOLD)).status_code for path in POSTS}
    seen |= {checked(answer).status_code for answer in (
        http.get(WEIGHTS, headers={"if-none-match": etag}),
        http.delete(WEIGHTS),
        http.post(WEIGHTS),
        http.get(WEIGHTS + "/"),
        http.post(THESIS, content=b"{", headers={"content-type": "application/json"}),
        http.post(THESIS, content=b"7", headers={"content-type": "application/json"}),
        http.post(THESIS, content=b"x", headers={"content-type": "text/plain"}),
        http.get("/", headers={"host": "evil.example"}),
        http.post(THESIS, json=HOLD, headers={"origin": "null"}),
        http.post(THESIS, content=b" " * (settings.service.max_body_bytes + 1)),
    )}  # fmt: skip
    assert seen >= {200, 202, 304, 400, 403, 404, 405, 413, 415, 421, 422}


def test_our_own_mistake_is_a_problem_with_headers_and_the_log_has_the_trace(service, http, caplog):
    # a document that is what its hash says, and is no weights document
    service.warehouse().publications.publish("weights", {"surprise": 1}, date(2024, 3, 4), {"type": "object"})
    with caplog.at_level(logging.ERROR):
        answer = checked(http.get(OLDER_PARAMETERS))
    assert (answer.status_code, answer.headers["content-type"]) == (500, PROBLEM)
    assert "Traceback" not in answer.text
    assert f"a request to {OLDER_PARAMETERS} failed" in caplog.text
    assert "Traceback" in caplog.text
    assert http.get(WEIGHTS).status_code == 200, "the service goes on"


def test_answers_are_not_kept_by_caches_but_documents_may_be_asked_for_again(http):
    stored = {path: http.get(path).headers["cache-control"] for path in (WEIGHTS, "/", "/learning/health/data-flow")}
    assert stored == {WEIGHTS: "no-cache", "/": "no-store", "/learning/health/data-flow": "no-store"}


def test_no_other_site_is_ever_let_in_by_cors(http):
    headers = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    for path in (THESIS, WEIGHTS, "/"):
        answer = checked(http.options(path, headers=headers))
        assert answer.status_code == 405
        checked(http.get(path, headers=headers))


def test_unknown_paths_and_methods_are_problems_too(http):
    nowhere, wrong = http.get("/nowhere"), http.delete(WEIGHTS)
    assert (nowhere.status_code, nowhere.headers["content-type"]) == (404, PROBLEM)
    assert (wrong.status_code, wrong.headers["content-type"]) == (405, PROBLEM)
    assert "GET" in wrong.headers["allow"]


# -- rates --------------------------------------------------------------------------------------------------------


def limited(settings, per_second):
    return settings.model_copy(
        update={"service": settings.service.model_copy(update={"requests_per_second": per_second})}
    )


def test_who_comes_too_often_is_asked_to_come_back_and_the_probes_are_not_counted(settings, serve):
    service = serve(limited(settings, 1))
    with httpx.Client(base_url=service.url) as client:
        answers = [client.get(WEIGHTS) for _ in range(int(BURST_SECONDS) + 8)]
        assert [answer.status_code for answer in answers[: int(BURST_SECONDS)]] == [200] * int(BURST_SECONDS)
        refused = checked(next(answer for answer in answers if answer.status_code != 200))
        assert (refused.status_code, refused.headers["content-type"]) == (429, PROBLEM)
        assert int(refused.headers["retry-after"]) >= 1
        assert {client.get("/healthz").status_code for _ in range(20)} == {200}


def test_each_key_has_its_own_rate(settings, ring, serve):
    first, second = (bearer(ring.create(name, ["read"], now=NOW)) for name in ("first", "second"))
    service = serve(limited(settings, 1))
    statuses = {httpx.get(service.url + WEIGHTS, headers=first).status_code for _ in range(10)}
    assert statuses == {200, 429}
    assert httpx.get(service.url + WEIGHTS, headers=second).status_code == 200


def test_who_has_no_key_is_slowed_down_as_well(settings, reading, serve):
    service = serve(limited(settings, 1))
    statuses = [httpx.get(service.url + WEIGHTS, headers=bearer("wrong")).status_code for _ in range(10)]
    assert set(statuses) == {401, 429}
    assert httpx.get(service.url + WEIGHTS, headers=reading).status_code == 200, "a key has a rate of its own"


# -- what is never said -------------------------------------------------------------------------------------------


def test_no_secret_gets_into_a_log_or_an_answer(settings, ring, serve, caplog):
    key = ring.create("reader", ["read"], now=NOW)
    service = serve(settings)
    basic = base64.b64encode(f"u:{key}".encode()).decode()
    sent = ({**bearer(key)}, {"x-api-key": key}, bearer(key + "x"), {"authorization": f"Basic {basic}"})
    with caplog.at_level(logging.DEBUG):
        answers = [
            httpx.request(method, service.url + path, headers=headers, json=HOLD if method == "POST" else None)
            for headers in sent
            for method, path in (
                ("GET", WEIGHTS),
                ("GET", "/"),
                ("GET", "/metrics"),
                ("POST", THESIS),
                ("GET", "/nowhere"),
            )
        ]
    said = "".join(answer.text + str(answer.headers) for answer in answers)
    ours = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("amc_learning"))
    assert key.rpartition("_")[2] not in said + ours
    assert basic not in said + ours


def test_the_environment_and_the_folder_of_the_service_are_no_part_of_an_answer(settings, http):
    for path in (*GETS, *OPEN):
        assert str(settings.data_dir) not in http.get(path).text, path


def test_what_a_stranger_writes_into_a_path_is_one_printable_line_of_the_log(service, http, caplog):
    surprise = {"by_regime": {"bull": {}}}
    service.warehouse().publications.publish("weights", surprise, date(2024, 3, 4), {"type": "object"})
    with caplog.at_level(logging.INFO):
        assert http.get("/learning/intelligence/adaptive-discovery-params?regime=bull").status_code == 500
        raw(service, b"GET /reports/daily/%0a%1b[31mforged HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        http.post(THESIS, json={"weather": "fine\n2024 ERROR forged\x1b[31m"})
    messages = [record.getMessage() for record in caplog.records if record.name.startswith("amc_learning")]
    assert messages, "the mistake was told"
    assert all(text.isprintable() for text in messages)


def test_a_problem_repeats_nothing_of_what_was_sent(http):
    hostile = "<script>alert(1)</script>"
    for answer in (
        http.get(f"/{hostile}"),
        http.get("/learning/reports/daily/" + hostile.replace("/", "")),
        http.get(WEIGHTS, params={"market_regime": hostile}),
        http.get(WEIGHTS, headers={"host": "evil.example"}),
        http.post(THESIS, content=hostile.encode(), headers={"content-type": "application/json"}),
        http.post(THESIS, content=b"{}", headers={"content-type": hostile}),
        http.post(THESIS, json=HOLD, headers={"origin": hostile}),
    ):
        assert "script" not in answer.text
        assert answer.headers["content-type"].startswith("application/")


def test_there_is_no_server_banner(settings, serve):
    service = serve(settings)
    problem = httpx.get(service.url + "/nowhere")
    assert "starlette" not in str(problem.headers).lower() + problem.text.lower()


def test_answers_are_json_that_says_success_or_not(http):
    for path in ("/nowhere", WEIGHTS):
        assert json.loads(http.get(path).content)["success"] is False


def test_the_name_of_the_key_is_kept_with_the_event_it_came_with(ring, service, http):
    key = bearer(ring.create("discovery", ["write"], now=NOW))
    assert soon(lambda: http.post(THESIS, json=HOLD).status_code, 401) == 401
    assert http.post(THESIS, json={**HOLD, "note": "with a key"}, headers=key).status_code == 202
    inbox = service.warehouse().inbox
    assert inbox.pending("thesis", 10)["source"].to_list()[-1] == "http discovery"
    inbox.close()
