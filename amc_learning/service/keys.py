"""API keys: made once, shown once, kept as hashes; several at a time, so that one can replace another.

Belongs here: making, keeping and recognising keys. Not here: which request needs one (door), the commands (cli).
A key is 32 random bytes behind a name, so one fast hash is enough: nobody guesses it, and nobody can turn it back.
"""

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Literal, get_args

from amc_learning.service.errors import KeyFileError
from amc_learning.warehouse.files import locked, make_folder, write_atomically

Scope = Literal["read", "write"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

KEY_FILE = ("service", "keys.json")
"""Where keys lie in a data directory."""

LOOK_SECONDS = 1.0
"""Every look is a system call, for which the event loop gives its turn to the writing thread and waits to get it back:
looking at every request cost more than all the rest of the door."""

PREFIX = "amc"
RANDOM_BYTES = 32
_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
_UNKNOWN_SHA256 = hashlib.sha256(b"no key has this hash").hexdigest()


@dataclass(frozen=True)
class Key:
    """One key: its name, what it may do, when it was made, and the hash by which it is recognised."""

    name: str
    scopes: tuple[Scope, ...]
    created_at: str
    sha256: str


class KeyRing:
    """The keys of a data directory; a change of the file is seen within `LOOK_SECONDS`.

    Args:
        data_dir: where the file of keys lies.
        clock: seconds that only grow.
    """

    def __init__(self, data_dir: Path, clock: Callable[[], float] = monotonic) -> None:
        self._path = data_dir.joinpath(*KEY_FILE)
        self._clock = clock
        self._looked_at = -LOOK_SECONDS
        self._identity: tuple[int, int] | None = None
        self._keys: Mapping[str, Key] = {}

    def all(self) -> tuple[Key, ...]:
        """Every key, by name.

        Raises:
            KeyFileError: the file is there and cannot be read.
        """
        return tuple(self._current().values())

    def find(self, sent: str) -> Key | None:
        """The key that was sent, or None; unknown names take as long as wrong secrets.

        Raises:
            KeyFileError: as `all`.
        """
        _, _, rest = sent.partition("_")
        key = self._current().get(rest.partition("_")[0])
        sha256 = hashlib.sha256(sent.encode("utf-8", "backslashreplace")).hexdigest()
        is_known = hmac.compare_digest(sha256, key.sha256 if key else _UNKNOWN_SHA256)
        return key if is_known else None

    def create(self, name: str, scopes: Iterable[Scope], *, now: datetime) -> str:
        """Make a key and return it; it cannot be shown again.

        Raises:
            KeyFileError: the name is taken or cannot be one, or no scope is given.
        """
        wanted = tuple(scope for scope in SCOPES if scope in set(scopes))
        if not _NAME.fullmatch(name):
            raise KeyFileError(f"{name!r} cannot name a key; use lower-case letters, digits and dashes")
        if not wanted:
            raise KeyFileError("a key needs at least one scope: read, write")
        secret = f"{PREFIX}_{name}_{secrets.token_urlsafe(RANDOM_BYTES)}"
        digest = hashlib.sha256(secret.encode()).hexdigest()
        with self._changing() as keys:
            if name in keys:
                raise KeyFileError(
                    f"a key {name} is there already; make the new one under another name, give it to the sender, then "
                    f"revoke this one: amc-learning keys revoke {name}"
                )
            keys[name] = Key(name, wanted, now.isoformat(timespec="seconds"), digest)
        return secret

    def revoke(self, name: str) -> None:
        """Forget a key; a running service sees it within `LOOK_SECONDS`.

        Raises:
            KeyFileError: there is none of this name.
        """
        with self._changing() as keys:
            if keys.pop(name, None) is None:
                raise KeyFileError(f"there is no key {name}; amc-learning keys list shows those there are")

    def _current(self) -> Mapping[str, Key]:
        """The keys as of the last look; a new look when that is a while ago."""
        now = self._clock()
        if now - self._looked_at >= LOOK_SECONDS:
            self._look()
            self._looked_at = now
        return self._keys

    def _look(self) -> Mapping[str, Key]:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            self._identity, self._keys = None, {}
            return self._keys
        identity = found.st_ino, found.st_mtime_ns
        if identity != self._identity:
            self._keys = _read(self._path)
            self._identity = identity
        return self._keys

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Key]]:
        """The keys to change, written at the end; one at a time, or a change would bring a revoked key back."""
        make_folder(self._path.parent)
        with locked(self._path.with_name(f"{self._path.name}.lock")):
            keys = dict(self._look())
            yield keys
            self._looked_at = -LOOK_SECONDS
            content = json.dumps({"keys": [asdict(key) for key in keys.values()]}, indent=2) + "\n"
            write_atomically(self._path, content.encode())


def _read(path: Path) -> dict[str, Key]:
    try:
        entries = json.loads(path.read_bytes())["keys"]
        keys = [Key(**{**entry, "scopes": tuple(entry["scopes"])}) for entry in entries]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise KeyFileError(
            f"{path.name} in the folder service of the data directory cannot be read; nobody is let in. Remove it and "
            "make the keys anew: amc-learning keys create NAME"
        ) from error
    return {key.name: key for key in keys}
