"""Old runs go with their events and files; the newest of a job, and everything unfinished, stays."""

from datetime import UTC, datetime, timedelta

import dagster as dg

from amc_learning.automation.tidy import tidy_runs
from amc_learning_tests.automation.test_alerts import good_night

DAYS = 30


def test_old_runs_go_and_the_newest_of_a_job_and_what_is_unfinished_stay(tmp_path):
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        old, newest = [good_night.execute_in_process(instance=instance).run_id for _ in range(2)]
        waiting = instance.add_run(dg.DagsterRun("other", status=dg.DagsterRunStatus.STARTED)).run_id
        now = datetime.now(UTC)
        assert tidy_runs(instance, DAYS, now=now).n_removed == 0
        later = now + timedelta(days=DAYS + 1)
        assert tidy_runs(instance, DAYS, now=later, is_dry=True).n_removed == 1
        shards = {path.stem for path in tmp_path.rglob(f"{old}.db")}
        assert shards == {old}
        removed = tidy_runs(instance, DAYS, now=later)
        assert (removed.n_removed, removed.n_bytes > 0) == (1, True)
        assert {run.run_id for run in instance.get_runs()} == {newest, waiting}
        assert instance.all_logs(newest)
        assert list(tmp_path.rglob(f"{old}*")) == []
        assert tidy_runs(instance, None, now=later).n_removed == 0
