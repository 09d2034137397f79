"""Prices as arrays of symbol by session: what outcomes are measured from.

Belongs here: laying bars out. Not here: what is measured on them (outcomes.py, ledger/outcomes.py).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from amc_learning.learning.sessions import SessionAxis

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PricePanel:
    """Prices of symbol x session, NaN where there is no bar; column 0 is the session at position `start`."""

    start: int
    opens: Floats
    highs: Floats
    lows: Floats
    closes: Floats
    has_bars: npt.NDArray[np.bool_]
    """Per session: whether any symbol at all has a bar."""


def price_panel(bars: pl.DataFrame, codes: pl.DataFrame, axis: SessionAxis, *, start: int, stop: int) -> PricePanel:
    """Prices of some symbols on the sessions from position `start` until before `stop`.

    Args:
        bars: price_bars of all symbols; bars on days without a session are ignored.
        codes: `symbol` and `code`, the row of the panel.
        axis: the sessions.
        start: position of the first session.
        stop: position after the last session.

    Raises:
        ValueError: a symbol has two bars for one session.
    """
    first, last = axis.date_at(start), axis.date_at(stop - 1)
    inside = bars.filter(pl.col("known_on").is_between(first, last))
    has_bars = np.zeros(stop - start, dtype=bool)
    session_days = axis.positions_of(inside["known_on"].unique())
    has_bars[session_days[session_days >= 0] - start] = True
    wanted = inside.join(codes, on="symbol", how="inner")
    positions = axis.positions_of(wanted["known_on"])
    cells = wanted["code"].to_numpy().astype(np.int64) * (stop - start) + positions - start
    on_session = positions >= 0
    cells = cells[on_session]
    is_filled = np.zeros(codes.height * (stop - start), dtype=bool)
    is_filled[cells] = True
    if is_filled.sum() != len(cells):
        raise ValueError("bars hold two rows for one symbol and session; price_bars must be unique in them")

    def filled(column: str) -> Floats:
        panel = np.full(codes.height * (stop - start), np.nan)
        panel[cells] = wanted[column].to_numpy()[on_session]
        return panel.reshape(codes.height, stop - start)

    return PricePanel(start, filled("open_usd"), filled("high_usd"), filled("low_usd"), filled("close_usd"), has_bars)
