"""Tables of the vendor of market data: what was fetched and which splits were applied to it."""

import polars as pl

from amc_learning.contracts.declared.columns import KNOWN_ON, SYMBOL, Column, Table


def bar_fetches() -> Table:
    """Declaration of bar_fetches."""
    return Table(
        "bar_fetches",
        "collect",
        "One row per session whose bars came from a vendor: prices are in units of the shares of the day of the fetch.",
        ("vendor",),
        (
            KNOWN_ON,
            Column("vendor", pl.String, "Name of the vendor."),
            Column("fetched_on", pl.Date, "Calendar day (US/Eastern) on which the bars were fetched.", "date"),
            Column("status", pl.String, "The vendor's word on them: OK, or DELAYED for a plan whose data come late."),
            Column("n_bars", pl.Int64, "Rows the vendor sent, those in quarantine included.", "rows"),
        ),
    )


def stock_splits() -> Table:
    """Declaration of stock_splits."""
    return Table(
        "stock_splits",
        "collect",
        "Splits executed on this day that the earlier bars of the symbol have been brought up to.",
        ("symbol", "ticker"),
        (
            KNOWN_ON,
            SYMBOL,
            Column("ticker", pl.String, "The vendor's word for the symbol."),
            Column(
                "split_from", pl.Float64, "Shares before; null when the vendor sent none.", "shares", is_nullable=True
            ),
            Column("split_to", pl.Float64, "Shares they became.", "shares", is_nullable=True),
            Column(
                "applied_on", pl.Date, "Calendar day (US/Eastern) on which the earlier bars were fetched again.", "date"
            ),
            Column("n_sessions", pl.Int64, "Earlier sessions whose bar of the symbol was fetched again.", "sessions"),
        ),
    )
