"""An S3-compatible server of the test's own, and warehouses on it.

The server is moto's, a process on loopback that keeps objects in memory and takes conditional requests.
"""

import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from amc_learning.warehouse.locks import FileLocks
from amc_learning.warehouse.object_storage import ObjectStorage
from amc_learning_tests.ports import free_port

LIMIT_SECONDS = 60.0
BUCKET = "warehouse"
URL = f"s3://{BUCKET}/team/a"


@contextmanager
def object_store() -> Iterator[Mapping[str, str]]:
    """A server with one empty bucket; gives the variables by which clients find it, and sets them here meanwhile."""
    pytest.importorskip("moto", reason="needs an S3-compatible server: pip install amc-learning[dev]")
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            _make_bucket(f"{address}/{BUCKET}")
            variables = {
                "AWS_ENDPOINT_URL": address,
                "AWS_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
            }
            with pytest.MonkeyPatch.context() as environment:
                for name, value in variables.items():
                    environment.setenv(name, value)
                yield variables
        finally:
            server.kill()


def _make_bucket(address: str) -> None:
    pause, n_tries = threading.Event(), 0
    while True:
        try:
            urllib.request.urlopen(urllib.request.Request(address, method="PUT"), timeout=LIMIT_SECONDS).close()
        except OSError:
            n_tries += 1
            assert n_tries < LIMIT_SECONDS / 0.1, "the server does not start"
            pause.wait(0.1)
        else:
            return


def storage(root: Path, url: str = URL) -> ObjectStorage:
    """The objects under `url`, with copies and locks under `root`: two roots know nothing of each other."""
    for folder in ("tables/measurements", "published/shadow"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    return ObjectStorage.open(url, root, FileLocks())
