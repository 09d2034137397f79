"""`amc-learning compact`: past months of tables in one file each."""

from typing import TYPE_CHECKING, Annotated

import typer

from amc_learning.cli.common import JsonOption, day_argument, emit_json, now, open_warehouse, print_table
from amc_learning.contracts.knowledge_days import knowledge_day
from amc_learning.settings import Settings

if TYPE_CHECKING:
    from amc_learning.warehouse.compaction import Compaction


def compact(
    *,
    before: Annotated[
        str | None, typer.Option(help="First day whose month is left as it is; today where it is not given.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what would be packed.")] = False,
    json: JsonOption = False,
) -> None:
    """Put the days of every month that is over into one file a table: nights and queries open a tenth of the files.

    Nothing that is stored changes; a day that is written again gets a file of its own until the next time.

    Example: amc-learning compact --dry-run
    """
    from amc_learning.stages.compact import compact_tables  # noqa: PLC0415

    day = knowledge_day(now()) if before is None else day_argument(before)
    done = compact_tables(open_warehouse(Settings()), day, is_dry=dry_run)
    tables = [one for one in done if one.before.n_days]
    n_before, n_after = sum(one.before.n_files for one in tables), sum(one.after.n_files for one in tables)
    if json:
        emit_json({"n_files_before": n_before, "n_files_after": n_after, "tables": tables})
        return
    print_table(
        f"{n_before:,} files {'would be' if dry_run else 'are'} {n_after:,}; raw events and orders stay a file a day",
        ["table", "days", "rows", "KiB", "files", "then", "months packed"],
        [_row(one) for one in tables],
    )


def _row(done: "Compaction") -> list[object]:
    was = done.before
    return [
        was.table,
        was.n_days,
        was.n_rows,
        round(was.n_bytes / 1024),
        was.n_files,
        done.after.n_files,
        done.n_months,
    ]
