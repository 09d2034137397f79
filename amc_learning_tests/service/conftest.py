"""A real server in this process, over a data directory of the test's own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from amc_learning.settings import Settings
from amc_learning_tests.service.serving import Served, served

Serve = Callable[..., Served]


@pytest.fixture
def settings(tmp_path: Path, clean_environment: None) -> Settings:
    """An empty data directory."""
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start servers over settings; all of them are stopped at the end."""
    with ExitStack() as stack:
        yield lambda settings, **options: stack.enter_context(served(settings, **options))


@pytest.fixture
def service(settings: Settings, serve: Serve) -> Served:
    """A server over an empty data directory."""
    return serve(settings)


@pytest.fixture
def http(service: Served) -> Iterator[httpx.Client]:
    """A client of it."""
    with httpx.Client(base_url=service.url) as client:
        yield client
