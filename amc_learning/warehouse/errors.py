"""What can go wrong in the warehouse, each error with its remedy in the message.

Belongs here: the exception types. Not here: when they are raised (tables, inbox, publications, sql).
"""


class WarehouseError(Exception):
    """Base of everything the warehouse raises on purpose; its text is a sentence for people."""


class TableError(WarehouseError):
    """A frame that does not fit the declaration of its table; nothing of it was written."""


class CorruptPartition(WarehouseError):  # noqa: N818 - the state of the store is the message, not the act of raising
    """Stored bytes of a table are not the bytes the manifest vouches for."""


class CorruptDocument(WarehouseError):  # noqa: N818 - as above
    """A published document does not carry the hash of its own content."""


class DocumentError(WarehouseError):
    """A document that cannot be published as JSON; nothing of it was written."""


class StorageError(WarehouseError):
    """The file system refused a write (full, read-only, too large); what was stored before is untouched."""


class InboxError(WarehouseError):
    """An event, a quarantine identifier or an address of the inbox that cannot be used."""


class QueryError(WarehouseError):
    """A statement that `sql.query` does not run, or that DuckDB refused.

    `is_about_words`: it names what is not there, or cannot be read; others say what to do themselves.
    """

    def __init__(self, sentence: str, *, is_about_words: bool = False) -> None:
        super().__init__(sentence)
        self.is_about_words = is_about_words
