"""Polygon (now Massive): daily bars of all symbols of a session, bars of one symbol, splits.

Belongs here: its addresses, the fields of its answers, its way of writing symbols. Not here: HTTP (requests), which
bars can be true (intake judges the rows that come out of here like those of any file).
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Self
from urllib.parse import parse_qsl, quote, urlsplit
from zoneinfo import ZoneInfo

import polars as pl

from amc_learning.contracts.knowledge_days import MARKET_TIMEZONE
from amc_learning.market_data.errors import VendorError
from amc_learning.market_data.requests import Document, JsonSource

KEY_VARIABLE = "AMC_LEARNING_POLYGON__API_KEY"

SPLITS_PER_PAGE = 1000
"""The most the vendor gives on one page."""

BARS_PER_PAGE = 50000
"""The most base bars the vendor reads for one page: two centuries of sessions."""

MAX_PAGES = 100

_FIELDS = {"open_usd": "o", "high_usd": "h", "low_usd": "l", "close_usd": "c", "volume_shares": "v"}
_OTHER_CLASS = re.compile(r"[a-z]+")
_MILLISECONDS = 1000


@dataclass(frozen=True)
class DailyBars:
    """Rows as the vendor sent them, not yet judged, and its word on them.

    frame: `symbol`, `known_on`, `open_usd`, `high_usd`, `low_usd`, `close_usd`, `volume_shares` (numbers as Float64, a
    column with anything else in it as text) and `line_problem` (what makes a row unusable as a whole, else null).
    status: OK, or DELAYED for a plan whose data come late.
    """

    frame: pl.DataFrame
    status: str


@dataclass(frozen=True)
class Split:
    """From `executed_on` on, `split_to` shares are what `split_from` were; `ticker` is the vendor's word for `symbol`.

    The ratio is for people (null when none was sent): corrected bars are asked for, never computed from it.
    """

    symbol: str
    ticker: str
    executed_on: date
    split_from: float | None
    split_to: float | None


@dataclass(frozen=True)
class SplitList:
    """Splits in order of day and symbol, and one sentence for each row that names no symbol or no day."""

    splits: tuple[Split, ...]
    problems: tuple[str, ...] = ()


def symbol_of(ticker: str) -> str:
    """Our symbol for the vendor's ticker, whose small letters name a class of shares: preferred, when-issued, rights.

    Only upper-cased, the preferred `TpA` would be the fund `TPA`, and both bars would contradict each other.

    >>> [symbol_of(ticker) for ticker in ("AAPL", "BRK.A", "BACpL", "GEHCw")]
    ['AAPL', 'BRK.A', 'BAC-PL', 'GEHC-W']
    """
    return _OTHER_CLASS.sub(lambda letters: f"-{letters.group().upper()}", ticker.strip())


class PolygonClient:
    """What Polygon tells, one method per question; use as a context manager, or close it.

    Args:
        base_url: https://api.polygon.io or another address that answers alike.
        api_key: sent in the Authorization header only.
        requests_per_minute: what the plan allows; the free one 5.
        timeout_seconds: longest wait for a connection, and for each next piece of an answer.
        max_attempts: times one page is asked for before giving up.
        sleep, clock: waiting and the clock that only grows; arguments so that tests need not wait.

    Raises:
        VendorRefused: the key is missing or cannot be one.
        ValueError: an address or numbers that cannot be meant.

    Source: https://massive.com/docs/rest/stocks (daily market summary, custom bars, splits).
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        requests_per_minute: int = 5,
        timeout_seconds: float = 30.0,
        max_attempts: int = 6,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = JsonSource(
            base_url,
            api_key,
            key_setting=KEY_VARIABLE,
            vendor="Polygon",
            requests_per_minute=requests_per_minute,
            timeout_seconds=timeout_seconds,
            max_attempts=max_attempts,
            sleep=sleep,
            clock=clock,
        )

    def __enter__(self) -> Self:
        """The client itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._source.close()

    def grouped_daily(self, session: date, *, adjusted: bool = True) -> DailyBars:
        """Daily bars of all symbols of a session; without rows when the vendor has none (yet, or a holiday).

        Args:
            session: the exchange session.
            adjusted: in units of today's shares, every split since then included.

        Raises:
            VendorRefused, VendorError: as `JsonSource.document`.
        """
        path = f"/v2/aggs/grouped/locale/us/market/stocks/{session.isoformat()}"
        document = self._source.document(
            path, {"adjusted": _said(adjusted)}, what=f"bars of {session}", checked=_incompleteness(adjusted=adjusted)
        )
        return DailyBars(_bars_frame(_results(document), session=session), str(document.get("status", "OK")))

    def symbol_bars(self, ticker: str, first: date, last: date, *, adjusted: bool = True) -> DailyBars:
        """Daily bars of one symbol from `first` to `last`, both included.

        Args:
            ticker: as the vendor writes it.
            first, last: dates.
            adjusted: as for `grouped_daily`.

        Raises:
            VendorRefused, VendorError: as `JsonSource.document`.
        """
        path = f"/v2/aggs/ticker/{quote(ticker, safe='')}/range/1/day/{first.isoformat()}/{last.isoformat()}"
        parameters = {"adjusted": _said(adjusted), "sort": "asc", "limit": str(BARS_PER_PAGE)}
        pages = self._pages(path, parameters, f"bars of {ticker}", _incompleteness(adjusted=adjusted))
        rows = [row for page in pages for row in _results(page)]
        return DailyBars(_bars_frame(rows, ticker=ticker), str(pages[-1].get("status", "OK")))

    def splits(self, first: date, last: date) -> SplitList:
        """Splits executed from `first` to `last`, both included.

        Raises:
            VendorRefused, VendorError: as `JsonSource.document`.
        """
        parameters = {
            "execution_date.gte": first.isoformat(),
            "execution_date.lte": last.isoformat(),
            "order": "asc",
            "sort": "execution_date",
            "limit": str(SPLITS_PER_PAGE),
        }
        pages = self._pages("/v3/reference/splits", parameters, f"splits from {first} to {last}", _incomplete_list)
        read = [(_split(row), row) for page in pages for row in _results(page)]
        splits = {split for split, _ in read if split is not None}
        return SplitList(
            tuple(sorted(splits, key=lambda split: (split.executed_on, split.symbol, repr(split)))),
            tuple(f"a split that names no symbol or no day: {str(row)[:120]}" for split, row in read if split is None),
        )

    def _pages(
        self, path: str, parameters: Mapping[str, str], what: str, checked: Callable[[Document], str | None]
    ) -> list[Document]:
        """All pages. Of the vendor's link to the next one only the query is taken: the key goes to no other host."""
        pages, asked = [], dict(parameters)
        while True:
            page = self._source.document(path, asked, what=what, checked=checked)
            pages.append(page)
            link = page.get("next_url")
            if not link:
                return pages
            following = {name: value for name, value in parse_qsl(urlsplit(str(link)).query) if name != "apiKey"}
            next_path = _path_of(str(link), path)
            if (next_path, following) == (path, asked) or len(pages) == MAX_PAGES:
                raise VendorError(f"Polygon never ends its {what}: {len(pages)} pages so far; none of it was taken")
            path, asked = next_path, following


