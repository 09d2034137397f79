"""`amc-learning backfill --workers`: a backfill shared by workers, which Dagster's queue starts.

Belongs here: putting workers into the queue and waiting until all is done; a daemon for the time of the command where
none is at work. Not here: what a worker does (stages/shared_range.py), where its run is executed: that is the run
launcher of the Dagster instance (a process of this machine, a Celery worker, a Kubernetes job).

This command holds the cycle lock while they work, so a fan-out is one at a time, and no night comes in between.
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
from typing import TYPE_CHECKING, TypeVar

from amc_learning.cli import daemon_lock
from amc_learning.cli.common import open_warehouse
from amc_learning.cli.dagster_runs import dagster_instance, prepare_dagster_home
from amc_learning.settings import Settings
from amc_learning.stages.cycle import Round

if TYPE_CHECKING:
    import dagster as dg
    from dagster._core.remote_origin import RemoteJobOrigin
    from dagster._daemon.types import DaemonHeartbeat

    from amc_learning.stages.shared_range import Part, SharedRange

Answer = TypeVar("Answer")

POLL_SECONDS = 0.25
PATIENCE_SECONDS = 180.0
"""How long nobody may be at work, or a question to the database may break off, before the command gives up."""

CLAIM_SECONDS = 10.0
"""How often it is looked whether somebody is at work."""

END_SECONDS = 30.0
"""A worker looks four times a second whether all is done; one that has not ended this long afterwards is gone."""

DAEMON_AGE_SECONDS = 60.0
"""A daemon says twice a minute that it is alive; one that was heard of longer ago is gone."""

SIGN_SECONDS = 1.0
"""How often it is looked whether a daemon says so again."""

STOP_SECONDS = 20.0
"""A daemon that has not ended this long after being asked is ended."""

RUN_TAGS = {"dagster/max_retries": "3", "dagster/max_runtime": "0"}
"""Of a worker: so many new runs where it died, and no end to how long it may take, which is long for a long history."""

THREAD_VARIABLES = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
DEFINITIONS = "amc_learning.definitions"
LOG_NAME = "fan_out_daemon.log"

_NOBODY_WORKS = (
    "no worker takes runs from Dagster's queue, or is at work on one; the parts that were done are stored. Start the "
    "daemon (amc-learning up) and the workers, then run the same command again"
)


class FanOutError(Exception):
    """Parts of a backfill did not all get done; those that did are stored."""


def run_fan_out(
    settings: Settings, days: Sequence[date], n_workers: int, *, say: Callable[[str], None]
) -> dict[str, float]:
    """Drain the inbox and run every stage over these days, the parallel rounds in parts for several workers.

    Args:
        settings: of the warehouse; workers read their own from the same environment or file.
        days: consecutive knowledge days.
        n_workers: runs that are put into the queue, all of which may be at work at once.
        say: told of each round that is over.

    Returns:
        Seconds per round; the starts of the workers are in the first.

    Raises:
        FanOutError: a worker failed and is not tried again, nobody takes runs from the queue, or Dagster's storage is
            away.
        StorageError: the database that gives turns broke.
    """
    from amc_learning.stages.collect import drain_all_events  # noqa: PLC0415
    from amc_learning.stages.shared_range import SharedRange  # noqa: PLC0415
    from amc_learning.stages.turns import whole_cycle  # noqa: PLC0415

    warehouse = open_warehouse(settings)
    shared = SharedRange(warehouse, name := uuid.uuid4().hex[:12])
    prepare_dagster_home(settings)
    with _storage_explained(), dagster_instance(settings) as instance, whole_cycle(warehouse):
        _refuse_one_at_a_time(instance)
        _end_left_over(instance)
        with _daemon(settings, instance, n_workers, say) as is_alive:
            drain_all_events(warehouse)
            workers = _Workers(settings, instance, is_alive, name)
            with shared.asked():
                workers.start(days, n_workers)
                seconds = workers.wait(shared, days, n_workers, say)
                workers.wait_for_their_ends()
    return seconds


class _Workers:
    """The workers of one command: runs in Dagster's queue."""

    def __init__(
        self, settings: Settings, instance: "dg.DagsterInstance", is_alive: Callable[[], bool], name: str
    ) -> None:
        self._settings, self._instance, self._is_alive, self._range = settings, instance, is_alive, name
        self._heard_at = time.monotonic()

    def start(self, days: Sequence[date], n_workers: int) -> None:
        """Put all of them into the queue."""
        from dagster._core.utils import make_new_run_id  # noqa: PLC0415

        from amc_learning.automation.backfill_worker import BACKFILL_WORKER, run_config  # noqa: PLC0415
        from amc_learning.definitions import build_defs  # noqa: PLC0415

        job = build_defs(settings=self._settings).resolve_job_def(BACKFILL_WORKER)
        config = run_config(self._range, days[0], days[-1], n_workers)
        for number in range(1, n_workers + 1):
            _patiently(partial(self._submit, job, config, f"{number} of {n_workers}", make_new_run_id()))

    def wait(
        self, shared: "SharedRange", days: Sequence[date], n_workers: int, say: Callable[[str], None]
    ) -> dict[str, float]:
        """Wait until every part of every round is done; seconds per round."""
        from amc_learning.stages.shared_range import parts_of  # noqa: PLC0415

        seconds = {}
        for round_ in Round:
            started = time.perf_counter()
            parts = parts_of(round_, days, n_workers)
            while left := shared.left(parts):
                runs = self._look()
                self._refuse_idleness(runs, shared, parts)
                self._refuse_silence(runs, shared, left)
            seconds[str(round_)] = round(time.perf_counter() - started, 3)
            say(f"{round_}: {seconds[round_]:.1f} s")
        return seconds

    def wait_for_their_ends(self) -> None:
        """Wait a moment for those that are at work still; who was not started yet need not start.

        Nor is one waited for whose machine has vanished: a launcher that gives runs to other machines may take its
        run for one under way for ever.
        """
        limit = time.monotonic() + END_SECONDS
        while time.monotonic() < limit and any(
            run.status.value in {"STARTING", "STARTED", "CANCELING"} for run in self._look()
        ):
            pass
        for run in _patiently(self._runs):
            if not run.is_finished:
                self._instance.report_run_canceled(run, "All parts are done, and this worker has not said so.")

    def _look(self) -> "Sequence[dg.DagsterRun]":
        """The runs a moment later; refused where one has failed, or the daemon we started has ended."""
        time.sleep(POLL_SECONDS)
        runs = _patiently(self._runs)
        self._refuse_failures(runs)
        if not self._is_alive():
            raise FanOutError(_NOBODY_WORKS)
        return runs

    def _refuse_silence(self, runs: "Sequence[dg.DagsterRun]", shared: "SharedRange", left: "Sequence[Part]") -> None:
        """Who is at work has a part: the status of a run says nothing of a worker whose machine has vanished."""
        waited = time.monotonic() - self._heard_at
        is_starting = any(run.status.value == "STARTING" for run in runs)
        if is_starting or (waited > CLAIM_SECONDS and shared.is_claimed(left)):
            self._heard_at = time.monotonic()
        elif waited > PATIENCE_SECONDS:
            raise FanOutError(_NOBODY_WORKS)

    def _submit(self, job: "dg.JobDefinition", config: "dict[str, object]", worker: str, run_id: str) -> None:
        """Put a worker into the queue; said again after the database broke in the middle, it lies there once."""
        from dagster._core.definitions.reconstruct import ReconstructableRepository  # noqa: PLC0415

        from amc_learning.automation.backfill_worker import RANGE_TAG, WORKER_TAG  # noqa: PLC0415

        repository = ReconstructableRepository.for_module(DEFINITIONS, "defs")
        if self._instance.get_run_by_id(run_id) is None:
            self._instance.create_run_for_job(
                job,
                run_id=run_id,
                run_config=config,
                tags={RANGE_TAG: self._range, WORKER_TAG: worker, **RUN_TAGS},
                status="NOT_STARTED",
                remote_job_origin=_remote_origin(self._settings.automation.code_location, job.name),
                job_code_origin=repository.get_reconstructable_job(job.name).get_python_origin(),
            )
        # the queue asks the workspace for nothing: the daemon has its own
        self._instance.submit_run(run_id, workspace=None)  # type: ignore[arg-type]

    def _runs(self) -> "Sequence[dg.DagsterRun]":
        import dagster as dg  # noqa: PLC0415

        from amc_learning.automation.backfill_worker import RANGE_TAG  # noqa: PLC0415

        return self._instance.get_runs(filters=dg.RunsFilter(tags={RANGE_TAG: self._range}))

    def _refuse_idleness(self, runs: "Sequence[dg.DagsterRun]", shared: "SharedRange", parts: "Sequence[Part]") -> None:
        """Workers end before all is done where they find that nobody waits for them: the turn was lost for a while."""
        if all(run.is_success for run in runs) and shared.left(parts):
            raise FanOutError(
                "the workers ended before all parts were done, because the turn was lost for a while; the parts that "
                "were done are stored. Run the same command again"
            )

    def _refuse_failures(self, runs: "Sequence[dg.DagsterRun]") -> None:
        """A failed run that Dagster starts anew is waited for; another one ends the command."""
        from amc_learning.automation.backfill_worker import WORKER_TAG  # noqa: PLC0415

        # Dagster says whether it does a moment after the failure itself
        unsaid = "true" if self._instance.run_retries_enabled else "false"
        for run in runs:
            is_tried_again = run.status.value == "FAILURE" and run.tags.get("dagster/will_retry", unsaid) == "true"
            is_over = run.is_failure_or_canceled and not is_tried_again
            if is_over and all(other.parent_run_id != run.run_id for other in runs):
                raise FanOutError(
                    f"worker {run.tags[WORKER_TAG]}: {self._cause(run)}; the parts that were done are stored. Run the "
                    f"same command again when the cause is mended (run {run.run_id})"
                )

    def _cause(self, run: "dg.DagsterRun") -> str:
        import dagster as dg  # noqa: PLC0415

        from amc_learning.automation.run_failures import failure_sentence  # noqa: PLC0415

        entries = self._instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
        said = [failure_sentence(entry.dagster_event) for entry in entries if entry.dagster_event]
        return said[-1] if said else f"the run ended as {run.status.value.lower()}"


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
    """The answer of Dagster's storage, asked again where the connection broke in the middle.

    To connect anew Dagster tries for some seconds and then gives up, and so do we: a worker cannot tell of its end to a
    database that is away for longer, and would be waited for in vain.
    """
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415
    from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed  # noqa: PLC0415

    retrying = Retrying(
        retry=retry_if_exception_type(DBAPIError),
        stop=stop_after_delay(PATIENCE_SECONDS),
        wait=wait_fixed(1),
        reraise=True,
    )
    return retrying(ask)


