"""A worker of `backfill --workers`, as a job that Dagster's queue gives to any process.

Belongs here: the job. Not here: which parts there are and who does which (stages/shared_range.py), starting workers and
waiting for them (cli/fan_out.py). The job is one step without assets: Dagster would write two events per asset and day,
and that takes several times longer than the work.
"""

from datetime import date

import dagster as dg
from pydantic import Field

from amc_learning.contracts.knowledge_days import knowledge_days
from amc_learning.settings import Settings
from amc_learning.stages.cycle import rarely_collecting
from amc_learning.stages.shared_range import SharedRange, Worker
from amc_learning.warehouse import Warehouse

BACKFILL_WORKER = "backfill_worker"
STEP = "work_on_parts"

RANGE_TAG, WORKER_TAG = "amc_learning/range", "amc_learning/worker"
"""Tags of a worker's run: of which range, and which of its workers."""


class WorkerConfig(dg.Config):
    """Which range a worker works on."""

    range: str = Field(description="Name of the range, new for each command.")
    first: str = Field(description="First knowledge day of the range, like 2014-01-02.")
    last: str = Field(description="Last knowledge day of the range.")
    n_workers: int = Field(ge=1, description="How many workers share it.")


def run_config(name: str, first: date, last: date, n_workers: int) -> dict[str, object]:
    """What the job is configured with."""
    config = WorkerConfig(range=name, first=str(first), last=str(last), n_workers=n_workers)
    return {"ops": {STEP: {"config": config.model_dump()}}}


@dg.op(name=STEP, out=dg.Out(dg.Nothing))
def work_on_parts(
    context: dg.OpExecutionContext,
    config: WorkerConfig,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> None:
    """Do parts of the range until all are done, here or by others."""
    days = knowledge_days(date.fromisoformat(config.first), date.fromisoformat(config.last))
    shared = SharedRange(warehouse, config.range)
    worker = Worker(warehouse, settings, shared, days, config.n_workers, context.log.info)
    with rarely_collecting():
        n_done = worker.work()
    context.log.info(f"{n_done} parts of {len(days)} knowledge days were done here")


@dg.job(
    name=BACKFILL_WORKER,
    description="One worker of `amc-learning backfill --workers`: it does parts of the range, a round of stages over "
    "some days each, until all are done. That command starts and awaits these runs; nobody needs to start one by hand.",
)
def backfill_worker() -> None:
    """One step."""
    work_on_parts()
