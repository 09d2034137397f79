"""Replay: the proof that learning learns, over whatever range a person asks for; no part of a night."""

import base64
from datetime import date

import dagster as dg
from pydantic import Field

from amc_learning.assets.charts import replay_chart
from amc_learning.assets.common import MAX_CHART_BYTES, OWNERS, STAGE_TAG, Metadata, plain
from amc_learning.assets.measure import daily_statistics
from amc_learning.assets.outcomes import feature_outcomes
from amc_learning.assets.partitions import KNOWLEDGE_DAYS
from amc_learning.contracts.documents.base import Interval
from amc_learning.contracts.documents.replay import ReplayDocument
from amc_learning.contracts.knowledge_days import knowledge_days
from amc_learning.settings import Settings
from amc_learning.stages.replay import ReplayError, replay_document_of
from amc_learning.warehouse import Warehouse

PROOF = "proof"
"""The group of what is no step of the night."""


class ReplayConfig(dg.Config):
    """Which nights to decide again."""

    first: str = Field(description="First knowledge day, like 2008-01-02.")
    last: str = Field(description="Last knowledge day; outcomes known later are not judged.")


@dg.asset(
    group_name=PROOF,
    tags={STAGE_TAG: "replay"},
    kinds={"python", "numpy"},
    owners=OWNERS,
    deps=[
        dg.AssetDep(daily_statistics, partition_mapping=dg.AllPartitionMapping()),
        dg.AssetDep(feature_outcomes, partition_mapping=dg.AllPartitionMapping()),
    ],
)
def replay(
    context: dg.AssetExecutionContext,
    config: ReplayConfig,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
) -> dg.MaterializeResult[None]:
    """Does learning pay? The nights of a range decided again from the default weights, judged on the days after."""
    first, last = date.fromisoformat(config.first), date.fromisoformat(config.last)
    days = [day for day in knowledge_days(first, last) if KNOWLEDGE_DAYS.has_partition_key(str(day))]
    if not days:
        raise dg.Failure(description=f"no knowledge day lies between {first} and {last}", allow_retries=False)
    try:
        document = replay_document_of(warehouse, settings, days)
    except ReplayError as refusal:
        raise dg.Failure(description=str(refusal), allow_retries=False) from refusal
    context.log.info(f"{document.n_nights} nights replayed, {document.n_nights_moved} moved a weight")
    return dg.MaterializeResult(metadata=_metadata(document))


def _metadata(document: ReplayDocument) -> Metadata:
    metadata: Metadata = {
        "knowledge_days": f"{document.first_night} to {document.last_night}",
        "n_nights": document.n_nights,
        "n_nights_moved": document.n_nights_moved,
        "turnover_per_year": document.turnover_per_year,
        "comparison": _comparison(document),
    }
    for one in document.judgements:
        if one.contender == "adaptive" and (value := plain(one.coefficient_over_static.estimate)) is not None:
            metadata[f"mean_ic_over_static_{one.horizon}"] = value
    picture = replay_chart(document)
    if len(picture) <= MAX_CHART_BYTES:
        encoded = base64.b64encode(picture).decode()
        metadata["chart"] = dg.MetadataValue.md(f"![replay](data:image/png;base64,{encoded})")
    return metadata


def _comparison(document: ReplayDocument) -> dg.MetadataValue:
    """The table of the command line, as the UI shows tables: every cell is text."""
    rows = [
        {
            "horizon": one.horizon,
            "weights": one.contender,
            "days": str(one.n_days),
            "mean IC": _written(one.coefficient),
            "IC over static": _written(one.coefficient_over_static),
            "regret": "–" if one.regret is None else f"{one.regret:.4f}",
            f"top {document.top_k} return": _written(one.top_return),
            f"top {document.top_k} over controls": _written(one.top_return_over_controls),
            "success rate": _written(one.success_rate),
        }
        for one in document.judgements
    ]
    columns = [dg.TableColumn(name=name, type="string") for name in (rows[0] if rows else {"horizon": ""})]
    return dg.MetadataValue.table(records=[dg.TableRecord(row) for row in rows], schema=dg.TableSchema(columns=columns))


def _written(value: Interval) -> str:
    if value.estimate is None:
        return "–"
    if value.ci_low is None or value.ci_high is None:
        return f"{value.estimate:+.4f}"
    return f"{value.estimate:+.4f} ({value.ci_low:+.4f} to {value.ci_high:+.4f})"
