"""Bytes on an S3-compatible object store, and copies of data files on this machine.

Belongs here: the verbs of `Storage` in terms of objects. Not here: what the bytes mean, locks (locks).
This module imports obstore (extra `object-storage`); it is loaded where a warehouse has a URL.

A file `<root>/tables/x` is the object `<url>/tables/x`. Every object is written by one request, so it is there whole or
not at all. Files that are replaced are put on the condition that they are as they were read (If-Match), so that even
two who both believe to hold the lock cannot undo each other. Data files never change; their copies under `root` are
checked against the hash in their name when they are read, and may be removed at any time.
"""

import contextlib
import errno
import hashlib
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Self

import obstore
from obstore import exceptions
from obstore.store import S3Store

from amc_learning.warehouse.files import beside, in_threads, make_folder
from amc_learning.warehouse.locks import Locks
from amc_learning.warehouse.storage import ChangedMeanwhile, Seen, StoredFile

if TYPE_CHECKING:
    from obstore import ObjectMeta, PutMode

N_AT_ONCE = 16
"""Requests under way at a time: each waits for the network, and more of them than this no longer shorten the wait."""

RETRIES = 4
RETRIED_FOR = timedelta(seconds=30)
CONNECT_WITHIN = timedelta(seconds=5)
ANSWER_WITHIN = timedelta(seconds=60)

ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")

LISTED_AT_ONCE = 1000
"""Objects of one page of a listing, as S3 gives them."""

PAGES_AT_HAND = 256
"""More than all tables have manifests."""


