from datetime import timedelta

import numpy as np
import pytest

from amc_learning.learning.replay import replay_weights
from amc_learning.learning.replay.judged_days import judged_days
from amc_learning.learning.weights import FeatureWeights, WeightRules
from amc_learning.learning.weights.evidence import days_since_epoch
from amc_learning.learning.weights.top_lists import top_changes
from amc_learning_tests.learning.replay.worlds import NAMES_A_DAY, market
from amc_learning_tests.learning.weights.worlds import DEFAULT, DEFAULT_VECTOR, NAMES, slopes_for

RULES = WeightRules(horizons={"1d": 1, "7d": 5})
FEATURES = FeatureWeights(NAMES, DEFAULT)
HORIZONS = tuple(RULES.horizons.items())
PLANTED = slopes_for((0.0, 0.0, 0.0, 0.0, 0.4, 0.6), 0.3)
"""The truth lies where the default weights are smallest."""


def replayed(tables, *, until=None):
    statistics, joined, days = tables
    nights = [day for day in days if until is None or day <= until]
    return replay_weights(statistics, joined, as_of=nights, features=FEATURES, rules=RULES)


@pytest.fixture(scope="module")
def planted():
    return market(3, 130, slopes=PLANTED, horizons=HORIZONS)


@pytest.fixture(scope="module")
def replay(planted):
    return replayed(planted)


def test_on_a_planted_truth_the_adaptive_weights_beat_the_default_ones_beyond_noise(replay):
    adaptive = replay.judgement("1d", "adaptive")
    assert adaptive.coefficient_over_static.ci_low > 0
    assert adaptive.top_return_over_static.estimate > 0
    assert replay.movement.n_nights_moved > 0


def test_regret_is_zero_for_the_best_fixed_vector_and_shrinks_by_learning(replay):
    for horizon in RULES.horizons:
        regret = {one.contender: one.regret for one in replay.judgements if one.horizon == horizon}
        assert regret["best_fixed"] == pytest.approx(0.0, abs=1e-12)
        assert 0 < regret["adaptive"] < regret["static"] < 1


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_on_noise_the_difference_to_the_default_weights_lies_within_its_own_interval_of_zero(seed):
    over_static = replayed(market(seed, 130, horizons=HORIZONS)).judgement("1d", "adaptive").coefficient_over_static
    assert over_static.estimate == 0.0 or over_static.ci_low <= 0.0 <= over_static.ci_high


def test_what_becomes_known_later_changes_no_earlier_row(planted, replay):
    until = planted[2][95]
    earlier = replayed(planted, until=until)
    same_nights = replay.decisions.filter(replay.decisions["known_on"] <= until)
    assert earlier.decisions.equals(same_nights)
    for contender in ("adaptive", "static", "equal"):
        now, then = (
            one.daily.filter((one.daily["contender"] == contender) & (one.daily["known_on"] <= until))
            for one in (replay, earlier)
        )
        assert then.height > 150
        assert then.equals(now)


def test_every_day_is_judged_by_the_vector_of_the_last_night_before_its_decision(planted, replay):
    statistics, joined, nights = planted
    days = judged_days(statistics, joined, nights=nights, components=NAMES, horizon="7d", population="selected")
    of_nights = np.array([days_since_epoch(night) for night in nights])
    assert (of_nights[days.nights] < days.decided_on).all()
    assert (of_nights[days.nights + 1] >= days.decided_on).all()
    rows = replay.daily.filter((replay.daily["horizon"] == "7d") & (replay.daily["contender"] == "adaptive"))
    for at in range(0, len(days), 7):
        weights = replay.vectors[days.nights[at]]
        assert rows["coefficient"][at] == pytest.approx(days.evidence.coefficients(weights)[at], abs=1e-12)


def test_days_decided_on_or_before_the_first_night_are_not_judged(planted):
    statistics, joined, nights = planted
    days = judged_days(statistics, joined, nights=nights[10:], components=NAMES, horizon="1d", population="selected")
    # The candidates of the eleventh weekday were decided before its night; the first judged are those of the twelfth.
    assert days.decided_on[0] == days_since_epoch(nights[11])


def test_a_day_decided_at_two_times_belongs_to_the_first(planted):
    statistics, joined, nights = planted
    # One candidate of the entry on the thirtieth weekday had been decided three calendar days before the others.
    entry = nights[30]
    first_of_day = joined["decision_id"] == joined.filter(joined["entry_date"] == entry)["decision_id"][0]
    early = joined.with_columns(
        decided_at=joined["decided_at"].zip_with(~first_of_day, joined["decided_at"] - timedelta(days=3))
    )
    plain, changed = (
        judged_days(statistics, rows, nights=nights, components=NAMES, horizon="1d", population="selected")
        for rows in (joined, early)
    )
    at = int(np.flatnonzero(plain.entered_on == days_since_epoch(entry))[0])
    assert changed.decided_on[at] == plain.decided_on[at] - 3
    assert changed.nights[at] < plain.nights[at]


def test_lists_are_ranked_as_the_promise_of_a_night_ranks_them(planted):
    statistics, joined, nights = planted
    days = judged_days(statistics, joined, nights=nights, components=NAMES, horizon="1d", population="selected")
    other = np.array([0.0, 0.1, 0.1, 0.1, 0.3, 0.4])
    mine, defaults = (
        days.top_lists(np.broadcast_to(weights, (len(days), 6)), top_k=10) for weights in (other, DEFAULT_VECTOR)
    )
    promised = top_changes(days.lists, [other] * len(days), DEFAULT_VECTOR, top_k=10)
    assert mine[0] - defaults[0] == pytest.approx(promised.mean_return, abs=1e-15)
    assert mine[1] - defaults[1] == pytest.approx(promised.success_rate, abs=1e-15)


def test_controls_are_those_of_the_same_entry_and_none_leaves_the_comparison_unknown(planted, replay):
    # Every control returned 0.001.
    found = replay.judgement("1d", "static")
    assert found.top_return_over_controls.estimate == pytest.approx(found.top_return.estimate - 0.001)
    statistics, joined, nights = planted
    alone = replayed((statistics, joined.filter("is_selected"), nights)).judgement("1d", "static")
    assert alone.top_return_over_controls.estimate is None
    assert alone.top_return == found.top_return


def test_a_short_list_is_taken_whole():
    statistics, joined, nights = market(4, 60)
    rules = WeightRules(horizons={"1d": 1}, top_k=NAMES_A_DAY + 1)
    found = replay_weights(statistics, joined, as_of=nights, features=FEATURES, rules=rules)
    assert found.judgement("1d", "equal").top_return_over_static.estimate == pytest.approx(0.0, abs=1e-15)


def test_a_range_in_which_nothing_matured_is_judged_on_no_day():
    statistics, joined, nights = market(5, 30)
    found = replay_weights(
        statistics, joined, as_of=nights[:1], features=FEATURES, rules=WeightRules(horizons={"1d": 1})
    )
    assert found.judgements == ()
    with pytest.raises(LookupError, match="no day was judged at 1d for adaptive"):
        found.judgement("1d", "adaptive")
    assert found.curves == {"1d": ()}
