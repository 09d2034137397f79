"""Published documents, ready to be handed out: read and verified once, then given from memory until a new one comes.

Belongs here: the cache and the responses made from it. Not here: which path gives which document (intelligence), how a
document is stored and verified (warehouse). A publication replaces a file by renaming; looking at the file's identity
costs two microseconds, so no reader ever waits for a refresh and none sees an old document.
"""

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from amc_learning.service.answers import JSON, Refusal
from amc_learning.service.scope import delivered
from amc_learning.warehouse.errors import CorruptDocument
from amc_learning.warehouse.publications import HASH_FIELD, Publications

LOG = logging.getLogger(__name__)

Document = Mapping[str, Any]

REVALIDATE = "no-cache"
"""Keep it, but ask each time whether it still holds: an answer to that is an empty 304."""

NOTHING_PUBLISHED = "nothing_published"

_Identity = tuple[int, int, int] | None


@dataclass
class Shelved:
    """One document and the responses made from it; the document is None where nothing is published yet."""

    identity: _Identity
    document: Document | None
    responses: dict[str, tuple[str, Response, Response]] = field(default_factory=dict)
    """By name of a view: its ETag, the whole answer, and the answer to a reader that has it."""


class Shelf:
    """Documents by name."""

    def __init__(self, publications: Publications) -> None:
        self._publications = publications
        self._shelved: dict[str, Shelved] = {}
        self.troubles: dict[str, str] = {}

    def current(self, name: str, request: Request | None = None) -> Document | None:
        """The document in force; None where nothing is published yet.

        Args:
            name: of the document.
            request: told whether a file had to be read, where there is one to tell.

        Raises:
            Refusal: 503, the file is damaged and no earlier reading of it is in memory.
        """
        shelved, is_from_memory = self._look(name)
        if request is not None:
            delivered(request.scope, is_from_memory=is_from_memory)
        return shelved.document

    def answer(
        self,
        request: Request,
        name: str,
        *,
        view: str = "",
        make: Callable[[Document | None], Document] | None = None,
    ) -> Response:
        """The document, or a view of it, as the answer to this request: 304 where the reader has it.

        Args:
            request: looked at for If-None-Match; told whether a file had to be read.
            name: of the document.
            view: name of the view; one of few, because each is kept.
            make: the view from the document, which is None where nothing is published; None for the document itself.

        Raises:
            Refusal: as `current`.
        """
        shelved, is_from_memory = self._look(name)
        delivered(request.scope, is_from_memory=is_from_memory)
        prepared = shelved.responses.get(view)
        if prepared is None:
            content = make(shelved.document) if make else (shelved.document or nothing_published(name))
            prepared = shelved.responses[view] = _prepared(content, is_whole=content is shelved.document)
        etag, whole, unchanged = prepared
        sent = request.headers.get("if-none-match")
        return unchanged if sent is not None and _names(sent, etag) else whole

    def _look(self, name: str) -> tuple[Shelved, bool]:
        identity = self._identity(name)
        shelved = self._shelved.get(name)
        if shelved is not None and shelved.identity == identity:
            return shelved, True
        try:
            document = self._publications.current(name)
        except (CorruptDocument, OSError) as error:
            return self._last_good(name, shelved, identity, error), True
        self.troubles.pop(name, None)
        # looked at before it was read: one that is replaced meanwhile is read again next time
        fresh = self._shelved[name] = Shelved(identity, document)
        return fresh, False

    def _last_good(self, name: str, shelved: Shelved | None, identity: _Identity, error: Exception) -> Shelved:
        if self.troubles.get(name) != str(error):
            LOG.error("document %s stays as it was last read: %s", name, error)
        self.troubles[name] = str(error)
        if shelved is None or shelved.document is None:
            raise Refusal.for_now(
                f"the document {name} is damaged; amc-learning doctor says how to publish it again",
                retry_after_seconds=60,
            ) from error
        shelved.identity = identity
        return shelved

    def _identity(self, name: str) -> _Identity:
        try:
            found = self._publications.path(name).stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size


def nothing_published(name: str) -> Document:
    """The answer before the first publication: valid, explicit, and told apart by `success` and `status`.

    >>> nothing_published("weights")["success"]
    False
    """
    return {
        "success": False,
        "status": NOTHING_PUBLISHED,
        "document": name,
        "reason": f"no {name} document is published yet; keep to your defaults",
        "data": None,
    }


def nothing_in_shadow(name: str) -> Document:
    """The answer to who asks for a document in shadow before there is one.

    >>> nothing_in_shadow("weights")["status"]
    'nothing_published'
    """
    return {**nothing_published(name), "reason": f"no {name} document was ever published in shadow"}


def _prepared(content: Document, *, is_whole: bool) -> tuple[str, Response, Response]:
    """The answers; the ETag of a whole document is the hash it carries, that of anything else is of its bytes."""
    body = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    etag = f'"{content[HASH_FIELD] if is_whole else hashlib.sha256(body).hexdigest()}"'
    headers = {"etag": etag, "cache-control": REVALIDATE}
    return etag, Response(body, 200, headers, JSON), Response(None, 304, headers)


def _names(sent: str, etag: str) -> bool:
    """Whether If-None-Match names this ETag, by weak comparison (RFC 9110, 13.1.2).

    >>> _names('W/"a", "b"', '"b"'), _names("*", '"b"'), _names('"c"', '"b"')
    (True, True, False)
    """
    return sent == etag or any(one.strip().removeprefix("W/") in {etag, "*"} for one in sent.split(","))
