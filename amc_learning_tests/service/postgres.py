"""A PostgreSQL server of the test's own, from the binaries that are installed.

`initdb` refuses root, so root starts it as another user, in a folder that user may enter.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from amc_learning_tests.ports import free_port

SUPERUSER = "amc_learning"
UNPRIVILEGED_USERS = ("postgres", "nobody")
LIMIT_SECONDS = 60.0


@dataclass(frozen=True)
class Postgres:
    """A running server; `url` is for `AMC_LEARNING_INBOX_URL`."""

    binaries: Path
    folder: Path
    port: int
    user: int | None

    @property
    def url(self) -> str:
        """The database every server has."""
        return f"postgresql+psycopg2://{SUPERUSER}@127.0.0.1:{self.port}/postgres"

    def database(self, name: str) -> str:
        """The address of another, empty database."""
        import sqlalchemy as sa  # noqa: PLC0415

        engine = sa.create_engine(self.url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with engine.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
        return f"{self.url.rpartition('/')[0]}/{name}"

    def start(self) -> None:
        """Start, and wait until it answers."""
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1"
        self._control("-l", str(self.folder / "log"), "-o", options, "start")

    def restart(self, how: str) -> None:
        """Restart, and wait until it answers; `how` is fast (told to end) or immediate (as a crash)."""
        self._control("-l", str(self.folder / "log"), "-m", how, "restart")

    def stop(self, how: str = "fast") -> None:
        """Stop."""
        self._control("-m", how, "stop")

    def initialise(self) -> None:
        """Make the files of an empty server."""
        self._run("initdb", "-D", str(self._data), "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8", "--locale=C")

    @property
    def _data(self) -> Path:
        return self.folder / "server"

    def _control(self, *words: str) -> None:
        self._run("pg_ctl", "-D", str(self._data), "-w", "-t", f"{LIMIT_SECONDS:.0f}", *words)

    def _run(self, program: str, *words: str) -> None:
        other: dict[str, Any] = {} if self.user is None else {"user": self.user, "extra_groups": []}
        # the server keeps what it is given as stdout, so that must be no pipe somebody waits for
        done = subprocess.run(
            [str(self.binaries / program), *words],
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            **other,
        )
        log = self.folder / "log"
        assert done.returncode == 0, f"{program} {words[-1]}: {log.read_text()[-1000:] if log.exists() else 'no log'}"


@contextmanager
def postgres_server() -> Iterator[Postgres]:
    """A server with an empty database on a free port of loopback; skips the test where none is installed."""
    pytest.importorskip("psycopg2", reason="needs psycopg2: pip install amc-learning[postgres]")
    binaries = _binaries()
    user = None if os.getuid() else _unprivileged_user()
    folder = Path(tempfile.mkdtemp(prefix="amc-learning-postgres-"))
    try:
        if user is not None:
            os.chown(folder, user, -1)
        server = Postgres(binaries, folder, free_port(), user)
        server.initialise()
        server.start()
        try:
            yield server
        finally:
            server.stop("immediate")
    finally:
        shutil.rmtree(folder)


def _binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    if not found and on_path is None:
        pytest.skip("needs a PostgreSQL server (initdb in /usr/lib/postgresql/*/bin or on the path), none is installed")
    return found[-1].parent if found else Path(str(on_path)).resolve().parent


def _unprivileged_user() -> int:
    known = {entry.pw_name: entry.pw_uid for entry in pwd.getpwall()}
    user = next((known[name] for name in UNPRIVILEGED_USERS if name in known), None)
    if user is None:
        pytest.skip(f"initdb refuses root, and none of the users {', '.join(UNPRIVILEGED_USERS)} is there")
    return user
