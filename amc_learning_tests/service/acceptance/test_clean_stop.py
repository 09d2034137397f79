"""SIGTERM under load: what was acknowledged is there, the counts of requests are too, and the exit is clean."""

import signal
from datetime import UTC, datetime, timedelta

import pytest

from amc_learning.warehouse.requests import summed
from amc_learning_tests.acceptance.loop import open_warehouse, settings_for
from amc_learning_tests.service.acceptance.burst import Burst
from amc_learning_tests.service.acceptance.kept import integrity, kept, troubles_of
from amc_learning_tests.service.running import WEIGHTS_PATH, running

HEALTH_PATH = "/learning/health/data-flow"
N_READS = 7


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_under_load_loses_neither_events_nor_counts_and_exits_with_zero(tmp_path, how):
    settings = settings_for(tmp_path / "data")
    with running(settings.data_dir) as service:
        assert {service.get(WEIGHTS_PATH).status for _ in range(N_READS)} == {200}
        burst = Burst(service.base_url, "stopped").start()
        burst.wait_for(n_answers=150)
        exit_code = service.stop(how)
        burst.join()
    assert troubles_of(burst.acknowledged, kept(settings)) == []
    assert integrity(settings.data_dir) == "ok"

    warehouse = open_warehouse(settings)
    sums = warehouse.requests.sums(datetime.now(UTC) - timedelta(hours=1))
    warehouse.inbox.close()
    n_counted = sum(summed(sums, kind).n_requests for kind in ("discovery", "thesis", "trade", "bars"))
    assert n_counted >= burst.n_answers.total() > 0
    with running(settings.data_dir) as service:
        health = service.get(HEALTH_PATH).json()
    assert health["intelligence_delivery"]["requests_today"] == N_READS
    n_theses = sum(kind == "thesis" for kind, _ in burst.acknowledged)
    assert health["thesis_data_flow"]["collections_today"] >= n_theses > 0
    assert health["thesis_data_flow"]["avg_latency_ms"] > 0
    assert burst.troubles == []
    assert exit_code == 0