class ObjectStorage:
    """Objects under one URL, by paths under `root`."""

    n_readers = N_AT_ONCE
    remedy = "See that the store answers and takes these credentials (AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, ...)"

    def __init__(self, store: S3Store, url: str, root: Path, locks: Locks) -> None:
        self._store, self._url, self._root, self._locks = store, url.rstrip("/"), root, locks
        self._guard = threading.Lock()
        self._at_hand: dict[str, Seen] = {}

    @classmethod
    def open(cls, url: str, root: Path, locks: Locks) -> Self:
        """The objects under `url`; nothing is asked of the store yet.

        Args:
            url: `s3://bucket/prefix`. Endpoint, region and credentials come from the environment, as for any AWS tool.
            root: folder for copies of data files.
            locks: hold over all machines that use the URL.
        """
        is_plain = any(os.environ.get(name, "").startswith("http://") for name in ENDPOINTS)
        store = S3Store.from_url(
            url,
            client_options={"connect_timeout": CONNECT_WITHIN, "timeout": ANSWER_WITHIN, "allow_http": is_plain},
            retry_config={"max_retries": RETRIES, "retry_timeout": RETRIED_FOR},
        )
        return cls(store, url, root, locks)

    def address(self, path: Path) -> str:
        """As `Storage.address`."""
        return f"{self._url}/{self._key(path)}"

    def locked(self, path: Path, *, is_shared: bool = False) -> AbstractContextManager[None]:
        """As `Storage.locked`."""
        return self._locks.locked(path, is_shared=is_shared)

    def tried(self, path: Path) -> AbstractContextManager[bool]:
        """As `Storage.tried`."""
        return self._locks.tried(path)

    def make_folder(self, folder: Path) -> None:
        """As `Storage.make_folder`: an object store has none."""

    # -- reading ------------------------------------------------------------------------------------------------

    def read(self, path: Path) -> bytes:
        """As `Storage.read`."""
        with self._explained(path):
            return obstore.get(self._store, self._key(path)).bytes().to_bytes()

    def look(self, path: Path) -> Seen | None:
        """As `Storage.look`; one that did not change since the last look is not sent again."""
        key = self._key(path)
        known = self._at_hand.get(key)
        try:
            with self._explained(path):
                found = obstore.get(self._store, key, options={"if_none_match": known.version} if known else {})
                seen = Seen(found.bytes().to_bytes(), found.meta["e_tag"])
        except exceptions.NotModifiedError:
            return known
        except FileNotFoundError:
            return None
        with self._guard:
            if len(self._at_hand) >= PAGES_AT_HAND:
                self._at_hand.clear()
            self._at_hand[key] = seen
        return seen

    def read_data(self, path: Path) -> bytes:
        """As `Storage.read_data`; a copy that is not what its name says is fetched again."""
        with contextlib.suppress(OSError):
            content = path.read_bytes()
            if hashlib.sha256(content).hexdigest().startswith(path.stem):
                return content
        content = self.read(path)
        self._keep_copy(path, content)
        return content

    def fetch(self, paths: Sequence[Path]) -> None:
        """As `Storage.fetch`."""

        def fetch_one(path: Path) -> None:
            content = self.read_data(path)
            if not path.exists():
                _put_beside(path, content)  # again, to say why there is no copy

        in_threads(fetch_one, paths, N_AT_ONCE)

    def changed_at(self, path: Path) -> float | None:
        """As `Storage.changed_at`."""
        try:
            with self._explained(path):
                return obstore.head(self._store, self._key(path))["last_modified"].timestamp()
        except FileNotFoundError:
            return None

    def names(self, folder: Path) -> list[str]:
        """As `Storage.names`."""
        return [file.path.name for file in self.files_in(folder)]

    def files_in(self, folder: Path) -> list[StoredFile]:
        """The files right in a folder, with their versions."""
        with self._explained(folder):
            found = obstore.list_with_delimiter(self._store, self._key(folder))["objects"]
            return [self._listed(one) for one in found]

    def files(self, folder: Path) -> Iterator[StoredFile]:
        """As `Storage.files`."""
        with self._explained(folder):
            for page in obstore.list(self._store, self._key(folder), chunk_size=LISTED_AT_ONCE):
                yield from map(self._listed, page)

    # -- writing ------------------------------------------------------------------------------------------------

    def write_data(self, folder: Path, contents: Mapping[Path, bytes]) -> None:  # noqa: ARG002 - there are no folders
        """As `Storage.write_data`."""

        def write(path: Path) -> None:
            self._put(path, contents[path], "overwrite")
            self._keep_copy(path, contents[path])

        in_threads(write, contents, N_AT_ONCE)

    def replace(self, path: Path, content: bytes, seen: Seen | None) -> None:
        """As `Storage.replace`, by the store itself."""
        self._put(path, content, "create" if seen is None else {"e_tag": seen.version})

    def write_if_changed(self, path: Path, content: bytes) -> bool:
        """As `Storage.write_if_changed`."""
        seen = self.look(path)
        if seen is not None and seen.content == content:
            return False
        self.replace(path, content, seen)
        return True

    def write_changed(self, folder: Path, contents: Mapping[Path, bytes]) -> list[bool]:  # noqa: ARG002 - as above
        """As `Storage.write_changed`."""
        return in_threads(lambda path: self.write_if_changed(path, contents[path]), contents, N_AT_ONCE)

    def keep_only(self, folder: Path, kept: str | None, replaced: str | None, spared: str) -> None:  # noqa: ARG002
        """As `Storage.keep_only`: what was replaced goes; what a crash left is found by a sweep, not by a listing."""
        if replaced is not None and replaced != kept:
            with contextlib.suppress(OSError):
                self.remove(folder / replaced)

    def set_aside(self, path: Path, suffix: str) -> None:
        """As `Storage.set_aside`."""
        aside = path.with_name(path.name + suffix)
        with self._explained(path):
            obstore.copy(self._store, self._key(path), self._key(aside))
        self.remove(path)

    def remove(self, path: Path, *, with_folder: bool = False) -> None:
        """As `Storage.remove`; its copy goes too."""
        with contextlib.suppress(FileNotFoundError), self._explained(path):
            obstore.delete(self._store, self._key(path))
        with contextlib.suppress(OSError):
            path.unlink()
            if with_folder:
                path.parent.rmdir()

    def _put(self, path: Path, content: bytes, mode: "PutMode") -> None:
        try:
            with self._explained(path):
                # one request: a condition is not known to hold over the parts of an upload in parts
                obstore.put(self._store, self._key(path), content, mode=mode, use_multipart=False)
        except FileNotFoundError as error:
            raise OSError(errno.EIO, "there is no such bucket", self._url) from error
        except ChangedMeanwhile:
            # the answer to our own request may have been lost and the request repeated: then what is there is ours
            if self.read(path) != content:
                raise

    # -- names and errors ---------------------------------------------------------------------------------------

    def _key(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()

    def _listed(self, one: "ObjectMeta") -> StoredFile:
        return StoredFile(self._root / one["path"], one["size"], one["last_modified"].timestamp(), one["e_tag"])

    def _keep_copy(self, path: Path, content: bytes) -> None:
        """Keep a data file on this machine; no room for it is no trouble."""
        with contextlib.suppress(OSError):
            make_folder(path.parent)
            _put_beside(path, content)

    @contextlib.contextmanager
    def _explained(self, path: Path) -> Iterator[None]:
        """Trouble of the store as the OSError a file system would raise."""
        try:
            yield
        except (exceptions.NotFoundError, FileNotFoundError) as error:
            if "NoSuchBucket" in str(error):
                raise OSError(errno.EIO, "there is no such bucket", self._url) from error
            raise FileNotFoundError(errno.ENOENT, "No such object", str(path)) from error
        except (exceptions.PreconditionError, exceptions.AlreadyExistsError) as error:
            raise ChangedMeanwhile(
                errno.EAGAIN, "another has replaced it since it was read here", self.address(path)
            ) from error
        except exceptions.NotModifiedError:
            raise
        except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as error:
            raise PermissionError(errno.EACCES, "the object store refuses these credentials", self._url) from error
        except exceptions.BaseError as error:
            reason = str(error).partition("\n")[0].strip()
            raise OSError(errno.EIO, f"the object store does not answer as it should: {reason}", self._url) from error


def _put_beside(path: Path, content: bytes) -> None:
    """A copy under its name at once; not flushed, because it is checked when it is read."""
    unfinished = beside(path)
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
