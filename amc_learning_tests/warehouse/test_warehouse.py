import subprocess
import sys
from pathlib import Path

import pytest

from amc_learning.contracts.tables import catalogue
from amc_learning.warehouse import Warehouse

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
