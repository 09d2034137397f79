"""What the assets of all stages share: their arguments and the way a written table is described to people.

Belongs here: Dagster metadata. Numbers reach it sanitised: no NaN, no numpy scalar, which would break the UI.
"""

import base64
import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import dagster as dg
import polars as pl

from amc_learning.contracts.tables import Table

OWNERS = ["team:learning"]
MAX_CHART_BYTES = 50_000
"""Charts land in Dagster's event log for ever, so they stay small."""
PREVIEW_ROWS = 12

Metadata = dict[str, Any]


STEPS = {
    "step_1_overnight_outcomes": ("collect", "outcomes"),
    "step_2_pattern_performance": ("join", "measure", "analyse"),
    "step_3_confidence": ("correct", "calibrate"),
    "step_4_discovery_parameters": ("decide", "publish"),
    "step_5_intelligence_report": ("report",),
}
"""The five steps of the daily correction cycle, which the graph shows as groups, and the stages each consists of."""

WEEKLY = "weekly_deep_correction"
"""The group of the weekly cycle, and the stage its assets are tagged with."""

STAGE_TAG = "stage"


def asset_arguments(stage: str, *kinds: str) -> dict[str, Any]:
    """Keyword arguments that the assets of one stage share."""
    from amc_learning.assets.partitions import KNOWLEDGE_DAYS  # noqa: PLC0415

    return {
        "group_name": next(step for step, stages in STEPS.items() if stage in stages),
        "tags": {STAGE_TAG: stage},
        "kinds": {"python", *kinds},
        "owners": OWNERS,
        "partitions_def": KNOWLEDGE_DAYS,
        "backfill_policy": dg.BackfillPolicy.single_run(),
    }


def weekly_arguments(*kinds: str) -> dict[str, Any]:
    """Keyword arguments that the assets of the weekly cycle share."""
    from amc_learning.assets.partitions import KNOWLEDGE_WEEKS  # noqa: PLC0415

    return {
        "group_name": WEEKLY,
        "tags": {STAGE_TAG: WEEKLY},
        "kinds": {"python", *kinds},
        "owners": OWNERS,
        "partitions_def": KNOWLEDGE_WEEKS,
        "backfill_policy": dg.BackfillPolicy.single_run(),
    }


def window_mapping(calendar_days: int) -> dg.TimeWindowPartitionMapping:
    """Dependency on the partitions of the trailing calendar days, today's included."""
    weekdays = math.ceil(calendar_days * 5 / 7)
    return dg.TimeWindowPartitionMapping(start_offset=-weekdays)


def column_schema(table: Table) -> dg.TableSchema:
    """The declared columns as Dagster shows them: name, type, meaning with unit."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=str(column.dtype),
                description=f"{column.description} [{column.unit}]" if column.unit else column.description,
                constraints=dg.TableColumnConstraints(nullable=column.is_nullable, unique=table.key == (column.name,)),
            )
            for column in table.columns
        ]
    )


def plain(value: object) -> Any:
    """A value that Dagster and the browser both accept: NaN and infinity become None, dates become text.

    >>> plain(float("nan")), plain(date(2014, 12, 15)), plain(3)
    (None, '2014-12-15', 3)
    """
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    return str(value)


def preview(frame: pl.DataFrame, columns: Sequence[str], n_rows: int = PREVIEW_ROWS) -> dg.MetadataValue:
    """The first rows of some columns as a table in the UI; every cell is text, rounded for reading."""
    rows = frame.select(columns).head(n_rows).to_dicts()
    return dg.MetadataValue.table(
        records=[dg.TableRecord({name: _cell(value) for name, value in row.items()}) for row in rows],
        schema=dg.TableSchema(columns=[dg.TableColumn(name=name, type="string") for name in columns]),
    )


def _cell(value: object) -> str:
    value = plain(value)
    return "–" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def described(
    table: Table,
    frame: pl.DataFrame,
    days: Sequence[date],
    *,
    n_rows: int | None = None,
    numbers: Mapping[str, object] | None = None,
    chart: bytes | None = None,
    extra: Mapping[str, Any] | None = None,
) -> dg.MaterializeResult[None]:
    """The result of an asset that wrote `frame` into `table` for `days`: counts, schema, series, chart.

    Args:
        table: the declaration of what was written.
        frame: the rows written.
        days: the knowledge days written.
        n_rows: how many rows were written, where `frame` holds those of the last days only.
        numbers: numeric series that the UI charts over partitions; None and NaN are left out.
        chart: a small PNG.
        extra: further metadata values.
    """
    metadata: Metadata = {
        "dagster/partition_row_count": frame.height if n_rows is None else n_rows,
        "dagster/table_name": table.name,
        "dagster/column_schema": column_schema(table),
        "knowledge_days": f"{days[0]} to {days[-1]}" if len(days) > 1 else str(days[0]),
    }
    for name, number in (numbers or {}).items():
        if (value := plain(number)) is not None:
            metadata[name] = value
    if chart is not None and len(chart) <= MAX_CHART_BYTES:
        picture = base64.b64encode(chart).decode()
        metadata["chart"] = dg.MetadataValue.md(f"![{table.name}](data:image/png;base64,{picture})")
    metadata.update(extra or {})
    return dg.MaterializeResult(metadata=metadata)


def newest(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows of the newest knowledge day in a frame, for pictures of a range."""
    return frame if frame.is_empty() else frame.filter(pl.col("known_on") == pl.col("known_on").max())
