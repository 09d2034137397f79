"""What the client promises to the program it runs in: it does not wait, grow, raise or hang."""

import gc
import json
import os
import subprocess
import sys
import time
import tracemalloc
from datetime import UTC, date, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amc_learning.client import LearningClient
from amc_learning_tests.client.server import WEIGHTS, Hang, learning_system, nobody, serving

NEVER_WAITED_SECONDS = 60
"""Within it 500 sends end on any machine; waiting for a server that does not answer, they would take an hour."""

CHECKOUT = Path(__file__).parents[2]


def result_of_25_kilobytes():
    candidate = {
        "symbol": "ABCD", "score": 37.289032624273936, "action_tag": "monitor", "confidence": 0.94,
        "rel_vol": 1.6949152680502908, "price": 19.46, "volume": 106759702, "market_cap_m": None,
        "subscores": {name.removesuffix("_weight"): 37.21341816078662 for name in WEIGHTS}, "risk_flags": [],
    }  # fmt: skip
    result = {"status": "success", "candidates": [candidate] * 62}
    assert 24_000 < len(json.dumps(result)) < 26_000
    return result


@pytest.mark.parametrize("state", ["absent", "hanging", "present"])
def test_no_send_waits_whatever_the_server_does(client_of, state):
    result = result_of_25_kilobytes()
    with serving(learning_system if state == "present" else lambda *_: Hang()) as server:
        client = client_of(nobody() if state == "absent" else server.url)
        began = time.monotonic()
        for _ in range(500):
            client.send_discovery(result)
        assert time.monotonic() - began < NEVER_WAITED_SECONDS
    assert client.counters.n_taken + client.counters.n_dropped == 500


def test_the_largest_event_is_taken_and_one_ten_times_larger_is_dropped(client_of):
    client = client_of(nobody())
    rows = [{"n": n, "score": 0.123456789} for n in range(80_000)]  # 240,001 values: just within the bound
    client.send_discovery(rows)
    assert (client.counters.n_taken, client.counters.n_dropped) == (1, 0)
    client.send_discovery(rows * 10)
    assert (client.counters.n_taken, client.counters.n_dropped) == (1, 1)


@pytest.mark.slow
@pytest.mark.parametrize("has_spool", [False, True])
def test_twenty_times_more_sends_than_fit_use_bounded_memory_without_a_server(client_of, tmp_path, has_spool):
    bounds = {"max_queue_events": 1000, "max_queue_bytes": 1_600_000, "max_spool_bytes": 200_000}
    n_sends = 20 * bounds["max_queue_events"]
    client = client_of(nobody(), spool_dir=tmp_path if has_spool else None, **bounds)
    thesis = {"recommendation": "HOLD", "text": "x" * 500}
    client.get_discovery_parameters(WEIGHTS)  # what is loaded once is loaded now
    tracemalloc.start()
    for n in range(n_sends):
        client.send_thesis("ABC", thesis | {"n": n})
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    counters = client.counters
    assert counters.n_taken + counters.n_dropped == n_sends
    assert counters.n_dropped > 0
    assert peak_bytes < 2 * bounds["max_queue_bytes"]


class Ugly:
    def __getattr__(self, name):
        raise ZeroDivisionError

    def __repr__(self):
        raise ZeroDivisionError


def knotted(sent):
    sent["knot"] = sent
    return sent


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters()), st.binary(), st.decimals(),
    st.datetimes(timezones=st.none() | st.just(UTC)), st.dates(), st.times(), st.timedeltas(), st.fractions(),
    st.complex_numbers(), st.uuids(), st.characters(categories=["Cs"]), st.integers(0, 9).map(np.int16),
    st.floats(width=32).map(np.float32), st.lists(st.floats(), max_size=3).map(np.array),
    st.builds(Ugly),
    st.sampled_from([object(), Ugly, ..., print, SimpleNamespace(a=1), Exception("x"), range(3), iter([1]),
                     np.datetime64("NaT"), np.longdouble(1), Decimal("sNaN"), date.max, timedelta.max]),
)  # fmt: skip
KEYS = st.one_of(
    st.text(st.characters()), st.integers(), st.floats(), st.none(), st.booleans(), st.binary(), st.dates(),
    st.tuples(st.integers()),
    st.sampled_from(["event_id", "job_id", "timestamp", "parameters_version", "data", "thesis", "change_data"]),
)  # fmt: skip
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(KEYS, inner, max_size=4)
        | st.tuples(inner, inner)
        | st.sets(st.integers() | st.text(), max_size=4)
        | st.dictionaries(KEYS, inner, max_size=4).map(knotted)
    ),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def receiving():
    with serving() as server, LearningClient(server.url) as client:
        yield SimpleNamespace(server=server, client=client)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=ANYTHING, symbol=ANYTHING)
