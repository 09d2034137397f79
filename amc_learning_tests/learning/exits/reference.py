"""The rules of exit told once more, one trade and one bar at a time, for comparison."""

from math import isnan

from amc_learning.learning.exits import ExitReason, ExitRule


def walked(  # noqa: PLR0911
    entry: float, bars: list[tuple[float, float, float, float]], rule: ExitRule
) -> tuple[ExitReason, int, float]:
    """Reason, sessions held and price of a trade bought at the open of the first bar; bars end where knowledge does."""
    highest = entry
    for held, (opened, high, low, close) in enumerate(bars[: rule.max_sessions], start=1):
        is_last = held == rule.max_sessions
        if isnan(close):
            if is_last:
                return ExitReason.MISSING_EXIT_BAR, 0, float("nan")
            continue
        fixed = entry * (1 - rule.stop_loss) if rule.stop_loss else 0.0
        trailing = highest * (1 - rule.trailing_stop) if rule.trailing_stop else 0.0
        stop = max(fixed, trailing)
        reason = ExitReason.TRAILING_STOP if trailing > fixed else ExitReason.STOP_LOSS
        target = entry * (1 + rule.profit_target) if rule.profit_target else float("inf")
        if opened <= stop:
            return reason, held, opened
        if opened >= target and held > 1:
            return ExitReason.PROFIT_TARGET, held, opened
        if low <= stop:
            return reason, held, stop
        if high >= target:
            return ExitReason.PROFIT_TARGET, held, target
        if is_last:
            return ExitReason.TIME_EXIT, held, close
        highest = max(highest, high)
    return ExitReason.OPEN, 0, float("nan")
