"""Parts of a backfill that several workers share: one round of stages over some days, as a job that any worker runs.

Belongs here: what a part is and the job that does it. Not here: which parts there are, and waiting for them
(cli/fan_out.py); which rounds may be shared (stages/cycle.py). The job is one step without assets: Dagster would write
two events per asset and day, and that takes several times longer than the work.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import dagster as dg
from pydantic import Field

from amc_learning.contracts.knowledge_days import knowledge_days
from amc_learning.settings import Settings
from amc_learning.stages.cycle import Round, run_days
from amc_learning.stages.turns import sharing_turns
from amc_learning.warehouse import Warehouse

BACKFILL_PART = "backfill_part"
STEP = "run_part"

FAN_OUT_TAG, PART_TAG = "amc_learning/fan_out", "amc_learning/part"
"""Tags of a part's run: whose part it is, and which."""


@dataclass(frozen=True)
class Part:
    """The stages of one round over consecutive knowledge days of a cycle that ends on `cycle_to`."""

    round: Round
    first: date
    last: date
    cycle_to: date

    @property
    def name(self) -> str:
        """Round and days.

        >>> Part(Round.JUDGE, date(2014, 1, 2), date(2014, 3, 3), date(2014, 12, 15)).name
        'judge 2014-01-02 to 2014-03-03'
        """
        return f"{self.round} {self.first} to {self.last}"

    @property
    def run_config(self) -> dict[str, object]:
        """What the job is configured with."""
        days = {"first": str(self.first), "last": str(self.last), "cycle_to": str(self.cycle_to)}
        return {"ops": {STEP: {"config": {"round": str(self.round), **days}}}}


def parts_of(round_: Round, days: Sequence[date], n_workers: int) -> list[Part]:
    """The days of a round in as many equal parts as there are workers, or whole where they follow from one another.

    >>> days = [date(2014, 12, day) for day in (1, 2, 3, 4, 5)]
    >>> [part.name for part in parts_of(Round.JUDGE, days, 2)]
    ['judge 2014-12-01 to 2014-12-03', 'judge 2014-12-04 to 2014-12-05']
    >>> [part.name for part in parts_of(Round.DECIDE, days, 2)]
    ['decide 2014-12-01 to 2014-12-05']
    """
    n_parts = min(n_workers, len(days)) if round_.is_parallel else 1
    n_days = -(-len(days) // n_parts)
    chunks = [days[start : start + n_days] for start in range(0, len(days), n_days)]
    return [Part(round_, chunk[0], chunk[-1], days[-1]) for chunk in chunks]


class PartConfig(dg.Config):
    """Which part a run does."""

    round: str = Field(description="The round of stages (stages/cycle.py): collect, settle, judge, analyse or decide.")
    first: str = Field(description="First knowledge day of the part, like 2014-01-02.")
    last: str = Field(description="Last knowledge day of the part.")
    cycle_to: str = Field(description="Last knowledge day of the whole backfill.")


@dg.op(name=STEP, out=dg.Out(dg.Nothing))
def run_part(
    context: dg.OpExecutionContext,
    config: PartConfig,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> None:
    """Run the stages of one round over the days of this part."""
    days = knowledge_days(date.fromisoformat(config.first), date.fromisoformat(config.last))
    done = _run(warehouse, settings, Round(config.round), days, date.fromisoformat(config.cycle_to))
    context.log.info(f"{config.round}: {len(days)} knowledge days from {days[0]} to {days[-1]}, {done} bites of stages")


def _run(warehouse: Warehouse, settings: Settings, round_: Round, days: Sequence[date], cycle_to: date) -> int:
    bites = run_days(warehouse, settings, days, only=round_, cycle_to=cycle_to)
    if not round_.is_parallel:
        return sum(1 for _ in bites)
    with sharing_turns():
        return sum(1 for _ in bites)


@dg.job(
    name=BACKFILL_PART,
    description="One part of `amc-learning backfill --workers`: a round of stages over some days. That command starts "
    "and awaits these runs; nobody needs to start one by hand.",
)
def backfill_part() -> None:
    """One step."""
    run_part()
