"""`amc-learning backfill --workers`: the rounds of a backfill, each in parts that Dagster's queue gives to workers.

Belongs here: putting parts into the queue and waiting for them, round after round; a daemon for the time of the
command where none is at work. Not here: what a part does (automation/parts.py), where its run is executed: that is the
run launcher of the Dagster instance (a process of this machine, a Celery worker, a Kubernetes job).

This command holds the cycle lock while the parts run, so a fan-out is one at a time, and no night comes in between.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from amc_learning.cli.common import open_warehouse
from amc_learning.cli.dagster_runs import dagster_instance, prepare_dagster_home
from amc_learning.settings import Settings
from amc_learning.stages.cycle import Round

if TYPE_CHECKING:
    import dagster as dg
    from dagster._core.remote_origin import RemoteJobOrigin

    from amc_learning.automation.parts import Part

Answer = TypeVar("Answer")

POLL_SECONDS = 0.25
PATIENCE_SECONDS = 180.0
"""How long runs may wait in the queue, or the database be away, before the command gives up."""

DAEMON_AGE_SECONDS = 60.0
"""A daemon says twice a minute that it is alive; one that was heard of longer ago is gone."""

STOP_SECONDS = 20.0
"""A daemon that has not ended this long after being asked is ended."""

MAX_RETRIES = 3
"""New runs for a part whose worker died."""

THREAD_VARIABLES = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
DEFINITIONS = "amc_learning.definitions"
LOG_NAME = "fan_out_daemon.log"

DAEMON = """
import os, signal, sys, threading
def end_with_the_command():
    sys.stdin.buffer.read()
    os.killpg(0, signal.SIGKILL)
threading.Thread(target=end_with_the_command, daemon=True).start()
from dagster._daemon.cli import main
main()
"""
"""Dagster's daemon, which ends with all it started when the command at the other end of its input is killed."""


class FanOutError(Exception):
    """Parts of a backfill did not all get done; those that did are stored."""


def run_fan_out(
    settings: Settings, days: Sequence[date], n_workers: int, *, say: Callable[[str], None]
) -> dict[str, float]:
    """Drain the inbox and run every stage over these days, each round in parts for several workers.

    Args:
        settings: of the warehouse; workers read their own from the same environment or file.
        days: consecutive knowledge days.
        n_workers: parts of a parallel round, all of which may run at once.
        say: told of each round that is over.

    Returns:
        Seconds per round.

    Raises:
        FanOutError: a part failed and was not tried again, or nobody takes runs from the queue.
    """
    from amc_learning.automation.parts import parts_of  # noqa: PLC0415
    from amc_learning.stages.collect import drain_all_events  # noqa: PLC0415
    from amc_learning.stages.turns import whole_cycle  # noqa: PLC0415

    warehouse = open_warehouse(settings)
    seconds = {}
    home = prepare_dagster_home(settings)
    with dagster_instance(settings) as instance, whole_cycle(warehouse):
        _refuse_one_at_a_time(instance)
        _cancel_left_over(instance)
        with _daemon(instance, n_workers, home / LOG_NAME) as is_alive:
            drain_all_events(warehouse)
            queue = _Queue(settings, instance, is_alive)
            for round_ in Round:
                started = time.perf_counter()
                queue.run(parts_of(round_, days, n_workers))
                seconds[str(round_)] = round(time.perf_counter() - started, 3)
                say(f"{round_}: {seconds[round_]:.1f} s")
    return seconds


class _Queue:
    """The parts of one command in Dagster's queue."""

    def __init__(self, settings: Settings, instance: "dg.DagsterInstance", is_alive: Callable[[], bool]) -> None:
        from amc_learning.automation.parts import BACKFILL_PART  # noqa: PLC0415
        from amc_learning.definitions import build_defs  # noqa: PLC0415

        self._instance, self._is_alive = instance, is_alive
        self._fan_out = uuid.uuid4().hex[:12]
        self._job = build_defs(settings=settings).resolve_job_def(BACKFILL_PART)
        self._location = settings.automation.code_location

    def run(self, parts: "Sequence[Part]") -> None:
        """Put these parts into the queue and wait until all of them are done."""
        for part in parts:
            _patiently(partial(self._submit, part))
        waiting, heard_at = {part.name for part in parts}, time.monotonic()
        while waiting:
            time.sleep(POLL_SECONDS)
            runs = _patiently(self._runs)
            waiting -= {part_of(run) for run in runs if run.is_success}
            self._refuse_failures([run for run in runs if part_of(run) in waiting])
            if any(run.status.value in {"STARTING", "STARTED"} for run in runs):
                heard_at = time.monotonic()
            if not self._is_alive() or time.monotonic() - heard_at > PATIENCE_SECONDS:
                raise FanOutError(
                    "no worker takes parts from Dagster's queue; the parts that were done are stored. Start the daemon "
                    "(amc-learning up) and the workers, then run the same command again"
                )

    def _submit(self, part: "Part") -> None:
        from dagster._core.definitions.reconstruct import ReconstructableRepository  # noqa: PLC0415

        from amc_learning.automation.parts import FAN_OUT_TAG, PART_TAG  # noqa: PLC0415

        repository = ReconstructableRepository.for_module(DEFINITIONS, "defs")
        run = self._instance.create_run_for_job(
            self._job,
            run_config=part.run_config,
            tags={FAN_OUT_TAG: self._fan_out, PART_TAG: part.name, "dagster/max_retries": str(MAX_RETRIES)},
            status="NOT_STARTED",
            remote_job_origin=_remote_origin(self._location, self._job.name),
            job_code_origin=repository.get_reconstructable_job(self._job.name).get_python_origin(),
        )
        # the queue asks the workspace for nothing: the daemon has its own
        self._instance.submit_run(run.run_id, workspace=None)  # type: ignore[arg-type]

    def _runs(self) -> "Sequence[dg.DagsterRun]":
        import dagster as dg  # noqa: PLC0415

        from amc_learning.automation.parts import FAN_OUT_TAG  # noqa: PLC0415

        return self._instance.get_runs(filters=dg.RunsFilter(tags={FAN_OUT_TAG: self._fan_out}))

    def _refuse_failures(self, runs: "Sequence[dg.DagsterRun]") -> None:
        """A failed run that Dagster starts anew is waited for; another one ends the command."""
        for run in runs:
            is_over = run.is_failure_or_canceled and run.tags.get("dagster/will_retry") != "true"
            if is_over and all(other.parent_run_id != run.run_id for other in runs):
                raise FanOutError(
                    f"part {part_of(run)}: {self._cause(run)}; the parts that were done are stored. Run the same "
                    f"command again when the cause is mended (run {run.run_id})"
                )

    def _cause(self, run: "dg.DagsterRun") -> str:
        import dagster as dg  # noqa: PLC0415

        from amc_learning.automation.run_failures import failure_sentence  # noqa: PLC0415

        entries = self._instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
        said = [failure_sentence(entry.dagster_event) for entry in entries if entry.dagster_event]
        return said[-1] if said else f"the run ended as {run.status.value.lower()}"


