from datetime import timedelta
from fractions import Fraction

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from statsmodels.regression.linear_model import OLS

from amc_learning.contracts.declared.corrections import performance_attribution as declared
from amc_learning.contracts.declared.trades import closed_trades
from amc_learning.learning.attribution import component_parts, performance_attribution
from amc_learning_tests.learning.simulated_statistics import weekdays

COMPONENTS = ("squeeze", "technical", "catalyst")
WEIGHTS = {"squeeze": 0.5, "technical": 0.3, "catalyst": 0.2}
DAYS = weekdays(90)


def trades(*rows):
    standard = {"revision": 1, "symbol": "ABC", "status": "closed", "n_entries": 1, "n_exits": 1}
    listed = [standard | {"position_id": f"position-{at}"} | row for at, row in enumerate(rows)]
    return pl.DataFrame(listed, schema=closed_trades(COMPONENTS).schema)


def trade(day=DAYS[0], pnl=100.0, **values):
    return {
        "known_on": day,
        "realised_pnl_usd": pnl,
        "realised_return": pnl / 1000 if pnl is not None else None,
    } | values


def attributed(table, as_of=(DAYS[-1],), window_days=365):
    return performance_attribution(
        table, as_of=list(as_of), components=COMPONENTS, weights=WEIGHTS, window_days=window_days
    )


def values_of(table, dimension, column="realised_pnl_usd"):
    return dict(table.filter(dimension=dimension).select("value", column).iter_rows())


def random_trades(seed, n=400, n_days=90):
    generator = np.random.default_rng(seed)
    rows = []
    for at in range(n):
        linked = generator.random() < 0.8
        rows.append(
            trade(
                DAYS[int(generator.integers(n_days))],
                None if generator.random() < 0.05 else float(generator.normal(3, 200)),
                decision_id="d" if linked else None,
                thesis_id="t" if generator.random() < 0.5 else None,
                action_tag=str(generator.choice(["trade_ready", "watchlist"])) if linked else None,
                source=str(generator.choice(["ai", "rule_based"])),
                exit_reason=str(generator.choice(["stop_loss", "time_exit"])),
                market_regime=None if generator.random() < 0.1 else str(generator.choice(["bull", "bear"])),
                position_id=f"position-{at % (n - 40)}",
                **{name: float(generator.uniform(0, 100)) if linked else None for name in COMPONENTS},
            )
        )
    return trades(*rows).unique(["known_on", "position_id"], keep="first", maintain_order=True)


def test_the_score_splits_a_result_in_proportion_to_weight_times_score():
    # 0.5 x 60 = 30, 0.3 x 50 = 15, 0.2 x 25 = 5: shares 0.6, 0.3, 0.1.
    table = attributed(trades(trade(pnl=-200.0, decision_id="d", squeeze=60.0, technical=50.0, catalyst=25.0)))
    assert values_of(table, "component") == {"squeeze": -120.0, "technical": -60.0, "catalyst": -20.0}
    assert values_of(table, "total") == {"all": -200.0}


def test_a_missing_score_adds_nothing_and_no_score_at_all_is_unlinked():
    table = attributed(trades(trade(pnl=80.0, squeeze=40.0), trade(pnl=7.0), trade(pnl=5.0, squeeze=0.0)))
    assert values_of(table, "component") == {"squeeze": 80.0, "unlinked": 12.0}


