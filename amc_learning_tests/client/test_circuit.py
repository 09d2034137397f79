from amc_learning.client.circuit import CircuitBreaker
from amc_learning_tests.client.server import Clock


def breaker():
    clock = Clock()
    return clock, CircuitBreaker(max_failures=3, open_seconds=300.0, monotonic=clock)


def opened():
    clock, circuit = breaker()
    for _ in range(3):
        assert circuit.begin()
        circuit.failed()
    return clock, circuit


def test_the_third_failure_in_a_row_opens_it():
    _, circuit = breaker()
    assert [circuit.failed() for _ in range(2)] == [False, False]
    circuit.succeeded()
    assert [circuit.failed() for _ in range(3)] == [False, False, True]
    assert circuit.is_open and not circuit.begin()


def test_after_five_minutes_one_request_probes_and_no_second_one():
    clock, circuit = opened()
    clock.advance(299.9)
    assert not circuit.begin()
    clock.advance(0.1)
    assert [circuit.begin() for _ in range(3)] == [True, False, False]


def test_a_probe_that_fails_opens_it_for_another_five_minutes():
    clock, circuit = opened()
    clock.advance(300)
    assert circuit.begin() and circuit.failed()
    clock.advance(299)
    assert not circuit.begin()
    clock.advance(1)
    assert circuit.begin()


def test_a_probe_that_succeeds_closes_it():
    clock, circuit = opened()
    clock.advance(300)
    circuit.begin()
    circuit.succeeded()
    assert circuit.begin() and circuit.begin() and not circuit.is_open


def test_a_probe_that_was_cancelled_leaves_its_turn_to_another():
    clock, circuit = opened()
    clock.advance(300)
    circuit.begin()
    circuit.abandoned()
    assert circuit.begin()


def test_a_late_failure_of_a_request_begun_before_does_not_prolong_the_wait():
    clock, circuit = opened()
    clock.advance(200)
    assert not circuit.failed()
    clock.advance(100)
    assert circuit.begin()
