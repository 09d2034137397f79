"""The market of bar_world behind a vendor: its answers, a data directory that asks it, a client that never sleeps."""

from datetime import date
from pathlib import Path

from amc_learning.market_data.polygon import PolygonClient
from amc_learning.settings import Settings
from amc_learning.warehouse import Warehouse
from amc_learning_tests.market_data.vendor import KEY, Clock, Vendor, bar
from amc_learning_tests.stages.bar_world import SESSIONS, SYMBOLS, open_world


def vendor_of_every_session() -> Vendor:
    """A vendor with a constant bar of each symbol in every session."""
    return Vendor(bars={day: _rows_of(day) for day in SESSIONS})


def _rows_of(day: date) -> list[dict[str, object]]:
    return [bar(symbol, day, 100.0 + place) for place, symbol in enumerate(SYMBOLS)]


def vendor_world(vendor: Vendor, data_dir: Path, key: str = KEY) -> tuple[Warehouse, Settings]:
    """A data directory without anything in it, whose nights ask this vendor."""
    polygon = {"base_url": vendor.url, "api_key": key, "requests_per_minute": 6000, "max_attempts": 2}
    return open_world(data_dir, market={"bars_source": "polygon"}, polygon=polygon)


def asking(vendor: Vendor) -> PolygonClient:
    """A client of this vendor that tries twice and never sleeps."""
    clock = Clock()
    return PolygonClient(vendor.url, KEY, requests_per_minute=6000, max_attempts=2, sleep=clock.sleep, clock=clock)
