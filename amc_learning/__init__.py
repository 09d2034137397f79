"""amc_learning: closes the loop between what AMC-TRADER decides and what the market does next.

The flow, top to bottom: `intake` understands what trading systems send, `warehouse` keeps it, `learning` draws
conclusions (pure functions), `stages` move ranges of days through both, `assets` show the stages to Dagster.
"""

__version__ = "0.1.0"
