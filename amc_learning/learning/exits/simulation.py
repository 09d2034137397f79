"""When and at what price a rule of stop, target and holding limit would have sold, on real daily bars.

Belongs here: walking trades along their bars under rules. Not here: what the results are worth (comparison.py), which
trades there are (sample.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

import numpy as np
import numpy.typing as npt

from amc_learning.learning.price_panel import Floats, PricePanel

Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

NEVER = np.int64(2**31)
"""Session of a sale that did not happen; later than every limit."""


class ExitReason(IntEnum):
    """Why a simulated trade ended, or why it did not."""

    OPEN = 0
    STOP_LOSS = 1
    TRAILING_STOP = 2
    PROFIT_TARGET = 3
    TIME_EXIT = 4
    MISSING_EXIT_BAR = 5


@dataclass(frozen=True)
class ExitRule:
    """When to sell a position that was bought.

    Attributes:
        stop_loss: sells this fraction below the price paid; None: no stop.
        profit_target: sells this fraction above the price paid; None: no target.
        max_sessions: sells at the close of this session held, the entry session counted.
        trailing_stop: sells this fraction below the highest price of earlier sessions held, the price paid included.

    Raises:
        ValueError: a level that is not above 0, a stop of 1 or more, or a limit under one session.
    """

    stop_loss: float | None
    profit_target: float | None
    max_sessions: int
    trailing_stop: float | None = None

    def __post_init__(self) -> None:
        """Refuse rules that cannot be meant."""
        for name in ("stop_loss", "trailing_stop"):
            level = getattr(self, name)
            if level is not None and not 0 < level < 1:
                raise ValueError(f"{name} is a fraction between 0 and 1, or None; got {level}")
        if self.profit_target is not None and self.profit_target <= 0:
            raise ValueError(f"profit_target is a fraction above 0, or None; got {self.profit_target}")
        if self.max_sessions < 1:
            raise ValueError(f"max_sessions must be at least 1, got {self.max_sessions}")

    @property
    def text(self) -> str:
        """The rule in words.

        >>> ExitRule(0.08, 0.15, 30).text
        'stop 8 %, target 15 %, 30 sessions'
        >>> ExitRule(None, None, 5, trailing_stop=0.125).text
        'trailing stop 12.5 %, no target, 5 sessions'
        """
        stops = [
            f"{name} {level:.3g} %"
            for name, level in (("stop", _percent(self.stop_loss)), ("trailing stop", _percent(self.trailing_stop)))
            if level is not None
        ]
        target = "no target" if self.profit_target is None else f"target {_percent(self.profit_target):.3g} %"
        return f"{', '.join(stops) or 'no stop'}, {target}, {self.max_sessions} sessions"


def _percent(fraction: float | None) -> float | None:
    return None if fraction is None else 100 * fraction


@dataclass(frozen=True)
class Entries:
    """Purchases, one entry per trade.

    Attributes:
        code: row of the symbol in the panel.
        session: position of the first session held, on the axis of the panel.
        price_usd: price paid.
        is_from_open: bought at the open; of the entry session of the others only the close counts, because what of its
            range came before the purchase is not known.
    """

    code: Integers
    session: Integers
    price_usd: Floats
    is_from_open: Flags

    def __len__(self) -> int:
        """How many trades."""
        return len(self.code)

    def only(self, chosen: Flags) -> "Entries":
        """The chosen trades."""
        return Entries(self.code[chosen], self.session[chosen], self.price_usd[chosen], self.is_from_open[chosen])


@dataclass(frozen=True)
class Exits:
    """What became of each trade (columns) under each rule (rows).

    Attributes:
        entry_price_usd: shape (trades,): price paid.
        held_sessions: sessions from entry to exit, both counted; 0 where there was no exit.
        price_usd: price received; NaN where there was no exit.
        reason: an `ExitReason` each.
        n_missing_bars: sessions without a bar of the symbol from entry to exit; up to the limit or the end of the
            panel where there was no exit.
    """

    entry_price_usd: Floats
    held_sessions: Integers
    price_usd: Floats
    reason: npt.NDArray[np.int8]
    n_missing_bars: Integers

    @cached_property
    def returns(self) -> Floats:
        """Price received over price paid, minus 1; NaN where there was no exit."""
        return self.price_usd / self.entry_price_usd - 1

    @property
    def is_closed(self) -> Flags:
        """Whether there was an exit with a price."""
        return np.isfinite(self.price_usd)


def simulate_exits(entries: Entries, panel: PricePanel, rules: Sequence[ExitRule]) -> Exits:
    """Sell every trade by every rule, on the bars of the panel.

    Of a daily bar only four prices are known, so within a session the order is the pessimistic one:

    1. at the open: an open at or below the stop sells there, an open at or above the target sells there (gaps fill at
       the open, better or worse than the level); the open of the entry session came before the purchase, so there a
       target is never filled above its level;
    2. inside the session: a low at or below the stop sells at the stop, even when the target is in the range too;
    3. then a high at or above the target sells at the target;
    4. at the close of the last session allowed, what is left is sold there.

    The trailing stop follows the highs of the sessions before: whether a high came before the low of its own session is
    not known. A missing bar sells nothing and moves no stop; the next bar is the next chance. A limit that falls on a
    missing bar is `MISSING_EXIT_BAR`, never a price from another day. A trade whose limit lies beyond the panel
    is `OPEN` unless it was sold before.

    Args:
        entries: trades; the first session held of each lies in the panel.
        panel: bars up to the last session that is known.
        rules: at least one.

    Raises:
        ValueError: no rule, a price paid that is not above 0, or an entry outside the panel.
    """
    if not rules:
        raise ValueError("give at least one rule")
    longest = max(rule.max_sessions for rule in rules)
    paths = _paths(entries, panel, longest)
    stops = {key: _first_stop(paths, *key) for key in {(rule.stop_loss, rule.trailing_stop) for rule in rules}}
    targets = {level: _first_target(paths, level) for level in {rule.profit_target for rule in rules}}
    n_missing = np.cumsum(np.isnan(paths.closes), axis=1)
    shape = (len(rules), len(entries))
    held, missing = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    price, reason = np.full(shape, np.nan), np.zeros(shape, np.int8)
    trade = np.arange(len(entries))
    for row, rule in enumerate(rules):
        stop = stops[rule.stop_loss, rule.trailing_stop]
        target = targets[rule.profit_target]
        # On one session the stop is taken as hit first, unless the session opened above the target.
        is_target = (target.session < stop.session) | ((target.session == stop.session) & target.is_at_open)
        session = np.where(is_target, target.session, stop.session)
        is_level = session < rule.max_sessions
        is_time = ~is_level & (paths.n_known >= rule.max_sessions)
        at_limit = paths.closes[:, rule.max_sessions - 1]
        price[row] = np.where(is_level, np.where(is_target, target.price_usd, stop.price_usd), np.nan)
        price[row] = np.where(is_time, at_limit, price[row])
        reason[row] = np.select(
            [is_level & is_target, is_level, is_time & np.isnan(at_limit), is_time],
            [ExitReason.PROFIT_TARGET, stop.reason, ExitReason.MISSING_EXIT_BAR, ExitReason.TIME_EXIT],
            ExitReason.OPEN,
        )
        last = np.where(is_level, session, np.minimum(rule.max_sessions, paths.n_known) - 1)
        held[row] = np.where(np.isfinite(price[row]), last + 1, 0)
        missing[row] = n_missing[trade, last]
    return Exits(entries.price_usd, held, price, reason, missing)


@dataclass(frozen=True)
class _Paths:
    """Prices of trade x session held, NaN where there is no bar or the panel ends; `n_known` sessions of each."""

    entry: Floats
    opens: Floats
    highs: Floats
    lows: Floats
    closes: Floats
    n_known: Integers


@dataclass(frozen=True)
class _FirstHit:
    """The first session held on which a level was reached (`NEVER` if none), and the fill there."""

    session: Integers
    price_usd: Floats
    is_at_open: Flags
    reason: npt.NDArray[np.int8]


def _paths(entries: Entries, panel: PricePanel, longest: int) -> _Paths:
    n_sessions = panel.closes.shape[1]
    first = entries.session - panel.start
    if ((first < 0) | (first >= n_sessions)).any():
        raise ValueError("every trade must be entered on a session of the panel")
    if not (entries.price_usd > 0).all():
        raise ValueError("every trade needs a price paid above 0")
    columns = first[:, None] + np.arange(longest)
    is_known = columns < n_sessions
    columns = np.minimum(columns, n_sessions - 1)

    def held(prices: Floats) -> Floats:
        return np.where(is_known, prices[entries.code[:, None], columns], np.nan)

    opens, highs, lows, closes = (held(prices) for prices in (panel.opens, panel.highs, panel.lows, panel.closes))
    for prices in (opens, highs, lows):
        prices[~entries.is_from_open, 0] = closes[~entries.is_from_open, 0]
    return _Paths(entries.price_usd, opens, highs, lows, closes, np.minimum(n_sessions - first, longest))


def _first(is_hit: Flags) -> Integers:
    return np.where(is_hit.any(axis=1), is_hit.argmax(axis=1), NEVER)


def _first_stop(paths: _Paths, stop_loss: float | None, trailing_stop: float | None) -> _FirstHit:
    fixed = paths.entry * (1 - stop_loss) if stop_loss is not None else np.zeros(len(paths.entry))
    level = np.repeat(fixed[:, None], paths.closes.shape[1], axis=1)
    if trailing_stop is not None:
        seen = np.concatenate([paths.entry[:, None], paths.highs[:, :-1]], axis=1)
        level = np.maximum(level, np.fmax.accumulate(seen, axis=1) * (1 - trailing_stop))
    session = _first(paths.lows <= level)
    at = np.minimum(session, paths.closes.shape[1] - 1)
    trade = np.arange(len(at))
    hit, opened = level[trade, at], paths.opens[trade, at]
    reason = np.where(hit > fixed, np.int8(ExitReason.TRAILING_STOP), np.int8(ExitReason.STOP_LOSS))
    return _FirstHit(session, np.minimum(hit, opened), opened <= hit, reason)


def _first_target(paths: _Paths, profit_target: float | None) -> _FirstHit:
    level = np.full(len(paths.entry), np.inf) if profit_target is None else paths.entry * (1 + profit_target)
    session = _first(paths.highs >= level[:, None])
    at = np.minimum(session, paths.closes.shape[1] - 1)
    opened = paths.opens[np.arange(len(at)), at]
    # What was bought after the open of a session cannot be sold at it.
    is_at_open = (opened >= level) & (session > 0)
    reason = np.full(len(at), ExitReason.PROFIT_TARGET, np.int8)
    return _FirstHit(session, np.where(is_at_open, opened, level), is_at_open, reason)
