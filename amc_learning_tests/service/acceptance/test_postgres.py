"""The inbox on PostgreSQL: the same promises, also while the database is restarted or crashes under load."""

from dataclasses import replace

import pytest

from amc_learning_tests.acceptance.loop import settings_for
from amc_learning_tests.service.acceptance.burst import KINDS, Burst, numbered
from amc_learning_tests.service.acceptance.kept import kept, troubles_after_draining, troubles_of
from amc_learning_tests.service.postgres import postgres_server
from amc_learning_tests.service.running import running

HEALTH_PATH = "/learning/health/data-flow"


@pytest.fixture(scope="module")
def postgres():
    with postgres_server() as server:
        yield server


@pytest.fixture
def settings(postgres, tmp_path, clean_environment):
    return settings_for(tmp_path / "data").model_copy(update={"inbox_url": postgres.url})


@pytest.mark.slow
def test_events_are_accepted_once_counted_and_kept_outside_the_data_directory(settings):
    events = [numbered("simple", number) for number in range(30)]
    with running(settings.data_dir, {"INBOX_URL": settings.inbox_url}) as service:
        client = service.client()
        for is_duplicate in (False, True):
            for event in events:
                answer = client.send(event.kind, event.body)
                assert (answer.status, answer.json()["duplicate"]) == (202, is_duplicate)
        other = replace(events[0], body=events[0].body.replace(b"ABC", b"XYZ"))
        assert client.send(other.kind, other.body).status == 409
        health = client.get(HEALTH_PATH).json()
        assert client.get("/readyz").json() == {"ready": True, "n_troubles": 0}
    assert {event.kind for event in events} == set(KINDS), "the sample misses a kind"
    for kind in ("discovery", "thesis", "trade"):
        n_sent = sum(event.kind == kind for event in events) + (kind == other.kind)
        assert health[f"{kind}_data_flow"]["collections_today"] == n_sent
    assert not (settings.data_dir / "inbox/events.sqlite").exists()
    found = kept(settings)
    assert troubles_of({(event.kind, event.event_id): event.body for event in events}, found) == []
    assert found.known.total() == len(events)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["fast", "immediate"])
def test_a_restart_of_the_database_under_load_loses_nothing_acknowledged_and_needs_no_hand(settings, postgres, how):
    with running(settings.data_dir, {"INBOX_URL": settings.inbox_url}) as service:
        burst = Burst(service.base_url, f"during-{how}", n_clients=8).start()
        burst.wait_for(n_answers=100)
        postgres.restart(how)
        burst.wait_for(n_answers=100, more=True)
        burst.stop()
        assert service.get("/readyz").status == 200
        for (kind, event_id), body in list(burst.acknowledged.items())[:50]:
            answer = service.send(kind, body)
            assert (answer.status, answer.json()["duplicate"]) == (202, True), event_id
    assert burst.troubles == [], "other answers than 202 and 503"
    assert burst.n_lost_connections == 0
    assert max(burst.n_first.values()) == 1
    assert troubles_of(burst.acknowledged, kept(settings)) == []
    assert troubles_after_draining(burst.acknowledged, settings) == []