def part_of(run: "dg.DagsterRun") -> str:
    """Name of the part a run does."""
    from amc_learning.automation.parts import PART_TAG  # noqa: PLC0415

    return run.tags[PART_TAG]


def _remote_origin(location: str, job: str) -> "RemoteJobOrigin":
    """Where the daemon finds the job: in the code location of this name, whatever serves it there."""
    from dagster._core.remote_origin import (  # noqa: PLC0415
        ManagedGrpcPythonEnvCodeLocationOrigin,
        RemoteJobOrigin,
        RemoteRepositoryOrigin,
    )
    from dagster._core.types.loadable_target_origin import LoadableTargetOrigin  # noqa: PLC0415

    served = ManagedGrpcPythonEnvCodeLocationOrigin(LoadableTargetOrigin(module_name=DEFINITIONS), location)
    return RemoteJobOrigin(RemoteRepositoryOrigin(served, "__repository__"), job)


def _patiently(ask: Callable[[], Answer]) -> Answer:
    """The answer of Dagster's storage, asked again while the database is away."""
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415
    from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed  # noqa: PLC0415

    retrying = Retrying(
        retry=retry_if_exception_type(DBAPIError),
        stop=stop_after_delay(PATIENCE_SECONDS),
        wait=wait_fixed(1),
        reraise=True,
    )
    return retrying(ask)


def _refuse_one_at_a_time(instance: "dg.DagsterInstance") -> None:
    queue = instance.get_concurrency_config().run_queue_config
    if queue is None or 0 <= queue.max_concurrent_runs < 2:
        raise FanOutError(
            "this Dagster instance runs one thing at a time, so nothing can be shared; nothing was changed. Allow more "
            "in concurrency.runs.max_concurrent_runs of its dagster.yaml (see dagster.yaml of the project)"
        )


def _cancel_left_over(instance: "dg.DagsterInstance") -> None:
    """Parts of a command that was killed may still wait in the queue; this one does their days anyway."""
    import dagster as dg  # noqa: PLC0415

    from amc_learning.automation.parts import BACKFILL_PART  # noqa: PLC0415

    waiting = dg.RunsFilter(job_name=BACKFILL_PART, statuses=[dg.DagsterRunStatus.QUEUED])
    for run in instance.get_runs(filters=waiting):
        instance.run_coordinator.cancel_run(run.run_id)


@contextlib.contextmanager
def _daemon(instance: "dg.DagsterInstance", n_workers: int, log: Path) -> Iterator[Callable[[], bool]]:
    """A daemon that takes runs from the queue: the one at work, or one of our own until we are done; is it alive?"""
    marker = log.with_suffix(".started")
    if marker.exists():
        # the command that started it was killed, and it with it: what it said last is no sign of life
        instance.wipe_daemon_heartbeats()
    heard = instance.get_daemon_heartbeats().get("QUEUED_RUN_COORDINATOR")
    if heard and time.time() - heard.timestamp < DAEMON_AGE_SECONDS:
        yield lambda: True
        return
    n_threads = str(max(1, len(os.sched_getaffinity(0)) // n_workers))
    environment = dict.fromkeys(THREAD_VARIABLES, n_threads) | os.environ
    words = [sys.executable, "-W", "ignore", "-c", DAEMON, "run", "-m", DEFINITIONS]
    marker.touch()
    with log.open("ab") as said:
        program = subprocess.Popen(
            words, env=environment, stdin=subprocess.PIPE, stdout=said, stderr=said, start_new_session=True
        )
    try:
        yield lambda: program.poll() is None
    finally:
        program.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            program.wait(STOP_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)
        program.communicate()
        # the next command must not take what ours said for a daemon at work
        instance.wipe_daemon_heartbeats()
        marker.unlink(missing_ok=True)
