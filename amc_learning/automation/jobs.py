"""The jobs: selections of assets that run together."""

from functools import reduce
from operator import or_

import dagster as dg

from amc_learning.assets.common import STAGE_TAG, STEPS, WEEKLY
from amc_learning.assets.partitions import AHEAD_OF_NIGHT

DAILY_CORRECTION_CYCLE = "daily_correction_cycle"
EVIDENCE_REFRESH = "evidence_refresh"
COLLECTION = "collection"
FAILURE_CORRECTION = "failure_correction"
WEEKLY_DEEP_CORRECTION = "weekly_deep_correction"

CYCLE_TAGS = {"amc_learning/work": "cycle"}
"""Of runs that would only wait for one another: the queue starts one of them at a time (dagster.yaml)."""

EVIDENCE_STAGES = ("collect", "outcomes", "join", "measure", "analyse")


def of_stages(*stages: str) -> dg.AssetSelection:
    """The assets of these stages."""
    return reduce(or_, (dg.AssetSelection.tag(STAGE_TAG, stage) for stage in stages))


daily_correction_cycle = dg.define_asset_job(
    DAILY_CORRECTION_CYCLE,
    selection=of_stages(*(stage for stages in STEPS.values() for stage in stages)),
    tags=CYCLE_TAGS,
    description="The night in five steps: overnight outcomes, pattern performance, confidence, discovery parameters, "
    "intelligence report; for one knowledge day or a range.",
)

evidence_refresh = dg.define_asset_job(
    EVIDENCE_REFRESH,
    selection=of_stages(*EVIDENCE_STAGES),
    tags=CYCLE_TAGS,
    description="Late events re-open the days they touch up to yesterday. Past decisions stay what they were; the next "
    "night decides on the refreshed evidence.",
)

collection = dg.define_asset_job(
    COLLECTION,
    selection=of_stages("collect"),
    tags=CYCLE_TAGS,
    description="Moves today's events from the inbox into their raw partition and makes rows of them.",
)

failure_correction = dg.define_asset_job(
    FAILURE_CORRECTION,
    selection=of_stages("correct", "decide", "publish")
    | dg.AssetSelection.assets(
        "trade_events",
        "trade_messages",
        "closed_trades",
        "failure_cases",
        "failure_patterns",
        "published_confidence",
        "published_recommendations",
    ),
    tags=CYCLE_TAGS | {AHEAD_OF_NIGHT: "true"},
    description="A systematic failure does not wait for the night: today's trades, the failures, and what they "
    "correct, decided and published for today within the same bounds. The night decides the day again with all of it.",
)

weekly_deep_correction = dg.define_asset_job(
    WEEKLY_DEEP_CORRECTION,
    selection=of_stages(WEEKLY),
    tags=CYCLE_TAGS,
    description="The week, looked at with all history: new patterns, importance of components, changes of regime, "
    "models fitted anew, exits and sizes, and the weekly report. Only weeks whose nights all ran.",
)
