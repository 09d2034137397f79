"""Published documents: one JSON file per name and knowledge day, a schema beside, and one current file.

Belongs here: canonical bytes, hashes, atomic replacement, forward-only. Not here: what a document says (contracts),
whether it may be published (guards in learning).
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import orjson

from amc_learning.warehouse.errors import CorruptDocument, DocumentError, StorageError
from amc_learning.warehouse.storage import LOCAL, Storage

Document = dict[str, Any]

HASH_FIELD = "sha256"
DAY_FIELD = "known_on"
LOCK_NAME = ".lock"
SHADOW_FOLDER = "shadow"

_HISTORY_FILE = re.compile(r"(\d{4}-\d{2}-\d{2})\.json")
"""Name of a history file; a copy that somebody put beside it is none of ours."""

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")


@dataclass(frozen=True)
class PublishReport:
    """Where a document lies, whether it is the current one now, and whether its history file was written."""

    path: Path
    is_current: bool
    is_changed: bool


def document_sha256(document: Mapping[str, Any]) -> str:
    """Hash of a document without its own `sha256` field.

    It is taken over `json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)` in UTF-8, so
    that a reader can check it with the standard library of Python.

    >>> document_sha256({"a": 1, "sha256": "whatever"}) == document_sha256({"a": 1})
    True
    """
    content = {name: value for name, value in document.items() if name != HASH_FIELD}
    return hashlib.sha256(_canonical(content).encode()).hexdigest()


@dataclass(frozen=True)
class Publications:
    """Documents under one folder: `<name>.json` (current), `<name>.schema.json`, `history/<name>/<known_on>.json`.

    The current document never goes back: publishing an earlier knowledge day again changes its history file only.
    Readers need no lock and see whole documents. `shadow` are those that are only looked at.
    """

    root: Path
    storage: Storage = LOCAL

    @property
    def shadow(self) -> "Publications":
        """The documents that are only looked at: the same layout in a folder of its own, which no reader is sent to."""
        return Publications(self.root / SHADOW_FOLDER, self.storage)

    def publish(self, name: str, document: Document, known_on: date, schema: Document) -> PublishReport:
        """Store one document and make it current unless a later one is; content that is there is not rewritten.

        Args:
            name: lower-case letters, digits, `_` and `-`; names the files.
            document: plain JSON values. `known_on` and `sha256` are filled in.
            known_on: its knowledge day.
            schema: JSON Schema of the document.

        Raises:
            DocumentError: NaN, infinity, or a value JSON does not have; nothing was written.
            StorageError: the file system refused; the published documents are what they were.
        """
        return self.publish_many(name, {known_on: document}, schema)[known_on]

    def publish_many(
        self, name: str, documents: Mapping[date, Document], schema: Document
    ) -> dict[date, PublishReport]:
        """As `publish` for a range of knowledge days; the current file is replaced once, by the newest."""
        _check_name(name)
        contents = {day: _content(name, documents[day], day) for day in sorted(documents)}
        schema_content = _file_bytes(name, _with_hash_field(schema), has_hash=False)
        if not contents:
            return {}
        try:
            self.storage.make_folder(self._history_folder(name))
            with self.storage.locked(self.root / LOCK_NAME):
                return self._store(name, contents, schema_content)
        except OSError as error:
            raise StorageError(
                f"document {name}: {error.strerror or error} ({error.filename or self.root}); the current document is "
                f"untouched. {self.storage.remedy}, then run the same command again"
            ) from error

    def withdraw(self, name: str, day: date) -> bool:
        """Take the document of a day back, as if it had never been published; whether there was one.

        Where it was the current one, the newest that is left is current again, and none when it was the only one.

        Raises:
            CorruptDocument: the one that would be current is damaged; nothing was changed.
            StorageError: the file system refused.
        """
        _check_name(name)
        if not self.has(name, day):
            return False
        try:
            with self.storage.locked(self.root / LOCK_NAME):
                earlier = [known for known in self.history(name) if known != day]
                if self._current_day(name) == day and earlier:
                    self._put_in_force(name, earlier[-1])
                elif self._current_day(name) == day:
                    self.storage.remove(self._current_path(name))
                self.storage.remove(self._history_path(name, day))
        except OSError as error:
            raise StorageError(
                f"document {name} of {day} is not withdrawn: {error.strerror or error}. {self.storage.remedy}, then "
                "run the same command again"
            ) from error
        return True

    def path(self, name: str) -> Path:
        """Where the document in force lies, or will lie once it is published."""
        _check_name(name)
        return self._current_path(name)

    def current(self, name: str) -> Document | None:
        """The document in force, verified; None when none was published.

        Raises:
            CorruptDocument: the file does not carry the hash of its content.
        """
        _check_name(name)
        return self._verified(self._current_path(name))

    def document(self, name: str, day: date) -> Document | None:
        """The document of a knowledge day, verified; None when there is none.

        Raises:
            CorruptDocument: the file does not carry the hash of its content.
        """
        _check_name(name)
        return self._verified(self._history_path(name, day))

    def has(self, name: str, day: date) -> bool:
        """Whether there is a document of this knowledge day; it is not read."""
        _check_name(name)
        return self.storage.changed_at(self._history_path(name, day)) is not None

    def history(self, name: str) -> list[date]:
        """Knowledge days with a document, in order."""
        _check_name(name)
        names = self.storage.names(self._history_folder(name))
        return sorted(date.fromisoformat(found[1]) for file in names if (found := _HISTORY_FILE.fullmatch(file)))

    def published_at(self, name: str, day: date) -> datetime | None:
        """When the document of a day was last written, by the storage; None when there is none."""
        _check_name(name)
        changed_at = self.storage.changed_at(self._history_path(name, day))
        return None if changed_at is None else datetime.fromtimestamp(changed_at, UTC)

    def write_page(self, name: str, day: date, page: str) -> Path:
        """Store the page drawn from a day's document beside its history; returns where it lies.

        Raises:
            StorageError: the file system refused.
        """
        path = self.page_path(name, day)
        try:
            self.storage.make_folder(path.parent)
            self.storage.write_if_changed(path, page.encode())
            self.storage.fetch([path])  # people open it on this machine
        except OSError as error:
            raise StorageError(
                f"page {path.name}: {error.strerror or error}. {self.storage.remedy}, then draw it again: "
                f"amc-learning report --date {day}"
            ) from error
        return path

    def page_path(self, name: str, day: date) -> Path:
        """Where the page of a day's document lies, or will lie once it is drawn."""
        _check_name(name)
        return self.root / "pages" / name / f"{day:%Y-%m-%d}.html"

    def _store(self, name: str, contents: Mapping[date, bytes], schema_content: bytes) -> dict[date, PublishReport]:
        """Write history, schema, current, in this order; the caller holds the lock."""
        before = self._current_day(name)
        paths = {day: self._history_path(name, day) for day in contents}
        written = self.storage.write_changed(
            self._history_folder(name), {paths[day]: content for day, content in contents.items()}
        )
        self.storage.write_if_changed(self._schema_path(name), schema_content)
        # without a readable current document the history decides which day was the last
        newest = max([*contents, *(self.history(name) if before is None else [before])])
        if newest in contents:
            self.storage.write_if_changed(self._current_path(name), contents[newest])
        elif before is None:
            self._put_in_force(name, newest)
        return {
            day: PublishReport(paths[day], day == newest, is_written)
            for day, is_written in zip(contents, written, strict=True)
        }

    def _put_in_force(self, name: str, day: date) -> None:
        """Make the document of a day the current one again, verified before it comes into force."""
        self.document(name, day)
        self.storage.write_if_changed(self._current_path(name), self.storage.read(self._history_path(name, day)))

    def _current_day(self, name: str) -> date | None:
        """Knowledge day of the current document; None when there is none that can be trusted."""
        try:
            document = self.current(name)
        except CorruptDocument:
            return None
        return None if document is None else date.fromisoformat(document[DAY_FIELD])

    def _verified(self, path: Path) -> Document | None:
        try:
            content = self.storage.read(path)
        except FileNotFoundError:
            return None
        try:
            document = json.loads(content)
            is_intact = isinstance(document, dict) and document[HASH_FIELD] == document_sha256(document)
        except (ValueError, KeyError, RecursionError):
            is_intact = False
        if not is_intact:
            raise CorruptDocument(
                f"{self.storage.address(path)} does not carry the hash of its own content: it was damaged or edited, "
                "and is not used. Publish its day again: amc-learning run daily --date <its day>"
            )
        return dict(document)

    def _current_path(self, name: str) -> Path:
        return self.root / f"{name}.json"

    def _schema_path(self, name: str) -> Path:
        return self.root / f"{name}.schema.json"

    def _history_folder(self, name: str) -> Path:
        return self.root / "history" / name

    def _history_path(self, name: str, day: date) -> Path:
        return self._history_folder(name) / f"{day:%Y-%m-%d}.json"


