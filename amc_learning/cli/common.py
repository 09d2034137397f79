"""What the verbs share: settings, warehouse, output for people and for machines."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from amc_learning.contracts.knowledge_days import (
    FIRST_KNOWLEDGE_DAY,
    is_knowledge_day,
    knowledge_day,
    knowledge_days,
    previous_knowledge_day,
)
from amc_learning.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console

    from amc_learning.warehouse import Warehouse

DONE_WITH_QUARANTINE = 3
MAX_MESSAGES = 20
"""More messages than this hide the summary; all of them are in quarantine."""

JsonOption = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


READABLE_WIDTH = 140
"""Columns assumed when output goes to a file or pipe, where no terminal says how wide it is."""


def console() -> "Console":
    """Where output for people goes."""
    from rich.console import Console  # noqa: PLC0415

    # no markup: a symbol like [/b] is text to show, not a tag
    return Console(highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else READABLE_WIDTH)


def open_warehouse(settings: Settings) -> "Warehouse":
    """The warehouse of these settings."""
    from amc_learning.warehouse import Warehouse  # noqa: PLC0415

    return Warehouse.open(settings.data_dir, settings.features.components, **settings.places)


def now() -> datetime:
    """The clock, read once at the edge."""
    return datetime.now(UTC)


def yesterday() -> date:
    """The last knowledge day that is over."""
    return previous_knowledge_day(knowledge_day(now()))


def day_argument(text: str) -> date:
    """A date typed by a person; `today` and `yesterday` are the knowledge day under way and the one before it."""
    if text in {"today", "yesterday"}:
        return knowledge_day(now()) if text == "today" else yesterday()
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not a date; write it as 2014-12-15, today or yesterday") from error


def knowledge_day_argument(text: str) -> date:
    """A date typed by a person; must be a weekday, because partitions are."""
    day = day_argument(text)
    if not is_knowledge_day(day):
        raise typer.BadParameter(
            f"{day} is a weekend day; knowledge days are weekdays, the one before is {previous_knowledge_day(day)}"
        )
    return day


def begun_days(first: date, last: date) -> list[date]:
    """The knowledge days from first to last; refuses days the warehouse cannot have."""
    if first > last:
        raise typer.BadParameter(f"--from {first} lies after --to {last}")
    today = knowledge_day(now())
    if last > today:
        raise typer.BadParameter(f"{last} has not begun; the last knowledge day that is over is {yesterday()}")
    if first < FIRST_KNOWLEDGE_DAY:
        raise typer.BadParameter(f"{first} lies before the first knowledge day of the warehouse, {FIRST_KNOWLEDGE_DAY}")
    return knowledge_days(first, last)


def emit_json(value: object) -> None:
    """Print a value as JSON: dataclasses as objects, dates as text."""
    import orjson  # noqa: PLC0415

    plain = asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
    options = orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY
    typer.echo(orjson.dumps(plain, default=str, option=options).decode())


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A small table for people; numbers are right-aligned and rounded, missing values are dashes."""
    from rich.table import Table  # noqa: PLC0415

    rows = [list(row) for row in rows]
    table = Table(header_style="dim", box=None, pad_edge=False)
    for index, name in enumerate(columns):
        is_number = any(isinstance(row[index], int | float) for row in rows)
        table.add_column(name, justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(cell(value) for value in row))
    console().print(title, style="bold")  # not the table's own title, which wraps at the width of a narrow table
    console().print(table)


def cell(value: object) -> str:
    """One value as text for a table.

    >>> cell(None), cell(0.123456), cell(1751), cell("7d")
    ('–', '0.1235', '1,751', '7d')
    """
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def print_pairs(pairs: Mapping[str, object]) -> None:
    """Names and values, one a line."""
    width = max(map(len, pairs), default=0)
    for name, value in pairs.items():
        typer.echo(f"{name:<{width}}  {cell(value)}")