@contextlib.contextmanager
def _storage_explained() -> Iterator[None]:
    """Trouble with Dagster's storage as a sentence with a remedy."""
    try:
        yield
    except Exception as error:
        cause = _database_error(error)
        if cause is None:
            raise
        raise FanOutError(
            f"Dagster's storage cannot be used: {cause}; the parts that were done are stored. Bring the database back, "
            "then run the same command again"
        ) from error


def _database_error(error: Exception) -> str | None:
    """What the database said, in one line, where it or Dagster's last attempt to connect to it is the trouble."""
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415

    said = error if isinstance(error, DBAPIError) else error.__cause__
    return str(said.orig).strip().partition("\n")[0] if isinstance(said, DBAPIError) else None


def _refuse_one_at_a_time(instance: "dg.DagsterInstance") -> None:
    queue = instance.get_concurrency_config().run_queue_config
    if queue is None or 0 <= queue.max_concurrent_runs < 2:
        raise FanOutError(
            "this Dagster instance runs one thing at a time, so nothing can be shared; nothing was changed. Allow more "
            "in concurrency.runs.max_concurrent_runs of its dagster.yaml (see dagster.yaml of the project)"
        )


def _end_left_over(instance: "dg.DagsterInstance") -> None:
    """End the workers of a command that was killed or gave up: this one does their days anyway.

    One whose worker could not tell of its end would stand as started for hours, and take a place in the queue.
    """
    import dagster as dg  # noqa: PLC0415
    from dagster._core.errors import DagsterUserCodeProcessError, DagsterUserCodeUnreachableError  # noqa: PLC0415
    from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES  # noqa: PLC0415

    from amc_learning.automation.backfill_worker import BACKFILL_WORKER  # noqa: PLC0415

    left_over = dg.RunsFilter(job_name=BACKFILL_WORKER, statuses=NOT_FINISHED_STATUSES)
    for run in instance.get_runs(filters=left_over):
        # whoever started its worker may be gone, and the worker with it
        with contextlib.suppress(DagsterUserCodeUnreachableError, DagsterUserCodeProcessError):
            instance.run_coordinator.cancel_run(run.run_id)
        now = instance.get_run_by_id(run.run_id)
        if now and not now.is_finished:
            instance.report_run_canceled(now, "The command that waited for this worker has ended.")