def test_what_is_not_said_is_unknown_and_what_cannot_be_known_is_unlinked():
    table = attributed(trades(trade(pnl=1.0, thesis_id="t"), trade(pnl=2.0), trade(pnl=4.0, source="ai")))
    assert values_of(table, "source") == {"unknown": 1.0, "unlinked": 2.0, "ai": 4.0}
    assert values_of(table, "exit_reason") == {"unknown": 7.0}
    assert values_of(table, "action_tag") == {"unlinked": 7.0}


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(-1e8, 1e8) | st.none(),
            st.tuples(*[st.floats(0, 100) | st.just(-5.0) | st.none()] * 3),
            st.sampled_from(["ai", "rule_based", None]),
            st.sampled_from(["stop_loss", None]),
            st.integers(0, 30),
        ),
        max_size=25,
    )
)
def test_the_parts_of_every_dimension_sum_to_the_total_exactly(drawn):
    rows = [
        trade(DAYS[at], pnl, source=source, exit_reason=reason, **dict(zip(COMPONENTS, scores, strict=True)))
        for pnl, scores, source, reason, at in drawn
    ]
    table = attributed(trades(*rows), as_of=DAYS[::9], window_days=20)
    parts = table.group_by("known_on", "dimension").agg(pl.col("realised_pnl_micro_usd").sum())
    for day in DAYS[::9]:
        sums = parts.filter(known_on=day)
        expected = sum(
            round(pnl * 1_000_000)
            for pnl, *_, at in drawn
            if pnl is not None and day - timedelta(days=19) <= DAYS[at] <= day
        )
        assert set(sums["realised_pnl_micro_usd"].to_list()) <= {expected}
        assert table.filter(known_on=day, dimension="total").height == 1


@settings(deadline=None)
@given(
    st.lists(st.integers(-(10**15), 10**15), min_size=1, max_size=8),
    st.lists(st.floats(1e-300, 1e300) | st.sampled_from([0.0, float("nan")]), min_size=3, max_size=3),
)
def test_a_split_is_exact_and_close_to_the_exact_fractions(pnl, scores):
    micro = np.array(pnl)
    parts, shares = component_parts(micro, np.tile(scores, (len(pnl), 1)), np.array([0.5, 0.3, 0.2]))
    known = np.nan_to_num(scores)
    contributions = [Fraction(score) * Fraction(w) for score, w in zip(known, (0.5, 0.3, 0.2), strict=True)]
    total = sum(contributions)
    if total == 0:
        assert not parts.any()
    else:
        assert parts.sum(axis=1).tolist() == pnl
        exact = [[float(value * part / total) for part in contributions] for value in pnl]
        assert parts == pytest.approx(np.array(exact), rel=1e-9, abs=3)
        assert shares.sum(axis=1) == pytest.approx(1.0)


def test_equal_cents_go_to_the_first_component():
    parts, _ = component_parts(np.array([-100, 100]), np.full((2, 3), 50.0), np.ones(3))
    assert parts.tolist() == [[-34, -33, -33], [34, 33, 33]]


def test_every_window_holds_the_newest_revision_known_by_its_night():
    table = trades(
        trade(DAYS[0], 100.0, position_id="p", exit_reason="stop_loss"),
        trade(DAYS[5], -30.0, position_id="p", exit_reason="manual", revision=2),
        trade(DAYS[8], None, position_id="p", status="reopened", revision=3),
    )
    found = attributed(table, as_of=DAYS[:10])
    total = found.filter(dimension="total")["realised_pnl_usd"].to_list()
    assert total == [100.0] * 5 + [-30.0] * 3 + [0.0] * 2
    assert found.filter(known_on=DAYS[6], dimension="exit_reason")["value"].to_list() == ["manual"]
    assert found.filter(known_on=DAYS[9])["n_unpriced"].to_list() == [0]


@pytest.mark.parametrize("seed", range(3))
def test_counts_sums_and_means_equal_a_plain_recomputation(seed):
    table = random_trades(seed)
    found = attributed(table, as_of=DAYS[20::7], window_days=45)
    for day in DAYS[20::7]:
        window = table.filter(pl.col("known_on").is_between(day - timedelta(days=44), day))
        newest = window.sort("known_on").unique("position_id", keep="last")
        priced = newest.filter(pl.col("realised_pnl_usd").is_not_null())
        row = found.filter(known_on=day, dimension="total").row(0, named=True)
        assert (row["n_trades"], row["n_unpriced"]) == (priced.height, newest.height - priced.height)
        assert row["n_winners"] == (priced["realised_pnl_usd"] > 0).sum()
        assert row["realised_pnl_usd"] == pytest.approx(priced["realised_pnl_usd"].sum(), abs=1e-4)
        assert row["mean_return"] == pytest.approx(priced["realised_return"].mean(), abs=1e-6)
        gross = priced["realised_pnl_usd"].abs().sum()
        assert row["share_of_gross"] == pytest.approx(priced["realised_pnl_usd"].sum() / gross, abs=1e-6)
        for reason, rows in priced.group_by("exit_reason"):
            mine = found.filter(known_on=day, dimension="exit_reason", value=reason[0]).row(0, named=True)
            assert mine["n_trades"] == rows.height
            assert mine["realised_pnl_usd"] == pytest.approx(rows["realised_pnl_usd"].sum(), abs=1e-4)


