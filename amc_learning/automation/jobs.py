"""The jobs: selections of assets that run together."""

import dagster as dg

DAILY_CORRECTION_CYCLE = "daily_correction_cycle"
EVIDENCE_REFRESH = "evidence_refresh"
COLLECTION = "collection"

EVIDENCE_GROUPS = ("collect", "outcomes", "join", "measure", "analyse")

daily_correction_cycle = dg.define_asset_job(
    DAILY_CORRECTION_CYCLE,
    selection=dg.AssetSelection.groups(*EVIDENCE_GROUPS, "decide", "publish"),
    description="The night: collect, outcomes, join, measure, analyse, decide, publish one knowledge day or a range.",
)

evidence_refresh = dg.define_asset_job(
    EVIDENCE_REFRESH,
    selection=dg.AssetSelection.groups(*EVIDENCE_GROUPS),
    description="Late events re-open the days they touch up to yesterday. Past decisions stay what they were; the next "
    "night decides on the refreshed evidence.",
)

collection = dg.define_asset_job(
    COLLECTION,
    selection=dg.AssetSelection.groups("collect"),
    description="Moves today's events from the inbox into their raw partition and makes candidates of them.",
)
