"""Servers of `server.py` and clients that are closed with their test."""

from contextlib import ExitStack

import pytest

from amc_learning.client import LearningClient
from amc_learning_tests.client.server import serving


@pytest.fixture
def server():
    with serving() as running:
        yield running


@pytest.fixture
def client_of():
    with ExitStack() as clients:

        def make(base_url, **options):
            client = LearningClient(base_url, **options)
            clients.callback(client.close, 0.0)
            return client

        yield make