def test_nothing_that_is_handed_over_raises_and_all_that_is_taken_is_json(receiving, sent, symbol):
    client, server = receiving.client, receiving.server
    n_before = len(server.posts)
    taken = [client.send_discovery(sent), client.send_thesis(symbol, sent)]
    taken.append(client.send_position_change(symbol, symbol, sent))
    assert taken[1:] == [True, True]
    assert client.flush(120)
    arrived = server.posts[n_before:]
    assert len(arrived) == sum(taken)
    for one in arrived:
        json.loads(one.body, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(defaults=ANYTHING)
def test_no_defaults_make_a_read_raise(receiving, defaults):
    assert isinstance(receiving.client.get_discovery_parameters(defaults), dict)


def run(program, *arguments, **more):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", program, *arguments],
        capture_output=True, text=True, timeout=60, check=False, cwd=CHECKOUT, **more,
    )  # fmt: skip


SENDING = """
import logging, sys, time
from amc_learning.client import LearningClient
logging.basicConfig()
client = LearningClient(sys.argv[1], exit_flush_seconds=float(sys.argv[2]))
client.send_thesis("ABC", {})
"""


def test_the_end_of_the_interpreter_delivers_what_waits():
    with serving() as server:
        ended = run(SENDING, server.url, "20")
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
        assert len(server.posts) == 1


@pytest.mark.parametrize("state", ["absent", "hanging"])
def test_the_end_of_the_interpreter_does_not_wait_for_a_server_that_does_not_answer(state):
    with serving(lambda *_: Hang()) as server:
        began = time.monotonic()
        ended = run(SENDING, nobody() if state == "absent" else server.url, "0.5")
        assert time.monotonic() - began < 20  # without a bound it would wait for a minute and more
    assert ended.returncode == 0
    assert "1 events were not delivered before the end and are lost" in ended.stderr
    assert "Traceback" not in ended.stderr and "Warning" not in ended.stderr


def test_importing_the_client_loads_neither_httpx_nor_the_rest_of_the_package():
    program = """
import sys
import amc_learning.client
ours = {name for name in sys.modules if name.startswith("amc_learning") and not name.startswith("amc_learning.client")}
print(sorted(ours), "httpx" in sys.modules, "numpy" in sys.modules)
"""
    assert run(program).stdout == "['amc_learning'] False False\n"


def test_a_client_that_nobody_holds_any_more_still_delivers():
    with serving() as server:
        LearningClient(server.url).send_thesis("ABC", {})
        gc.collect()
        assert server.saw(1)


def test_no_thread_of_the_client_makes_a_context_of_openssl_which_a_fork_meanwhile_would_leave_locked():
    program = """
import ssl, sys
from amc_learning.client import LearningClient
client = LearningClient(sys.argv[1])
n_made, make = 0, ssl.SSLContext.__new__
def counted(*arguments, **named):
    global n_made
    n_made += 1
    return make(*arguments, **named)
ssl.SSLContext.__new__ = counted
client.send_thesis("ABC", {})
print(client.flush(20), n_made)
"""
    with serving() as server:
        assert run(program, server.url).stdout == "True 0\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_process_pool_made_by_fork_may_use_the_client_of_its_parent():
    program = """
import multiprocessing, sys
from amc_learning.client import LearningClient
client = LearningClient(sys.argv[1])
def work(n):
    client.send_thesis("ABC", {"n": n})
    return client.flush(20)
if __name__ == "__main__":
    client.send_thesis("ABC", {"n": -1})
    with multiprocessing.get_context("fork").Pool(2) as pool:
        print(all(pool.map(work, range(10))))
"""
    with serving() as server:
        ended = run(program, server.url)
        assert (ended.stdout, ended.stderr) == ("True\n", "")
        assert sorted(one.payload["thesis"]["n"] for one in server.posts) == list(range(-1, 10))
