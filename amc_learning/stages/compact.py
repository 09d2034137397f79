"""Past months of tables in one file each: which tables, and all of them.

Belongs here: which tables may be packed. Not here: which months (warehouse.compaction), how (warehouse.tables).
"""

from datetime import date

from amc_learning.warehouse import Warehouse
from amc_learning.warehouse.compaction import Compaction, compact
from amc_learning.warehouse.remedies import is_only_source


def compact_tables(warehouse: Warehouse, before: date, *, is_dry: bool = False) -> list[Compaction]:
    """Pack the months that ended before a day, table by table in the order of the flow.

    Raw events and orders stay a file a day: nothing else holds them, and damage to one file must cost one day. Nights
    read one day of them. No turn is taken: what is stored does not change, and each table has a lock of its own.

    Args:
        warehouse: any.
        before: the first day whose month is left alone.
        is_dry: only count what would be.

    Raises:
        CorruptPartition, TableError, StorageError: of one table, which is left as it was; those before it are packed.
    """
    return [
        compact(table, before, is_dry=is_dry) for name, table in warehouse.tables.items() if not is_only_source(name)
    ]
