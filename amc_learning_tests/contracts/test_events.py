import pytest
from pydantic import ValidationError

from amc_learning.contracts.events import DiscoveryCandidate, DiscoveryResult, PriceBar


@pytest.mark.parametrize("model", [DiscoveryCandidate, DiscoveryResult, PriceBar])
def test_every_field_says_what_it_means(model):
    for name, field in model.model_fields.items():
        assert field.description, f"{model.__name__}.{name} has no description"


def test_a_result_needs_nothing_and_ignores_what_it_does_not_know():
    assert DiscoveryResult.model_validate({"unheard_of": [1]}) == DiscoveryResult()


def test_numbers_may_come_as_text():
    assert DiscoveryCandidate.model_validate({"symbol": "A", "score": "85%"}).score == "85%"


def test_a_bar_needs_its_prices_and_says_which_is_missing():
    with pytest.raises(ValidationError, match="high"):
        PriceBar.model_validate({"symbol": "A", "date": "2014-03-03", "open": 1, "low": 1, "close": 1})
