"""Where things lie: the inbox of events, tables of parquet partitions, published documents, and SQL over them.

`Warehouse` puts them together under one data directory. Belongs here: durable bytes and their verification.
Not here: statistics, Dagster, settings; root folder, components and addresses come by argument.
"""

from amc_learning.warehouse.errors import (
    CorruptDocument,
    CorruptPartition,
    DocumentError,
    InboxError,
    QueryError,
    StorageError,
    TableError,
    WarehouseError,
)
from amc_learning.warehouse.events import InboxEvent, KindCounts, QuarantineItem, Receipt
from amc_learning.warehouse.tables import PartitionedTable, WriteReport
from amc_learning.warehouse.warehouse import Warehouse

__all__ = [
    "CorruptDocument",
    "CorruptPartition",
    "DocumentError",
    "InboxError",
    "InboxEvent",
    "KindCounts",
    "PartitionedTable",
    "QuarantineItem",
    "QueryError",
    "Receipt",
    "StorageError",
    "TableError",
    "Warehouse",
    "WarehouseError",
    "WriteReport",
]
