"""Broken payloads: always an answer that says what became of them, and never harm.

A few hundred; `fuzz_study` sends as many as wanted.
"""

import pytest

from amc_learning_tests.service.acceptance.fuzz_study import fuzzed
from amc_learning_tests.service.acceptance.mutations import EXAMPLES, EXAMPLES_MISSING
from amc_learning_tests.service.running import PATHS, running


@pytest.mark.real_feed
@pytest.mark.skipif(not EXAMPLES.exists(), reason=EXAMPLES_MISSING)
def test_mutations_of_real_payloads_are_answered_kept_and_survived_by_the_night(tmp_path):
    found = fuzzed(tmp_path, n_requests=400, seed=1)
    assert found.troubles == []
    assert found.n_answers.total() == 400
    assert found.n_accepted > 50, "mutations that break everything say little"
    assert len(found.quarantine_ids) > 50


def test_a_body_that_is_no_json_does_not_become_json_by_the_parameters_beside_it(tmp_path):
    query = "symbol=ABC&recommendation=HOLD&confidence=0.7"
    with running(tmp_path / "data") as service:
        client = service.client()
        for body in (b'{}, "event_id": "chosen-by-the-body"', b'1}, "x": {"y": 1', b"1, 2", b"}{"):
            answer = client.ask("POST", f"{PATHS['thesis']}?{query}", body, {"Content-Type": "application/json"})
            assert answer.status == 400, body
            assert answer.json()["quarantine_id"], body
