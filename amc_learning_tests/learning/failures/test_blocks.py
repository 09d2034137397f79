import itertools

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.special import ndtr
from scipy.stats import hypergeom

from amc_learning.learning.failures.blocks import (
    Scorer,
    block_starts,
    count_moments,
    day_effect,
    exact_tail,
    shuffled_labels,
)

TABLES = st.integers(3, 60).flatmap(
    lambda size: st.tuples(st.just(size), st.integers(0, size), st.integers(1, size - 1), st.integers(0, size))
)


@given(TABLES)
def test_one_block_has_the_tail_of_the_hypergeometric_distribution(table):
    size, failing, inside, count = table
    ours = exact_tail(np.array([inside]), np.array([size]), np.array([failing]), count=count)
    assert ours == pytest.approx(hypergeom.sf(count - 1, size, failing, inside), rel=1e-9, abs=1e-14)


@given(TABLES)
def test_one_block_has_the_moments_of_the_hypergeometric_distribution(table):
    size, failing, inside, _ = table
    assume(size > 3 and 0 < failing < size)  # elsewhere scipy divides by zero
    moments = count_moments(np.array([[float(inside)]]), np.array([float(size)]), np.array([float(failing)]))
    mean, variance, skewness = hypergeom.stats(size, failing, inside, moments="mvs")
    assert (moments.mean[0], moments.variance[0]) == pytest.approx((mean, variance))
    if variance > 0:
        assert moments.third[0] == pytest.approx(skewness * variance**1.5, abs=1e-9)


def test_blocks_add_up_as_every_arrangement_of_their_labels_does():
    # Blocks of 4 (2 failures, 2 inside) and 3 (1 failure, 2 inside): 6 x 3 equally likely arrangements.
    blocks = [(4, 2, 2), (3, 1, 2)]
    counts = [
        sum(sum(position < inside for position in chosen) for chosen, (_, _, inside) in zip(pick, blocks, strict=True))
        for pick in itertools.product(*(itertools.combinations(range(size), failing) for size, failing, _ in blocks))
    ]
    assert len(counts) == 18
    size, failing, inside = (np.array(column) for column in zip(*blocks, strict=True))
    for count in range(4):
        expected = np.mean(np.array(counts) >= count)
        assert exact_tail(inside, size, failing, count=count) == pytest.approx(expected)
    moments = count_moments(inside[:, None].astype(float), size.astype(float), failing.astype(float))
    assert moments.mean[0] == pytest.approx(np.mean(counts))
    assert moments.variance[0] == pytest.approx(np.var(counts))
    assert moments.third[0] == pytest.approx(np.mean((np.array(counts) - np.mean(counts)) ** 3))


def test_the_tail_that_the_statistic_promises_is_never_below_the_exact_one_where_it_replaces_permutations():
    generator = np.random.default_rng(0)
    n_checked = 0
    for _ in range(200):
        n_block = generator.integers(8, 20, generator.integers(5, 30))
        n_failures = generator.binomial(n_block, generator.uniform(0.05, 0.6))
        n_cases = generator.binomial(n_block, generator.uniform(0.05, 0.5))
        moments = count_moments(n_cases[:, None].astype(float), n_block.astype(float), n_failures.astype(float))
        counts = np.arange(3.0, np.minimum(n_cases, n_failures).sum() + 1)
        if moments.variance[0] == 0 or not len(counts):
            continue
        statistics = Scorer.of(moments)(counts[None])[0]
        for reached in np.flatnonzero((statistics > 4) & (statistics < 7))[:2]:
            exact = exact_tail(n_cases, n_block, n_failures, count=int(counts[reached]))
            assert exact <= ndtr(-statistics[reached])
            n_checked += 1
    assert n_checked > 100


@given(st.lists(st.integers(0, 12), min_size=1, max_size=40), st.integers(1, 15))
def test_blocks_are_whole_days_of_enough_cases(days, min_cases):
    ordered = np.sort(np.array(days, np.int64))
    starts = block_starts(ordered, min_cases=min_cases)
    assert starts[0] == 0
    assert all(ordered[start] != ordered[start - 1] for start in starts[1:])
    sizes = np.diff(starts, append=len(ordered))
    assert (sizes >= min(min_cases, len(ordered))).all()


def test_shuffling_keeps_each_block_and_its_failures():
    blocks = np.repeat([0, 1, 2], [5, 3, 7])
    labels = np.array([1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 1], np.float32)
    drawn = shuffled_labels(labels, blocks, n_draws=2000, generator=np.random.default_rng(1))
    for block in range(3):
        assert (drawn[blocks == block].sum(axis=0) == labels[blocks == block].sum()).all()
    # Each position of block 0 fails in 2 of 5 draws: s.e. of a share over 2,000 draws is 0.011.
    assert drawn[:5].mean(axis=1) == pytest.approx(0.4, abs=0.05)


def test_day_effect_is_standard_when_cases_are_independent_and_large_when_days_decide():
    generator = np.random.default_rng(2)
    days = np.repeat(np.arange(60), 5)
    independent = [day_effect(days, (generator.random(300) < 0.3).astype(np.float32)) for _ in range(1000)]
    # s.e. of the mean 0.03, of the deviation about 0.025.
    assert np.mean(independent) == pytest.approx(0, abs=0.12)
    assert np.std(independent) == pytest.approx(1, abs=0.1)
    bad_days = (generator.random(60) < 0.3)[days]
    assert day_effect(days, bad_days.astype(np.float32)) > 5


def test_days_that_are_bad_for_one_stratum_and_good_for_the_other_are_seen():
    generator = np.random.default_rng(3)
    days, strata = np.repeat(np.arange(60), 10), np.tile(np.repeat([0, 1], 5), 60)
    is_bad = (generator.random(60) < 0.5)[days]
    failed = (generator.random(600) < np.where(is_bad == (strata == 0), 0.8, 0.2)).astype(np.float32)
    assert abs(day_effect(days, failed)) < 3
    assert day_effect(days, failed, strata) > 10


def test_day_effect_needs_days_with_company():
    assert day_effect(np.arange(10), np.ones(10, np.float32)) == 0.0
    assert day_effect(np.arange(10), (np.arange(10) % 2).astype(np.float32)) == 0.0
    assert day_effect(np.array([], np.int64), np.array([], np.float32)) == 0.0
