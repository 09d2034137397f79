import pytest

from amc_learning_tests.market_data.vendor import Vendor, serving


@pytest.fixture
def vendor():
    with serving(Vendor()) as running:
        yield running
