"""amc_learning: closes the loop between what AMC-TRADER decides and what the market does next.

The flow, top to bottom: `intake` understands what trading systems send, `warehouse` keeps it, `learning` draws
conclusions (pure functions), `stages` move ranges of days through both, `assets` show the stages to Dagster.
"""

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """`open_warehouse`, loaded when it is first asked for: the package itself loads nothing."""
    if name == "open_warehouse":
        from importlib import import_module  # noqa: PLC0415

        return import_module("amc_learning.notebooks").open_warehouse
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
