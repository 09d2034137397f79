import subprocess
import sys
from pathlib import Path

import pytest

from amc_learning.contracts.tables import catalogue
from amc_learning.warehouse import StorageError, Warehouse

from .samples import event

COMPONENTS = ("technical", "options")
ROOT = Path(__file__).resolve().parents[2]


def test_everything_has_its_place_private_to_the_owner(tmp_path):
    warehouse = Warehouse.open(tmp_path / "deep" / "data", COMPONENTS)
    warehouse.inbox.append([event(1)])
    warehouse.publications.publish("weights", {"v": 1}, event(1).known_on, {})
    assert sorted(path.name for path in warehouse.data_dir.iterdir()) == ["dagster", "inbox", "published", "tables"]
    assert (warehouse.data_dir / "inbox" / "events.sqlite").exists()
    assert (warehouse.data_dir / "published" / "weights.json").exists()
    assert warehouse.dagster_home == warehouse.data_dir / "dagster"
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "deep").rglob("*") if path.is_dir()} == {0o700}
    warehouse.inbox.close()


def test_an_existing_folder_keeps_its_mode(tmp_path):
    tmp_path.chmod(0o755)
    Warehouse.open(tmp_path, COMPONENTS)
    assert tmp_path.stat().st_mode & 0o777 == 0o755


def test_every_declared_table_is_there_in_the_order_of_the_flow(tmp_path):
    warehouse = Warehouse.open(tmp_path, COMPONENTS)
    assert list(warehouse.tables) == [table.name for table in catalogue(COMPONENTS)]
    assert warehouse.table("price_bars").table == catalogue(COMPONENTS)["price_bars"]
    with pytest.raises(KeyError, match="no table named 'nothing'; the tables are: discovery_events"):
        warehouse.table("nothing")


def test_the_inbox_address_can_be_another(tmp_path):
    warehouse = Warehouse.open(tmp_path / "data", COMPONENTS, f"sqlite:///{tmp_path / 'elsewhere.sqlite'}")
    warehouse.inbox.append([event(1)])
    assert (tmp_path / "elsewhere.sqlite").exists()
    warehouse.inbox.close()


TURN = (
    "import sys\nfrom pathlib import Path\nfrom amc_learning.warehouse import Warehouse\n"
    "warehouse = Warehouse.open(Path(sys.argv[1]), ('a', 'b'))\n"
    "print('waiting', flush=True)\n"
    "with warehouse.turn():\n"
    "    print((warehouse.data_dir / 'state').read_text(), flush=True)\n"
    "    sys.stdin.read()\n"
)


def other_process(data_dir):
    return subprocess.Popen(
        [sys.executable, "-c", TURN, str(data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def test_who_waits_for_the_turn_of_another_process_sees_what_that_one_wrote(tmp_path):
    warehouse = Warehouse.open(tmp_path, COMPONENTS)
    state = tmp_path / "state"
    with other_process(tmp_path) as other:
        with warehouse.turn():
            state.write_text("before")
            assert other.stdout.readline() == "waiting\n"
            with pytest.raises(subprocess.TimeoutExpired):
                other.wait(0.3)
            state.write_text("after")
        assert other.communicate("")[0] == "after\n"
    assert other.returncode == 0


def test_a_killed_holder_lets_go_of_the_turn_and_so_does_one_that_fails(tmp_path):
    warehouse = Warehouse.open(tmp_path, COMPONENTS)
    (tmp_path / "state").write_text("mine")
    with other_process(tmp_path) as other:
        assert (other.stdout.readline(), other.stdout.readline()) == ("waiting\n", "mine\n")
        other.kill()
    with pytest.raises(ZeroDivisionError), warehouse.turn():
        _ = 1 / 0
    with warehouse.turn():
        pass


def test_a_shared_turn_is_held_together_and_excludes_who_wants_it_alone(tmp_path):
    warehouse = Warehouse.open(tmp_path, COMPONENTS)
    (tmp_path / "state").write_text("alone")
    with other_process(tmp_path) as other:
        with warehouse.turn(is_shared=True), warehouse.turn(is_shared=True):
            assert other.stdout.readline() == "waiting\n"
            with pytest.raises(subprocess.TimeoutExpired):
                other.wait(0.3)
        assert other.communicate("")[0] == "alone\n"


def test_a_turn_that_cannot_be_taken_is_explained(tmp_path):
    warehouse = Warehouse.open(tmp_path, COMPONENTS)
    (tmp_path / "tables" / ".cycle.lock").mkdir()
    with pytest.raises(StorageError, match="cannot be locked: Is a directory"), warehouse.turn():
        pass


def test_opening_loads_neither_database(tmp_path):
    script = (
        "import sys\nfrom pathlib import Path\nfrom amc_learning.warehouse import Warehouse\n"
        "import amc_learning.warehouse.sql\n"
        "Warehouse.open(Path(sys.argv[1]), ('a', 'b')).table('price_bars').days()\n"
        "print([name for name in ('sqlalchemy', 'duckdb', 'dagster', 'pydantic', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[]"
