"""What to do about stored bytes that are damaged: which tables can be made again, from what, and by which command.

Belongs here: one sentence per kind of table, for error messages. Not here: finding the damage (tables, manifest).
"""

from datetime import date

from amc_learning.contracts.tables import catalogue

INGESTED = {"price_bars": "bars", "index_closes": "index"}
"""Tables filled from files that can be ingested again, and the word of the command."""

ORDERS = ("operator_actions", "correction_orders", "publication_orders")

DECISIONS = "weight_decisions"
"""Every night builds on the decision before it."""

WEEKLY = "weekly"
"""The stage of the tables that the weekly cycle fills."""

RAW_SUFFIX = "_events"
"""Raw events are drained once: the inbox knows their identifiers and takes none a second time."""


def remedy(table: str, first: date, last: date) -> str:
    """What brings damaged knowledge days of a table back that lie in one file, from the first to the last.

    >>> remedy("daily_statistics", date(2014, 3, 3), date(2014, 3, 3))
    'Write that day again: amc-learning backfill --from 2014-03-03 --to 2014-03-03'
    >>> remedy("daily_statistics", date(2014, 3, 3), date(2014, 3, 31))
    'Write those days again: amc-learning backfill --from 2014-03-03 --to 2014-03-31'
    """
    is_one = first == last
    days = "that day" if is_one else "those days"
    if table in INGESTED:
        held = "a file that holds" if is_one else "files that hold"
        return (
            f"Ingest {held} {days} again: amc-learning ingest {INGESTED[table]} FILE; the damaged file is then kept "
            "aside"
        )
    if table in _weekly_tables():
        weeks = f"that week again: amc-learning run weekly --week {first}"
        return f"Judge {weeks if is_one else f'those weeks again: amc-learning run weekly --from {first} --to {last}'}"
    if table == DECISIONS:
        return f"Decide {days} and all after again: amc-learning backfill --from {first} --to LAST_DAY_DECIDED"
    return _copy_needed(table) or f"Write {days} again: amc-learning backfill --from {first} --to {last}"


def old_rows(table: str, day: date, first: date, last: date) -> str:
    """That the rows of a day were written by another version, or for another feature set, and what to do about it.

    Args:
        table: its name.
        day: the day that cannot be read.
        first, last: the days the table has: what follows from each other is made anew together.
    """
    verb = "run weekly" if table in _weekly_tables() else "backfill"
    remake = f"write the table anew: amc-learning {verb} --from {first} --to {last}"
    is_given = table in INGESTED or _copy_needed(table) is not None
    return (
        f"table {table}: the partition of {day} was written when its columns were declared differently (another "
        "feature set, or an older version); "
        + ("no backfill can write it anew: use the version it was written by" if is_given else remake)
        + ", or use the data directory that belongs to these settings"
    )


def remedy_of_manifest(table: str) -> str:
    """What brings a table back whose manifest is damaged: without it nothing of the table can be verified."""
    if table in INGESTED:
        return (
            "Restore the file from a copy, or move the folder of the table away and ingest its files again: "
            f"amc-learning ingest {INGESTED[table]} FILE..."
        )
    return _copy_needed(table) or (
        "Restore the file from a copy, or move the folder of the table away and rebuild it with amc-learning backfill"
    )


def is_only_source(table: str) -> bool:
    """Whether nothing else holds what lies in a table: raw events and orders.

    >>> is_only_source("trade_events"), is_only_source("closed_trades")
    (True, False)
    """
    return _copy_needed(table) is not None


def _weekly_tables() -> frozenset[str]:
    return frozenset(table.name for table in catalogue(()) if table.stage == WEEKLY)


def _copy_needed(table: str) -> str | None:
    if table.endswith(RAW_SUFFIX):
        return (
            "Restore it from a copy of the data directory: this is the only place the events lie in, and events sent "
            "again are recognised as duplicates"
        )
    if table in ORDERS:
        return "Restore it from a copy of the data directory: nothing else remembers what was ordered"
    return None
