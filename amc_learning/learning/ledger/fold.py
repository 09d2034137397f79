"""The ledger over days: messages become positions, closed trades, openings and issues.

Belongs here: carrying positions from day to day. Not here: what messages amount to (settlement), where they belong
(matching), anything that needs bars.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any, NamedTuple

import polars as pl

from amc_learning.contracts.declared.columns import TIMESTAMP, Table
from amc_learning.contracts.declared.trades import ledger_issues, trade_openings, trade_positions
from amc_learning.learning.ledger.matching import Match, Position, is_repeated, match
from amc_learning.learning.ledger.messages import (
    CLOSE,
    MODIFY,
    OPEN,
    ROUND_TRIP,
    SNAPSHOT,
    Message,
    from_json,
    messages_of,
)
from amc_learning.learning.ledger.records import STATUS_AWAITING, Issue, LedgerRules, Settlement, reopened
from amc_learning.learning.ledger.settlement import corrected_by, settle

POSITIONS, OPENINGS, ISSUES = trade_positions(), trade_openings(), ledger_issues()

CLOSED_SCHEMA = pl.Schema(
    [
        ("known_on", pl.Date),
        ("position_id", pl.String),
        ("revision", pl.Int64),
        ("symbol", pl.String),
        ("trade_id", pl.String),
        ("status", pl.String),
        ("opened_at", TIMESTAMP),
        ("closed_at", TIMESTAMP),
        ("signal_date", pl.Date),
        ("n_entries", pl.Int64),
        ("n_exits", pl.Int64),
        ("shares", pl.Float64),
        ("average_entry_price_usd", pl.Float64),
        ("average_exit_price_usd", pl.Float64),
        ("last_exit_price_usd", pl.Float64),
        ("cost_usd", pl.Float64),
        ("realised_pnl_usd", pl.Float64),
        ("realised_return", pl.Float64),
        ("exit_reason", pl.String),
        ("exit_reason_sent", pl.String),
    ]
)
"""What the ledger alone says of a closed trade; holding and links add the rest of closed_trades."""


class LedgerDays(NamedTuple):
    """What some days of messages amount to, each frame sorted by knowledge day and its key."""

    positions: pl.DataFrame
    """Table trade_positions: the state at the end of each day."""
    closed: pl.DataFrame
    """Trades closed or restated on each day, `CLOSED_SCHEMA`."""
    openings: pl.DataFrame
    """Table trade_openings."""
    issues: pl.DataFrame
    """Table ledger_issues."""


def fold_messages(
    messages: pl.DataFrame, state: pl.DataFrame, *, as_of: Sequence[date], rules: LedgerRules
) -> LedgerDays:
    """Fold messages day by day into the ledger.

    A position is the set of its messages, and its numbers follow from that set alone: whatever the order in which the
    messages of a day arrived, and however the days are cut into calls, the rows are the same. A closed trade that a
    late or corrected message changes is stated again, with the next revision, on the day that message became known; one
    that is undone is stated as `reopened`, without numbers.

    Every message is part of a position, or has an issue, or both.

    Args:
        messages: trade_messages of the days `as_of`, in any order.
        state: trade_positions of the knowledge day before the first of `as_of`; without rows at the beginning.
        as_of: knowledge days wanted, ascending, none left out that has messages.
        rules: what counts as equal, and how long finished positions are remembered.

    Raises:
        ValueError: days that are not ascending, messages outside them, or a state of several days or not before them.
    """
    _require_order(messages, state, as_of)
    if not as_of:
        return LedgerDays(POSITIONS.empty(), pl.DataFrame(schema=CLOSED_SCHEMA), OPENINGS.empty(), ISSUES.empty())
    ledger = _Ledger(state, rules)
    ordered = sorted(messages_of(messages), key=lambda message: message.known_on)
    by_day = {day: list(rows) for day, rows in groupby(ordered, key=lambda message: message.known_on)}
    for day in as_of:
        known_on = (day - date(1970, 1, 1)).days
        ledger.begin(known_on)
        ledger.fold(by_day.get(known_on, ()))
        ledger.end()
    return ledger.days(as_of)


def _require_order(messages: pl.DataFrame, state: pl.DataFrame, as_of: Sequence[date]) -> None:
    if list(as_of) != sorted(set(as_of)):
        raise ValueError("as_of must be ascending, each day once")
    outside = messages.filter(~pl.col("known_on").is_in(list(as_of)))["known_on"].sort().to_list()
    if outside:
        raise ValueError(f"{len(outside)} messages lie outside the days to fold, the first on {outside[0]}")
    days = state["known_on"].unique()
    if len(days) > 1 or (len(days) and as_of and days.item() >= as_of[0]):
        raise ValueError("state must be trade_positions of one day, before the days to fold")


@dataclass
class _Version:
    """A position as it was from one day until before another."""

    position: Position
    since: int
    until: int | None = None


class _Ledger:
    """Positions while days are folded, and the rows they leave behind."""

    def __init__(self, state: pl.DataFrame, rules: LedgerRules) -> None:
        self.rules = rules
        self.today = 0
        self.positions: dict[str, Position] = {}
        self.by_symbol: dict[str, set[str]] = {}
        self.before: dict[str, Position | None] = {}
        self.versions: list[_Version] = []
        self.current: dict[str, _Version] = {}
        self.closed_rows: list[tuple[Any, ...]] = []
        self.opening_rows: list[tuple[Any, ...]] = []
        self.issue_rows: list[tuple[Any, ...]] = []
        columns = ["position_id", "symbol", "trade_id", "messages", "revision", "opening_revision", "touched_on"]
        for position_id, symbol, trade_id, text, revision, opening_revision, touched_on in state.select(
            pl.col(columns).to_physical()
        ).iter_rows():
            known = from_json(text)
            settled = settle(known, rules)
            self._put(
                Position(position_id, symbol, trade_id, known, settled, revision, opening_revision, touched_on), since=0
            )

    def _put(self, position: Position, *, since: int) -> None:
        """Hold a position from this day on, in place of what it was before."""
        self.positions[position.position_id] = position
        self.by_symbol.setdefault(position.symbol, set()).add(position.position_id)
        if position.position_id in self.current:
            self.current[position.position_id].until = since
        version = _Version(position, since)
        self.current[position.position_id] = version
        self.versions.append(version)

    def begin(self, today: int) -> None:
        """Forget what has been finished for long enough, and say so of closes that no opening ever came for."""
        self.today = today
        self.before = {}
        kept_from = today - self.rules.retention_days
        for position in [p for p in self.positions.values() if p.touched_on < kept_from and not p.is_open]:
            if position.settlement.status == STATUS_AWAITING:
                detail = f"no opening came within {self.rules.retention_days} days: it is no longer waited for"
                for message in position.messages:
                    self._tell(position, Issue(message.message_id, "expired", detail))
            del self.positions[position.position_id]
            self.by_symbol[position.symbol].discard(position.position_id)
            self.current.pop(position.position_id).until = today

    def fold(self, messages: Iterable[Message]) -> None:
        """Let each message join its position; what follows from that is stated at the end of the day."""
        # A correction of a message of the same day must find it, whatever the clocks say.
        for message in sorted(messages, key=lambda message: (message.corrects is not None, message.occurrence)):
            self._take(message)

    def _take(self, message: Message) -> None:
        if message.change_type == SNAPSHOT:
            return self._tell_of(message, "snapshot", "a picture of a holding, not a change: no effect")
        if message.change_type not in (OPEN, MODIFY, CLOSE, ROUND_TRIP):
            return self._tell_of(message, "not_understood", f"no change is called {message.change_type}: no effect")
        positions = [self.positions[name] for name in sorted(self.by_symbol.get(message.symbol, ()))]
        # A correction may name another symbol than the message it corrects, and lies in that one's position.
        repeated = is_repeated(message, positions if message.corrects is None else [*self.positions.values()])
        if repeated is not None:
            return self._tell_of(message, "duplicate", f"says the same as {repeated}: no effect")
        found = self._match(message, positions)
        if found.issue is not None:
            position_id = found.position.position_id if found.position else None
            self._tell_of(message, found.issue, found.detail, position_id)
            if found.issue == "duplicate":
                return None
        return self._join(message, found.position)

    def _match(self, message: Message, positions: Sequence[Position]) -> Match:
        if message.corrects is None:
            return match(message, positions, self.rules)
        corrected = [p for p in self.positions.values() if corrected_by(message, p.messages)]
        if corrected:
            position = min(corrected, key=lambda position: position.age)
            if message.symbol == position.symbol:
                return Match(position)
            return Match(position, "symbol_differs", f"corrects a trade in {position.symbol}: that symbol is kept")
        found = match(message, positions, self.rules)
        detail = f"the message it corrects, {message.corrects}, is not known: taken as a message of its own"
        return Match(found.position, "corrects_unknown", detail)

    def _join(self, message: Message, position: Position | None) -> None:
        if position is None:
            joined = Position(
                message.message_id,
                message.symbol,
                message.trade_id,
                (message,),
                settle((message,), self.rules),
                0,
                0,
                self.today,
            )
        else:
            known = tuple(sorted((*position.messages, message), key=lambda known: known.occurrence))
            joined = Position(
                position.position_id,
                position.symbol,
                position.trade_id,
                known,
                settle(known, self.rules),
                position.revision,
                position.opening_revision,
                self.today,
            )
        self.before.setdefault(joined.position_id, position)
        self.positions[joined.position_id] = joined
        self.by_symbol.setdefault(joined.symbol, set()).add(joined.position_id)

    def end(self) -> None:
        """State what changed today."""
        for position_id, before in self.before.items():
            position = self.positions[position_id]
            told = set(before.settlement.issues) if before else set()
            for issue in position.settlement.issues:
                if issue not in told:
                    self._tell(position, issue)
            opening_revision = self._state_opening(position, before.settlement if before else None)
            revision = self._state_closed(position, before.settlement if before else None)
            self._put(
                Position(
                    position.position_id,
                    position.symbol,
                    position.trade_id,
                    position.messages,
                    position.settlement,
                    revision,
                    opening_revision,
                    position.touched_on,
                ),
                since=self.today,
            )

    def _state_opening(self, position: Position, before: Settlement | None) -> int:
        opening = position.settlement.opening
        if opening is None or (before is not None and before.opening == opening):
            return position.opening_revision
        revision = position.opening_revision + 1
        self.opening_rows.append(
            (self.today, position.position_id, revision, position.symbol, position.trade_id, *opening)
        )
        return revision

    def _state_closed(self, position: Position, before: Settlement | None) -> int:
        closed = position.settlement.closed
        was_closed = before.closed if before else None
        if closed == was_closed:
            return position.revision
        if closed is None and was_closed is not None:
            closed = reopened(was_closed)
        if closed is None:
            return position.revision
        revision = position.revision + 1
        self.closed_rows.append(
            (self.today, position.position_id, revision, position.symbol, position.trade_id, *closed)
        )
        return revision

    def _tell(self, position: Position, issue: Issue) -> None:
        self.issue_rows.append(
            (self.today, issue.message_id, position.position_id, position.symbol, issue.issue, issue.detail)
        )

    def _tell_of(self, message: Message, issue: str, detail: str, position_id: str | None = None) -> None:
        self.issue_rows.append((self.today, message.message_id, position_id, message.symbol, issue, detail))

    def days(self, as_of: Sequence[date]) -> LedgerDays:
        """Everything stated, as frames."""
        issues = _frame(self.issue_rows, ISSUES.schema).unique(
            ["known_on", *ISSUES.key], keep="first", maintain_order=True
        )
        closed = _frame(self.closed_rows, CLOSED_SCHEMA).sort("known_on", "position_id")
        return LedgerDays(
            self._states(as_of),
            closed,
            _sorted(_frame(self.opening_rows, OPENINGS.schema), OPENINGS),
            _sorted(issues, ISSUES),
        )

    def _states(self, as_of: Sequence[date]) -> pl.DataFrame:
        """Each version of each position on the days it was in force."""
        rows = [
            (version.since, version.until, *_state_row(version.position))
            for version in self.versions
            if version.until is None or version.until > version.since
        ]
        schema = {"_since": pl.Date, "_until": pl.Date} | {
            column.name: column.dtype for column in POSITIONS.columns if column.name != "known_on"
        }
        versions = _frame(rows, pl.Schema(schema)).with_row_index("_version")
        days = pl.DataFrame({"known_on": list(as_of)}, schema={"known_on": pl.Date})
        in_force = (
            versions.select(
                "_version",
                _first=days["known_on"].search_sorted(versions["_since"], side="left"),
                _stop=pl.lit(days["known_on"].search_sorted(versions["_until"].fill_null(date.max), side="left")),
            )
            .with_columns(_day=pl.int_ranges("_first", "_stop"))
            .filter(pl.col("_day").list.len() > 0)
            .select("_version", "_day")
            .explode("_day")
        )
        stated = versions[in_force["_version"]].with_columns(days["known_on"][in_force["_day"]])
        return _sorted(stated.select(POSITIONS.column_names), POSITIONS)


def _state_row(position: Position) -> tuple[Any, ...]:
    settled = position.settlement
    return (
        position.position_id,
        position.symbol,
        position.trade_id,
        settled.status,
        settled.opened_at,
        settled.closed_at,
        settled.shares_held,
        settled.average_entry_price_usd,
        settled.realised_pnl_usd,
        position.revision,
        position.opening_revision,
        position.touched_on,
        position.as_json(),
    )


def _frame(rows: Sequence[tuple[Any, ...]], schema: pl.Schema) -> pl.DataFrame:
    """Rows whose days and instants are numbers, as polars stores them."""
    physical = {
        name: pl.Int32 if dtype == pl.Date else pl.Int64 if dtype == TIMESTAMP else dtype
        for name, dtype in schema.items()
    }
    return pl.DataFrame(rows, schema=physical, orient="row").cast(dict(schema))  # type: ignore[arg-type]


def _sorted(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    return frame.select(table.column_names).sort("known_on", *table.key)
