"""The sensor that tells of a change of regime, once.

Belongs here: which change is news. Not here: which regime it is (learning.regimes), delivering (alerts).

It reads the table and not the runs, so it does not matter whether a night, a refresh, a backfill or the week found the
change. An alert is about the session of a change: it is sent only when that session is later than that of every change
told before, so that no run of any day, however often, tells of one again.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any, Self

import dagster as dg
import polars as pl

from amc_learning.automation.alerts import Alert, AlertKind, Untold, tell
from amc_learning.automation.run_failures import retry_untold
from amc_learning.settings import Settings
from amc_learning.warehouse import Warehouse

NEWS_DAYS = 7
"""Calendar days before the last session read within which a change is news; an older one is history, loaded late."""


@dataclass(frozen=True)
class Told:
    """What people know: the session of the last change told per basis, and what could not be delivered yet."""

    changes: Mapping[str, str]
    untold: tuple[Untold, ...] = ()

    @classmethod
    def from_cursor(cls, cursor: str | None) -> Self:
        """What was told so far; nothing at the first look."""
        if not cursor:
            return cls({})
        kept = json.loads(cursor)
        return cls(kept["changes"], tuple(map(Untold.from_plain, kept["untold"])))

    def cursor(self) -> str:
        """The same as Dagster keeps it."""
        return json.dumps(asdict(self), sort_keys=True, default=str)


def regime_change_alerts(settings: Settings) -> dg.SensorDefinition:
    """Tells of every change of the market's regime once; the cursor holds the last one told."""

    @dg.sensor(
        name="regime_change_alert",
        minimum_interval_seconds=settings.automation.failure_poll_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING
        if settings.automation.alert_sensor_is_on
        else dg.DefaultSensorStatus.STOPPED,
        description="Tells of a change of the market's regime, by every alert channel and the log, once; no run.",
    )
    def sensor(
        context: dg.SensorEvaluationContext, warehouse: dg.ResourceParam[Warehouse]
    ) -> dg.SensorResult | dg.SkipReason:
        retry_untold(settings, context.log)
        before = Told.from_cursor(context.cursor)
        changes = recent_changes(warehouse)
        news = [change for change in changes if str(change["known_on"]) > before.changes.get(change["basis"], "")]
        untold = tell(before.untold, [_alert(change) for change in news], settings, context.log)
        after = Told({**before.changes, **{change["basis"]: str(change["known_on"]) for change in news}}, untold)
        reason = f"told of {len(news)} changes of regime" if news else "no change of regime that was not told"
        return dg.SkipReason(reason) if after == before else dg.SensorResult(skip_reason=reason, cursor=after.cursor())

    return sensor


def recent_changes(warehouse: Warehouse) -> Sequence[Mapping[str, Any]]:
    """Every change of the last days, in order; rows of market_regimes.

    Nights that were missed come in one run, and a regime may have come and gone in them.
    """
    table = warehouse.table("market_regimes")
    days = table.days()
    if not days:
        return []
    last: date = days[-1]
    rows = table.read(last - timedelta(days=NEWS_DAYS - 1), last)
    return rows.filter("is_change", pl.col("regime").is_not_null()).sort("known_on", "basis").to_dicts()


def _alert(change: Mapping[str, Any]) -> Alert:
    probability = change["probability"]
    sure = "" if probability is None else f", probability {probability:.2f}"
    sentence = (
        f"the {change['basis']} regime changed from {change['previous_regime']} to {change['regime']} "
        f"on {change['known_on']}{sure}"
    )
    names = ("basis", "known_on", "previous_regime", "regime", "probability")
    return Alert(
        AlertKind.REGIME_CHANGE,
        sentence,
        {name: change[name] for name in names} | {"known_on": str(change["known_on"])},
    )
