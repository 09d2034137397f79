from datetime import date, timedelta
from itertools import islice

import pytest

from amc_learning.simulation.market import SimulatedMarket, simulate_market
from amc_learning.simulation.rules import SAMPLE, MarketRules


def weekdays(rules: MarketRules) -> list[date]:
    days = (rules.first_session + timedelta(days=n) for n in range(2 * rules.n_sessions + 7))
    return list(islice((day for day in days if day.weekday() < 5), rules.n_sessions))


@pytest.fixture(scope="session")
def simulate():
    """Simulate over plain weekdays: holidays are the caller's business."""
    return lambda rules: simulate_market(rules, weekdays(rules))


@pytest.fixture(scope="session")
def sample(simulate) -> SimulatedMarket:
    return simulate(SAMPLE)
