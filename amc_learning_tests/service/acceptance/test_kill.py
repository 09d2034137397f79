"""kill -9 of the service under load: nothing acknowledged is lost or doubled, and a restart knows what came before.

A few rounds; `serve_kill_study` runs as many as wanted.
"""

import pytest

from amc_learning_tests.service.acceptance.serve_kill_study import rounds


@pytest.mark.slow
def test_killed_in_the_middle_of_a_burst_every_acknowledged_event_lies_there_once_and_is_known_after_a_restart(
    tmp_path,
):
    found = rounds(tmp_path, n_kills=3, n_clients=16, seed=1, most_answers=250)
    assert found.troubles == []
    assert (found.n_kills, found.n_drainer_kills) == (3, 1)
    assert len(found.acknowledged) > 50
    assert found.n_answers[202] > found.n_first.total(), "no answer said duplicate: nothing was sent again"
