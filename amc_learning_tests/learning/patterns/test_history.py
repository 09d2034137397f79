"""New, confirmed, fading, gone: each definition by the numbers it looks at."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from amc_learning.learning.patterns.confirmation import Confirmation
from amc_learning.learning.patterns.effects import Effect
from amc_learning.learning.patterns.history import Life, discovered, followed
from amc_learning.learning.patterns.window import NO_EFFECT, RuleSearch
from amc_learning_tests.learning.patterns.worlds import RULES

WEEK = date(2014, 12, 12)
BEFORE = WEEK - timedelta(weeks=1)
SEEN = Effect(0.02, 0.01, 0.03, 0.001, 200)
UNSEEN = Effect(0.002, -0.008, 0.012, 0.7, 200)
LASTING = Effect(0.018, 0.002, 0.034, None, 150)
SHRUNK = Effect(0.001, -0.007, 0.009, None, 400)
REVERSED = Effect(-0.02, -0.03, -0.01, None, 400)
FOUND = RuleSearch(is_found=True, effect=0.021, statistic=4.4, adjusted=0.01, n_tried=1800)
CONFIRMED, REFUSED = Confirmation(SEEN, 0.001, True), Confirmation(UNSEEN, 0.4, False)


def life(status="confirmed", **changes):
    known = Life(
        status=status,
        reason="",
        first_found_on=date(2014, 1, 3),
        discovered_on=date(2014, 2, 7),
        searched_to=date(2013, 8, 1),
        last_seen_on=BEFORE,
        n_weeks_seen=40,
        n_weeks_unseen=0,
        promised_effect=0.02,
    )
    return replace(known, **changes)


def after(before, unsearched=SEEN, since=LASTING, sign=1.0, week=WEEK):
    return followed(before, sign, unsearched, since, week=week, rules=RULES)


def find(before, tested, effect=SEEN):
    return discovered(before, effect, tested, FOUND, week=WEEK, searched_to=date(2014, 3, 5), rules=RULES)


def test_found_and_confirmed_on_held_out_days_is_new():
    new = find(None, CONFIRMED)
    assert (new.status, new.first_found_on, new.discovered_on, new.n_weeks_seen) == ("new", WEEK, WEEK, 1)
    assert (new.promised_effect, new.searched_to) == (0.02, date(2014, 3, 5))
    assert "+2.10 % on the searched days (p = 0.01 over 1,800 rules tried)" in new.reason


def test_found_and_not_confirmed_is_no_discovery():
    only_found = find(None, REFUSED)
    assert (only_found.status, only_found.discovered_on, only_found.promised_effect) == ("unconfirmed", None, None)


def test_found_again_keeps_the_week_it_was_first_found():
    only_found = replace(find(None, REFUSED), first_found_on=date(2014, 5, 2))
    assert find(only_found, CONFIRMED).first_found_on == date(2014, 5, 2)


def test_the_week_after_its_discovery_a_pattern_is_confirmed():
    assert after(life("new"), since=NO_EFFECT).status == "confirmed"
    assert after(life()).n_weeks_seen == 41


@pytest.mark.parametrize("since", [SHRUNK, NO_EFFECT, LASTING])
def test_days_never_searched_that_do_not_tell_it_from_nothing_make_it_fade(since):
    faded = after(life(), unsearched=UNSEEN, since=since)
    assert (faded.status, faded.last_seen_on, faded.n_weeks_unseen) == ("fading", BEFORE, 1)


def test_less_than_half_of_what_was_promised_since_makes_it_fade_however_it_looks_overall():
    # At most 0.9 %, less than half of the promised 2 %.
    assert after(life(), since=SHRUNK).status == "fading"
    assert after(life(promised_effect=0.015), since=SHRUNK).status == "confirmed"


def test_what_fades_recovers_when_days_tell_it_from_nothing_again():
    recovered = after(life("fading", n_weeks_unseen=3))
    assert (recovered.status, recovered.n_weeks_unseen) == ("confirmed", 0)


def test_eight_judged_weeks_unseen_make_it_gone():
    assert after(life("fading", n_weeks_unseen=6), unsearched=UNSEEN).status == "fading"
    assert after(life("fading", n_weeks_unseen=7), unsearched=UNSEEN).status == "gone"


def test_a_reversed_pattern_is_gone_at_once():
    assert after(life(), since=REVERSED).status == "gone"


def test_what_costs_is_judged_the_same_way_with_signs_turned():
    def turned(effect):
        low, high = effect.ci_high, effect.ci_low
        return replace(
            effect,
            estimate=-effect.estimate,
            ci_low=None if low is None else -low,
            ci_high=None if high is None else -high,
        )

    for unsearched in (SEEN, UNSEEN):
        for since in (LASTING, SHRUNK, REVERSED):
            pays = after(life(), unsearched, since)
            costs = after(life(promised_effect=-0.02), turned(unsearched), turned(since), sign=-1.0)
            assert pays.status == costs.status


def test_weeks_that_were_not_judged_break_nothing():
    on_time, late = after(life()), after(life(), week=WEEK + timedelta(weeks=5))
    assert replace(late, last_seen_on=on_time.last_seen_on) == on_time


def test_gone_stays_gone_until_found_and_confirmed_again():
    gone = life("gone", n_weeks_unseen=8)
    assert after(gone).status == "gone"
    assert find(gone, REFUSED) == gone
    again = find(gone, CONFIRMED)
    assert (again.status, again.discovered_on, again.first_found_on) == ("new", WEEK, date(2014, 1, 3))


def test_gone_is_forgotten_a_year_after_it_was_last_seen():
    gone = life("gone", last_seen_on=WEEK - timedelta(days=364))
    assert after(gone, UNSEEN) is not None
    assert after(gone, UNSEEN, week=WEEK + timedelta(days=7)) is None


@pytest.mark.parametrize(("tested", "status"), [(REFUSED, "unconfirmed"), (CONFIRMED, "new")])
def test_gone_and_found_again_and_again_is_forgotten_all_the_same(tested, status):
    gone = life("gone", last_seen_on=WEEK - timedelta(days=364))
    assert find(gone, REFUSED) == gone
    again = find(replace(gone, last_seen_on=WEEK - timedelta(days=365)), tested)
    assert (again.status, again.first_found_on, again.n_weeks_seen) == (status, WEEK, 1)


def test_what_was_never_confirmed_is_remembered_for_eight_weeks():
    only_found = life("unconfirmed", discovered_on=None, searched_to=None)
    assert after(only_found, NO_EFFECT, NO_EFFECT).n_weeks_unseen == 1
    assert after(replace(only_found, n_weeks_unseen=7), NO_EFFECT, NO_EFFECT) is None
