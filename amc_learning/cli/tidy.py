"""`amc-learning tidy`: remove what the retention settings do not keep."""

from typing import Annotated

import typer

from amc_learning.cli.common import JsonOption, emit_json, now, open_warehouse
from amc_learning.cli.dagster_runs import dagster_instance, is_dagster_used
from amc_learning.settings import Settings


def tidy(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what would be removed.")] = False,
    json: JsonOption = False,
) -> None:
    """Remove counts, settled quarantine items, pages and runs that are older than retention keeps; no event, no table.

    Example: amc-learning tidy --dry-run
    """
    from amc_learning.stages.tidy import tidy as tidy_data  # noqa: PLC0415

    settings, at = Settings(), now()
    removed = tidy_data(open_warehouse(settings), settings, now=at, is_dry=dry_run)
    if is_dagster_used(settings):
        from amc_learning.automation.tidy import tidy_runs  # noqa: PLC0415

        with dagster_instance(settings) as instance:
            removed.append(tidy_runs(instance, settings.retention.dagster_runs_days, now=at, is_dry=dry_run))
    if json:
        emit_json(removed)
        return
    verb = "would be removed" if dry_run else "removed"
    width = max(len(one.what) for one in removed)
    for one in removed:
        size = f", {one.n_bytes / 2**20:,.1f} MiB" if one.n_bytes else ""
        kept = "kept for ever" if one.older_than is None else f"{one.n_removed:,} {verb} from before {one.older_than}"
        typer.echo(f"{one.what:<{width}}  {kept}{size}")
