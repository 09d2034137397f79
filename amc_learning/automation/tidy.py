"""Removing old runs of Dagster, and the job that tidies everything.

Belongs here: finished runs with their events and logs; the job. Not here: what lies in the data directory besides
(stages.tidy), packing of past months (stages.compact).
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage

from amc_learning.contracts.knowledge_days import knowledge_day
from amc_learning.settings import Settings
from amc_learning.stages.compact import compact_tables
from amc_learning.stages.tidy import Removed, tidy
from amc_learning.warehouse import Warehouse

TIDY = "tidy"

FINISHED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


def tidy_runs(instance: dg.DagsterInstance, days: int | None, *, now: datetime, is_dry: bool = False) -> Removed:
    """Remove finished runs that ended longer ago, with their events and logs; the newest run of every job stays.

    The tables they wrote stay too; Dagster's page of an asset forgets those days, `amc-learning status` does not.
    """
    what = "runs of Dagster"
    if days is None:
        return Removed(what, None, 0)
    before = now - timedelta(days=days)
    old = instance.get_run_records(dg.RunsFilter(statuses=list(FINISHED), updated_before=before))
    newest = {
        job: instance.get_run_records(dg.RunsFilter(job_name=job), limit=1)[0].dagster_run.run_id
        for job in {record.dagster_run.job_name for record in old}
    }
    gone = [one.dagster_run.run_id for one in old if one.dagster_run.run_id != newest[one.dagster_run.job_name]]
    for run_id in () if is_dry else gone:
        instance.delete_run(run_id)
        instance.compute_log_manager.delete_logs(prefix=[run_id])
    n_bytes = sum(_emptied(instance, run_id, is_dry=is_dry) for run_id in gone)
    return Removed(what, before.date(), len(gone), n_bytes)


def _emptied(instance: dg.DagsterInstance, run_id: str, *, is_dry: bool) -> int:
    """Remove the file that held the events of a run and stays behind on SQLite; its bytes."""
    storage = instance.event_log_storage
    if not isinstance(storage, SqliteEventLogStorage):
        return 0
    shard = Path(storage.path_for_shard(run_id))
    files = [
        path for path in (shard, *(shard.with_name(shard.name + end) for end in ("-wal", "-shm"))) if path.exists()
    ]
    n_bytes = sum(path.stat().st_size for path in files)
    for path in () if is_dry else files:
        path.unlink(missing_ok=True)
    return n_bytes


def said_of(removed: Removed) -> str:
    """One line for people.

    >>> said_of(Removed("report pages", None, 0))
    'report pages: kept for ever'
    """
    if removed.older_than is None:
        return f"{removed.what}: kept for ever"
    size = f", {removed.n_bytes / 2**20:,.1f} MiB" if removed.n_bytes else ""
    return f"{removed.what} before {removed.older_than}: {removed.n_removed:,}{size}"


@dg.op(name="remove_what_is_not_kept", description="Removes what the retention settings do not keep, and says what.")
def _remove(
    context: dg.OpExecutionContext, warehouse: dg.ResourceParam[Warehouse], settings: dg.ResourceParam[Settings]
) -> None:
    now = datetime.now(UTC)
    found = [
        *tidy(warehouse, settings, now=now),
        tidy_runs(context.instance, settings.retention.dagster_runs_days, now=now),
    ]
    for one in found:
        context.log.info(f"removed {said_of(one)}")


@dg.op(name="pack_past_months", description="Puts the days of months that are over into one file a table.")
def _pack(context: dg.OpExecutionContext, warehouse: dg.ResourceParam[Warehouse]) -> None:
    done = compact_tables(warehouse, knowledge_day(datetime.now(UTC)))
    n_before, n_after = sum(one.before.n_files for one in done), sum(one.after.n_files for one in done)
    context.log.info(f"packed {sum(one.n_months for one in done):,} months: {n_before:,} files are {n_after:,}")


@dg.job(
    name=TIDY,
    description="Removes what grows without use, as the retention settings say, and packs past months; no event, no "
    "row of a table is removed.",
)
def tidy_job() -> None:
    """Two steps that know nothing of each other."""
    _remove()
    _pack()
