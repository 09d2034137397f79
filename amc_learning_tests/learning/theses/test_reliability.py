import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_diagnostics.scoring import SquaredError, decompose
from scipy.optimize import isotonic_regression
from sklearn.calibration import calibration_curve
from sklearn.isotonic import IsotonicRegression

from amc_learning.learning.theses import reliability as module
from amc_learning.learning.theses.reliability import (
    MAX_BINS,
    MIN_PER_BIN,
    grouped_blocks,
    pool_adjacent_violators,
    reliabilities,
    reliability,
)

# Twenty-one levels of confidence: ties are the rule, not the exception.
PAIRS = st.lists(st.tuples(st.integers(0, 20).map(lambda level: level / 20), st.booleans()), min_size=1, max_size=80)
NUMBERS = ("brier_score", "miscalibration", "discrimination", "uncertainty", "expected_calibration_error")


def sides(pairs):
    return np.array([confidence for confidence, _ in pairs]), np.array([came_true for _, came_true in pairs])


def fitted(confidences, outcomes):
    """The value that our blocks give each pair."""
    blocks = pool_adjacent_violators(confidences, outcomes)
    return blocks.calibrated_confidence[np.searchsorted(blocks.confidence_low, confidences, side="right") - 1]


def simulated(n, seed):
    generator = np.random.default_rng(seed)
    confidences = generator.random(n)
    return confidences, generator.random(n) < confidences**2


@settings(deadline=None)
@given(PAIRS)
def test_blocks_equal_scipy_and_scikit_learn(pairs):
    confidences, outcomes = sides(pairs)
    # Neither library is told of ties by scipy's interface: the pooled ties enter as weights.
    levels, level_of, weights = np.unique(confidences, return_inverse=True, return_counts=True)
    shares = np.bincount(level_of, weights=outcomes) / weights
    theirs = isotonic_regression(shares, weights=weights).x[level_of]
    assert fitted(confidences, outcomes) == pytest.approx(theirs, abs=1e-12)
    assert fitted(confidences, outcomes) == pytest.approx(
        IsotonicRegression().fit(confidences, outcomes.astype(float)).predict(confidences), abs=1e-12
    )
    assert len(levels) >= len(pool_adjacent_violators(confidences, outcomes).n)


@settings(deadline=None)
@given(PAIRS)
def test_blocks_are_increasing_and_hold_every_pair_once(pairs):
    confidences, outcomes = sides(pairs)
    blocks = pool_adjacent_violators(confidences, outcomes)
    assert (np.diff(blocks.calibrated_confidence) > 0).all()
    assert blocks.n.sum() == len(pairs) and blocks.n_right.sum() == outcomes.sum()
    assert (blocks.confidence_high[:-1] < blocks.confidence_low[1:]).all()
    inside = (confidences >= blocks.confidence_low[:, None]) & (confidences <= blocks.confidence_high[:, None])
    assert inside.sum(axis=1).tolist() == blocks.n.tolist()
    assert blocks.mean_confidence == pytest.approx([confidences[row].mean() for row in inside], abs=1e-12)


