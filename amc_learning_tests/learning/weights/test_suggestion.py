import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls

from amc_learning.learning.weights.evidence import Evidence
from amc_learning.learning.weights.suggestion import _minimise_on_cone, _training_days, suggest_weights
from amc_learning_tests.learning.weights.worlds import DEFAULT_VECTOR, EQUAL_VECTOR, random_evidence, slopes_for


def suggest(evidence, in_force=DEFAULT_VECTOR, **options):
    return suggest_weights(evidence, in_force, **({"overlap_sessions": 1, "cap": 0.6} | options))


@given(st.integers(0, 10_000), st.integers(2, 8))
def test_the_minimum_on_the_cone_equals_scipys_nnls(seed, size):
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(5, size + 2, size))
    targets = rng.normal(size=(5, size + 2))
    found = _minimise_on_cone(np.einsum("pij,pik->pjk", factors, factors), np.einsum("pij,pi->pj", factors, targets))
    expected = [nnls(matrix, target)[0] for matrix, target in zip(factors, targets, strict=True)]
    np.testing.assert_allclose(found, expected, atol=1e-7)


@given(st.integers(0, 10_000), st.sampled_from([1, 5, 21]))
@settings(max_examples=20, deadline=None)
def test_suggested_weights_lie_on_the_capped_simplex(seed, overlap):
    suggestion = suggest(random_evidence(np.random.default_rng(seed), 90), overlap_sessions=overlap)
    for weights in (suggestion.weights, *suggestion.fold_weights):
        assert weights.sum() == pytest.approx(1, abs=1e-9)
        assert weights.min() >= 0
        assert weights.max() <= 0.6 + 1e-9


def test_fitted_days_share_no_session_with_the_held_out_block():
    overlap, block = 5, np.arange(20, 40)
    kept = np.flatnonzero(_training_days(100, block, overlap))
    spans = [set(range(day, day + overlap)) for day in kept]
    held_out = set(range(block[0], block[-1] + overlap))
    assert not any(span & held_out for span in spans)
    assert kept.min() == 0
    assert kept.max() == 99
    # After the block as many days again are left out as purging needs.
    assert min(day for day in kept if day > block[-1]) == block[-1] + 1 + 2 * (overlap - 1)


def test_much_evidence_finds_the_planted_weights():
    truth = np.array([0.1, 0.0, 0.15, 0.0, 0.35, 0.4])
    evidence = random_evidence(np.random.default_rng(1), 3000, slopes=slopes_for(truth, 0.15))
    np.testing.assert_allclose(suggest(evidence).weights, truth, atol=0.05)


def test_a_component_that_works_backwards_gets_no_weight():
    evidence = random_evidence(np.random.default_rng(2), 400, slopes=[0.08, 0.08, 0.08, 0.08, 0.08, -0.15])
    assert suggest(evidence, EQUAL_VECTOR).weights[5] == 0


def test_permuting_the_components_permutes_the_suggestion():
    evidence = random_evidence(np.random.default_rng(3), 250, slopes=slopes_for([1, 0, 0, 0, 2, 3], 0.1))
    order = np.array([3, 1, 5, 0, 2, 4])
    permuted = Evidence(
        evidence.known_on, evidence.return_covariances[:, order], evidence.score_covariances[:, order][:, :, order]
    )
    plain, other = suggest(evidence), suggest(permuted, DEFAULT_VECTOR[order])
    np.testing.assert_allclose(other.weights, plain.weights[order], atol=1e-9)
    np.testing.assert_allclose(other.improvement, plain.improvement, atol=1e-9)


def test_without_any_relation_the_weights_in_force_are_suggested():
    evidence = random_evidence(np.random.default_rng(4), 100)
    silent = Evidence(evidence.known_on, np.zeros_like(evidence.return_covariances), evidence.score_covariances)
    suggestion = suggest(silent)
    np.testing.assert_array_equal(suggestion.weights, DEFAULT_VECTOR)
    assert np.isinf(suggestion.shrinkage)
    assert not suggestion.improvement.any()


def test_components_that_cannot_be_judged_keep_their_weight():
    evidence = random_evidence(np.random.default_rng(5), 400, slopes=slopes_for([0, 0, 0, 0, 1, 3], 0.15))
    fixed = np.array([False, True, False, False, False, False])
    suggestion = suggest(evidence, fixed=fixed)
    assert suggestion.weights[1] == DEFAULT_VECTOR[1]
    assert suggestion.weights[5] > 0.4
    assert suggestion.weights.sum() == pytest.approx(1)


def test_an_absent_component_keeps_its_weight():
    evidence = random_evidence(np.random.default_rng(6), 300, slopes=slopes_for([0, 0, 0, 0, 1, 3], 0.15))
    present = np.arange(6) != 3
    absent = Evidence(
        evidence.known_on,
        evidence.return_covariances * present,
        evidence.score_covariances * (present[:, None] & present),
    )
    assert suggest(absent).weights[3] == DEFAULT_VECTOR[3]


def test_held_out_coefficients_are_those_of_the_blocks_own_weights():
    evidence = random_evidence(np.random.default_rng(7), 250, slopes=slopes_for([0, 0, 0, 0, 1, 3], 0.15))
    suggestion = suggest(evidence)
    for day in (0, 120, 249):
        expected = evidence.coefficients(suggestion.fold_weights[suggestion.folds[day]])[day]
        assert suggestion.coefficients[day] == pytest.approx(expected, abs=1e-12)


@given(st.integers(0, 10_000), st.integers(0, 4), st.sampled_from([1, 5]))
@settings(max_examples=25, deadline=None)
def test_nothing_that_judges_a_block_was_fitted_to_it_or_chosen_on_it(seed, block, overlap):
    rng = np.random.default_rng(seed)
    evidence = random_evidence(rng, 120, slopes=slopes_for([0, 0, 0, 0, 1, 3], 0.1))
    judged = suggest(evidence, overlap_sessions=overlap).folds == block
    other_returns = rng.normal(size=evidence.return_covariances.shape) * 10
    changed = Evidence(
        evidence.known_on,
        np.where(judged[:, None], other_returns, evidence.return_covariances),
        evidence.score_covariances,
    )
    plain, other = (suggest(world, overlap_sessions=overlap) for world in (evidence, changed))
    np.testing.assert_array_equal(other.fold_weights[block], plain.fold_weights[block])


def test_held_out_improvement_of_noise_is_no_improvement_on_average():
    means = [suggest(random_evidence(np.random.default_rng(seed), 63)).improvement.mean() for seed in range(5000, 5300)]
    # Standard error 0.0004; chosen on days its weights had seen, the strength flattered by 0.002.
    assert abs(np.mean(means)) < 0.0012