def _said(flag: bool) -> str:
    return "true" if flag else "false"


def _path_of(link: str, path: str) -> str:
    """The path of a link to the next page; bars are paged by time in the path, everything else by a cursor."""
    following = urlsplit(link).path
    beginning = "/".join(path.split("/")[:4])
    return following if following.startswith(beginning) else path


def _results(document: Document) -> Sequence[Any]:
    """The rows; vendors leave the field out when there are none."""
    results = document.get("results")
    return results if isinstance(results, list) else []


def _incomplete_list(document: Document) -> str | None:
    results = document.get("results")
    if document.get("status") is None and results is None:
        return "an answer without status and results"
    return None if results is None or isinstance(results, list) else "results that are no list"


def _incompleteness(*, adjusted: bool) -> Callable[[Document], str | None]:
    def trouble(document: Document) -> str | None:
        problem = _incomplete_list(document)
        announced, n_rows = document.get("resultsCount"), len(_results(document))
        if problem is None and isinstance(announced, int) and announced != n_rows:
            problem = f"{n_rows} rows where {announced} were announced"
        if problem is None and n_rows and document.get("adjusted", adjusted) is not adjusted:
            problem = f"bars with adjusted={document['adjusted']} where {_said(adjusted)} was asked for"
        return problem

    return trouble


def _bars_frame(rows: Sequence[Any], *, session: date | None = None, ticker: str | None = None) -> pl.DataFrame:
    """Rows of an answer as a table. A row of another day than was asked for is unusable, and says so."""
    objects: list[Mapping[str, Any]] = [row if isinstance(row, dict) else {} for row in rows]
    tickers = [ticker if ticker is not None else row.get("T") for row in objects]
    days = [_session_of(row.get("t"), otherwise=session) for row in objects]
    problems = [
        f"is no JSON object: {str(row)[:80]}"
        if not isinstance(row, dict)
        else (f"is of {day}, asked for was {session}" if session and day and day != session else None)
        for row, day in zip(rows, days, strict=True)
    ]
    return pl.DataFrame(
        [
            pl.Series("symbol", [symbol_of(sent) if isinstance(sent, str) else None for sent in tickers], pl.String),
            pl.Series("known_on", days, pl.Date),
            *(_column(name, [row.get(field) for row in objects]) for name, field in _FIELDS.items()),
            pl.Series("line_problem", problems, pl.String),
        ]
    )


def _column(name: str, values: Sequence[Any]) -> pl.Series:
    """Numbers as numbers; as text when anything in the column is none, so that the one bad value can be shown."""
    if all(value is None or (isinstance(value, int | float) and not isinstance(value, bool)) for value in values):
        return pl.Series(name, [None if value is None else float(value) for value in values], pl.Float64)
    return pl.Series(name, [None if value is None else str(value) for value in values], pl.String)


def _session_of(milliseconds: object, *, otherwise: date | None) -> date | None:
    """The market's day of a bar's time: its start in bars of one symbol, its close in those of a session."""
    if milliseconds is None:
        return otherwise
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int | float):
        return None
    try:
        return datetime.fromtimestamp(milliseconds / _MILLISECONDS, UTC).astimezone(ZoneInfo(MARKET_TIMEZONE)).date()
    except (OverflowError, ValueError, OSError):
        return None


def _split(row: object) -> Split | None:
    if not isinstance(row, dict) or not isinstance(row.get("ticker"), str) or not row["ticker"].strip():
        return None
    try:
        executed_on = date.fromisoformat(str(row.get("execution_date")))
    except ValueError:
        return None
    before, after = (_positive(row.get(name)) for name in ("split_from", "split_to"))
    return Split(symbol_of(row["ticker"]), row["ticker"].strip(), executed_on, before, after)


def _positive(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and value > 0 else None