@settings(deadline=None)
@given(PAIRS)
def test_pooling_one_by_one_equals_pooling_all_at_once(pairs):
    confidences, outcomes = sides(pairs)
    at_once = pool_adjacent_violators(confidences, outcomes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MAX_PASSES", 0)
        one_by_one = pool_adjacent_violators(confidences, outcomes)
    assert at_once.n.tolist() == one_by_one.n.tolist()
    assert at_once.n_right.tolist() == one_by_one.n_right.tolist()


def test_an_order_that_needs_more_passes_than_are_made_at_once_is_pooled_exactly():
    # Shares rise 0/400, 1/400, ...; a heavy last level that never came true swallows them one to a pass.
    confidences = np.append(np.repeat(np.arange(400) / 400, 400), np.ones(160_000))
    outcomes = np.append((np.arange(400) < np.arange(400)[:, None]).ravel(), np.zeros(160_000, dtype=bool))
    theirs = IsotonicRegression().fit(confidences, outcomes.astype(float)).predict(confidences)
    assert fitted(confidences, outcomes) == pytest.approx(theirs, abs=1e-12)


@settings(deadline=None)
@given(PAIRS.filter(lambda pairs: len(pairs) > 1))
def test_the_decomposition_equals_model_diagnostics(pairs):
    confidences, outcomes = sides(pairs)
    theirs = decompose(outcomes.astype(float), confidences, scoring_function=SquaredError()).row(0, named=True)
    ours = reliability(confidences, outcomes)
    assert ours.brier_score.item() == pytest.approx(theirs["score"], abs=1e-12)
    for name in ("miscalibration", "discrimination", "uncertainty"):
        assert getattr(ours, name).item() == pytest.approx(theirs[name], abs=1e-12)


@pytest.mark.parametrize(("n", "seed"), [(630, 1), (17_510, 2)])
def test_the_decomposition_of_many_equals_model_diagnostics_to_a_billionth(n, seed):
    confidences, outcomes = simulated(n, seed)
    theirs = decompose(outcomes.astype(float), confidences, scoring_function=SquaredError()).row(0, named=True)
    ours = reliability(confidences, outcomes)
    assert ours.brier_score.item() == pytest.approx(theirs["score"], abs=1e-9)
    for name in ("miscalibration", "discrimination", "uncertainty"):
        assert getattr(ours, name).item() == pytest.approx(theirs[name], abs=1e-9)


@settings(deadline=None)
@given(PAIRS)
def test_the_parts_make_up_the_brier_score_and_none_is_negative(pairs):
    found = reliability(*sides(pairs))
    parts = found.miscalibration - found.discrimination + found.uncertainty
    assert parts.item() == pytest.approx(found.brier_score.item(), abs=1e-12)
    assert min(found.miscalibration.item(), found.discrimination.item(), found.uncertainty.item()) >= 0
    assert found.discrimination.item() <= found.uncertainty.item() + 1e-12


@settings(deadline=None)
@given(PAIRS, st.randoms(use_true_random=False))
def test_the_order_of_the_pairs_changes_nothing_to_the_last_bit(pairs, random):
    shuffled = random.sample(pairs, len(pairs))
    ours, theirs = reliability(*sides(pairs)), reliability(*sides(shuffled))
    assert [getattr(ours, name).item() for name in NUMBERS] == [getattr(theirs, name).item() for name in NUMBERS]


@settings(deadline=None)
@given(st.lists(PAIRS, min_size=1, max_size=5))
def test_a_sets_numbers_do_not_depend_on_the_other_sets(sets):
    member_of = np.repeat(np.arange(len(sets)), [len(pairs) for pairs in sets])
    confidences, outcomes = sides([pair for pairs in sets for pair in pairs])
    together = reliabilities(confidences, outcomes, member_of, n_sets=len(sets))
    blocks, block_of = grouped_blocks(confidences, outcomes, member_of)
    for number, pairs in enumerate(sets):
        alone, blocks_alone = reliability(*sides(pairs)), pool_adjacent_violators(*sides(pairs))
        for name in (*NUMBERS, "n", "n_right", "mean_confidence"):
            assert getattr(together, name)[number] == getattr(alone, name)[0]
        assert blocks.n_right[block_of == number].tolist() == blocks_alone.n_right.tolist()
        assert blocks.mean_confidence[block_of == number].tolist() == blocks_alone.mean_confidence.tolist()


@settings(deadline=None)
@given(PAIRS)
def test_the_calibration_error_equals_one_counted_by_hand(pairs):
    ranked = sorted(confidence for confidence, _ in pairs)
    n_bins = min(max(len(pairs) // MIN_PER_BIN, 1), MAX_BINS)
    gaps = [0.0] * n_bins
    for confidence, came_true in pairs:
        gaps[n_bins * ranked.index(confidence) // len(pairs)] += came_true - confidence
    by_hand = sum(abs(gap) for gap in gaps) / len(pairs)
    assert reliability(*sides(pairs)).expected_calibration_error.item() == pytest.approx(by_hand, abs=1e-12)


@pytest.mark.parametrize("n_per_bin", [MIN_PER_BIN, 63, 200])
def test_the_calibration_error_equals_scikit_learns_bins_where_counts_divide(n_per_bin):
    # Without ties and with as many pairs in every bin, scikit-learn's quantile bins are ours.
    confidences, outcomes = simulated(n_per_bin * MAX_BINS, seed=n_per_bin)
    accuracy, mean_confidence = calibration_curve(outcomes, confidences, n_bins=MAX_BINS, strategy="quantile")
    assert len(accuracy) == MAX_BINS
    theirs = np.abs(accuracy - mean_confidence).mean()
    assert reliability(confidences, outcomes).expected_calibration_error.item() == pytest.approx(theirs, abs=1e-12)


@settings(deadline=None)
@given(PAIRS, st.booleans())
def test_where_all_came_true_or_none_there_is_nothing_to_discriminate(pairs, came_true):
    confidences, _ = sides(pairs)
    found = reliability(confidences, np.full(len(pairs), came_true))
    blocks = pool_adjacent_violators(confidences, np.full(len(pairs), came_true))
    assert blocks.calibrated_confidence.tolist() == [float(came_true)]
    assert (found.discrimination.item(), found.uncertainty.item()) == (0, 0)
    assert found.miscalibration.item() == found.brier_score.item()


@settings(deadline=None)
@given(st.integers(0, 20), st.lists(st.booleans(), min_size=1, max_size=60))
def test_a_constant_confidence_has_one_block_and_errs_by_its_distance_from_the_accuracy(level, outcomes):
    found = reliability(np.full(len(outcomes), level / 20), outcomes)
    distance = np.mean(outcomes) - level / 20
    assert found.discrimination.item() == pytest.approx(0, abs=1e-15)
    assert found.miscalibration.item() == pytest.approx(distance**2, abs=1e-12)
    assert found.expected_calibration_error.item() == pytest.approx(abs(distance), abs=1e-12)


def test_one_pair_is_a_block_of_its_own():
    # (1 - 0.7)^2 = 0.09, all of it miscalibration: recalibrated to 1 it would be 0.
    found, blocks = reliability([0.7], [True]), pool_adjacent_violators([0.7], [True])
    assert (found.brier_score.item(), found.miscalibration.item()) == pytest.approx((0.09, 0.09))
    assert (blocks.n.tolist(), blocks.calibrated_confidence.tolist()) == ([1], [1.0])


def test_no_pairs_have_no_numbers():
    found = reliability([], [])
    assert found.n.item() == 0 and all(np.isnan(getattr(found, name).item()) for name in NUMBERS)
    assert len(pool_adjacent_violators([], []).n) == 0


@pytest.mark.parametrize(
    ("confidences", "outcomes", "message"),
    [
        ([0.5, np.nan], [0, 1], "finite"),
        ([0.5, 0.6], [0, 2], "0 and 1"),
        ([0.5, 0.6], [0, 0.5], "0 and 1"),
        ([0.5], [0, 1], "one length"),
    ],
)
def test_what_is_no_pair_is_refused(confidences, outcomes, message):
    with pytest.raises(ValueError, match=message):
        pool_adjacent_violators(confidences, outcomes)


def test_planted_overconfidence_shows_as_miscalibration_of_its_size():
    # Truth is confidence squared: E[(c - c^2)^2] = 1/3 - 2/4 + 1/5 = 1/30; E[c^4] - E[c^2]^2 = 1/5 - 1/9 = 4/45.
    found = reliability(*simulated(400_000, seed=5))
    assert found.miscalibration.item() == pytest.approx(1 / 30, abs=1e-3)
    assert found.discrimination.item() == pytest.approx(4 / 45, abs=2e-3)
