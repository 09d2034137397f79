"""Data directories on the small simulated market of `acceptance/loop.py`, for every test that needs the whole loop."""

import gc
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from amc_learning.settings import Settings
from amc_learning.simulation.market import MarketFiles


def pytest_collection_finish() -> None:
    """What collecting has loaded stays to the end: it is not looked through for garbage again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def clean_environment() -> Iterator[None]:
    """No setting of the machine reaches the test, and none of the test stays."""
    import os  # noqa: PLC0415

    from amc_learning_tests.acceptance.loop import environment  # noqa: PLC0415

    with environment():
        for name in [name for name in os.environ if name.startswith(("AMC_LEARNING_", "DAGSTER_"))]:
            del os.environ[name]
        yield


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> MarketFiles:
    """The simulated market as files."""
    from amc_learning_tests.acceptance.loop import write_files  # noqa: PLC0415

    return write_files(tmp_path_factory.mktemp("feed"))


@pytest.fixture(scope="session")
def ingested_base(files: MarketFiles, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory that holds the files; copied by `loaded`, never written."""
    from amc_learning_tests.acceptance.loop import ingested  # noqa: PLC0415

    return ingested(files, tmp_path_factory.mktemp("ingested") / "data").data_dir


@pytest.fixture(scope="session")
def fifty_days_base(ingested_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory in which the first fifty days are decided; copied, never written."""
    from amc_learning_tests.acceptance.loop import DAYS, backfilled, settings_for  # noqa: PLC0415

    folder = tmp_path_factory.mktemp("fifty_days") / "data"
    shutil.copytree(ingested_base, folder)
    backfilled(settings_for(folder), DAYS[:50]).inbox.close()
    return folder


@pytest.fixture(scope="session")
def finished_base(ingested_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory in which every day is decided; copied by `finished`, never written."""
    from amc_learning_tests.acceptance.loop import backfilled, settings_for  # noqa: PLC0415

    folder = tmp_path_factory.mktemp("finished") / "data"
    shutil.copytree(ingested_base, folder)
    backfilled(settings_for(folder)).inbox.close()
    return folder


@pytest.fixture
def loaded(ingested_base: Path, tmp_path: Path, clean_environment: None) -> Settings:
    """Everything ingested, nothing derived, in a directory of the test's own."""
    return Settings(data_dir=Path(shutil.copytree(ingested_base, tmp_path / "data")))


@pytest.fixture
def finished(finished_base: Path, tmp_path: Path, clean_environment: None) -> Settings:
    """Every day decided and published, in a directory of the test's own."""
    return Settings(data_dir=Path(shutil.copytree(finished_base, tmp_path / "data")))
