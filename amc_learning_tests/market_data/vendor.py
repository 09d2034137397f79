"""A vendor on this machine: a real HTTP server that answers in Polygon's documented shapes, and fails when told to.

Shapes: https://massive.com/docs/rest/stocks (daily market summary, custom bars, splits) and the fixtures of the
vendor's own Python client. Prices and names are invented.
"""

import json
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

KEY = "k3y-that-must-not-appear"
NEW_YORK = ZoneInfo("America/New_York")

RATE_LIMITED = {"status": "ERROR", "request_id": "a1", "error": "You've exceeded the maximum requests per minute, "
                "please wait or upgrade your subscription to continue. https://polygon.io/pricing"}  # fmt: skip
UNKNOWN_KEY = {"status": "ERROR", "request_id": "a2", "error": "Unknown API Key"}
NOT_ENTITLED = {"status": "NOT_AUTHORIZED", "request_id": "a3", "message": "You are not entitled to this data. Please "
                "upgrade your plan at https://polygon.io/pricing"}  # fmt: skip
NOT_FOUND = "404 page not found\n"


@dataclass
class Reply:
    """One answer: a status, a body (JSON unless text or bytes), headers, and what goes wrong with it."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    delay_seconds: float = 0.0
    is_cut_off: bool = False


@dataclass
class Seen:
    """One request as it arrived."""

    path: str
    query: dict[str, str]
    authorization: str | None
    line: str


@dataclass
class Vendor:
    """What the vendor knows, what it was asked, and the next answers it gives instead of the right ones."""

    bars: dict[date, list[dict[str, Any]]] = field(default_factory=dict)
    split_rows: list[dict[str, Any]] = field(default_factory=list)
    page_size: int = 1000
    status: str = "OK"
    faults: deque[Reply] = field(default_factory=deque)
    fault_for: Callable[[Seen], Reply | None] = lambda _: None
    seen: list[Seen] = field(default_factory=list)
    url: str = ""

    @property
    def paths(self) -> list[str]:
        return [one.path for one in self.seen]

    def answer(self, seen: Seen) -> Reply:
        if self.faults:
            return self.faults.popleft()
        fault = self.fault_for(seen)
        if fault is not None:
            return fault
        return self._right_answer(seen) if seen.authorization == f"Bearer {KEY}" else Reply(401, UNKNOWN_KEY)

    def _right_answer(self, seen: Seen) -> Reply:
        if found := re.fullmatch(r"/v2/aggs/grouped/locale/us/market/stocks/(\d{4}-\d\d-\d\d)", seen.path):
            rows = self.bars.get(date.fromisoformat(found[1]), [])
            return Reply(body=self._bars_document(rows, seen))
        if found := re.fullmatch(r"/v2/aggs/ticker/([^/]+)/range/1/day/([\d-]+)/(\d{4}-\d\d-\d\d)", seen.path):
            return self._symbol(found[1], found[2], date.fromisoformat(found[3]), seen)
        return self._splits(seen) if seen.path == "/v3/reference/splits" else Reply(404, NOT_FOUND)

    def _bars_document(self, rows: list[dict[str, Any]], seen: Seen) -> dict[str, Any]:
        adjusted = seen.query.get("adjusted", "true") == "true"
        head = {"queryCount": len(rows), "resultsCount": len(rows), "adjusted": adjusted}
        # the vendor leaves `results` out when there are none
        return {
            **head,
            **({"results": rows} if rows else {}),
            "status": self.status,
            "request_id": "b1",
            "count": len(rows),
        }

    def _symbol(self, ticker: str, first: str, last: date, seen: Seen) -> Reply:
        start = (
            date.fromisoformat(first) if "-" in first else datetime.fromtimestamp(int(first) / 1000, NEW_YORK).date()
        )
        rows = [
            {**{name: value for name, value in row.items() if name != "T"}, "t": milliseconds(day, 0)}
            for day, rows in sorted(self.bars.items())
            for row in rows
            if row["T"] == ticker and start <= day <= last
        ]
        page, rest = rows[: self.page_size], rows[self.page_size :]
        document = {"ticker": ticker, **self._bars_document(page, seen)}
        if rest:
            following = f"/v2/aggs/ticker/{ticker}/range/1/day/{rest[0]['t']}/{last}"
            document["next_url"] = f"https://api.elsewhere.example{following}?cursor=bGltaXQ9MiZzb3J0PWFzYw"
        return Reply(body=document)

    def _splits(self, seen: Seen) -> Reply:
        number = int(seen.query.get("cursor", "0"))
        first, last = seen.query.get("execution_date.gte"), seen.query.get("execution_date.lte")
        if "cursor" in seen.query:
            first, last = self._asked
        else:
            self._asked = (first, last)
        rows = [
            row
            for row in self.split_rows
            if not isinstance(row, dict) or first <= row.get("execution_date", first) <= last
        ]
        document = {"results": rows[number : number + self.page_size], "status": "OK", "request_id": "c1"}
        if number + self.page_size < len(rows):
            document["next_url"] = f"{self.url}/v3/reference/splits?cursor={number + self.page_size}&apiKey=other"
        return Reply(body=document)


def milliseconds(day: date, hour: int) -> int:
    """An hour of the market's clock as the vendor writes instants."""
    return int(datetime(day.year, day.month, day.day, hour, tzinfo=NEW_YORK).timestamp() * 1000)


def bar(ticker: str, day: date, close: float, *, volume: float = 1000.0, **other: Any) -> dict[str, Any]:
    """A row of the daily market summary; its time is the close of the session."""
    prices = {"o": close - 0.5, "h": close + 1.0, "l": close - 1.0, "c": close}
    return {"T": ticker, "v": volume, "vw": close, **prices, "t": milliseconds(day, 16), "n": 96, **other}


def split(ticker: str, executed_on: date, before: float = 1, after: float = 2) -> dict[str, Any]:
    """A row of the splits."""
    return {
        "execution_date": executed_on.isoformat(),
        "id": "E1",
        "split_from": before,
        "split_to": after,
        "ticker": ticker,
    }


@contextmanager
def serving(vendor: Vendor) -> Iterator[Vendor]:
    """The vendor at an address of this machine, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(address.query).items()}
            seen = Seen(address.path, query, self.headers.get("Authorization"), self.requestline)
            vendor.seen.append(seen)
            reply = vendor.answer(seen)
            body = reply.body
            content = (
                body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
            )
            try:
                time.sleep(reply.delay_seconds)
                self.send_response(reply.status)
                for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: len(content) // 2] if reply.is_cut_off else content)
            except (BrokenPipeError, ConnectionResetError):
                pass  # the client gave up waiting, as it should
            self.close_connection = True

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    vendor.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield vendor
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Clock:
    """Seconds that pass only when somebody waits, and a record of the waits."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


def weekdays(first: date, n: int) -> list[date]:
    """The first `n` weekdays from a day on."""
    days = (first + timedelta(days=step) for step in range(2 * n + 7))
    return [day for day in days if day.weekday() < 5][:n]


def instant(day: date, hour: int, minute: int = 0) -> datetime:
    """A moment of the market's clock, as UTC."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=NEW_YORK).astimezone(UTC)
