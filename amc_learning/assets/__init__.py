"""Dagster assets and their checks, one module per stage of the flow. Thin: call the stage, tell people what it did.

Belongs here: what an analyst sees in the UI. Not here: what a stage reads, computes or writes (stages), when it runs
(automation), how it all meets (definitions).
"""

import warnings

# the one beta feature we use: without it a range of days would be a run per day, at seconds each
warnings.filterwarnings("ignore", message="Parameter `backfill_policy` of function `asset` is currently in beta")
