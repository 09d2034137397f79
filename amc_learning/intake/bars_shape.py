"""Where the rows of a JSON document of bars lie.

Belongs here: finding the rows, and saying that there are none. Not here: judging a row (bars.py).
"""

from collections.abc import Mapping

BARS_FIELD = "bars"

NO_BARS = 'no bars: neither a list of rows nor {"bars": [...]} with at least one row'


def rows_of_bars(document: object) -> list[object] | None:
    """The rows of a list, of `{"bars": [...]}` or of `{"bars": {"SYMBOL": [...]}}`; None where there is no such list.

    >>> rows_of_bars({"bars": {"ABC": [{"c": 1}]}})
    [{'symbol': 'ABC', 'c': 1}]
    >>> rows_of_bars({"foo": 1}) is None
    True
    """
    rows = document.get(BARS_FIELD, document.get("data")) if isinstance(document, Mapping) else document
    if isinstance(rows, Mapping):
        by_symbol = ((symbol, rows) for symbol, rows in rows.items() if isinstance(rows, list))
        return [
            {"symbol": symbol, **row} if isinstance(row, Mapping) else row for symbol, rows in by_symbol for row in rows
        ]
    return rows if isinstance(rows, list) else None


def understands_bars(document: object) -> str | None:
    """Why this JSON holds no bars, or null when it holds rows."""
    rows = rows_of_bars(document)
    return None if rows and any(isinstance(row, Mapping) for row in rows) else NO_BARS