@contextlib.contextmanager
def _daemon(
    settings: Settings, instance: "dg.DagsterInstance", n_workers: int, say: Callable[[str], None]
) -> Iterator[Callable[[], bool]]:
    """A daemon that takes runs from the queue: the one at work, or one of our own until we are done; is it alive?"""
    lock = daemon_lock.taken(settings)
    if lock is None:
        yield lambda: True
        return
    try:
        if _is_daemon_elsewhere(instance, lock, say):
            yield lambda: True
        else:
            with _daemon_of_ours(settings, instance, n_workers, lock) as is_alive:
                yield is_alive
    finally:
        os.close(lock)


def _is_daemon_elsewhere(instance: "dg.DagsterInstance", lock: int, say: Callable[[str], None]) -> bool:
    """Whether a daemon of another machine is at work: what was heard last may be of one that was killed here."""
    first = _heard(instance)
    if first is None or first.daemon_id == daemon_lock.last_daemon(lock):
        return False
    if time.time() - first.timestamp < DAEMON_AGE_SECONDS:
        say("a daemon was heard of a moment ago and none runs here; waiting whether it says more, up to a minute")
    while time.time() - first.timestamp < DAEMON_AGE_SECONDS:
        time.sleep(SIGN_SECONDS)
        if (last := _heard(instance)) and last.timestamp > first.timestamp:
            return True
    return False


