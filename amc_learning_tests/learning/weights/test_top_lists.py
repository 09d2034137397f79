import numpy as np
import polars as pl
import pytest

from amc_learning.learning.weights.evidence import days_since_epoch
from amc_learning.learning.weights.top_lists import CandidateLists, cross_sections, top_changes
from amc_learning_tests.learning.weights.worlds import (
    DEFAULT_VECTOR,
    NAMES,
    joined_table,
    no_candidates,
    scores_and_returns,
    slopes_for,
    weekdays,
)


def read(joined, horizon="1d"):
    return cross_sections(joined, components=NAMES, horizon=horizon)


def test_missing_scores_count_as_the_mean_of_the_day():
    scores, returns = scores_and_returns(np.random.default_rng(1), 1, names=5)
    joined = joined_table(scores, returns, weekdays(1)).with_columns(
        technical=pl.Series([10.0, None, 30.0, None, 50.0])
    )
    (section,) = read(joined.reverse())
    np.testing.assert_allclose(section.scores[:, NAMES.index("technical")], [-20, 0, 0, 0, 20])


def test_two_entries_known_on_one_day_are_two_lists():
    scores, returns = scores_and_returns(np.random.default_rng(2), 2, names=5)
    joined = joined_table(scores, returns, weekdays(2)).with_columns(known_on=pl.lit(weekdays(2)[1]))
    assert [len(one.forward_returns) for one in read(joined)] == [5, 5]


def test_changes_equal_a_re_ranking_by_hand():
    days = weekdays(20)
    scores, returns = scores_and_returns(np.random.default_rng(3), 20, slopes=slopes_for([0, 0, 0, 0, 1, 3], 0.2))
    weights = np.random.default_rng(4).dirichlet(np.ones(6), size=20)
    changes = top_changes(read(joined_table(scores, returns, days)), list(weights), DEFAULT_VECTOR, top_k=10)
    for day in range(20):
        new, old = (np.argsort(scores[day] @ one)[-10:] for one in (weights[day], DEFAULT_VECTOR))
        assert changes.mean_return[day] == pytest.approx(returns[day][new].mean() - returns[day][old].mean())
        assert changes.success_rate[day] == pytest.approx(
            (returns[day][new] > 0.02).mean() - (returns[day][old] > 0.02).mean()
        )
    assert changes.n_winners == (returns > 0.02).sum()


def test_lists_are_bounded_by_knowledge_day_and_horizon():
    days = weekdays(30)
    scores, returns = scores_and_returns(np.random.default_rng(5), 30, names=5)
    other = joined_table(scores, returns, days, horizon="7d")
    lists = CandidateLists(pl.concat([other, joined_table(scores, returns, days)]), components=NAMES)
    first, last = (days_since_epoch(days[at]) for at in (9, 19))
    found = [one.known_on for one in lists.between("1d", known_after=first, known_until=last)]
    assert found == [days_since_epoch(day) for day in days[10:20]]


def test_rows_are_read_when_first_asked_for_and_once():
    reads = []

    def joined():
        reads.append(1)
        return no_candidates()

    lists = CandidateLists(joined, components=NAMES)
    assert not reads
    for horizon in ("1d", "7d", "1d"):
        assert lists.between(horizon, known_after=0, known_until=99999) == []
    assert len(reads) == 1


def test_without_rows_nothing_is_compared():
    changes = top_changes(read(pl.DataFrame()), [], DEFAULT_VECTOR, top_k=10)
    assert (len(changes), changes.n_winners) == (0, 0)
