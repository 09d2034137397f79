"""Which documents act on a day and which are only looked at.

Belongs here: reading the orders and the settings. Not here: the rule (learning.modes), what follows from it for a
document (decide, night, publish), ordering it (promotion).
"""

from datetime import date

from amc_learning.contracts.documents.names import SWITCHED_DOCUMENTS
from amc_learning.learning.modes import DocumentModes, document_modes
from amc_learning.settings import Settings
from amc_learning.warehouse import Warehouse


def modes_of(warehouse: Warehouse, settings: Settings, last: date) -> dict[str, DocumentModes]:
    """The modes of every document that has one, from what was ordered by this knowledge day."""
    orders = warehouse.table("publication_orders").read(None, last)
    first = {document: getattr(settings.publication, f"{document}_mode") for document in SWITCHED_DOCUMENTS}
    return document_modes(orders, first=first)