def _with_hash_field(schema: Document) -> Document:
    """The schema of what is written: the document with the hash that publishing adds."""
    field = {"type": "string", "description": "sha256 of the document without this field, keys sorted, no blanks."}
    required = [*schema.get("required", ()), HASH_FIELD]
    return {**schema, "properties": {**schema.get("properties", {}), HASH_FIELD: field}, "required": required}


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise DocumentError(f"{name!r} cannot name a document; use lower-case letters, digits, _ and -")


def _content(name: str, document: Document, known_on: date) -> bytes:
    """The bytes of the file: the document with its day and hash, keys sorted, indented for people."""
    said = document.get(DAY_FIELD, known_on.isoformat())
    if said != known_on.isoformat():
        raise DocumentError(f"document {name}: it says known_on {said} but is published for {known_on}")
    return _file_bytes(name, {**document, DAY_FIELD: known_on.isoformat()}, has_hash=True)


def _file_bytes(name: str, document: Document, *, has_hash: bool) -> bytes:
    try:
        content = _canonical({field: value for field, value in document.items() if field != HASH_FIELD or not has_hash})
        seal = {HASH_FIELD: hashlib.sha256(content.encode()).hexdigest()} if has_hash else {}
        return _pretty({**document, **seal})
    except (TypeError, ValueError, RecursionError) as error:
        message = f"document {name}: {error}; a document holds plain JSON without NaN. Nothing was written"
        raise DocumentError(message) from error


def _canonical(document: Document) -> str:
    # not orjson, which writes NaN as null without a word
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _pretty(plain: Document) -> bytes:
    return orjson.dumps(plain, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)
