import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from amc_learning.settings import Features, Settings

pytestmark = pytest.mark.usefixtures("clean_environment")


def test_the_defaults_are_those_of_the_contracts():
    settings = Settings()
    assert settings.features.components == (
        "volume_momentum", "squeeze", "catalyst", "sentiment", "options", "technical"
    )  # fmt: skip
    assert tuple(settings.features.default_weights.values()) == (0.30, 0.25, 0.20, 0.10, 0.08, 0.07)
    assert (settings.collection.trade_ready_score, settings.collection.watchlist_score) == (75, 70)
    assert (settings.outcomes.winner_return, settings.outcomes.loser_return) == (0.25, -0.10)
    assert settings.outcomes.horizons == {"1d": 1, "7d": 5, "30d": 21}
    assert (settings.weights.daily_limit, settings.analysis.window_days) == (0.10, 90)


@given(st.lists(st.integers(1, 1000), min_size=2, max_size=8))
def test_any_weights_that_sum_to_one_make_a_feature_set_in_their_order(parts):
    weights = {f"component_{place}": part / sum(parts) for place, part in enumerate(parts)}
    assert Features(name="some", default_weights=weights).components == tuple(weights)


@pytest.mark.parametrize(
    ("weights", "complaint"),
    [
        ({"a": 0.5, "b": 0.4}, "sum to 1"),
        ({"a": 1.0}, "at least two"),
        ({"a": 1.2, "b": -0.2}, "less than or equal to 1"),
        ({"a b": 0.5, "c": 0.5}, "cannot name a component"),
        ({"total_score": 0.5, "c": 0.5}, "cannot name a component"),
        ({"a": float("nan"), "b": 0.5}, "default_weights"),
    ],
)
def test_a_feature_set_that_cannot_be_is_refused(weights, complaint):
    with pytest.raises(ValidationError, match=complaint):
        Features(default_weights=weights)


@pytest.mark.parametrize(
    "sections",
    [
        {"weights": {"daily_limit": 1.5}},
        {"weights": {"cap": 0.2}},
        {"weights": {"cap": 0.1}},
        {"weights": {"evidence_horizon": "2d"}},
        {"weights": {"daily_limt": 0.1}},
        {"outcomes": {"horizons": {"1d": 0}}},
        {"outcomes": {"winner_return": -0.1}},
        {"analysis": {"window_days": 5}},
        {"nonsense": 1},
    ],
    ids=str,
)
def test_settings_outside_their_bounds_or_misspelt_are_refused(sections):
    with pytest.raises(ValidationError):
        Settings(**sections)


def test_the_environment_reaches_every_section_and_arguments_come_before_it():
    os.environ["AMC_LEARNING_WEIGHTS__DAILY_LIMIT"] = "0.05"
    os.environ["AMC_LEARNING_DATA_DIR"] = "from_environment"
    assert Settings().weights.daily_limit == 0.05
    assert Settings(data_dir="from_argument").data_dir.name == "from_argument"
    assert Settings().data_dir.name == "from_environment"


def test_the_environment_comes_before_the_file_and_the_file_before_the_defaults(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text("[weights]\ndaily_limit = 0.02\ncap = 0.5\n[analysis]\nwindow_days = 60\n")
    os.environ["AMC_LEARNING_CONFIG"] = str(file)
    os.environ["AMC_LEARNING_WEIGHTS__DAILY_LIMIT"] = "0.05"
    settings = Settings()
    assert (settings.weights.daily_limit, settings.weights.cap, settings.analysis.window_days) == (0.05, 0.5, 60)
    assert settings.weights.top_k == 10


def test_settings_cannot_be_changed_after_they_were_read():
    with pytest.raises(ValidationError):
        Settings().weights.cap = 0.9


def test_every_knob_says_what_it_is():
    sections = [
        field.annotation for field in Settings.model_fields.values() if hasattr(field.annotation, "model_fields")
    ]
    assert len(sections) > 10
    assert all(field.description for section in sections for field in section.model_fields.values())


def test_reading_settings_reads_no_clock_and_writes_nothing(tmp_path):
    os.environ["AMC_LEARNING_DATA_DIR"] = str(tmp_path / "data")
    assert Settings() == Settings()
    assert list(tmp_path.iterdir()) == []
