import itertools
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from scipy.stats import hypergeom

from amc_learning.learning.failures.evidence import gather, night_window
from amc_learning.learning.failures.rules import FailureRules
from amc_learning.learning.failures.search import lay_out
from amc_learning_tests.learning.failures.simulated_cases import FIRST_DAY, cases_of, planted_cases

DAY = (FIRST_DAY - date(1970, 1, 1)).days
RULES = FailureRules()


def statistic(count, inside, failing, size):
    """The third-moment statistic of one block, written down anew from scipy's moments."""
    mean, variance, skewness = (float(m) for m in hypergeom.stats(size, failing, inside, moments="mvs"))
    z = (count - 0.5 - mean) / np.sqrt(variance)
    if abs(skewness) < 1e-3:
        skewness = 1e-3
    return 6 / skewness * (np.cbrt(1 + skewness * z / 2) - 1) + skewness / 6


def test_adjusted_p_value_is_the_share_of_all_permutations_whose_largest_statistic_is_as_large():
    # 10 cases of one day, 5 failures: all 252 arrangements can be listed.
    source = list("aaaaaabbbb")
    band = list("xxxyyyxyxy")
    failed = [1, 1, 1, 0, 1, 0, 0, 1, 0, 0]
    members = {
        **{f"source={v}": np.array(source) == v for v in "ab"},
        **{f"price_band={v}": np.array(band) == v for v in "xy"},
        **{
            f"source={v} & price_band={w}": (np.array(source) == v) & (np.array(band) == w)
            for v, w in itertools.product("ab", "xy")
        },
    }
    members = {name: inside for name, inside in members.items() if inside.sum() >= 3}

    def largest(labels):
        scores = [
            statistic(labels[m].sum(), m.sum(), 5, 10) if labels[m].sum() >= 3 else -np.inf for m in members.values()
        ]
        return max(scores)

    everything = np.array([largest(np.isin(np.arange(10), chosen)) for chosen in itertools.combinations(range(10), 5)])
    rules = replace(RULES, max_draws=20_000, max_exceedances=20_000 // 40)
    cases = lay_out(cases_of(failed, {"source": source, "price_band": band}), rules=rules)
    window = night_window(cases, DAY, rules=rules)
    found = gather(window, seed=(1, 2), rules=rules)
    names = [window.patterns.text(cases, number) for number in range(len(window.patterns.first))]
    assert sorted(names) == sorted(members)
    for name, ours, adjusted in zip(names, found.statistic, found.adjusted, strict=True):
        count = np.array(failed, bool)[members[name]].sum()
        if count < 3:
            assert ours == -np.inf
            continue
        assert ours == pytest.approx(statistic(count, members[name].sum(), 5, 10))
        expected = np.mean(everything >= ours - 1e-9)
        standard_error = np.sqrt(expected * (1 - expected) / found.n_draws)
        assert adjusted == pytest.approx(expected, abs=4 * standard_error + 2 / found.n_draws)


def test_where_no_permutation_comes_close_bonferroni_on_the_exact_tail_speaks():
    cases = lay_out(planted_cases(n=400, n_planted=60, planted_rate=0.95, kind="trade"), rules=RULES)
    window = night_window(cases, DAY, rules=RULES)
    found = gather(window, seed=(1, 2), rules=RULES)
    strongest = int(np.nanargmax(found.statistic))
    assert found.n_draws == RULES.max_draws
    inside = window.patterns.member[:, strongest] > 0
    failed = cases.failed[window.rows]
    assert len(window.starts) == 1  # nothing speaks for a day effect: one block
    exact = hypergeom.sf(failed[inside].sum() - 1, 400, int(failed.sum()), 60)
    assert found.adjusted[strongest] == pytest.approx(2 * found.n_searched * exact, rel=1e-6)
    assert found.adjusted[strongest] < 1 / RULES.max_draws


def test_most_nights_without_anything_need_few_draws():
    draws = []
    for seed in range(40):
        window = night_window(lay_out(planted_cases(seed, planted_rate=0.15), rules=RULES), DAY, rules=RULES)
        draws.append(gather(window, seed=(seed, 0), rules=RULES).n_draws)
    assert np.median(draws) < 100


def test_a_value_shared_by_a_day_is_not_tested_alone_but_its_pairs_are():
    cases = planted_cases(kind="trade").with_columns(market_regime=np.where(np.arange(200) < 100, "calm", "stress"))
    laid_out = lay_out(cases, rules=RULES)
    window = night_window(laid_out, DAY, rules=RULES)
    testable = {
        window.patterns.text(laid_out, number): bool(window.patterns.is_testable[number])
        for number in range(len(window.patterns.first))
    }
    assert not testable["market_regime=calm"]
    assert testable["market_regime=calm & source=ai"]


def test_exits_settled_by_the_return_are_never_tested():
    reasons = np.where(planted_cases(kind="trade")["is_failure"], "stop_loss", "time_exit")
    laid_out = lay_out(planted_cases(kind="trade").with_columns(exit_reason=reasons), rules=RULES)
    window = night_window(laid_out, DAY, rules=RULES)
    for number in range(len(window.patterns.first)):
        text = window.patterns.text(laid_out, number)
        assert window.patterns.is_testable[number] == ("stop_loss" not in text), text
