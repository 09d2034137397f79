"""The rounds of a fan-out: what several workers may share, held against what the stages really read and write."""

from dataclasses import dataclass, field, replace
from datetime import date
from types import MappingProxyType

import pytest

from amc_learning.stages.cycle import Round, daily_stages, run_days
from amc_learning.warehouse.tables import PartitionedTable
from amc_learning_tests.acceptance.loop import DAYS, open_warehouse

PART = DAYS[40:45]


@dataclass
class Seen:
    """Tables written, and those of which days before the part were read."""

    written: set[str] = field(default_factory=set)
    read_back: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class WatchedTable(PartitionedTable):
    """A stored table that remembers how it was used."""

    seen: Seen = field(default_factory=Seen)
    since: date = date.min

    def read(self, start, end, columns=None):
        if start is None or start < self.since:
            self.seen.read_back.add(self.table.name)
        return super().read(start, end, columns)

    def write(self, frame, days):
        self.seen.written.add(self.table.name)
        return super().write(frame, days)


def watched(warehouse, since):
    seen = Seen()
    tables = {
        name: WatchedTable(table.root, table.table, table.storage, seen, since)
        for name, table in warehouse.tables.items()
    }
    return replace(warehouse, tables=MappingProxyType(tables)), seen


def test_every_stage_of_the_night_has_a_round_and_no_round_reads_what_a_later_one_writes():
    stages = daily_stages(DAYS[-1])
    assert all(stage.round is not None for stage in stages)
    assert {stage.round for stage in stages} == set(Round)


@pytest.mark.slow
@pytest.mark.parametrize("round_", [round_ for round_ in Round if round_.is_parallel])
def test_a_shared_round_reads_earlier_days_only_of_tables_that_earlier_rounds_wrote(finished, round_):
    warehouse, seen = watched(open_warehouse(finished), PART[0])
    for _ in run_days(warehouse, finished, PART, only=round_, cycle_to=DAYS[-1]):
        pass
    assert seen.written
    assert seen.read_back & seen.written == set()