def test_the_win_rate_interval_is_wilsons():
    found = attributed(random_trades(4)).row(0, named=True)
    expected = binomtest(found["n_winners"], found["n_trades"]).proportion_ci(method="wilson")
    assert (found["win_rate_ci_low"], found["win_rate_ci_high"]) == pytest.approx((expected.low, expected.high))


def test_the_interval_of_the_mean_is_that_of_a_regression_clustered_by_week():
    table = random_trades(5).filter(pl.col("realised_return").is_not_null())
    table = table.sort("known_on").unique("position_id", keep="last", maintain_order=True)
    row = attributed(table).filter(dimension="total").row(0, named=True)
    weeks = table["known_on"].dt.truncate("1w").rank("dense").to_numpy()
    returns = table["realised_return"].round(6).to_numpy()
    fit = OLS(returns, np.ones(len(returns))).fit(
        cov_type="cluster", cov_kwds={"groups": weeks, "use_correction": False, "df_correction": True}, use_t=True
    )
    n_weeks = len(set(weeks))
    margin = (fit.conf_int()[0][1] - fit.params[0]) * np.sqrt(n_weeks / (n_weeks - 1))
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((fit.params[0] - margin, fit.params[0] + margin), rel=1e-4)
    assert row["evidence"] == "sufficient"


def test_few_weeks_give_no_interval():
    row = attributed(trades(*(trade(day, 10.0 + at) for at, day in enumerate(DAYS[:30])))).row(0, named=True)
    assert (row["ci_low"], row["ci_high"], row["evidence"]) == (None, None, "insufficient_evidence")
    assert row["mean_return"] is not None


def test_gross_shares_are_defined_when_the_total_is_zero():
    table = attributed(trades(trade(pnl=50.0, exit_reason="a"), trade(pnl=-50.0, exit_reason="b")))
    assert values_of(table, "exit_reason", "share_of_gross") == {"a": 0.5, "b": -0.5}
    assert values_of(table, "total", "share_of_gross") == {"all": 0.0}


def test_a_night_without_trades_says_so():
    row = attributed(trades()).row(0, named=True)
    assert (row["dimension"], row["n_trades"], row["realised_pnl_usd"]) == ("total", 0, 0.0)
    assert (row["win_rate"], row["mean_return"], row["evidence"]) == (None, None, "insufficient_evidence")


@pytest.mark.parametrize("night", [DAYS[3], DAYS[60], DAYS[-1]])
def test_a_night_alone_with_only_its_window_equals_the_night_in_a_range(night):
    table = random_trades(6)
    window = table.filter(pl.col("known_on").is_between(night - timedelta(days=44), night))
    alone = attributed(window.sample(fraction=1.0, shuffle=True, seed=3), as_of=[night], window_days=45)
    whole = attributed(table, as_of=DAYS, window_days=45)
    assert whole.schema == declared().schema
    assert whole.equals(whole.sort("known_on", "dimension", "value"))
    assert alone.equals(whole.filter(known_on=night))


def test_a_component_without_weight_is_refused():
    with pytest.raises(ValueError, match="catalyst has none"):
        performance_attribution(
            trades(), as_of=DAYS[:1], components=COMPONENTS, weights={"squeeze": 0.5, "technical": 0.5}
        )