def _heard(instance: "dg.DagsterInstance") -> "DaemonHeartbeat | None":
    return instance.get_daemon_heartbeats().get("QUEUED_RUN_COORDINATOR")


@contextlib.contextmanager
def _daemon_of_ours(
    settings: Settings, instance: "dg.DagsterInstance", n_workers: int, lock: int
) -> Iterator[Callable[[], bool]]:
    n_threads = str(max(1, len(os.sched_getaffinity(0)) // n_workers))
    environment = dict.fromkeys(THREAD_VARIABLES, n_threads) | os.environ
    words = [sys.executable, "-W", "ignore", "-m", "amc_learning.cli.fan_out_daemon", DEFINITIONS]
    words += [settings.automation.code_location]
    began = time.time()
    with (settings.data_dir.expanduser() / "dagster" / LOG_NAME).open("ab") as said:
        program = subprocess.Popen(
            words,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=said,
            stderr=said,
            start_new_session=True,
            pass_fds=(lock,),
        )
    try:
        while program.poll() is None:
            if (heard := _heard(instance)) and heard.timestamp > began:
                daemon_lock.remember_daemon(lock, heard.daemon_id or "")
                break
            time.sleep(POLL_SECONDS)
        yield lambda: program.poll() is None
    finally:
        program.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            program.wait(STOP_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)
        program.communicate()
        # the next command need not wait whether ours says more; where the database is away, it will
        try:
            instance.wipe_daemon_heartbeats()
        except Exception as error:
            if _database_error(error) is None:
                raise
