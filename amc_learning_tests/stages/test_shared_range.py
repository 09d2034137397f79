"""Workers who share a range: every part is done once by somebody, whoever starts late, dies, or never comes."""

import subprocess
import sys
import threading
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path
from shutil import copytree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amc_learning.contracts.knowledge_days import knowledge_days
from amc_learning.stages.cycle import Round
from amc_learning.stages.shared_range import NobodyWaitsError, Part, SharedRange, Worker, parts_of
from amc_learning.warehouse import Warehouse
from amc_learning_tests.acceptance.loop import DAYS, backfilled, kept, open_warehouse, settings_for

ROOT = Path(__file__).resolve().parents[2]
FEW_DAYS = DAYS[:12]
PART = Part(Round.JUDGE, FEW_DAYS[0], FEW_DAYS[3])
LIMIT_SECONDS = 120


@given(
    round_=st.sampled_from(Round),
    first=st.dates(date(2008, 1, 1), date(2014, 12, 31)),
    n_more=st.integers(0, 3000),
    n_workers=st.integers(1, 9),
)
def test_the_parts_of_a_round_are_its_days_in_their_order_and_no_worker_lacks_one_that_is_parallel(
    round_, first, n_more, n_workers
):
    days = knowledge_days(first, first + timedelta(days=n_more)) or knowledge_days(first, first + timedelta(days=3))
    parts = parts_of(round_, days, n_workers)
    assert [day for part in parts for day in part.days] == days
    assert len({part.name for part in parts}) == len(parts)
    if not round_.is_parallel:
        assert len(parts) == 1
    # a day or two are not cut, and the last of equal parts may be empty where days are few
    elif len(days) >= n_workers**2:
        assert len(parts) >= n_workers


@pytest.fixture
def warehouse(tmp_path, clean_environment):
    return open_warehouse(settings_for(tmp_path))


def shared_by(warehouse):
    return SharedRange(warehouse, "one")


def test_a_part_is_claimed_by_one_at_a_time_and_by_nobody_once_it_is_marked(warehouse):
    shared, other = shared_by(warehouse), shared_by(warehouse)
    with shared.asked():
        with shared.claimed(PART) as is_ours, other.claimed(PART) as is_theirs:
            assert (is_ours, is_theirs) == (True, False)
        with other.claimed(PART) as is_theirs:
            assert is_theirs, "who had it did not mark it: it is not done"
            other.mark(PART)
        assert shared.left([PART]) == []
        with shared.claimed(PART) as is_ours:
            assert not is_ours


CLAIM = """
import sys
from datetime import date
from pathlib import Path
from amc_learning.settings import Settings
from amc_learning.stages.cycle import Round
from amc_learning.stages.shared_range import Part, SharedRange
from amc_learning.warehouse import Warehouse

settings = Settings(data_dir=Path(sys.argv[1]))
warehouse = Warehouse.open(settings.data_dir, settings.features.components)
part = Part(Round.JUDGE, date.fromisoformat(sys.argv[2]), date.fromisoformat(sys.argv[3]))
with SharedRange(warehouse, "one").claimed(part) as is_ours:
    print(is_ours, flush=True)
    sys.stdin.read()
"""


def test_the_part_of_a_killed_worker_is_for_another(warehouse):
    words = [sys.executable, "-c", CLAIM, str(warehouse.data_dir), str(PART.first), str(PART.last)]
    shared = shared_by(warehouse)
    with (
        shared.asked(),
        subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process,
    ):
        assert process.stdout.readline() == "True\n"
        with shared.claimed(PART) as is_ours:
            assert not is_ours
        assert shared.is_claimed([PART])
        process.kill()
        process.wait()
        assert not shared.is_claimed([PART])
        with shared.claimed(PART) as is_ours:
            assert is_ours


def test_a_range_is_asked_as_long_as_its_command_lives_and_leaves_nothing(warehouse):
    shared = shared_by(warehouse)
    assert not shared.is_asked()
    with shared.asked():
        assert shared_by(warehouse).is_asked()
        assert not SharedRange(warehouse, "another").is_asked()
        shared.mark(PART)
    assert not shared.is_asked()
    assert list(warehouse.shared_ranges_folder.rglob("*")) == []


def test_marks_of_a_command_that_was_killed_are_forgotten_by_the_next(warehouse):
    warehouse.storage.make_folder(warehouse.shared_ranges_folder / "killed")
    SharedRange(warehouse, "killed").mark(PART)
    with shared_by(warehouse).asked():
        assert not list(warehouse.shared_ranges_folder.rglob("*.done"))


def test_a_worker_who_comes_when_its_command_has_ended_does_nothing(warehouse):
    said = []
    settings = settings_for(warehouse.data_dir)
    assert Worker(warehouse, settings, shared_by(warehouse), FEW_DAYS, 2, said.append).work() == 0
    assert said == ["the command that asked for these days has ended; nothing is left to do"]


@pytest.mark.slow
def test_a_worker_whose_command_is_killed_stops_before_the_next_part(loaded):
    warehouse, said = open_warehouse(loaded), []
    shared = shared_by(warehouse)
    command = ExitStack()

    def hear(words):
        said.append(words)
        if len(said) == 2:
            command.close()

    command.enter_context(shared.asked())
    with pytest.raises(NobodyWaitsError, match="Run the same command again"):
        Worker(warehouse, loaded, shared, FEW_DAYS, 2, hear).work()
    assert len(said) == 2


@pytest.fixture(scope="module")
def alone(ingested_base, tmp_path_factory):
    """What one process leaves of these days."""
    settings = settings_for(copytree(ingested_base, tmp_path_factory.mktemp("alone") / "data"))
    backfilled(settings, FEW_DAYS).inbox.close()
    return kept(settings)


@pytest.mark.slow
@pytest.mark.parametrize("n_who_come", [1, 3])
def test_those_who_come_do_all_parts_once_and_leave_the_bytes_of_one_process(loaded, alone, n_who_come):
    """Three are expected; where only one comes, it does not wait for the others."""
    said, counts = [], []

    def work():
        warehouse = Warehouse.open(loaded.data_dir, loaded.features.components)
        counts.append(Worker(warehouse, loaded, shared_by(warehouse), FEW_DAYS, 3, said.append).work())

    warehouse = open_warehouse(loaded)
    with shared_by(warehouse).asked():
        workers = [threading.Thread(target=work) for _ in range(n_who_come)]
        for thread in workers:
            thread.start()
        for thread in workers:
            thread.join(LIMIT_SECONDS)
    n_parts = sum(len(parts_of(round_, FEW_DAYS, 3)) for round_ in Round)
    assert sum(counts) == len(said) == len(set(said)) == n_parts
    assert kept(loaded) == alone
