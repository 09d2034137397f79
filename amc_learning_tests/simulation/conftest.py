from datetime import date, timedelta
from itertools import islice

import numpy as np
import polars as pl
import pytest

from amc_learning.simulation.market import SimulatedMarket, simulate_market
from amc_learning.simulation.prices import Tape
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


@pytest.fixture(scope="session")
def tape_of():
    """The prices of a market as arrays, read from its frame."""

    def tape(market: SimulatedMarket, rules: MarketRules) -> Tape:
        symbols = [f"SIM{number:04d}" for number in range(1, rules.n_symbols + 1)]
        grid = pl.DataFrame({"date": market.index["date"]}).join(pl.DataFrame({"symbol": symbols}), how="cross")
        quoted = grid.join(market.bars, on=["date", "symbol"], how="left", maintain_order="left")
        shape = (market.index.height, rules.n_symbols)
        prices = {name: quoted[name].to_numpy().reshape(shape) for name in ("open", "high", "low", "close")}
        return Tape(**prices, has_bar=~np.isnan(prices["open"]))

    return tape
