"""The cost of a night does not depend on how much history lies behind its windows: it opens the same data files."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from amc_learning.settings import Settings
from amc_learning.stages.cycle import run_days
from amc_learning.warehouse import Warehouse
from amc_learning_tests.acceptance.loop import DAYS, open_warehouse

WEEKS_APART = 270
"""More than the longest window, the five years of closes that a model of the regime is fitted to."""

ORDERS = {"operator_actions", "correction_orders", "publication_orders"}
"""What people ordered is read whole, and is a few rows: nothing else is."""

LEDGER = {"trade_positions"}
"""Of it only the day before is ever read, and the first day of a ledger remembers that it began from nothing."""

NIGHT = DAYS[-1]

_opened: list[str] | None = None


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if _opened is not None and event == "open":
        _opened.append(str(arguments[0]))


sys.addaudithook(_watch)


@contextmanager
def opened_data_files(data_dir: Path) -> Iterator[set[str]]:
    """Data files of tables under `data_dir` that were opened inside, relative to it, without temporary names."""
    global _opened  # noqa: PLW0603 - an audit hook cannot be taken out again
    found: set[str] = set()
    _opened = []
    try:
        yield found
    finally:
        seen, _opened = _opened, None
    inside = (Path(name) for name in seen if name.startswith(str(data_dir / "tables")))
    found |= {str(path.relative_to(data_dir)) for path in inside if path.suffix == ".parquet"}


def years_before(rows: pl.DataFrame, weeks: int) -> pl.DataFrame:
    """The same rows, every date and moment of them so many weeks earlier."""
    earlier = timedelta(weeks=weeks)
    return rows.with_columns(
        pl.col(name) - earlier for name, dtype in rows.schema.items() if dtype in (pl.Date, pl.Datetime)
    )


def put_before(warehouse: Warehouse, days: Sequence[date], *times: int) -> None:
    """Write the rows of these days once more, so many times `WEEKS_APART` earlier."""
    for name, table in warehouse.tables.items():
        written = sorted({*table.days()} & {*days})
        if name in ORDERS | LEDGER or not written:
            continue
        rows = table.read(written[0], written[-1])
        shifts = [number * WEEKS_APART for number in times]
        table.write(
            pl.concat(years_before(rows, weeks) for weeks in shifts),
            [day - timedelta(weeks=weeks) for weeks in shifts for day in written],
        )


def n_data_files(settings: Settings) -> int:
    """Data files of all tables."""
    return sum(1 for _ in (settings.data_dir / "tables").rglob("*.parquet"))


def night(settings: Settings) -> tuple[set[str], dict[str, str]]:
    """The data files that a night opens, and what its day holds afterwards, by table."""
    warehouse = open_warehouse(settings)
    with opened_data_files(settings.data_dir) as opened:
        for _ in run_days(warehouse, settings, [NIGHT]):
            pass
    left = {name: table.fingerprint(NIGHT, NIGHT) for name, table in warehouse.tables.items()}
    warehouse.inbox.close()
    return opened, left


def test_history_before_its_windows_adds_no_data_file_to_what_a_night_opens_and_changes_nothing(
    finished: Settings,
) -> None:
    warehouse, n_before = open_warehouse(finished), n_data_files(finished)
    # Something lies before every window, so that the last night before one is there to be looked up in both.
    put_before(warehouse, DAYS[-5:], 1)
    opened_before, left_before = night(finished)

    put_before(warehouse, DAYS[-25:], 2, 3)
    warehouse.inbox.close()
    assert n_data_files(finished) > 1.5 * n_before
    opened, left = night(finished)

    assert opened == opened_before
    assert left == left_before
    assert len(opened) > len(DAYS)  # the night does read windows, so that equality says something
