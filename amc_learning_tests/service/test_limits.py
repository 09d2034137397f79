"""A bucket of tokens each: who comes too often waits, everybody else does not notice."""

import pytest

from amc_learning.service.answers import Refusal
from amc_learning.service.limits import BURST_SECONDS, MOST_SENDERS, RateLimiter


class Clock:
    """A clock that is set by hand."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def n_admitted(limiter, sender, n_tries):
    admitted = 0
    for _ in range(n_tries):
        try:
            limiter.admit(sender)
        except Refusal:
            continue
        admitted += 1
    return admitted


def test_without_a_limit_everybody_comes_in():
    assert n_admitted(RateLimiter(None), "a", 10_000) == 10_000


def test_a_quiet_sender_may_send_a_burst_and_then_an_even_stream():
    clock = Clock()
    limiter = RateLimiter(10, clock)
    assert n_admitted(limiter, "a", 100) == 10 * BURST_SECONDS
    clock.now += 0.5
    assert n_admitted(limiter, "a", 100) == 5
    clock.now += 3600
    assert n_admitted(limiter, "a", 100) == 10 * BURST_SECONDS, "rest earns no more than one burst"


def test_refused_requests_cost_nothing_and_do_not_prolong_the_wait():
    clock = Clock()
    limiter = RateLimiter(1, clock)
    n_admitted(limiter, "a", 1000)
    clock.now += 1
    assert n_admitted(limiter, "a", 10) == 1


def test_one_sender_takes_nothing_from_another():
    limiter = RateLimiter(10, Clock())
    n_admitted(limiter, "a", 1000)
    assert n_admitted(limiter, "b", 1000) == 10 * BURST_SECONDS


def test_the_refusal_says_when_to_come_back_and_which_setting_it_is():
    limiter = RateLimiter(1, Clock())
    n_admitted(limiter, "a", 10)
    with pytest.raises(Refusal) as refused:
        limiter.admit("a")
    assert (refused.value.status, refused.value.headers["retry-after"]) == (429, "1")
    assert "service.requests_per_second" in refused.value.detail


def test_the_promised_wait_is_enough():
    clock = Clock()
    limiter = RateLimiter(1, clock)
    n_admitted(limiter, "a", 10)
    clock.now += 1
    limiter.admit("a")


def test_memory_is_bounded_and_the_one_heard_of_longest_ago_is_forgotten():
    limiter = RateLimiter(1, Clock())
    n_admitted(limiter, "oldest", 10)
    n_admitted(limiter, "newest", 10)
    for number in range(MOST_SENDERS - 1):
        limiter.admit(f"sender {number}")
    assert n_admitted(limiter, "newest", 1) == 0, "still remembered"
    assert n_admitted(limiter, "oldest", 1) == 1, "forgotten, which costs nobody anything"
    assert len(limiter._buckets) == MOST_SENDERS
