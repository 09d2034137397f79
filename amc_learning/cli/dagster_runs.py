"""Runs of Dagster from the command line: where Dagster keeps its things, a job in this process, what it is told.

DAGSTER_HOME becomes `<data directory>/dagster` with a copy of our `dagster.yaml`: Dagster writes nowhere else then. An
operator who sets DAGSTER_HOME is respected. Dagster and the warehouse are imported inside the functions: together they
cost most of a second.
"""

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from amc_learning.contracts.knowledge_days import is_knowledge_day
from amc_learning.settings import Settings

if TYPE_CHECKING:
    import dagster as dg

OPENING_LOCK_NAME = ".opening.lock"

DAGSTER_DIR_VARIABLE = "AMC_LEARNING_DAGSTER_DIR"
EMBEDDED = """\
telemetry: {enabled: false}
nux: {enabled: false}
storage:
  sqlite: {base_dir: {env: AMC_LEARNING_DAGSTER_DIR}}
concurrency:
  runs: {max_concurrent_runs: 16, tag_concurrency_limits: [{key: amc_learning/work, value: cycle, limit: 1}]}
run_coordinator:
  module: dagster.core.run_coordinator
  class: QueuedRunCoordinator
  config: {dequeue_interval_seconds: 1, dequeue_use_threads: true}
run_retries: {enabled: true, max_retries: 1, retry_on_asset_or_op_failure: false}
"""
"""Used where no `dagster.yaml` lies in the working directory and none was copied before."""


TAKEN_IN = ("discovery_events", "thesis_events", "trade_events", "price_bars")
"""Assets that a backfill finds ready: taken in before it."""


@dataclass(frozen=True)
class JobResult:
    """How a run ended; `errors` are sentences, one per failed step."""

    is_success: bool
    run_id: str
    errors: tuple[str, ...]


def prepare_dagster_home(settings: Settings) -> Path:
    """Point DAGSTER_HOME at a folder under the data directory that holds our `dagster.yaml`; that folder."""
    home = (settings.data_dir / "dagster").resolve()
    home.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault(DAGSTER_DIR_VARIABLE, str(home))
    if "DAGSTER_HOME" not in os.environ:
        from amc_learning.warehouse.files import write_if_changed  # noqa: PLC0415

        ours, copy = Path("dagster.yaml"), home / "dagster.yaml"
        text = ours.read_text() if ours.exists() else EMBEDDED
        if ours.exists() or not copy.exists():
            write_if_changed(copy, text.encode())
        os.environ["DAGSTER_HOME"] = str(home)
    return Path(os.environ["DAGSTER_HOME"])


@contextlib.contextmanager
def dagster_instance(settings: Settings) -> Iterator["dg.DagsterInstance"]:
    """The Dagster instance of this data directory; made where there is none.

    Opened one at a time: two who make its databases at once refuse each other.
    """
    prepare_dagster_home(settings)
    import dagster as dg  # noqa: PLC0415

    from amc_learning.warehouse.files import locked  # noqa: PLC0415

    with locked(settings.data_dir / "dagster" / OPENING_LOCK_NAME):
        instance = dg.DagsterInstance.get()
    with instance:
        yield instance


def run_job(settings: Settings, name: str, days: Sequence[date], *, is_verbose: bool = False) -> JobResult:
    """Run a job for these consecutive knowledge days in this process, recorded in the Dagster instance."""
    from amc_learning.assets.partitions import KNOWLEDGE_DAYS  # noqa: PLC0415
    from amc_learning.automation.run_failures import failure_sentence  # noqa: PLC0415
    from amc_learning.automation.sensors import range_tags  # noqa: PLC0415
    from amc_learning.definitions import build_defs  # noqa: PLC0415

    newest = KNOWLEDGE_DAYS.get_last_partition_key()
    if newest is not None and is_knowledge_day(days[-1]) and str(days[-1]) > newest:
        raise typer.BadParameter(
            f"{days[-1]} begins on Monday, and Dagster runs it from then on; now: "
            f"amc-learning backfill --from {days[0]} --to {days[-1]}"
        )
    job = build_defs(settings=settings).resolve_job_def(name)
    run_config = {"loggers": {"console": {"config": {"log_level": _log_level(settings, is_verbose=is_verbose)}}}}
    with dagster_instance(settings) as instance:
        result = job.execute_in_process(
            instance=instance,
            partition_key=str(days[0]) if len(days) == 1 else None,
            tags=None if len(days) == 1 else range_tags(days[0], days[-1]),
            run_config=run_config,
            raise_on_error=False,
        )
    failures = [event for event in result.all_events if event.is_failure and event.step_key]
    return JobResult(result.success, result.run_id, tuple(failure_sentence(event) for event in failures))


def _log_level(settings: Settings, *, is_verbose: bool) -> str:
    """For people the command says what happened, and the log only what it is asked for; for programs it is the log."""
    if is_verbose:
        return "INFO"
    return "CRITICAL" if settings.logs.format == "text" else settings.logs.level.upper()


def is_dagster_used(settings: Settings) -> bool:
    """Whether Dagster has kept anything here, or keeps its things elsewhere."""
    home = settings.data_dir.expanduser() / "dagster"
    return "DAGSTER_HOME" in os.environ or (home.is_dir() and any(home.iterdir()))


def last_cycle(settings: Settings) -> str | None:
    """The last run Dagster knows of, in words; None when there was none."""
    # Whoever ran anything prepared the folder; an empty one is no reason to load Dagster, which takes a second.
    if "DAGSTER_HOME" not in os.environ and not any((settings.data_dir / "dagster").glob("*")):
        return None
    with dagster_instance(settings) as instance:
        records = instance.get_run_records(limit=1)
    if not records:
        return None
    record = records[0]
    run = record.dagster_run
    started = record.start_time and datetime.fromtimestamp(record.start_time, UTC).isoformat(" ", "seconds")
    took = f", {record.end_time - record.start_time:.1f} s" if record.start_time and record.end_time else ""
    day = run.tags.get("dagster/partition") or run.tags.get("dagster/asset_partition_range_end", "")
    return f"{run.job_name} {day}: {run.status.value.lower()}, started {started}{took}"


def tell_dagster(settings: Settings, days: Sequence[date], *, is_every_day: bool) -> None:
    """Record the last day or every day of a backfill for every asset, so that the UI shows what exists and whence."""
    import dagster as dg  # noqa: PLC0415

    from amc_learning.stages.cycle import daily_stages  # noqa: PLC0415

    names = (*TAKEN_IN, *(name for stage in daily_stages(days[-1]) for name in stage.asset_names))
    metadata: dict[str, str | int] = {"backfilled": f"{days[0]} to {days[-1]}", "n_knowledge_days": len(days)}
    with dagster_instance(settings) as instance:
        for day in days if is_every_day else days[-1:]:
            for name in names:
                event = dg.AssetMaterialization(
                    name, partition=str(day), metadata=metadata, description="Written by amc-learning backfill."
                )
                instance.report_runless_asset_event(event)
