"""Models as stored: the bytes give the model, the name vouches for the bytes."""

import json

import numpy as np
import pytest

from amc_learning.learning.models.fitted import Model, ModelError, model_from
from amc_learning.learning.models.fitting import KINDS, fit_models
from amc_learning_tests.learning.models.worlds import FEATURES, RULES, planted_cases


@pytest.fixture(scope="module")
def world():
    return planted_cases(1, n_days=200)[0]


@pytest.fixture(scope="module")
def fits(world):
    return fit_models(world, rules=RULES)


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_read_from_its_json_predicts_the_same_to_the_last_bit(fits, world, kind):
    model = fits.models[kind]
    read = model_from(model.parameters, model_id=model.model_id)
    np.testing.assert_array_equal(read.predict(world.features), model.predict(world.features))
    assert read.parameters == model.parameters


@pytest.mark.parametrize("kind", KINDS)
def test_training_twice_gives_the_same_bytes(fits, world, kind):
    assert fit_models(world, rules=RULES).models[kind].parameters == fits.models[kind].parameters


def test_the_stored_form_is_plain_json_of_numbers_and_names(fits):
    for model in fits.models.values():
        assert json.loads(model.parameters, parse_constant=pytest.fail)["features"] == list(FEATURES)


def test_parameters_that_were_changed_are_refused_by_name(fits):
    model = fits.models["linear"]
    with pytest.raises(ModelError, match=f"{model.model_id}.*another checksum.*Train the week again"):
        model_from(model.parameters.replace("1", "2", 1), model_id=model.model_id)


def test_json_that_is_no_model_is_refused():
    with pytest.raises(ModelError, match="cannot be read"):
        model_from("{}", model_id="44136fa355b3678a")


def test_features_of_another_number_are_refused(fits):
    with pytest.raises(ValueError, match=f"takes {len(FEATURES)} features; 3 given"):
        fits.models["linear"].predict(np.zeros((2, 3)))


def test_probabilities_stay_strictly_between_0_and_1_whatever_the_features(fits, world):
    extreme = np.vstack([world.features * 1e6, -world.features * 1e6])
    for model in fits.models.values():
        told = model.predict(extreme)
        assert (told > 0).all()
        assert (told < 1).all()


def test_with_too_few_of_the_rarer_truth_every_kind_says_the_rate(world):
    rare = world.rows(np.flatnonzero((world.truth == 0) | (np.cumsum(world.truth) <= RULES.min_minority - 1)))
    models = fit_models(rare, rules=RULES).models
    assert {model.constant for model in models.values()} == {rare.truth.mean()}
    assert all(model.body is None for model in models.values())


def test_a_constant_predicts_nothing_else():
    told = Model("return", "baseline", FEATURES, 0.0, None).predict(np.full((3, len(FEATURES)), np.nan))
    assert told.tolist() == [0.0, 0.0, 0.0]
