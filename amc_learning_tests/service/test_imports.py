"""The service starts light: what it does not need is not loaded."""

import subprocess
import sys

import pytest

HEAVY = ("dagster", "sklearn", "statsmodels", "scipy", "pandas", "matplotlib", "exchange_calendars", "duckdb")

LOADED = """
import importlib, sys
importlib.import_module(sys.argv[1])
heavy = sys.argv[2].split(",")
print(",".join(name for name in heavy if name in sys.modules))
"""


@pytest.mark.parametrize("module", ["amc_learning.service.app", "amc_learning.service.server"])
def test_the_service_loads_neither_orchestration_nor_statistics(module):
    done = subprocess.run(
        [sys.executable, "-c", LOADED, module, ",".join(HEAVY)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
