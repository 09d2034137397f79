"""The schema of the inbox database: which version it has, and the steps from each version to the next.

Belongs here: the version table and the steps, forward only. Not here: the tables themselves, connections and locks
(database). A step is never changed once it was released; a change of the tables is a new step at the end.
"""

from collections.abc import Callable

import sqlalchemy as sa

from amc_learning.warehouse.errors import InboxError

Step = Callable[[sa.Connection], None]

VERSIONS = sa.MetaData()
"""Apart from the tables it speaks of, so that a step which makes those does not make it."""

SCHEMA_VERSION = sa.Table("inbox_schema_version", VERSIONS, sa.Column("version", sa.Integer, primary_key=True))


def migrate(connection: sa.Connection, steps: tuple[Step, ...]) -> int:
    """Bring the database to the newest version; call it in a transaction that holds the writer's lock.

    Args:
        connection: in a transaction; the steps are undone with it.
        steps: step n leads to version n + 1; the first one starts from an empty database, or from one of before
            versions were counted.

    Returns:
        How many steps were taken.

    Raises:
        InboxError: the database is newer than this program, or this role may not change it; nothing was changed.
    """
    version = _version(connection)
    if version > len(steps):
        raise InboxError(
            f"the inbox database has schema {version} and this program knows {len(steps)} at most: a newer one wrote "
            "it; nothing was changed. Update amc-learning here, then start again"
        )
    if version == len(steps):
        return 0
    try:
        VERSIONS.create_all(connection)
        for step in steps[version:]:
            step(connection)
        connection.execute(sa.delete(SCHEMA_VERSION))
        connection.execute(sa.insert(SCHEMA_VERSION).values(version=len(steps)))
    except sa.exc.ProgrammingError as error:
        raise InboxError(
            f"the inbox database has schema {version}, {len(steps)} is needed, and this role may not change it: "
            f"{str(error.orig).strip()}; nothing was changed. Run amc-learning doctor once with the URL of the owner"
        ) from error
    return len(steps) - version


def _version(connection: sa.Connection) -> int:
    """0 for an empty database and for one of before versions were counted."""
    if not sa.inspect(connection).has_table(SCHEMA_VERSION.name):
        return 0
    return int(connection.execute(sa.select(sa.func.coalesce(sa.func.max(SCHEMA_VERSION.c.version), 0))).scalar_one())
